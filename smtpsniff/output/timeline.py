"""Who said what: the lines of a session's timeline, with findings under what they are about.

Replies stand under the command they answer, even where a client sent several commands at once;
the times show it then. A body is one line. Direction is a glyph, and a colour for who sees it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from smtpsniff.output.paint import wrap
from smtpsniff.output.units import span
from smtpsniff.text import safe, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.output.paint import Paint
    from smtpsniff.records import Entry, Finding, Session

__all__ = ["finding_lines", "timeline"]

GLYPHS = {"client": "C>", "server": "<S", "network": "--"}
SUBJECT = 60  # columns of a subject beside its message
SAYING = frozenset(("greeting", "command", "reply", "auth"))
# On a terminal, what is longer is a body or an attack; a pipe gets all of it.
LONGEST_LINE = 2000
MOST_LINES = 60
SLOW = 5.0  # seconds of waiting that stand out


def timeline(session: Session, paint: Paint) -> Iterator[str]:
    """The head and the lines."""
    many = session.file is not None
    columns = _Columns(session, paint, many)
    yield columns.head()
    under: dict[int, list[Finding]] = defaultdict(list)
    for finding in session.findings:
        if finding.entry is not None:
            under[finding.entry].append(finding)
    subjects = _subjects(session)
    for index in _order(session.timeline):
        entry = session.timeline[index]
        yield from columns.entry(entry, subjects.get(index, ""))
        for finding in under[index]:
            yield from finding_lines(finding, paint, columns.indent)


def _order(entries: list[Entry]) -> list[int]:
    """Indices by time, but each reply after what it answers, and after that one's chunk."""
    replies: dict[int, list[int]] = defaultdict(list)
    for index, entry in enumerate(entries):
        if entry.answers is not None:
            replies[entry.answers].append(index)
    own = [index for index, entry in enumerate(entries) if entry.answers is None]
    order: list[int] = []
    due: list[int] = []
    for index in own:
        if entries[index].kind != "chunk":
            order += due
            due = []
        order.append(index)
        due += replies[index]
    return order + due


def _subjects(session: Session) -> dict[int, str]:
    """Entry index of each message's (last) part to its subject, where they can be told apart."""
    parts = [i for i, e in enumerate(session.timeline) if e.kind == "data"]
    mails = [t.message for t in session.transactions if t.message is not None]
    by_data = [message for message in mails if message.framing == "data"]
    if len(parts) != len(by_data):
        return {}
    return {
        index: safe(message.subject)
        for index, message in zip(parts, by_data, strict=True)
        if message.subject
    }


class _Columns:
    """Widths of a session's timeline."""

    def __init__(self, session: Session, paint: Paint, many: bool) -> None:
        self._paint = paint
        self._start = session.start
        self._many = many
        entries = session.timeline
        last = max((entry.time for entry in entries), default=session.start)
        self._time = max(len(f"{(last - self._start) / 1e9:.3f}"), 5)
        self._frame = max([5, *(len(self._where(entry)) for entry in entries)])
        self.indent = self._time + 1 + 6 + 1 + self._frame + 1 + 3

    def head(self) -> str:
        """The names of the columns."""
        text = f"{'time':>{self._time}} {'wait':>6} {'frame':>{self._frame}}"
        return self._paint(text, "head")

    def _where(self, entry: Entry) -> str:
        return f"{(entry.file or 0) + 1}:{entry.frame}" if self._many else str(entry.frame)

    def entry(self, entry: Entry, subject: str) -> Iterator[str]:
        """The lines of one entry."""
        paint = self._paint
        wait = "" if entry.delay is None else span(entry.delay)
        slow = entry.delay is not None and entry.delay >= SLOW
        wait = " " * (6 - len(wait)) + (paint(wait, "head") if slow else wait)
        time = f"{(entry.time - self._start) / 1e9:{self._time}.3f}"
        first = f"{time} {wait} {self._where(entry):>{self._frame}} "
        style: str = entry.from_ if entry.kind in SAYING else "dim"
        if entry.kind == "reply" and entry.code and entry.code[0] in "45":
            style = "error" if entry.code[0] == "5" else "warning"
        glyph = paint(GLYPHS[entry.from_], entry.from_)
        for index, line in enumerate(self._text(entry, subject)):
            start = f"{first}{glyph} " if not index else " " * self.indent
            yield start + paint(line, style)

    def _text(self, entry: Entry, subject: str) -> Iterator[str]:
        width = self._paint.width
        lines = list(_said(entry, subject))
        if width is None:
            yield from lines
            return
        for line in lines[:MOST_LINES]:
            yield from wrap(shorten(line, LONGEST_LINE), width - self.indent)
        if len(lines) > MOST_LINES:
            yield f"… {len(lines) - MOST_LINES} more lines"


def _said(entry: Entry, subject: str) -> Iterator[str]:
    """The entry's own lines, safe: replies with their code as on the wire."""
    lines = [safe(line.removesuffix("\r")) for line in entry.text.split("\n")]
    if entry.kind in ("reply", "greeting") and entry.code:
        for line in lines[:-1]:
            yield f"{entry.code}-{line}"
        yield f"{entry.code} {lines[-1]}".rstrip()
        return
    if entry.kind == "data" and subject:
        lines[-1] += f", Subject: {shorten(subject, SUBJECT)}"
    elif entry.kind == "end-of-data":
        lines = [". (end of message)"]
    yield from lines


def finding_lines(finding: Finding, paint: Paint, indent: int) -> Iterator[str]:
    """A finding, and what follows from it."""
    times = f" ({finding.count} times)" if finding.count > 1 else ""
    doubt = "" if finding.confidence == "certain" else f" ({finding.confidence})"
    text = f"{finding.severity} {finding.check}{doubt}: {safe(finding.text)}{times}"
    blank = " " * indent
    width = None if paint.width is None else paint.width - indent - 2
    for index, line in enumerate(wrap(text, width)):
        if index:
            yield f"{blank}  {line}"
        else:
            word = paint(finding.severity, finding.severity)
            yield f"{blank}^ {word}{line[len(finding.severity) :]}"
    for related in finding.related:
        text = f"hence {related.check}: {safe(related.text)}"
        for line in wrap(text, width):
            yield f"{blank}  {line}"
