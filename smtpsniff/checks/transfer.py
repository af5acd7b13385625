"""How messages and replies travelled: slowly, not at all, or held back by habit."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING

from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import NANOSECONDS, duration, said
from smtpsniff.checks.slowness import asked_of, sure
from smtpsniff.timing.losses import losses, overlap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.smtp.body import Body
    from smtpsniff.tcp import Stream

__all__ = ["CHECKS"]

# A share of the time that makes a cause the cause.
MOST = 0.3
# No octet of a message for this long: a client may give up (RFC 5321 §4.5.3.2.5).
BLOCK = 180.0
# A pause between two segments of a sender that nothing holds up: longer than any round trip.
PAUSE = 500_000_000
# Delayed acknowledgements come after 40 ms (Linux) or 200 ms (BSD, Windows); nanoseconds.
DELAYED = ((35_000_000, 60_000_000), (180_000_000, 220_000_000))


def _bodies(view: View) -> Iterator[tuple[Body, int, int]]:
    """Messages with the times of their beginning and their end, or where they broke off."""
    for letter in view.dialogue.letters:
        body = letter.body
        if body is None or not body.first_time or body.missing:
            continue
        end = letter.eom.time if letter.eom is not None else view.connection.end
        yield body, body.first_time, end


def _shut(view: View, start: int, end: int) -> int:
    """Nanoseconds of a stretch in which the server's window was closed."""
    trouble = view.server.trouble
    spans = [(s.time, s.until or end) for s in trouble.shut] if trouble is not None else []
    return sum(max(min(b, end) - max(a, start), 0) for a, b in spans)


def _pauses(stream: Stream, start: int, end: int) -> list[tuple[int, int]]:
    """Stretches without a new octet between `start` and `end`, where those are still known."""
    first = bisect_right(stream.times, start - 1)
    times = [t for t in stream.times[first:] if t < end]
    return list(pairwise([*times, end])) if times else []


def _cause(view: View, start: int, end: int) -> str:
    """What held a message up (E.6)."""
    whole = end - start
    if _shut(view, start, end) >= MOST * whole:
        return "the server's window was closed"
    if overlap(losses(view.client, view.server), start, end, end) >= MOST * whole:
        return "packets were lost"
    idle = sum(b - a for a, b in _pauses(view.client.stream, start, end) if b - a >= PAUSE)
    if idle >= MOST * whole:
        return "the client sent nothing for most of the time"
    if view.client.window_full:
        return "the server's window was full"
    return "why cannot be told from where it was captured"


@check(
    "data-transfer-slow",
    group="timing",
    severity="warning",
    reference="RFC 5321 §4.5.3.2.5",
    wakes=("wait:transfer",),
    fires="""
        @T
        @D
        C "Subject: t\\r\\n\\r\\n"
        +15.0 C "hello\\r\\n"*100
        +15.0 C "hello\\r\\n"*100
        @X
        @Q
    """,
    silent="""
        @T
        @D
        C "Subject: t\\r\\n\\r\\n"
        +5.0 C "hello\\r\\n"*100
        +5.0 C "hello\\r\\n"*100
        @X
        @Q
    """,
)
def data_transfer_slow(view: View, *, after: float = 20.0, rate: float = 16.0) -> Iterator[Hit]:
    """The message trickled in slowly.

    Trigger: a message took `after` or longer from its first octet to its end, at less than
    `rate`.
    Advice: follow what the sentence names: the server's window, loss, or the client.
    Traps: near the server a client that pauses and a slow path look the same; then the cause is
    left open.
    Thresholds:
        after (s, at least 0.5): from the first octet to the end.
        rate (KiB/s): slower than this.
    """
    for body, start, end in _bodies(view):
        seconds = (end - start) / NANOSECONDS
        if not body.complete or seconds < after or body.size >= rate * 1024 * seconds:
            continue
        speed = body.size / 1024 / seconds
        text = (
            f"{body.size} octets of message took {duration(seconds)}, {speed:.1f} KiB/s: "
            f"{_cause(view, start, end)}."
        )
        yield Hit(text, [body.first_frame, body.frame], start, body.entry)


@check(
    "data-block-stalled",
    group="timing",
    severity="error",
    reference="RFC 5321 §4.5.3.2.5",
    wakes=("wait:transfer", "tcp-trouble", "hanging"),
    fires="""
        @T
        @D
        C "Subject: t\\r\\n\\r\\n"
        +200.0 C "hello\\r\\n"
        @X
        @Q
    """,
    silent="""
        @T
        @D
        C "Subject: t\\r\\n\\r\\n"
        +100.0 C "hello\\r\\n"
        @X
        @Q
    """,
)
def data_block_stalled(view: View) -> Iterator[Hit]:
    """The transfer stood still for more than three minutes.

    Trigger: within a message no new octet for 180 s.
    Advice: follow what the sentence names: the server's window, loss, or the client.
    Traps: of a message too long to be kept whole only the last part is looked at. A capture that
    ends in the middle shows no stall.
    """
    for body, start, end in _bodies(view):
        stalls = [
            (a, b) for a, b in _pauses(view.client.stream, start, end)
            if b - a >= BLOCK * NANOSECONDS
        ]  # fmt: skip
        for a, b in stalls:
            text = (
                f"Nothing of the message came for {duration((b - a) / NANOSECONDS)}: "
                f"{_cause(view, a, b)}."
            )
            yield Hit(text, [body.first_frame, body.frame], a, body.entry)


