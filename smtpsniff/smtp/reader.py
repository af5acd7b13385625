"""A cursor in a stream: where the parser stands, and which packet brought what it reads."""

from __future__ import annotations

from smtpsniff.tcp.stream import Gap, Stream

__all__ = ["Reader"]


class Reader:
    """Reads a `Stream` forwards. Offsets are the stream's own."""

    __slots__ = ("_gap", "_piece", "pos", "stream")

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.pos = 0
        self._gap = 0
        self._piece = 0

    @property
    def limit(self) -> int:
        """How far bytes can be read without a gap between."""
        gaps = self.stream.gaps
        return gaps[self._gap].at if self._gap < len(gaps) else self.stream.end

    @property
    def at_gap(self) -> Gap | None:
        """The gap that the readable bytes end at, if they do."""
        gaps = self.stream.gaps
        return gaps[self._gap] if self._gap < len(gaps) else None

    def pass_gap(self) -> Gap:
        """Step over the gap; what stood between the cursor and it is given up."""
        gap = self.stream.gaps[self._gap]
        self._gap += 1
        self.pos = gap.at
        return gap

    def rewind(self, offset: int) -> None:
        """Go back to `offset`, which must still be held."""
        self.pos = offset
        self._piece = 0
        while self._gap and self.stream.gaps[self._gap - 1].at > offset:
            self._gap -= 1

    def find_line(self) -> int:
        """Offset behind the next LF; -1 if none can be read yet."""
        stream = self.stream
        base = stream.base
        gaps = stream.gaps
        if self._gap < len(gaps):
            found = stream.data.find(b"\n", self.pos - base, gaps[self._gap].at - base)
        else:
            found = stream.data.find(b"\n", self.pos - base)
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

    def release(self, offset: int) -> None:
        """Forget what lies before `offset`."""
        if offset > self.stream.base:
            self.stream.release(offset)
            self._piece = 0
