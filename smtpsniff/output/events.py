"""A live capture as lines: one for each thing that happened, and the verdict when it is over.

For a pipe: every line stands for itself, with its time and whose it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.output.account import text_of, tone_of
from smtpsniff.output.labels import OUTCOMES
from smtpsniff.output.timeline import GLYPHS
from smtpsniff.output.units import clock, span
from smtpsniff.text import safe, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.output.paint import Paint
    from smtpsniff.records import Endpoint, Entry, Session
    from smtpsniff.smtp.glimpse import News

__all__ = ["Events"]

LONGEST = 400  # characters of one line of the wire; `--json` and `show` have all of it
MOST = 40  # lines of one reply


class Events:
    """Makes lines: ``22:58:45.849 192.0.2.1:41020 C> EHLO client.example.net``."""

    def __init__(self, paint: Paint) -> None:
        self._paint = paint

    def news(self, news: News) -> Iterator[str]:
        """The lines of something that happened in a running session."""
        entry, paint = news.entry, self._paint
        style = tone_of(entry) or entry.from_
        start = f"{_when(entry.time)} {_who(news.client)} {paint(GLYPHS[entry.from_], entry.from_)}"
        for line in _said(entry, news.server):
            yield f"{start} {paint(shorten(line, LONGEST), style)}"

    def ended(self, session: Session) -> Iterator[str]:
        """The verdict, and what else was found."""
        verdict, paint = session.verdict, self._paint
        start = f"{_when(session.end)} {_who(session.client)}"
        word = paint(verdict.outcome, OUTCOMES[verdict.outcome].style)
        took = span(session.duration)
        yield f"{start} == session {session.number}: {word} after {took}. {safe(verdict.text)}"
        for finding in session.findings:
            severity = paint(finding.severity, finding.severity)
            yield f"{start} ^  {severity} {finding.check}: {safe(finding.text)}"


def _when(time: int) -> str:
    return f"{clock(time)}.{time // 1_000_000 % 1000:03d}"


def _who(client: Endpoint) -> str:
    return str(client)


def _said(entry: Entry, server: Endpoint) -> Iterator[str]:
    """What happened, line by line; of a very long reply the first and the last."""
    lines = list(text_of(entry))
    if entry.kind == "connect":
        lines[0] += f" to {server!s}"
    if len(lines) > MOST:
        lines[MOST - 1 : -1] = [f"… {len(lines) - MOST} more lines"]
    yield from lines
