"""The one road of a mail: prepare what was typed, send what was reviewed, tell what became of it.

The only orchestrator, used alike by the screens and by the commands, and the only reader of attachment files.
Synchronous: call it from a worker thread.

Invariants:
- what `prepare` wrote to the body file is what `send` puts on the wire, octet for octet;
- one attempt per reviewed mail, however often `send` is called; one mail on the wire at a time;
- a journal row is committed before the wire is touched, and ends in exactly one outcome;
- by itself only a mail that was certainly not sent is tried again, and only if the caller waits for it (`retry`).
"""

import random
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Final

from cfmail_tui import lint, retry, submission
from cfmail_tui.accounts import (
    COMMAND,
    DEFAULT_ACCOUNT,
    Accounts,
    Choice,
    Listed,
    NeedsPassphrase,
    NeedsTerminal,
    NoAccount,
    NoneSetUp,
)
from cfmail_tui.attachments import read_file
from cfmail_tui.frozen import frozen
from cfmail_tui.message import Draft, MailMessage, RawDraft, SavedDraft
from cfmail_tui.outbox.checking import Checked
from cfmail_tui.outbox.copies import new_id, write_copy
from cfmail_tui.outbox.exports import Exports
from cfmail_tui.outbox.failures import NotRecorded, OutboxError
from cfmail_tui.outbox.history import Page
from cfmail_tui.outbox.memory import account_key
from cfmail_tui.outbox.people import Known, People
from cfmail_tui.outbox.proofs import Proof, Proofs
from cfmail_tui.outbox.recipients import Recipients
from cfmail_tui.outbox.reviewed import Foreseen, Found, Reviewed
from cfmail_tui.outbox.road import Road
from cfmail_tui.store import AttemptExists, DayCount, Retention, Store, StoreError, Waiting
from cfmail_tui.submission import (
    LARGEST_SIZE_LIMIT,
    SIZE_LIMIT,
    Accepted,
    Account,
    Attempt,
    Credential,
    NotSent,
    Outcome,
    Secret,
    SendRequest,
    Submission,
    Unknown,
    contents_of,
    size_limit,
)

if TYPE_CHECKING:
    # httpx is loaded when the first mail is reviewed, not when the program starts.
    from cfmail_tui import api
    from cfmail_tui.inspection import Inspection

__all__ = [
    "COMMAND",
    "DEFAULT_ACCOUNT",
    "Accounts",
    "Checked",
    "Choice",
    "DayCount",
    "Foreseen",
    "Known",
    "Listed",
    "NeedsPassphrase",
    "NeedsTerminal",
    "NoAccount",
    "NoneSetUp",
    "NotRecorded",
    "Outbox",
    "OutboxError",
    "Page",
    "Proof",
    "Retention",
    "Reviewed",
    "Unfinished",
    "new_id",
    "write_copy",
]

ANSWER_LIMIT: Final = 10.0
"""Seconds that a mail in flight may still take when the program was told to end; then it is to be cancelled."""

_KNOWN: Final = 500
"""Unsettled attempts that a new mail is compared with."""

_FOR_EVER: Final = Retention()

Progress = Callable[[int, int], None]

Later = Callable[[float], None]
"""Is told in how many seconds a mail that was not sent is tried again."""


@frozen
class Unfinished:
    """A draft, and if it was to be sent and waits to be tried again, since when and until when."""

    draft: SavedDraft
    waiting: Waiting | None = None


