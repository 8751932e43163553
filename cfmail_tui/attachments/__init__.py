"""The one reader of files the user names: attachments, bodies, raw messages.

Nothing that is no ordinary file is waited for: a FIFO, a socket, a device, a folder or a file of /proc or /sys is
refused by name, unless it was asked for as a source. An attachment's size is told before its octets are read.

Invariants:
- a file is known by its `FileIdentity`, taken from the open file: what was picked is compared with what is found, and
  what was found with what is read, before and after the reading;
- a file that is not what it was when it was picked is never passed over in silence: that is a `Finding` to confirm;
- nothing holds a whole attachment.

`reading` opens and reads, `inspecting` says what a file is before it is sent, `naming` gives it a name that can be
sent, `media_types` says of what kind it is by its name and inside, `paths` understands what was typed for a path,
`mailbox_files` takes one message out of many, `kept` has the files of our own that drafts attach.
"""

from cfmail_tui.attachments.inspecting import added, as_picked, inspect, inspect_all, picked
from cfmail_tui.attachments.paths import expanded, filled, from_uri
from cfmail_tui.attachments.reading import SOURCE_LIMIT, read_file, read_source, unreadable

__all__ = [
    "SOURCE_LIMIT",
    "added",
    "as_picked",
    "expanded",
    "filled",
    "from_uri",
    "inspect",
    "inspect_all",
    "picked",
    "read_file",
    "read_source",
    "unreadable",
]
