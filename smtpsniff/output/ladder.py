"""The ladder: client on the left, server on the right, what was said as arrows between them.

In plain characters, so that it can be pasted anywhere. A wait that stands out is a rung of its
own; what the capture lacks, resets and ends look different from what was said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.output.clock import clock_of
from smtpsniff.output.paint import cells, fit, pad, wrap
from smtpsniff.output.timeline import LONGEST_LINE, MOST_LINES, SLOW, finding_lines
from smtpsniff.output.units import span
from smtpsniff.text import shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.output.account import Account, Line
    from smtpsniff.output.paint import Paint

__all__ = ["DRAWN", "PLAIN", "ladder"]

WIDE = 100  # columns of the whole where there is no terminal to fit
LEAST = 30  # columns between client and server, whatever the terminal
# kind -> what the line is drawn with, the arrow's head on the right, and on the left
DRAWN: dict[str, tuple[str, str, str]] = {
    "gap": ("~", "~", "~"), "reset": ("-", "X", "X"), "close": ("-", "]", "["),
    "tls": ("=", "=", "="), "data": ("=", ">", "<"), "chunk": ("=", ">", "<"),
}  # fmt: skip
PLAIN = ("-", ">", "<")


def ladder(told: Account, paint: Paint, form: str = "r") -> Iterator[str]:
    """The two parties and the rungs; findings stand under theirs."""
    times = clock_of(told, form)
    frame = max([5, *(len(line.frame) for line in told.lines)])
    indent = len(times[0]) + 1 + frame + 1
    lane = max((paint.width or WIDE) - indent - 2, LEAST)
    blank = " " * indent
    yield paint(f"{'time'.rjust(len(times[0]))} {'frame'.rjust(frame)} ", "head") + _parties(
        told, paint, lane
    )
    phase = ""
    for time, line in zip(times, told.lines, strict=True):
        if line.phase != phase:
            phase = line.phase
            yield blank + paint("|" + f" {phase} ".center(lane, ".") + "|", "dim")
        if line.wait is not None and line.wait >= SLOW:
            waited = f"{span(line.wait)} of silence"
            yield blank + "|" + paint(waited.center(lane), "warning") + "|"
        start = f"{time} {line.frame:>{frame}} "
        for rung in _rungs(line, paint, lane):
            yield start + rung
            start = blank
        for finding in line.findings:
            yield from finding_lines(finding, paint, indent)


def _parties(told: Account, paint: Paint, lane: int) -> str:
    """Who stands on which side."""
    room = lane + 2
    left, right = f"client {told.client}", f"server {told.server}"
    if len(left) + len(right) + 1 > room:
        left, right = told.client, told.server
    if len(left) + len(right) + 1 > room:
        left, right = "client", "server"
    blanks = " " * (room - len(left) - len(right))
    return paint(left, "client") + blanks + paint(right, "server")


def _rungs(line: Line, paint: Paint, lane: int) -> Iterator[str]:
    """An arrow with the first line of the text in it, the rest of the text below."""
    stroke, right, left = DRAWN.get(line.kind, PLAIN)
    style = line.tone or line.party
    room = lane - 8  # of text: with strokes and blanks at both ends of it
    texts = list(_texts(line, room)) or [""]
    block = max(map(cells, texts))
    for index, text in enumerate(texts):
        rest = stroke * (lane - 5 - cells(text))
        if index:
            margin = lane - 3 - block if line.party == "server" else 3
            rung = pad(" " * margin + text, lane)
        elif line.party == "server":
            end = stroke * (2 + block - cells(text))
            rung = f"{left}{rest[: lane - 5 - block]} {text} {end}"
        elif line.party == "client":
            rung = f"{stroke * 2} {text} {rest}{right}"
        else:
            rung = f"{stroke * 2} {text} {rest}{stroke}"
        yield f"|{paint(rung, style)}|"


def _texts(line: Line, room: int) -> Iterator[str]:
    for text in line.text[:MOST_LINES]:
        yield from wrap(shorten(text, LONGEST_LINE), room)
    if len(line.text) > MOST_LINES:
        yield fit(f"... {len(line.text) - MOST_LINES} more lines", room)
