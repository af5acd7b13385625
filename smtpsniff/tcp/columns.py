"""A window of segments, grouped: one run for each connection and direction.

Everything that can be said of all runs at once is said here, in columns; `Runs` hands it on
as plain lists, because the loop over connections is Python's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from smtpsniff.net import options
from smtpsniff.tcp.connection import ACK, FIN, RST, SYN, Mark
from smtpsniff.tcp.stream import MODULUS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from smtpsniff.net import SegmentBatch

__all__ = ["Runs", "group", "pair_keys"]

# Odd 64-bit constants (splitmix64's and its relatives): they spread endpoint pairs over the
# sort key. Two pairs that still collide are told apart by their endpoints (`_split_collisions`).
_SPREAD = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))
_ONE = np.uint64(1)
_SHIFT = np.uint64(29)


@dataclass(slots=True)
class Runs:
    """Runs of a window, as lists; a run is one direction of one connection, in capture order.

    `low`, `high` are the endpoints' identities (equal in the two runs of a connection),
    `side` which of them sent it. `rows` are the batch's rows in run order; `first` and `last`
    bound each run in them, `payload_first` and `payload_last` in the payload lists.
    """

    rows: NDArray[np.int64]
    low: list[int]
    high: list[int]
    side: list[int]
    first: list[int]
    last: list[int]
    clean: list[bool]
    flags: list[int]
    seq: list[int]  # of the first packet
    next: list[int]  # expected after the last
    ack: list[int]  # of the last packet that has one; -1
    first_frame: list[int]
    first_time: list[int]
    last_frame: list[int]
    last_time: list[int]
    second_frame: list[int]  # of the packet after the first: the end of a handshake
    second_time: list[int]
    first_flags: list[int]
    fin: list[Mark | None]  # the first FIN and the first RST
    rst: list[Mark | None]
    mss: list[int]  # of a SYN; -1
    zero_windows: list[int]
    payload_first: list[int]
    payload_last: list[int]
    starts: list[int]  # of each payload, relative to its run's first payload byte
    frames: list[int]
    times: list[int]
    acks: list[int]
    begin: list[int]  # payload bounds in the batch's buffer
    end: list[int]


def pair_keys(batch: SegmentBatch, rows: NDArray[np.int64] | None = None) -> NDArray[np.uint64]:
    """One number for each row, the same for both directions of a connection."""
    a = batch.source if rows is None else batch.source[rows]
    b = batch.destination if rows is None else batch.destination[rows]
    return _mix(np.minimum(a, b), np.maximum(a, b))


def _mix(low: NDArray[np.uint64], high: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread endpoint pairs over 64 bits, modulo 2^64."""
    mixed: NDArray[np.uint64] = low * _SPREAD[0]
    mixed += high * _SPREAD[1]
    mixed ^= mixed >> _SHIFT
    mixed *= _SPREAD[0]
    return mixed


def _order(
    batch: SegmentBatch, rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.uint64], NDArray[np.bool_]]:
    """Rows sorted by connection, then direction, then time; endpoints and direction of each."""
    source, destination = batch.source[rows], batch.destination[rows]
    low: NDArray[np.uint64] = np.minimum(source, destination)
    high: NDArray[np.uint64] = np.maximum(source, destination)
    upper: NDArray[np.bool_] = source == high
    key = _mix(low, high)
    key &= ~_ONE
    key |= upper.astype(np.uint64)
    order = np.argsort(key, kind="stable")
    low, high, upper = low[order], high[order], upper[order]
    key = key[order]
    same_key = key[1:] == key[:-1]
    if not (same_key <= ((low[1:] == low[:-1]) & (high[1:] == high[:-1]))).all():
        exact = np.lexsort((upper, high, low))  # a collision: sort by the endpoints themselves
        low, high, upper = low[exact], high[exact], upper[exact]
        order = order[exact]
        # lexsort is stable, but started from hash order: restore capture order within runs.
        again = np.lexsort((order, upper, high, low))
        low, high, upper, order = low[again], high[again], upper[again], order[again]
    return rows[order], low, high, upper


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


def _segment_sizes(batch: SegmentBatch, rows: NDArray[np.int64], run: NDArray[np.int64],
                   runs: int) -> list[int]:  # fmt: skip
    """The MSS option (RFC 9293 §3.7.1) of each run's SYN, -1 where there is none."""
    out = np.full(runs, -1, dtype=np.int64)
    if len(rows):
        out[run] = options(batch, rows).mss
    return out.tolist()


