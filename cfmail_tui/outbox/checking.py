"""A draft made a message: its files looked at, and all that is wrong with it told at once."""

from collections.abc import Mapping
from dataclasses import replace

from cfmail_tui import lint
from cfmail_tui.attachments import inspect_all
from cfmail_tui.lint import DraftFinding, Known
from cfmail_tui.message import Draft, MailMessage, MessageError, RawDraft, parse


def checked(
    draft: Draft | RawDraft, known: Known | None, choices: Mapping[str, lint.Choice] | None
) -> tuple[MailMessage | RawDraft, tuple[DraftFinding, ...]]:
    """The message that a draft means, and what was found in it; `choices` is what the user made of rules.

    A raw one has rules of its own (`mime.findings`). Raises MessageError with every reason why it cannot be sent.
    """
    if isinstance(draft, RawDraft):
        return draft, ()
    attachments, unreadable = inspect_all(draft.attachments)
    looked = lint.look(draft, replace(known or Known(), files=tuple(attachments), unreadable=tuple(unreadable)))
    found = lint.findings(looked, choices)
    problems = [*unreadable, *lint.problems(found)]
    try:
        message = parse(draft, attachments)
    except MessageError as error:
        raise MessageError(*error.problems, *problems) from error
    if problems:
        raise MessageError(*problems)
    return message, found
