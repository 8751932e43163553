"""The form: address fields, subject, text and HTML bodies, attachments.

What folds away, and the HTML body, has no widgets until it has a text or is shown: where there is none, nothing is
written.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Label, Static, TextArea

from cfmail_tui.message import (
    AttachmentDraft,
    Draft,
    MessageError,
    Place,
    RawDraft,
    SavedDraft,
    parse_mailboxes,
    printable,
)
from cfmail_tui.ui.bodies import BODIES, BodyBar
from cfmail_tui.ui.checked_form import CheckedForm, FileWanted, ProofWanted, lines_of
from cfmail_tui.ui.commands import bindings, keymap_of
from cfmail_tui.ui.completion import RecipientField
from cfmail_tui.ui.fields import Body, MailField, Pasted, plain

if TYPE_CHECKING:
    from cfmail_tui.profile import Identity
    from cfmail_tui.submission import Size

_RECIPIENTS = (Place.TO, Place.CC, Place.BCC)
_FOLDING = (Place.CC, Place.BCC, Place.REPLY_TO)
_LINES = (Place.FROM, Place.TO, *_FOLDING, Place.SUBJECT)


class AttachmentBar(Static):
    """The attached files in a line or two, with their encoded size; a click opens the attach screen."""

    class Pressed(Message):
        """The user wants to see the attachments."""

    def show(self, attachments: tuple[AttachmentDraft, ...], size: "Size | None") -> None:
        """Name the files; `size` is that of the mail, None while it is not known."""
        self.display = bool(attachments)
        self.set_class(size is not None and size.is_over, "-wrong")
        head = f"Attachments {size.words if size else '…'}"
        names = []
        for part in attachments:
            name = part.filename or part.path.rpartition("/")[2]
            names.append(f"{name} (inline)" if part.disposition == "inline" else name)
        self.update(Content.assemble(plain(head, 300).stylize("$foreground-muted"), "  ", plain("  ".join(names), 400)))

    def on_click(self) -> None:
        self.post_message(self.Pressed())


class ComposeScreen(CheckedForm):
    """A mail written in the form."""

    TITLE_WORDS = "New message"
    PLACES = ("form", "composer", "leaving", "everywhere")
    BINDINGS = bindings("form", "composer", "leaving")

    @dataclass
    class AttachRequested(Message):
        """The user wants to see, add or remove attachments of `screen`."""

        screen: "ComposeScreen"

    @dataclass
    class MarkdownRequested(Message):
        """The user wants to write the mail of `screen` in Markdown, and it has an HTML body."""

        screen: "ComposeScreen"

    @dataclass
    class PathsPasted(Message):
        """What was pasted may be paths of files, which are to be attached to `screen` instead."""

        pasted: Pasted
        screen: "ComposeScreen"

    def __init__(self, draft: SavedDraft) -> None:
        super().__init__(draft)
        self._fields: dict[Place, MailField] = {}
        self._headers: Horizontal | None = None
        """The line of header fields of one's own."""
        self._attachments: tuple[AttachmentDraft, ...] = ()
        self._pasted: tuple[Pasted, tuple[AttachmentDraft, ...], Draft] | None = None
        """What was pasted, what was attached before that, and the mail as it was right after."""
        self._offered = Draft()
        """What stands there without having been typed."""

    def compose_mail(self) -> Iterator[Widget]:
        with Vertical(id="fields"):
            self._fields = {place: _line(place) for place in _LINES if place not in _FOLDING}
            yield from self._fields.values()
        yield BodyBar(id="body-bar")
        yield self._bodies
        yield AttachmentBar(id="attachment-bar")
        yield self._findings

    def fill(self, content: Draft | RawDraft) -> None:
        assert isinstance(content, Draft)
        self._offered = Draft()
        for place, text in lines_of(content).items():
            if text or place in self._fields:
                field = self.field(place)
                field.text = text
                field.mark("")
                field.display = place not in _FOLDING or bool(text)
        if content.headers or self._headers:
            self._headers_line().display = bool(content.headers)
        # Only a draft that was not written here has both, and then too, all of it stays to be seen.
        written = "\n\n".join(filter(None, (content.text, content.markdown)))
        for name, text in (("headers", content.headers), ("text", written), ("html", content.html)):
            if text or self._has(name):
                self.body(name).text = text
        self._attachments = content.attachments
        is_html = content.html.strip() and not written.strip()
        self._bodies.show("markdown" if content.markdown else "html" if is_html else "text")
        self._show_body_bar()
        self.show_size()
        self.forget_checks()
        self._count_recipients()
        self.focus_first()

    def _restore_cursor(self, cursor: tuple[str, int, int]) -> None:
        if cursor[0] in Place.__members__:
            self.focus_place(Place[cursor[0]])
        super()._restore_cursor(cursor)

    def focus_first(self) -> None:
        """Start where something is missing: From, To, Subject, else the text."""
        for place in (Place.FROM, Place.TO, Place.SUBJECT):
            if not self.field(place).text.strip():
                self.field(place).input.focus()
                return
        self.focus_place(Place.TEXT)

    def field(self, place: Place) -> MailField:
        if place not in self._fields:
            following = next(one for one in _LINES[_LINES.index(place) :] if one in self._fields)
            field = _line(place)
            self.query_one("#fields").mount(field, before=self._fields[following])
            field.complete()
            self._fields[place] = field
            self.show_margins()
        return self._fields[place]

    def text_of(self, place: Place) -> str:
        return "" if place in _FOLDING and place not in self._fields else self._fields[place].text

    def _headers_line(self) -> Horizontal:
        if self._headers is None:
            self._headers = Horizontal(id="headers-line", classes="line")
            self.query_one("#fields").mount(self._headers)
            margin = Static("", classes="margin", id="headers-margin", markup=False)
            self._headers.mount(margin, Label("Headers"), Body(id="headers", soft_wrap=False))
            self.show_margins()
        return self._headers

    def body(self, body_id: str) -> Body:
        """The widget of this body, or of the header fields, made now if there was none."""
        return self._headers_line().query_one(Body) if body_id == "headers" else self._bodies.body(body_id)

    def _has(self, body_id: str) -> bool:
        return self._headers is not None if body_id == "headers" else self._bodies.has(body_id)

    def _text_in(self, body_id: str) -> str:
        return self.body(body_id).text if self._has(body_id) else ""

    def content(self) -> Draft:
        written = self._text_in("text")
        return Draft(
            sender=self.text_of(Place.FROM),
            to=self.text_of(Place.TO),
            cc=self.text_of(Place.CC),
            bcc=self.text_of(Place.BCC),
            reply_to=self.text_of(Place.REPLY_TO),
            subject=self.text_of(Place.SUBJECT),
            headers=self._text_in("headers"),
            text="" if self._bodies.is_markdown else written,
            html=self._text_in("html"),
            markdown=written if self._bodies.is_markdown else "",
            attachments=self._attachments,
        )

    def is_blank(self) -> bool:
        content = self.content()
        offered = replace(self._offered, sender=self.field(Place.FROM).text)
        return replace(content, text=content.text or content.markdown, markdown="") == offered

    def offer(self, identity: "Identity") -> None:
        """Fill in what mails of this identity begin with, where nothing was typed; once it is saved, only the From."""
        before, content, was_blank = self._offered, self.content(), self.is_blank()
        signature = f"\n\n-- \n{identity.signature}" if identity.signature.strip() else ""
        sender = identity.sender if content.sender == before.sender else before.sender
        reply_to, text = before.reply_to, before.text
        if self.is_new:
            reply_to = identity.reply_to if content.reply_to == reply_to else reply_to
            text = signature if self.body("text").text == text else text
        offered = replace(before, sender=sender, reply_to=reply_to, text=text)
        self._offered = offered
        for place, old, new in ((Place.FROM, before.sender, sender), (Place.REPLY_TO, before.reply_to, reply_to)):
            if new != old:
                self.field(place).text = new
                self.field(place).display = place not in _FOLDING or bool(new) or self.field(place).display
        if text != before.text:
            self.body("text").text = text
        # What was offered is not yet something the user typed.
        if isinstance(self._handed_over, Draft):
            self._handed_over = _with_offer(self._handed_over, before, offered)
        if isinstance(self._on_disk, Draft):
            self._on_disk = _with_offer(self._on_disk, before, offered)
        # A mail that was shown just now is about to get its focus.
        if sender and not content.sender and (was_blank or self.field(Place.FROM).input.has_focus):
            self.focus_first()

    def set_attachments(self, attachments: tuple[AttachmentDraft, ...]) -> None:
        """The attachments as the attach screen has them."""
        self._attachments = attachments
        self.show_size()
        self._save_soon()

    def insert_reference(self, content_id: str, filename: str) -> str:
        """Show an inline file in the HTML body, or Markdown, where its cursor is; the reason if that cannot be."""
        if self._bodies.is_markdown:
            name = re.sub(r"([\\\[\]])", r"\\\1", filename)
            self.body("text").insert(f"![{name}](cid:{content_id})")
            return ""
        if self._text_in("text").strip() and not self._text_in("html").strip():
            key = keymap_of(self.app).first("html")
            return f"the mail has no HTML body, and a picture alone would hide its text: {key} in the form begins one"
        from html import escape  # with its table of names

        self.body("html").insert(f'<img src="cid:{content_id}" alt="{escape(filename)}">')
        self.show_body("html")
        return ""

    def attach_pasted(self, pasted: Pasted, drafts: tuple[AttachmentDraft, ...]) -> None:
        """Attach the files whose paths were pasted, and take these out of the text; Ctrl+Z right after undoes it."""
        known = {attached.path for attached in self._attachments}
        new = tuple(draft for draft in drafts if draft.path not in known)
        if self.is_busy or not new or not pasted.take_out():
            return
        before = self._attachments
        self.set_attachments((*before, *new))
        self._pasted = (pasted, before, self.content())
        names = ", ".join(draft.path.rpartition("/")[2] for draft in new)
        self.notify(
            printable(f"Attached {names}. {keymap_of(self.app).first('put-text')} puts the text in instead.", 300),
            markup=False,
        )

    def action_put_text(self) -> None:
        """The paste was meant as text after all."""
        if self._pasted:
            pasted, before, _ = self._pasted
            self._pasted = None
            self.set_attachments(before)
            pasted.put_back()

    def focus_place(self, place: Place) -> None:
        if place is Place.HEADERS:
            self._headers_line().display = True
            self.body("headers").focus()
        elif place is Place.HTML and not self._bodies.is_markdown:
            self.show_body("html")
        elif place in {Place.TEXT, Place.HTML, Place.MARKDOWN, Place.ATTACHMENTS}:
            self._bodies.current.focus()
        elif place in _LINES:
            self.field(place).display = True
            self.field(place).input.focus()

    def on_mail_field_changed(self) -> None:
        super().on_mail_field_changed()
        self._count_recipients()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        super().on_text_area_changed(event)
        self._show_body_bar()

    def on_body_bar_pressed(self, event: BodyBar.Pressed) -> None:
        self._turn_to(event.body_id)

    def on_attachment_bar_pressed(self) -> None:
        self.action_attach()

    def on_pasted(self, event: Pasted) -> None:
        from cfmail_tui import browse

        event.stop()
        self._save_soon()
        if any(browse.pasted_words(event.text)):
            self.post_message(self.PathsPasted(event, self))

    def action_more_fields(self) -> None:
        """Show the fields that fold away, or fold the empty ones."""
        has_all = self._headers is not None and {*_FOLDING} <= {*self._fields}
        folding: list[Widget] = [*(self.field(place) for place in _FOLDING), self._headers_line()]
        empty = [not self.text_of(place) for place in _FOLDING] + [not self._text_in("headers")]
        show = not has_all or not all(widget.display for widget in folding)
        for widget, is_empty in zip(folding, empty, strict=True):
            widget.display = show or not is_empty
        if show:
            self.field(Place.CC).input.focus()
        elif self.focused is None or not self.focused.is_on_screen:
            self.field(Place.TO).input.focus()

    def action_switch_body(self) -> None:
        following = BODIES[(BODIES.index(self._bodies.shown) + 1) % len(BODIES)]
        # Beside an HTML body there is no Markdown, and a key that goes round does not ask.
        self._turn_to("text" if following == "markdown" and self._text_in("html").strip() else following)

    def action_markdown(self) -> None:
        """Write the mail in Markdown; where it has an HTML body, the user is asked."""
        self._turn_to("markdown")

    def _turn_to(self, body_id: str) -> None:
        """Show this body, and if it is Markdown, or was, take what is written for what it is meant now."""
        if self.is_busy and "markdown" in {body_id, self._bodies.shown}:
            # It is on its way as it was meant.
            return
        if body_id == "markdown" and self._text_in("html").strip():
            self.post_message(self.MarkdownRequested(self))
            return
        self.show_body(body_id)
        self._save_soon()

    def show_body(self, body_id: str) -> None:
        self._bodies.show(body_id)
        self._bodies.current.focus()
        self._show_body_bar()

    def action_proof(self) -> None:
        self.when_typed(lambda: self.post_message(self.Asked(ProofWanted(self.content(), self.account), self)))

    def action_save_as(self) -> None:
        self.when_typed(lambda: self.post_message(self.Asked(FileWanted(self.content()), self)))

    def action_attach(self) -> None:
        self.post_message(self.AttachRequested(self))

    def action_editor(self) -> None:
        body = self._bodies.current
        suffix = {"text": ".txt", "html": ".html", "markdown": ".md"}[self._bodies.shown]
        content = body.text.encode("utf-8", "surrogatepass")
        self.post_message(self.EditorRequested(str(body.id), content, suffix))

    def edited(self, body_id: str, content: bytes) -> None:
        """Take back what the external editor left. Raises UnicodeDecodeError when it is not text."""
        self.body(body_id).text = content.decode().removesuffix("\n")

    def tell_keys(self) -> None:
        self._show_body_bar()

    def _show_body_bar(self) -> None:
        self.query_one(BodyBar).show(self._bodies.shown, self._bodies.lines())

    def show_size(self) -> None:
        self.query_one(AttachmentBar).show(self._attachments, self._checked.size if self._checked else None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A paste can be made text right after it was taken for files."""
        if action == "put_text":
            return self._pasted is not None and self.content() == self._pasted[2] and not self.is_busy
        return super().check_action(action, parameters)

    def _count_recipients(self) -> None:
        count = 0
        for place in _RECIPIENTS:
            try:
                count += len(parse_mailboxes(self.text_of(place), place))
            except MessageError:
                continue
        words = ""
        if count > 1:
            from cfmail_tui.submission import RECIPIENT_LIMIT

            words = f"{count} of {RECIPIENT_LIMIT}"
        self.field(Place.TO).note(words)


def _line(place: Place) -> MailField:
    return (RecipientField if place in _RECIPIENTS else MailField)(place, has_margin=True)


def _line_id(place: Place) -> str:
    return f"field-{place.name.lower().replace('_', '-')}"


def _with_offer(content: Draft, before: Draft, offered: Draft) -> Draft:
    """What was kept of the mail, as if what is offered now had been there then."""
    return replace(
        content,
        sender=offered.sender if offered.sender != before.sender else content.sender,
        reply_to=offered.reply_to if offered.reply_to != before.reply_to else content.reply_to,
        text=offered.text if offered.text != before.text else content.text,
        markdown="" if offered.text != before.text else content.markdown,
    )