def pair_key(key: tuple[int, int]) -> int:
    """What `pair_keys` gives for one pair of endpoint identities."""
    mask = 0xFFFF_FFFF_FFFF_FFFF
    mixed = (key[0] * int(_SPREAD[0]) + key[1] * int(_SPREAD[1])) & mask
    return ((mixed ^ mixed >> 29) * int(_SPREAD[0])) & mask


def _clean(
    seq: NDArray[np.int64],
    after: NDArray[np.int64],
    starts: NDArray[np.int64],
    new_run: NDArray[np.bool_],
    exempt: NDArray[np.bool_],
    cut: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Whether every sequence number of a run is the one expected and nothing was cut."""
    bad = cut.copy()
    bad[1:] |= (seq[1:] != after[:-1]) & ~new_run[1:] & ~exempt[1:]
    return ~np.logical_or.reduceat(bad, starts)


def group(batch: SegmentBatch, rows: NDArray[np.int64]) -> Runs:
    """Sort `rows` of the batch into runs and say what can be said of all of them at once."""
    order, low, high, upper = _order(batch, rows)
    count = len(order)
    new_run = np.empty(count, dtype=bool)
    new_run[0] = True
    new_run[1:] = (upper[1:] != upper[:-1]) | (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    starts = np.flatnonzero(new_run)
    ends = np.append(starts[1:], count)
    last = ends - 1
    seq, ack = batch.seq[order], batch.ack[order]
    length, captured = batch.length[order], batch.captured[order]
    flags = batch.flags[order].astype(np.int64)
    frame, time = batch.frame[order], batch.time[order]
    run_of = np.cumsum(new_run) - 1

    is_rst = flags & RST != 0
    has_ack = (flags & ACK != 0) & ~is_rst
    after = (seq + length + (flags & SYN != 0) + (flags & FIN != 0)) & MODULUS
    # A RST's number is the receiver's business; its successor is compared with what came before,
    # which a clean run does not have: so a RST must be the run's last packet but for other RSTs.
    clean = _clean(seq, after, starts, new_run, is_rst, captured < length)

    index = np.where(has_ack, np.arange(count), -1)
    last_ack = np.maximum.reduceat(index, starts)
    second = np.minimum(starts + 1, last)

    carries = np.flatnonzero(length > 0)
    payload_bounds = np.searchsorted(carries, np.append(starts, count))
    payload_run = run_of[carries]
    data_seq = (seq[carries] + (flags[carries] & SYN != 0)) & MODULUS
    heads = np.minimum(payload_bounds[:-1], max(len(carries) - 1, 0))
    relative = data_seq - data_seq[heads][payload_run] & MODULUS if len(carries) else data_seq
    begin = batch.payload[order][carries]
    acks = np.where(has_ack[carries], ack[carries], -1)

    def marks(flag: int) -> list[Mark | None]:
        hits = np.flatnonzero(flags & flag)
        return _marks(batch, order[hits], run_of[hits], len(starts))

    syns = np.flatnonzero(flags & SYN)

    return Runs(
        rows=order,
        low=low[starts].tolist(),
        high=high[starts].tolist(),
        side=upper[starts].astype(np.int64).tolist(),
        first=starts.tolist(),
        last=ends.tolist(),
        clean=clean.tolist(),
        flags=np.bitwise_or.reduceat(flags, starts).tolist(),
        seq=seq[starts].tolist(),
        next=after[last].tolist(),
        ack=np.where(last_ack >= 0, ack[last_ack], -1).tolist(),
        first_frame=frame[starts].tolist(),
        first_time=time[starts].tolist(),
        last_frame=frame[last].tolist(),
        last_time=time[last].tolist(),
        second_frame=frame[second].tolist(),
        second_time=time[second].tolist(),
        first_flags=flags[starts].tolist(),
        fin=marks(FIN),
        rst=marks(RST),
        mss=_segment_sizes(batch, order[syns], run_of[syns], len(starts)),
        zero_windows=np.add.reduceat(
            ((batch.window[order] == 0) & (flags & (RST | SYN | FIN) == 0)).astype(np.int64), starts
        ).tolist(),
        payload_first=payload_bounds[:-1].tolist(),
        payload_last=payload_bounds[1:].tolist(),
        starts=relative.tolist(),
        frames=frame[carries].tolist(),
        times=time[carries].tolist(),
        acks=acks.tolist(),
        begin=begin.tolist(),
        end=(begin + captured[carries]).tolist(),
    )
