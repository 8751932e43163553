"""The parts of the app that answer for it, each loaded and made when it is first needed; the first frame needs none."""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from cfmail_tui.ui.app import CfmailApp
    from cfmail_tui.ui.attaching import Attaching
    from cfmail_tui.ui.body_files import BodyFiles
    from cfmail_tui.ui.composing import Composing
    from cfmail_tui.ui.drafting import Drafting
    from cfmail_tui.ui.following import Following
    from cfmail_tui.ui.identifying import Identifying
    from cfmail_tui.ui.leaving import Leaving
    from cfmail_tui.ui.looking import Looking
    from cfmail_tui.ui.looks import Looks
    from cfmail_tui.ui.opening import Opening
    from cfmail_tui.ui.recalling import Recalling
    from cfmail_tui.ui.reviewing import Reviewing
    from cfmail_tui.ui.sending import Sending


class Parts:
    """What the app has beside its screens and workers."""

    @property
    def _app(self) -> CfmailApp:
        return cast("CfmailApp", self)

    @cached_property
    def attaching(self) -> Attaching:
        """Files for the mail."""
        from cfmail_tui.ui.attaching import Attaching

        return Attaching(self._app)

    @cached_property
    def body_files(self) -> BodyFiles:
        """Bodies from files and into them."""
        from cfmail_tui.ui.body_files import BodyFiles

        return BodyFiles(self._app)

    @cached_property
    def composing(self) -> Composing:
        """What the form asks about its mail."""
        from cfmail_tui.ui.composing import Composing

        return Composing(self._app)

    @cached_property
    def drafting(self) -> Drafting:
        """One mail after another."""
        from cfmail_tui.ui.drafting import Drafting

        return Drafting(self._app)

    @cached_property
    def following(self) -> Following:
        """What became of mails, and what can be done."""
        from cfmail_tui.ui.following import Following

        return Following(self._app)

    @cached_property
    def identifying(self) -> Identifying:
        """Who mail is sent as."""
        from cfmail_tui.ui.identifying import Identifying

        return Identifying(self._app)

    @cached_property
    def leaving(self) -> Leaving:
        """The way out."""
        from cfmail_tui.ui.leaving import Leaving

        return Leaving(self._app)

    @cached_property
    def looking(self) -> Looking:
        """What is in a raw message."""
        from cfmail_tui.ui.looking import Looking

        return Looking(self._app)

    @cached_property
    def looks(self) -> Looks:
        """The theme."""
        from cfmail_tui.ui.looks import Looks

        return Looks(self._app)

    @cached_property
    def opening(self) -> Opening:
        """Messages opened and made into one another."""
        from cfmail_tui.ui.opening import Opening

        return Opening(self._app)

    @cached_property
    def recalling(self) -> Recalling:
        """The history."""
        from cfmail_tui.ui.recalling import Recalling

        return Recalling(self._app)

    @cached_property
    def reviewing(self) -> Reviewing:
        """Before a mail is sent."""
        from cfmail_tui.ui.reviewing import Reviewing

        return Reviewing(self._app)

    @cached_property
    def sending(self) -> Sending:
        """The mails on their way."""
        from cfmail_tui.ui.sending import Sending

        return Sending(self._app)

    @staticmethod
    def load() -> None:
        """Load all of them; raises OSError if their files cannot be opened."""
        for name, part in vars(Parts).items():
            if isinstance(part, cached_property):
                import_module(f"cfmail_tui.ui.{name}")

    @property
    def is_sending(self) -> bool:
        """Whether a mail was ever on its way; asked at each key, before that part is needed."""
        return "sending" in vars(self)
