"""What is sent in a campaign, by which road, what its server does with it, and when its cfmail is killed: all drawn."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final, Literal, get_args

Road = Literal["screen", "command"]
Fate = Literal["answered", "never answered", "cut", "cut short"]
"""What the server does with the request: "cut" after all of it came, "cut short" when half of it came."""

FATES: Final[tuple[Fate, ...]] = get_args(Fate)
SCREENS: Final = 3
"""One mail in so many goes by the screen: a start of the TUI costs as much as four of `cfmail send`."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail, told from every other by its subject and its text."""

    subject: str
    road: Road
    is_big: bool
    """Whether it has an attachment that does not fit into the buffers of two sockets."""
    pace: float
    """Seconds its server takes to read a big one."""
    fate: Fate
    delay: float
    """Seconds its server thinks before the fate."""
    moment: float
    """When cfmail is killed, in [0, 1) of the time between the key that sends and the recorded outcome."""

    @property
    def text(self) -> str:
        return f"the text of {self.subject}."

    @property
    def path(self) -> str:
        """Tells the server, below its base URL, what to do."""
        return f"/{self.pace:.3f}/{FATES.index(self.fate)}/{self.delay:.3f}"


def draw(random: Random, name: str, kills: int) -> Iterator[Mail]:
    """So many mails, the same ones for the same `random`."""
    for number in range(kills):
        is_big = random.random() < 0.2
        yield Mail(
            subject=f"{name}-{number}",
            road="command" if number % SCREENS else "screen",
            is_big=is_big,
            pace=random.uniform(0.1, 0.6) if is_big else 0.0,
            fate=random.choices(FATES, (70, 14, 8, 8))[0],
            delay=random.choice((0.0, random.uniform(0.0, 0.2))),
            moment=random.random(),
        )


def told(line: str) -> tuple[float, Fate, float]:
    """Pace, fate and delay, from the first line of a request."""
    pace, fate, delay = line.partition("/client/v4/")[2].split("/")[:3]
    return float(pace), FATES[int(fate)], float(delay)