class Outbox(Exports, Recipients, Proofs):
    """Prepares, sends and remembers mails; every method blocks and may be called from any thread."""

    def __init__(
        self,
        store: Store,
        accounts: Accounts,
        base_url: str,
        environ: Mapping[str, str],
        *,
        verified: Collection[str] = (),
        choices: Mapping[str, lint.Choice] | None = None,
        retention: Retention = _FOR_EVER,
        address_files: Sequence[str] = (),
        markdown_template: str = "",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`verified` are destination addresses that the user says are verified, of whatever account; `choices` what
        the user made of rules for drafts; `retention` says how long the history is kept, `address_files` where people
        stand who can be written to, `markdown_template` the page that a body in Markdown is put into.
        """
        super().__init__(store)
        self.accounts = accounts
        self.road = Road(base_url, environ)
        self._said_verified = verified
        self._choices = choices
        self._retention = retention
        self._markdown_template = markdown_template
        self._people = People(store, address_files)
        self._clock = clock
        self._chance = chance
        self.notices: tuple[str, ...] = ()
        """What the user should know of what was found when this was opened."""
        self._open_drafts: set[str] = set()
        self._turn = threading.Lock()
        self._has_turn = ""
        self._cancellations: dict[str, api.Cancellation] = {}
        self._unrecorded: dict[str, Outcome] = {}

    def prepare(
        self, content: Draft | RawDraft, draft: SavedDraft | None = None, *, account: Account | None = None
    ) -> Reviewed:
        """Read everything the mail is made of and write down the request body that would leave.

        Raises MessageError with all reasons why the mail cannot be sent as it is, then NoAccount if none is given and
        none found, StoreError if the body cannot be written.
        """
        name = draft.account if draft else ""
        ready, found, request = self._request(content, account or name)
        account = account or self.accounts.find(name)
        ready_to_leave = self._written(request, account)
        caution = self._caution(ready_to_leave)
        return Reviewed(ready, account, ready_to_leave, draft, caution=caution, limit=request.limit, findings=found)

    def foresee(self, content: Draft | RawDraft) -> Foreseen:
        """What would leave, to know whether it could; nothing is written down, and nobody needs to be found to send it.

        Raises MessageError as `prepare` does.
        """
        _, found, request = self._request(content, "")
        return Foreseen(request.envelope, request.subject, request.message_size, found)

    def _request(
        self, content: Draft | RawDraft, account: Account | str
    ) -> tuple[MailMessage | RawDraft, tuple[Found, ...], SendRequest]:
        limit = partial(self.limit, account)
        ready, found = self._checked(content, account.name if isinstance(account, Account) else account)
        if isinstance(ready, RawDraft):
            return ready, found, submission.raw_request(ready, limit=limit)
        return ready, found, submission.builder_request(ready, self.assembled(ready), read_file, limit=limit)

    def limit(self, account: Account | str, recipients: Collection[str]) -> int:
        """Octets of a message to these, sent as this account, or the one of this name, which is found if it matters."""
        if size_limit(recipients, self._said_verified) > SIZE_LIMIT:
            return LARGEST_SIZE_LIMIT
        learned = self._verified()
        if size_limit(recipients, [*chain.from_iterable(learned.values())]) > SIZE_LIMIT:
            with suppress(NoAccount):
                found = self.accounts.find(account) if isinstance(account, str) else account
                return size_limit(recipients, learned.get(account_key(found.account_id), ()))
        return SIZE_LIMIT

    def _caution(self, new: Submission) -> str:
        """Words about a mail to the same people with the same subject whose outcome nobody knows yet."""
        for attempt in self._store.unsettled(_KNOWN):
            tried = attempt.submission
            if (tried.subject, set(tried.envelope.recipients)) == (new.subject, set(new.envelope.recipients)):
                return f"a mail like this may have been sent {_when(attempt)}: its outcome is unknown, F8 tells more"
        return ""

    def discard(self, reviewed: Reviewed) -> None:
        """Forget a reviewed mail that was not sent; its draft stays."""
        self._store.discard_body(reviewed.submission.attempt_id)

    def send(
        self, reviewed: Reviewed, progress: Progress = lambda _sent, _total: None, later: Later | None = None
    ) -> Attempt:
        """Send a reviewed mail, once; a second call waits for the first and gives the same attempt.

        A caller who gives `later` will see to it that a mail which was certainly not sent, for a cause that may pass,
        is tried again: such a mail waits in the store until then, also for the next start.

        Raises StoreError if the attempt could not be written down (then nothing was sent), NotRecorded if the outcome
        could not.
        """
        from cfmail_tui import api

        attempt_id = reviewed.submission.attempt_id
        cancellation = self._cancellations.setdefault(attempt_id, api.Cancellation())
        try:
            with self._turn:
                self._has_turn = attempt_id
                try:
                    attempt = self._store.begin(
                        reviewed.submission,
                        reviewed.account.name,
                        reviewed.draft,
                        again_of=reviewed.again_of or None,
                        contents=contents_of(reviewed.content, reviewed.findings, is_test=reviewed.is_test),
                        key=reviewed.key,
                    )
                except AttemptExists:
                    return self._store.attempt(attempt_id)
                try:
                    outcome = self._submit(reviewed, progress, cancellation)
                except Exception as error:  # noqa: BLE001 - whatever happened on the wire, the attempt gets an outcome
                    outcome = Unknown(f"an unexpected error ({type(error).__name__})")
                seconds = self._until_next_try(reviewed, outcome) if later else None
                next_at = None if seconds is None else self._clock() + timedelta(seconds=seconds)
                try:
                    attempt = self._store.finish(attempt_id, outcome, next_at=next_at)
                except StoreError as error:
                    self._unrecorded[attempt_id] = outcome
                    raise NotRecorded(attempt, outcome, str(error)) from error
                if later and seconds is not None:
                    later(seconds)
                if isinstance(outcome, Accepted) and isinstance(reviewed.content, MailMessage):
                    self._remember_files(part.path for part in reviewed.content.attachments)
                return attempt
        finally:
            self._cancellations.pop(attempt_id, None)

    def _submit(self, reviewed: Reviewed, progress: Progress, cancellation: "api.Cancellation") -> Outcome:
        from cfmail_tui import api

        try:
            client = self.road.client(reviewed.account.credential)
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

    def _record_late(self) -> None:
        """Write down what could not be written when it came; until then the next start would call it unknown."""
        for attempt_id, outcome in [*self._unrecorded.items()]:
            with suppress(StoreError):
                self._store.finish(attempt_id, outcome)
                self._unrecorded.pop(attempt_id, None)

    def _until_next_try(self, reviewed: Reviewed, outcome: Outcome) -> float | None:
        # Without a draft there would be nothing to take back, to change it.
        return retry.delay(outcome, reviewed.tries + 1, self._chance()) if reviewed.draft else None

    def again(self, attempt: Attempt) -> Reviewed:
        """The very mail of an attempt, ready to leave once more, as the account of its draft, else as mail is sent now.

        Raises StoreError if it may have arrived, or another cfmail is about to send it; NoAccount.
        """
        attempt_id = attempt.submission.attempt_id
        draft = self._store.draft_of(attempt_id)
        account = self.accounts.find(draft.account if draft else "")
        root = attempt.again_of or attempt_id
        waiting = next((found for found in self._store.waiting() if found.root == root), None)
        if waiting and not self._store.adopt(root):
            raise OutboxError("another cfmail is about to send it again")
        linked = replace(self._store.again(attempt_id, new_id()), account_id=account.account_id)
        return Reviewed(
            content=self.content(linked),
            account=account,
            submission=linked,
            draft=draft,
            again_of=root,
            tries=waiting.tries if waiting else 0,
            caution=f"this is the very mail of {_when(attempt)}"
            + (", which may have arrived already" if isinstance(attempt.outcome, Unknown) else ""),
            limit=self.limit(account, linked.envelope.recipients),
        )

    def retry(self, reviewed: Reviewed) -> Reviewed:
        """The same mail once more, as the same account, after an attempt that was certainly not sent."""
        linked = self._store.again(reviewed.submission.attempt_id, new_id())
        return replace(
            reviewed,
            submission=replace(linked, account_id=reviewed.account.account_id),
            again_of=reviewed.again_of or reviewed.submission.attempt_id,
            tries=reviewed.tries + 1,
        )

    def waiting(self) -> tuple[Waiting, ...]:
        """The mails that wait here, or were left waiting by a cfmail that ended, to be tried again."""
        return self._store.waiting()

    def stop_waiting(self, root: str) -> None:
        """Do not try it again by itself; its draft stays. Raises OutboxError if it is too late for that."""
        if not self._store.stop_waiting(root):
            raise OutboxError("it does not wait any more: see the history")

    def unfinished(self) -> tuple[Unfinished, ...]:
        """Every draft, newest first, those that wait to be sent before the others."""
        waiting = {found.draft[0]: found for found in self._store.waiting() if found.draft}
        drafts = [Unfinished(draft, waiting.get(draft.draft_id)) for draft in self._store.drafts()]
        return tuple(sorted(drafts, key=lambda found: found.waiting is None))

    def cancel(self, *attempt_ids: str) -> None:
        """Stop sending these, now or when they begin; before the last octet left a mail is not sent, afterwards only
        the waiting ends.
        """
        from cfmail_tui import api

        # The one on the wire comes last: none of the others may have its turn because that one was stopped.
        for attempt_id in sorted(attempt_ids, key=lambda one: one == self._has_turn):
            self._cancellations.setdefault(attempt_id, api.Cancellation()).cancel()

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

    def inspect(self, name: str = "") -> "Inspection":
        """Ask Cloudflare what the credential of an account is and may do. Raises NoAccount."""
        account = self.accounts.find(name)
        found = self._inspection(account.credential, account.account_id)
        if found.knows_domains:
            self._remember_domains(account.account_id, [domain.name for domain in found.domains if domain.enabled])
        return found

    def inspect_typed(self, secret: Secret, email: str = "", account_id: str = "") -> "Inspection":
        """The same of a credential that was just typed. Raises NoAccount if it, or the account ID, cannot be one."""
        return self._inspection(self.accounts.parsed(secret, email), self.accounts.parsed_id(account_id))

    def _inspection(self, credential: Credential, account_id: str) -> "Inspection":
        with self.road.client(credential) as client:
            found = client.inspect(account_id)
        if found.account_id and found.knows_verified:
            self._remember_verified(found.account_id, found.verified)
        return found

    def save_draft(self, draft: SavedDraft) -> None:
        """Keep what was typed; of two revisions the newer stays. The draft is open here from its first save on."""
        self._record_late()
        self._store.save_draft(draft)
        if draft.draft_id not in self._open_drafts:
            self.open_draft(draft.draft_id)

    def open_draft(self, draft_id: str) -> bool:
        """Say that the draft is open here; False if it is open in another cfmail that runs.

        One that a cfmail left waiting to be tried again, when it ended, is taken back by that.
        """
        if mine := self._store.claim_draft(draft_id):
            self._open_drafts.add(draft_id)
            for waiting in self._store.waiting():
                if waiting.draft and waiting.draft[0] == draft_id:
                    self._store.stop_waiting(waiting.root)
        return mine

    def close_draft(self, draft_id: str) -> None:
        """The draft is no longer open here."""
        if draft_id in self._open_drafts:
            self._open_drafts.discard(draft_id)
            self._store.release_draft(draft_id)

    def draft(self, draft_id: str) -> SavedDraft:
        return self._store.draft(draft_id)

    def delete_draft(self, draft_id: str) -> None:
        """Take the draft out of the list; `restore_draft` brings it back for a week."""
        self._store.delete_draft(draft_id)

    def attached_paths(self) -> frozenset[str]:
        """The paths of the files attached to drafts, also to deleted ones that can still be restored."""
        return self._store.attached_paths()

    def restore_draft(self, draft_id: str) -> SavedDraft:
        """Bring a deleted draft back. Raises NoSuchDraft, a MailError, when its week is over."""
        return self._store.restore_draft(draft_id)

    def close(self) -> None:
        self._record_late()
        self._store.close()


def _when(attempt: Attempt) -> str:
    return attempt.started_at.astimezone().strftime("%Y-%m-%d %H:%M")


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
