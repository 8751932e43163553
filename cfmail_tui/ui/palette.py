"""The command palette, and its source: the commands that work on the screen below it."""

from collections.abc import Iterator
from functools import partial

from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.types import IgnoreReturnCallbackType
from textual.widgets import Input

from cfmail_tui.ui.commands import Command, Where, commands, keymap_of
from cfmail_tui.ui.fields import EndsOnce


class Palette(CommandPalette, EndsOnce[None]):
    """Textual's, but it ends once, and its cursor does not blink."""

    def on_mount(self) -> None:
        self.query_one(Input).cursor_blink = False


class CommandProvider(Provider):
    """Finds commands by their label or help."""

    def _hits(self) -> Iterator[tuple[Command, IgnoreReturnCallbackType]]:
        places: tuple[Where, ...] = getattr(self.screen, "PLACES", ())
        for command in commands(*places):
            if command.id != "palette":
                yield command, partial(self.app.run_action, command.action, self.screen)

    async def discover(self) -> Hits:
        for command, run in self._hits():
            yield DiscoveryHit(command.label, run, help=self._with_keys(command))

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for command, run in self._hits():
            if (score := max(matcher.match(command.label), matcher.match(command.help))) > 0:
                yield Hit(score, matcher.highlight(command.label), run, help=self._with_keys(command))

    def _with_keys(self, command: Command) -> str:
        keys = keymap_of(self.app).names(command)
        return f"{command.help} ({keys})" if keys else command.help
