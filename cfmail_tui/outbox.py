"""The one road of a mail: prepare what was typed, send what was reviewed, tell what became of it.

The only orchestrator, used alike by the screens and by the commands, and the only reader of attachment files.
Synchronous: call it from a worker thread.

Invariants:
- what `prepare` wrote to the body file is what `send` puts on the wire, octet for octet;
- one attempt per reviewed mail, however often `send` is called; one mail on the wire at a time;
- a journal row is committed before the wire is touched, and ends in exactly one outcome;
- nothing is ever sent again by itself.
"""

import hashlib
import json
import os
import re
import secrets
import shlex
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from cfmail_tui import mime, submission
from cfmail_tui.attachments import inspect_all, read_file, read_source
from cfmail_tui.credentials import CredentialError, Keyring, from_environment, parse_account_id, parse_credential
from cfmail_tui.message import (
    Attachment,
    AttachmentDraft,
    Draft,
    HeaderField,
    Mailbox,
    MailError,
    MailMessage,
    MessageError,
    Place,
    Problem,
    RawDraft,
    SavedDraft,
    parse,
    parse_mailboxes,
    printable,
)
from cfmail_tui.store import AttemptExists, Store, StoreError
from cfmail_tui.submission import Accepted, Account, Attempt, NotSent, Outcome, Secret, Submission, Unknown, explain

if TYPE_CHECKING:
    # httpx is loaded when the first mail is sent, not when the program starts.
    from cfmail_tui import api
    from cfmail_tui.lookup import Verdict


_KNOWN = 500
"""Attempts whose message ids are told apart from the one that is looked for."""

Progress = Callable[[int, int], None]


class OutboxError(MailError):
    """Base of what can go wrong here, in plain words; a mail that cannot be sent as it is, is a MessageError.

    OutboxError
    ├── NoAccount      there are no usable credentials
    └── NotRecorded    the mail was sent or tried, but its outcome could not be written down
    """


class NoAccount(OutboxError):  # noqa: N818 - it reads as what it is
    """No usable credentials were found; the words say where it was looked."""


