"""What is kept of an account, as JSON: everything but its name, which is where it is kept under."""

import json
from typing import Final, assert_never

from cfmail_tui.credentials.failures import BadCredential
from cfmail_tui.credentials.parsing import parse_name
from cfmail_tui.submission import Account, ApiToken, GlobalKey, Secret

_FORMAT: Final = 1
"""Version of the JSON an entry holds."""


def packed(account: Account) -> Secret:
    """What to keep under the account's name. Raises BadCredential if that is no name."""
    parse_name(account.name)
    fields: dict[str, str | int] = {"v": _FORMAT, "account_id": account.account_id}
    match account.credential:
        case ApiToken() as token:
            fields |= {"token": token.reveal()}
        case GlobalKey(email, key):
            fields |= {"email": email, "key": key.reveal()}
        case _:
            assert_never(account.credential)
    return Secret(json.dumps(fields))


def unpacked(name: str, value: Secret, source: str) -> Account:
    """The account kept so. Raises BadCredential, which names the entry, if this cfmail did not write it."""
    try:
        fields = json.loads(value.reveal())
    except (ValueError, RecursionError):
        fields = None
    match fields:
        case {"v": 1, "account_id": str(account_id), "token": str(token)}:
            return Account(name, account_id, ApiToken(token), source)
        case {"v": 1, "account_id": str(account_id), "email": str(email), "key": str(key)}:
            return Account(name, account_id, GlobalKey(email, Secret(key)), source)
        case {"v": int(version)} if version > _FORMAT:
            words = "was saved by a newer cfmail: update cfmail, or save the account again"
        case _:
            words = "was not made by cfmail or is damaged: save the account again, or delete it there"
    raise BadCredential(f"the entry “{name}” in the {source} {words}")
