"""The official package sends a file, as its manual shows it: `python -m tests.bench.official ACCOUNT_ID FILE`."""

import base64
import sys
from pathlib import Path

# Where this package alone is installed there is no click, for which httpx would load a command line of its own.
sys.modules["httpx._main"] = None  # type: ignore[assignment]

from cloudflare import Cloudflare  # noqa: E402

_, account_id, file = sys.argv
content = base64.b64encode(Path(file).read_bytes()).decode()
Cloudflare(max_retries=0).email_sending.send(
    account_id=account_id,
    from_="me@acme.example",
    to="bob@example.net",
    subject="Hello",
    text="Hi",
    attachments=[
        {"content": content, "filename": "file.bin", "type": "application/octet-stream", "disposition": "attachment"}
    ],
)
