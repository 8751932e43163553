"""Where things are kept and what the environment says: the only user of platformdirs.

Reads the environment once, at the composition root, into values; nothing else in the program looks at it.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DEFAULT_BASE_URL = "https://api.cloudflare.com/client/v4"


@dataclass(frozen=True, slots=True)
class Settings:
    """What this run works with; `base_url` is not yet checked, the API client does that."""

    data_dir: Path
    base_url: str = DEFAULT_BASE_URL
    editor: str = ""
    """The command of the external editor, "" when the environment names none."""


def read(environ: Mapping[str, str]) -> Settings:
    """The settings this environment asks for.

    `CFMAIL_HOME` puts everything under one folder; `CLOUDFLARE_BASE_URL`, else `CLOUDFLARE_API_BASE_URL`, is where
    the API is (the names the official packages and wrangler use).
    """
    base_url = environ.get("CLOUDFLARE_BASE_URL") or environ.get("CLOUDFLARE_API_BASE_URL") or DEFAULT_BASE_URL
    return Settings(
        data_dir=_data_dir(environ),
        base_url=base_url.rstrip("/"),
        editor=environ.get("VISUAL") or environ.get("EDITOR") or "",
    )


def _data_dir(environ: Mapping[str, str]) -> Path:
    if home := environ.get("CFMAIL_HOME"):
        # Path's own expanduser raises where there is no such user.
        return Path(os.path.expanduser(home)).absolute() / "data"  # noqa: PTH111
    import platformdirs

    return platformdirs.user_data_path("cfmail", appauthor=False)
