"""Folders listed and filtered, paths as people type and drop them, the clipboard's command: on real files."""

import os
import re
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfmail_tui import browse
from cfmail_tui.browse import BrowseError, Listing, clipboard

ROOT: Final = Path(__file__).parents[2]

# Where the superuser would be let in, the reading is done by nobody.
AS_NOBODY: Final = """
import os, sys
from cfmail_tui import browse
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    print([*browse.blocks(sys.argv[1])])
except browse.BrowseError as error:
    print(error)
"""


def listed(folder: Path, *, hidden: bool = False) -> list[str]:
    names = [name for block in browse.blocks(str(folder)) for name in block]
    return [*browse.arranged(str(folder), names, hidden=hidden).names]


def listing(*names: str) -> Listing:
    return browse.arranged("/", names, None, hidden=True)


class TestListing:
    def test_folders_first_then_names_without_regard_to_case(self, tmp_path: Path) -> None:
        """Folders stand first and are marked by a slash, names are sorted as people read them, hidden ones left out."""
        for name in ("b.txt", "A.txt", ".hidden"):
            (tmp_path / name).touch()
        (tmp_path / "zoo").mkdir()
        (tmp_path / "link to zoo").symlink_to("zoo")
        assert listed(tmp_path) == ["link to zoo/", "zoo/", "A.txt", "b.txt"]
        assert listed(tmp_path, hidden=True) == ["link to zoo/", "zoo/", ".hidden", "A.txt", "b.txt"]

    def test_by_time_size_and_type(self, tmp_path: Path) -> None:
        """The newest, the largest, or those of a kind stand together; folders stay first."""
        (tmp_path / "folder").mkdir()
        for at, (name, size) in enumerate({"a.txt": 1, "b.pdf": 3, "c.txt": 2}.items()):
            (tmp_path / name).write_bytes(bytes(size))
            os.utime(tmp_path / name, (1000 - at, 1000 + at))
        names = [name for block in browse.blocks(str(tmp_path)) for name in block]
        orders = {
            order: [name[0] for name in browse.arranged(str(tmp_path), names, order).names] for order in browse.ORDERS
        }
        assert orders == {
            "name": ["f", "a", "b", "c"],
            "newest": ["f", "c", "b", "a"],
            "largest": ["f", "b", "c", "a"],
            "type": ["f", "b", "a", "c"],
        }

    def test_names_in_no_encoding_and_with_controls(self, tmp_path: Path) -> None:
        """A name that is no UTF-8, or has a line break, is listed, found, and its path is the file's."""
        for octets in (b"caf\xe9.txt", b"new\nline.txt", "Zoë.txt".encode()):
            (tmp_path / os.fsdecode(octets)).touch()
        every = browse.arranged(str(tmp_path), [name for block in browse.blocks(str(tmp_path)) for name in block])
        for query in ("caf", "line", "zoë"):
            (name,) = browse.find(every, query).names
            assert Path(every.path(name)).exists()

    def test_links_in_a_circle_and_to_nowhere(self, tmp_path: Path) -> None:
        """A link that leads to itself or nowhere is a name like others, and is told for what it is."""
        (tmp_path / "round").symlink_to("round")
        (tmp_path / "gone").symlink_to("nowhere")
        (tmp_path / "up").symlink_to(tmp_path)
        assert listed(tmp_path) == ["up/", "gone", "round"]
        assert browse.look(str(tmp_path / "round")).kind == "broken link"
        assert browse.look(str(tmp_path / "gone")).kind == "broken link"
        assert listed(tmp_path / "up" / "up") == ["up/", "gone", "round"]
        with pytest.raises(BrowseError, match="too many levels"):
            listed(tmp_path / "round")

    def test_what_is_no_file(self, tmp_path: Path) -> None:
        """Pipes, sockets and devices are told for what they are, and nobody waits for them."""
        os.mkfifo(tmp_path / "pipe")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(tmp_path / "socket"))
            kinds = [browse.look(str(path)).kind for path in (tmp_path / "pipe", tmp_path / "socket", "/dev/null")]
        assert kinds == ["named pipe", "socket", "device"]

    def test_a_folder_that_cannot_be_read(self, tmp_path: Path) -> None:
        """It is named, with the reason."""
        (tmp_path / "file").touch()
        for path, reason in {"nothing": "no such folder", "file": "not a folder", "nul\0": "not a path"}.items():
            with pytest.raises(BrowseError, match=reason):
                listed(tmp_path / path)

    def test_a_folder_that_may_not_be_read(self) -> None:
        """Who may not read it is told so."""
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o711)
            closed = Path(folder) / "closed"
            closed.mkdir(mode=0)
            ran = subprocess.run(
                [sys.executable, "-c", AS_NOBODY, str(closed)],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                capture_output=True,
                text=True,
                check=False,
            )
        assert ran.stdout.strip() == f"{closed} cannot be listed: permission denied", ran.stderr

    def test_a_large_folder_comes_in_blocks_and_has_an_end(self, tmp_path: Path) -> None:
        """The first names are there before the last were read, and a block is never large."""
        for number in range(1200):
            (tmp_path / str(number)).touch()
        blocks = browse.blocks(str(tmp_path))
        first = next(blocks)
        assert 0 < len(first) <= 500
        rest = [*blocks]
        assert len(first) + sum(map(len, rest)) == 1200

    def test_more_names_than_can_be_held(self) -> None:
        """What was cut is said to be cut."""
        assert browse.arranged("/", ["x"] * browse.LIMIT).is_cut
        assert not browse.arranged("/", ["x"] * 10).is_cut


