"""A raw message as the draft of a form, and exactly what of it would not survive.

Nothing is lost in silence: each header field, part, charset and nesting that the form, and the API behind it, have no
room for is named. Files are not held: each is a part of the source, whose `content` streams.
"""

import re
from dataclasses import dataclass, field, replace
from typing import Final, assert_never

from cfmail_tui.frozen import frozen
from cfmail_tui.message import (
    FORM_FIELDS,
    SUBJECT_LIMIT,
    SYSTEM_FIELDS,
    AttachmentDraft,
    Draft,
    MessageError,
    Place,
    RawDraft,
    first_control,
    parse_header_fields,
    parse_mailboxes,
    printable,
)
from cfmail_tui.mime.body_rules import decodes
from cfmail_tui.mime.changes import place_of
from cfmail_tui.mime.envelope import differences
from cfmail_tui.mime.fields import RawField
from cfmail_tui.mime.header_rules import is_carried
from cfmail_tui.mime.parameters import parameters
from cfmail_tui.mime.parts import Part, fields_of, structure
from cfmail_tui.mime.repair import charset_of, regions
from cfmail_tui.mime.transfer import content
from cfmail_tui.mime.words import decoded_words, is_charset


@frozen
class FormFile:
    """A part that becomes a file of the form: what is said of it, and where its content is. Its path is not known."""

    part: Part
    attachment: AttachmentDraft


@frozen
class Form:
    """The draft without its files, the files, and in words what would not survive; these are safe to show."""

    draft: Draft
    files: tuple[FormFile, ...] = ()
    lost: tuple[str, ...] = ()

    def with_files(self, paths: tuple[str, ...]) -> Draft:
        """The draft with its files, where the content of each was written."""
        pairs = zip(self.files, paths, strict=True)
        return replace(self.draft, attachments=tuple(replace(file.attachment, path=path) for file, path in pairs))


def to_form(source: bytes) -> Form:
    """What a form can hold of a raw message, and all that it cannot."""
    return _Conversion(source).form()


def form_of(raw: RawDraft) -> Form:
    """The same with its envelope: who gets the mail and is not in its header is in Bcc, the rest is said."""
    form = to_form(raw.source)
    blind, lost = [form.draft.bcc], [*form.lost]
    try:
        parse_mailboxes(raw.recipients, Place.ENVELOPE_RECIPIENTS)
    except MessageError as error:
        lost += [f"the recipients of the envelope: {problem.words}" for problem in error.problems]
    for difference in differences(raw):
        match difference.kind:
            case "hidden":
                blind.append(difference.address)
            case "left out":
                lost.append(f"the envelope leaves out {difference.address}, who is in the header and will get it")
            case "sender":
                lost.append(f"the sender of the envelope, {difference.address}: it becomes that of From")
            case _:
                assert_never(difference.kind)
    return replace(form, draft=replace(form.draft, bcc=", ".join(filter(None, blind))), lost=tuple(lost))


_PART_FIELDS: Final = frozenset(
    {"content-type", "content-transfer-encoding", "content-disposition", "content-id", "mime-version"}
)
_WRITTEN_ANEW: Final = frozenset({"date", "message-id"})
_CONTENT_ID: Final = re.compile(r"[\w.@+-]{1,250}", re.ASCII)
_PARAMETER_TEXT: Final = re.compile(r"[ !#-\[\]-~]{0,200}", re.ASCII)

Shape = str | tuple["Shape", ...]


