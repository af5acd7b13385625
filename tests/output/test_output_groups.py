"""Many sessions at a glance: groups, order, causes, the line of bars."""

from __future__ import annotations

from collections import Counter

import pytest

from smtpsniff.checks import CATALOGUE
from smtpsniff.output.groups import BY, MOST, Groups
from smtpsniff.output.histogram import SECOND, Bin, sparkline
from smtpsniff.output.paint import Paint
from smtpsniff.output.row import Row, Spotted
from smtpsniff.output.table import SORTS, Table
from smtpsniff.output.totals import Totals
from smtpsniff.records import Dropped, Run

START = 1_795_474_722 * SECOND


def _row(number: int, outcome: str = "delivered", **more: object) -> Row:
    fields: dict[str, object] = {
        "client": f"198.51.100.{number % 5}", "server": "192.0.2.25:25", "mail": "a@b → c@d",
        "verdict": "", "spotted": (), "file": None, "duration": float(number), "domains": ("d",),
        "cause": "rcpt-unknown-user" if outcome == "rejected" else "",
    }  # fmt: skip
    return Row(number, START + number * SECOND, outcome, **{**fields, **more})  # type: ignore[arg-type]


ROWS = [_row(n, "rejected" if n % 3 == 0 else "delivered") for n in range(1, 31)]


def _lines(by: str, rows: list[Row], width: int | None = None) -> list[str]:
    groups = Groups(by)
    for row in rows:
        groups.add(row)
    return list(groups.lines(Paint(width)))


def test_by_client_the_most_failures_first() -> None:
    lines = _lines(
        "client", [*ROWS, _row(31, "rejected", client="203.0.113.9", cause="rcpt-quota")]
    )
    assert lines[0] == "sessions  failed  client"
    assert lines[1] == "       6       2  198.51.100.1  (session 1, …)"
    assert lines[2] == " " * 18 + "2 rejected, 4 delivered; rcpt-unknown-user 2 ×"
    assert lines[-2] == "       1       1  203.0.113.9  (session 31)"
    assert lines[-1].endswith("1 rejected; rcpt-quota 1 ×")


def test_a_session_counts_for_each_domain_of_its_recipients() -> None:
    lines = _lines("domain", [_row(1, domains=("a.example", "b.example")), _row(2, domains=())])
    assert [line.split()[2] for line in lines[1::2]] == ["a.example", "b.example", "(no"]


def test_groups_are_bounded() -> None:
    groups = Groups("client")
    for number in range(MOST + 10):
        groups.add(_row(number + 1, client=str(number)))
    lines = list(groups.lines(Paint(None)))
    assert len(lines) == 1 + 2 * (MOST + 1)
    assert "      10       0  (others)  (session 100001, …)" in lines


def test_a_terminal_gets_the_first_fifty() -> None:
    rows = [_row(n, client=f"10.0.0.{n}") for n in range(1, 61)]
    assert _lines("client", rows, 80)[-1] == "and 10 more; a pipe gets all of them"
    assert len(_lines("client", rows)) == 1 + 2 * 60


@pytest.mark.parametrize("by", BY)
def test_every_grouping_counts_every_session(by: str) -> None:
    lines = _lines(by, ROWS)
    assert sum(int(line.split()[0]) for line in lines[1:] if "(session" in line) == len(ROWS)


@pytest.mark.parametrize(
    ("sort", "first"), [("", "1"), ("duration", "30"), ("outcome", "3"), ("client", "5")]
)
def test_the_table_in_another_order(sort: str, first: str) -> None:
    out: list[str] = []
    table = Table(Paint(None), out.append, sort=sort)
    for row in ROWS:
        table.add(row)
    assert bool(out) is False
    table.end()
    assert out[1].split()[0] == first
    assert len(out) == 1 + len(ROWS)
    assert sort in ("", *SORTS)


def _totals(rows: list[Row]) -> str:
    totals = Totals()
    for row in rows:
        totals.add(row)
    run = Run("1", [], [], Dropped(), 100, len(rows), len(rows), {}, {}, [])
    sentences = {check.id: check.sentence for check in CATALOGUE}
    return "\n".join(totals.lines(run, sentences, Paint(None)))


def test_causes_are_told_where_many_failed() -> None:
    many = [_row(n, "rejected") for n in range(1, 26)]
    text = _totals([*many, _row(26, "deferred", cause="rcpt-greylisted")])
    assert "why 26 sessions failed\n  25 ×  That mailbox does not exist" in text
    assert "   1 ×  The server asks unknown senders" in text
    assert "(rcpt-unknown-user, e.g. session 1)" in text
    assert "why" not in _totals(many[:5])


def test_many_sessions_are_a_line_of_bars() -> None:
    rows = [_row(n) for n in range(1, 41)]
    assert "  " + "█" * 40 + "  2026-11-23" in _totals(rows)
    assert "█" not in _totals(rows[:5])


def test_bars_are_as_high_as_what_they_count() -> None:
    bins = [Bin(START + n * SECOND, 1, Counter(x=height)) for n, height in enumerate((8, 0, 1, 4))]
    bars, period = sparkline(bins)
    assert bars == "█ ▁▄"
    assert period == "2026-11-23 22:58:42 to 22:58:46 UTC, a column is 1 s"


def test_spotted_findings_still_have_their_list() -> None:
    row = _row(1, "rejected", spotted=(Spotted("error", "rcpt-unknown-user", "No such mailbox."),))
    assert "error    1 ×  rcpt-unknown-user (session 1): " in _totals([row])
