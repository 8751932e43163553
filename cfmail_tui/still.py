"""The composer's first frame, painted before anything else is loaded, and the keys that are pressed on it.

Loading the screens takes as long as many a program's whole start. Meanwhile the form is on the terminal as it will be,
and does nothing; `ui.terminal` takes the terminal over from here.

Invariants:
- there is a still only where the arguments lead to the composer for certain and its terminal is one that shows it;
- the form looks as the screen will, but for what is not yet known: the account, and the number of recipients; its
  colours are those of the last time (`look`);
- the terminal is taken once, and given back once by whoever has it then: the still, the app or the guardian;
- no key is lost: those from before the still are in `typed`, the others wait in the system;
- Ctrl+C is a signal as long as this lasts; other keys that are signals elsewhere are keys, as they are in the form.

Standard library only, and of that only what is loaded within a millisecond or two: no dataclasses, no typing, no re.
"""

import os
import signal
import sys
import termios
from collections.abc import Mapping, Sequence
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cfmail_tui.look import Colours, Look

SMALLEST = (60, 10)
"""Columns and rows that the form needs to look as it is drawn here."""

_FIELDS = ("sender", "to", "cc", "bcc", "subject")
_LABELS = {"sender": "From", "to": "To", "cc": "Cc", "bcc": "Bcc", "subject": "Subject"}
_FLAGS = {"--from": "sender", "--to": "to", "--cc": "cc", "--bcc": "bcc", "--subject": "subject", "--account": ""}
_REPEATABLE = ("to", "cc", "bcc")

_KEY_BAR = (
    ("F1", "Help"),
    ("F2", "Commands"),
    ("F3", "Attach"),
    ("F5", "Preview"),
    ("F6", "Fields"),
    ("F7", "Drafts"),
    ("F8", "History"),
    ("F9", "Send"),
)

_LABEL_AT, _VALUE_AT = 2, 13
"""Columns, the first of which is 1."""

Form = Mapping[str, str]
"""What stands in the form, by the names that a draft has for its fields."""


def form_of(arguments: Sequence[str]) -> tuple[Form, str, bool] | None:
    """What the form will show, the name of the account, and whether it is the sandbox's.

    None unless these arguments lead to the form for certain.
    """
    if [*arguments] == ["demo"]:
        from cfmail_tui.example import EXAMPLE

        return EXAMPLE, "", True
    form: dict[str, str] = {}
    given = iter(arguments)
    account: str | None = None
    sandbox = False
    for argument in given:
        flag, equals, value = argument.partition("=")
        if argument == "--sandbox":
            sandbox = True
            continue
        if flag not in _FLAGS or value == "--":
            return None  # of the second some versions of argparse make nothing, others what it says
        if not equals and ((value := next(given, "-")).startswith("-")):
            return None
        field = _FLAGS[flag]
        if not field:
            account = value
        elif field in _REPEATABLE and form.get(field):
            form[field] = ", ".join(filter(None, [form[field], value]))
        else:
            form[field] = value
    return None if sandbox and account is not None else (form, account or "", sandbox)


class Still:
    """The terminal with the form on it, until the app takes it over or it is given back.

    As a context manager it is given back at the end, if it was not taken over.
    """

    def __init__(self, form: Form, environ: Mapping[str, str], look: "Look", *, account: str, sandbox: bool) -> None:
        self.form = form
        self.account = account
        self.sandbox = sandbox
        self._environ = environ
        self.look = look
        """What it looks like, as the screens did the last time."""
        self._is_ours = False
        self.settings: list[int | list[bytes | int]] = []
        """The line settings to give back."""
        self.typed = b""
        """What was typed before there was a still."""

    def paint(self) -> None:
        """Take the terminal and paint the form; does nothing if it has gone."""
        # The app stops in an orderly way; until it is there to do so, the signal waits.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTSTP])
        try:
            self.settings = termios.tcgetattr(0)
            self._is_ours = True
            self.typed = _take_keys(self.settings)
            _write(frame(self.form, terminal_size(self._environ), self._environ, self.look.colours))
        except (termios.error, OSError):
            self.leave()

    def __enter__(self) -> None:
        """It was painted before, as soon as there was somebody to give the terminal back whatever happens."""

    def __exit__(self, *_: object) -> None:
        self.leave()

    def taken_over(self) -> bool:
        """Whether the terminal is handed over with this, once: from now on the app gives it back."""
        had, self._is_ours = self._is_ours, False
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTSTP])
        return had

    def leave(self) -> None:
        """Give the terminal back, if it was not taken over."""
        if self.taken_over():
            with suppress(termios.error, OSError):
                _write("\x1b[?2004l\x1b[0m\x1b[?7h\x1b[?1049l\x1b[?25h")
                _set(self.settings)


