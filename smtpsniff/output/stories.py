"""Stories for readers: a heading, a row for each attempt, and what the checks found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.output.labels import OUTCOMES
from smtpsniff.output.paint import pad, wrap
from smtpsniff.output.units import clock, moment
from smtpsniff.stories.saying import elapsed, times
from smtpsniff.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.output.paint import Paint
    from smtpsniff.records import Attempt, Story

__all__ = ["lines", "tally"]

NAMED = 3  # recipients in the heading
LISTED = 20  # sessions of a pattern


def lines(story: Story, paint: Paint) -> Iterator[str]:
    """One story, without the blank line behind it."""
    if story.kind == "pattern":
        yield from _pattern(story, paint)
        return
    outcome = story.outcome or "unknown"
    style = OUTCOMES[outcome].style if outcome in OUTCOMES else "note"
    kind = "" if story.kind in ("retry", "single") else f" ({story.kind})"
    attempts = story.attempts or []
    taken = ""
    if len(attempts) > 1:
        index = _settled_by(attempts, outcome)
        passed = elapsed(attempts[index].time - attempts[0].time)
        taken = f" at attempt {index + 1}, {passed} after the first" if index else ""
        if index + 1 < len(attempts):
            taken += f", and sent {times(len(attempts) - index - 1)} more"
    rows = wrap(f"{_people(story)}: {outcome}{taken}{kind}", paint.width)
    yield from rows[:-1]
    yield rows[-1].replace(f": {outcome}", f": {paint(outcome, style)}", 1)
    if story.message_id:
        yield f"  Message-ID {safe(story.message_id)}"
    many_days = bool(attempts) and moment(attempts[0].time)[:10] != moment(attempts[-1].time)[:10]
    for attempt in attempts:
        yield from _attempt(attempt, paint, days=many_days or paint.width is None)
    yield from _findings(story, paint)


def _settled_by(attempts: list[Attempt], outcome: str) -> int:
    """Which attempt brought the mail where it is: the first that was accepted, else the last."""
    last = len(attempts) - 1
    if outcome != "delivered":
        return last
    return next((i for i, attempt in enumerate(attempts) if attempt.outcome == outcome), last)


def _people(story: Story) -> str:
    to = story.recipients or []
    more = f" and {len(to) - NAMED} more" if len(to) > NAMED else ""
    sender = safe(story.mail_from or "") or "<>"
    return f"{sender} → {', '.join(map(safe, to[:NAMED]))}{more}"


def _attempt(attempt: Attempt, paint: Paint, *, days: bool) -> Iterator[str]:
    """``  10:05:10  session 4  192.0.2.9:25  delivered  250 2.0.0 Ok``."""
    when = moment(attempt.time) if days else clock(attempt.time)
    style = OUTCOMES[attempt.outcome].style if attempt.outcome in OUTCOMES else "note"
    columns = (
        f"  {when}", pad(f"session {attempt.session}", 11), str(attempt.server),
        paint(pad(attempt.outcome, 9), style),
    )  # fmt: skip
    head = "  ".join(columns)
    width = sum(len(c) for c in columns[:3]) + 9 + 2 * len(columns)
    reply = safe(attempt.reply) if attempt.reply else "(no answer seen)"
    room = None if paint.width is None else max(paint.width - width, 20)
    if room is not None and room < len(reply) and paint.width is not None and room < 30:
        yield head.rstrip()
        for row in wrap(reply, paint.width - 6):
            yield "      " + row
        return
    rows = wrap(reply, room)
    yield f"{head}  {rows[0]}"
    for row in rows[1:]:
        yield " " * width + row


def _pattern(story: Story, paint: Paint) -> Iterator[str]:
    for finding in story.findings:
        name = paint(f"{finding.severity} {finding.check}", finding.severity)
        sure = "" if finding.confidence == "certain" else f" ({finding.confidence})"
        yield f"{name}{sure}"
    yield from _wrapped(safe(story.text), paint, "  ")
    numbers = ", ".join(map(str, story.sessions[:LISTED]))
    more = f" and {len(story.sessions) - LISTED:,} more" if len(story.sessions) > LISTED else ""
    when = moment(story.start)
    if story.end != story.start:
        when += f" to {clock(story.end)}"
    noun = "session" if len(story.sessions) == 1 else "sessions"
    yield from _wrapped(f"{noun} {numbers}{more}, {when} UTC", paint, "  ")


def _findings(story: Story, paint: Paint) -> Iterator[str]:
    for finding in story.findings:
        if finding.check == "retry-succeeded":
            continue  # the rows above say it
        sure = "" if finding.confidence == "certain" else f" ({finding.confidence})"
        name = f"{finding.severity} {finding.check}{sure}: "
        for number, row in enumerate(_wrapped(name + safe(finding.text), paint, "  ")):
            shown = row
            if not number:
                shown = row.replace(finding.severity, paint(finding.severity, finding.severity), 1)
            yield shown


def _wrapped(text: str, paint: Paint, indent: str) -> Iterator[str]:
    width = None if paint.width is None else paint.width - len(indent)
    for row in wrap(text, width):
        yield indent + row


def tally(told: int, singles: dict[str, int]) -> str:
    """What the other mails came to: ``27 mails had one attempt: 20 delivered, 7 rejected``."""
    others = sum(singles.values())
    if not others:
        return ""
    parts = ", ".join(f"{n:,} {o}" for o, n in sorted(singles.items(), key=lambda i: -i[1]))
    which = "other " if told else ""
    mails = "mail" if others == 1 else "mails"
    return f"{others:,} {which}{mails} had one attempt: {parts} (--all shows them)"
