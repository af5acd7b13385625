"""One session for people: verdict, facts, what was said, what became of each mail.

Plain text of it can be pasted into a ticket as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.output.account import account
from smtpsniff.output.labels import OUTCOMES
from smtpsniff.output.paint import pad, wrap
from smtpsniff.output.timeline import finding_lines, timeline
from smtpsniff.output.units import span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from smtpsniff.output.account import Account, Fact, Mail, Part
    from smtpsniff.output.paint import Paint
    from smtpsniff.records import Session

    Dialogue = Callable[[Account, Paint, str], Iterator[str]]

__all__ = ["story"]

LABEL = 14  # columns of the names of facts
RECIPIENTS_SHOWN = 100  # on a terminal
_RECIPIENT_STYLES = {"accepted": "good", "deferred": "warning", "rejected": "error"}


def story(
    session: Session, files: list[str], digits: int, paint: Paint,
    dialogue: Dialogue = timeline, form: str = "r",
) -> Iterator[str]:  # fmt: skip
    """All lines; `dialogue` lays out what was said, with times in that form of `clock.FORMS`."""
    told = account(session, files, digits)
    yield from _title(told, paint)
    yield ""
    for fact in told.facts:
        yield from _fact(fact.name, fact.text, paint)
    # In one piece, to be copied.
    yield paint(pad("wireshark", LABEL), "dim") + told.display_filter
    if told.loose:
        yield ""
        for finding in told.loose:
            yield from finding_lines(finding, paint, 0)
    if told.lines:
        yield ""
        yield from dialogue(told, paint, form)
    for mail in told.mails:
        yield ""
        yield from _mail(mail, paint)
    yield from _remarkable(told, paint)


def _title(told: Account, paint: Paint) -> Iterator[str]:
    word = paint(told.outcome, OUTCOMES[told.outcome].style)
    where = f" ({told.file})" if told.file else ""
    yield f"{paint(f'session {told.number}', 'head')}: {word}{where}"
    yield from wrap(told.verdict, paint.width)


def _fact(name: str, text: str, paint: Paint) -> Iterator[str]:
    """A name and what there is to say, wrapped beside it."""
    width = None if paint.width is None else paint.width - LABEL
    for index, line in enumerate(wrap(text, width)):
        yield (paint(pad(name, LABEL), "dim") if not index else " " * LABEL) + line


def _mail(mail: Mail, paint: Paint) -> Iterator[str]:
    """Envelope, message and reply of one transaction."""
    yield f"{paint(mail.title, 'head')}: {paint(mail.outcome, OUTCOMES[mail.outcome].style)}"
    people = sum(bool(fact.mark) for fact in mail.facts)
    shown = people if paint.width is None else RECIPIENTS_SHOWN
    told = 0
    for fact in mail.facts:
        told += bool(fact.mark)
        if not fact.mark:
            yield from _fact(f"  {fact.name}", fact.text, paint)
        elif told <= shown:
            yield from _recipient(fact, paint)
        elif told == people:
            yield from _fact("  to", f"and {people - shown} more", paint)


def _recipient(fact: Fact, paint: Paint) -> Iterator[str]:
    """The outcome's word in its colour, wherever the line's wrapping put it."""
    style = _RECIPIENT_STYLES.get(fact.mark, "dim")
    marked = f" {fact.mark}"
    for line in _fact(f"  {fact.name}", fact.text, paint):
        head, found, tail = line.partition(marked)
        if found:
            line, marked = f"{head} {paint(fact.mark, style)}{tail}", "\0"
        yield line


def _remarkable(told: Account, paint: Paint) -> Iterator[str]:
    """Where the time went, and what TCP had to repair."""
    if told.parts or told.trouble:
        yield ""
    if told.parts:
        text = ", ".join(map(_part, told.parts))
        yield from _fact("time went", text, paint)
        yield " " * LABEL + _bar(told, paint)
    if told.trouble:
        yield from _fact("TCP", told.trouble, paint)


def _part(part: Part) -> str:
    """``server 5.3 s (5.0 s at least)``."""
    least = "" if part.low is None else f" ({span(part.low)} at least)"
    return f"{part.words} {span(part.seconds)}{least}"


BAR = 60  # columns of the bar, less where there are less


def _bar(told: Account, paint: Paint) -> str:
    """``[greeting=====|server===|client=]``: shares of the whole as lengths, in their order."""
    room = BAR if paint.width is None else min(BAR, paint.width - LABEL)
    shares = []
    for part in told.parts:
        length = max(round(part.seconds / told.duration * (room - 1 - len(told.parts))), 1)
        name = part.key.replace("_", "-")
        shares.append(paint(name[:length].ljust(length, "="), _PART_STYLES.get(part.key, "dim")))
    return f"[{'|'.join(shares)}]"


_PART_STYLES = {
    "server": "server", "greeting": "server", "after_dot": "server", "client": "client",
    "loss": "error",
}  # fmt: skip
