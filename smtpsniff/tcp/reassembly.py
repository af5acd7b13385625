"""The patient way: one segment at a time into a stream that is not in order.

Rules of the house (DESIGN.md, "Truth before cleverness"): the first copy of a byte wins,
unless its checksum is wrong and the other's is right; a differing copy is kept as evidence;
bytes that the other side acknowledged but the capture lacks are a gap, not an error.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from msgspec import Struct

from smtpsniff.tcp.connection import Conflict, Side
from smtpsniff.tcp.stream import HALF, MODULUS, Gap

if TYPE_CHECKING:
    from smtpsniff.tcp.soundness import Soundness
    from smtpsniff.tcp.stream import Stream

__all__ = [
    "Pending", "Segment", "acknowledged", "finish", "flush", "give_up", "insert", "let_go",
    "reached", "settle",
]  # fmt: skip

# A receiver never holds more out-of-order data than its window; 4 MiB is above what mail
# servers advertise in practice, and bounds what a hostile sender can make us keep.
MAX_PENDING_BYTES = 4 << 20
MAX_PENDING_SEGMENTS = 4096
# A hole that was acknowledged this long ago (nanoseconds of capture) will not be filled:
# retransmission timers start at 1 s (RFC 6298 §2).
HOLE_PATIENCE = 3_000_000_000
# Bytes of each copy kept as evidence of a conflict, and conflicts kept for each side.
EVIDENCE = 64
MAX_CONFLICTS = 8
# Copies of a side that may take the place of damaged ones: each costs a copy of what is held.
MAX_REPLACED = 1000


class Segment(Struct, gc=False):
    """A piece of payload. `offset` is relative to the side's first byte, gaps included."""

    offset: int
    frame: int
    time: int
    data: bytes
    length: int  # on the wire; longer than data when the capture cut it
    ack: int

    @property
    def end(self) -> int:
        return self.offset + self.length


class Pending:
    """Segments beyond a hole, and what is needed to judge later copies."""

    __slots__ = (
        "acknowledged", "bytes", "passed", "replaced", "segments", "soundness", "tail",
    )  # fmt: skip

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.bytes = 0
        self.tail = bytearray()  # delivered, not yet part of the stream: appending is cheap
        self.passed = 0  # wire offset that the stream has reached, gaps included
        self.replaced = 0  # copies that were believed in place of the first
        self.acknowledged = -1  # wire offset that the other side has acknowledged; -1: unknown
        self.soundness: Soundness | None = None  # of this window's segments

    def prefers(self, side: Side, offset: int, second: int, first: int) -> bool:
        """Whether the copy in frame `second` is to be believed: it is sound, the first is not.

        What was acknowledged before it came had arrived sound.
        """
        soundness = self.soundness
        if soundness is None or offset < self.acknowledged or self.replaced >= MAX_REPLACED:
            return False
        preferred = soundness.damaged(side, first) and not soundness.damaged(side, second)
        self.replaced += preferred
        return preferred


def reached(side: Side) -> int:
    """Wire offset (gaps included) that the side's stream has reached."""
    stream = side.stream
    return stream.end + stream.missing


def flush(side: Side) -> None:
    """Make what was delivered part of the stream."""
    if side.pending is not None and side.pending.tail:
        side.stream.append(bytes(side.pending.tail))
        side.pending.tail.clear()


def insert(side: Side, segment: Segment) -> None:
    """Put one data segment where it belongs."""
    if side.pending is None:
        side.pending = Pending()
        side.pending.passed = reached(side)
    pending = side.pending
    passed = pending.passed
    if segment.offset > passed:
        _hold(side, pending, segment)
        return
    if segment.end <= passed:
        _again(side, segment)
        return
    if segment.offset < passed:
        _compare(side, segment)
        keep = passed - segment.offset
        segment = Segment(
            passed, segment.frame, segment.time, segment.data[keep:], segment.length - keep,
            segment.ack,
        )  # fmt: skip
    _deliver(side, pending, segment, segment.time)
    _drain(side, pending, segment.time)


def _offset(segment: Segment) -> int:
    return segment.offset


def _hold(side: Side, pending: Pending, segment: Segment) -> None:
    """Keep a segment that lies beyond a hole; give the hole up when too much waits."""
    segments = pending.segments
    place = bisect_right(segments, segment.offset, key=_offset) - 1
    # Of those that begin at one place each is longer than the one before it.
    if place >= 0 and segments[place].offset == segment.offset:
        held = segments[place]
        if held.length >= segment.length:
            _differs(side, pending, held, segment)
            return
    segments.insert(place + 1, segment)
    pending.bytes += len(segment.data)
    if pending.bytes > MAX_PENDING_BYTES or len(pending.segments) > MAX_PENDING_SEGMENTS:
        _skip(side, pending)


def _again(side: Side, segment: Segment) -> None:
    """A segment whose bytes were all seen before: retransmission or keep-alive."""
    passed = side.pending.passed if side.pending else reached(side)
    # RFC 9293 §3.8.4: a keep-alive repeats the byte before the next one, often as garbage.
    if segment.length > 1 or segment.offset != passed - 1:
        _compare(side, segment)


def _compare(side: Side, segment: Segment) -> None:
    """Hold the second copy of already delivered bytes against the first."""
    pending = side.pending
    if pending is None:
        return
    stream = side.stream
    low = max(segment.offset, stream.base)
    high = min(segment.offset + len(segment.data), stream.end + len(pending.tail))
    if stream.gaps:  # behind one, offsets on the wire and in the stream differ
        high = min(high, stream.gaps[0].at)
    if low >= high:
        return
    first = _held(stream, pending, low, high)
    second = segment.data[low - segment.offset : high - segment.offset]
    if first == second:
        return
    frame = stream.frames[stream.piece(low)]
    kept, dropped = first, second
    if pending.prefers(side, low, segment.frame, frame):
        flush(side)
        data = stream.data
        stream.data = data[: low - stream.base] + second + data[high - stream.base :]
        kept, dropped = second, first
    _evidence(side, low, (frame, segment.frame), kept, dropped)


