"""One table of commands: bindings, key bar, help and palette all say the same, and every command works."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from textual.binding import Binding
from textual.screen import Screen
from textual.widgets import Input

from cfmail_tui.sandbox import Sandbox
from cfmail_tui.ui import (
    account,
    accounts,
    attach,
    attachment,
    chart,
    choose,
    completion,
    dialogs,
    drafts,
    fields,
    files,
    findings,
    history,
    identity,
    mail,
    outcome,
    passphrase,
    picker,
    proof,
    raw,
    review,
    rows,
    snippet,
)
from cfmail_tui.ui.app import CfmailApp
from cfmail_tui.ui.commands import COMMANDS, Command, KeyBar, Where, commands, key_names
from cfmail_tui.ui.compose import ComposeScreen
from cfmail_tui.ui.keymaps import TOGETHER
from cfmail_tui.ui.raw import RawScreen
from cfmail_tui.ui.review import ReviewScreen
from tests.ui.stage import LETTER, on_stage

# Where each place's commands act.
HOMES: dict[Where, tuple[type, ...]] = {
    "everywhere": (CfmailApp,),
    "composer": (ComposeScreen, RawScreen),
    "form": (ComposeScreen,),
    "raw": (RawScreen,),
    "raw-panes": (RawScreen,),
    "leaving": (ComposeScreen, RawScreen),
    "review": (ReviewScreen,),
    "review-draft": (ReviewScreen,),
    "review-form": (ReviewScreen,),
    "findings": (findings.FindingsPane,),
    "completion": (completion.RecipientField,),
    "proof": (proof.ProofScreen,),
    "list": (rows.RowList,),
    "drafts": (drafts.DraftsScreen,),
    "history": (history.HistoryScreen,),
    "unknown": (history.HistoryScreen,),
    "picker": (attach.AttachScreen, choose.OpenScreen),
    "marks": (attach.AttachScreen,),
    "attached": (attach.AttachScreen,),
    "accounts": (accounts.AccountsScreen,),
    "chart": (chart.ChartScreen,),
    "outcome": (outcome.OutcomeScreen,),
    "snippet": (snippet.SnippetScreen,),
    "dialog": (
        account.AccountScreen, accounts.AccountsScreen, attach.AttachScreen, attachment.AttachmentScreen,
        chart.ChartScreen, dialogs.ChoiceScreen, dialogs.HelpScreen,
        choose.ListScreen,
        choose.OpenScreen, dialogs.TextScreen, drafts.DraftsScreen, history.HistoryScreen, identity.IdentityScreen,
        outcome.OutcomeScreen, passphrase.PassphraseScreen, proof.ProofScreen,
        review.CountScreen, snippet.SnippetScreen,
    ),
}  # fmt: skip

# What terminals send for other keys, or do not send at all (ux.md, section 3).
FORBIDDEN = re.compile(
    r"ctrl\+(m|i|h|j|d|question_mark|enter|b|shift\+.*|s\+.*)|shift\+enter|alt\+(enter|\d|[a-z])|ctrl\+shift\+.+"
)


def ours() -> Iterator[type]:
    """Every class of the screens that may bind keys."""
    asking = (account, accounts, dialogs, identity, passphrase)
    others = (
        attach, attachment, chart, choose, completion, drafts, fields, files, findings, history, mail, outcome, picker,
        proof, raw, review, rows, snippet,
    )  # fmt: skip
    for module in (*asking, *others, inspect.getmodule(CfmailApp), inspect.getmodule(ComposeScreen)):
        for _, found in inspect.getmembers(module, inspect.isclass):
            if found.__module__.startswith("cfmail_tui.ui") and "BINDINGS" in vars(found):
                yield found


def bound_keys(of: type) -> Iterator[str]:
    for binding in vars(of)["BINDINGS"]:
        keys = binding.key if isinstance(binding, Binding) else binding[0]
        yield from keys.split(",")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.id)
def test_every_command_has_its_action(command: Command) -> None:
    """Wherever a command is offered, the screen (or the app) has the action it names."""
    name = command.action.partition("(")[0]
    for home in HOMES[command.where]:
        owner = CfmailApp if name.startswith("app.") else home
        assert callable(getattr(owner, f"action_{name.removeprefix('app.')}", None)), owner


def test_identifiers_are_unique() -> None:
    """A command's id names it alone; a keymap may rest on it."""
    assert len({command.id for command in COMMANDS}) == len(COMMANDS)


def test_no_key_is_bound_twice_in_one_place() -> None:
    """Of the commands that are offered together, no two share a key."""
    for places in TOGETHER:
        keys = [key for command in COMMANDS if command.where in places for key in command.keys.split(",") if key]
        assert len(keys) == len(set(keys)), sorted(keys)


def test_no_key_that_terminals_do_not_send() -> None:
    """No binding rests on a key that arrives as another one, does damage, or does not arrive."""
    table = {key for command in COMMANDS for key in command.keys.split(",")}
    everywhere = table | {key for found in ours() for key in bound_keys(found)}
    assert not {key for key in everywhere if FORBIDDEN.fullmatch(key)}
    assert FORBIDDEN.fullmatch("ctrl+m")


