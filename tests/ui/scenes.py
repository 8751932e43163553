"""Pictures of the running program: `python -m tests.ui.scenes` writes those that the project keeps to screenshots/.
The others are made when asked for: `python -m tests.ui.scenes 'account*' --to /tmp/pictures`.
Each scene drives the real app on the embedded sandbox with keys, as a user would, and is drawn by Textual itself, at
the time that `pictures` fixes.
"""

import argparse
import asyncio
import os
import random
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Final, Literal

from cfmail_tui.credentials import Keyring, Vault
from cfmail_tui.message import Draft, RawDraft
from cfmail_tui.outbox import Accounts, Outbox
from cfmail_tui.prefill import raw_draft
from cfmail_tui.profile import Identity, Profile
from cfmail_tui.sandbox import Choices, Sandbox
from cfmail_tui.settings import Settings
from cfmail_tui.store import Store
from cfmail_tui.submission import Account, ApiToken, Secret
from cfmail_tui.ui import departures
from tests.ui import archive, form_scenes, outcome_scenes
from tests.ui.accounts import Memory
from tests.ui.papers import documents
from tests.ui.pictures import at_the_fixed_time, steady
from tests.ui.stage import Stage, on_stage

SCREENSHOTS = Path(__file__).parents[2] / "screenshots"
PASSPHRASE: Final = "correct horse battery"

REPORT = Draft(
    sender="Alice Example <alice@acme.example>",
    to='bob@example.com, "Fields, Carol" <queue@example.org>',
    cc="bounce@example.net",
    subject="Monthly report",
    text="Hi Bob,\n\nthe report is attached. Revenue is up, and so are the open questions:\n\n"
    "  1. do we renew the lease in March?\n  2. who takes over the newsletter?\n\nBest,\nAlice\n",
)

RAW = b"""From: Alice Example <alice@acme.example>\r
To: bob@example.com\r
Cc: carol@example.org\r
Subject: =?utf-8?B?R3LDvMOfZQ==?=\r
MIME-Version: 1.0\r
Content-Type: multipart/alternative; boundary="b1"\r
\r
--b1\r
Content-Type: text/plain; charset=utf-8\r
\r
Hello from raw MIME.\r
--b1\r
Content-Type: text/html; charset=utf-8\r
\r
<p>Hello from <b>raw MIME</b>.</p>\r
--b1--\r
"""

FAULTY_RAW = b"""From: Alice Example <alice@acme.example>\r
To: bob@example.com, Carol <carol@example.org>\r
Bcc: boss@acme.example\r
Subject: =?utf-8?B?R3LDvMOfZQ==?=\r
X-Mailer: [@click=app.quit]test[/]\r
Date: Mon, 23 Nov 2026 07:00:00 +0000\r
MIME-Version: 1.0\r
Content-Type: multipart/mixed; boundary="b1"\r
\r
--b1\r
Content-Type: multipart/alternative; boundary="b2"\r
\r
--b2\r
Content-Type: text/plain; charset=utf-8\r
Content-Transfer-Encoding: quoted-printable\r
\r
Gr=C3=BC=C3=9Fe aus Z=C3=BCrich\r
--b2\r
Content-Type: text/html; charset=utf-8\r
\r
<p>A dot: <img src="cid:dot@acme.example"></p>\r
--b2--\r
--b1\r
Content-Type: application/pdf\r
Content-Transfer-Encoding: base64\r
Content-Disposition: attachment; filename="Monthly report.pdf"\r
\r
JVBERi0xLjcKJeLjz9MK\r
--b1--\r
"""
LATIN = (
    "From: Alice Example <alice@acme.example>\nTo: bob@example.com\nSubject: Grüße aus Zürich\n"
    "Date: Mon, 23 Nov 2026 07:00:00 +0000\nMessage-ID: <1@acme.example>\nMIME-Version: 1.0\n"
    "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\n"
    "Schöne Grüße aus Zürich,\nAlice\n"
).encode("latin-1")
HOSTILE_RAW = (
    "From: [@click=app.quit]me[/] <me@acme.example>\r\nTo: bob@example.com\r\n"
    "Subject: \x1b]52;c;ZXZpbA==\x07 \u202etxt.exe [bold]b[/bold]\r\nX-\x9b31m: x\r\nMIME-Version: 1.0\r\n"
    'Content-Type: multipart/mixed; boundary="b\u202e1"\r\n\r\n--b\u202e1\r\n'
    'Content-Type: text/plain; charset="[red]u\x1b[31m"\r\nContent-Transfer-Encoding: [@click=app.quit]x\r\n\r\nx\r\n'
    "--b\u202e1\r\nContent-Type: application/pdf\r\n"
    'Content-Disposition: attachment; filename="[@click=app.quit]\u202egpj.exe\x1b[2J"\r\n\r\nx\r\n--b\u202e1--\r\n'
).encode()

