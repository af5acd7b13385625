"""Who said what: the lines of a session's timeline, with findings under what they are about.

Replies stand under the command they answer, even where a client sent several commands at once;
the times show it then. A body is one line. Direction is a glyph, and a colour for who sees it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.output.clock import clock_of
from smtpsniff.output.paint import wrap
from smtpsniff.output.units import span
from smtpsniff.text import shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from smtpsniff.output.account import Account, Line, Said
    from smtpsniff.output.paint import Paint

    Beside = Callable[[Line, Paint, int], Iterator[str]]

__all__ = ["GLYPHS", "LONGEST_LINE", "MOST_LINES", "SLOW", "finding_lines", "steps", "timeline"]

GLYPHS = {"client": "C>", "server": "<S", "network": "--"}
# On a terminal, what is longer is a body or an attack; a pipe gets all of it.
LONGEST_LINE = 2000
MOST_LINES = 60
SLOW = 5.0  # seconds of waiting that stand out


def timeline(
    told: Account, paint: Paint, form: str = "r", beside: Sequence[Beside] = ()
) -> Iterator[str]:
    """The head and the lines; `form` is of the times, one of `clock.FORMS`.

    `beside` have more lines to say under each, at the indent that they are given.
    """
    for _, lines in steps(told, paint, form, beside):
        yield from lines


def steps(
    told: Account, paint: Paint, form: str = "r", beside: Sequence[Beside] = ()
) -> Iterator[tuple[Line | None, list[str]]]:
    """The same in pieces: the head, of no line; then what stands for each line."""
    times = clock_of(told, form)
    columns = _Columns(told, paint, len(times[0]))
    yield None, [columns.head()]
    for time, line in zip(times, told.lines, strict=True):
        lines = list(columns.line(time, line))
        for more in beside:
            lines += more(line, paint, columns.indent)
        for finding in line.findings:
            lines += finding_lines(finding, paint, columns.indent)
        yield line, lines


class _Columns:
    """Widths of a session's timeline."""

    def __init__(self, told: Account, paint: Paint, time: int) -> None:
        self._paint = paint
        self._time = time
        self._frame = max([5, *(len(line.frame) for line in told.lines)])
        self.indent = self._time + 1 + 6 + 1 + self._frame + 1 + 3

    def head(self) -> str:
        """The names of the columns."""
        text = f"{'time':>{self._time}} {'wait':>6} {'frame':>{self._frame}}"
        return self._paint(text, "head")

    def line(self, time: str, line: Line) -> Iterator[str]:
        """The lines of one entry."""
        paint = self._paint
        wait = "" if line.wait is None else span(line.wait)
        slow = line.wait is not None and line.wait >= SLOW
        wait = " " * (6 - len(wait)) + (paint(wait, "head") if slow else wait)
        first = f"{time} {wait} {line.frame:>{self._frame}} "
        glyph = paint(GLYPHS[line.party], line.party)
        for index, text in enumerate(self._text(line)):
            start = f"{first}{glyph} " if not index else " " * self.indent
            yield start + paint(text, line.tone or line.party)

    def _text(self, line: Line) -> Iterator[str]:
        width = self._paint.width
        if width is None:
            yield from line.text
            return
        for text in line.text[:MOST_LINES]:
            yield from wrap(shorten(text, LONGEST_LINE), width - self.indent)
        if len(line.text) > MOST_LINES:
            yield f"… {len(line.text) - MOST_LINES} more lines"


def finding_lines(finding: Said, paint: Paint, indent: int) -> Iterator[str]:
    """A finding, and what follows from it."""
    times = f" ({finding.count} times)" if finding.count > 1 else ""
    doubt = "" if finding.confidence == "certain" else f" ({finding.confidence})"
    text = f"{finding.severity} {finding.check}{doubt}: {finding.text}{times}"
    blank = " " * indent
    width = None if paint.width is None else paint.width - indent - 2
    for index, line in enumerate(wrap(text, width)):
        if index:
            yield f"{blank}  {line}"
        else:
            word = paint(finding.severity, finding.severity)
            yield f"{blank}^ {word}{line[len(finding.severity) :]}"
    for check, words in finding.hence:
        for line in wrap(f"hence {check}: {words}", width):
            yield f"{blank}  {line}"
