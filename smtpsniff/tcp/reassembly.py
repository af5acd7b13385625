"""The patient way: one segment at a time into a stream that is not in order.

Rules of the house (DESIGN.md, "Truth before cleverness"): the first copy of a byte wins,
unless its checksum is wrong and the other's is right; a differing copy is kept as evidence;
bytes that the other side acknowledged but the capture lacks are a gap, not an error.
"""

from __future__ import annotations

from bisect import insort
from typing import TYPE_CHECKING

from msgspec import Struct

from smtpsniff.tcp.connection import Conflict, Side
from smtpsniff.tcp.stream import HALF, MODULUS, Gap

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Pending", "Segment", "finish", "insert", "settle"]

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


class Segment(Struct, gc=False):
    """A piece of payload. `offset` is relative to the side's first byte, gaps included."""

    offset: int
    frame: int
    time: int
    data: bytes
    length: int  # on the wire; longer than data when the capture cut it
    ack: int
    row: int  # in its window's batch, where its checksum can be had; -1 once that is gone

    @property
    def end(self) -> int:
        return self.offset + self.length


class Pending:
    """Segments beyond a hole, and what is needed to judge later copies."""

    __slots__ = ("bytes", "damaged", "delivered", "passed", "segments", "tail")

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.bytes = 0
        self.tail = bytearray()  # delivered, not yet part of the stream: appending is cheap
        self.passed = 0  # wire offset that the stream has reached, gaps included
        self.delivered: list[Segment] = []  # of this window: their checksums can still be had
        self.damaged: Callable[[int], bool] = _unknown  # whether a row's checksum is wrong

    def prefers(self, second: Segment, first: Segment | None) -> bool:
        """Whether the second copy is to be believed: it is sound and the first is not."""
        if first is None or first.row < 0 or second.row < 0:
            return False
        return self.damaged(first.row) and not self.damaged(second.row)


def _unknown(_row: int) -> bool:
    return False


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
            segment.ack, segment.row,
        )  # fmt: skip
    _deliver(side, pending, segment, segment.time)
    _drain(side, pending, segment.time)


def _by_place(segment: Segment) -> tuple[int, int]:
    return segment.offset, segment.frame


def _hold(side: Side, pending: Pending, segment: Segment) -> None:
    """Keep a segment that lies beyond a hole; give the hole up when too much waits."""
    for held in pending.segments:
        if held.offset == segment.offset and held.length >= segment.length:
            _differs(side, pending, held, segment)
            return
    insort(pending.segments, segment, key=_by_place)
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
    if pending is None or side.stream.gaps:
        return  # with gaps, offsets on the wire and in the stream differ: no exact comparison
    flush(side)
    stream = side.stream
    low = max(segment.offset, stream.base)
    high = min(segment.offset + len(segment.data), stream.end)
    if low >= high:
        return
    first = stream.data[low - stream.base : high - stream.base]
    second = segment.data[low - segment.offset : high - segment.offset]
    if first == second:
        return
    original = next((s for s in pending.delivered if s.offset <= low < s.end), None)
    kept, dropped = first, second
    if pending.prefers(segment, original):
        data = stream.data
        stream.data = data[: low - stream.base] + second + data[high - stream.base :]
        kept, dropped = second, first
    frame = original.frame if original else stream.frames[stream.piece(low)]
    _evidence(side, low, (frame, segment.frame), kept, dropped)


def _differs(side: Side, pending: Pending, held: Segment, segment: Segment) -> None:
    """Two copies that both wait beyond the hole."""
    if held.data[: len(segment.data)] == segment.data[: len(held.data)]:
        return
    kept, dropped = held.data, segment.data
    if pending.prefers(segment, held):
        held.data, held.row = segment.data, segment.row
        kept, dropped = dropped, kept
    _evidence(side, held.offset, (held.frame, segment.frame), kept, dropped)


def _evidence(
    side: Side, offset: int, frames: tuple[int, int], kept: bytes, dropped: bytes
) -> None:
    """Keep the place where the copies part, a few bytes of each."""
    at = next((i for i, (a, b) in enumerate(zip(kept, dropped, strict=False)) if a != b), 0)
    if len(side.conflicts) < MAX_CONFLICTS:
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
        pending.delivered.append(segment)
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
                segment.length - keep, segment.ack, segment.row,
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


def _acknowledged(side: Side, other: Side) -> int:
    """Wire offset that `other` has acknowledged; -1 where nothing is known."""
    if other.ack < 0:
        return -1
    offset = (other.ack - side.stream.first) & MODULUS
    # An acknowledgement of less than the first byte (the SYN's own) wraps below zero.
    return offset if offset < HALF else -1


def settle(side: Side, other: Side, now: int) -> None:
    """At the end of a window: give up holes that were acknowledged long enough ago."""
    pending = side.pending
    if pending is None:
        return
    while (
        pending.segments
        and now - pending.segments[0].time > HOLE_PATIENCE
        and _acknowledged(side, other) >= pending.segments[0].offset
    ):
        _skip(side, pending)
    flush(side)
    pending.delivered.clear()
    pending.damaged = _unknown
    for segment in pending.segments:
        segment.row = -1  # its window is let go


def finish(side: Side, other: Side) -> None:
    """The connection is over: what is still missing and was acknowledged is a gap."""
    acknowledged = _acknowledged(side, other)
    pending = side.pending
    if pending is not None:
        # Where the other side was not captured nothing proves delivery; the bytes beyond the
        # hole were sent all the same, and are all there is.
        while pending.segments and (
            other.packets == 0 or acknowledged >= pending.segments[0].offset
        ):
            _skip(side, pending)
        flush(side)
        pending.segments.clear()
        pending.delivered.clear()
        pending.bytes = 0
    passed = pending.passed if pending is not None else reached(side)
    lacking = acknowledged - passed - (1 if side.fin is not None else 0)
    # More than a window's worth is no loss but a number that means nothing (a RST's, a proxy's).
    if 0 < lacking < 1 << 30 and (side.stream.end or side.syn is not None):
        mark = side.fin or side.rst
        stream = side.stream
        frame = mark.frame if mark else (stream.frames[-1] if stream.frames else 0)
        time = mark.time if mark else (stream.times[-1] if stream.times else 0)
        stream.gaps.append(Gap(stream.end, lacking, "lost", frame, time))
