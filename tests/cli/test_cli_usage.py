"""What is typed: commands, options, what is not there yet, mistakes."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from smtpsniff import __version__
from smtpsniff.cli.words import COMMANDS

if TYPE_CHECKING:
    from pathlib import Path

    from cli_console import Cli, Shipped


def test_alone_it_prints_the_short_help(cli: Cli) -> None:
    result = cli()
    assert result.status == 2
    assert "smtpsniff FILE..." in result.out
    assert cli("-h").out == result.out
    assert cli("-h").status == 0


def test_help_names_every_command_and_has_examples(cli: Cli) -> None:
    result = cli("--help")
    assert result.status == 0
    for command in COMMANDS:
        assert command in result.out
    assert "examples:" in result.out
    assert max(map(len, result.out.splitlines())) <= 80


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(
    cli: Cli, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    result = cli(command, "--help")
    assert result.status == 0
    assert "examples:" in result.out
    assert [line for line in result.out.splitlines() if len(line) > 80] == []


def test_version(cli: Cli) -> None:
    result = cli("--version")
    assert (result.status, result.out) == (0, f"smtpsniff {__version__}\n")


def test_standard_input_is_read_once(cli: Cli) -> None:
    result = cli("read", "-", "-")
    assert (result.status, result.out) == (2, "")
    assert result.said == "standard input (-) can be read only once"


def test_only_one_file_is_followed(cli: Cli, shipped: Shipped) -> None:
    result = cli("read", "--follow", shipped("accepted"), shipped("accepted"))
    assert result.status == 2
    assert "--follow" in result.said


@pytest.mark.parametrize(
    "words",
    [
        ("--port", "0"), ("--port", "smtp"), ("--port", "70000"), ("--jobs", "0"),
        ("--jobs", "many"), ("--fail-on", "sometimes"), ("--color", "yes"), ("--format", "xml"),
        ("--nonsense",), ("--port",),
    ],
)  # fmt: skip
def test_wrong_options_are_one_line(cli: Cli, shipped: Shipped, words: tuple[str, ...]) -> None:
    result = cli("read", shipped("accepted"), *words)
    assert (result.status, result.out) == (2, "")
    assert words[-1].strip("-") in result.said


def test_an_unknown_word_gets_the_nearest_command(cli: Cli) -> None:
    assert "did you mean explain?" in cli("xplain", "550").said
    assert "no such file" in cli("nowhere.pcap").said
    assert cli("nowhere.pcap").status == 2


def test_a_file_may_be_named_like_a_command(
    cli: Cli, shipped: Shipped, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "show").write_bytes(shipped("accepted").read_bytes())
    assert "1  delivered" in cli("./show").out
    assert "1  delivered" in cli("read", "show").out
    assert "1  delivered" in cli("-r", "show").out


def test_a_command_behind_an_option_is_told(cli: Cli, shipped: Shipped) -> None:
    result = cli("--json", "show", shipped("accepted"), "1")
    assert result.status == 2
    assert "(to use the command show, put it first)" in result.err


def test_read_and_show_want_files(cli: Cli, shipped: Shipped) -> None:
    assert "no capture file" in cli("read").said
    assert "which session?" in cli("show").said
    assert "which session?" in cli("show", shipped("accepted")).said
    assert "which session?" in cli("show", "1").said
    assert "no capture file" in cli("show", "--session", "1").said


def test_python_m_is_the_same() -> None:
    words = [sys.executable, "-m", "smtpsniff", "--version"]
    done = subprocess.run(words, capture_output=True, check=True)
    assert done.stdout.decode() == f"smtpsniff {__version__}\n".replace("\n", "\n")


_CHECK = """
import sys
from smtpsniff.cli.main import main
main(sys.argv[1:])
heavy = {"numpy", "scapy", "rich"} & set(sys.modules)
sys.exit(f"imported: {heavy}" if heavy else 0)
"""


@pytest.mark.parametrize(
    "words", [("--help",), ("explain", "550"), ("explain", "rcpt-greylisted"), ("checks",)]
)
def test_what_must_be_quick_imports_nothing_heavy(words: tuple[str, ...]) -> None:
    subprocess.run([sys.executable, "-c", _CHECK, *words], check=True, stdout=subprocess.DEVNULL)
