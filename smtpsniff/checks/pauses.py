"""Who paused, who held the line, who gave up: waits on the client's side, and for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import NANOSECONDS, answer, duration, said
from smtpsniff.checks.slowness import CONVENTION, MINIMUM, sure
from smtpsniff.smtp.model import Phase
from smtpsniff.tcp.injection import forged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.records import Severity
    from smtpsniff.smtp.model import Exchange

__all__ = ["CHECKS"]

# Servers must wait 5 minutes for the next command (RFC 5321 §4.5.3.2.7).
SERVER_IDLE = 300.0
_SERVER_WENT_FIRST = frozenset(
    {"server-421", "server-close", "rst-by-server", "rst-suspect-injected"}
)
_BETWEEN = frozenset({Phase.READY, Phase.ENVELOPE, Phase.RECIPIENTS})


def _completed(view: View, frame: int) -> int:
    """Messages that had their verdict before `frame`."""
    return sum(
        letter.eom is not None and letter.eom.reply is not None and letter.eom.reply.frame < frame
        for letter in view.dialogue.letters
    )


@check(
    "client-pause",
    group="timing",
    severity="note",
    reference="RFC 5321 §4.5.3.2.7",
    wakes=("wait:client",),
    fires="""
        @G
        @EN
        +15.0 C "MAIL FROM:<s@a.example.net>\\r\\n"
        S "250 2.1.0 Ok\\r\\n"
        @Q
    """,
    silent="""
        @G
        @EN
        +5.0 C "MAIL FROM:<s@a.example.net>\\r\\n"
        S "250 2.1.0 Ok\\r\\n"
        @Q
    """,
)
def client_pause(view: View, *, after: float = 10.0) -> Iterator[Hit]:
    """The sender paused.

    Trigger: the client itself took `after` or longer from a reply to its next command, between
    its hello and the message; a warning from 5 minutes on, when the server may hang up.
    Advice: look at the client's queue, its lookups, or who types there.
    Traps: a line held open after a message, for the next one, is told as that.
    Thresholds:
        after (s, at least 0.5): from the reply to the next command.
    """
    for wait in view.waits:
        entry = view.session.timeline[wait.entry]
        if wait.part != "client" or entry.kind != "command" or sure(wait) < after:
            continue
        exchange = next((e for e in view.dialogue.exchanges if e.entry is entry), None)
        if exchange is None or exchange.phase not in _BETWEEN or not view.clean(exchange):
            continue
        if exchange.phase is Phase.READY and _completed(view, entry.frame):
            continue
        severity: Severity | None = "warning" if sure(wait) >= SERVER_IDLE else None
        text = f"The client took {duration(sure(wait))} until it said {said(exchange)}."
        yield view.at(text, exchange, severity=severity)


@check(
    "connection-held",
    group="timing",
    severity="note",
    reference="RFC 5321 §4.5.3.2.7",
    wakes=("wait:client",),
    fires="""
        @T
        @D
        @H
        @X
        +40.0 @Q
    """,
    silent="""
        @T
        @D
        @H
        @X
        +20.0 @Q
    """,
)
def connection_held(view: View, *, idle: float = 30.0, session: float = 1800.0) -> Iterator[Hit]:
    """The line was kept open for more mail that might come.

    Trigger: the client was silent for `idle` after a message had its verdict, or the session
    lasted `session` or longer.
    Advice: none needed; mind the server's limit of connections.
    Traps: none known; the pause and the mails are on record.
    Thresholds:
        idle (s, at least 0.5): after a message.
        session (s): the whole of it.
    """
    mails = _completed(view, view.connection.last_frame + 1)
    held = [
        wait
        for wait in view.waits
        if wait.part == "client" and sure(wait) >= idle
        and _completed(view, view.session.timeline[wait.entry].frame)
    ]  # fmt: skip
    total = view.session.duration
    if not mails or (not held and total < session):
        return
    longest = max(held, key=sure, default=None)
    pause = f", {duration(sure(longest))} of it without a word" if longest is not None else ""
    text = f"The connection was held for {duration(total)} and {mails} mails{pause}."
    text = text.replace("1 mails", "1 mail") if mails == 1 else text
    entry = view.session.timeline[longest.entry] if longest is not None else None
    frame = entry.frame if entry is not None else view.connection.last_frame
    yield Hit(text, [frame], entry.time if entry is not None else view.connection.end, entry)


class _Left(NamedTuple):
    """How and when the client stopped waiting."""

    frame: int
    time: int
    how: str


def _left(view: View) -> _Left | None:
    """The first of the client's FIN, reset, and QUIT."""
    client = view.client
    ways = [_Left(e.frame, e.time, "said QUIT") for e in view.exchanges("QUIT")]
    if client.fin is not None:
        ways.append(_Left(client.fin.frame, client.fin.time, "closed the connection"))
    if client.rst is not None and forged(client, view.server) is None:
        ways.append(_Left(client.rst.frame, client.rst.time, "reset the connection"))
    return min(ways, key=lambda way: way.frame, default=None)