class NotRecorded(OutboxError):  # noqa: N818 - it reads as what it is
    """The journal could not take the outcome, which is told here instead."""

    def __init__(self, attempt: Attempt, outcome: Outcome, reason: str) -> None:
        super().__init__(f"{explain(outcome).cause}, but that could not be written down: {reason}")
        self.attempt = replace(attempt, outcome=outcome)


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A mail ready to leave: what it says, as whom, and the submission whose body file is written."""

    content: MailMessage | RawDraft
    account: Account
    submission: Submission
    draft: SavedDraft | None = None


class Accounts:
    """Who mail is sent as: looked for in the environment, this session, then the keyring."""

    def __init__(
        self, environ: Mapping[str, str], keyring: Keyring, name: str = "", *, only: Account | None = None
    ) -> None:
        self._environ = environ
        self._keyring = keyring
        self._name = name
        self._session = only

    def find(self) -> Account:
        """The account to send as. Raises NoAccount when there is none, saying why."""
        if self._session:
            return self._session
        try:
            # An account named on the command line is one of the keyring's.
            if not self._name and (account := from_environment(self._environ)):
                return account
            if account := self._keyring.load(self._name or DEFAULT_ACCOUNT):
                self._session = account
                return account
        except CredentialError as error:
            raise NoAccount(str(error)) from error
        named = f" called {printable(self._name)}" if self._name else ""
        raise NoAccount(
            f"no account{named} is set up: set CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID, or run cfmail"
        )

    def add(self, account_id: str, secret: Secret, email: str = "", *, keep: bool) -> tuple[Account, str]:
        """Use these credentials from now on; gives the account, and why it is not in the keyring if `keep` asked so.

        A secret with an e-mail address is a global key, else an API token. Raises NoAccount if they cannot be right.
        """
        try:
            parsed_id, parsed = parse_account_id(account_id), parse_credential(secret, email)
        except CredentialError as error:
            raise NoAccount(str(error)) from error
        account = Account(self._name or DEFAULT_ACCOUNT, parsed_id, parsed, "this session only")
        self._session = account
        if keep:
            try:
                self._keyring.save(account)
                self._session = replace(account, source=f"keyring ({self._keyring.backend()})")
            except CredentialError as error:
                return account, f"used for this session only: {error}"
        return self._session, ""


DEFAULT_ACCOUNT = "default"


class Outbox:
    """Prepares, sends and remembers mails; every method blocks and may be called from any thread."""

    def __init__(
        self,
        store: Store,
        accounts: Accounts,
        base_url: str,
        environ: Mapping[str, str],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.accounts = accounts
        self.base_url = base_url
        self._environ = environ
        self._store = store
        self._clock = clock
        self.notices: tuple[str, ...] = ()
        """What the user should know of what was found when this was opened."""
        self._open_drafts: set[str] = set()
        self._turn = threading.Lock()
        self._cancellations: dict[str, api.Cancellation] = {}

    def prepare(
        self, content: Draft | RawDraft, draft: SavedDraft | None = None, *, account: Account | None = None
    ) -> Reviewed:
        """Read everything the mail is made of and write down the request body that would leave.

        Raises MessageError with all reasons why the mail cannot be sent as it is, then NoAccount if none is given and
        none found, StoreError if the body cannot be written.
        """
        ready, request = self._request(content)
        account = account or self.accounts.find()
        attempt_id = new_id()
        body = self._store.write_body(attempt_id, request.chunks())
        return Reviewed(
            ready,
            account,
            Submission(
                attempt_id=attempt_id,
                account_id=account.account_id,
                endpoint=request.endpoint,
                envelope=request.envelope,
                subject=request.subject,
                message_size=request.message_size,
                body_size=body.size,
                digest=body.digest,
            ),
            draft,
        )

    def _request(self, content: Draft | RawDraft) -> tuple[MailMessage | RawDraft, submission.SendRequest]:
        if isinstance(content, RawDraft):
            return content, submission.raw_request(content)
        attachments, problems = inspect_all(content.attachments)
        try:
            message = parse(content, attachments)
        except MessageError as error:
            raise MessageError(*error.problems, *problems) from error
        if problems:
            raise MessageError(*problems)
        return message, submission.builder_request(message, self.assembled(message), read_file)

    def assembled(self, message: MailMessage) -> tuple[mime.Segment, ...]:
        """The message as a mail system would build it now."""
        return mime.assemble(
            message,
            date=format_datetime(self._clock()),
            message_id=f"<{secrets.token_hex(18)}@{message.sender.domain}>",
            boundary=secrets.token_hex(12),
        )

    def discard(self, reviewed: Reviewed) -> None:
        """Forget a reviewed mail that was not sent; its draft stays."""
        self._store.discard_body(reviewed.submission.attempt_id)

    def send(self, reviewed: Reviewed, progress: Progress = lambda _sent, _total: None) -> Attempt:
        """Send a reviewed mail, once; a second call waits for the first and gives the same attempt.

        Raises StoreError if the attempt could not be written down (then nothing was sent), NotRecorded if the outcome
        could not.
        """
        from cfmail_tui import api

        attempt_id = reviewed.submission.attempt_id
        cancellation = self._cancellations.setdefault(attempt_id, api.Cancellation())
        try:
            with self._turn:
                try:
                    attempt = self._store.begin(reviewed.submission, reviewed.account.name, reviewed.draft)
                except AttemptExists:
                    return self._store.attempt(attempt_id)
                try:
                    outcome = self._submit(reviewed, progress, cancellation)
                except Exception as error:  # noqa: BLE001 - whatever happened on the wire, the attempt gets an outcome
                    outcome = Unknown(f"an unexpected error ({type(error).__name__})")
                try:
                    return self._store.finish(attempt_id, outcome)
                except StoreError as error:
                    raise NotRecorded(attempt, outcome, str(error)) from error
        finally:
            self._cancellations.pop(attempt_id, None)

    def _submit(self, reviewed: Reviewed, progress: Progress, cancellation: "api.Cancellation") -> Outcome:
        from cfmail_tui import api

        try:
            client = api.Client(
                self.base_url, reviewed.account.credential, proxy=api.proxy_for(self.base_url, self._environ)
            )
            stored = self._store.open_body(reviewed.submission.attempt_id)
        except (api.ApiError, StoreError) as error:
            return NotSent(str(error))
        with client, stored as body:
            return client.submit(
                reviewed.submission,
                body,
                leaving=lambda: self._store.leaving(reviewed.submission.attempt_id),
                progress=progress,
                cancellation=cancellation,
            )

    def cancel(self, attempt_id: str) -> None:
        """Stop sending, now or when it begins; before the last octet left it is not sent, afterwards only the waiting
        ends.
        """
        from cfmail_tui import api

        self._cancellations.setdefault(attempt_id, api.Cancellation()).cancel()

    def attempts(self, query: str = "", limit: int = 50) -> tuple[Attempt, ...]:
        """History, newest first; each word of the query occurs in what is shown of an attempt."""
        return self._store.attempts(query, limit)

    def recover(self) -> str:
        """Give an outcome to what a cfmail left open when it died, and say so; what living ones send is theirs."""
        ended = self._store.recover()
        unknown = sum(isinstance(attempt.outcome, Unknown) for attempt in ended)
        if not ended:
            return ""
        fate = "may have been sent, or not" if unknown else "was not sent"
        return f"cfmail ended while it was sending: {_count(len(ended), 'mail')} {fate}; see the history"

    def settle(self, attempt_id: str, *, arrived: bool) -> Attempt:
        """Take the user's word for an attempt whose outcome is unknown."""
        return self._store.settle(attempt_id, arrived=arrived)

    def find(self, attempt: Attempt) -> "Verdict":
        """Look for an attempt in Cloudflare's own records. Raises NoAccount if there is none to ask as."""
        from cfmail_tui import api

        account = self.accounts.find()
        known = {
            other.outcome.receipt.message_id
            for other in self._store.attempts(limit=_KNOWN)
            if isinstance(other.outcome, Accepted)
        }
        proxy = api.proxy_for(self.base_url, self._environ)
        with api.Client(self.base_url, account.credential, proxy=proxy) as client:
            asked = replace(attempt.submission, account_id=account.account_id)
            return client.find(asked, attempt.started_at, known=known)

    def attempt(self, attempt_id: str) -> Attempt:
        return self._store.attempt(attempt_id)

    def wire_body(self, attempt_id: str, limit: int = -1) -> bytes:
        """The request body as it left or would leave, up to `limit` octets."""
        with self._store.open_body(attempt_id) as body:
            return body.read(limit)

    def eml(self, attempt: Attempt) -> Iterator[bytes]:
        """The message of an attempt: the source that was sent, or the form's mail as a mail system would build it."""
        stored = self.wire_body(attempt.submission.attempt_id)
        if hashlib.sha256(stored).hexdigest() != attempt.submission.digest:
            raise OutboxError("the stored mail is damaged: it is not what was reviewed")
        body = json.loads(stored)
        if attempt.submission.endpoint == "send_raw":
            yield body["mime_message"].encode()
            return
        message, contents = _message_of(body)
        segments = mime.assemble(
            message,
            date=format_datetime(attempt.started_at),
            message_id=_message_id(attempt, message),
            boundary=attempt.submission.digest[:24],
        )
        yield from mime.chunks(segments, lambda part: iter((contents[int(part.path)],)))

    def curl(self, attempt: Attempt) -> str:
        """A shell command that sends the same body again; the token is named, never shown."""
        base_url = shlex.quote(self.base_url)
        path = self._store.body_path(attempt.submission.attempt_id)
        return (
            f'curl {base_url}/accounts/"$CLOUDFLARE_ACCOUNT_ID"/email/sending/{attempt.submission.endpoint} \\\n'
            '  -H "Authorization: Bearer $CLOUDFLARE_API_TOKEN" \\\n'
            '  -H "Content-Type: application/json" \\\n'
            f"  --data-binary @{shlex.quote(str(path))}"
        )

    def open_raw(self, path: str) -> RawDraft:
        """A raw message from a file. Raises MessageError naming the file if it cannot be read."""
        return raw_draft(read_source(path, Place.SOURCE))

    def save_draft(self, draft: SavedDraft) -> None:
        """Keep what was typed; of two revisions the newer stays. The draft is open here from its first save on."""
        self._store.save_draft(draft)
        if draft.draft_id not in self._open_drafts:
            self.open_draft(draft.draft_id)

    def open_draft(self, draft_id: str) -> bool:
        """Say that the draft is open here; False if it is open in another cfmail that runs."""
        if mine := self._store.claim_draft(draft_id):
            self._open_drafts.add(draft_id)
        return mine

    def close_draft(self, draft_id: str) -> None:
        """The draft is no longer open here."""
        if draft_id in self._open_drafts:
            self._open_drafts.discard(draft_id)
            self._store.release_draft(draft_id)

    def draft(self, draft_id: str) -> SavedDraft:
        return self._store.draft(draft_id)

    def drafts(self) -> tuple[SavedDraft, ...]:
        """Every draft, newest first."""
        return self._store.drafts()

    def delete_draft(self, draft_id: str) -> None:
        """Take the draft out of the list; `restore_draft` brings it back for a week."""
        self._store.delete_draft(draft_id)

    def restore_draft(self, draft_id: str) -> SavedDraft:
        """Bring a deleted draft back. Raises NoSuchDraft, a MailError, when its week is over."""
        return self._store.restore_draft(draft_id)

    def remember_sender(self, sender: str) -> None:
        """Offer this From the next time."""
        self._store.remember("sender", sender)

    def usual_sender(self) -> str:
        """The From of the last mail, "" before the first."""
        return self._store.recall("sender") or ""

    def close(self) -> None:
        self._store.close()


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def new_id() -> str:
    """A name for a draft or an attempt that no other has."""
    return secrets.token_hex(8)


