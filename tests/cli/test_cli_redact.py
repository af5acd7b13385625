"""`--redact`: every command that shows records shows them without the people in them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from cli_console import Cli, Shipped

PLACES = ("accepted", "refused-recipient")
NAMES = ("anna", "carla", "billing@", "bne@", "lunch on", "invoice 1042", "192.0.2.", "example.com",
         "example.net", "d99ea29", "1efbd3dab941d235")  # fmt: skip


def _leaks(text: str) -> list[str]:
    return [name for name in NAMES if name in text.casefold()]


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text("a key of this test")
    return path


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize(
    "words",
    [
        ["read"], ["read", "--by", "domain"], ["read", "--json"], ["read", "--format", "json"],
        ["read", "--format", "csv"], ["read", "--format", "zeek"], ["read", "--format", "eve"],
        ["read", "--json", "--hash-input", "--attachments"],
        ["read", "--json", "--where", "number == 1"],
        ["read", "--json", "--where", "client.ip == 192.0.2.1"],
        ["stories", "--all"], ["stories", "--all", "--json"],
        ["query", "SELECT * FROM sessions", "--json"],
    ],
)  # fmt: skip
def test_no_command_tells(
    words: list[str], jobs: str, cli: Cli, shipped: Shipped, key: Path
) -> None:
    command, *rest = words
    captures = [shipped(name) for name in PLACES]
    told = cli(command, *captures, "--redact", "--redact-key", key, "--jobs", jobs, "--fail-on", "never", *rest)  # fmt: skip
    assert (told.status, told.err) == (0, "")
    assert _leaks(told.out) == []
    assert len(told.out) > 80
    plain = cli(command, *captures, "--fail-on", "never", *rest)
    assert _leaks(plain.out)


def test_neither_do_show_and_report(cli: Cli, shipped: Shipped, key: Path, tmp_path: Path) -> None:
    for words in ((), ("--ladder",), ("--json",)):
        told = cli("show", shipped("refused-recipient"), 1, "--redact", "--redact-key", key, *words)
        assert _leaks(told.out) == []
        assert "rcpt-unknown-user" in told.out
    page = tmp_path / "report.html"
    cli("report", shipped("refused-recipient"), "-o", page, "--redact", "--redact-key", key)
    assert _leaks(page.read_text(encoding="utf-8")) == []


def test_a_key_makes_the_same_tokens_in_every_run(
    cli: Cli, shipped: Shipped, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shipped("refused-recipient")
    monkeypatch.setenv("SMTPSNIFF_REDACT_KEY", "a key of this test")
    outs = [
        cli("read", path, "--json", "--redact", "--redact-key", k).out for k in (key, key, "env")
    ]
    assert outs[0] == outs[1] == outs[2]
    free = cli("read", path, "--json", "--redact")
    assert "--redact-key" in free.said
    assert free.out != outs[0]
    ip = json.loads(outs[0].splitlines()[0])["client"]["ip"]
    assert ip not in free.out


def test_mistakes_are_told(cli: Cli, shipped: Shipped, tmp_path: Path) -> None:
    path = shipped("accepted")
    (tmp_path / "empty").touch()
    assert "--show-secrets" in cli("read", path, "--redact", "--show-secrets").said
    assert "only with --redact" in cli("read", path, "--redact-key", "env").said
    assert "no key" in cli("read", path, "--redact", "--redact-key", tmp_path / "empty").said
    assert "absent" in cli("read", path, "--redact", "--redact-key", tmp_path / "absent").said
    assert "byte for byte" in cli("extract", path, "-d", tmp_path, "--redact").said
    assert "as they were" in cli("slice", path, 1, "-w", tmp_path / "x.pcap", "--redact").said
    assert "redact what -w keeps" in cli("live", "--redact").said