Opened = Callable[[Path], AbstractContextManager[tuple[Outbox, Settings]]]
"""An outbox on an embedded sandbox, both in this folder."""


@contextmanager
def as_sandbox(home: Path) -> Iterator[tuple[Outbox, Settings]]:
    """As `cfmail --sandbox` opens it."""
    with Sandbox(home / "sandbox") as box, closing(Store(home)) as store:
        (home / "aliases").touch()
        me = Account("sandbox", box.account_id, ApiToken(box.token), "embedded sandbox")
        outbox = Outbox(store, Accounts({}, Keyring(), only=me), box.base_url, {}, address_files=[f"{home}/aliases"])
        yield outbox, Settings(home, box.base_url)


def as_user(*profiles: Profile, ring: bool = True, choices: Choices | None = None, lost: str = "") -> Opened:
    """With these accounts and their secrets, all but that of `lost`; `ring`: on a machine with a keyring."""

    @contextmanager
    def opened(home: Path) -> Iterator[tuple[Outbox, Settings]]:
        backend = Memory() if ring else None
        if backend:
            backend.name = "Secret Service"
        with Sandbox(home / "sandbox", choices=choices) as box, closing(Store(home)) as store:
            for kept in (True, False):
                accounts = Accounts(
                    {}, Keyring(backend=backend), profiles=store.profiles, vault=Vault(home / "accounts.vault")
                )
                for profile in profiles if kept else ():
                    accounts.unlock(Secret(PASSPHRASE))
                    kept_in: Literal["file", "keyring"] = "file" if profile.kept_in == "file" else "keyring"
                    accounts.add(profile, box.account_id, Secret(box.token), keep=kept_in)
            if backend and lost:
                del backend.kept[lost]
            (home / "token").write_text(box.token)
            (home / "blind").write_text(box.add_token("no_read"))
            yield Outbox(store, accounts, box.base_url, {}), Settings(home, box.base_url)

    return opened


