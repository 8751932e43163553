"""The attach screen: files found, marked, previewed and looked after, by keys and mouse; paths pasted into the mail."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cfmail_tui.message import Draft, Place
from cfmail_tui.sandbox import Sandbox
from cfmail_tui.ui.attach import MARKED_AT_ONCE, AttachScreen
from cfmail_tui.ui.fields import Body, LineInput
from tests.ui.stage import LETTER, Stage, drafts, on_stage


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: some files, a hidden one, and a folder with a file in it."""
    for name in ("photo.png", "report-a.txt", "report-b.txt", "summary.pdf", ".secret"):
        (tmp_path / name).write_bytes(b"x" * 700)
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "deep.txt").write_text("deep down")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def attached(stage: Stage) -> list[str]:
    """The names of what is attached, in order."""
    return [Path(part.path).name for part in stage.draft.attachments]


async def open_picker(stage: Stage) -> AttachScreen:
    await stage.press("f3")
    await stage.until("Attach a file")
    await stage.settled()
    assert isinstance(stage.app.screen, AttachScreen)
    return stage.app.screen


async def typed(stage: Stage, text: str) -> None:
    """Letters, until the list shows what they find."""
    await stage.type(text)
    await stage.settled()


async def test_marking_with_a_filter_and_space(connected: Sandbox, folder: Path) -> None:
    """Letters filter, Space marks and goes on to the next file, the mark and the size are seen, Space takes it off."""
    async with on_stage(LETTER) as stage:
        await open_picker(stage)
        await stage.until("report-a.txt")
        assert ".secret" not in stage.text()
        await typed(stage, "rep")
        assert "summary.pdf" not in stage.text()
        await stage.press("space", "space")
        await stage.settled()
        assert attached(stage) == ["report-a.txt", "report-b.txt"]
        assert stage.text().count("✓") == 2
        await stage.until("2 files attached")
        await stage.until("of 5.0 MiB when encoded")
        await stage.press("up", "space")
        await stage.settled()
        assert attached(stage) == ["report-b.txt"]
        assert stage.field("#path").value == "rep"


async def test_marking_all_that_are_shown(connected: Sandbox, folder: Path) -> None:
    """`*` in the list, F4 anywhere, and Enter on a pattern mark what is shown; once more takes the marks off."""
    async with on_stage(LETTER) as stage:
        await open_picker(stage)
        await typed(stage, "rep")
        await stage.press("f4")
        assert attached(stage) == ["report-a.txt", "report-b.txt"]
        await stage.press("f4")
        assert attached(stage) == []
        await stage.press("tab", "tab", "asterisk")
        assert attached(stage) == ["report-a.txt", "report-b.txt"]
        await stage.press("u", "slash", *["backspace"] * len("report-"))
        await typed(stage, "*.pdf\n")
        assert attached(stage) == ["summary.pdf"]


async def test_a_pattern_entered_before_the_names_are_known(connected: Sandbox, folder: Path) -> None:
    """Enter waits for a folder that is still read, and finds what it would have found later."""
    async with on_stage(LETTER) as stage:
        screen = await open_picker(stage)
        screen.path.value = "inner/*.txt"
        screen.on_path_input_entered()
        await stage.until(lambda: attached(stage) == ["deep.txt"])


async def test_too_many_are_not_marked_at_once(connected: Sandbox, folder: Path) -> None:
    """A slip of the finger does not attach a whole folder."""
    for number in range(MARKED_AT_ONCE):
        (folder / f"n{number}").touch()
    async with on_stage(LETTER) as stage:
        await open_picker(stage)
        await stage.press("f4")
        await stage.until("filter them first")
        assert attached(stage) == []


