"""What a preview consists of, and the room it has."""

from cfmail_tui.frozen import frozen

Pixel = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""


@frozen
class Picture:
    """Pixels for half blocks: two rows make a line, and a pixel is about as wide as it is high."""

    width: int
    rows: tuple[tuple[Pixel, ...], ...]


@frozen
class Preview:
    """What is known of a file. All of its text is outside text."""

    facts: tuple[str, ...]
    lines: tuple[str, ...] = ()
    picture: Picture | None = None


@frozen
class Room:
    """Cells of a pane."""

    columns: int
    rows: int

    def below(self, facts: int) -> "Room":
        """What is left under so many facts and a blank line; it may be no rows."""
        return Room(self.columns, max(0, self.rows - facts - 1))