Act = Callable[[Stage, Path], Coroutine[None, None, None]]


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture: what is on the screen when it is taken."""

    name: str
    size: tuple[int, int]
    first: Draft | RawDraft
    act: Act
    theme: str = "textual-dark"
    opened: Opened = as_sandbox
    is_kept: bool = True
    """Whether the picture is part of the project; the others are made when asked for."""


async def _nothing(stage: Stage, _home: Path) -> None:
    pass


async def _attach(stage: Stage, home: Path) -> None:
    report = home / "report.pdf"
    report.write_bytes(b"%PDF-1.7\n" + bytes(1_250_000))
    await stage.press("f3")
    await stage.until(lambda: not stage.is_at_mail())
    await stage.type(f"{report}\n")
    await stage.pilot.pause(0.3)


async def _pick(stage: Stage, home: Path) -> None:
    """Two files are attached, one of them is found again by a filter."""
    os.environ["HOME"] = str(home)
    documents(home)
    await stage.press("f3")
    await stage.settled()
    await stage.type("~/Documents/\n")
    await stage.until("report.pdf")
    for name in ("report.pdf", "logo.png"):
        await stage.type(name)
        await stage.settled()
        await stage.press("enter")
        await stage.settled()
    await stage.type("log")
    await stage.settled()


async def _pick_in_folder(stage: Stage, home: Path) -> None:
    await _pick(stage, home)
    await stage.press("backspace", "backspace", "backspace")
    await stage.settled()
    await stage.press(*["down"] * 5)
    await stage.settled()
    await stage.pilot.pause(0.3)


async def _pick_and_preview(stage: Stage, home: Path) -> None:
    await _pick_in_folder(stage, home)
    await stage.press("f5")
    await stage.settled()
    await stage.pilot.pause(0.3)


async def _places(stage: Stage, home: Path) -> None:
    await _pick(stage, home)
    await stage.press("f7")
    await stage.until(f"{home}/")


async def _manage(stage: Stage, home: Path) -> None:
    await _pick_in_folder(stage, home)
    await stage.press("tab", "tab", "down", "i")
    await stage.settled()


async def _describe(stage: Stage, home: Path) -> None:
    await _manage(stage, home)
    await stage.press("e")
    await stage.until("Media type")


async def _attached(stage: Stage, home: Path) -> None:
    await _attach(stage, home)
    await stage.press("escape")
    await stage.until(stage.is_at_mail)
    await stage.until("saved ")


async def _review(stage: Stage, home: Path) -> None:
    await _attached(stage, home)
    await stage.press("f9")
    await stage.until(lambda: not stage.is_at_mail())


async def _send(stage: Stage, home: Path) -> None:
    await _review(stage, home)
    await stage.press("y", "f9")
    await stage.until(lambda: "Accepted" in str(stage.mail.results.border_title))


async def _leaving(stage: Stage, home: Path) -> None:
    """One mail waits to be tried again, the next is about to leave."""
    form = stage.mail
    form.fill(replace(REPORT, to="throttle@example.com", cc="", subject="Newsletter, part 2"))
    await stage.press("f9")
    await stage.until(lambda: not stage.is_at_mail())
    await stage.press("y", "f9")
    await stage.until(lambda: bool(stage.app.sending.departures.at(departures.Stage.WAITING)))
    await stage.press("ctrl+n")
    await stage.until(lambda: not stage.mail.is_busy)
    form.fill(REPORT)
    await _review(stage, home)
    await stage.press("y")
    await stage.until(lambda: stage.mail.is_busy and stage.is_at_mail())
    await stage.pilot.pause(0.3)


async def _waiting(stage: Stage, home: Path) -> None:
    await _leaving(stage, home)
    await stage.press("u")
    await stage.until(lambda: not stage.mail.is_busy)
    await stage.press("ctrl+n")
    await stage.until(lambda: not stage.mail.content().subject)  # type: ignore[union-attr]
    await stage.press("f7")
    await stage.until(lambda: not stage.is_at_mail())
    await stage.pilot.pause(0.3)


async def _quit(stage: Stage, home: Path) -> None:
    await _leaving(stage, home)
    await stage.press("ctrl+q")
    await stage.until(lambda: not stage.is_at_mail())
    await stage.pilot.pause(0.3)


async def _history(stage: Stage, home: Path) -> None:
    await _send(stage, home)
    await stage.press("f8")
    await stage.until(lambda: not stage.is_at_mail())
    await stage.pilot.pause(0.3)


async def _problems(stage: Stage, _home: Path) -> None:
    await stage.press("f9")
    await stage.pilot.pause(0.5)


async def _help(stage: Stage, _home: Path) -> None:
    await stage.press("f1")
    await stage.until(lambda: not stage.is_at_mail())


WRONG = Draft(
    sender="alice@acme.example",
    to="bob@example, carol example.org",
    reply_to="nobody",
    subject="Too quick",
    headers="X-No colon",
)


async def _accounts(stage: Stage, _home: Path) -> None:
    await stage.click(stage.mail.title_bar.words[:8])
    await stage.until("Accounts")
    await stage.settled()


async def _checked(stage: Stage, home: Path) -> None:
    await _accounts(stage, home)
    await stage.press("c")
    await stage.until("Token  ")


async def _records(stage: Stage, home: Path) -> None:
    await _checked(stage, home)
    await stage.press("r")
    await stage.until("DNS records")


async def _identity(stage: Stage, home: Path) -> None:
    await _accounts(stage, home)
    await stage.press("e")
    await stage.until("Signature")


async def _removed(stage: Stage, home: Path) -> None:
    await _accounts(stage, home)
    await stage.press("down", "d")
    await stage.until("Forget")


async def _no_account(stage: Stage, _home: Path) -> None:
    await stage.press("f9")
    await stage.until("API token")
    await stage.settled()


async def _wrong_token(stage: Stage, home: Path) -> None:
    await _no_account(stage, home)
    await stage.type("x" * 40 + "\n\n")
    await stage.until("does not know")
    await stage.settled()


async def _which(stage: Stage, home: Path) -> None:
    await _no_account(stage, home)
    await stage.type((home / "blind").read_text() + "\n\n")
    await stage.until("Account ID")
    await stage.settled()


async def _keep(stage: Stage, home: Path) -> None:
    await _no_account(stage, home)
    await stage.type((home / "token").read_text() + "\n\n")
    await stage.until("Keep it in")
    await stage.settled()


async def _new_passphrase(stage: Stage, home: Path) -> None:
    await _keep(stage, home)
    await stage.click("encrypted file")
    await stage.settled()
    await stage.click("Use it")
    await stage.until("Choose a passphrase")


async def _account_reviewed(stage: Stage, _home: Path) -> None:
    await stage.review()


ALICE = Identity("Alice Example <alice@acme.example>", "", "Alice Example\nAcme, Inc.")
WORK = Profile("work", "keyring", (ALICE,))
HOME = Profile("home", "keyring", (Identity("al@globex.example", "alice@example.net"),))
SHARED = Profile("newsletter, shared", "file", (Identity("Acme News <news@news.acme.example>"),))
SEVERAL = as_user(WORK, HOME, SHARED, lost="home")
FAULTY = as_user(
    WORK,
    choices=Choices(
        dns_faults=(
            ("acme.example", "dkim.missing"),
            ("acme.example", "mx.missing"),
            ("acme.example", "spf.missing"),
            ("news.acme.example", "dmarc.missing"),
        )
    ),
)

ACCOUNT_SCENES = {
    "account-token": (as_user(), _no_account),
    "account-wrong": (as_user(), _wrong_token),
    "account-which": (as_user(), _which),
    "account-keep": (as_user(), _keep),
    "account-no-keyring": (as_user(ring=False), _keep),
    "passphrase-new": (as_user(ring=False), _new_passphrase),
    "passphrase": (as_user(SHARED, ring=False), _nothing),
    "accounts": (SEVERAL, _accounts),
    "accounts-remove": (SEVERAL, _removed),
    "identity": (SEVERAL, _identity),
    "check-good": (SEVERAL, _checked),
    "check-bad": (FAULTY, _checked),
    "records": (FAULTY, _records),
    "account-mail": (SEVERAL, _nothing),
    "account-review": (SEVERAL, _account_reviewed),
}


def _account_scenes() -> Iterator[Scene]:
    for name, (opened, act) in ACCOUNT_SCENES.items():
        first = Draft() if name in {"passphrase", "account-mail"} else REPORT
        yield Scene(name, (120, 36), first, act, opened=opened, is_kept=False)
        yield Scene(f"{name}-80x24", (80, 24), first, act, opened=opened, is_kept=name == "check-bad")


async def _begin_raw(stage: Stage, _home: Path) -> None:
    await stage.press("ctrl+t")
    await stage.until("MIME-Version")
    await _looked(stage, _home)


async def _looked(stage: Stage, _home: Path) -> None:
    await stage.until(lambda: stage.raw.is_looked_through)


async def _mended(stage: Stage, home: Path) -> None:
    await _looked(stage, home)
    await stage.press("f6")
    await stage.until("Ctrl+Z")
    await _looked(stage, home)


async def _pick_message(stage: Stage, home: Path) -> None:
    (home / "mails" / "Maildir").mkdir(parents=True)
    (home / "mails" / "message.eml").write_bytes(FAULTY_RAW)
    await stage.press("f3")
    await stage.until("Open a message")
    await stage.type(f"{home}/mails\n")
    await stage.until("message.eml")
    await stage.press("down", "down")
    await stage.settled()


async def _mbox(stage: Stage, home: Path) -> None:
    box = home / "inbox.mbox"
    box.write_bytes((b"From me@example.com Mon Nov 23 07:00:00 2026\n" + FAULTY_RAW + b"\n") * 40)
    await stage.press("f3")
    await stage.until("Open a message")
    await stage.type(f"{box}\n")
    await stage.until("40 messages")


async def _templates(stage: Stage, _home: Path) -> None:
    await stage.press("ctrl+l")
    await stage.until("an example to begin with")


async def _losses(stage: Stage, home: Path) -> None:
    await _looked(stage, home)
    await stage.press("ctrl+t")
    await stage.until("Open it in the form")


async def _as_mime(stage: Stage, _home: Path) -> None:
    await stage.press("ctrl+t")
    await stage.until("goes back to the form")
    await _looked(stage, _home)


RAW_SCENES: dict[str, tuple[Draft | RawDraft, Act]] = {
    "raw-faulty": (replace(raw_draft(FAULTY_RAW), recipients="bob@example.com, dave@example.net"), _looked),
    "raw-latin": (raw_draft(LATIN), _looked),
    "raw-latin-fixed": (raw_draft(LATIN), _mended),
    "raw-new": (Draft(), _begin_raw),
    "raw-open": (raw_draft(RAW), _pick_message),
    "raw-mbox": (raw_draft(RAW), _mbox),
    "raw-templates": (REPORT, _templates),
    "raw-losses": (replace(raw_draft(FAULTY_RAW), recipients="dave@example.net"), _losses),
    "raw-of-a-form": (REPORT, _as_mime),
    "raw-hostile": (raw_draft(HOSTILE_RAW), _looked),
}


def _raw_scenes() -> Iterator[Scene]:
    for name, (first, act) in RAW_SCENES.items():
        for size in ((120, 36), (80, 24), (200, 60)):
            yield Scene(f"{name}-{size[0]}x{size[1]}", size, first, act, is_kept=False)


SCENES = (
    Scene("compose", (120, 36), REPORT, _attached),
    Scene("compose-80x24", (80, 24), REPORT, _attached),
    Scene("compose-light", (120, 36), REPORT, _attached, "textual-light"),
    Scene("attach", (120, 36), REPORT, _pick_in_folder),
    Scene("attach-80x24", (80, 24), REPORT, _pick_in_folder, is_kept=False),
    Scene("attach-plain", (120, 36), REPORT, _pick_and_preview, is_kept=False),
    Scene("attach-filter-80x24", (80, 24), REPORT, _pick, is_kept=False),
    Scene("attach-preview-80x24", (80, 24), REPORT, _pick_and_preview, is_kept=False),
    Scene("attach-places-80x24", (80, 24), REPORT, _places, is_kept=False),
    Scene("attached-80x24", (80, 24), REPORT, _manage),
    Scene("attachment-80x24", (80, 24), REPORT, _describe, is_kept=False),
    Scene("problems-80x24", (80, 24), WRONG, _problems, is_kept=False),
    Scene("review", (120, 36), REPORT, _review),
    Scene("review-80x24", (80, 24), REPORT, _review, is_kept=False),
    Scene("results", (120, 36), REPORT, _send),
    Scene("results-80x24", (80, 24), REPORT, _send, is_kept=False),
    Scene("leaving", (120, 36), REPORT, _leaving, is_kept=False),
    Scene("leaving-80x24", (80, 24), REPORT, _leaving),
    Scene("drafts-80x24", (80, 24), REPORT, _waiting, is_kept=False),
    Scene("quit-80x24", (80, 24), REPORT, _quit),
    Scene("history", (120, 36), REPORT, _history, is_kept=False),
    Scene("history-80x24", (80, 24), REPORT, _history),
    Scene("raw", (120, 36), raw_draft(RAW), _looked),
    Scene("raw-80x24", (80, 24), raw_draft(RAW), _looked),
    *_raw_scenes(),
    Scene("help-80x24", (80, 24), REPORT, _help, is_kept=False),
    *(Scene(name, size, REPORT, act, theme, archive.opened, kept) for name, size, act, theme, kept in archive.PICTURES),
    *(
        Scene(f"{name}{end}", size, *scene, is_kept=f"{name}{end}" in form_scenes.KEPT)
        for name, scene in (form_scenes.SCENES | outcome_scenes.SCENES).items()
        for end, size in {"": (120, 36), "-80x24": (80, 24)}.items()
    ),
    *_account_scenes(),
)


async def draw(scene: Scene) -> str:
    """The scene as SVG, the same each time where the time is the fixed one."""
    random.seed(0)  # the jitter of a next try can be seen
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        # A short and stable path, since paths and ports can be seen.
        home = Path(folder)
        async with on_stage(scene.first, scene.size, opened=lambda: scene.opened(home)) as stage:
            stage.app.theme = scene.theme
            await scene.act(stage, home)
            await stage.pilot.pause(0.1)
            return steady(stage.app.export_screenshot(title="cfmail"))


def main() -> None:
    """Write the pictures that are asked for by name or pattern; all that are kept, if none is."""
    parser = argparse.ArgumentParser(prog="python -m tests.ui.scenes", description=main.__doc__)
    parser.add_argument("names", nargs="*", help=", ".join(scene.name for scene in SCENES))
    parser.add_argument("--theme", help="another theme for all of them, as textual-light")
    parser.add_argument("--to", type=Path, default=SCREENSHOTS, help="the folder for them")
    asked = parser.parse_args()
    at_the_fixed_time("tests.ui.scenes")
    asked.to.mkdir(parents=True, exist_ok=True)
    os.environ["TEXTUAL_ANIMATIONS"] = "none"
    for scene in SCENES:
        if any(fnmatch(scene.name, name) for name in asked.names) or (scene.is_kept and not asked.names):
            drawn = asyncio.run(draw(replace(scene, theme=asked.theme or scene.theme)))
            (asked.to / f"{scene.name}.svg").write_text(drawn)


if __name__ == "__main__":
    main()
