"""What is done on the pictures of what is found in a mail that is written, and of its preview."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from cfmail_tui.message import Draft, Place
from tests.ui.outcome_scenes import Act
from tests.ui.stage import LETTER, Stage

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


PEOPLE: Final = """alias berg Carol Berg <carol.berg@accounting.example.org>
alias bergers Ann <ann@example.net>, Bob <bob@example.net>, Carol Berg <carol.berg@accounting.example.org>
alias bernd "Bernd, [bold]Bau[/] & Söhne" <bernd@a-company-with-a-very-long-name.of-many-parts.example.com>
alias beyer 王小明 <beyer@example.cn>
"""


async def completed(stage: Stage, home: Path) -> None:
    (home / "aliases").write_text(PEOPLE)
    await stage.send()
    await stage.press("f9")
    await stage.until("Ctrl+O")
    await stage.press("ctrl+n")
    await stage.settled()
    stage.form.field(Place.FROM).text = "me@acme.example"
    stage.form.focus_place(Place.TO)
    await stage.type("dave@example.org, be")
    await stage.until("Esc closes")
    await stage.press("down", "down")
    await stage.until("saved ")


async def reviewed(stage: Stage, _home: Path) -> None:
    await stage.review()


WRITTEN: Final = replace(
    MISTAKEN,
    to="bob@example.com",
    cc="",
    bcc="",
    text="",
    html="",
    markdown="# October\n\nHello Bob,\n\n*all* figures of the **quarter** are in "
    "[the report](http://acme.example/report):\n\n"
    "| region | revenue |\n|---|--:|\n| north | 12 |\n| south | 7 |\n\n1. do we renew the lease?\n"
    "2. who takes over the newsletter?\n",
)
HTML_TOO: Final = replace(WRITTEN, html="<p>Hello</p>", text="Hello", markdown="")


async def in_markdown(stage: Stage, _home: Path) -> None:
    await stage.until("F12")
    await stage.press("f12")


async def markdown_previewed(stage: Stage, _home: Path) -> None:
    await stage.press("f5")
    await stage.until("Preview")


async def markdown_asked(stage: Stage, _home: Path) -> None:
    await stage.click("Markdown")
    await stage.until("has one already")


BOUNCED: Final = replace(LETTER, to='"Bea Bounce" <bounce@example.net>, Berta <bob@example.com>')

SCENES: Final[dict[str, tuple[Draft, Act]]] = {
    "completion": (BOUNCED, completed),
    "markdown": (WRITTEN, in_markdown),
    "markdown-preview": (WRITTEN, markdown_previewed),
    "markdown-asked": (HTML_TOO, markdown_asked),
    "findings": (MISTAKEN, found),
    "findings-list": (MISTAKEN, listed),
    "findings-fixed": (MISTAKEN, fixed),
    "findings-review": (MISTAKEN, reviewed),
    "preview": (MISTAKEN, previewed),
    "preview-message": (MISTAKEN, previewed_message),
}

KEPT: Final = frozenset({"rescue-80x24", "findings-list-80x24", "completion-80x24"})
"""Those of these and of the outcome's that the project keeps."""
