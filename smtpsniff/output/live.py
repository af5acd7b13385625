"""The live view of a terminal: what runs now, below the sessions that have ended.

Those that have ended stand above as rows of the session table, and scroll away like any output.
The part below is drawn anew a few times a second: who talks to whom, what is waited for and for
how long, the server's last words; and the counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from smtpsniff.output.paint import cells, fit, pad
from smtpsniff.output.units import count, span
from smtpsniff.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smtpsniff.output.paint import Paint
    from smtpsniff.smtp.glimpse import Glimpse

__all__ = ["Counts", "room", "running_lines"]

DOING = 28  # columns of what is under way
FOR = 6  # columns of how long it takes
SLOW = 5.0  # seconds of waiting that stand out
MAIL = 40  # columns of who writes
LEFT = 8  # lines of the screen that stay with what has ended


@dataclass(frozen=True, slots=True)
class Counts:
    """What there is to count while it goes on."""

    where: str
    running: int
    ended: int
    packets: int
    dropped: int
    outcomes: dict[str, int]


def room(height: int) -> int:
    """How many running sessions a screen of so many lines shows, at two lines each."""
    return max((height - LEFT) // 2, 1)


def running_lines(
    glimpses: Sequence[Glimpse], counts: Counts, now: int, paint: Paint, width: int
) -> Iterator[str]:
    """The lines of the part that is drawn anew."""
    yield paint("─" * width, "dim")
    for glimpse in glimpses:
        yield from _session(glimpse, now, paint, width)
    hidden = counts.running - len(glimpses)
    if hidden > 0:
        yield paint(fit(f"  and {hidden:,} more that run, silent for longer", width), "dim")
    if not counts.running:
        yield paint(fit("  no session is open", width), "dim")
    yield from _counts(counts, paint, width)


def _session(glimpse: Glimpse, now: int, paint: Paint, width: int) -> Iterator[str]:
    """One running session: what it does; below, the mail and the server's last words."""
    lasts = max(now - glimpse.since, 0) / 1e9
    duration = span(lasts) if lasts >= 0.1 else ""
    peers = f"{safe(glimpse.client.ip)} → {glimpse.server!s}"
    doing = DOING if width >= 70 else max(width - FOR - 24, 8)
    room = max(width - doing - FOR - 4, 8)
    waits = paint(duration.rjust(FOR), "warning" if lasts >= SLOW else "dim")
    yield f"{pad(fit(peers, room), room)}  {pad(fit(glimpse.doing, doing), doing)}  {waits}"
    mail = _mail(glimpse)
    if mail or glimpse.reply:
        style = {4: "warning", 5: "error"}.get(glimpse.code // 100, "server")
        mail = fit(mail, min(MAIL, width // 2))
        reply = fit(safe(glimpse.reply), max(width - 2 - cells(mail), 8))
        yield f"  {paint(mail, 'client')}{paint(reply, style)}"
    else:
        yield ""


def _mail(glimpse: Glimpse) -> str:
    if glimpse.sender is None:
        return ""
    number = f"mail {glimpse.mails} " if glimpse.mails > 1 else ""
    people = f" → {count(glimpse.recipients, 'recipient')}" if glimpse.recipients else ""
    return f"{number}{safe(glimpse.sender) or '<>'}{people}  "


def _counts(counts: Counts, paint: Paint, width: int) -> Iterator[str]:
    outcomes = ", ".join(f"{number:,} {outcome}" for outcome, number in counts.outcomes.items())
    told = f"{counts.where}: {count(counts.packets, 'packet')}, {counts.running:,} open, "
    told += f"{counts.ended:,} ended{f' ({outcomes})' if outcomes else ''}; Ctrl-C ends"
    yield paint(fit(told, width), "head")
    if counts.dropped:
        lost = f"{count(counts.dropped, 'packet')} dropped by this machine: sessions may have gaps"
        yield paint(fit(lost, width), "error")
