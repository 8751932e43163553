"""`cfmail account`: accounts added, listed, checked, chosen and removed.

Invariants:
- a token, key or passphrase comes by standard input or from the terminal, never as an argument, and goes to Cloudflare
  and to where it is kept, into no output;
- `add` has changed something only when its exit code is 0, or 75 with `not_kept`, whose reason says how far it came.

Exit codes: 0 done, for `check` also where it is not certain whether mail can be sent from a domain; 64 usage, no such
account, or something has to be named: the account ID, the place to keep a secret; 69 Cloudflare does not take the
token, or it may not send; 75 Cloudflare could not be asked, or the secret could not be kept or removed; 77 what was
given cannot be a token, or what is kept cannot be used.

With --json:

    add      as in a list, and check: what is in inspected.py, null where nothing was asked
    list     a list of name, source, default, identities (each from, reply_to), problem ("" if it can be used)
    check    name, source, and what is in inspected.py
    default  name, default
    remove   name, removed, words

and where nothing came of it an object of `outcome` (usage, refused, not_checked, not_kept, not_removed,
no_credentials, not_sent), `reason` and `exit_code`; with `accounts`, a list of id and name, where one has to be chosen.
"""

import argparse
import difflib
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Literal

from cfmail_tui import report
from cfmail_tui.accounts import COMMAND, ENVIRONMENT, Accounts, Listed, NoAccount, StillKept
from cfmail_tui.cli import inspected
from cfmail_tui.cli.asking import account_found, as_text, has_terminal, new_passphrase, secret, unlock
from cfmail_tui.cli.opening import opened
from cfmail_tui.cli.output import DONE, NOT_SENT, USAGE, UsageError, complain, failed, print_json, tell
from cfmail_tui.cli.signals import Flight, heeding
from cfmail_tui.credentials import CredentialError, parse_account_id, parse_name
from cfmail_tui.frozen import frozen
from cfmail_tui.inspection import Inspection, What
from cfmail_tui.inspection.facts import ENDED
from cfmail_tui.message import MessageError, Place, parse_mailboxes, printable
from cfmail_tui.outbox import Outbox
from cfmail_tui.profile import Identity, Profile
from cfmail_tui.submission import Secret

_INPUT_LIMIT: Final = 64 * 1024
"""Octets of standard input: far more than a token and a passphrase."""

Tell = Callable[[], int]


@frozen
class _Piped:
    """What came by standard input; None is what has to be asked for."""

    secret: Secret | None = None
    passphrase: Secret | None = None


def account(args: argparse.Namespace) -> int:
    if args.verb == "add":
        return heeding(partial(_piped, args), partial(_add, args), as_json=args.json)
    run = {"list": _list, "check": _check, "default": _default, "remove": _remove}[args.verb]

    def deliver(_nothing: None, flight: Flight) -> Tell:
        with opened("", sandbox=False) as (outbox, _):
            return run(args, outbox, flight)

    return heeding(lambda: None, deliver, as_json=args.json)


def _piped(args: argparse.Namespace) -> _Piped:
    """Check the arguments, then read standard input, if it is not a terminal."""
    if args.global_key_stdin != bool(args.email):
        raise UsageError("--email and --global-key-stdin go together")
    if args.store == "memory":
        raise UsageError(
            "--store memory lasts as long as the program, and this one ends at once: see CLOUDFLARE_API_TOKEN"
        )
    if args.passphrase_stdin and args.store != "file":
        raise UsageError("--passphrase-stdin goes with --store file")
    if args.unchecked and not args.account_id:
        raise UsageError("--unchecked needs --account-id: Cloudflare is not asked for it")
    if args.reply_to and not args.senders:
        raise UsageError("--reply-to goes with --from")
    if args.name in {ENVIRONMENT, COMMAND}:
        raise UsageError(f"“{args.name}” is what another source is called: choose another name")
    try:
        parse_name(args.name)
        args.account_id = args.account_id and parse_account_id(args.account_id)
        for address in filter(None, [*args.senders, args.reply_to]):
            parse_mailboxes(address, Place.FROM)
    except (CredentialError, MessageError) as error:
        raise UsageError(str(error)) from error
    if sys.stdin.isatty():
        if args.passphrase_stdin:
            raise UsageError("--passphrase-stdin takes what is piped in; on a terminal it is asked for")
        return _Piped()
    octets = sys.stdin.buffer.read(_INPUT_LIMIT)
    if not args.passphrase_stdin:
        if args.store == "file" and not has_terminal():
            raise UsageError(
                "the encrypted file wants a passphrase: give it with --passphrase-stdin as the second line"
            )
        return _Piped(Secret(as_text(octets)))
    token, _, rest = octets.partition(b"\n")
    passphrase = rest.partition(b"\n")[0].removesuffix(b"\r")
    if not passphrase:
        raise UsageError("--passphrase-stdin: standard input has no second line")
    return _Piped(Secret(as_text(token)), Secret(as_text(passphrase)))


