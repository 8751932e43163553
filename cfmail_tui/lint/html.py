"""What stands in an HTML body: links, images, references to inline parts, the words a reader sees."""

import re
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from typing import Final
from urllib.parse import unquote, urlsplit

from cfmail_tui.lint import bodies
from cfmail_tui.lint.bodies import Body, Spot, Stretch
from cfmail_tui.lint.words import TOP_LEVEL_DOMAINS

LONGEST_LINK: Final = 500
"""Characters of a link's text that are looked at: where one is never closed, all that follows would be."""

LONGEST_OPEN: Final = 8 * 1024
LONGEST_STYLE: Final = 64 * 1024
"""Characters after which something that is open still, such as a tag that is just being typed, is taken to end; and a
style sheet.
"""

_BLOCKS: Final = frozenset(
    {
        *("address", "article", "aside", "blockquote", "body", "br", "dd", "div", "dl", "dt", "fieldset"),
        *("figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav"),
        *("ol", "p", "pre", "section", "table", "td", "th", "tr", "ul"),
    }
)

_BLOCK: Final = re.compile(r"<(?:p|div|table|tr|td|ul|ol|li|h[1-6]|br|hr)\b", re.IGNORECASE)

Attributes = Sequence[tuple[str, str | None]]


def look_at_html(html: str, before: Body) -> Body:
    """What stands in an HTML body."""
    return bodies.look(html, before, _read, _tag)


def _tag(html: str, at: int) -> int:
    # Where a block begins no link is open, as a rule.
    if block := _BLOCK.search(html, at, at + bodies.PIECE):
        return block.start()
    found = html.find("<", at)
    return len(html) if found < 0 else found


def _read(html: str, is_last: bool) -> Stretch | None:
    reader = _Reader(html)
    if not (reader.may_end or is_last or len(html) > (LONGEST_STYLE if reader.cdata_elem else LONGEST_OPEN)):
        return None
    reader.close()
    seen = "".join(reader.seen)
    words = bodies.words_of(seen)
    # Where what is seen stands in the HTML is known by the text it is part of.
    said = [
        spot._replace(offset=reader.offset_of(spot.offset))
        for spot in (*bodies.said(seen), *bodies.promised(seen, words))
    ]
    return bodies.piece(html, [*reader.spots, *said], seen, words)


