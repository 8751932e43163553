"""Who mail is sent as, for the app: the account of a mail found, chosen and added, and what opens it asked for.

Invariants:
- a mail names its account as soon as that is found, and keeps it; only the user's word, or that the account is gone,
  which is told, makes it another;
- what failed for want of a passphrase or a terminal is done again once that was given, and told as failed if it is not;
- no question comes where somebody types: one that nobody waits for is asked only at a mail that was not touched.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from cfmail_tui.frozen import frozen
from cfmail_tui.message import Draft, printable
from cfmail_tui.profile import Identity, Profile
from cfmail_tui.submission import Account
from cfmail_tui.ui.account import AccountScreen, Answer
from cfmail_tui.ui.accounts import AccountsScreen
from cfmail_tui.ui.identity import IdentityScreen
from cfmail_tui.ui.passphrase import PassphraseScreen
from cfmail_tui.ui.work import Failed, Next, Task

if TYPE_CHECKING:
    from cfmail_tui.outbox import Accounts, NeedsPassphrase, NeedsTerminal, Outbox
    from cfmail_tui.ui.app import CfmailApp

Missing: TypeAlias = "NeedsPassphrase | NeedsTerminal"


@frozen
class _Found:
    """The account of a mail, as whom one writes from it, and words about the one that it had and that is gone."""

    account: Account
    identity: Identity | None
    gone: str = ""


@frozen
class _Stuck:
    """What goes on once something was given, or is told as failed."""

    again: Next
    otherwise: Callable[[str], object]


class Identifying:
    """The accounts, for the app."""

    def __init__(self, app: "CfmailApp") -> None:
        self._app = app
        self._in_use = ""
        """The account chosen for new mails, "" the one that comes first."""
        self._usual_sender = ""
        self._identity: Identity | None = None
        self._stuck: list[_Stuck] = []
        self._is_declined = False

    # The mail on the screen, and its account.

    def begin(self, usual_sender: str) -> None:
        """The outbox can be asked."""
        self._usual_sender = usual_sender
        self.greet()

    def next_mail(self) -> Draft:
        """An empty one; who it is from is offered once it is shown, unless nothing is known but the last one's From."""
        content = self._app.mail.content()
        known = self._usual_sender or self._identity
        return Draft(sender="" if known or not isinstance(content, Draft) else content.sender)

    @property
    def usual_sender(self) -> str:
        """The From of mail that is written now, as far as it is known."""
        return self._identity.sender if self._identity else self._usual_sender

    def remember_sender(self, sender: str) -> None:
        """Offer this From for the next mail, where the account has none of its own."""
        self._usual_sender = sender

    def greet(self, *, asked: bool = False) -> None:
        """Find the account of the mail on the screen; `asked`: the user waits for it."""
        mail = self._app.mail
        draft_id, name = mail.draft_id, mail.account or self._in_use
        if not mail.account:
            mail.offer(self._identity or Identity(self._usual_sender))

        def find(outbox: "Outbox") -> Next:
            from cfmail_tui.outbox import NeedsPassphrase, NeedsTerminal, NoAccount, NoneSetUp

            try:
                found = _look(outbox.accounts, name)
            except (NeedsPassphrase, NeedsTerminal) as error:
                missing: Missing = error
                return lambda: self._cannot_yet(draft_id, missing, asked=asked)
            except NoneSetUp:
                return lambda: self._none_set_up(draft_id)
            except NoAccount as error:
                reason = str(error)
                return lambda: self._not_found(draft_id, reason, asked=asked)
            return lambda: self._show(draft_id, found)

        self._app.run_task(find, lambda reason: self._not_found(draft_id, reason, asked=asked))

    def _show(self, draft_id: str, found: _Found) -> None:
        mail = self._app.mail
        if mail.draft_id != draft_id:
            return
        if not mail.account or found.gone:
            mail.account = found.account.name
        if found.account.name == self._in_use or not self._in_use:
            self._identity = found.identity
        mail.title_bar.show_account(found.account.words)
        mail.offer(found.identity or Identity(self._usual_sender))
        if found.gone:
            self._tell("Another account", found.gone)

    def _none_set_up(self, draft_id: str) -> None:
        if self._app.mail.draft_id == draft_id:
            self._app.mail.title_bar.show_account("no account yet")

    def _not_found(self, draft_id: str, reason: str, *, asked: bool) -> None:
        mail = self._app.mail
        if mail.draft_id == draft_id:
            mail.title_bar.show_account(f"{mail.account or 'account'}: cannot be used")
            if asked:
                self._app.complain(reason)
            else:
                self._tell(
                    "Nobody to send as",
                    f"{reason}.\n{self._app.keymap.first('review')} tries again, or takes another account.",
                )

    def _tell(self, title: str, words: str) -> None:
        """Something about the account of the mail on the screen that nobody asked for, beside what stands there."""
        if self._app.mail.results.is_clear:
            self._app.mail.results.say(title, words)
        else:
            self._app.notify(printable(words, 400), title=title, severity="warning", markup=False, timeout=10)

    def _cannot_yet(self, draft_id: str, missing: Missing, *, asked: bool) -> None:
        from cfmail_tui.outbox import NeedsPassphrase

        mail = self._app.mail
        if mail.draft_id != draft_id:
            return
        what = "locked" if isinstance(missing, NeedsPassphrase) else "not asked yet"
        mail.title_bar.show_account(f"{mail.account or 'account'}: {what}")
        is_untouched = self._app.screen is mail and not mail.has_changed() and not self._is_declined
        if asked or is_untouched:
            self._ask_for(missing, _Stuck(lambda: self.greet(asked=asked), self._decline))

    def _decline(self, _reason: str) -> None:
        self._is_declined = True

    # What opens an account.

    def is_missing(self, failed: Failed, told: Callable[[], object]) -> bool:
        """Whether it failed only for want of a passphrase or a terminal, which is asked for; else it is `told`."""
        from cfmail_tui.outbox import NeedsPassphrase, NeedsTerminal

        if failed.again is None or not isinstance(failed.error, NeedsPassphrase | NeedsTerminal):
            return False
        self._ask_for(failed.error, _Stuck(failed.again, lambda _reason: told()))
        return True

    def _ask_for(self, missing: Missing, stuck: _Stuck) -> None:
        from cfmail_tui.outbox import NeedsTerminal

        if isinstance(missing, NeedsTerminal):
            self._app.run_task(lambda outbox: lambda: self._with_terminal(outbox.accounts, stuck), stuck.otherwise)
            return
        self._stuck.append(stuck)
        if len(self._stuck) > 1:
            return  # it is asked already

        def answered(opened: bool | None) -> None:
            waiting, self._stuck = self._stuck, []
            for each in waiting:
                if opened:
                    each.again()
                else:
                    each.otherwise(str(missing))
            self._app.screen_is_there()

        self._app.push_screen(PassphraseScreen(is_new=missing.is_new), answered)

    def unlock(self, message: PassphraseScreen.Entered) -> None:
        def unlock(outbox: "Outbox") -> Next:
            outbox.accounts.unlock(message.passphrase)
            return message.screen.opened

        self._app.run_task(unlock, message.screen.refused)

    def _with_terminal(self, accounts: "Accounts", stuck: _Stuck) -> None:
        with self._app.handed_over():
            fault = _asked_there(accounts)
        if fault:
            stuck.otherwise(fault)
            self._app.complain(fault)
        else:
            stuck.again()
        self._app.screen_is_there()

    # The accounts screen.

    def choose(self) -> None:
        """Show the accounts, and use the one that is chosen."""
        self._app.push_screen(AccountsScreen(), self._use)

    def _use(self, name: str | None) -> None:
        if name is None:
            return
        mail = self._app.mail
        self._in_use = mail.account = name
        self._is_declined = False
        if not mail.is_new or mail.has_changed():
            self._app.drafting.save(mail.handed_over())
        self.greet(asked=True)

    def list_for(self, screen: AccountsScreen) -> None:
        in_use = self._app.mail.account

        def look(outbox: "Outbox") -> Next:
            return partial(screen.show, outbox.accounts.all(), in_use)

        self._app.run_task(look, screen.not_listed)

    def inspect(self, name: str, screen: AccountsScreen) -> None:
        def inspect(outbox: "Outbox") -> Next:
            return partial(screen.show_inspection, name, outbox.inspect(name))

        self._app.run_task(inspect, partial(screen.say, name))

    def make_default(self, name: str, screen: AccountsScreen) -> None:
        def make(outbox: "Outbox") -> Next:
            outbox.accounts.make_default(name)
            return screen.refresh_list

        self._app.run_task(make, partial(screen.say, name))

    def remove(self, name: str, screen: AccountsScreen) -> None:
        def remove(outbox: "Outbox") -> Next:
            said = outbox.accounts.remove(name)
            return lambda: removed(said)

        def removed(said: str) -> None:
            screen.refresh_list()
            self._app.notify(printable(said, 400), markup=False, timeout=10)
            if self._in_use == name:
                self._in_use = ""
            if self._app.mail.account == name:
                self.greet()

        self._app.run_task(remove, partial(screen.say, name))

    def change_identity(self, message: AccountsScreen.IdentityRequested) -> None:
        profile = message.listed.profile

        def answered(identity: Identity | None) -> None:
            if identity is None:
                return
            first = (identity,) if identity != Identity("") else ()
            changed = replace(profile, identities=(*first, *profile.identities[1:]))
            self._app.run_task(keep(changed), partial(message.screen.say, profile.name))

        def keep(changed: Profile) -> Task:
            def save(outbox: "Outbox") -> Next:
                outbox.accounts.save_profile(changed)
                return kept

            return save

        def kept() -> None:
            message.screen.refresh_list()
            if self._app.mail.account == profile.name:
                self.greet()

        first = profile.identities[0] if profile.identities else Identity("")
        self._app.push_screen(IdentityScreen(profile.name, first), answered)

    # Adding one.

    def add(self, reason: str, then: Next) -> None:
        """Ask for an account; `then` follows once it is used, for the mail on the screen as well."""

        def answered(usable: bool | None) -> None:
            if usable:
                then()

        self._app.push_screen(AccountScreen(reason), answered)

    def check(self, message: AccountScreen.CheckRequested) -> None:
        def check(outbox: "Outbox") -> Next:
            from cfmail_tui.outbox import DEFAULT_ACCOUNT

            accounts = outbox.accounts
            inspection = outbox.inspect_typed(message.secret, message.email, message.account_id)
            listed = {each.profile.name: each.problem for each in accounts.all()}
            usual = accounts.usual_name
            # One whose secret is lost is most likely the one that is added again.
            is_wanted = bool(listed[usual]) if usual in listed else not listed or usual != DEFAULT_ACCOUNT
            name = usual if is_wanted else ""
            answer = Answer(inspection, accounts.choices(), name, tuple(listed))
            return partial(message.screen.checked, answer)

        self._app.run_task(check, message.screen.refused)

    def keep(self, message: AccountScreen.AddRequested) -> None:
        """Use what was typed from now on; where its passphrase is wanted, that is asked for first."""
        kept_in = cast('Literal["keyring", "file", "memory"]', message.profile.kept_in)

        def add(outbox: "Outbox") -> Next:
            account, not_kept = outbox.accounts.add(
                message.profile, message.account_id, message.secret, message.email, keep=kept_in
            )
            return lambda: added(account, not_kept)

        def added(account: Account, not_kept: str) -> None:
            self._in_use = self._app.mail.account = account.name
            message.screen.accepted()
            self.greet()
            if not_kept:
                self._app.notify(printable(not_kept, 400), severity="warning", markup=False, timeout=10)

        self._app.run_task(add, message.screen.refused)


def _look(accounts: "Accounts", name: str) -> _Found:
    """The account called so, or who comes first where nobody has heard of that one any more. Raises NoAccount."""
    from cfmail_tui.outbox import NeedsPassphrase, NeedsTerminal, NoAccount, NoneSetUp

    gone = ""
    try:
        account = accounts.find(name)
    except NoAccount as error:
        if isinstance(error, NeedsPassphrase | NeedsTerminal) or not name or accounts.knows(name):
            raise
        gone = f"The account “{name}” is not set up any more"
        try:
            account = accounts.find()
        except NoneSetUp:
            raise NoAccount(f"{gone}, and there is no other") from error
        gone += f": this mail is now sent as {account.words}."
    return _Found(account, next(iter(accounts.identities(account.name)), None), gone)


def _asked_there(accounts: "Accounts") -> str:
    """Let the password command ask on the terminal; gives words about what did not work.

    An error is given, not raised: one that is raised through `App.suspend` leaves the terminal handed over.
    """
    from cfmail_tui.outbox import COMMAND, NoAccount

    try:
        accounts.find(COMMAND, terminal=True)
    except NoAccount as error:
        return str(error)
    return ""
