"""The editor of a raw message: folds that come and go whole, octets that stay what they are, places, undo."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.app import App, ComposeResult

import cfmail_tui.ui
from cfmail_tui import mime
from cfmail_tui.ui.app import CfmailApp
from cfmail_tui.ui.source import SourceArea
from tests.core.nasty_mails import HEAD, NASTY
from tests.core.test_folding import BINARY, MAIL, MIXED, PICTURE, TEXT
from tests.ui.hostile import CONTROLS, acting

HEADER_LINES = 9


class SourceApp(App[None]):
    """An editor by itself."""

    CSS_PATH = Path(cfmail_tui.ui.__file__).with_name("app.tcss")

    def __init__(self) -> None:
        super().__init__()
        self.area = SourceArea(id="source")
        self.heard: list[object] = []

    def compose(self) -> ComposeResult:
        yield self.area

    def on_source_area_refused(self, message: SourceArea.Refused) -> None:
        self.heard.append(message.words)

    def on_source_area_replace_requested(self, message: SourceArea.ReplaceRequested) -> None:
        self.heard.append(message)

    def on_source_area_save_requested(self, message: SourceArea.SaveRequested) -> None:
        self.heard.append(message)
