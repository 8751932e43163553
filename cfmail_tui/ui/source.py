"""The source of a raw message as text to edit: octets in, the same octets out where nothing was edited."""

from typing import TYPE_CHECKING

from textual.widgets.text_area import Selection

from cfmail_tui import mime
from cfmail_tui.ui.fields import Body

if TYPE_CHECKING:
    from cfmail_tui.mime import Part

_EDITABLE_SIZE = 400_000
_SHOWN_SIZE = 64 * 1024


class SourceArea(Body):
    """The source of a message."""

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id, soft_wrap=False)
        self._octets = b""
        self._newline = b"\r\n"
        self.read_only_because = ""

    def take(self, source: bytes, _root: "Part") -> None:
        """Show another message; undo begins anew."""
        self._octets = source
        self._newline = b"\n" if b"\n" in source and b"\r\n" not in source else b"\r\n"
        reason = mime.not_editable(source) or ""
        if not reason and len(source) > _EDITABLE_SIZE:
            reason = f"it is over {_EDITABLE_SIZE // 1000} kB"
        self.read_only_because = reason
        self.read_only = bool(reason)
        self.text = self._shown(source)

    def become(self, source: bytes) -> None:
        """The message with something changed, in one edit that can be taken back."""
        if self.read_only or mime.not_editable(source):
            self.take(source, mime.structure(source))
            return
        old, new = self.text, self._shown(source)
        start = next(
            (at for at, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), min(len(old), len(new))
        )
        most = min(len(old), len(new)) - start
        tail = next((at for at in range(most) if old[-1 - at] != new[-1 - at]), most)
        places = [(old.count("\n", 0, at), len(old[:at].rpartition("\n")[2])) for at in (start, len(old) - tail)]
        self.replace(new[start : len(new) - tail], *places)

    def sections(self, root: "Part") -> None:
        """The structure after typing."""

    @property
    def source(self) -> bytes:
        """What is shown, octet for octet."""
        if self.read_only_because:
            return self._octets
        return self.text.encode("utf-8", "surrogatepass").replace(b"\n", self._newline)

    @property
    def octet(self) -> int:
        """Octets before the cursor."""
        row, column = self.cursor_location
        lines = self.text.split("\n")
        return sum(len(line.encode("utf-8", "surrogatepass")) + len(self._newline) for line in lines[:row]) + len(
            lines[row][:column].encode("utf-8", "surrogatepass")
        )

    def go_to(self, offset: int, end: int | None = None) -> None:
        """Put the cursor at an octet."""
        places = []
        for at in (offset, offset if end is None else end):
            text = self.source[:at].decode("utf-8", "replace").replace("\r\n", "\n")
            places.append((text.count("\n"), len(text.rpartition("\n")[2])))
        self.selection = Selection(places[0], places[1])
        self.scroll_cursor_visible(center=True)

    def _shown(self, source: bytes) -> str:
        if self.read_only:
            return source[:_SHOWN_SIZE].decode("utf-8", "replace").replace("\r\n", "\n")
        return source.decode("utf-8").replace("\r\n", "\n")
