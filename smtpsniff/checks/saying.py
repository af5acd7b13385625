"""What checks of connection and introduction share: quoting, marks, and what may be hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.checks.registry import Hit
from smtpsniff.checks.view import quote

if TYPE_CHECKING:
    from smtpsniff.checks.view import View
    from smtpsniff.records import Confidence, Severity
    from smtpsniff.smtp.model import Exchange, Reply
    from smtpsniff.tcp import Mark

__all__ = [
    "answer", "awaited_from", "connected_at", "duration", "first_reply", "greeting_of",
    "handshake_done", "mark_hit", "plural", "said", "whole_from",
]  # fmt: skip

NANOSECONDS = 1e9


def answer(reply: Reply) -> str:
    """A reply in quotes: code and text, its lines joined."""
    return quote(f"{reply.code:03d} " + " ".join(reply.lines))


def said(exchange: Exchange) -> str:
    """A command in quotes, as the timeline shows it: never with a secret."""
    entry = getattr(exchange, "entry", None)
    return quote(entry.text if entry is not None else exchange.verb)


def duration(seconds: float) -> str:
    """Seconds for reading: two digits where they matter."""
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"


def plural(count: int, noun: str) -> str:
    """``1 octet``, ``2 octets``."""
    return f"{count} {noun}" + ("" if count == 1 else "s")


def mark_hit(
    text: str,
    *marks: Mark | None,
    severity: Severity | None = None,
    confidence: Confidence = "certain",
) -> Hit:
    """A hit at packets that carry no SMTP; the first mark gives the time."""
    seen = [mark for mark in marks if mark is not None]
    time = seen[0].time if seen else 0
    return Hit(text, [mark.frame for mark in seen], time, None, severity, confidence)


def handshake_done(view: View) -> bool:
    """Whether both SYNs were seen and the client went on after them."""
    client = view.client
    return bool(client.syn and view.server.syn and client.packets > len(client.syns))


def connected_at(view: View) -> int:
    """When the handshake was over at the tap: the greeting is waited for from here on."""
    mark = view.client.handshake or view.server.syn or view.client.syn
    return mark.time if mark is not None else view.connection.start


def awaited_from(view: View) -> int:
    """When the wait for the greeting begins: after the handshake, or a proxy's word."""
    return max(connected_at(view), view.dialogue.opened)


def first_reply(view: View) -> Reply | None:
    """What answers for the greeting, whole or not: a cheap look before `greeting_of`."""
    greeting = view.dialogue.greeting
    return greeting.reply if greeting is not None else None


def greeting_of(view: View) -> tuple[Exchange, Reply] | None:
    """The greeting and its text, if it is whole and the connection's beginning was seen."""
    greeting = view.dialogue.greeting
    if greeting is None or greeting.reply is None or not view.started or not view.clean(greeting):
        return None
    reply = greeting.reply
    if not reply.terminated or any(gap.at <= reply.start for gap in view.server.stream.gaps):
        return None
    return greeting, reply


def whole_from(view: View, frame: int) -> bool:
    """Whether nothing of either direction is missing from `frame` on."""
    return not any(
        gap.frame >= frame for side in (view.client, view.server) for gap in side.stream.gaps
    )
