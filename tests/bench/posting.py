"""A Textual screen that sends a file as one would at first, in its event loop.

python -m tests.bench.posting FILE URL
"""

import base64
import sys
from pathlib import Path
from typing import ClassVar

import httpx
from textual.binding import BindingType
from textual.widgets import Input

from tests.bench.bare import Bare


class Posting(Bare):
    BINDINGS: ClassVar[list[BindingType]] = [("f9", "post", "send")]

    def __init__(self, file: Path, url: str) -> None:
        super().__init__()
        self._file = file
        self._url = url

    async def action_post(self) -> None:
        content = base64.b64encode(self._file.read_bytes()).decode()
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            answer = await client.post(self._url, json={"text": "Hi", "attachments": [{"content": content}]})
        answer.raise_for_status()
        self.query_one(Input).value = "ACCEPTED"


if __name__ == "__main__":
    Posting(Path(sys.argv[1]), sys.argv[2]).run()
