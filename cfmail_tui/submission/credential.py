"""Who the API is told the mail is from, with a credential that shows itself nowhere."""

from cfmail_tui.frozen import frozen


class Secret:
    """A credential that shows itself nowhere: not in repr, str, format or a traceback's local variables."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((type(self), self._value))

    def __reduce__(self) -> str:
        raise TypeError("a secret is not copied to disk")


class ApiToken(Secret):
    """An API token, sent as `Authorization: Bearer`."""

    __slots__ = ()


@frozen
class GlobalKey:
    """The older pair: a user's e-mail address and global API key, sent as X-Auth-Email and X-Auth-Key."""

    email: str
    key: Secret


Credential = ApiToken | GlobalKey


def sender_in_words(name: str, source: str) -> str:
    """An account by its name and where its credential is from, which may be the same."""
    return source if source.partition(" (")[0] == name else f"{name} · {source}"


@frozen
class Account:
    """Who the API is told the mail is from; `source` says in words where the credential was found."""

    name: str
    account_id: str
    credential: Credential
    source: str

    @property
    def words(self) -> str:
        """Who sends, for the screen: the name, and where the credential came from."""
        return sender_in_words(self.name, self.source)
