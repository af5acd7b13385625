"""Settings: from a file, from the default file, from options."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from dialogue import capture

if TYPE_CHECKING:
    from pathlib import Path

    from cli_console import Cli, Write

SLOW = 'OPEN\n+6.0 S "220 mx.example ESMTP\\r\\n"\n@EN\n@Q'
FILE = """
[checks]
disable = ["helo-used", "tls-*"]

[thresholds]
greeting-slow.after = 20
"greeting-split.apart" = 3
"""


def severities(cli: Cli, *words: object) -> dict[str, str]:
    """Checks that spoke, and how loudly."""
    result = cli(*words, "--json")
    (session,) = [r for r in map(json.loads, result.out.splitlines()) if "verdict" in r]
    return {f["check"]: f["severity"] for f in session["findings"]}


def values(cli: Cli, *words: object) -> dict[str, float]:
    """The thresholds that `checks` shows."""
    records = [json.loads(line) for line in cli("checks", "--json", *words).out.splitlines()]
    return {t["name"]: t["value"] for record in records for t in record["thresholds"]}


@pytest.fixture
def slow(write: Write) -> Path:
    """A capture with a greeting after six seconds."""
    return write(capture(SLOW))


def test_an_option_sets_a_threshold(cli: Cli, slow: Path) -> None:
    assert severities(cli, slow)["greeting-slow"] == "warning"
    assert severities(cli, slow, "--set", "greeting-slow.after=20")["greeting-slow"] == "note"
    jobs = severities(cli, slow, "--set", "greeting-slow.after=20", "--jobs", 2)
    assert jobs["greeting-slow"] == "note"


def test_an_option_switches_checks(cli: Cli, slow: Path) -> None:
    assert "greeting-slow" not in severities(cli, slow, "--disable", "helo-used,greeting-slow")
    assert "greeting-slow" not in severities(cli, slow, "--disable", "timing", "--jobs", 2)
    assert set(severities(cli, slow, "--checks", "greeting-s*")) == {"greeting-slow"}


def test_a_file_sets_both(cli: Cli, slow: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(FILE)
    assert severities(cli, slow, "--config", file)["greeting-slow"] == "note"
    assert values(cli, "--config", file)["greeting-split.apart"] == 3
    listed = cli("checks", "--config", file)
    assert "tls-handshake-alert" not in listed.out
    assert "more are switched off" in listed.out
    assert "greeting-slow.after = 20 s (default 5)" in listed.out


def test_the_default_file_is_found(cli: Cli, settings: Path) -> None:
    settings.parent.mkdir(parents=True)
    settings.write_text(FILE)
    assert values(cli)["greeting-slow.after"] == 20
    assert values(cli, "--no-config")["greeting-slow.after"] == 5
    explained = cli("explain", "greeting-slow").out
    assert "greeting-slow.after = 20 s (default 5)" in explained


def test_the_command_line_wins(cli: Cli, settings: Path) -> None:
    settings.parent.mkdir(parents=True)
    settings.write_text(FILE)
    found = values(cli, "--set", "greeting-slow.after=30", "--disable", "greeting-split")
    assert found["greeting-slow.after"] == 30
    assert "greeting-split.apart" not in found
    assert "tls-handshake-incomplete.after" not in found
    assert "tls-handshake-incomplete.after" in values(cli, "--checks", "tls")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[checks]\ndisable = 3\n", "disable is a list of names"),
        ("[checks]\nenable = []\n", "[checks] has only and disable, not 'enable'"),
        ("[chekcs]\n", "[checks] and [thresholds] are known, not 'chekcs'"),
        ("checks = 3\n", "are known, not 'checks'"),
        ('[thresholds]\ngreeting-slow.after = "20"\n', "greeting-slow.after is a number"),
        ("[thresholds]\ngreeting-slow.aftr = 20\n", "greeting-slow has greeting-slow.note"),
        ("[thresholds]\ngreeting-slow = 20\n", "no threshold is called 'greeting-slow'"),
        ('[checks]\nonly = ["greeting-slwo"]\n', "perhaps greeting-slow"),
        ("[checks\n", "not TOML"),
        ("\x00", "not TOML"),
    ],
)
def test_mistakes_in_a_file_are_one_line(cli: Cli, settings: Path, text: str, said: str) -> None:
    settings.parent.mkdir(parents=True)
    settings.write_text(text)
    result = cli("checks")
    assert (result.status, result.out) == (2, "")
    assert said in result.said
    assert str(settings) in result.said
    assert cli("checks", "--no-config").status == 0


def test_mistakes_in_options_are_one_line(cli: Cli, slow: Path, tmp_path: Path) -> None:
    for words, said in [
        (("--set", "greeting-slow"), "a threshold is set as"),
        (("--set", "greeting-slow.after=soon"), "is a number, not 'soon'"),
        (("--disable", "tsl-*"), "perhaps tls"),
        (("--config", tmp_path / "none"), "No such file"),
        (("--config", tmp_path), "Is a directory"),
    ]:
        result = cli(slow, *words)
        assert (result.status, result.out) == (2, "")
        assert said in result.said


def test_hostile_files_do_no_harm(cli: Cli, settings: Path) -> None:
    settings.parent.mkdir(parents=True)
    for octets in (b"\xff\xfe", b"[" * 100_000, b'"\\u001b[31m" = 1\n', b"a.b.c.d = 1\n"):
        settings.write_bytes(octets)
        result = cli("checks")
        assert result.status == 2
        assert "\x1b" not in result.said