def _add(args: argparse.Namespace, piped: _Piped, flight: Flight) -> Tell:
    with opened("", sandbox=False) as (outbox, _):
        accounts = outbox.accounts
        store: Literal["keyring", "file"] = "file" if args.store == "file" else "keyring"
        if store == "keyring" and not accounts.choices()[0].is_offered:
            raise UsageError(_places(accounts))
        question = "Global API key: " if args.email else "API token: "
        given = piped.secret or secret(question, flight)
        accounts.parsed(given, args.email)
        found = None if args.unchecked else outbox.inspect_typed(given, args.email, args.account_id)
        if found and (refusal := _refusal(found, as_json=args.json)):
            return refusal
        account_id = args.account_id or (found.account_id if found else "")
        if store == "file":
            if piped.passphrase:
                accounts.unlock(piped.passphrase)
            elif accounts.has_file:
                unlock(accounts, flight)
            else:
                accounts.unlock(new_passphrase(flight))
        profile = Profile(args.name, "memory", _identities(args, accounts))
        kept, problem = accounts.add(profile, account_id, given, args.email, keep=store)
        if problem:
            words = f"“{args.name}” is not set up as it should be: {problem}"
            return partial(failed, "not_kept", words, NOT_SENT, as_json=args.json)
        listed = next(listed for listed in accounts.all() if listed.profile.name == kept.name)
        first = _goes_first(accounts)

    def write() -> None:
        if args.json:
            print_json(_as_json(listed) | {"source": kept.source, "check": inspected.as_json(found) if found else None})
            return
        print(f"“{printable(kept.name)}” is kept in the {kept.source}" + _default_words(listed.profile))
        if found:
            print("\n".join(inspected.verdict_in_words(found)))
        if first:
            complain(first)

    return partial(tell, write, DONE)


def _places(accounts: Accounts) -> str:
    """Where a secret can be kept on a machine without a keyring, a line each."""
    ways = {"keyring": "", "command": ", which needs no account to be added", "file": ": --store file"}
    return "\n".join(choice.words + ways[choice.kept_in] for choice in accounts.choices() if choice.kept_in in ways)


def _refusal(found: Inspection, *, as_json: bool) -> Tell | None:
    """What tells why the credential is not added, None if nothing speaks against it."""
    verdict = found.verdict
    words = f"{verdict.words}: {verdict.action}" if verdict.action else verdict.words
    lost = found.remark(What.ACCOUNT)
    if found.token.status in ENDED or (lost and found.account_id):
        return partial(failed, "refused", f"not added: {words}", report.REFUSED, as_json=as_json)
    if found.remark(What.CONNECTION) or (found.token.status == "unknown" and found.may_send is None):
        way = "try again, or add it with --unchecked and --account-id"
        return partial(failed, "not_checked", f"not added: {words}\n{way}", NOT_SENT, as_json=as_json)
    if found.account_id:
        return None
    seen = [{"id": account.account_id, "name": account.name} for account in found.accounts]
    if not seen:
        words = f"{lost.words if lost else words}: --account-id is needed; it stands in the dashboard's address"
        return partial(failed, "usage", words, USAGE, as_json=as_json)
    lines = [f"  {account['id']}  {account['name']}" for account in seen]
    words = "\n".join([f"the token sees {len(seen)} accounts: name one with --account-id", *lines])
    return partial(failed, "usage", words, USAGE, as_json=as_json, accounts=seen)


def _identities(args: argparse.Namespace, accounts: Accounts) -> tuple[Identity, ...]:
    """Those given, else those that the account has already: a new token changes nothing about who writes."""
    if args.senders:
        return tuple(Identity(sender, args.reply_to) for sender in args.senders)
    return next((listed.profile.identities for listed in accounts.all() if listed.profile.name == args.name), ())


