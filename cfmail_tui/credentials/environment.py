"""The account that the environment describes, in the variables of Cloudflare's packages and wrangler."""

from collections.abc import Callable, Mapping

from cfmail_tui.credentials.failures import BadCredential
from cfmail_tui.credentials.parsing import parse_account_id, parse_email, token_text
from cfmail_tui.submission import Account, ApiToken, GlobalKey, Secret


def from_environment(environ: Mapping[str, str], name: str = "environment") -> Account | None:
    """The account these variables describe, or None if they hold neither token nor key; empty ones do not count.

    The names are those of Cloudflare's packages and wrangler; a token is taken before a key. Raises BadCredential
    naming the variable that is missing or cannot be right.
    """
    if environ.get("CLOUDFLARE_API_TOKEN"):
        needed = "CLOUDFLARE_API_TOKEN"
        credential: ApiToken | GlobalKey = ApiToken(_variable(environ, needed, token_text))
    elif environ.get("CLOUDFLARE_API_KEY"):
        needed = "CLOUDFLARE_API_KEY"
        if not environ.get("CLOUDFLARE_EMAIL"):
            raise BadCredential(f"{needed} is set, but CLOUDFLARE_EMAIL is not: a global API key goes with an address")
        email = _variable(environ, "CLOUDFLARE_EMAIL", parse_email)
        credential = GlobalKey(email, Secret(_variable(environ, needed, token_text)))
    else:
        return None
    if not environ.get("CLOUDFLARE_ACCOUNT_ID"):
        raise BadCredential(f"{needed} is set, but CLOUDFLARE_ACCOUNT_ID is not: set both")
    account_id = _variable(environ, "CLOUDFLARE_ACCOUNT_ID", parse_account_id)
    return Account(name, account_id, credential, "environment")


def _variable(environ: Mapping[str, str], variable: str, parse: Callable[[str], str]) -> str:
    try:
        return parse(environ[variable])
    except BadCredential as error:
        raise BadCredential(f"{variable}: {error}") from None
