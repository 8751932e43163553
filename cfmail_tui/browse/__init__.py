"""Finding the files to attach: folders listed and filtered, typed and pasted paths understood, the clipboard saved.

`listing` reads and sorts a folder, `finding` filters it, `looking` tells what a path is, `paths` reads what people
type, paste and drop, `places` knows where to begin, `clipboard` runs the clipboard's command.

A folder is outside text and may be anything: huge, slow, unreadable, gone. Everything here is bounded, and what cannot
be had is told by a BrowseError. The name of a folder ends in "/", which no name can hold: it needs no other mark.
"""

from cfmail_tui.browse.finding import FOUND_LIMIT, Found, find
from cfmail_tui.browse.listing import LIMIT, ORDERS, BrowseError, Listing, Order, arranged, blocks
from cfmail_tui.browse.looking import Facts, look
from cfmail_tui.browse.paths import completed, is_pattern, parted, pasted_paths, pasted_words, target
from cfmail_tui.browse.places import PLACES, places

__all__ = [
    "FOUND_LIMIT",
    "LIMIT",
    "ORDERS",
    "PLACES",
    "BrowseError",
    "Facts",
    "Found",
    "Listing",
    "Order",
    "arranged",
    "blocks",
    "completed",
    "find",
    "is_pattern",
    "look",
    "parted",
    "pasted_paths",
    "pasted_words",
    "places",
    "target",
]
