"""Packets of a moment ago, by which those are known that a mirror port delivered twice."""

from __future__ import annotations

from collections import deque
from hashlib import blake2b
from typing import TYPE_CHECKING

from msgspec import Struct

from smtpsniff.net import datagram_number

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from smtpsniff.net import SegmentBatch
    from smtpsniff.tcp.patience import Row

__all__ = ["MIRRORED", "Copies", "Recent"]

# The same datagram this soon (ns) after itself was delivered twice by a mirror port.
MIRRORED = 1_000_000
# Packets of a side among which the first of two copies is sought.
REMEMBERED = 32
# Packets that outlive their window: a millisecond of a full 10 Gbit/s line holds 800 of full size.
MOST_CARRIED = 4096


class _Seen(Struct, frozen=True, gc=False):
    """What two copies of one packet have in common; what costs more is looked up late."""

    shape: tuple[int, ...]
    time: int
    network: int  # of a packet of this window: where its headers and its octets are
    payload: int
    number: int = 0  # of one of an earlier window: its datagram's number and its octets' digest
    digest: bytes = b""


class Recent:
    """One side's packets of a moment ago, those of earlier windows first."""

    def __init__(self, batch: SegmentBatch, seen: list[_Seen]) -> None:
        self._buffer = batch.buffer
        self._seen = seen

    def holds(self, row: Row) -> bool:
        """Whether this very packet was captured a moment ago; from now on it was."""
        shape = (row.seq, row.ack, row.flags, row.window, row.length, row.captured)
        found = any(
            seen.shape == shape and row.time - seen.time < MIRRORED and self._same(row, seen)
            for seen in self._seen
        )
        self._seen.append(_Seen(shape, row.time, row.network, row.payload))
        del self._seen[:-REMEMBERED]
        return found

    def _same(self, row: Row, seen: _Seen) -> bool:
        """Whether two packets are one datagram, with the same octets."""
        buffer, size = self._buffer, row.captured
        number = datagram_number(buffer, row.network)
        octets = buffer[row.payload : row.payload + size]
        if seen.digest:
            return number == seen.number and _digest(octets) == seen.digest
        return number == datagram_number(buffer, seen.network) and (
            octets == buffer[seen.payload : seen.payload + size]
        )


class Copies:
    """The last packets of each window, by sender and receiver, for the next one."""

    def __init__(self) -> None:
        self._order: deque[tuple[int, int]] = deque()
        self._seen: dict[tuple[int, int], deque[_Seen]] = {}

    def recent(self, batch: SegmentBatch, source: int, destination: int) -> Recent:
        """Those of one side, to go on with in this window."""
        seen = self._seen.get((source, destination))
        return Recent(batch, list(seen)[-REMEMBERED:] if seen else [])

    def remember(self, batch: SegmentBatch, rows: NDArray[np.int64]) -> None:
        """The window is let go; `rows`, in order of capture, are those that mattered."""
        rows = rows[-MOST_CARRIED:]
        until = int(batch.time[rows[-1]]) - MIRRORED
        order, kept = self._order, self._seen
        while order and (len(order) + len(rows) > MOST_CARRIED or kept[order[0]][0].time <= until):
            ends = order.popleft()
            kept[ends].popleft()
            if not kept[ends]:
                del kept[ends]
        rows = rows[batch.time[rows] > until]
        columns = (
            batch.source, batch.destination, batch.time, batch.network, batch.payload, batch.seq,
            batch.ack, batch.flags, batch.window, batch.length, batch.captured,
        )  # fmt: skip
        for source, destination, time, network, payload, *shape in zip(
            *(column[rows].tolist() for column in columns), strict=True
        ):
            seen = _Seen(
                tuple(shape), time, -1, -1, datagram_number(batch.buffer, network),
                _digest(batch.buffer[payload : payload + shape[-1]]),
            )  # fmt: skip
            order.append((source, destination))
            kept.setdefault((source, destination), deque()).append(seen)


def _digest(octets: bytes) -> bytes:
    return blake2b(octets, digest_size=16).digest()
