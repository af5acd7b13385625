"""Which segments came damaged: looked up in this window, remembered of earlier ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.net import sound
from smtpsniff.tcp.experts import on_their_way

if TYPE_CHECKING:
    from smtpsniff.net import SegmentBatch
    from smtpsniff.tcp.connection import Connection, Side

__all__ = ["Soundness", "remember_damage"]

# Damaged segments of a side that are remembered while they are on their way; a sender whose
# checksums its network card makes has them all damaged, as many as its window holds.
MOST_DAMAGED = 1000


class Soundness:
    """Answers for one window whether the segment in a frame came with a wrong checksum."""

    def __init__(self, batch: SegmentBatch) -> None:
        self._batch = batch
        self._known: dict[int, bool] = {}

    def damaged(self, side: Side, frame: int) -> bool:
        """Of one of the side's segments; false where that cannot be known any more."""
        if frame < int(self._batch.frame[0]):
            return side.damaged is not None and frame in side.damaged
        found = self._known.get(frame)
        if found is None:
            row = int(self._batch.frame.searchsorted(frame))
            found = self._known[frame] = not sound(self._batch, row)
        return found


def remember_damage(connection: Connection, batch: SegmentBatch) -> None:
    """The window is let go: keep in mind which of the segments on their way came damaged.

    What was acknowledged arrived sound; another copy of it is not to be believed more.
    """
    one, other = connection.sides
    first = int(batch.frame[0])
    for side, opposite in ((one, other), (other, one)):
        if not side.stream.end and side.pending is None:
            continue
        frames = [frame for _, _, _, frame in on_their_way(side, opposite, first - 1)]
        if side.pending is not None:
            frames += [s.frame for s in side.pending.segments[-MOST_DAMAGED:] if s.frame >= first]
        for frame in frames:
            if not sound(batch, int(batch.frame.searchsorted(frame))):
                if side.damaged is None:
                    side.damaged = {}
                side.damaged[frame] = None
        while side.damaged and len(side.damaged) > MOST_DAMAGED:
            del side.damaged[next(iter(side.damaged))]
