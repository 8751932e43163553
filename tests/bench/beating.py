"""A heart in a program's event loop: while it does not beat, the screen is frozen.

    python -m tests.bench.beating FILE MODULE ARGUMENT...

runs a module that is a Textual program, and keeps the longest pause in FILE, which a `Heart` reads.
"""

import asyncio
import mmap
import runpy
import sys
import time
from pathlib import Path
from typing import Final

from textual.app import App

BEAT: Final = 0.005
"""Seconds from a beat to the next where nothing keeps it up."""


class Heart:
    """The longest pause between two beats, in a file that the program and who watches it have in common."""

    def __init__(self, file: Path) -> None:
        with file.open("r+b") as shared:
            self._longest = memoryview(mmap.mmap(shared.fileno(), 8)).cast("d")

    @classmethod
    def new(cls, file: Path) -> "Heart":
        file.write_bytes(bytes(8))
        return cls(file)

    @property
    def longest(self) -> float:
        """Milliseconds, since `forget`."""
        return self._longest[0]

    def forget(self) -> None:
        self._longest[0] = 0.0

    async def beat(self) -> None:
        """Beat for ever."""
        last = time.perf_counter()
        while True:
            await asyncio.sleep(BEAT)
            now = time.perf_counter()
            self._longest[0] = max(self._longest[0], (now - last) * 1e3)
            last = now


def main() -> None:
    _, file, module, *arguments = sys.argv
    heart = Heart(Path(file))
    kept = []

    async def on_ready(_app: App[object]) -> None:
        kept.append(asyncio.create_task(heart.beat()))

    App.on_ready = on_ready  # type: ignore[attr-defined]
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
