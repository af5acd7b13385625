"""The session table and what stands under it, line by line."""

from __future__ import annotations

from smtpsniff.output.paint import Paint
from smtpsniff.output.row import Row, Spotted
from smtpsniff.output.table import MEASURED, Table
from smtpsniff.output.totals import Totals
from smtpsniff.records import Dropped, FileInfo, Run

START = 1_795_474_725_000_000_000
VERDICT = (
    "Mail from <carla@example.net> for <bne@example.com> was rejected by mx.example.com"
    ' (192.0.2.25:25): "550 5.1.1 User unknown" (unknown-user, frame 12).'
)


def _row(number: int, outcome: str = "delivered", verdict: str = "", **more: object) -> Row:
    fields = {
        "client": "192.0.2.1",
        "server": "192.0.2.25:25",
        "mail": "carla@example.net → anna@example.com",
        "spotted": (),
        "file": None,
    } | more
    start = START + number * 1_000_000_000
    return Row(number=number, start=start, outcome=outcome, verdict=verdict, **fields)  # type: ignore[arg-type]


def _table(rows: list[Row], width: int | None = None) -> list[str]:
    lines: list[str] = []
    table = Table(Paint(width), lines.append)
    for row in rows:
        table.add(row)
    table.end()
    return lines


def test_a_pipe_gets_one_full_line_each() -> None:
    assert _table([_row(1), _row(2, "rejected", VERDICT)]) == [
        "  #  outcome      time (UTC)           client → server            mail",
        "  1  delivered    2026-11-23 22:58:46  192.0.2.1 → 192.0.2.25:25  "
        "carla@example.net → anna@example.com",
        "  2  rejected     2026-11-23 22:58:47  192.0.2.1 → 192.0.2.25:25  "
        "carla@example.net → anna@example.com",
        f"     {VERDICT}",
    ]


def test_eighty_columns() -> None:
    assert _table([_row(1), _row(2, "rejected", VERDICT)], 80) == [
        "  #  outcome      time      client → server",
        "2026-11-23 UTC",
        "  1  delivered    22:58:46  192.0.2.1 → 192.0.2.25:25",
        "     carla@example.net → anna@example.com",
        "  2  rejected     22:58:47  192.0.2.1 → 192.0.2.25:25",
        "     Mail from <carla@example.net> for <bne@example.com> was rejected by",
        '     mx.example.com (192.0.2.25:25): "550 5.1.1 User unknown" (unknown-user,',
        "     frame 12).",
    ]


def test_a_wide_terminal() -> None:
    assert _table([_row(1)], 120) == [
        "  #  outcome      time      client → server            mail",
        "2026-11-23 UTC",
        "  1  delivered    22:58:46  192.0.2.1 → 192.0.2.25:25  carla@example.net → anna@example.com",
    ]


def test_errors_in_words_warnings_by_name_notes_not_at_all() -> None:
    spotted = (
        Spotted("error", "command-unknown", "The client sent X."),
        Spotted("warning", "msg-missing-date", ""),
        Spotted("warning", "command-bare-lf", ""),
        Spotted("note", "quit-missing", ""),
    )
    assert _table([_row(1, spotted=spotted)])[2:] == [
        "     error command-unknown: The client sent X.",
        "     warning msg-missing-date, command-bare-lf",
    ]


def test_rows_leave_in_order_of_number_however_they_come() -> None:
    lines = _table([_row(3), _row(1), _row(2)])
    assert [line.split()[0] for line in lines] == ["#", "1", "2", "3"]


def test_a_long_table_streams_and_stays_in_order() -> None:
    lines: list[str] = []
    table = Table(Paint(), lines.append)
    for number in range(1, MEASURED + 1):
        table.add(_row(number))
    assert len(lines) == MEASURED + 1
    table.add(_row(MEASURED + 2))
    assert len(lines) == MEASURED + 1
    table.add(_row(MEASURED + 1))
    assert len(lines) == MEASURED + 3


def test_no_rows_no_head() -> None:
    assert _table([]) == []


def _run(**more: object) -> Run:
    fields: dict[str, object] = {
        "version": "0", "files": [FileInfo("mail.pcap", 1, "pcap", 9)], "interfaces": [],
        "dropped": Dropped(), "packets": 1234, "tcp_connections": 3, "sessions": 3,
        "outcomes": {}, "findings": {}, "limits_hit": [],
    }  # fmt: skip
    return Run(**(fields | more))  # type: ignore[arg-type]


def _totals(rows: list[Row], width: int | None = None, **more: object) -> list[str]:
    totals = Totals()
    for row in rows:
        totals.add(row)
    sentences = {"rcpt-unknown-user": "That mailbox does not exist."}
    return list(totals.lines(_run(**more), sentences, Paint(width)))


def test_totals_name_what_failed_first() -> None:
    unknown = Spotted("error", "rcpt-unknown-user", "")
    late = Spotted("note", "quit-missing", "")
    rows = [
        _row(1, spotted=(late,)),
        _row(2, "rejected", VERDICT, spotted=(unknown, late)),
        _row(3, "deferred"),
    ]
    expected = [
        "",
        "3 sessions in 1,234 packets",
        "  1 rejected     session 2",
        "  1 deferred     session 3",
        "  1 delivered",
        "",
        "findings",
        "  error    1 ×  rcpt-unknown-user (session 2): That mailbox does not exist.",
        "  note     2 ×  quit-missing (sessions 1, 2)",
    ]
    assert _totals(rows) == expected
    assert _totals(rows, 80) == [
        *expected,
        "",
        "smtpsniff show mail.pcap 2",
        "smtpsniff explain rcpt-unknown-user",
    ]


def test_totals_name_a_few_of_many() -> None:
    lines = _totals([_row(n, "refused", "x") for n in (9, 8, 7, 6, 5, 4, 3)])
    assert "  7 refused      sessions 3, 4, 5, 6, 7, …" in lines


def test_totals_name_files_and_limits() -> None:
    files = [FileInfo(f"{name}.pcap", 1, "pcap", 9) for name in ("a b", "c")]
    lines = _totals([_row(1)], 80, files=files, limits_hit=["connections"])
    assert "  file 2: c.pcap" in lines
    assert "limits reached: connections" in lines
    assert "smtpsniff show 'a b.pcap' c.pcap --session 1" in lines
