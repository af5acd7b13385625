"""Rows of the tables, made where the session is; small, and cheap to send between processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smtpsniff.output.tables.columns import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.output.tables.columns import Table
    from smtpsniff.records import Session

__all__ = ["Numbered", "TableRenderer"]

# The session's number, and for each table in the order of TABLES the rows without it.
Numbered = tuple[int, list[list[tuple[Any, ...]]]]

_ALL = frozenset(table.name for table in TABLES)


class TableRenderer:
    """Makes rows of a session. `wanted`: names of tables; others stay empty, and cost nothing."""

    def __init__(self, wanted: frozenset[str] = _ALL) -> None:
        self._wanted = wanted

    def render(self, session: Session) -> list[list[tuple[Any, ...]]]:
        """The rows of a session whose number is not known yet."""
        return [_rows(table, session) if table.name in self._wanted else [] for table in TABLES]

    def number(self, rendered: list[list[tuple[Any, ...]]], number: int) -> Numbered:
        """The rows with the number that belongs in front of each."""
        return number, rendered


def _rows(table: Table, session: Session) -> list[tuple[Any, ...]]:
    getters = [column.of for column in table.columns]
    return [tuple([of(*thing) for of in getters]) for thing in _things(table.name, session)]


def _things(table: str, session: Session) -> Iterator[tuple[Any, ...]]:
    """What the table has a row for, as its columns take it."""
    if table == "sessions":
        yield (session,)
    elif table == "transactions":
        yield from enumerate(session.transactions, 1)
    elif table == "recipients":
        for number, mail in enumerate(session.transactions, 1):
            for index, recipient in enumerate(mail.recipients, 1):
                yield number, index, recipient
    elif table == "events":
        yield from enumerate(session.timeline)
    else:
        yield from _findings(session)


def _findings(session: Session) -> Iterator[tuple[Any, ...]]:
    """Each root, and behind it what follows from it, however deep; numbered in this order."""
    number = 0
    pending: list[tuple[Any, int | None]] = [(f, None) for f in reversed(session.findings)]
    while pending:
        finding, root = pending.pop()
        number += 1
        yield number, root, finding
        pending += [(related, number) for related in reversed(finding.related)]