def _held(stream: Stream, pending: Pending, low: int, high: int) -> bytes:
    """Delivered bytes, of which some may not be part of the stream yet: to join them is dear."""
    head = stream.data[low - stream.base : high - stream.base]
    return head + pending.tail[max(low - stream.end, 0) : max(high - stream.end, 0)]


def _differs(side: Side, pending: Pending, held: Segment, segment: Segment) -> None:
    """Two copies that both wait beyond the hole."""
    if held.data[: len(segment.data)] == segment.data[: len(held.data)]:
        return
    kept, dropped = held.data, segment.data
    frames = held.frame, segment.frame
    if pending.prefers(side, held.offset, segment.frame, held.frame):
        held.data, held.frame = segment.data, segment.frame
        kept, dropped = dropped, kept
    _evidence(side, held.offset, frames, kept, dropped)


def _evidence(
    side: Side, offset: int, frames: tuple[int, int], kept: bytes, dropped: bytes
) -> None:
    """Keep the place where the copies part, a few bytes of each."""
    if len(side.conflicts) >= MAX_CONFLICTS:
        return
    at = next((i for i, (a, b) in enumerate(zip(kept, dropped, strict=False)) if a != b), 0)
    side.conflicts.append(
        Conflict(offset + at, frames, kept[at : at + EVIDENCE], dropped[at : at + EVIDENCE])
    )


def _deliver(side: Side, pending: Pending, segment: Segment, now: int) -> None:
    """Append a segment that starts where the stream stands."""
    stream = side.stream
    end = stream.end + len(pending.tail)
    if segment.data:
        stream.starts.append(end)
        stream.frames.append(segment.frame)
        stream.times.append(max(now, segment.time))
        stream.acks.append(segment.ack)
        pending.tail += segment.data
    cut = segment.length - len(segment.data)
    if cut > 0:
        stream.gaps.append(Gap(end + len(segment.data), cut, "cut", segment.frame, now))
    pending.passed += segment.length


def _drain(side: Side, pending: Pending, now: int) -> None:
    """Deliver what waited and is now in order."""
    while pending.segments and pending.segments[0].offset <= pending.passed:
        segment = pending.segments.pop(0)
        pending.bytes -= len(segment.data)
        if segment.end <= pending.passed:
            continue
        keep = pending.passed - segment.offset
        if keep:
            segment = Segment(
                pending.passed, segment.frame, segment.time, segment.data[keep:],
                segment.length - keep, segment.ack,
            )  # fmt: skip
        _deliver(side, pending, segment, now)


def _skip(side: Side, pending: Pending) -> None:
    """Give up the hole in front of the first waiting segment."""
    segment = pending.segments[0]
    side.stream.gaps.append(
        Gap(
            side.stream.end + len(pending.tail),
            segment.offset - pending.passed,
            "lost",
            segment.frame,
            segment.time,
        )
    )
    pending.passed = segment.offset
    _drain(side, pending, segment.time)


def acknowledged(side: Side, other: Side) -> int:
    """Wire offset that `other` has acknowledged; -1 where nothing is known."""
    if other.ack < 0:
        return -1
    offset = (other.ack - side.stream.first) & MODULUS
    # An acknowledgement of less than the first byte (the SYN's own) wraps below zero.
    return offset if offset < HALF else -1


def give_up(side: Side, other: Side, now: int) -> None:
    """Give up holes that were acknowledged long enough ago.

    Before each packet of the connection, so that it is all the same where windows end.
    """
    pending = side.pending
    if pending is None or not pending.segments:
        return
    while (
        pending.segments
        and now - pending.segments[0].time > HOLE_PATIENCE
        and acknowledged(side, other) >= pending.segments[0].offset
    ):
        _skip(side, pending)


def settle(side: Side, other: Side, now: int) -> None:
    """At the end of a window, in which the connection may have been silent."""
    give_up(side, other, now)
    flush(side)


def let_go(side: Side) -> None:
    """The end of a window: what was delivered is in the stream, its packets are gone."""
    flush(side)
    if side.pending is not None:
        side.pending.soundness = None


def finish(side: Side, other: Side) -> None:
    """The connection is over: what is still missing and was acknowledged is a gap."""
    known = acknowledged(side, other)
    pending = side.pending
    if pending is not None:
        # Where the other side was not captured nothing proves delivery; the bytes beyond the
        # hole were sent all the same, and are all there is.
        while pending.segments and (other.packets == 0 or known >= pending.segments[0].offset):
            _skip(side, pending)
        flush(side)
        pending.segments.clear()
        pending.bytes = 0
    passed = pending.passed if pending is not None else reached(side)
    lacking = known - passed - (1 if side.fin is not None else 0)
    # More than a window's worth is no loss but a number that means nothing (a RST's, a proxy's).
    if 0 < lacking < 1 << 30 and (side.stream.end or side.syn is not None):
        mark = side.fin or side.rst
        stream = side.stream
        frame = mark.frame if mark else (stream.frames[-1] if stream.frames else 0)
        time = mark.time if mark else (stream.times[-1] if stream.times else 0)
        stream.gaps.append(Gap(stream.end, lacking, "lost", frame, time))
