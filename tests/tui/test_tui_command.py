"""`smtpsniff tui` as a command: in a pipe, without textual, in a real terminal."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tui_desk import shipped
from tui_terminal import Terminal

from smtpsniff.cli import tui
from smtpsniff.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

FILES = [str(path) for path in shipped()]


def test_in_a_pipe_it_is_read(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    codes = main(["read", *FILES]), main(["tui", *FILES])
    out = capsysbinary.readouterr().out
    assert codes[0] == codes[1]
    assert out[: len(out) // 2] == out[len(out) // 2 :]
    assert b"rejected" in out


def test_without_textual_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(tui, "is_terminal", lambda stream: True)
    monkeypatch.setattr(tui, "find_spec", lambda name: None)
    assert main(["tui", *FILES]) == 2
    err = capsys.readouterr().err
    assert err == "smtpsniff: the screen needs textual: pip install 'smtpsniff[tui]'\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "no capture file is named"),
        ([*FILES, "-w", "x.pcapng"], "-i INTERFACE asks for"),
        (["-i", "lo", "-r", FILES[0]], "does not go with files"),
    ],
)
def test_mistakes_in_the_words(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tui", *words]) == 2
    assert said in capsys.readouterr().err


def test_other_commands_do_not_load_it() -> None:
    program = (
        "import sys; from smtpsniff.cli.main import main; main(sys.argv[1:]);"
        "print([m for m in sys.modules if m.startswith(('textual', 'smtpsniff.tui'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "read", FILES[0]],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.endswith("[]\n")


def test_in_a_real_terminal_it_opens_walks_filters_compares_saves_and_quits(tmp_path: Path) -> None:
    terminal = Terminal([sys.executable, "-m", "smtpsniff", "tui", *FILES], tmp_path)
    terminal.until("2 sessions")
    terminal.press("j\r")
    terminal.until("550 5.1.1")
    terminal.press("q")
    terminal.until("accepted.pcapng and 1 more")
    terminal.press("f")
    terminal.until("filter, as of --where")
    terminal.press("number == 2\r")
    terminal.until("1 of 2 sessions")
    terminal.press("\x1b")
    terminal.until("carla@example.net")
    terminal.press("u\x1b[H  c")
    terminal.until("differences in")
    terminal.press("q")
    terminal.until("2 marked")
    terminal.press("s")
    terminal.until("save 2 sessions as")
    terminal.press("\r")
    terminal.until("of 2 sessions saved")
    terminal.press("Q")
    assert terminal.status() == 0
    assert (tmp_path / "session-1-and-1-more.pcapng").stat().st_size > 1000
