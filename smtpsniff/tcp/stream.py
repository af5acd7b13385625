"""One direction of a connection: its bytes in order, and where each came from."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

__all__ = ["Gap", "Stream", "covers"]

MODULUS = 0xFFFF_FFFF
HALF = 0x8000_0000


def covers(ack: int, sequence: int) -> bool:
    """Whether `ack` acknowledges everything before `sequence` (RFC 9293 §3.4).

    `ack` below zero stands for a segment without ACK: it covers nothing.
    """
    return ack >= 0 and (ack - sequence) & MODULUS < HALF


@dataclass(slots=True)
class Gap:
    """`length` bytes of the stream that the capture does not hold, before offset `at`.

    `why`: ``lost`` (acknowledged, or passed over, but never captured) or ``cut`` (by the
    capture's snap length).
    """

    at: int
    length: int
    why: str
    frame: int
    time: int


class Stream:
    """Ordered bytes. Offsets count captured bytes, so that a gap takes no room.

    `data` holds the bytes from offset `base` on; `starts`, `frames`, `times`, `acks` describe
    the pieces they came in: offset of the first byte, frame, nanoseconds at which the byte
    could be read (all lower ones seen too), acknowledgement number of that segment.
    """

    __slots__ = ("acks", "base", "data", "end", "first", "frames", "gaps", "starts", "times")

    straight = True
    """Whether, without gaps, a sequence number is `first` and the offset: not where records of
    TLS were taken off."""

    def __init__(self) -> None:
        self.data = b""
        self.base = 0
        self.end = 0  # offset behind the last byte
        self.first = 0  # sequence number of offset 0
        self.starts: list[int] = []
        self.frames: list[int] = []
        self.times: list[int] = []
        self.acks: list[int] = []
        self.gaps: list[Gap] = []

    def append(self, data: bytes) -> None:
        """Bytes that go on where the stream ends; the caller adds the pieces they came in."""
        self.data = self.data + data if self.data else data
        self.end += len(data)

    @property
    def missing(self) -> int:
        """Bytes that gaps stand for."""
        return sum([gap.length for gap in self.gaps]) if self.gaps else 0

    def piece(self, offset: int) -> int:
        """Index of the piece that brought the byte at `offset`."""
        return max(bisect_right(self.starts, offset) - 1, 0)

    def sequence(self, offset: int) -> int:
        """Sequence number (32 bits) of the byte at `offset`."""
        skipped = 0
        for gap in self.gaps:
            if gap.at > offset:
                break
            skipped += gap.length
        return (self.first + offset + skipped) & MODULUS

    def after(self, end: int) -> int:
        """Sequence number behind the byte before offset `end`: what an ACK of it must reach."""
        return (self.sequence(end - 1) + 1) & MODULUS if self.gaps else (self.first + end) & MODULUS

    def top(self) -> int:
        """Sequence number behind the last byte that was seen."""
        return self.after(self.end)

    @property
    def wire(self) -> Stream:
        """What TCP brought: this, unless it is what was found in that."""
        return self

    def release(self, offset: int) -> None:
        """Forget the bytes before `offset` and the pieces that held only such bytes."""
        if offset <= self.base:
            return
        self.data = self.data[offset - self.base :]
        self.base = offset
        stale = self.piece(offset)
        if stale > 0:
            for column in (self.starts, self.frames, self.times, self.acks):
                del column[:stale]