def _owed(view: View, frame: int) -> Exchange | None:
    """The first thing that the client had asked and that was not answered when it left."""
    for exchange in view.dialogue.exchanges:
        if exchange.frame >= frame or exchange.lost:
            continue
        if (exchange.line or exchange.verb == "<eom>") and (
            exchange.reply is None or exchange.reply.frame > frame
        ):
            return exchange
    return None


@check(
    "client-timeout-early",
    group="timing",
    severity="error",
    reference="RFC 5321 §4.5.3.2",
    wakes=("wait:server", "wait:after_dot", "wait:client"),
    fires="""
        @T
        @D
        @H
        C ".\\r\\n"
        +30.0 FIN C
    """,
    silent="""
        @T
        @D
        @H
        C ".\\r\\n"
        +620.0 FIN C
    """,
)
def client_timeout_early(view: View, *, after: float = 5.0) -> Iterator[Hit]:
    """The sender gave up sooner than the standard allows.

    Trigger: the client closed, reset or said QUIT while an answer was owed, after `after` or
    longer, but less than RFC 5321 makes it wait: 5 minutes for MAIL and RCPT, 2 for DATA, 10
    after a message.
    Advice: raise the client's time limits; proxies and firewalls often set 30 or 60 s.
    Traps: for commands that the standard names no time for, 5 minutes are custom, and this is
    a warning. Who leaves at once did not wait. A reset that a third party sent does not count;
    nor does a server that had closed before. The greeting has a check of its own.
    Thresholds:
        after (s, at least 0.5): whoever left sooner did not wait.
    """
    left = _left(view)
    if left is None or not view.two_sided or view.session.ended in _SERVER_WENT_FIRST:
        return
    owed = _owed(view, left.frame)
    if owed is None or owed.tainted or owed.verb == "QUIT" or not view.clean(owed):
        return
    since = max(
        (e.time for e in view.dialogue.exchanges if e.line and owed.time <= e.time < left.time),
        default=owed.time,
    )
    minimum = MINIMUM.get(owed.verb, CONVENTION)
    waited = (left.time - (since if left.how != "said QUIT" else owed.time)) / NANOSECONDS
    if not after <= waited < minimum:
        return
    what = "the verdict on its message" if owed.verb == "<eom>" else f"the answer to {said(owed)}"
    text = (
        f"The client waited {duration(waited)} for {what} and {left.how}; it should wait "
        f"{minimum / 60:g} minutes."
    )
    severity: Severity | None = None if owed.verb in MINIMUM else "warning"
    hit = view.at(text, owed, severity=severity)
    hit.frames = [owed.frame, left.frame]
    yield hit


@check(
    "server-idle-timeout",
    group="timing",
    severity="note",
    reference="RFC 5321 §4.5.3.2.7",
    wakes=("wait:client",),
    fires="""
        @G
        @EN
        +60.0 S "421 4.4.2 mx.example Error: timeout exceeded\\r\\n"
        FIN S
        FIN C
    """,
    silent="""
        @G
        @EN
        +60.0 C "QUIT\\r\\n"
        S "221 2.0.0 Bye\\r\\n"
        FIN S
        FIN C
    """,
)
def server_idle_timeout(view: View, *, after: float = 5.0) -> Iterator[Hit]:
    """The server hung up because the sender was silent.

    Trigger: the server said 421 of its own accord, or closed, after it had waited `after` or
    longer for a command; a warning if that was less than 5 minutes.
    Advice: 5 minutes are the least that a server should wait; Postfix under load waits 10 s.
    Traps: the time counts from the server's last reply, less the way to the client and back.
    Who closes sooner was not waiting.
    Thresholds:
        after (s, at least 0.5): whoever closed sooner was not waiting.
    """
    for wait in view.waits:
        entry = view.session.timeline[wait.entry]
        if wait.part != "client" or entry.from_ != "server" or entry.kind not in ("reply", "close"):
            continue
        waited = sure(wait)
        if waited < after:
            continue
        reply = next((r for r in view.dialogue.replies if r.entry is entry), None)
        how = f"said {answer(reply)}" if reply is not None else "closed the connection"
        text = f"The server waited {duration(waited)} for a command and {how}."
        severity: Severity = "warning" if waited < SERVER_IDLE else "note"
        yield Hit(text, entry.frames, entry.time, entry, severity)
        return


CHECKS = (
    client_pause,
    connection_held,
    client_timeout_early,
    server_idle_timeout,
)