@check(
    "delayed-ack-pattern",
    group="timing",
    severity="note",
    reference="RFC 1122 §4.2.3.2; RFC 896",
    wakes=("split",),
    fires="""
        @G
        C "EHLO a.exam"
        +0.04 C "ple.net\\r\\n"
        S "250 mx.example\\r\\n"
        C "NOOP"
        +0.04 C "\\r\\n"
        S "250 2.0.0 Ok\\r\\n"
        C "NOOP"
        +0.04 C "\\r\\n"
        S "250 2.0.0 Ok\\r\\n"
        @Q
    """,
    silent="""
        @G
        C "EHLO a.exam"
        +0.01 C "ple.net\\r\\n"
        S "250 mx.example\\r\\n"
        C "NOOP"
        +0.3 C "\\r\\n"
        S "250 2.0.0 Ok\\r\\n"
        C "NOOP"
        +0.04 C "\\r\\n"
        S "250 2.0.0 Ok\\r\\n"
        @Q
    """,
)
def delayed_ack_pattern(view: View, *, times: int = 3) -> Iterator[Hit]:
    """Two habits of TCP, Nagle's and delayed acknowledgements, wait for each other.

    Trigger: `times` or more commands came in exactly two segments, the second 35 to 60 ms or 180
    to 220 ms after the first.
    Advice: write each command in one go, or set TCP_NODELAY.
    Traps: the acknowledgement that releases the second segment is not looked for, hence only
    likely; people who type need longer and more segments.
    Thresholds:
        times (commands, at least 1): that came like that.
    """
    stream = view.client.stream
    found = []
    for exchange in view.exchanges():
        apart = exchange.time - exchange.first_time
        if not exchange.line or not any(low <= apart <= high for low, high in DELAYED):
            continue
        if stream.piece(exchange.end - 1) - stream.piece(exchange.start) == 1:
            found.append(exchange)
    if len(found) >= times:
        lost = sum(e.time - e.first_time for e in found) / NANOSECONDS
        text = (
            f"{len(found)} commands came in two segments each, as delayed acknowledgements "
            f"released them; that cost {duration(lost)} in all."
        )
        hit = view.at(text, found[0], confidence="likely")
        hit.frames = [frame for e in found[:5] for frame in (e.first_frame, e.frame)]
        yield hit


@check(
    "server-batched-replies-late",
    group="timing",
    severity="note",
    reference="RFC 2920 §3.2",
    wakes=("wait:server",),
    fires="""
        @G
        @E
        C "MAIL FROM:<s@a.example.net>\\r\\nRCPT TO:<r@mx.example>\\r\\n"
        +3.0 S "250 2.1.0 Ok\\r\\n250 2.1.5 Ok\\r\\n"
        @Q
    """,
    silent="""
        @G
        @E
        C "MAIL FROM:<s@a.example.net>\\r\\nRCPT TO:<r@mx.example>\\r\\n"
        S "250 2.1.0 Ok\\r\\n"
        +3.0 S "250 2.1.5 Ok\\r\\n"
        @Q
    """,
)
def server_batched_replies_late(view: View, *, after: float = 1.0) -> Iterator[Hit]:
    """The server kept answers back although nothing more was coming.

    Trigger: replies to several commands came in one segment, `after` or longer after the last
    of these commands.
    Advice: the server should send what it has before it works on the last command.
    Traps: where the first command of the group took all the time the server did nothing wrong;
    hence only possible.
    Thresholds:
        after (s, at least 0.5): from the last command of the group.
    """
    for wait in view.waits:
        entry = view.session.timeline[wait.entry]
        asked = asked_of(view, wait)
        if wait.part != "server" or entry.kind != "reply" or asked is None:
            continue
        group = [
            e for e in view.dialogue.exchanges
            if e.reply is not None and e.reply.first_frame == entry.frame and e.line
        ]  # fmt: skip
        if len(group) < 2 or sure(wait) < after:
            continue
        held = (wait.end - max(e.time for e in group)) / NANOSECONDS
        if held >= after and view.clean(asked):
            text = (
                f"The server held back {len(group)} replies, from that to {said(group[0])} on, "
                f"for {duration(held)} after it had the last command."
            )
            yield view.at(text, asked, asked.reply, confidence="possible")


CHECKS = (
    data_transfer_slow,
    data_block_stalled,
    delayed_ack_pattern,
    server_batched_replies_late,
)