def still_for(arguments: Sequence[str], environ: Mapping[str, str]) -> Still | None:
    """The still that goes with these arguments; None where there is to be none."""
    if (read := form_of(arguments)) is None or not (os.isatty(0) and os.isatty(1)):
        return None
    if environ.get("TERM", "dumb").lower() in {"dumb", "unknown"} or "NO_COLOR" in environ:
        return None
    columns, rows = terminal_size(environ)
    if columns < SMALLEST[0] or rows < SMALLEST[1] or not _is_foreground():
        return None
    from cfmail_tui.look import look_in

    look = look_in(environ)
    form, account, sandbox = read
    return Still(form, environ, look, account=account, sandbox=sandbox) if look.colours else None


def terminal_size(environ: Mapping[str, str]) -> tuple[int, int]:
    """Columns and rows, 0 where there are none: `shutil.get_terminal_size`, whose module loads much more."""
    try:
        columns, rows = os.get_terminal_size(1)
    except OSError:
        columns = rows = 0
    return _number(environ.get("COLUMNS")) or columns, _number(environ.get("LINES")) or rows


def frame(form: Form, size: tuple[int, int], environ: Mapping[str, str], colours: "Colours") -> str:
    """What paints the form on a fresh terminal of so many columns and rows."""
    columns, rows = size
    paint = _Painting(columns, environ, colours)
    paint.row(1, "panel")
    paint.text((1, 2), "cfmail", "text", "panel", "1;")
    paint.text((1, 8), "  New message", "text", "panel")
    shown = [field for field in _FIELDS if form.get(field) or field not in {"cc", "bcc"}]
    focus = next((field for field in ("sender", "to", "subject") if not form.get(field, "").strip()), "text")
    for row, field in enumerate(shown, 2):
        paint.row(row, "ground")
        if field == focus:
            paint.text((row, _LABEL_AT), _LABELS[field], "label", "ground", "1;")
            paint.text((row, _VALUE_AT), " " * (columns - _VALUE_AT), "text", "field")
            paint.text((row, _VALUE_AT), " ", "ground", "text")
        else:
            paint.text((row, _LABEL_AT), _LABELS[field], "muted", "ground")
            paint.text((row, _VALUE_AT), _harmless(form.get(field, ""), columns - _VALUE_AT), "text", "ground")
    _bodies(paint, len(shown) + 2, rows, form, has_focus=focus == "text")
    paint.row(rows, "panel")
    at = 2
    for key, label in _KEY_BAR:
        paint.text((rows, at), key[: max(0, columns + 1 - at)], "keys", "panel", "7;")
        at += len(key)
        paint.text((rows, at), f" {label} "[: max(0, columns + 1 - at)], "keys", "panel")
        at += len(label) + 2
    # The alternate screen without a cursor, where lines do not wrap and a paste is told from typing.
    return "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[?2004h" + "".join(paint.parts) + "\x1b[0m"


def _bodies(paint: "_Painting", bar: int, rows: int, form: Form, *, has_focus: bool) -> None:
    """The line above the body, the body, and the line below it."""
    text = form.get("text", "")
    count = text.count("\n") + 1
    name = f" Text {f'{count} lines ' if count > 1 else '' if text else '(empty) '}"
    paint.row(bar, "surface")
    paint.text((bar, 2), name, "text", "surface", "1;7;")
    paint.text((bar, 3 + len(name)), " HTML (empty)   Markdown  F10 switches", "faint", "surface")
    lines = text.split("\n")
    for row in range(bar + 1, rows - 1):
        line = lines[row - bar - 1] if row - bar <= count else ""
        paint.row(row, "ground")
        paint.text((row, 2), _harmless(line, paint.columns - 2), "text", "ground")
    if has_focus:
        paint.text((bar + 1, 2), lines[0][:1] or " ", "ground", "text")
    paint.row(rows - 1, "ground")
    paint.text((rows - 1, 1), "─" * paint.columns, "line", "ground")
    paint.text((rows - 1, 2), "Findings come as you write", "muted", "ground")


