"""--where on the command line: selected sessions, their numbers, totals and exit status."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from dialogue import compile_text, in_order, pcap

if TYPE_CHECKING:
    from pathlib import Path

    from cli_console import Cli, Write

REFUSED = r"""
@G
@E
@M
C "RCPT TO:<x@mx.example>\r\n"
S "550 5.1.1 no such user\r\n"
@Q
"""


@pytest.fixture
def mixed(write: Write) -> Path:
    """Six sessions, the even ones refused."""
    packets = []
    for number in range(1, 7):
        text = REFUSED if number % 2 == 0 else "@T\n@D\n@H\n@X\n@Q"
        start = compile_text("@G")[0].time + number * 10**9
        packets += compile_text(text, client=(f"192.0.2.{number}", 40_000), start=start)
    return write(pcap(in_order(packets)))


def test_selected_sessions_keep_their_numbers(cli: Cli, mixed: Path) -> None:
    everything = map(json.loads, cli(mixed, "--json").out.splitlines())
    before = {r["number"]: r for r in everything if "number" in r}
    for expression, numbers in (
        ("verdict.outcome == rejected", [2, 4, 6]),
        ("client.ip in {192.0.2.3, 192.0.2.4/31}", [3, 4, 5]),
        ("number >= 5", [5, 6]),
        ("number == 1 or verdict.cause == rcpt-unknown-user", [1, 2, 4, 6]),
    ):
        for jobs in (1, 2):
            lines = cli(mixed, "--json", "--jobs", jobs, "--where", expression).out.splitlines()
            sessions = [r for r in map(json.loads, lines) if "number" in r]
            records = sorted(sessions, key=lambda record: record["number"])
            assert records == [before[number] for number in numbers]
            run = json.loads(lines[-1])
            assert run["sessions"] == len(numbers)
            assert sum(run["outcomes"].values()) == len(numbers)
            assert run["selected"] == {"where": expression, "of_sessions": 6}


def test_totals_say_that_a_selection_was_made(cli: Cli, mixed: Path) -> None:
    out = cli(mixed, "--where", "verdict.outcome == rejected").out
    assert "\n3 sessions in " in out
    assert "\n  only sessions where verdict.outcome == rejected (of 6 sessions)\n" in out
    assert "delivered" not in out


def test_fail_on_counts_selected_sessions(cli: Cli, mixed: Path) -> None:
    assert cli(mixed).status == 1
    assert cli(mixed, "--where", "verdict.outcome == delivered").status == 0
    assert cli(mixed, "--where", "verdict.outcome == rejected").status == 1
    assert cli(mixed, "--where", "number in {1, 3}").status == 0
    assert cli(mixed, "--where", "number in {1, 2}").status == 1


def test_none_selected_is_no_lack_of_smtp(cli: Cli, mixed: Path) -> None:
    for expression in ("tls", "number == 99"):
        result = cli(mixed, "--where", expression)
        assert (result.status, result.out) == (0, "")
        assert result.said == "none of the 6 sessions is what --where asks for"


def test_a_mistake_is_shown_with_its_place(cli: Cli, mixed: Path) -> None:
    result = cli(mixed, "--where", "verdict.outcom == rejected")
    assert (result.status, result.out) == (2, "")
    assert result.err.splitlines() == [
        "smtpsniff: --where: there is no key 'verdict.outcom'; the nearest are verdict.outcome, "
        "verdict.text, verdict.cause, verdict",
        "  verdict.outcom == rejected",
        "  ^",
    ]
    wide = cli(mixed, "--where", "helo.name == 'müller\x1b日本' and x").err.splitlines()
    assert "\x1b" not in wide[1]
    assert wide[2].index("^") == len(wide[1][: wide[1].rindex("x")]) + 2


def test_show_with_a_selection(cli: Cli, mixed: Path) -> None:
    assert (
        "session 2: rejected" in cli("show", mixed, 2, "--where", "verdict.outcome == rejected").out
    )
    result = cli("show", mixed, 1, "--where", "verdict.outcome == rejected")
    assert result.status == 2
    assert result.said == "session 1 is not among those selected (there are 3)"
    assert cli("show", mixed, 1, "--where", "tls").status == 2


def test_both_selections_together(cli: Cli, mixed: Path) -> None:
    run = json.loads(
        cli(mixed, "--json", "--where", "verdict.outcome == rejected", "--", "host", "192.0.2.4")
        .out.splitlines()[-1]
    )  # fmt: skip
    assert run["sessions"] == 1
    assert run["selected"]["of_sessions"] == 1
    assert run["selected"]["filter"] == "host 192.0.2.4"
