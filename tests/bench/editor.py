"""The editor of raw messages by itself: `python -m tests.bench.editor FILE [unfold|end]`.

With `unfold` the first body is laid out, with `end` it ends, without a terminal, once it has drawn.
"""

import sys
from pathlib import Path, PurePath

from textual.app import App, ComposeResult

import cfmail_tui.ui
from cfmail_tui import mime
from cfmail_tui.ui.source import SourceArea

LOOKS: list[str | PurePath] = [Path(cfmail_tui.ui.__file__).with_name(f"{name}.tcss") for name in ("form", "screens")]


class Editor(App[None]):
    CSS_PATH = LOOKS

    def compose(self) -> ComposeResult:
        yield SourceArea(id="source")

    def on_mount(self) -> None:
        source = Path(sys.argv[1]).read_bytes()
        area = self.query_one(SourceArea)
        area.take(source, mime.structure(source))
        if "unfold" in sys.argv:
            area.unfold(next(line for line in area.document.lines if area.is_fold(line)))
        area.focus()
        if "end" in sys.argv:
            self.call_after_refresh(self.exit)


if __name__ == "__main__":
    Editor().run(headless="end" in sys.argv)