def test_every_way_out_has_a_key_besides_escape() -> None:
    """GNU screen holds Esc back: whatever Esc does, another key does too."""
    for found in ours():
        for binding in vars(found)["BINDINGS"]:
            if isinstance(binding, Binding) and "escape" in binding.key.split(","):
                assert "f12" in binding.key.split(","), found


def test_every_primary_command_has_two_keys() -> None:
    """What a terminal multiplexer may take as a function key has a safe Ctrl key too."""
    primary = {"help", "palette", "attach", "review"}
    for command in COMMANDS:
        if command.id in primary:
            first, second = command.keys.split(",")
            assert first.startswith("f")
            assert second.startswith("ctrl+")


async def test_the_key_bar_of_every_screen_fits(connected: Sandbox) -> None:
    """At 80 columns each screen shows its keys whole, at most eight of them, on the last line."""
    async with on_stage(LETTER) as stage:

        async def check(*keys: str) -> None:
            await stage.press(*keys)
            await stage.settled()
            text = str(stage.app.screen.query_one(KeyBar).render()).rstrip()
            assert len(text) <= 80
            assert stage.lines()[-1] == text
            shown = {
                f"{key_names(command).partition(',')[0]} {command.label}" for command in COMMANDS if command.footer
            }
            assert 1 <= sum(label in text for label in shown) <= 8

        await check()
        await check("f1")
        await check("escape", "f3")
        await check("escape", "f3", *"/etc/hosts", "enter", "tab", "tab")
        await check("escape", "f8")
        await check("escape", "f7")
        await check("escape", "f9")
        await check("m")
        await check("escape", "e", "ctrl+t")


async def test_help_lists_what_works_here(connected: Sandbox) -> None:
    """F1 shows each command of the screen below with its keys, whatever size the terminal has."""
    async with on_stage(LETTER, size=(80, 60)) as stage:
        on_form: tuple[Where, ...] = ("form", "composer", "everywhere")
        on_review: tuple[Where, ...] = ("review", "review-form", "everywhere")
        for keys, places in ((["f1"], on_form), (["f9", "f1"], on_review)):
            await stage.press(*keys)
            await stage.until("Help")
            await stage.settled()
            await stage.until(lambda: isinstance(stage.app.screen, dialogs.HelpScreen))
            text = stage.words()
            for command in commands(*places):
                assert command.help in text
                assert (key_names(command) or "F2") in text
            await stage.press("escape")


async def test_the_key_bar_shows_what_works_here(connected: Sandbox) -> None:
    """The keys for an outcome that is not known are shown where there is one, and those of a list not in a field."""
    async with on_stage(replace(LETTER, to="cut@example.com")) as stage:
        await stage.press("f8")
        await stage.until("newest first")
        await stage.settled()
        assert "Arrived" not in stage.lines()[-1]
        await stage.press("escape")
        await stage.send()
        await stage.until("may have been sent")
        await stage.settled()
        await stage.press("f8")
        await stage.until("i Arrived n Did not l Look up s Again")
        await stage.type("/")
        await stage.until(lambda: "Arrived" not in stage.lines()[-1])


async def test_help_can_be_read_at_80x24(connected: Sandbox) -> None:
    """What does not fit on the help screen is reached with the arrow keys."""
    async with on_stage(LETTER) as stage:
        await stage.press("f1", "pagedown", "pagedown", "end")
        await stage.until("What you type is saved as you go")


async def test_every_command_is_in_the_palette(connected: Sandbox) -> None:
    """F2 finds each command of the screen by its name and by what it does."""
    async with on_stage(LETTER) as stage:
        await stage.press("f2")
        await stage.until("Search for commands")
        for command in commands("form", "composer", "everywhere"):
            if command.id != "palette":
                stage.app.screen.query_one(Input).value = ""
                await stage.type(command.help[:30])
                await stage.until(command.help[:50])


async def test_the_palette_runs_what_it_finds(connected: Sandbox) -> None:
    """Enter in the palette runs the command on the screen below."""
    async with on_stage(LETTER) as stage:
        for words, there in {"attach a file": "Esc goes back", "what was sent": "newest first"}.items():
            await stage.press("f2")
            await stage.until("Search for commands")
            await stage.type(words)
            await stage.rest()
            await stage.settled()
            await stage.press("enter")
            await stage.until(there)
            await stage.press("escape")
            await stage.until(stage.is_at_mail)


async def test_keys_in_the_palette_that_come_too_fast(connected: Sandbox) -> None:
    """F2 where the palette is open below the help, and what closes it twice, do no harm."""
    async with on_stage(LETTER) as stage:
        await stage.press("f2", "f1")
        await stage.until("Esc Back")
        await stage.press("f2", "escape")
        await stage.until("Search for commands")
        await stage.type("attach a file")
        await stage.settled()
        palette = stage.app.screen
        palette.dismiss()
        palette.dismiss()
        await stage.until(stage.is_at_mail)


def test_screens_bind_what_the_table_says() -> None:
    """A screen's own bindings beside the table's are aliases of what the table has."""
    ids = {command.id for command in COMMANDS}
    for found in ours():
        if not issubclass(found, Screen):
            continue
        for binding in vars(found)["BINDINGS"]:
            if isinstance(binding, Binding) and binding.id is None:
                assert binding.action in {"back", "app.focus_next", "app.focus_previous"}, (found, binding)
            elif isinstance(binding, Binding):
                assert binding.id in ids