def raw_draft(source: bytes) -> RawDraft:
    """A message as found, with the envelope its header suggests: From, and everyone in To, Cc and Bcc.

    Addresses that do not parse are left as they stand, to be mended where they are seen.
    """
    sender = next(iter(mime.field_bodies(source, "From") or mime.field_bodies(source, "Sender")), "")
    addressed = ", ".join(mime.field_bodies(source, "To", "Cc", "Bcc"))
    return RawDraft(
        sender=_addresses_only(sender, Place.ENVELOPE_SENDER),
        recipients=_addresses_only(addressed, Place.ENVELOPE_RECIPIENTS),
        source=source,
    )


def _addresses_only(text: str, place: Place) -> str:
    try:
        return ", ".join(mailbox.addr_spec for mailbox in parse_mailboxes(text, place))
    except MessageError:
        return text


def mailto_draft(uri: str) -> Draft:
    """What a mailto URI asks for (RFC 6068); fields that could harm, such as attach, are passed over."""
    address, _, query = uri.partition(":")[2].partition("?")
    found: dict[str, list[str]] = {"to": [unquote(address)] if address else []}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        found.setdefault(unquote(name).lower(), []).append(unquote(value).replace("\r\n", "\n"))
    threading_fields = ("in-reply-to", "references")
    # In one line each: a line break would begin a field that was never asked for.
    headers = [f"{name.title()}: {' '.join(found[name][0].split())}" for name in threading_fields if name in found]
    return Draft(
        to=", ".join(found["to"]),
        cc=", ".join(found.get("cc", [])),
        bcc=", ".join(found.get("bcc", [])),
        subject=" ".join("".join(found.get("subject", [])).splitlines()),
        headers="\n".join(headers),
        text="\n".join(found.get("body", [])),
    )


