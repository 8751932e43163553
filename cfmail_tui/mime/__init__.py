"""Internet messages as bytes (RFC 5322, RFC 2045 to 2047, RFC 2231): written from a `MailMessage`, and looked into.

Looking never changes a thing: nothing here parses a message and writes it again, since that changes octets. Who mends
one gets `Change`s, each of which names the octets it replaces and leaves all others. Pure.

`writing` makes messages, `templates` examples of them. Of what there is, `lines` knows line ends, `fields` header
fields, `words` and `parameters` the text in them, `parts` are its tree and `transfer` has what these hold.
`folding` makes lines of a source, in which long bodies stand as one line each.
`rulebook` says what is wrong with a message and what can be mended, by the rules in `header_rules` and `body_rules`;
`repair` re-encodes what JSON cannot carry, with `field_encoding`. `envelope` compares who gets a mail with what its
header says, `conversion` makes a draft of it, `completing` adds what a mail system adds.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from cfmail_tui.mime.fields import BLIND_FIELDS, RawField, field_bodies, header_fields, is_message, without_bcc
from cfmail_tui.mime.lines import LINE_LIMIT, LineEndings, Unkept, crlf, line_endings, not_editable, unkept
from cfmail_tui.mime.words import decoded_words
from cfmail_tui.mime.writing import ReadFile, Segment, assemble, base64_lines, chunks, size, weight

if TYPE_CHECKING:
    from cfmail_tui.mime.changes import Change, applied, place_of
    from cfmail_tui.mime.completing import completed
    from cfmail_tui.mime.conversion import Form, FormFile, form_of, to_form
    from cfmail_tui.mime.envelope import Difference, bcc_moved, bcc_removed, differences, passed_over
    from cfmail_tui.mime.parts import Part, fields_of, structure
    from cfmail_tui.mime.repair import Unsendable, repaired, unsendable
    from cfmail_tui.mime.rulebook import RULES, SourceFinding, changes_for, findings, fixed, problems
    from cfmail_tui.mime.templates import TEMPLATES, Filled, Template, template
    from cfmail_tui.mime.transfer import content

_WHEN_ASKED_FOR: Final = {
    "changes": ("Change", "applied", "place_of"),
    "completing": ("completed",),
    "transfer": ("content",),
    "conversion": ("Form", "FormFile", "form_of", "to_form"),
    "envelope": ("Difference", "bcc_moved", "bcc_removed", "differences", "passed_over"),
    "rulebook": ("RULES", "SourceFinding", "changes_for", "findings", "fixed", "problems"),
    "repair": ("Unsendable", "repaired", "unsendable"),
    "parts": ("Part", "fields_of", "structure"),
    "templates": ("TEMPLATES", "Filled", "Template", "template"),
}
"""What only raw messages need, by its module: the program starts without it."""


def __getattr__(name: str) -> Any:
    for module, names in _WHEN_ASKED_FOR.items():
        if name in names:
            value = getattr(import_module(f"cfmail_tui.mime.{module}"), name)
            globals()[name] = value
            return value
    raise AttributeError(name)


__all__ = [
    "BLIND_FIELDS",
    "LINE_LIMIT",
    "RULES",
    "TEMPLATES",
    "Change",
    "Difference",
    "Filled",
    "Form",
    "FormFile",
    "LineEndings",
    "Part",
    "RawField",
    "ReadFile",
    "Segment",
    "SourceFinding",
    "Template",
    "Unkept",
    "Unsendable",
    "applied",
    "assemble",
    "base64_lines",
    "bcc_moved",
    "bcc_removed",
    "changes_for",
    "chunks",
    "completed",
    "content",
    "crlf",
    "decoded_words",
    "differences",
    "field_bodies",
    "fields_of",
    "findings",
    "fixed",
    "form_of",
    "header_fields",
    "is_message",
    "line_endings",
    "not_editable",
    "passed_over",
    "place_of",
    "problems",
    "repaired",
    "size",
    "structure",
    "template",
    "to_form",
    "unkept",
    "unsendable",
    "weight",
    "without_bcc",
]