class TestFinding:
    def test_the_best_stands_first(self) -> None:
        """The very name, then what begins so, then what has it in it, then what has its letters in this order."""
        names = ("a-report.txt", "rep", "reply.md", "rxexp", "Report.pdf", "other")
        assert browse.find(listing(*names), "REP").names == ("rep", "reply.md", "Report.pdf", "a-report.txt", "rxexp")

    def test_a_folder_is_found_by_its_very_name(self) -> None:
        """Typed in full a folder stands first, though other names begin so."""
        assert browse.find(listing("src.txt", "src/"), "src").names == ("src/", "src.txt")

    @pytest.mark.parametrize("query", ["^", "]", "[x", "\\", "a.b", "$", "(", "-", "12", "{1}"])
    def test_any_character_stands_for_itself(self, query: str) -> None:
        """Nothing but a pattern's own characters has a meaning."""
        names = (f"x{query}y", "other")
        assert browse.find(listing(*names), query).names == ((names[0],) if "[" not in query else ())

    def test_patterns(self) -> None:
        """A query with a star, a question mark or brackets is a pattern over whole names, in any case."""
        names = ("a.pdf", "b.PDF", "pdf.txt", "folder/")
        assert browse.find(listing(*names), "*.pdf").names == ("a.pdf", "b.PDF")
        assert browse.find(listing(*names), "?.pdf").names == ("a.pdf", "b.PDF")
        assert browse.find(listing(*names), "[ab]*").names == ("a.pdf", "b.PDF")
        assert browse.find(listing(*names), "fold*").names == ("folder/",)

    @given(st.lists(st.text(st.characters(exclude_characters="/\0"), min_size=1), max_size=30), st.text(max_size=4))
    def test_what_is_found(self, names: list[str], query: str) -> None:
        """Found is what has the characters in order, whatever they are; typed letter by letter the same is found."""
        if browse.is_pattern(query) or set(query) & {"\0", "\n"}:
            return
        every = listing(*names)
        at_once = browse.find(every, query)

        def holds(name: str) -> bool:
            rest = iter(name.casefold().replace("\n", " "))
            return all(char in rest for char in query.casefold())

        assert sorted(at_once.names) == sorted(filter(holds, names) if query else names)
        grown = browse.find(every, query[:1])
        for end in range(2, len(query) + 1):
            grown = browse.find(every, query[:end], grown)
        assert grown.numbers == at_once.numbers or not query

    def test_found_is_bounded(self) -> None:
        """Of very many only the first are given, and that there are more is said."""
        found = browse.find(listing(*(f"a{number}" for number in range(browse.FOUND_LIMIT + 9))), "a")
        assert len(found.names) == browse.FOUND_LIMIT
        assert found.is_cut