def inline_attachment(value: str) -> AttachmentDraft:
    """The file PATH or PATH=CID stands for; a path may have an = of its own."""
    path, equals, content_id = value.rpartition("=")
    if not equals or os.path.lexists(value):
        path, content_id = value, ""
    return AttachmentDraft(os.path.abspath(path), "inline", content_id=content_id)  # noqa: PTH100


def header_lines(fields: Sequence[str]) -> str:
    """Header fields for a draft. Raises MessageError for a line break within one: it would begin another."""
    if broken := [field for field in fields if set(field) & set("\r\n")]:
        words = "“{}” has a line break in it; give each field by itself"
        raise MessageError(*(Problem(Place.HEADERS, words.format(printable(field))) for field in broken))
    return "\n".join(fields)


def markdown_to_html(text: str) -> str:
    """Markdown (CommonMark with tables and strikethrough) as the HTML body of a mail; of blanks, none."""
    from markdown_it import MarkdownIt

    html: str = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text)
    return html if text.strip() else ""


def _message_id(attempt: Attempt, message: MailMessage) -> str:
    said = attempt.outcome.receipt.message_id if isinstance(attempt.outcome, Accepted) else ""
    if found := re.fullmatch(r"<?([!-;=?-~]{1,900})>?", said):
        # What an answer says need not be fit for a header field.
        return f"<{found[1]}>"
    return f"<{attempt.submission.attempt_id}@{message.sender.domain}>"


def _message_of(body: dict[str, Any]) -> tuple[MailMessage, list[bytes]]:
    """The mail a builder body was made from; an attachment's `path` is its place in the list of contents."""

    def mailbox(value: str | dict[str, str]) -> Mailbox:
        return Mailbox(value) if isinstance(value, str) else Mailbox(value["address"], value["name"])

    def mailboxes(key: str) -> tuple[Mailbox, ...]:
        value = body.get(key, [])
        return tuple(map(mailbox, value if isinstance(value, list) else [value]))

    parts = body.get("attachments", [])
    contents = [b64decode(part["content"]) for part in parts]
    attachments = tuple(
        Attachment(
            str(number), part["filename"], part["type"], len(content), part["disposition"], part.get("content_id", "")
        )
        for number, (part, content) in enumerate(zip(parts, contents, strict=True))
    )
    message = MailMessage(
        sender=mailbox(body["from"]),
        to=mailboxes("to"),
        cc=mailboxes("cc"),
        bcc=mailboxes("bcc"),
        reply_to=mailbox(body["reply_to"]) if "reply_to" in body else None,
        subject=body["subject"],
        headers=tuple(HeaderField(*item) for item in body.get("headers", {}).items()),
        text=body.get("text", ""),
        html=body.get("html", ""),
        attachments=attachments,
    )
    return message, contents