def _list(args: argparse.Namespace, outbox: Outbox, _flight: Flight) -> Tell:
    found = outbox.accounts.all()

    def write() -> None:
        if args.json:
            print_json([_as_json(listed) for listed in found])
            return
        for listed in found:
            print(_in_a_line(listed))
        if not found:
            complain("no account is set up: cfmail account add NAME --token-stdin")

    return partial(tell, write, DONE, NOT_SENT)


def _check(args: argparse.Namespace, outbox: Outbox, flight: Flight) -> Tell:
    if args.name:
        _require(outbox.accounts, args.name, flight)
    checked = account_found(outbox.accounts, args.name, flight)
    found = outbox.inspect(args.name)

    def write() -> None:
        if args.json:
            print_json({"name": checked.name, "source": checked.source} | inspected.as_json(found))
        else:
            print("\n".join(inspected.in_words(found, checked.words)))

    return partial(tell, write, _code(found), NOT_SENT)


def _code(found: Inspection) -> int:
    if found.verdict.can_send is False:
        return report.REFUSED
    return NOT_SENT if found.may_send is None else DONE


def _default(args: argparse.Namespace, outbox: Outbox, flight: Flight) -> Tell:
    accounts = outbox.accounts
    if args.name in {ENVIRONMENT, COMMAND}:
        raise UsageError(f"“{args.name}” is used where it comes in the order, and cannot be the default")
    profile = _require(accounts, args.name, flight)
    # It may be in the keyring without being in the list.
    accounts.save_profile(profile)
    accounts.make_default(args.name)
    first = _goes_first(accounts)

    def write() -> None:
        if args.json:
            print_json({"name": args.name, "default": True})
        else:
            print(f"mail is sent as “{printable(args.name)}” when nobody says")
        if first:
            complain(first)

    return partial(tell, write, DONE)


def _remove(args: argparse.Namespace, outbox: Outbox, flight: Flight) -> Tell:
    accounts = outbox.accounts
    if _require(accounts, args.name, flight).kept_in == "file":
        account_found(accounts, args.name, flight)
    try:
        words = accounts.remove(args.name)
    except StillKept as error:
        return partial(failed, "not_removed", str(error), NOT_SENT, as_json=args.json)
    if args.name in {ENVIRONMENT, COMMAND} and accounts.knows(args.name):
        return partial(failed, "not_removed", words, NOT_SENT, as_json=args.json)

    def write() -> None:
        if args.json:
            print_json({"name": args.name, "removed": True, "words": words})
        else:
            print(printable(words, 400))

    return partial(tell, write, DONE)


def _require(accounts: Accounts, name: str, flight: Flight) -> Profile:
    """The account of this name, which may also be one that only the keyring knows of."""
    listed = {listed.profile.name: listed.profile for listed in accounts.all()}
    if name in listed:
        return listed[name]
    try:
        account_found(accounts, name, flight)
    except NoAccount as error:
        near = difflib.get_close_matches(name, listed, 1, cutoff=0.5)
        known = ", ".join(f"“{printable(other)}”" for other in near or listed)
        hint = f"did you mean {known}?" if near else f"there is {known}" if known else "cfmail account add makes one"
        raise UsageError(f"there is no account called “{printable(name)}”; {hint}") from error
    return Profile(name, "keyring")


def _goes_first(accounts: Accounts) -> str:
    """Words about what is used before any default, if it is there."""
    return (
        "the environment names an account, which is used before the default one" if accounts.knows(ENVIRONMENT) else ""
    )


def _default_words(profile: Profile) -> str:
    return "; it is the default" if profile.is_default else ""


def _as_json(listed: Listed) -> dict[str, Any]:
    profile = listed.profile
    return {
        "name": profile.name,
        "source": listed.source,
        "default": profile.is_default,
        "identities": [{"from": identity.sender, "reply_to": identity.reply_to} for identity in profile.identities],
        "problem": listed.problem,
    }


def _in_a_line(listed: Listed) -> str:
    profile = listed.profile
    senders = ", ".join(identity.sender for identity in profile.identities)
    parts = (printable(part, 400) for part in (profile.name, listed.source, senders, listed.problem) if part)
    return f"{'*' if profile.is_default else ' '} " + " · ".join(parts)
