"""The session table: a line for each session, and the verdict under those that failed.

Rows come as sessions end and leave in order of number. The first ones wait until widths are
known; after that the table streams, so that memory does not follow the capture. Of a capture that
is still going on, each leaves at once: nobody waits for a long session.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

from smtpsniff.output.digest import ORDER
from smtpsniff.output.labels import OUTCOMES
from smtpsniff.output.paint import cells, pad, wrap
from smtpsniff.output.units import clock, date, moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtpsniff.output.paint import Paint
    from smtpsniff.output.row import Row

__all__ = ["SORTS", "Table"]

MEASURED = 500  # rows that decide the widths
WIDEST_MAIL = 60  # a longer one sticks out rather than widen every line
GAP = "  "


# In another order than that of numbers, which decide between equals.
SORTS: dict[str, Callable[[Row], Any]] = {
    "duration": lambda row: (-row.duration, row.number),
    "outcome": lambda row: (ORDER.index(row.outcome), row.number),
    "client": lambda row: (row.client, row.number),
    "server": lambda row: (row.server, row.number),
}


class Table:
    """Lays out rows, and hands lines to `emit`.

    `sort` is one of `SORTS`: then all rows are held until the end.
    """

    def __init__(
        self, paint: Paint, emit: Callable[[str], None], *, at_once: bool = False, sort: str = ""
    ) -> None:
        self._paint = paint
        self._sort = SORTS.get(sort)
        self._all: list[Row] = []
        self._at_once = at_once
        self._emit = emit
        self._heap: list[tuple[int, int, Row]] = []
        self._next = 1
        self._waiting: list[Row] | None = []
        self._date = ""
        self._number = self._peers = self._mail = 0
        self._stacked = False

    def add(self, row: Row) -> None:
        """A session has ended."""
        if self._sort is not None:
            self._all.append(row)
            return
        if self._at_once:
            self._straight(row)
            return
        heapq.heappush(self._heap, (row.number, id(row), row))
        while self._heap and self._heap[0][0] <= self._next:
            self._next += 1
            self._in_order(heapq.heappop(self._heap)[2])

    def end(self) -> None:
        """Nothing more comes."""
        if self._sort is not None:
            self._begin(sorted(self._all, key=self._sort))
            return
        while self._heap:
            self._in_order(heapq.heappop(self._heap)[2])
        if self._waiting is not None:
            self._begin(self._waiting)

    def _straight(self, row: Row) -> None:
        """Show a row as it comes; the column that varies most grows as needed."""
        self._peers = max(self._peers, cells(_peers(row)))
        if self._waiting is None:
            self._row(row)
        else:
            self._begin([row])

    def _in_order(self, row: Row) -> None:
        if self._waiting is None:
            self._row(row)
            return
        self._waiting.append(row)
        if len(self._waiting) >= MEASURED:
            self._begin(self._waiting)

    def _begin(self, rows: list[Row]) -> None:
        """Choose the layout, write the head and what has waited."""
        self._waiting = None
        if not rows:
            return
        self._number = max(3, *(len(str(row.number)) for row in rows))
        self._peers = max(len("client → server"), *(cells(_peers(row)) for row in rows))
        # What will come is not known: reckon with the widest.
        mail = WIDEST_MAIL if self._at_once else max(cells(row.mail) for row in rows)
        self._mail = min(mail, WIDEST_MAIL)
        width = self._paint.width
        line = self._number + len(GAP) * 3 + 11 + 8 + self._peers
        self._stacked = width is not None and line + len(GAP) + mail > width
        self._head()
        for row in rows:
            self._row(row)

    def _head(self) -> None:
        when = "time" if self._paint.width is not None else "time (UTC)"
        columns = [
            "#".rjust(self._number), pad("outcome", 11), pad(when, self._when()),
            pad("client → server", self._peers),
        ]  # fmt: skip
        if not self._stacked:
            columns.append("mail")
        self._emit(self._paint(GAP.join(columns).rstrip(), "head"))

    def _when(self) -> int:
        return len("22:58:45") if self._paint.width is not None else len("2026-11-23 22:58:45")

    def _row(self, row: Row) -> None:
        paint = self._paint
        if paint.width is not None and date(row.start) != self._date:
            self._date = date(row.start)
            self._emit(paint(f"{self._date} UTC", "dim"))
        columns = [
            str(row.number).rjust(self._number),
            paint(pad(row.outcome, 11), OUTCOMES[row.outcome].style),
            clock(row.start) if paint.width is not None else moment(row.start),
            pad(_peers(row), self._peers),
        ]
        if not self._stacked:
            columns.append(row.mail)
        self._emit(GAP.join(columns).rstrip())
        if self._stacked and row.mail and not row.verdict:
            self._below(row.mail)
        if row.verdict:
            self._below(row.verdict + ("" if row.file is None else f" [file {row.file + 1}]"))
        self._findings(row)

    def _findings(self, row: Row) -> None:
        """What else is wrong: errors in words, warnings by name, notes not at all."""
        for spotted in row.spotted:
            if spotted.text:
                self._below(f"{spotted.severity} {spotted.check}: {spotted.text}", spotted.severity)
        named = dict.fromkeys(s.check for s in row.spotted if s.severity == "warning")
        if named:
            self._below(f"warning {', '.join(named)}", "warning")

    def _below(self, text: str, severity: str = "") -> None:
        indent = " " * (self._number + len(GAP))
        width = self._paint.width
        lines = wrap(text, None if width is None else width - len(indent))
        for index, line in enumerate(lines):
            if severity and not index and line.startswith(severity):
                line = self._paint(severity, severity) + line[len(severity) :]
            self._emit(indent + line)


def _peers(row: Row) -> str:
    return f"{row.client} → {row.server}"