class _Reader(HTMLParser):
    """Reads a stretch of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.spots: list[Spot] = []
        self.seen: list[str] = []
        """What a reader sees, in order."""
        self._places: list[tuple[int, int]] = []
        """Where in what is seen each text begins, and where in the HTML."""
        self._length = 0
        self._lines = [0, *(match.end() for match in re.finditer("\n", html))]
        self._link: tuple[int, str] | None = None
        self._link_text = ""
        self._is_title = False
        self.feed(html)

    @property
    def may_end(self) -> bool:
        """Whether what follows can be read by itself: no tag, style or link is open."""
        return not self.rawdata and self.cdata_elem is None and self._link is None and not self._is_title

    def offset_of(self, seen: int) -> int:
        """The offset in the HTML of a character of what is seen."""
        begins, offset = max((place for place in self._places if place[0] <= seen), default=(0, 0))
        return offset + seen - begins

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        offset = self._offset()
        values = {name: value or "" for name, value in attrs}
        self._end_link()
        self._is_title = tag == "title"
        if tag in _BLOCKS:
            self._show("\n", offset)
        if tag == "img" and "alt" not in values:
            self.spots.append(Spot("no-alt", offset, values.get("src", "")))
        if tag == "a" and "href" in values:
            self._link, self._link_text = (offset, values["href"].strip()), ""
        for name, value in values.items():
            if name in {"href", "src", "background", "poster"} and value.strip().lower().startswith("http://"):
                self.spots.append(Spot("http-link", offset, value.strip()))
            self.spots += [Spot("cid", offset, cid) for cid in cids(value)]
            if name in {"href", "src", "alt", "title"}:
                self.spots += [Spot(spot.kind, offset, spot.shown) for spot in bodies.said(value)]

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._end_link()
        elif tag == "title":
            self._is_title = False
        if tag in _BLOCKS:
            self._show("\n", self._offset())

    def handle_data(self, data: str) -> None:
        if self.cdata_elem or self._is_title:
            self.spots += [Spot("cid", self._offset(), cid) for cid in cids(data)]
            return
        self._show(data, self._offset())
        if self._link:
            self._link_text += data
            if len(self._link_text) > LONGEST_LINK:
                self._link = None

    def _end_link(self) -> None:
        if self._link:
            offset, href = self._link
            if is_of_another_host(self._link_text, href):
                self.spots.append(Spot("other-host", offset, f"{self._link_text.strip()}\n{href}"))
            self._link = None

    def _show(self, text: str, offset: int) -> None:
        self._places.append((self._length, offset))
        self.seen.append(text)
        self._length += len(text)

    def _offset(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column


def cids(value: str) -> Iterator[str]:
    """The content-ids that an attribute or a style refers to (RFC 2392)."""
    if "cid:" in value.lower():
        yield from (unquote(match[1]) for match in _CID.finditer(value))


def is_of_another_host(text: str, href: str) -> bool:
    """Whether the text of a link is itself an address, and of a host that the link does not lead to."""
    shown, leads_to = _host_in(text), _host(href)
    return bool(
        shown
        and leads_to
        and not any(one == other or one.endswith("." + other) for one, other in ((shown, leads_to), (leads_to, shown)))
    )


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.scheme.lower() in {"http", "https"} else ""
    except ValueError:
        return ""
    return (host or "").removeprefix("www.")


def _host_in(text: str) -> str:
    match = _SHOWN_HOST.fullmatch(text.strip())
    if not match:
        return ""
    name = match["name"].lower()
    is_host = match["scheme"] or name.startswith("www.") or name.rpartition(".")[2] in TOP_LEVEL_DOMAINS
    return name.removeprefix("www.") if is_host else ""


_CID: Final = re.compile(r"\bcid:([^\s\"'<>)]{1,250})", re.IGNORECASE)
_SHOWN_HOST: Final = re.compile(
    r"(?P<scheme>https?://)?(?P<name>[\w-]+(?:\.[\w-]+)+)(?::\d+)?(?:[/?#]\S*)?", re.IGNORECASE
)


def plain_text(html: str) -> str:
    """The text of an HTML body, for who reads no HTML: blocks apart, items with a dash, where links lead beside."""
    reader = _Plain()
    reader.feed(html)
    reader.close()
    lines = ("".join(reader.seen)).split("\n")
    return "\n".join(" ".join(line.split()) for line in lines).strip("\n") + "\n"


_APART: Final = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "blockquote", "pre"})


class _Plain(HTMLParser):
    """Writes down what a reader of HTML sees."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self._line_ends = 2
        """At the end of what is seen."""
        self._link: tuple[int, str] | None = None
        self._is_title = False

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        values = {name: value or "" for name, value in attrs}
        self._is_title = tag == "title"
        self._end_line(tag)
        match tag:
            case "br":
                self.seen.append("\n")
            case "li":
                self._say("- ")
            case "td" | "th":
                self._say(" ")
            case "img" if values.get("alt"):
                self._say(f"[{values['alt']}]")
            case "a":
                self._link = (len(self.seen), values.get("href", "").strip())

    def handle_endtag(self, tag: str) -> None:
        self._is_title = False
        if tag == "a" and self._link:
            start, href = self._link
            text = "".join(self.seen[start:]).strip()
            if href.lower().startswith(("http:", "https:")) and href not in {text, f"{text}/"}:
                self._say(f" <{href}>")
            self._link = None
        self._end_line(tag)

    def handle_data(self, data: str) -> None:
        if data.strip() and not self.cdata_elem and not self._is_title:
            self._say(re.sub(r"\s+", " ", data))
        elif not self._line_ends and not self.cdata_elem:
            self.seen.append(" ")

    def _say(self, text: str) -> None:
        self.seen.append(text)
        if text.strip():
            self._line_ends = 0

    def _end_line(self, tag: str) -> None:
        """End the line where it has not ended yet, and leave one empty around what stands apart."""
        if tag in _BLOCKS - {"br", "td", "th"}:
            wanted = 2 if tag in _APART else 1
            self.seen.append("\n" * (wanted - self._line_ends))
            self._line_ends = max(wanted, self._line_ends)
