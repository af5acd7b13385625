"""The tables: what is in them is what the records say, and joins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from smtpsniff.output.tables import TABLES, TableRenderer
from smtpsniff.output.tables.arrow import ROWS, Batches, schema_of
from smtpsniff.output.tables.sql import tables_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtpsniff.records import Session

DIALOGUE = """
@G
@E
C "MAIL FROM:<a@One.example> SIZE=99\\r\\n"
S "250 2.1.0 ok\\r\\n"
C "RCPT TO:<x@two.example>\\r\\n"
S "250 2.1.5 ok\\r\\n"
C "RCPT TO:<y@Two.example>\\r\\n"
S "550 5.1.1 no such user\\r\\n"
C "DATA\\r\\n"
S "354 go on\\r\\n"
C "Subject: hello\\r\\n\\r\\nhi\\r\\n.\\r\\n"
S "250 2.0.0 Ok: queued as D99EA29\\r\\n"
@Q
"""


def _tables(session: Session) -> dict[str, list[dict[str, Any]]]:
    """Each table's rows, by the names of their columns."""
    renderer = TableRenderer()
    number, rendered = renderer.number(renderer.render(session), session.number)
    return {
        table.name: [
            {"session": number, **dict(zip((c.name for c in table.columns), row, strict=True))}
            for row in rows
        ]
        for table, rows in zip(TABLES, rendered, strict=True)
    }


def test_rows_say_what_the_record_says(sessions: Callable[..., list[Session]]) -> None:
    (session,) = sessions(DIALOGUE)
    tables = _tables(session)
    (row,) = tables["sessions"]
    assert (row["outcome"], row["verdict"]) == (session.verdict.outcome, session.verdict.text)
    assert row["duration"] == pytest.approx(
        sum(row[name] or 0 for name in row if name.startswith("delay_"))
    )
    (mail,) = tables["transactions"]
    assert mail["sender_domain"] == "one.example"
    assert (mail["params"], mail["subject"], mail["queue_id"]) == ("SIZE=99", "hello", "D99EA29")
    accepted, refused = tables["recipients"]
    assert (accepted["recipient"], accepted["outcome"]) == (1, "accepted")
    assert (refused["recipient"], refused["code"], refused["domain"]) == (2, "550", "two.example")
    assert [row["text"] for row in tables["events"]] == [e.text for e in session.timeline]
    assert [row["entry"] for row in tables["events"]] == list(range(len(session.timeline)))


def test_consequences_name_their_root(sessions: Callable[..., list[Session]]) -> None:
    (session,) = sessions(DIALOGUE.replace("250 2.1.5 ok", "550 5.1.1 nobody"))
    rows = _tables(session)["findings"]
    assert [row["finding"] for row in rows] == list(range(1, len(rows) + 1))
    hanging = [row for row in rows if row["root"] is not None]
    assert hanging
    by_number = {row["finding"]: row["check_id"] for row in rows}
    told = {(f.check, hence.check) for f in session.findings for hence in f.related}
    assert {(by_number[row["root"]], row["check_id"]) for row in hanging} == told


def test_every_column_is_explained_and_none_needs_quoting_twice() -> None:
    for table in TABLES:
        names = [column.name for column in table.columns]
        assert len({*names, "session"}) == len(names) + 1
        assert all(column.about for column in table.columns)
        assert schema_of(table).field("session").metadata[b"about"]


def test_what_arrow_cannot_hold_is_held_all_the_same() -> None:
    got: list[pa.RecordBatch] = []
    batches = Batches(lambda _, batch: got.append(batch))
    rows: list[list[tuple[Any, ...]]] = [[] for _ in TABLES]
    columns = TABLES[1].columns
    values = {"subject": "half \ud800 a pair", "size": 1 << 70}
    rows[1] = [tuple(values.get(column.name) for column in columns)]
    batches.add((7, rows))
    batches.finish()
    (row,) = pa.Table.from_batches(got).to_pylist()
    assert (row["session"], row["subject"], row["size"]) == (7, "half \\ud800 a pair", None)


def test_rows_leave_in_groups() -> None:
    sizes: list[int] = []
    batches = Batches(lambda _, batch: sizes.append(len(batch)))
    width = len(TABLES[2].columns)
    rows: list[list[tuple[Any, ...]]] = [[], [], [(None,) * width] * (ROWS // 2), [], []]
    for number in range(1, 4):
        batches.add((number, rows))
    assert sizes == [ROWS]
    batches.finish()
    assert sizes == [ROWS, ROWS // 2]


def test_only_tables_that_a_query_can_mean_are_filled() -> None:
    assert tables_in('SELECT 1 FROM "Sessions" s, findings') == {"sessions", "findings"}
