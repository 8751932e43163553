"""httpx, without the command line of its own that it loads where click is installed: that takes as long as the rest."""

import sys

# What is None here cannot be loaded, and httpx does without, as where there is no click.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

import httpx  # noqa: E402

__all__ = ["httpx"]