async def test_going_through_folders(connected: Sandbox, folder: Path) -> None:
    """Enter opens a folder and attaches a file, Backspace and Left go up to where one came from."""
    async with on_stage(LETTER) as stage:
        screen = await open_picker(stage)
        await typed(stage, "inn\n")
        await stage.until("deep.txt")
        assert screen.folder == str(folder / "inner")
        await stage.press("backspace")
        await stage.until("report-a.txt")
        assert screen.files.current == "inner/"
        await stage.press("enter")
        await stage.until("deep.txt")
        await stage.press("left")
        await stage.until("report-a.txt")
        await stage.press("enter", "down")
        await stage.settled()
        await stage.press("down", "enter")
        await stage.settled()
        assert attached(stage) == ["deep.txt"]
        await stage.press("escape", "f3")
        await stage.until("deep.txt")
        await stage.press("enter")
        await stage.until(stage.is_at_mail)


async def test_a_path_is_completed(connected: Sandbox, folder: Path) -> None:
    """Tab completes a path as far as it is certain, at last it leaves the line; what is hidden shows when asked for."""
    async with on_stage(LETTER) as stage:
        await open_picker(stage)
        await typed(stage, f"{folder}/in\t")
        assert stage.field("#path").value == f"{folder}/inner/"
        await stage.settled()
        await typed(stage, "\t")
        assert stage.field("#path").value == f"{folder}/inner/deep.txt"
        stage.field("#path").value = ""
        await typed(stage, "rep\t")
        assert stage.field("#path").value == "report-"
        await typed(stage, "\t")
        assert not stage.field("#path").has_focus
        await stage.press("slash")
        stage.field("#path").value = ""
        await typed(stage, ".se")
        await stage.until(".secret")


async def test_blanks_in_a_typed_path(connected: Sandbox, folder: Path) -> None:
    """In a path Space is a blank, so that a name with blanks can be typed; after an arrow it marks."""
    (folder / "a b").write_text("x")
    async with on_stage(LETTER) as stage:
        await open_picker(stage)
        await typed(stage, f"{folder}/a b")
        assert stage.field("#path").value == f"{folder}/a b"
        await stage.press("down", "space")
        assert attached(stage) == ["a b"]


async def test_a_folder_that_cannot_be_read(connected: Sandbox, folder: Path) -> None:
    """It is said why, and the way out is open."""
    async with on_stage(LETTER) as stage:
        await open_picker(stage)
        await typed(stage, "/no/such/")
        await stage.until("there is no such folder")
        stage.field("#path").value = ""
        await stage.until("report-a.txt")


