"""Windows of connections that are in order: which segments filled one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from smtpsniff.tcp.connection import ACK, CONTROL, SYN
from smtpsniff.tcp.experts import LARGEST_SHIFT, agreed_shift
from smtpsniff.tcp.stream import MODULUS

if TYPE_CHECKING:
    from smtpsniff.net import SegmentBatch
    from smtpsniff.tcp.columns import Runs
    from smtpsniff.tcp.connection import Connection, Side

__all__ = ["count_full", "may_fill"]


def may_fill(connection: Connection, runs: Runs, run: int, other: int) -> bool:
    """Whether what the run sends could reach the end of the other side's window. Cheap."""
    volume = runs.volume[run]
    if not volume:
        return False
    mine = connection.sides[runs.side[run]]
    theirs = connection.sides[1 - runs.side[run]]
    least = runs.least[other] if other >= 0 else theirs.window
    if mine.next >= 0 and theirs.ack >= 0:  # on its way since the last window of the capture
        volume += (mine.next - theirs.ack) & MODULUS
        least = min(least, theirs.window)
    return volume >= least


def count_full(
    connection: Connection, batch: SegmentBatch, runs: Runs, run: int, other: int
) -> None:
    """Count the segments that reach exactly the end of the window told last.

    Before either run was added to its side: what the other side told in an earlier window of
    the capture counts for what comes before its first packet in this one.
    """
    mine = connection.sides[runs.side[run]]
    theirs = connection.sides[1 - runs.side[run]]
    shift = _shift(theirs, mine, runs, other, run)
    if shift < 0:
        return
    rows = runs.rows[runs.first[run] : runs.last[run]]
    rows = rows[(batch.length[rows] > 0) & (batch.flags[rows] & CONTROL == 0)]
    ack, window, shifted = theirs.ack, max(theirs.window, 0), theirs.shifted
    edges = np.array([ack + (window << (shift if shifted else 0)) if ack >= 0 else -1])
    if other >= 0:
        told = runs.rows[runs.first[other] : runs.last[other]]
        flags = batch.flags[told]
        room = batch.window[told].astype(np.int64)
        room = np.where(flags & SYN, room, room << shift)
        edges = np.append(edges, np.where(flags & ACK, batch.ack[told] + room, -1))
        last = edges[np.searchsorted(told, rows)]
    else:
        last = np.repeat(edges, len(rows))
    full = (last >= 0) & ((last - batch.seq[rows] - batch.length[rows]) & MODULUS == 0)
    mine.window_full += int(np.count_nonzero(full))


def _shift(theirs: Side, mine: Side, runs: Runs, other: int, run: int) -> int:
    """`agreed_shift`, where the SYNs may be in these very runs."""
    if theirs.syn is not None or mine.syn is not None:
        return agreed_shift(theirs, mine)
    syns = [r for r in (other, run) if r >= 0 and runs.flags[r] & SYN]
    if not syns:
        return -1
    if any(runs.scale[r] < 0 for r in syns):
        return 0
    return min(runs.scale[other], LARGEST_SHIFT) if other in syns else -1
