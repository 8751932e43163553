"""The face of the package: what the API is asked for, for one credential."""

import ssl
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Final, Self
from urllib.parse import quote

from cfmail_tui.api.discretion import throughout
from cfmail_tui.api.errors import StopError
from cfmail_tui.api.exchange import WIRE_ERRORS, Cancellation, Timeouts
from cfmail_tui.api.upload import Leaving, Progress, Upload
from cfmail_tui.api.wire import Wire
from cfmail_tui.submission import Accepted, Credential, GlobalKey, NotSent, Outcome, Submission, Unknown, decode

if TYPE_CHECKING:
    # What only asks is loaded when something is asked: most commands send one mail, and end.
    from cfmail_tui.api.search import Search
    from cfmail_tui.api.suppressions import SuppressionList
    from cfmail_tui.inspection import Inspection, Remark
    from cfmail_tui.lookup import Verdict
    from cfmail_tui.suppressions import Suppression

_TIMEOUTS: Final = Timeouts()


class Client:
    """The API as far as it sends mail and tells of it, for one credential; may be used by several threads."""

    def __init__(
        self,
        base_url: str,
        credential: Credential,
        *,
        timeouts: Timeouts = _TIMEOUTS,
        proxy: str | None = None,
        verify: ssl.SSLContext | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take note of where and as whom to send; nothing is opened.

        `proxy` is the URL of an HTTP proxy and is used for https only, since over plain http it would see the token.
        `verify` replaces the public certificate authorities, for a private one. Raises BaseUrlError and
        CredentialFormError.
        """
        self._timeouts = timeouts
        self._clock = clock
        self._credential = credential
        self._wire = Wire(base_url, credential, proxy=proxy, verify=verify, clock=clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is kept open between two mails, so nothing is left to do; here for a caller that need not know."""

    def get_ready(self) -> None:
        """Do ahead what a request has to wait for otherwise; no connection is made, since one can go stale.

        Whatever is wrong is told by the request itself.
        """
        with suppress(StopError):
            self._wire.get_ready()

    def submit(
        self,
        submission: Submission,
        body: BinaryIO,
        *,
        leaving: Leaving = lambda: None,
        progress: Progress = lambda _sent, _total: None,
        cancellation: Cancellation | None = None,
    ) -> Outcome:
        """Send the mail, once, and tell what is certain about it; whatever happens on the wire is an outcome.

        `body` is read from where it stands to its end, and not closed. `leaving` is called at most once, in this
        thread, when the way to the server is open and before the first octet of the request goes onto it; if it
        raises, none does and the mail is not sent. `progress` gets the octets handed to the system and those there
        are, after every block, in this thread; it must not raise. Looking a name up takes as long as the system
        takes: `Timeouts.connect` and `cancellation` count from there.
        """
        upload = Upload(
            submission,
            body,
            leaving=leaving,
            progress=progress,
            cancellation=cancellation or Cancellation(),
            timeouts=self._timeouts,
        )
        path = f"/accounts/{quote(submission.account_id, safe='')}/email/sending/{submission.endpoint}"
        try:
            with upload:
                answer = self._wire.ask(upload, "POST", path, upload, submission.body_size)
        except WIRE_ERRORS as error:
            reason = upload.reason(error)
            outcome: Outcome = Unknown(reason) if upload.left else NotSent(reason, upload.may_pass(error))
        else:
            outcome = decode(answer)
            if isinstance(outcome, Unknown) and not upload.left and not 200 <= answer.status < 300:
                outcome = NotSent(f"the server broke off the upload (HTTP {answer.status})")
        if isinstance(outcome, Accepted):
            # Whose key it is may be a recipient.
            return throughout(outcome, self._wire.unkeyed)
        return throughout(outcome, lambda text: self._wire.discreet(text, submission.account_id))

    def find(
        self,
        submission: Submission,
        started_at: datetime,
        *,
        known: Collection[str] = (),
        cancellation: Cancellation | None = None,
    ) -> "Verdict":
        """Look in Cloudflare's records for a mail that may have been sent; whatever happens on the wire is a verdict.

        Asks for the zone of the sender's domain and for that zone's events around `started_at`, each once, all within
        `Timeouts.answer`; changes nothing. `known` are the message ids of other attempts, which this one is not.
        """
        return self._search(cancellation).find(submission, started_at, known)

    def follow(
        self, submission: Submission, message_id: str, started_at: datetime, *, cancellation: Cancellation | None = None
    ) -> "Verdict":
        """Look in Cloudflare's records for what became of the recipients of a mail that was accepted under this id.

        Asks for the zone, then for the mail's events, twice where the records cannot be asked by message id; changes
        nothing. Whatever happens on the wire is a verdict.
        """
        return self._search(cancellation).follow(submission, message_id, started_at)

    def _search(self, cancellation: Cancellation | None) -> "Search":
        from cfmail_tui.api.search import Search

        return Search(self._wire, self._timeouts, self._clock, cancellation or Cancellation())

    def suppressions(
        self, account_id: str, addresses: Sequence[str], *, cancellation: Cancellation | None = None
    ) -> "tuple[Suppression, ...] | Remark":
        """What stands of these addresses on the account's suppression list, or why it cannot be told.

        Asks once for each, some at the same time, all within `SUPPRESSION_LIMIT` seconds; changes nothing.
        """
        return self._suppression_list(account_id, cancellation).look_up(addresses)

    def unsuppress(
        self, account_id: str, suppression_id: str, *, cancellation: Cancellation | None = None
    ) -> "Remark | None":
        """Take an entry off the account's suppression list, in one request; why that did not work, None if it did."""
        return self._suppression_list(account_id, cancellation).remove(suppression_id)

    def _suppression_list(self, account_id: str, cancellation: Cancellation | None) -> "SuppressionList":
        from cfmail_tui.api.suppressions import SuppressionList

        return SuppressionList(self._wire, self._timeouts, cancellation or Cancellation(), account_id)

    def inspect(self, account_id: str = "", *, cancellation: Cancellation | None = None) -> "Inspection":
        """Learn what the credential is and may do; whatever happens on the wire is a remark.

        Without an account id the account is the one that the credential sees, if it sees only one. Every question is
        asked once, some at the same time, and all together take at most `INSPECTION_LIMIT` seconds or
        `Timeouts.answer`, whichever is less; what was learned until then is told. Changes nothing.
        """
        from cfmail_tui.api.inspect import Questioner

        questioner = Questioner(self._wire, self._timeouts, self._clock, cancellation or Cancellation())
        return questioner.inspect(account_id, by_key=isinstance(self._credential, GlobalKey))
