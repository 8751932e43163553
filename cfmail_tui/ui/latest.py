"""Questions that are asked in the background, one at a time."""

from collections.abc import Callable
from typing import Generic, TypeVar

Question = TypeVar("Question")


class Latest(Generic[Question]):
    """One question at a time; of those that come up meanwhile only the newest is asked, and only if it is another."""

    def __init__(self, ask: Callable[[Question], object]) -> None:
        self._ask = ask
        self._asked: Question | None = None
        self._next: Question | None = None

    def want(self, question: Question) -> None:
        if self._asked is None:
            self._asked = question
            self._ask(question)
        else:
            self._next = question if question != self._asked else None

    def answered(self) -> None:
        """The question was answered, or cannot be."""
        following, self._asked, self._next = self._next, None, None
        if following is not None:
            self.want(following)
