"""What the history screen asks for: mails found and looked into, opened again, written to files, deleted, counted."""

from collections.abc import Callable
from datetime import UTC, datetime, time
from functools import partial
from typing import TYPE_CHECKING, assert_never

from cfmail_tui.submission import Attempt, Unknown
from cfmail_tui.ui.dialogs import PathScreen
from cfmail_tui.ui.history import MOST_COUNTED, PAGE, HistoryScreen
from cfmail_tui.ui.wishes import (
    Again,
    Ask,
    Chart,
    Copy,
    Count,
    Delete,
    Export,
    Find,
    Look,
    Reopen,
    Restore,
    Save,
    Settle,
)
from cfmail_tui.ui.work import Next

if TYPE_CHECKING:
    from cfmail_tui.outbox import Outbox
    from cfmail_tui.ui.app import CfmailApp
    from cfmail_tui.ui.chart import ChartScreen

PATIENCE = 0.3
"""Seconds in which a search may read what an older cfmail wrote; the rest is found when it was read."""


class Recalling:
    """The history, for the app."""

    def __init__(self, app: "CfmailApp") -> None:
        self._app = app

    def open(self, query: str = "") -> None:
        """Show the history, or what the query finds in it; the mail on the screen is kept."""

        def show() -> None:
            screen = HistoryScreen(query)
            self._app.push_screen(screen)
            self._app.following.follow_queued(screen)

        self._app.drafting.when_kept(show)

    def answer(self, asked: HistoryScreen.Requested) -> None:
        """Do what the user wants, and tell the screen what came of it."""
        wish, screen = asked.wish, asked.screen
        match wish:
            case Find() | Count() | Look():
                self._read(wish, screen)
            case Settle() | Ask() | Delete() | Restore():
                self._change(wish, screen)
            case Again(attempt):
                screen.dismiss()
                self._app.reviewing.again(attempt)
            case Reopen(attempt, only):
                self._app.opening.reopen(attempt, only, screen)
            case Save(attempt):
                name = f"{attempt.submission.attempt_id[:8]}.eml"
                self._with_path("Save the mail as", name, partial(self._save, attempt, screen))
            case Copy(attempt):
                self._app.reviewing.copy(attempt)
            case Export(query):
                title = "Export what is found, as .csv or .jsonl"
                self._with_path(title, "history.csv", partial(self._export, query, screen))
            case Chart():
                from cfmail_tui.ui.chart import ChartScreen

                self._app.push_screen(ChartScreen(datetime.now(UTC).astimezone().date()))
            case _:
                assert_never(wish)

    def _read(self, wish: Find | Count | Look, screen: HistoryScreen) -> None:
        match wish:
            case Find(query, before):

                def find(outbox: "Outbox") -> Next:
                    return partial(screen.take_page, wish, outbox.search(query, PAGE, before, patience=PATIENCE))

                self._app.run_task(find, partial(screen.cannot_find, wish))
            case Count(query):
                self._app.run_task(
                    lambda outbox: partial(screen.take_count, query, outbox.count(query, MOST_COUNTED)), _nothing
                )
            case Look(attempt):

                def look(outbox: "Outbox") -> Next:
                    detail = outbox.detail(attempt.submission.attempt_id)
                    return partial(screen.take_detail, wish, detail, outbox.text(attempt) if detail.has_body else "")

                self._app.run_task(look, lambda _reason: screen.take_detail(wish, None, ""))
            case _:
                assert_never(wish)

    def _change(self, wish: Settle | Ask | Delete | Restore, screen: HistoryScreen) -> None:
        attempt = wish.attempt
        attempt_id = attempt.submission.attempt_id

        def change(outbox: "Outbox") -> Next:
            match wish:
                case Settle(_, arrived):
                    return partial(screen.changed, outbox.settle(attempt_id, arrived=arrived))
                case Ask():
                    ask = outbox.find if isinstance(attempt.outcome, Unknown) else outbox.ask_again
                    return partial(screen.show_verdict, ask(attempt), outbox.attempt(attempt_id))
                case Delete():
                    outbox.delete(attempt_id)
                    return partial(screen.deleted, attempt)
                case Restore():
                    outbox.restore(attempt_id)
                    return partial(screen.restored, attempt)
                case _:
                    assert_never(wish)

        self._app.run_task(change, screen.say)

    # Files.

    def _with_path(self, title: str, path: str, then: Callable[[str], object]) -> None:
        def chosen(path: str | None) -> None:
            if path:
                then(path)

        self._app.push_screen(PathScreen(title, path), chosen)

    def _save(self, attempt: Attempt, screen: HistoryScreen, path: str) -> None:
        self._app.run_task(
            lambda outbox: partial(screen.say, f"The mail is in {outbox.save_eml(attempt, path)}"), screen.say
        )

    def _export(self, query: str, screen: HistoryScreen, path: str) -> None:
        def export(outbox: "Outbox") -> Next:
            where, count = outbox.export(query, path)
            return partial(screen.say, f"{count:,} {'mail is' if count == 1 else 'mails are'} in {where}")

        screen.say("writing …")
        self._app.run_task(export, screen.say)

    # The chart.

    def count(self, asked: "ChartScreen.Requested") -> None:
        """How many mails there were, for the chart."""
        since = datetime.combine(asked.since, time()).astimezone()
        self._app.run_task(lambda outbox: partial(asked.screen.take_counts, asked.since, outbox.counts(since)))


def _nothing(_reason: str) -> None:
    """What follows when it does not matter."""