@dataclass
class _Conversion:
    source: bytes
    root: Part = field(init=False)
    lost: list[str] = field(default_factory=list)
    files: list[FormFile] = field(default_factory=list)
    text: Part | None = None
    html: Part | None = None

    def __post_init__(self) -> None:
        self.root = structure(self.source)

    def form(self) -> Form:
        draft = self._header()
        self._take(self.root, beside_html=False)
        draft = replace(draft, text=self._words(self.text), html=self._words(self.html))
        self._compare_nesting()
        self._unread_octets()
        if not (draft.text.strip() or draft.html.strip()):
            self.lost.append("there is no text to show: the API wants one")
        return Form(draft, tuple(self.files), tuple(dict.fromkeys(self.lost)))

    def _header(self) -> Draft:
        typed: dict[str, list[str]] = {}
        lines: list[str] = []
        for one in fields_of(self.source, self.root):
            name, body = one.name.lower(), self._body(one)
            if name in FORM_FIELDS:
                typed.setdefault(name, []).append(body)
            elif name in _WRITTEN_ANEW:
                self.lost.append(f"{one.name}: the mail system writes its own")
            elif name in SYSTEM_FIELDS or name in _PART_FIELDS:
                if name == "resent-bcc":
                    self.lost.append("Resent-Bcc: it would tell of hidden recipients")
            elif not is_carried(name):
                self.lost.append(f"{one.name}: the API does not carry it")
            else:
                self._keep_line(lines, one.name, body)
        single = ("from", "reply-to", "subject")
        for name, bodies in typed.items():
            if len(bodies) > 1:
                what = "only the first is kept" if name in single else "they become one"
                self.lost.append(f"{name.title()} stands {len(bodies)} times: {what}")
            if name != "subject" and re.search(r":[^;]*;|\(", ",".join(bodies)):
                self.lost.append(f"{name.title()}: groups and comments are not sent, only the addresses")
        subject = next(iter(typed.get("subject", [])), "")
        if first_control(subject) is not None or len(subject) > SUBJECT_LIMIT:
            self.lost.append("Subject: its control characters, and what is too long")
            subject = "".join(char for char in subject if first_control(char) is None)[:SUBJECT_LIMIT]
        return Draft(
            sender=next(iter(typed.get("from", [])), ""),
            to=", ".join(typed.get("to", [])),
            cc=", ".join(typed.get("cc", [])),
            bcc=", ".join(typed.get("bcc", [])),
            reply_to=next(iter(typed.get("reply-to", [])), ""),
            subject=subject,
            headers="\n".join(lines),
        )

    def _keep_line(self, lines: list[str], name: str, body: str) -> None:
        try:
            parse_header_fields("\n".join([*lines, f"{name}: {body}"]))
        except MessageError as error:
            self.lost.append(f"{printable(name)}: {error.problems[-1].words}")
        else:
            lines.append(f"{name}: {body}")

    def _body(self, one: RawField) -> str:
        octets = self.source[one.start : one.end]
        charset, how = charset_of(octets, self.root)
        if how:
            self.lost.append(f"{one.name}: its octets, which are read as {how}")
        text = octets.decode(charset, "replace").partition(":")[2]
        return decoded_words(re.sub(r"\r?\n", "", text).strip())

    def _take(self, part: Part, *, beside_html: bool) -> None:
        if part.number:
            for one in fields_of(self.source, part):
                if one.name.lower() not in _PART_FIELDS:
                    self.lost.append(f"{place_of(part, one.name)}: a part of the form has no such field")
        if part.is_multipart and part.parts:
            if part.media_type in {"multipart/signed", "multipart/encrypted"}:
                self.lost.append(f"{place_of(part)}: its signature or encryption, which covers parts as they stand")
            for child in part.parts:
                self._take(child, beside_html=part.media_type == "multipart/related")
        elif part.is_multipart:
            self.lost.append(f"{place_of(part)}: it has no parts that could be told apart")
        elif self._is_body(part) and part.media_type == "text/plain" and self.text is None:
            self.text = part
        elif self._is_body(part) and part.media_type == "text/html" and self.html is None:
            self.html = part
        else:
            self._file(part, beside_html=beside_html)

    def _is_body(self, part: Part) -> bool:
        return part.disposition != "attachment" and not part.filename

    def _file(self, part: Part, *, beside_html: bool) -> None:
        place = place_of(part)
        is_inline = bool(part.content_id) and (part.disposition == "inline" or (beside_html and not part.disposition))
        if part.disposition == "inline" and not is_inline:
            self.lost.append(f"{place}: it is attached, since without a Content-ID nothing can show it inline")
        content_id = part.content_id if is_inline else ""
        if is_inline and not _CONTENT_ID.fullmatch(content_id):
            content_id = re.sub(r"[^\w.@+-]", "-", content_id, flags=re.ASCII)[:250]
            self.lost.append(f"{place}: its Content-ID becomes {content_id}")
        elif part.content_id and not is_inline:
            self.lost.append(f"{place}: its Content-ID")
        name = part.filename
        if not name or first_control(name) is not None or "/" in name:
            ending = {"text/plain": ".txt", "text/html": ".html", "message/rfc822": ".eml", "text/calendar": ".ics"}
            name = f"part-{part.number or 1}{ending.get(part.media_type, '.bin')}"
            self.lost.append(f"{place}: it is called {name}")
        attachment = AttachmentDraft(
            "", "inline" if is_inline else "attachment", name, self._media_type(part), content_id
        )
        self.files.append(FormFile(part, attachment))
        self._other_parameters(part)

    def _media_type(self, part: Part) -> str:
        """The media type with its parameters, as far as they can be said."""
        said = part.media_type
        for name, value in part.parameters.items():
            if name == "name":
                continue
            if not re.fullmatch(r"[\w.-]+", name, re.ASCII) or not _PARAMETER_TEXT.fullmatch(value) or len(said) > 300:
                self.lost.append(f"{place_of(part)}: {printable(name)} of its media type")
            else:
                said += f"; {name}={value}" if re.fullmatch(r"[\w.-]+", value, re.ASCII) else f'; {name}="{value}"'
        return said

    def _other_parameters(self, part: Part) -> None:
        for one in fields_of(self.source, part):
            if one.name.lower() == "content-disposition":
                for name in parameters(one.body):
                    if name != "filename":
                        self.lost.append(f"{place_of(part, one.name)}: {printable(name)}")

    def _words(self, part: Part | None) -> str:
        if part is None:
            return ""
        place = place_of(part)
        for name, value in part.parameters.items():
            if name != "charset":
                self.lost.append(f"{place}: {printable(name)}={printable(value)} of its media type")
        if part.disposition or part.content_id:
            self.lost.append(f"{place}: its disposition and Content-ID")
        charset = part.charset or "ascii"
        if not is_charset(charset) or not decodes(self.source, part, charset):
            charset = "utf-8" if decodes(self.source, part, "utf-8") else "windows-1252"
            self.lost.append(f"{place}: its octets, which are read as {charset}")
        elif charset not in {"ascii", "us-ascii", "utf-8", "utf8"}:
            self.lost.append(f"{place}: its charset {charset}, UTF-8 is sent")
        text = b"".join(content(self.source, part)).decode(charset, "replace").replace("\r\n", "\n")
        return text.encode("utf-8", "replace").decode()

    def _compare_nesting(self) -> None:
        """Say so where the parts will be nested otherwise, or stand in another order."""
        texts: list[Shape] = [part.number for part in (self.text, self.html) if part]
        inline: list[Shape] = [file.part.number for file in self.files if file.attachment.disposition == "inline"]
        files: list[Shape] = [file.part.number for file in self.files if file.attachment.disposition == "attachment"]
        body = _nested("alternative", texts)
        body = _nested("related", [*([body] if body else []), *inline])
        will = _nested("mixed", [*([body] if body else []), *files])
        was = self._shape(self.root)
        if was != will:
            self.lost.append(f"the nesting of the parts: {_said(was)} becomes {_said(will)}")

    def _shape(self, part: Part) -> Shape:
        if not part.is_multipart:
            return part.number
        return (part.media_type.removeprefix("multipart/"), *map(self._shape, part.parts))

    def _unread_octets(self) -> None:
        for region in regions(self.source, self.root):
            if region.kind == "gap" and region.message is self.root and self._has_words(region.start, region.end):
                self.lost.append(f"what stands before or after the parts of {place_of(region.part)}")

    def _has_words(self, start: int, end: int) -> bool:
        return bool(self.source[start:end].strip())


def _nested(kind: str, shapes: list[Shape]) -> Shape:
    return shapes[0] if len(shapes) == 1 else (kind, *shapes) if shapes else ""


def _said(shape: Shape) -> str:
    if isinstance(shape, str):
        return shape or "a single part"
    return f"{shape[0]}({', '.join(map(_said, shape[1:]))})"
