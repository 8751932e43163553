"""Many mails, each with `kill -9` between the key that sends and the outcome, and what became of every one of them."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from statistics import mean
from typing import Final, get_args

from tests.campaign.far_end import CountingFarEnd
from tests.campaign.kills import Home
from tests.campaign.mails import Mail, Road, draw
from tests.campaign.verdict import Tally, judged
from tests.fork_server import ForkServer

WORKERS: Final = 2
KILLS_PER_HOME: Final = 25
ROADS: Final[tuple[Road, ...]] = get_args(Road)


def campaign(kills: int, seed: int, folder: Path) -> Tally:
    """The mails are the same for the same seed; when each is hit also depends on the machine."""
    with ForkServer() as server:
        with CountingFarEnd() as far_end, ThreadPoolExecutor(WORKERS) as pool:

            def home(name: str) -> Home:
                return Home(folder / name, server, far_end.base_url)

            # Measured by all workers at once, as that is how busy the machine will be.
            measured = [*pool.map(lambda worker: spans(home(f"measure-{worker}")), range(WORKERS))]
            typical = {road: mean(span[road] for span in measured) for road in ROADS}

            def attacked(first: int) -> Home:
                one = home(f"home-{first}")
                for mail in draw(Random(f"{seed} {first}"), f"mail-{first}", min(KILLS_PER_HOME, kills - first)):
                    one.attack(mail, typical[mail.road])
                return one

            homes = [*pool.map(attacked, range(0, kills, KILLS_PER_HOME))]
        return judged(homes, Counter(far_end.subjects))


def spans(home: Home) -> dict[Road, float]:
    """Seconds that a small mail takes by each road, when it is answered at once and nobody is killed."""
    return {road: home.span(Mail(road, road, False, 0.0, "answered", 0.0, 0.0)) for road in ROADS}
