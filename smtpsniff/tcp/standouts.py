"""What stands out in a window of segments, run by run: FIN, RST, SYN's offers, windows, pauses.

All in columns; `order`, `run_of` and `starts` are those of `columns.group`: rows in run order, the
run of each, the first of each run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from smtpsniff.net import hops, options
from smtpsniff.tcp.connection import ACK, CONTROL, FIN, RST, SYN, Mark
from smtpsniff.tcp.experts import LARGEST_SHIFT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from smtpsniff.net import SegmentBatch

__all__ = ["ALONE", "Lists", "agreed", "marked", "pauses"]

Lists = dict[str, Any]  # fields of `columns.Runs` by name

# A side that acknowledged and then said nothing for this long (ns) had the octets and took its
# time; delayed acknowledgements are over by then (RFC 9293 §3.8.6.3: half a second at most).
ALONE = 500_000_000
ANY_WINDOW = 1 << 62  # above every window
NOWHERE = 256  # above every number of hops


def _marks(
    batch: SegmentBatch, rows: NDArray[np.int64], run: NDArray[np.int64], runs: int
) -> list[Mark | None]:
    """The first of `rows` in each run as a Mark; `run` is the run of each row."""
    out: list[Mark | None] = [None] * runs
    ack = np.where(batch.flags[rows] & ACK, batch.ack[rows], -1)
    columns = (run, batch.frame[rows], batch.time[rows], batch.seq[rows], ack)
    # Backwards, so that the first of a run is the last to be written.
    found = zip(*(column.tolist()[::-1] for column in columns), strict=True)
    for index, frame, time, seq, ack in found:
        out[index] = Mark(frame, time, seq, ack)
    return out


def _resets(
    batch: SegmentBatch,
    order: NDArray[np.int64],
    flags: NDArray[np.int64],
    run_of: NDArray[np.int64],
    starts: NDArray[np.int64],
) -> Lists:
    """The first RST of each run with its hops left, and how many were left to the others there."""
    hits = np.flatnonzero(flags & RST)
    marks = _marks(batch, order[hits], run_of[hits], len(starts))
    left_to = hops(batch, order)
    if len(hits):
        left = dict(zip(run_of[hits][::-1].tolist(), left_to[hits][::-1].tolist(),
                        strict=True))  # fmt: skip
        for run, ttl in left.items():
            mark = marks[run]
            assert mark is not None
            marks[run] = Mark(mark.frame, mark.time, mark.seq, mark.ack, ttl)
    least, most = left_to.copy(), left_to
    least[hits], most[hits] = NOWHERE, -1
    least, most = np.minimum.reduceat(least, starts), np.maximum.reduceat(most, starts)
    pairs = zip(least.tolist(), most.tolist(), strict=True)
    return {"rst": marks, "hops": [pair if pair[1] >= 0 else None for pair in pairs]}


def agreed(
    batch: SegmentBatch,
    order: NDArray[np.int64],
    flags: NDArray[np.int64],
    run_of: NDArray[np.int64],
    starts: NDArray[np.int64],
    partner: NDArray[np.int64],
) -> Lists:
    """What the SYNs of each run offer (RFC 9293 §3.7.1, RFC 7323, RFC 2018), and its windows."""
    runs = len(starts)
    mss, scale = np.full(runs, -1, dtype=np.int64), np.full(runs, -1, dtype=np.int64)
    sack = np.zeros(runs, dtype=bool)
    syns = np.flatnonzero(flags & SYN)
    if len(syns):
        offer, run = options(batch, order[syns]), run_of[syns]
        mss[run], scale[run], sack[run] = offer.mss, offer.window_scale, offer.sack_permitted
    both = (scale >= 0) & (partner >= 0) & (scale[partner] >= 0)
    shift = np.where(both, np.minimum(scale, LARGEST_SHIFT), 0)[run_of]
    window = batch.window[order].astype(np.int64)
    shift[syns] = 0
    room = window << shift
    room[np.flatnonzero(flags & RST)] = ANY_WINDOW
    last = np.append(starts[1:], len(order)) - 1
    zero = (window == 0) & (flags & CONTROL == 0)
    return {
        "mss": mss.tolist(),
        "scale": scale.tolist(),
        "sack": sack.tolist(),
        "zero_windows": np.add.reduceat(zero.astype(np.int64), starts).tolist(),
        "window": window[last].tolist(),
        "first_window": window[starts].tolist(),
        "shifted": (flags[last] & SYN == 0).tolist(),
        "least": np.minimum.reduceat(room, starts).tolist(),
    }


def pauses(
    batch: SegmentBatch,
    order: NDArray[np.int64],
    flags: NDArray[np.int64],
    run_of: NDArray[np.int64],
    starts: NDArray[np.int64],
) -> Lists:
    """Acknowledgements without payload that their sender let stand alone for a while."""
    bare = (batch.length[order] == 0) & (flags & (CONTROL | ACK) == ACK)
    time = batch.time[order]
    alone = bare[:-1] & (time[1:] - time[:-1] >= ALONE) & (run_of[1:] == run_of[:-1])
    lone: dict[int, list[Mark]] = {}
    for at in np.flatnonzero(alone).tolist():
        row = order[at]
        mark = Mark(int(batch.frame[row]), int(time[at]), int(batch.seq[row]), int(batch.ack[row]))
        lone.setdefault(int(run_of[at]), []).append(mark)
    last = np.append(starts[1:], len(order)) - 1
    return {"lone": lone, "bare": bare[last].tolist(), "bare_first": bare[starts].tolist()}


def marked(
    batch: SegmentBatch,
    order: NDArray[np.int64],
    flags: NDArray[np.int64],
    run_of: NDArray[np.int64],
    starts: NDArray[np.int64],
) -> Lists:
    """The packets of each run that stand out: FIN and RST."""
    hits = np.flatnonzero(flags & FIN)
    return {
        "fin": _marks(batch, order[hits], run_of[hits], len(starts)),
        **_resets(batch, order, flags, run_of, starts),
    }
