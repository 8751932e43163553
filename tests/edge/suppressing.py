"""Addresses put onto a sandbox's suppression list, as its owner would."""

import json
from urllib.request import Request, urlopen

from cfmail_tui.sandbox import Sandbox


def suppress(sandbox: Sandbox, address: str, **more: object) -> None:
    """Put an address on the list."""
    url = f"{sandbox.base_url}/accounts/{sandbox.account_id}/email/sending/suppressions"
    header = {"Authorization": f"Bearer {sandbox.token}", "Content-Type": "application/json"}
    with urlopen(Request(url, json.dumps({"email": address, **more}).encode(), header)):
        pass
