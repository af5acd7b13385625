"""`learn`: the list, a handout, a page, and a terminal with somebody at its keys."""

from __future__ import annotations

import os
import re
import select
import signal
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from cli_console import Cli


def test_the_list(cli: Cli) -> None:
    result = cli("learn")
    assert result.status == 0
    assert re.search(r"^ 6  greylisted +Come back later: ", result.out, re.MULTILINE)


def test_a_handout(cli: Cli) -> None:
    result = cli("learn", "greylisted")
    assert result.status == 0
    assert result.out.startswith("6. Come back later\n\nAnna's server")
    assert "Session 2 of 2: " in result.out
    assert "> The recipient that was put off is now welcome." in result.out
    assert result.out.index("\nQuestions\n") < result.out.index("\nAnswers\n")
    assert max(map(len, result.out.splitlines())) <= 80
    assert "\x1b" not in result.out
    assert cli("learn", 6).raw == result.raw
    assert cli("learn", "Greylisted.pcapng").raw == result.raw


def test_no_such_lesson(cli: Cli) -> None:
    result = cli("learn", "greylist")
    assert (result.status, result.out) == (2, "")
    assert result.said == "there is no lesson 'greylist'; did you mean greylisted?"
    assert "learn lists them" in cli("learn", "99").said


@pytest.mark.parametrize("speed", ["0", "-1", "fast", "nan", "1e9"])
def test_no_such_speed(cli: Cli, speed: str) -> None:
    assert cli("learn", "accepted", f"--speed={speed}").status == 2


def test_by_the_clock(cli: Cli) -> None:
    assert cli("learn", "greylisted", "--speed", 1000).raw == cli("learn", "greylisted").raw


def test_a_page(cli: Cli, tmp_path: Path) -> None:
    page = tmp_path / "lesson.html"
    assert cli("learn", "smuggled", "--html", page).status == 0
    html = page.read_text("utf-8")
    assert "A mail within a mail</h1>" in html
    again = cli("learn", "accepted", "--html", page)
    assert again.status == 2
    assert "--force" in again.said
    assert page.read_text("utf-8") == html
    assert cli("learn", "accepted", "--html", page, "--force").status == 0
    assert page.read_text("utf-8") != html
    assert "which lesson" in cli("learn", "--html", page).said
    assert cli("learn", "accepted", "--html", tmp_path / "no" / "page.html").status == 2


@pytest.mark.skipif(sys.platform == "win32", reason="has no pseudo-terminals")
class TestTerminal:
    """`smtpsniff learn accepted` at a terminal of 80 columns."""

    def play(self, keys: str, *words: str) -> tuple[int, str]:
        """Presses each key when asked for one; the status and all that was shown."""
        import fcntl
        import pty
        import struct
        import termios

        pid, terminal = pty.fork()
        if pid == 0:
            command = [sys.executable, "-m", "smtpsniff", "learn", "accepted", *words]
            os.execve(sys.executable, command, os.environ | {"TERM": "xterm", "NO_COLOR": "1"})
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        shown, asked = "", 0
        while True:
            if not select.select([terminal], [], [], 30)[0]:
                os.kill(pid, signal.SIGKILL)  # it waits for a key that nobody presses
            try:
                octets = os.read(terminal, 65536)
            except OSError:  # how Linux says that the other end is closed
                break
            if not octets:
                break
            shown += octets.decode("utf-8", "replace")
            while len(re.findall(r"\(a key: [^)]*\)", shown)) > asked and asked < len(keys):
                os.write(terminal, keys[asked].encode())
                asked += 1
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.close(terminal)
        return status, shown

    def test_a_line_a_key(self) -> None:
        status, shown = self.play("   q")
        assert status == 0
        assert "220 mx.example.com" not in shown  # it comes with the fifth
        status, shown = self.play("    q")
        assert "connected" in shown
        assert "354 End data" not in shown

    def test_answers_come_after_a_key(self) -> None:
        status, shown = self.play(" " * 60)
        assert status == 0
        assert "354 End data" in shown
        question, answer = shown.index("1. Who speaks first"), shown.index("1. The server does")
        assert "(a key: the answer)" in shown[question:answer]

    def test_by_the_clock_only_answers_wait(self) -> None:
        status, shown = self.play("q", "--speed", "100")
        assert status == 0
        assert "354 End data" in shown
        assert "1. Who speaks first" in shown
        assert "1. The server does" not in shown
