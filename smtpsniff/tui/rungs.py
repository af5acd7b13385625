"""The lines of a session's screen: what was said, as arrows, and what was found, below."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from smtpsniff.output.clock import clock_of
from smtpsniff.output.ladder import DRAWN, PLAIN
from smtpsniff.output.paint import Paint, cells, fit, pad
from smtpsniff.output.timeline import LONGEST_LINE, MOST_LINES, SLOW, finding_lines
from smtpsniff.output.units import span
from smtpsniff.text import shorten
from smtpsniff.tui.style import fill

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.output.account import Account, Line
    from smtpsniff.tui.style import Piece

__all__ = ["Rungs"]

_NARROW = 30  # columns between client and server, whatever the screen


class _Row(NamedTuple):
    """A row of the screen: which line it belongs to, and what of it it shows."""

    line: int
    kind: str  # said, more, phase, silence or finding
    part: int  # of said: which line of its text
    text: str = ""
    meaning: str = ""


class Rungs:
    """All rows of a session, laid out for a width; drawn one by one, when they are seen."""

    def __init__(self, told: Account, form: str, width: int) -> None:
        self.told = told
        self._times = clock_of(told, form)
        self._frame = max([5, *(len(line.frame) for line in told.lines)])
        self._time = len(self._times[0]) if self._times else 5
        self._indent = self._time + 1 + self._frame + 1
        self._lane = max(width - self._indent - 2, _NARROW)
        self.rows = list(self._loose(width))
        phase = ""
        for index, line in enumerate(told.lines):
            if line.phase != phase:
                phase = line.phase
                self.rows.append(_Row(index, "phase", 0, phase))
            if line.wait is not None and line.wait >= SLOW:
                self.rows.append(_Row(index, "silence", 0, f"{span(line.wait)} of silence"))
            shown = min(len(line.text), MOST_LINES)
            self.rows += [_Row(index, "said", part) for part in range(max(shown, 1))]
            if len(line.text) > shown:
                self.rows.append(_Row(index, "more", 0, f"… {len(line.text) - shown} more lines"))
            for finding in line.findings:
                plain = finding_lines(finding, Paint(width), self._indent)
                self.rows += [_Row(index, "finding", 0, text, finding.severity) for text in plain]

    def _loose(self, width: int) -> Iterator[_Row]:
        """Findings of no line stand above them all."""
        for finding in self.told.loose:
            for text in finding_lines(finding, Paint(width), 0):
                yield _Row(-1, "finding", 0, text, finding.severity)

    def head(self) -> list[Piece]:
        """Who stands on which side."""
        room = self._lane + 2
        left, right = f"client {self.told.client}", f"server {self.told.server}"
        if cells(left) + cells(right) + 1 > room:
            left, right = self.told.client, self.told.server
        if cells(left) + cells(right) + 1 > room:
            left, right = "client", "server"
        start = f"{'time':>{self._time}} {'frame':>{self._frame}} "
        blanks = " " * (room - cells(left) - cells(right))
        return [(start, "head"), (left, "client"), (blanks, ""), (right, "server")]

    def line_at(self, row: int) -> Line | None:
        """The line of the account that a row belongs to."""
        at = self.rows[row].line if row < len(self.rows) else -1
        return self.told.lines[at] if at >= 0 else None

    def row_of(self, line: int) -> int:
        """The first row that shows a line of the account."""
        return next(
            (i for i, row in enumerate(self.rows) if row.line == line and row.kind == "said"), 0
        )

    def begins_finding(self, row: int) -> bool:
        """Whether a finding begins here."""
        this = self.rows[row]
        return this.kind == "finding" and this.text.lstrip().startswith("^ ")

    def time_at(self, row: int) -> str:
        """The time that stands before the row's line."""
        return self._times[self.rows[row].line].strip()

    def text_at(self, row: int) -> str:
        """The row's words, for a search."""
        this = self.rows[row]
        if this.kind != "said":
            return this.text
        text = self.told.lines[this.line].text
        return text[this.part] if text else ""

    def draw(self, row: int) -> list[Piece]:
        """The row's pieces."""
        this = self.rows[row]
        blank = " " * self._indent
        if this.kind == "finding":
            return _finding(this)
        if this.kind == "phase":
            middle = f" {this.text} ".center(self._lane, ".")
            return [(f"{blank}|{middle}|", "dim")]
        if this.kind == "silence":
            return [(f"{blank}|", ""), (this.text.center(self._lane), "warning"), ("|", "")]
        line = self.told.lines[this.line]
        if this.kind == "more":
            return [(f"{blank}|", ""), (fill(f"   {this.text}", self._lane), "dim"), ("|", "")]
        start = blank
        if not this.part:
            start = f"{self._times[this.line]} {line.frame:>{self._frame}} "
        return [(start, ""), ("|", ""), (self._rung(line, this.part), line.tone or line.party),
                ("|", "")]  # fmt: skip

    def _rung(self, line: Line, part: int) -> str:
        """An arrow with the first line of the text in it; the text below on its own side."""
        stroke, right, left = DRAWN.get(line.kind, PLAIN)
        lane = self._lane
        room = lane - 8
        text = self._fitted(line, part, room)
        if part:
            if line.party != "server":
                return pad(f"   {text}", lane)
            return pad(" " * (lane - 3 - self._block(line, room)) + text, lane)
        rest = lane - 5 - cells(text)
        if line.party == "server":
            block = self._block(line, room)
            return (
                f"{left}{stroke * (lane - 5 - block)} {text} {stroke * (2 + block - cells(text))}"
            )
        return f"{stroke * 2} {text} {stroke * rest}{right if line.party == 'client' else stroke}"

    @staticmethod
    def _fitted(line: Line, part: int, room: int) -> str:
        text = line.text[part] if line.text else ""
        return fit(shorten(text, LONGEST_LINE), room)

    @classmethod
    def _block(cls, line: Line, room: int) -> int:
        """Columns of the widest line of a text."""
        shown = range(min(len(line.text), MOST_LINES))
        return max((cells(cls._fitted(line, part, room)) for part in shown), default=0)


def _finding(row: _Row) -> list[Piece]:
    """The word of severity in its colour, where it stands."""
    head, found, tail = row.text.partition(f"^ {row.meaning}")
    return [(head + found, row.meaning), (tail, "")] if found else [(row.text, "")]
