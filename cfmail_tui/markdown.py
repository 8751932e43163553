"""A body written in Markdown, as HTML that common mail clients render and as text for who reads no HTML. Pure.

Mail clients drop style sheets, scripts and much of CSS, so each element has its own few styles, and the page around
them is one table. The text is what a person would have typed: no marks but those of lists, quotes and code.

Markdown here is CommonMark with tables and strikethrough; HTML in it is passed on.
"""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cfmail_tui.frozen import frozen
from cfmail_tui.message import Draft, MessageError, Place, Problem, is_blank

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

BODY: Final = "{{body}}"
"""Where in a template the body goes."""

_FONT: Final = "font-family: -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"

TEMPLATE: Final = f"""<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
</head>
<body style="margin: 0; padding: 0">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0">
<tr><td style="padding: 16px; {_FONT}; font-size: 16px; line-height: 1.5">
{BODY}
</td></tr>
</table>
</body>
</html>
"""
"""A plain page: as wide as the reader's window, in the colours of the reader's client."""

_CODE: Final = "font-family: Menlo, Consolas, monospace; font-size: 14px"

STYLES: Final[Mapping[str, str]] = {
    "h1": "margin: 24px 0 12px; font-size: 24px; line-height: 1.25",
    "h2": "margin: 24px 0 12px; font-size: 20px; line-height: 1.25",
    "h3": "margin: 16px 0 8px; font-size: 18px; line-height: 1.25",
    "h4": "margin: 16px 0 8px; font-size: 16px",
    "h5": "margin: 16px 0 8px; font-size: 16px",
    "h6": "margin: 16px 0 8px; font-size: 16px",
    "p": "margin: 0 0 12px",
    "ul": "margin: 0 0 12px; padding-left: 24px",
    "ol": "margin: 0 0 12px; padding-left: 24px",
    "li": "margin: 0 0 4px",
    "blockquote": "margin: 0 0 12px; padding: 0 0 0 12px; border-left: 3px solid #c0c0c0",
    "pre": f"margin: 0 0 12px; padding: 8px; border: 1px solid #c0c0c0; overflow-x: auto; {_CODE}",
    "code": _CODE,
    "hr": "margin: 16px 0; border: 0; border-top: 1px solid #c0c0c0",
    "table": "margin: 0 0 12px; border-collapse: collapse",
    "th": "padding: 4px 8px; border: 1px solid #c0c0c0; text-align: left",
    "td": "padding: 4px 8px; border: 1px solid #c0c0c0",
    "img": "max-width: 100%",
}
"""The styles of each element, in the element itself."""


@frozen
class Rendered:
    """The two bodies of a mail."""

    html: str = ""
    text: str = ""


def rendered(source: str, template: str = TEMPLATE) -> Rendered:
    """The bodies that Markdown stands for; of what shows nothing, none.

    `template` is the page that the HTML is put into. Raises MessageError where it has no place for that.
    """
    if BODY not in template:
        raise MessageError(Problem(Place.HTML, f"the Markdown template has no {BODY} in it"))
    if is_blank(source):
        return Rendered()
    markdown = _markdown()
    tokens = markdown.parse(source)
    text = "\n".join(_blocks(tokens)).strip("\n") + "\n"
    _style(tokens)
    page = markdown.renderer.render(tokens, markdown.options, {})
    if is_blank(page):
        return Rendered()
    return Rendered(template.replace(BODY, page.rstrip("\n")), text)


def made(draft: Draft, template: str = TEMPLATE) -> Draft:
    """The draft with the bodies that its Markdown stands for; one without, or with another body beside it, as it is.

    Raises MessageError as `rendered` does.
    """
    if is_blank(draft.markdown) or not (is_blank(draft.text) and is_blank(draft.html)):
        return draft
    bodies = rendered(draft.markdown, template)
    return replace(draft, text=bodies.text, html=bodies.html, markdown="")


def _markdown() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    for kind in ("fence", "code_block"):
        markdown.add_render_rule(kind, _code)
    return markdown


def _code(_renderer: object, tokens: "Sequence[Token]", at: int, *_options: object) -> str:
    return f'<pre style="{STYLES["pre"]}"><code>{html.escape(tokens[at].content, quote=False)}</code></pre>\n'


