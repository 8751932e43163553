"""Every raw message of the corpora on the screen: it is opened, its parts are shown, and it stays what it was."""

from functools import partial

import pytest

from cfmail_tui import mime
from cfmail_tui.message import RawDraft
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.ui.structure import StructurePane
from tests.core.nasty_mails import NASTY, python_mails
from tests.ui.stage import Stage, on_stage


def is_shown(stage: Stage, source: bytes) -> bool:
    return stage.raw.is_looked_through and stage.raw.content().source == source


@pytest.mark.slow
async def test_every_mail_opens(connected: Sandbox) -> None:
    """Each follows another: what would be sent is what was opened, and the tree is that of its parts."""
    async with on_stage(RawDraft(source=b"To: bob@example.net\r\n\r\n")) as stage:
        for source in (NASTY | python_mails()).values():
            stage.app.drafting.change(RawDraft(source=source))
            await stage.until(partial(is_shown, stage, source))
            parts = tuple(mime.structure(source).walk())
            title = str(stage.raw.query_one(StructurePane).border_title)
            assert title == (f"{len(parts) - 1:,} parts" if len(parts) > 2 else "1 part")
            assert stage.raw.query_one(StructurePane).current in parts