async def test_order_hidden_files_and_places(connected: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F6 or a click on a column sorts, F8 shows hidden files, F7 leads home."""
    (folder / "summary.pdf").write_bytes(b"x" * 9000)
    (folder / "home").mkdir()
    monkeypatch.setenv("HOME", str(folder / "home"))
    async with on_stage(LETTER) as stage:
        screen = await open_picker(stage)
        await stage.click("Size")
        await stage.settled()
        assert next(name for name in screen.files.items if not name.endswith("/")) == "summary.pdf"
        await stage.until("largest first")
        for words in ("by type", "by name", "newest first"):
            await stage.press("f6")
            await stage.until(words)
        await stage.press("f8")
        await stage.until(".secret")
        await typed(stage, "sum")
        await stage.press("f7")
        await stage.until("Places:")
        await stage.until(lambda: len(screen.files.items) > 1)
        await stage.settled()
        assert list(screen.files.items[:2]) == [f"{folder}/home/", f"{folder}/"]
        await stage.press("down", "enter")
        await stage.settled()
        assert screen.folder == str(folder / "home")


async def test_the_mouse(connected: Sandbox, folder: Path) -> None:
    """A click chooses, a click on the mark marks, a double click opens, the folder's name leads up."""
    async with on_stage(LETTER) as stage:
        screen = await open_picker(stage)
        await stage.click("summary.pdf")
        assert screen.files.current == "summary.pdf"
        row = next(y for y, line in enumerate(stage.lines()) if "report-b.txt" in line)
        await stage.pilot.click(offset=(1, row))
        await stage.settled()
        assert attached(stage) == ["report-b.txt"]
        await stage.click("inner/", times=2)
        await stage.until("deep.txt")
        await stage.click("inner/")
        await stage.until("report-a.txt")


@pytest.mark.parametrize("size", [(80, 24), (120, 36)], ids="{0[0]}x{0[1]}".format)
async def test_the_preview(connected: Sandbox, folder: Path, size: tuple[int, int]) -> None:
    """Beside the list where there is room, below on a key, of the file under the cursor; F5 takes it away."""
    (folder / "notes.txt").write_text("First of all\nsecond\n")
    async with on_stage(LETTER, size) as stage:
        await open_picker(stage)
        await typed(stage, "notes")
        if size[0] < 100:
            assert "First of all" not in stage.text()
            await stage.press("f5")
        await stage.until("First of all")
        await stage.press("f5")
        await stage.gone("First of all")


async def test_the_heads_stand_over_their_columns(connected: Sandbox, folder: Path) -> None:
    """Also when the preview beside the list goes, and comes again."""
    async with on_stage(LETTER, size=(120, 36)) as stage:
        await open_picker(stage)

        def starts(word: str) -> int:
            return next((line.index(word) for line in stage.lines() if word in line), -1)

        await stage.until("text/plain")
        for _ in range(2):
            await stage.until(lambda: starts("Type") == starts("text/plain") > 0)
            before = starts("Type")
            await stage.press("f5")
            await stage.until(lambda: starts("Type") != before)  # noqa: B023 - it is waited for


async def test_looking_after_what_is_attached(connected: Sandbox, folder: Path) -> None:
    """Its place, name, type and content-id are changed, it is taken off, and each of that is undone."""
    async with on_stage(LETTER) as stage:
        await open_picker(stage)
        await typed(stage, "report-a.txt\n")
        await typed(stage, "photo.png\n")
        await stage.press("tab", "tab", "down", "K")
        assert attached(stage) == ["photo.png", "report-a.txt"]
        await stage.press("e")
        await stage.until("Media type")
        await stage.type("logo.png\timage/webp\tthe-logo\n")
        await stage.settled()
        first = stage.draft.attachments[0]
        assert (first.filename, first.media_type, first.content_id) == ("logo.png", "image/webp", "the-logo")
        await stage.until("image/webp")
        await stage.press("i")
        await stage.until("inline cid:the-logo")
        await stage.press("d")
        assert attached(stage) == ["report-a.txt"]
        await stage.press("u", "u", "u")
        await stage.settled()
        assert stage.draft.attachments[0].filename == ""
        assert stage.draft.attachments[0].disposition == "attachment"
        await stage.press("slash", "ctrl+z", "ctrl+z", "ctrl+z")
        assert attached(stage) == []


async def test_a_picture_in_the_html_body(connected: Sandbox, folder: Path) -> None:
    """`c` makes it inline and puts its reference where the cursor of the HTML body is, under the id it is sent with."""
    mail = replace(LETTER, html="<p>Hi</p>")
    async with on_stage(mail) as stage:
        await stage.press("f10")
        stage.form.body("html").move_cursor((0, 3))
        await open_picker(stage)
        await typed(stage, "photo\n")
        await stage.press("tab", "tab", "c")
        await stage.settled()
        assert stage.draft.html == '<p><img src="cid:photo.png" alt="photo.png">Hi</p>'
        assert stage.draft.attachments[0].content_id == "photo.png"
        await stage.press("escape")
        await stage.send()
        await stage.until("Accepted")
    assert b"Content-ID: <photo.png>" in connected.mime(1)


async def test_no_picture_hides_a_text(connected: Sandbox, folder: Path) -> None:
    """A mail whose HTML body is empty gets none that is but a picture."""
    async with on_stage(LETTER) as stage:
        await open_picker(stage)
        await typed(stage, "photo\n")
        await stage.press("tab", "tab", "c")
        await stage.until("has no HTML body")
        assert stage.draft.html == ""
        assert stage.draft.attachments[0].disposition == "attachment"


Written = Callable[[Path], str]


@pytest.mark.parametrize("place", [Place.TEXT, Place.TO, Place.SUBJECT], ids=str)
async def test_a_dropped_file_is_attached(connected: Sandbox, folder: Path, place: Place) -> None:
    """A path dropped anywhere in the form is attached and not text; Ctrl+Z right after makes it text."""
    async with on_stage(LETTER) as stage:
        field: LineInput | Body = stage.form.body("text") if place is Place.TEXT else stage.form.field(place).input
        field.focus()
        await stage.paste(f"'{folder}/summary.pdf' ")
        await stage.until("Attached summary.pdf")
        assert stage.draft == replace(LETTER, attachments=stage.draft.attachments)
        assert attached(stage) == ["summary.pdf"]
        await stage.press("ctrl+z")
        assert attached(stage) == []
        words = f"'{folder}/summary.pdf'"
        assert (
            words in {Place.TEXT: stage.draft.text, Place.TO: stage.draft.to, Place.SUBJECT: stage.draft.subject}[place]
        )


async def test_typing_goes_on_after_a_drop(connected: Sandbox, folder: Path) -> None:
    """What is typed around it stays; from then on Ctrl+Z is the text's own."""
    async with on_stage(replace(LETTER, text="")) as stage:
        await stage.type("see ")
        await stage.paste(f"{folder}/photo.png\n{folder}/summary.pdf\n")
        await stage.type("there")
        await stage.settled()
        await stage.until("Attached photo.png, summary.pdf")
        assert stage.draft.text == "see there"
        await stage.type("!")
        await stage.press("ctrl+z")
        assert attached(stage) == ["photo.png", "summary.pdf"]


@pytest.mark.parametrize("text", ["{folder}", "{folder}/photo.png is nice", "/etc/no-such-file", "photo.png"])
async def test_other_pastes_are_text(connected: Sandbox, folder: Path, text: str) -> None:
    """A folder, a path in a sentence, a file that is not there, a bare name: text as ever."""
    async with on_stage(replace(LETTER, text="")) as stage:
        await stage.paste(text.format(folder=folder))
        await stage.settled()
        assert stage.draft == replace(LETTER, text=text.format(folder=folder))


async def test_several_paths_pasted_into_the_path_line(connected: Sandbox, folder: Path) -> None:
    """They are attached at once; one waits in the line for Enter."""
    async with on_stage(LETTER) as stage:
        await open_picker(stage)
        await stage.paste(f"'{folder}/photo.png' {folder}/summary.pdf")
        await stage.settled()
        assert attached(stage) == ["photo.png", "summary.pdf"]
        await stage.paste(f"'{folder}/report-a.txt'")
        assert stage.field("#path").value == f"{folder}/report-a.txt"


async def test_the_clipboard(connected: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F10 attaches what the clipboard holds, as a file that is still there in the next session of the draft."""
    (folder / "bin").mkdir()
    (folder / "bin" / "xsel").write_text("#!/bin/sh\nprintf 'copied text'\n")
    (folder / "bin" / "xsel").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}/bin:{os.environ['PATH']}")
    monkeypatch.setenv("DISPLAY", ":9")
    async with on_stage(LETTER) as stage:
        await open_picker(stage)
        await stage.press("f10")
        await stage.until("1 file attached")
        await stage.settled()
        await stage.press("escape", "ctrl+s")
        await stage.until(lambda: drafts() and stage.form.is_kept())
    (kept,) = drafts()
    assert isinstance(kept, Draft)
    (path,) = (Path(part.path) for part in kept.attachments)
    os.utime(path, (0, 0))
    async with on_stage() as stage:
        await stage.settled()
        assert path.read_text() == "copied text"


async def test_no_clipboard(connected: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is none it is said."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    async with on_stage(LETTER) as stage:
        await open_picker(stage)
        await stage.press("f10")
        await stage.until("there is no clipboard here")
