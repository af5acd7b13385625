"""Counts and remembers what TCP did on a connection that is not in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.tcp.connection import ACK, CONTROL, SYN, Mark
from smtpsniff.tcp.experts import (
    AGAIN,
    DISORDER,
    FULL,
    KEEP_ALIVE,
    PROBE,
    SPURIOUS,
    ZERO,
    agreed_shift,
    behind,
    handshake_trip,
    judge,
    leave,
    origin,
    take_up,
)  # fmt: skip
from smtpsniff.tcp.standouts import ALONE
from smtpsniff.tcp.trouble import Again, Trouble

if TYPE_CHECKING:
    from smtpsniff.tcp.connection import Connection, Side
    from smtpsniff.tcp.copies import Recent
    from smtpsniff.tcp.patience import Row
    from smtpsniff.tcp.soundness import Soundness

__all__ = ["Counting"]


class Counting:
    """Takes the packets of one connection, in the order of capture, window by window."""

    def __init__(
        self, connection: Connection, soundness: Soundness, recent: tuple[Recent, Recent]
    ) -> None:
        self._connection = connection
        self._soundness = soundness
        self._watches = take_up(connection)
        self._trip = 0
        self._recent = recent

    def take(self, index: int, row: Row, ack: int) -> None:
        """Judge one packet of side `index`, before anything else is done with it."""
        sides = self._connection.sides
        side = sides[index]
        if self._recent[index].holds(row):
            side.mirrored += 1
            return
        mine, theirs = self._watches[index], self._watches[1 - index]
        if not self._trip and not row.flags & SYN:
            self._trip = handshake_trip(self._connection)
        shift = agreed_shift(sides[1 - index], side)
        first = None  # where the octets were before; as long as there is room to tell of it
        if row.length and behind(mine, row.seq) and _trouble(side).has_room:
            first = origin(mine, row.seq, row.time)
        kind = judge(
            mine, theirs, row.seq, ack, row.flags, row.window, row.length, row.time,
            shift=shift, trip=self._trip, frame=row.frame,
        )  # fmt: skip
        if kind:
            self._count(index, row, kind)
        if kind & (AGAIN | DISORDER) and first is not None:
            quiet = row.time - self._connection.end if self._connection.end else 0
            _trouble(side).add_again(
                Again(
                    row.frame, row.time, row.seq, row.length, first.time, quiet, first.seen,
                    bool(kind & SPURIOUS), bool(kind & DISORDER),
                    kind & AGAIN != 0 and self._was_damaged(side, first.frame, row.frame),
                )
            )  # fmt: skip
        _pause(side, row, ack)
        side.window, side.shifted = row.window, not row.flags & SYN
        if not row.flags & CONTROL and (side.zero_windows or not row.window):
            _trouble(side).window(row.frame, row.time, row.window)

    def leave(self) -> None:
        """The window is over: its packets are judged."""
        leave(self._connection)

    def _was_damaged(self, side: Side, first: int, again: int) -> bool:
        """Whether the first copy's checksum is wrong and the second's right."""
        damaged = self._soundness.damaged
        return first > 0 and damaged(side, first) and not damaged(side, again)

    def _count(self, index: int, row: Row, kind: int) -> None:
        side = self._connection.sides[index]
        if kind & AGAIN:
            side.retransmissions += 1
        if kind & SPURIOUS:
            side.spurious += 1
        if kind & DISORDER:
            side.out_of_order += 1
        if kind & KEEP_ALIVE:
            side.keep_alives += 1
        if kind & ZERO:
            side.zero_windows += 1
        if kind & FULL:
            side.window_full += 1
        if kind & PROBE:
            theirs = self._connection.sides[1 - index].trouble
            if theirs is not None and theirs.shut and not theirs.shut[-1].until:
                theirs.shut[-1].probes += 1


def _trouble(side: Side) -> Trouble:
    if side.trouble is None:
        side.trouble = Trouble()
    return side.trouble


def _pause(side: Side, row: Row, ack: int) -> None:
    """Remember an acknowledgement behind which its sender was silent for a while."""
    last = side.last
    if last is not None and row.time - last.time >= ALONE:
        _trouble(side).add_lone(last)
    bare = not row.length and row.flags & (CONTROL | ACK) == ACK
    side.last = Mark(row.frame, row.time, row.seq, ack) if bare else None
