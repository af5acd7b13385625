"""Counts and remembers what TCP did on a connection that is not in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from smtpsniff.net import checksums, datagram_number
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
    handshake_trip,
    judge,
    origin,
    watch_of,
)  # fmt: skip
from smtpsniff.tcp.standouts import ALONE
from smtpsniff.tcp.trouble import Again, Trouble

if TYPE_CHECKING:
    from smtpsniff.net import SegmentBatch
    from smtpsniff.tcp.connection import Connection, Side
    from smtpsniff.tcp.patience import Row

__all__ = ["Counting"]

# The same datagram this soon (ns) after itself was delivered twice by a mirror port.
MIRRORED = 1_000_000
# Packets of a side among which the first of two copies is sought.
REMEMBERED = 32


class _Seen(Struct, frozen=True, gc=False):
    """What two copies of one packet have in common; what costs more is looked up late."""

    shape: tuple[int, int, int, int, int, int]
    time: int
    network: int
    payload: int


class Counting:
    """Takes the packets of one connection, in the order of capture, window by window."""

    def __init__(self, connection: Connection, batch: SegmentBatch) -> None:
        self._connection = connection
        self._batch = batch
        self._watches = [watch_of(side) for side in connection.sides]
        self._trip = 0
        self._recent: tuple[list[_Seen], list[_Seen]] = ([], [])

    def take(self, index: int, row: Row, ack: int) -> None:
        """Judge one packet of side `index`, before anything else is done with it."""
        sides = self._connection.sides
        side = sides[index]
        if self._is_copy(index, row):
            side.mirrored += 1
            return
        mine, theirs = self._watches[index], self._watches[1 - index]
        if not self._trip and not row.flags & SYN:
            self._trip = handshake_trip(self._connection)
        shift = agreed_shift(sides[1 - index], side)
        first = origin(mine, row.seq, row.time) if row.length else None
        kind = judge(
            mine, theirs, row.seq, ack, row.flags, row.window, row.length, row.time,
            shift=shift, trip=self._trip, row=row.row,
        )  # fmt: skip
        if kind:
            self._count(index, row, kind)
        if kind & (AGAIN | DISORDER) and first is not None:
            quiet = row.time - self._connection.end if self._connection.end else 0
            _trouble(side).add_again(
                Again(
                    row.frame, row.time, row.seq, row.length, first.time, quiet, first.seen,
                    bool(kind & SPURIOUS), bool(kind & DISORDER),
                    kind & AGAIN != 0 and self._was_damaged(first.row, row.row),
                )
            )  # fmt: skip
        _pause(side, row, ack)
        side.window, side.shifted = row.window, not row.flags & SYN
        if not row.flags & CONTROL and (side.zero_windows or not row.window):
            _trouble(side).window(row.frame, row.time, row.window)

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

    def _was_damaged(self, first: int, again: int) -> bool:
        """Whether the first copy's checksum is wrong and the second's right."""
        return first >= 0 and not self._sound(first) and self._sound(again)

    def _sound(self, row: int) -> bool:
        return bool(checksums(self._batch, np.array([row]))[1][0])

    def _is_copy(self, index: int, row: Row) -> bool:
        """Whether this very packet was captured a moment ago: nothing in it differs."""
        recent = self._recent[index]
        shape = (row.seq, row.ack, row.flags, row.window, row.length, row.captured)
        for seen in recent:
            if seen.shape == shape and row.time - seen.time < MIRRORED and self._same(row, seen):
                return True
        recent.append(_Seen(shape, row.time, row.network, row.payload))
        del recent[:-REMEMBERED]
        return False

    def _same(self, row: Row, seen: _Seen) -> bool:
        """Whether two packets are one datagram, with the same octets."""
        buffer, size = self._batch.buffer, row.captured
        return datagram_number(buffer, row.network) == datagram_number(buffer, seen.network) and (
            buffer[row.payload : row.payload + size] == buffer[seen.payload : seen.payload + size]
        )


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