class _Painting:
    """Text at its place, in the colours that the terminal has."""

    def __init__(self, columns: int, environ: Mapping[str, str], colours: "Colours") -> None:
        self.columns = columns
        self._colours = colours
        self.parts: list[str] = []
        self._depth = _depth(environ)
        # GNU screen erases to the terminal's own background.
        self._blank = " " * columns if environ.get("TERM", "").startswith("screen") else "\x1b[K"

    def row(self, row: int, ground: str) -> None:
        """An empty row."""
        self.parts.append(f"\x1b[{row}H\x1b[0;{self._colour(ground, 40)}m{self._blank}")

    def text(self, at: tuple[int, int], text: str, colour: str, ground: str, style: str = "") -> None:
        """Text from a row and column on, in the colours of these roles; `style` are parameters of SGR."""
        if text:
            row, column = at
            sgr = f"\x1b[0;{style}{self._colour(colour, 30)};{self._colour(ground, 40)}m"
            self.parts.append(f"\x1b[{row};{column}H{sgr}{text}")

    def _colour(self, role: str, base: int) -> str:
        chosen = self._colours[role][self._depth]
        if ";" in chosen:
            return f"{base + 8};{chosen}"
        return str(base + int(chosen) if int(chosen) < 8 else base + 52 + int(chosen))


def _depth(environ: Mapping[str, str]) -> int:
    """Which of each colour's three forms the terminal takes, judged as Rich does it for the screens."""
    if environ.get("COLORTERM", "").strip().lower() in {"truecolor", "24bit"}:
        return 0
    return 1 if environ["TERM"].strip().lower().rpartition("-")[2] in {"256color", "kitty"} else 2


def _harmless(text: str, width: int) -> str:
    """What a field shows of a text: nothing that the terminal would obey, and no more than has room."""
    if not text.isprintable():
        text = "".join(filter(str.isprintable, text))
    if text.isascii():
        return text[:width]
    from unicodedata import combining, east_asian_width

    used = 0
    for at, char in enumerate(text):
        used += 0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1
        if used > width:
            return text[:at]
    return text


def _number(text: str | None) -> int:
    try:
        return int(text or 0)
    except ValueError:
        return 0


def _is_foreground() -> bool:
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return True  # it is not our controlling terminal, and stops nobody


def _take_keys(settings: list[int | list[bytes | int]]) -> bytes:
    """Have keys come one by one and unseen; gives those that came before, of which the system made lines."""
    raw = [*settings]
    iflag, lflag, characters = raw[0], raw[3], raw[6]
    assert isinstance(iflag, int)
    assert isinstance(lflag, int)
    assert isinstance(characters, list)
    raw[0] = iflag & ~(termios.IXON | termios.IXOFF | termios.ICRNL | termios.INLCR | termios.IGNCR)
    raw[3] = lflag & ~(termios.ECHO | termios.ICANON | termios.IEXTEN)
    raw[6] = characters = [*characters]
    never = os.fpathconf(0, "PC_VDISABLE")
    characters[termios.VSUSP] = characters[termios.VQUIT] = bytes([never])
    characters[termios.VMIN] = characters[termios.VTIME] = 0
    # TCSANOW: the other ways lose what was typed, or wait until the terminal reads.
    _set(raw)
    # Enter had become a line end, which is another key.
    typed = os.read(0, 4096).replace(b"\n", b"\r")
    characters[termios.VMIN] = 1
    _set(raw)
    return typed


def _set(settings: list[int | list[bytes | int]]) -> None:
    termios.tcsetattr(0, termios.TCSANOW, settings)


def _write(text: str) -> None:
    data = text.encode(sys.stdout.encoding, "replace")
    while data:
        data = data[os.write(1, data) :]
