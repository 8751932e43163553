"""The harness for a real Secret Service: each mode is what it says, so that tests of credentials can rest on it."""

import subprocess
import sys
from collections.abc import Callable

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

STORE_AND_READ = (
    "import keyring; keyring.set_password('cfmail', 'a', 'hidden'); print(keyring.get_password('cfmail', 'a'))"
)


def test_an_unlocked_keyring_keeps_a_password(run_with_secret_service: Run) -> None:
    """With an open keyring, what is stored is read back."""
    ran = run_with_secret_service("unlocked", [sys.executable, "-c", STORE_AND_READ])
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "hidden\n", "")


@pytest.mark.parametrize(
    ("mode", "error"), [("locked", "KeyringLocked"), ("fresh", "InitError"), ("none", "NoKeyringError")]
)
def test_a_keyring_that_cannot_be_used_says_which_way(run_with_secret_service: Run, mode: str, error: str) -> None:
    """Every mode without an open keyring fails with an error of its own, and without waiting for a prompt."""
    ran = run_with_secret_service(mode, [sys.executable, "-c", STORE_AND_READ])
    assert ran.returncode == 1
    assert error in ran.stderr.splitlines()[-1]


def test_the_command_gets_its_arguments_and_environment_and_gives_its_status(run_with_secret_service: Run) -> None:
    """The harness stands beside the command, not between it and the test."""
    code = "import os, sys; print(sys.argv[1:], os.environ['MARK']); sys.exit(3)"
    ran = run_with_secret_service("none", [sys.executable, "-c", code, "a b", "$c"], env={"MARK": "here"})
    assert (ran.returncode, ran.stdout, ran.stderr) == (3, "['a b', '$c'] here\n", "")
