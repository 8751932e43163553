"""cfmail started many times for the price of its imports once: a real process each, by `fork` in place of `exec`.

    with ForkServer() as cfmail:
        program = cfmail.start("send", "--to", "bob@example.net", env=os.environ, stdin=0, stdout=1, stderr=2)
        program.kill()

The server is a small process without threads that has imported the program. For each start it forks a keeper, which
forks the program as leader of a session of its own and waits for it and for all that it started: when `wait` or
`kill` returns, nothing of the program lives or holds a lock any more. Linux only (PR_SET_CHILD_SUBREAPER).
"""

import atexit
import ctypes
import functools
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

import cfmail_tui

PATIENCE: Final = 30.0
"""Seconds after which what should have happened counts as never happening."""

PR_SET_CHILD_SUBREAPER: Final = 36
LONGEST_REQUEST: Final = 128 * 1024


class Program:
    """A cfmail that was started; `pid` leads its session and process group."""

    def __init__(self, status: socket.socket) -> None:
        self._status = status
        self._status.settimeout(PATIENCE)
        self.pid = int(status.recv(100))
        self._code: int | None = None

    def lives_for(self, seconds: float) -> bool:
        """Let it run for so long; False, and sooner, if it ends before."""
        if self._code is None and select.select([self._status], [], [], max(0.0, seconds))[0]:
            self._code = int(self._status.recv(100))
        return self._code is None

    def poll(self) -> int | None:
        """Its exit code, negative for a signal, if it has ended; what it has started may live on."""
        self.lives_for(0)
        return self._code

    def wait(self) -> int:
        """Until it and whatever it started are gone: its exit code."""
        if self.lives_for(PATIENCE):
            raise TimeoutError(f"process {self.pid} does not end")
        assert self._code is not None
        if self._status.fileno() >= 0:
            assert not self._status.recv(100)
            self._status.close()
        return self._code

    def kill(self) -> None:
        """`kill -9` to all of its processes at once, and wait until they are gone."""
        if self._status.fileno() >= 0:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self.wait()


class ForkServer:
    """The server's other end, in the test; any number of threads may start programs."""

    def __init__(self) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            argv = [sys.executable, "-W", "error", "-m", "tests.fork_server", str(theirs.fileno())]
            self._process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], cwd=Path(__file__).parents[1]
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._requests.close()
        self._process.wait(PATIENCE)

    def start(self, *arguments: str, env: Mapping[str, str], stdin: int, stdout: int, stderr: int) -> Program:
        """`cfmail` with these arguments, this whole environment, copies of these descriptors and the caller's folder.

        A terminal as standard input becomes the controlling one.
        """
        status, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        request = json.dumps([arguments, dict(env), str(Path.cwd())]).encode()
        assert len(request) < LONGEST_REQUEST
        with theirs:
            socket.send_fds(self._requests, [request], [theirs.fileno(), stdin, stdout, stderr])
        return Program(status)

    def run(self, *arguments: str, env: Mapping[str, str], stdin: bytes = b"") -> tuple[int, bytes, bytes]:
        """A `cfmail` that ends by itself: exit code, standard output, standard error."""
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            given.write(stdin)
            given.seek(0)
            program = self.start(*arguments, env=env, stdin=given.fileno(), stdout=out.fileno(), stderr=err.fileno())
            return program.wait(), _written(out), _written(err)


def _written(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


@functools.cache
def shared() -> ForkServer:
    """One for all tests of this process, with which it ends."""
    server = ForkServer()
    atexit.register(server.__exit__, None, None, None)
    return server


def serve(requests: socket.socket) -> None:
    """Fork a keeper for each request until there are no more; returns in the programs, too, to be run as what they are.

    Nothing else is on the stack of a program, so that it ends as it would have with a process of its own.
    """
    while True:
        request, fds, _, _ = socket.recv_fds(requests, LONGEST_REQUEST, 4)
        if not request:
            return
        if os.fork() == 0:
            requests.close()
            if keeps(*fds):
                os._exit(0)
            become(*json.loads(request))
            return
        for descriptor in fds:
            os.close(descriptor)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def keeps(status: int, *streams: int) -> bool:
    """True in the keeper, when all is over; False in the program, on its streams, as leader of a session."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    program = os.fork()
    if program == 0:
        os.close(status)
        if os.isatty(streams[0]):
            os.login_tty(os.dup(streams[0]))
        else:
            os.setsid()
        for number, descriptor in enumerate(streams):
            os.dup2(descriptor, number)
        for descriptor in {*streams} - {0, 1, 2}:
            os.close(descriptor)
        return False
    for descriptor in streams:
        os.close(descriptor)
    os.write(status, str(program).encode())
    with suppress(ChildProcessError):
        while True:
            pid, ended = os.wait()
            if pid == program:
                with suppress(BrokenPipeError):
                    os.write(status, str(os.waitstatus_to_exitcode(ended)).encode())
    return True


def become(arguments: Sequence[str], environment: Mapping[str, str], folder: str) -> None:
    """What `exec` would have given: arguments, environment, folder, and streams that know what they stand for."""
    os.chdir(folder)
    sys.argv[1:] = arguments
    os.environ.clear()
    os.environ.update(environment)
    for number, (name, mode) in enumerate({"stdin": "r", "stdout": "w", "stderr": "w"}.items()):
        errors = "backslashreplace" if name == "stderr" else None
        stream = open(number, mode, errors=errors, closefd=False)  # noqa: SIM115 - open as long as the process
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def preload() -> None:
    """All that a run may import, kept out of the garbage collector's way, which would copy every page of it."""
    for found in pkgutil.walk_packages(cfmail_tui.__path__, "cfmail_tui."):
        if not found.name.endswith(".__main__"):
            importlib.import_module(found.name)
    for name in ("certifi", "encodings.idna", "httpcore", "keyring.backends.SecretService", "keyring.backends.chainer"):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    preload()
    started_by = os.getpid()
    with socket.socket(fileno=int(sys.argv[1])) as handed_over:
        serve(handed_over)
    if os.getpid() != started_by:
        from cfmail_tui.__main__ import main

        sys.exit(main())