def _style(tokens: "Sequence[Token]") -> None:
    for token in tokens:
        style = STYLES.get(token.tag)
        if style and token.nesting >= 0:
            aligned = token.attrGet("style")
            token.attrSet("style", f"{style}; {aligned}" if aligned else style)
        _style(token.children or ())


def _blocks(tokens: "Sequence[Token]") -> Iterator[str]:
    """The lines of blocks, an empty one between two."""
    at, apart = 0, False
    while at < len(tokens):
        end = _end(tokens, at)
        lines = [*_block(tokens[at:end])]
        if apart and lines:
            yield ""
        yield from lines
        apart = apart or bool(lines)
        at = end


def _end(tokens: "Sequence[Token]", at: int) -> int:
    """After the block that begins here."""
    depth = 0
    while True:
        depth += tokens[at].nesting
        at += 1
        if depth <= 0:
            return at


def _block(tokens: "Sequence[Token]") -> Iterator[str]:
    first, inner = tokens[0], tokens[1:-1]
    match first.type:
        case "heading_open":
            title = " ".join(_inline(inner).split("\n"))
            yield title
            if first.tag in {"h1", "h2"}:
                yield ("=" if first.tag == "h1" else "-") * len(title)
        case "blockquote_open":
            yield from (f"> {line}".rstrip() for line in _blocks(inner))
        case "bullet_list_open" | "ordered_list_open":
            yield from _list(first, inner)
        case "fence" | "code_block":
            yield from (f"    {line}".rstrip() for line in first.content.rstrip("\n").split("\n"))
        case "hr":
            yield "-" * 40
        case "table_open":
            yield from _table(inner)
        case "html_block":
            yield from (line for line in _TAG.sub("", first.content).split("\n") if line.strip())
        case _:
            yield from _inline(inner).split("\n")


def _list(first: "Token", tokens: "Sequence[Token]") -> Iterator[str]:
    number, at, is_tight = int(first.attrGet("start") or 1), 0, True
    while at < len(tokens):
        end = _end(tokens, at)
        item = tokens[at + 1 : end - 1]
        mark = "- " if first.type == "bullet_list_open" else f"{number}. "
        is_tight = all(
            token.hidden for token in item if token.type == "paragraph_open" and token.level == first.level + 2
        )
        lines = [*_tight(item)] if is_tight else [*_blocks(item)]
        for index, line in enumerate(lines or [""]):
            yield f"{mark if not index else ' ' * len(mark)}{line}".rstrip()
        at, number = end, number + 1
        if not is_tight and at < len(tokens):
            yield ""


def _tight(tokens: "Sequence[Token]") -> Iterator[str]:
    at = 0
    while at < len(tokens):
        end = _end(tokens, at)
        yield from _block(tokens[at:end])
        at = end


def _table(tokens: "Sequence[Token]") -> Iterator[str]:
    rows: list[list[str]] = []
    for at, token in enumerate(tokens):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(" ".join(_inline(tokens[at : at + 1]).split("\n")))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for index, row in enumerate(rows):
        yield " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        if not index:
            yield "-+-".join("-" * width for width in widths)


def _inline(tokens: "Sequence[Token]") -> str:
    """The text of what stands within a block, its line ends as they were typed."""
    found: list[str] = []
    links: list[tuple[int, str]] = []
    for token in (child for each in tokens for child in each.children or ()):
        match token.type:
            case "text" | "code_inline":
                found.append(token.content)
            case "softbreak" | "hardbreak":
                found.append("\n")
            case "image":
                found.append(f"[{token.content}]" if token.content else "")
            case "link_open":
                links.append((len(found), str(token.attrGet("href") or "")))
            case "link_close":
                start, href = links.pop()
                text = "".join(found[start:])
                if href.removeprefix("mailto:") != text:
                    found.append(f" <{href}>")
            case "html_inline" if re.match(r"<br\b", token.content, re.IGNORECASE):
                found.append("\n")
    return "".join(found)


_TAG: Final = re.compile(r"<!--.*?-->|<[^>]*>", re.DOTALL)
