"""How long the greeting was waited for, and by whom in vain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import (
    NANOSECONDS,
    answer,
    awaited_from,
    duration,
    first_reply,
    greeting_of,
    handshake_done,
    mark_hit,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.records import Severity

__all__ = ["CHECKS"]

# Clients must wait 5 minutes for the greeting (RFC 5321 §4.5.3.2.1).
GREETING_TIMEOUT = 300.0
SMTPS = 465


def _silent(view: View) -> bool:
    """Whether the connection stands, both sides were captured and the server said nothing."""
    server = view.server.stream
    return handshake_done(view) and not server.end and not server.gaps


@check(
    "greeting-missing",
    group="reply",
    severity="error",
    reference="RFC 5321 §4.3.1, §4.5.3.2.1",
    wakes=("no-greeting",),
    fires="""
        OPEN
        +30.0 FIN S
        FIN C
    """,
    silent="""
        OPEN
        +1.0 FIN C
        FIN S
    """,
)
def greeting_missing(
    view: View, *, patience: float = GREETING_TIMEOUT, waited: float = 10.0
) -> Iterator[Hit]:
    """The server picked up the phone and said nothing.

    Trigger: a complete handshake and not an octet from the server until the connection closed
    or for 300 s (`patience`); the client waited 10 s (`waited`) or longer, or what it sent got
    no answer.
    Advice: look at the server's load, at name lookups before the greeting, and for a dead
    machine behind a load balancer.
    Traps: with TLS from the first octet the server must wait for the client; port 465 has a
    check of its own.
    Thresholds:
        patience (s): with the connection still open, the silence that is told of.
        waited (s): clients that leave sooner did not come to wait: probes and scanners.
    """
    if not _silent(view) or view.session.server.port == SMTPS or view.dialogue.tls is not None:
        return
    silence = view.waited(awaited_from(view))
    if not view.closed and silence < patience:
        return
    if silence < waited and not view.client.stream.end:
        return
    who = "the client" if _left_by_client(view) else "the server"
    end = f"until {who} closed" if view.closed else "and the capture shows no end"
    text = f"The server never said a word in {duration(silence)}, {end}."
    client, server = view.client, view.server
    yield mark_hit(text, client.handshake or client.syn, client.fin or client.rst, server.fin)


def _left_by_client(view: View) -> bool:
    ours = [m.frame for m in (view.client.fin, view.client.rst) if m is not None]
    theirs = [m.frame for m in (view.server.fin, view.server.rst) if m is not None]
    return bool(ours) and (not theirs or min(ours) < min(theirs))


@check(
    "client-gave-up-before-greeting",
    group="timing",
    severity="error",
    reference="RFC 5321 §4.5.3.2.1",
    wakes=("no-greeting",),
    fires="""
        OPEN
        +30.0 FIN C
    """,
    silent="""
        OPEN
        +30.0 S "220 mx.example ESMTP\\r\\n"
        FIN C
    """,
)
def client_gave_up_before_greeting(view: View, *, after: float = 10.0) -> Iterator[Hit]:
    """The sender lost patience before the server spoke.

    Trigger: the client's FIN or RST 10 s (`after`) or longer, but less than 300 s, after the
    handshake,    with no complete greeting until then.
    Advice: let the client wait 5 minutes for the greeting; make the server faster.
    Traps: probes leave within seconds. A client that speaks TLS first was not waiting for this.
    Thresholds:
        after (s): who leaves sooner did not come to wait.
    """
    reply = first_reply(view)
    fin = view.client.fin
    if reply is not None and fin is not None and reply.frame < fin.frame:
        return
    greeting = view.dialogue.greeting
    if not handshake_done(view) or view.dialogue.tls is not None or view.server.stream.gaps:
        return
    left = min(
        (m for m in (view.client.fin, view.client.rst) if m), key=lambda m: m.frame, default=None
    )
    if left is None or not _left_by_client(view):
        return
    if reply is not None and (reply.frame < left.frame or reply.kind > 3):
        return
    if greeting is not None and greeting.lost:
        return
    waited = (left.time - awaited_from(view)) / NANOSECONDS
    if after <= waited < GREETING_TIMEOUT:
        text = f"The client waited {duration(waited)} for the greeting and left."
        yield mark_hit(text, left, view.client.handshake)


@check(
    "greeting-slow",
    group="timing",
    severity="warning",
    reference="RFC 5321 §4.5.3.2.1",
    wakes=("slow-greeting",),
    fires="""
        OPEN
        +6.0 S "220 mx.example ESMTP\\r\\n"
        @EN
        @Q
    """,
    silent="""
        OPEN
        +1.0 S "220 mx.example ESMTP\\r\\n"
        @EN
        @Q
    """,
)
def greeting_slow(view: View, *, note: float = 2.0, after: float = 5.0) -> Iterator[Hit]:
    """The server took long to say hello.

    Trigger: 5 s (`after`) or longer from the handshake to the end of the greeting's first line,
    the round trip not counted; from 2 s (`note`) on a note, from 300 s on an error.
    Advice: names, ident and block lists that are looked up before the greeting take time, or
    the delay is meant; shorten it if clients give up.
    Traps: of a greeting in parts the first line counts. A greeting lost once on its way to the
    point of capture looks like a slow server.
    Thresholds:
        note (s, at least 1): people notice 2 s: from here on a note.
        after (s, at least 1): impatient clients and probes give up after 5 s or 10 s: from here
            on a warning.
    """
    first = first_reply(view)
    if first is None or (first.time - view.connection.start) / NANOSECONDS < min(note, after):
        return
    found = greeting_of(view)
    if found is None:
        return
    greeting, reply = found
    heard = reply.time if len(reply.lines) == 1 else reply.first_time
    trip = float(view.session.tcp.rtt.server or 0.0)
    waited = (heard - awaited_from(view)) / NANOSECONDS - trip
    if waited < min(note, after):
        return
    severity: Severity = "note" if waited < after else "warning"
    if waited >= GREETING_TIMEOUT:
        severity = "error"
    text = f"The server took {duration(waited)} to say {answer(reply)}."
    yield view.at(text, greeting, reply, severity=severity)


@check(
    "greeting-split",
    group="timing",
    severity="note",
    reference="RFC 5321 §4.2; Postfix POSTSCREEN_README",
    wakes=("slow-greeting",),
    fires="""
        OPEN
        S "220-mx.example ESMTP\\r\\n"
        +6.0 S "220 mx.example ESMTP\\r\\n"
        @EN
        @Q
    """,
    silent="""
        OPEN
        S "220-mx.example ESMTP\\r\\n"
        S "220 mx.example ESMTP\\r\\n"
        @EN
        @Q
    """,
)
def greeting_split(view: View, *, apart: float = 1.0) -> Iterator[Hit]:
    """The server says half a hello first, on purpose, to catch impatient spam programs.

    Trigger: a 220 of several lines that came 1 s (`apart`) or more apart.
    Advice: normal for Postfix' postscreen; exempt clients you trust if the delay hurts.
    Traps: loss between two lines can look like it.
    Thresholds:
        apart (s, at least 1): lines of one reply are written at once; a second between them is
            intention.
    """
    first = first_reply(view)
    if first is None or len(first.lines) < 2 or first.code != 220:
        return
    found = greeting_of(view)
    if found is None:
        return
    reply = found[1]
    taken = (reply.time - reply.first_time) / NANOSECONDS
    if taken >= apart:
        text = f"The greeting came in parts, {duration(taken)} from first to last: {answer(reply)}."
        yield view.at(text, None, reply)


CHECKS = (
    greeting_missing,
    client_gave_up_before_greeting,
    greeting_slow,
    greeting_split,
)
