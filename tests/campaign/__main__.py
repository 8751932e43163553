"""`python -m tests.campaign --kills 1000 --seed 7`: a campaign by hand; exit code 1 if a promise was broken."""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.campaign.campaign import campaign

parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
parser.add_argument("--kills", type=int, default=300)
parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
arguments = parser.parse_args()
with tempfile.TemporaryDirectory() as folder:
    tally = campaign(arguments.kills, arguments.seed, Path(folder))
broken = (f"{name}: {', '.join(found)}" for name, found in tally.broken.items())
sys.stdout.write("\n".join([f"seed {arguments.seed}: {tally}", *broken, ""]))
sys.exit(bool(tally.broken))
