"""A cursor in a stream: where the parser stands, and which packet brought what it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smtpsniff.tcp.stream import Gap, Stream

__all__ = ["Reader"]


class Reader:
    """Reads a `Stream` forwards. Offsets are the stream's own.

    `limit` is how far bytes can be read without a gap between, `at_gap` the gap there, if that
    is why. Both hold until the stream grows: then `refresh`.
    """

    __slots__ = ("_gap", "_piece", "at_gap", "limit", "pos", "stream")

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.pos = 0
        self._gap = 0
        self._piece = 0
        self.limit = stream.end
        self.at_gap: Gap | None = None
        self.refresh()

    def refresh(self) -> None:
        """The stream may have grown: look again how far it goes."""
        gaps = self.stream.gaps
        if self._gap < len(gaps):
            self.at_gap = gaps[self._gap]
            self.limit = self.at_gap.at
        else:
            self.at_gap = None
            self.limit = self.stream.end

    def pass_gap(self) -> Gap:
        """Step over the gap; what stood between the cursor and it is given up."""
        gap = self.stream.gaps[self._gap]
        self._gap += 1
        self.pos = gap.at
        self.refresh()
        return gap

    def rewind(self, offset: int) -> None:
        """Go back to `offset`, which must still be held."""
        self.pos = offset
        self._piece = 0
        while self._gap and self.stream.gaps[self._gap - 1].at > offset:
            self._gap -= 1
        self.refresh()

    def find_line(self) -> int:
        """Offset behind the next LF; -1 if none can be read yet."""
        stream = self.stream
        base = stream.base
        found = stream.data.find(b"\n", self.pos - base, self.limit - base)
        return found + base + 1 if found >= 0 else -1

    def bytes(self, start: int, end: int) -> bytes:
        """Bytes of the stream from `start` to `end`."""
        base = self.stream.base
        return self.stream.data[start - base : end - base]

    def piece(self, offset: int) -> int:
        """Index of the piece that holds `offset`; cheap where offsets only grow."""
        starts = self.stream.starts
        i = self._piece
        if i >= len(starts) or starts[i] > offset:
            i = 0
        last = len(starts) - 1
        while i < last and starts[i + 1] <= offset:
            i += 1
        self._piece = i
        return i

    @property
    def first_frame(self) -> int:
        """Frame of the byte at the cursor; 0 where there is none."""
        stream = self.stream
        return stream.frames[self.piece(self.pos)] if self.pos < stream.end else 0

    def locate(self, end: int) -> tuple[int, int]:
        """Frame and time of the byte before `end`; zeros where nothing was read."""
        stream = self.stream
        if not stream.starts:
            return 0, 0
        piece = self.piece(max(end - 1, stream.base))
        return stream.frames[piece], stream.times[piece]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Indices of the pieces that hold the first and the last byte of `start` to `end`."""
        starts = self.stream.starts
        last = len(starts) - 1
        i = self._piece
        if i > last or starts[i] > start:
            i = 0
        while i < last and starts[i + 1] <= start:
            i += 1
        first = i
        while i < last and starts[i + 1] < end:
            i += 1
        self._piece = i
        return first, i

    def release(self, offset: int) -> None:
        """Forget what lies before `offset`."""
        if offset > self.stream.base:
            self.stream.release(offset)
            self._piece = 0
