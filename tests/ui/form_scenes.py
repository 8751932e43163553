"""What is done on the pictures of what is found in a mail that is written, and of its preview."""

from pathlib import Path
from typing import Final

from cfmail_tui.message import Draft
from tests.ui.outcome_scenes import Act
from tests.ui.stage import Stage

MISTAKEN: Final = Draft(
    sender="Alice Example <alice@acme.example>",
    to="bob@gmial.com, Carol <carol@example.org>, carol@example.org",
    cc="dave@example.com",
    bcc="dave@example.com",
    subject="Report for October",
    text="Hello {{first_name}},\n\nthe report for October is attached. All the figures of the quarter are in it,\n"
    "and a summary of what they mean.\n\nAlice\n",
    html='<p>Hello {{first_name}},</p>\n<p>the <a href="http://acme.example/report">report</a> is attached.</p>\n',
)


async def found(stage: Stage, _home: Path) -> None:
    await stage.until("findings · F12")


async def listed(stage: Stage, home: Path) -> None:
    await found(stage, home)
    await stage.press("f12")


async def fixed(stage: Stage, home: Path) -> None:
    await listed(stage, home)
    await stage.press("f")
    await stage.settled()


async def previewed(stage: Stage, home: Path) -> None:
    await found(stage, home)
    await stage.press("f5")
    await stage.until("Preview")


async def previewed_message(stage: Stage, home: Path) -> None:
    await previewed(stage, home)
    await stage.press("f5", "f5")


async def reviewed(stage: Stage, _home: Path) -> None:
    await stage.review()


SCENES: Final[dict[str, tuple[Draft, Act]]] = {
    "findings": (MISTAKEN, found),
    "findings-list": (MISTAKEN, listed),
    "findings-fixed": (MISTAKEN, fixed),
    "findings-review": (MISTAKEN, reviewed),
    "preview": (MISTAKEN, previewed),
    "preview-message": (MISTAKEN, previewed_message),
}
