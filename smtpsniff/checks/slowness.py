"""Servers that take their time: to answer, after a message, on purpose, for want of a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import NANOSECONDS, answer, duration, said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.records import Confidence, Entry, Severity
    from smtpsniff.smtp.model import Exchange
    from smtpsniff.timing import Wait

__all__ = ["CHECKS", "MINIMUM", "asked_of", "sure"]

# How long clients must wait at least (RFC 5321 §4.5.3.2); for others by convention.
MINIMUM = {"MAIL": 300.0, "RCPT": 300.0, "DATA": 120.0, "<eom>": 600.0}
CONVENTION = 300.0
# Bounds this near to each other, relative to the upper one, stand for their middle (E.2).
NEAR = 0.3
# Time limits of resolvers, one try and several, in seconds.
RESOLVERS = (5.0, 10.0, 15.0, 20.0, 30.0)
_NAMES_ARE_LOOKED_UP = frozenset({"EHLO", "HELO", "MAIL", "RCPT"})


def sure(wait: Wait) -> float:
    """Seconds to hold against a threshold: the middle of near bounds, else the lower one."""
    if wait.high and (wait.high - wait.low) / wait.high <= NEAR:
        return (wait.high + wait.low) / 2
    return wait.low


def _confidence(wait: Wait) -> Confidence:
    return "certain" if wait.high - wait.low <= NEAR * wait.high else "likely"


def asked_of(view: View, wait: Wait) -> Exchange | None:
    """The exchange whose answer was waited for."""
    if wait.asked < 0:
        return None
    entry = view.session.timeline[wait.asked]
    return next((e for e in view.dialogue.exchanges if e.entry is entry), None)


def _replies(view: View, *parts: str) -> Iterator[tuple[Wait, Exchange, Entry]]:
    """Long waits that ended with a reply, the longest first."""
    for wait in sorted(view.waits, key=lambda w: -w.low):
        entry = view.session.timeline[wait.entry]
        if wait.part in parts and entry.kind == "reply":
            exchange = asked_of(view, wait)
            if exchange is not None and view.clean(exchange):
                yield wait, exchange, entry


def _range(wait: Wait) -> str:
    if wait.high - wait.low < 0.01 * wait.high:
        return duration(wait.high)
    return f"{duration(wait.low)} to {duration(wait.high)}"


@check(
    "server-slow-reply",
    group="timing",
    severity="warning",
    reference="RFC 5321 §4.5.3.2",
    wakes=("wait:server",),
    fires="""
        @T
        C "RSET\\r\\n"
        +6.0 S "250 2.0.0 Ok\\r\\n"
        @Q
    """,
    silent="""
        @T
        C "RSET\\r\\n"
        +0.8 S "250 2.0.0 Ok\\r\\n"
        @Q
    """,
)
def server_slow_reply(view: View, *, note: float = 1.0, after: float = 5.0) -> Iterator[Hit]:
    """The server needed long to answer a command.

    Trigger: the server itself, without network and loss, took `after` or longer for one reply;
    from `note` on a note, from what RFC 5321 makes clients wait (5 minutes for MAIL and RCPT, 2
    for DATA) an error.
    Advice: at RCPT look at block lists, callouts and directories; at EHLO and MAIL at names that
    are looked up; at AUTH at the password store.
    Traps: a delay after a wrong password is meant, and only a note. The same delay at each reply
    is meant, too, and told as that.
    Thresholds:
        note (s, at least 0.5): from here on a note.
        after (s): from here on a warning.
    """
    for wait, exchange, _ in _replies(view, "server"):
        seconds = sure(wait)
        if seconds < note:
            continue
        guessing = exchange.verb in ("AUTH", "<auth-response>") and exchange.refused
        severity: Severity = "note" if seconds < after or guessing else "warning"
        if seconds >= MINIMUM.get(exchange.verb, float("inf")):
            severity = "error"
        text = f"The server took {_range(wait)} to answer {said(exchange)}."
        yield view.at(text, exchange, severity=severity, confidence=_confidence(wait))


@check(
    "server-slow-eom",
    group="timing",
    severity="warning",
    reference="RFC 5321 §4.5.3.2.6, §6.1",
    wakes=("wait:after_dot",),
    fires="""
        @T
        @D
        @H
        C ".\\r\\n"
        +45.0 S "250 2.0.0 Ok\\r\\n"
        @Q
    """,
    silent="""
        @T
        @D
        @H
        C ".\\r\\n"
        +4.0 S "250 2.0.0 Ok\\r\\n"
        @Q
    """,
)
def server_slow_eom(view: View, *, note: float = 5.0, after: float = 30.0) -> Iterator[Hit]:
    """The server took long to confirm the message; it may have been looking for viruses.

    Trigger: `after` or longer from the end of the message to its verdict, without network and
    loss; from `note` on a note, from 10 minutes on an error.
    Advice: make content filters faster; near 10 minutes clients give up and send twice.
    Traps: time in which the server's window was closed during the message is not counted here.
    Thresholds:
        note (s, at least 0.5): from here on a note.
        after (s): from here on a warning.
    """
    for wait, exchange, _ in _replies(view, "after_dot"):
        seconds = sure(wait)
        if seconds < note:
            continue
        severity: Severity = "note" if seconds < after else "warning"
        if seconds >= MINIMUM["<eom>"]:
            severity = "error"
        body = exchange.body
        size = f" of {body.size} octets" if body is not None else ""
        text = f"The server took {_range(wait)} to give its verdict on the message{size}."
        yield view.at(text, exchange, severity=severity, confidence=_confidence(wait))


def _tarpit(view: View, replies: int, least: float, spread: float) -> list[Wait]:
    """So many long waits that hardly differ; empty if there are none."""
    waits = [w for w, _, _ in _replies(view, "server", "after_dot") if sure(w) >= least]
    waits.sort(key=sure)
    for first, last in zip(waits, waits[replies - 1 :], strict=False):
        if sure(last) <= sure(first) * (1 + spread / 100):
            return [w for w in waits if sure(first) <= sure(w) <= sure(last)]
    return []


@check(
    "server-tarpit-suspected",
    group="timing",
    severity="note",
    reference="RFC 5321 §7.8",
    wakes=("wait:server", "wait:after_dot"),
    fires="""
        @G
        C "EHLO a.example.net\\r\\n"
        +5.0 S "250 mx.example\\r\\n"
        C "MAIL FROM:<s@a.example.net>\\r\\n"
        +5.1 S "250 2.1.0 Ok\\r\\n"
        C "RCPT TO:<r@mx.example>\\r\\n"
        +5.0 S "550 5.1.1 No such user\\r\\n"
        C "RSET\\r\\n"
        +5.2 S "250 2.0.0 Ok\\r\\n"
        @Q
    """,
    silent="""
        @G
        C "EHLO a.example.net\\r\\n"
        +5.0 S "250 mx.example\\r\\n"
        C "MAIL FROM:<s@a.example.net>\\r\\n"
        +2.1 S "250 2.1.0 Ok\\r\\n"
        C "RCPT TO:<r@mx.example>\\r\\n"
        +3.0 S "550 5.1.1 No such user\\r\\n"
        C "RSET\\r\\n"
        +1.2 S "250 2.0.0 Ok\\r\\n"
        @Q
    """,
)
def server_tarpit_suspected(
    view: View, *, replies: int = 4, least: float = 1.0, spread: float = 10.0
) -> Iterator[Hit]:
    """The server seems to answer slowly on purpose.

    Trigger: `replies` or more replies took `least` or longer each, and their times differ by no
    more than `spread`; or the lines of one reply came `least` apart.
    Advice: it slows down spammers (Exchange waits 5 s by default); have your address exempted.
    Traps: a server under load is slow, too, but not that evenly. The greeting has checks of its
    own.
    Thresholds:
        replies (replies, at least 2): slow alike.
        least (s, at least 0.5): for each.
        spread (%): from the quickest of them to the slowest.
    """
    alike = _tarpit(view, replies, least, spread)
    if alike:
        low, high = duration(sure(alike[0])), duration(sure(alike[-1]))
        text = f"The server took {low} to {high} for each of {len(alike)} replies."
        frames = [view.session.timeline[wait.entry].frame for wait in alike]
        yield Hit(text, sorted(frames), alike[0].end, None, None, "likely")
        return
    for exchange, reply in view.answered():
        gaps = len(reply.lines) - 1
        apart = (reply.time - reply.first_time) / NANOSECONDS
        if gaps and exchange.line and apart >= least * gaps:
            text = f"The lines of one reply came {duration(apart)} apart: {answer(reply)}."
            yield view.at(text, exchange, reply, confidence="likely")


@check(
    "dns-delay-suspected",
    group="timing",
    severity="note",
    reference="RFC 1123 §6.1.3.3; resolv.conf(5)",
    wakes=("wait:server", "wait:greeting"),
    fires="""
        @G
        C "EHLO a.example.net\\r\\n"
        +10.02 S "250 mx.example\\r\\n"
        @M
        @Q
    """,
    silent="""
        @G
        C "EHLO a.example.net\\r\\n"
        +8.0 S "250 mx.example\\r\\n"
        @M
        @Q
    """,
)
def dns_delay_suspected(view: View, *, spread: float = 7.0) -> Iterator[Hit]:
    """The pause looks like the server waiting for the lookup of a name that fails.

    Trigger: the server took 5, 10, 15, 20 or 30 s, give or take `spread`, for its greeting, the
    hello, MAIL or the first RCPT.
    Advice: look at the server's resolvers, at ident, and at the name of the client's address.
    Traps: the same delay at every command is meant. One session proves little, hence only
    possible: see whether others waited as long at the same place.
    Thresholds:
        spread (%): around the time limits of resolvers.
    """
    if _tarpit(view, 4, 1.0, 10.0):
        return
    first = next(view.exchanges("RCPT"), None)
    for wait in view.waits:
        exchange = asked_of(view, wait)
        verb = exchange.verb if exchange is not None else ""
        entry = view.session.timeline[wait.entry]
        at_names = wait.part == "server" and verb in _NAMES_ARE_LOOKED_UP and entry.kind == "reply"
        if verb == "RCPT" and exchange is not first:
            continue
        if not at_names and (wait.part != "greeting" or entry.kind != "greeting"):
            continue
        limit = next((r for r in RESOLVERS if abs(sure(wait) - r) <= r * spread / 100), None)
        if limit is None:
            continue
        where = "its greeting" if wait.part == "greeting" else said(exchange) if exchange else ""
        text = (
            f"The server took {_range(wait)} for {where}, as long as a resolver waits for a name "
            f"({limit:g} s)."
        )
        yield Hit(text, entry.frames, entry.time, entry, None, "possible")


CHECKS = (
    server_slow_reply,
    server_slow_eom,
    server_tarpit_suspected,
    dns_delay_suspected,
)
