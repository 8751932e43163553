"""Who may do what: credentials as the gateway reads them (4.3), and the rights of each kind of token (2.3, 4.2)."""

import hmac
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, StrEnum, auto

from cfmail_tui.sandbox.answers import ApiError, Json
from cfmail_tui.sandbox.files import new_token
from cfmail_tui.sandbox.state import State, stamp

_SEND = "email.sending.error.authentication"
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE | re.ASCII)  # RFC 6750 2.1
_MALFORMED = {"Authorization": 6111, "X-Auth-Key": 6103, "X-Auth-Email": 6102}


class TokenKind(StrEnum):
    """The kinds of token a client may be given by mistake, and the right one."""

    USER = "user"
    """Of a user, active, with every right the sandbox knows."""
    ACCOUNT = "account"
    """Owned by the account: all rights, but `/user/tokens/verify` does not know it."""
    EXPIRED = "expired"
    DISABLED = "disabled"
    NO_SEND = "no_send"
    """May read and not send: 403/10102."""
    NO_READ = "no_read"
    """May send and nothing else: the lists of accounts and zones are empty."""
    NO_ANALYTICS = "no_analytics"
    """All rights but Analytics Read: what became of a mail cannot be asked for."""
    NO_SUPPRESSIONS = "no_suppressions"
    """All rights but on the suppression list: 403/10102 there."""
    WRONG_TYPE = "wrong_type"
    """A credential of a type that the sending endpoints do not take: 401/10103."""


class Right(Enum):
    """What a route asks for."""

    SEND = auto()
    SUPPRESSIONS = auto()
    READ = auto()
    EDIT = auto()
    LIST = auto()
    """Lists of accounts and zones: answered for anybody, with what the token may see."""
    VERIFY = auto()
    ANALYTICS = auto()
    """Judged by the endpoint, which answers in the words of GraphQL."""


@dataclass(frozen=True, slots=True)
class Credential:
    id: str
    kind: TokenKind
    by_global_key: bool = False


class Access:
    """The tokens of one sandbox, and the global key if it takes one."""

    def __init__(self, state: State, *, global_key: bool) -> None:
        self._state = state
        self._global_key = global_key
        self._tokens = {state.identity.token: TokenKind.USER}
        self._lock = threading.Lock()

    def add_token(self, kind: TokenKind) -> str:
        token = new_token()
        with self._lock:
            self._tokens[token] = kind
        return token

    def identify(self, header: Mapping[str, str]) -> Credential | None:
        """The credential of a request, by its header fields under lower-case names.

        None is a credential that nobody issued; none at all, or a malformed one, raises.
        """
        bearer = header.get("authorization")
        if bearer is not None:
            match = _BEARER.fullmatch(bearer.strip())
            if not match:
                raise _malformed("Authorization")
            with self._lock:
                kind = self._tokens.get(match[1])
            return Credential(self._state.identifier("token", match[1]), kind) if kind else None
        email, key = header.get("x-auth-email"), header.get("x-auth-key")
        if email is None or key is None:
            text = "Missing X-Auth-Key, X-Auth-Email or Authorization headers"
            raise ApiError(400, 9106, text, reason="no credentials")
        if not re.fullmatch(r"[!-~]+@[!-~]+", email):
            raise _malformed("X-Auth-Email")
        if not re.fullmatch(r"[A-Za-z0-9_-]+", key, re.ASCII):
            raise _malformed("X-Auth-Key")
        identity = self._state.identity
        known = email.lower() == identity.email.lower() and hmac.compare_digest(key, identity.global_key)
        if self._global_key and known:
            return Credential(self._state.identifier("key"), TokenKind.USER, by_global_key=True)
        return None

    def authorize(self, credential: Credential | None, right: Right) -> None:
        """Raise what the API answers to a credential without the right."""
        match right:
            case Right.SEND | Right.SUPPRESSIONS:
                _authorize_sending(credential)
                if right is Right.SUPPRESSIONS and credential and credential.kind is TokenKind.NO_SUPPRESSIONS:
                    raise ApiError(403, 10102, f"{_SEND}.forbidden")
            case Right.VERIFY | Right.ANALYTICS:
                pass
            case Right.LIST | Right.READ | Right.EDIT:
                if credential is None or not self.is_valid(credential):
                    raise ApiError(403, 9109, "Invalid access token")
                blind = credential.kind in {TokenKind.NO_READ, TokenKind.WRONG_TYPE}
                if (right is not Right.LIST and blind) or (
                    right is Right.EDIT and credential.kind is TokenKind.NO_SEND
                ):
                    raise ApiError(403, 10000, "Authentication error", reason=f"a {credential.kind} token")

    def is_valid(self, credential: Credential | None) -> bool:
        return credential is not None and credential.kind not in {TokenKind.EXPIRED, TokenKind.DISABLED}

    def may_see_analytics(self, credential: Credential | None) -> bool:
        blind = {TokenKind.NO_READ, TokenKind.NO_ANALYTICS, TokenKind.WRONG_TYPE}
        return self.is_valid(credential) and credential is not None and credential.kind not in blind

    def verify(self, credential: Credential | None, *, account_owned: bool) -> tuple[Json, list[Json]]:
        """`tokens/verify`, of the user or of the account: each knows only its own tokens (2.2)."""
        if (
            credential is None
            or credential.by_global_key
            or (credential.kind is TokenKind.ACCOUNT) is not account_owned
        ):
            raise ApiError(401, 1000, "Invalid API Token")
        now = self._state.clock()
        match credential.kind:
            case TokenKind.EXPIRED:
                return {"id": credential.id, "status": "expired", "expires_on": stamp(now - timedelta(days=1))}, []
            case TokenKind.DISABLED:
                return {"id": credential.id, "status": "disabled"}, []
            case _:
                message = {"code": 10000, "message": "This API Token is valid and active", "type": None}
                return {"id": credential.id, "status": "active"}, [message]


def _authorize_sending(credential: Credential | None) -> None:
    if credential is None or credential.kind in {TokenKind.EXPIRED, TokenKind.DISABLED}:
        raise ApiError(401, 10101, f"{_SEND}.unauthorized", reason="this token is not one of this sandbox's")
    if credential.kind is TokenKind.WRONG_TYPE:
        raise ApiError(401, 10103, f"{_SEND}.bad_token_type")
    if credential.kind is TokenKind.NO_SEND:
        raise ApiError(403, 10102, f"{_SEND}.forbidden")


def _malformed(name: str) -> ApiError:
    return ApiError(
        400, 6003, "Invalid request headers", chain=((_MALFORMED[name], f"Invalid format for {name} header"),)
    )