class TestPaths:
    def test_typed_paths(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """`~`, variables, `..` and `file://` mean what they mean in a shell; the rest is below the folder shown."""
        monkeypatch.setenv("HOME", "/home/alice")
        monkeypatch.setenv("PROJECT", "/srv/project")
        typed = {
            "~/a b": "/home/alice/a b",
            "$PROJECT/x": "/srv/project/x",
            "../x": "/x",
            "x": "/tmp/x",
            "file:///a%20b": "/a b",
            "$UNKNOWN/x": "/tmp/$UNKNOWN/x",
        }
        assert {text: browse.target(text, "/tmp") for text in typed} == typed
        assert browse.parted("~/Do", "/tmp") == ("/home/alice", "Do")
        assert browse.parted("/etc/", "/tmp") == ("/etc", "")
        assert browse.parted("rep", "/tmp") == ("/tmp", "rep")

    def test_completion(self) -> None:
        """What is typed grows as far as all names agree; case matters only if that decides."""
        names = ("Documents/", "Downloads/", "draft.txt", "do it.txt")
        assert browse.completed("Doc", names) == "Documents/"
        assert browse.completed("Do", names) == "Do"
        assert browse.completed("dr", names) == "draft.txt"
        assert browse.completed("DR", names) == "draft.txt"
        assert browse.completed("x", names) == "x"

    @pytest.mark.parametrize(
        ("written", "names"),
        [
            ("{a}", "a"),
            ("'{a}'", "a"),
            ('"{a}" ', "a"),
            ("{escaped}", "a"),
            ("{uri}", "a"),
            ("file://localhost{b}\r\n", "b"),
            ("{a}\n{b}\n", "ab"),
            ("{b} '{a}'", "ba"),
            ("'{a}' '{b}'", "ab"),
            ("{uri}\nfile://{b}", "ab"),
        ],
    )
    def test_what_terminals_paste(self, tmp_path: Path, written: str, names: str) -> None:
        """A dropped path is understood quoted, escaped, as a URI, and with others, by blanks or lines."""
        a, b = tmp_path / "a file (1) of ünïcode.txt", tmp_path / "b.png"
        a.touch()
        b.touch()
        escaped = re.sub(r"([ ()])", r"\\\1", str(a))
        text = written.format(a=a, b=b, escaped=escaped, uri=a.as_uri())
        assert browse.pasted_paths(text) == tuple(str({"a": a, "b": b}[name]) for name in names)

    @pytest.mark.parametrize(
        "text",
        ["", "report.pdf", "see {a}", "{a} and more", "{folder}", "/", "~", "'{a}", "/no/such/file", "{a}\n/no", "//"],
    )
    def test_ordinary_text_stays_text(self, tmp_path: Path, text: str) -> None:
        """Anything that is not all of it paths of existing files is text, a folder and a bare name too."""
        (tmp_path / "a").touch()
        assert browse.pasted_paths(text.format(a=tmp_path / "a", folder=tmp_path)) == ()

    @given(st.text(max_size=200))
    def test_any_text_may_be_pasted(self, text: str) -> None:
        """Whatever is pasted, it is read without an error."""
        for words in browse.pasted_words("/" + text):
            assert all(word.startswith("/") for word in words)
        browse.pasted_paths("'" + text)

    def test_places(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Home, the working directory, the usual folders, then those of recent files; nothing that is gone."""
        home, work = tmp_path / "home", tmp_path / "work"
        for folder in (home / "Documents", work, tmp_path / "recent"):
            folder.mkdir(parents=True)
        (tmp_path / "recent" / "a.txt").touch()
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.chdir(work)
        recent = [str(tmp_path / "recent" / "a.txt"), str(tmp_path / "recent" / "gone.txt"), "/gone/b.txt"]
        assert browse.places(recent) == (
            *(f"{folder}/" for folder in (home, work, home / "Documents", tmp_path / "recent")),
            recent[0],
        )


Program = Callable[[str, str], dict[str, str]]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """A clipboard command of this name that does this, and the environment in which it is found."""

    def make(name: str, script: str) -> dict[str, str]:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
        return {"PATH": f"{folder}:{os.environ['PATH']}", "DISPLAY": ":9", "CLOUDFLARE_API_TOKEN": "secret"}

    return make


class TestClipboard:
    def test_a_picture(self, tmp_path: Path, program: Program) -> None:
        """A picture is kept as what it is, in a file that nobody else can read; the command learns no secret."""
        script = """case "$*" in *TARGETS) echo TARGETS text/plain image/png;;
*image/png) echo "png $CLOUDFLARE_API_TOKEN";; esac"""
        path = Path(clipboard.grab(program("xclip", script), tmp_path / "kept"))
        assert (path.suffix, path.read_text()) == (".png", "png \n")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700

    def test_text(self, tmp_path: Path, program: Program) -> None:
        """Text is kept when there is no picture, also where the command knows no pictures."""
        path = Path(clipboard.grab(program("xsel", "printf 'a text'"), tmp_path))
        assert (path.suffix, path.read_text()) == (".txt", "a text")

    def test_nothing_to_be_had(self, tmp_path: Path, program: Program) -> None:
        """An empty clipboard, no command, and no desktop are told apart, and no file is left."""
        kept = tmp_path / "kept"
        with pytest.raises(BrowseError, match="is empty"):
            clipboard.grab(program("xsel", "exit 1"), kept)
        with pytest.raises(BrowseError, match="install"):
            clipboard.grab({"PATH": "", "DISPLAY": ":9"}, kept)
        with pytest.raises(BrowseError, match="no desktop"):
            clipboard.grab({"PATH": os.environ["PATH"]}, kept)
        assert not kept.exists()

    def test_a_command_that_does_not_end(
        self, tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is stopped, with whatever it started, and that is said."""
        monkeypatch.setattr(clipboard, "TIME_LIMIT", 0.3)
        with pytest.raises(BrowseError, match="did not answer"):
            clipboard.grab(program("xsel", "sleep 60 & sleep 60"), tmp_path)

    def test_a_command_that_never_stops_writing(
        self, tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """More than can be sent is not taken."""
        monkeypatch.setattr(clipboard, "SIZE_LIMIT", 1 << 20)
        with pytest.raises(BrowseError, match="more than 1 MiB"):
            clipboard.grab(program("xsel", "exec cat /dev/zero"), tmp_path)
