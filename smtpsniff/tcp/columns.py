"""A window of segments, grouped: one run for each connection and direction.

Everything that can be said of all runs at once is said here, in columns; `Runs` hands it on
as plain lists, because the loop over connections is Python's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from smtpsniff.tcp.connection import ACK, CONTROL, FIN, RST, SYN, Mark
from smtpsniff.tcp.standouts import Lists, agreed, marked, pauses
from smtpsniff.tcp.stream import HALF, MODULUS

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
    first_ack: list[int]  # as it stands in the header
    first_window: list[int]
    fin: list[Mark | None]  # the first FIN and the first RST
    rst: list[Mark | None]
    mss: list[int]  # of a SYN; -1
    scale: list[int]
    sack: list[bool]
    zero_windows: list[int]
    window: list[int]  # of the last packet, as it stands in the header
    shifted: list[bool]  # that packet is no SYN: the scale applies to it
    least: list[int]  # the smallest window told; in octets if both SYNs are here, else unscaled
    volume: list[int]  # octets of payload
    lone: dict[int, list[Mark]]  # acknowledgements that their sender let stand alone for a while
    bare: list[bool]  # the last packet is a bare acknowledgement
    bare_first: list[bool]  # the first one is
    hops: list[tuple[int, int] | None]  # least and most left to the packets that are no RST
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


def pair_key(key: tuple[int, int]) -> int:
    """What `pair_keys` gives for one pair of endpoint identities."""
    mask = 0xFFFF_FFFF_FFFF_FFFF
    mixed = (key[0] * int(_SPREAD[0]) + key[1] * int(_SPREAD[1])) & mask
    return ((mixed ^ mixed >> 29) * int(_SPREAD[0])) & mask


def _steady(
    batch: SegmentBatch,
    order: NDArray[np.int64],
    flags: NDArray[np.int64],
    new_run: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Rows whose acknowledgement moves on from the one before it in its run, or may stay.

    A bare one that repeats it asks for a segment again, or is a copy of it; one that goes back
    was overtaken. Nothing is expected behind a reset, and nothing but it and a SYN has none.
    """
    ack, window = batch.ack[order], batch.window[order]
    bare = (batch.length[order] == 0) & (flags & CONTROL == 0)
    step = (ack[1:] - ack[:-1]) & MODULUS
    odd = (step >= HALF) & (flags[:-1] & ACK != 0) & (flags[1:] & (ACK | RST) == ACK)
    odd |= (step == 0) & bare[1:] & (window[1:] <= window[:-1])
    odd |= flags[:-1] & RST != 0
    steady: NDArray[np.bool_] = flags & (ACK | SYN | RST) != 0
    steady[1:] &= ~odd | new_run[1:]
    return steady


def _clean(
    seq: NDArray[np.int64],
    after: NDArray[np.int64],
    starts: NDArray[np.int64],
    new_run: NDArray[np.bool_],
    exempt: NDArray[np.bool_],
    odd: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Whether every sequence number of a run is the one expected and no row of it is odd."""
    bad = odd.copy()
    bad[1:] |= (seq[1:] != after[:-1]) & ~new_run[1:] & ~exempt[1:]
    return ~np.logical_or.reduceat(bad, starts)


def group(batch: SegmentBatch, rows: NDArray[np.int64]) -> Runs:
    """Sort `rows` of the batch into runs and say what can be said of all of them at once."""
    order, low, high, upper = _order(batch, rows)
    new_run = np.empty(len(order), dtype=bool)
    new_run[0] = True
    new_run[1:] = (upper[1:] != upper[:-1]) | (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    starts = np.flatnonzero(new_run)
    run_of = np.cumsum(new_run) - 1
    flags = batch.flags[order].astype(np.int64)
    return Runs(
        rows=order,
        low=low[starts].tolist(),
        high=high[starts].tolist(),
        side=upper[starts].astype(np.int64).tolist(),
        **_numbers(batch, order, flags, starts, new_run),
        **_places(batch, order, starts),
        **marked(batch, order, flags, run_of, starts),
        **agreed(batch, order, flags, run_of, starts, _partners(low[starts], high[starts])),
        **pauses(batch, order, flags, run_of, starts),
        **_payloads(batch, order, flags, run_of, starts),
    )


def _partners(low: NDArray[np.uint64], high: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The other run of each run's connection, -1 where this window has none."""
    partner = np.full(len(low), -1, dtype=np.int64)
    first = np.flatnonzero((low[1:] == low[:-1]) & (high[1:] == high[:-1]))
    partner[first], partner[first + 1] = first + 1, first
    return partner


def _numbers(
    batch: SegmentBatch,
    order: NDArray[np.int64],
    flags: NDArray[np.int64],
    starts: NDArray[np.int64],
    new_run: NDArray[np.bool_],
) -> Lists:
    """Sequence and acknowledgement numbers of each run, and whether it is clean."""
    seq, ack, length = batch.seq[order], batch.ack[order], batch.length[order]
    last = np.append(starts[1:], len(order)) - 1
    is_rst = flags & RST != 0
    after = (seq + length + (flags & SYN != 0) + (flags & FIN != 0)) & MODULUS
    # A RST's number is the receiver's business: it is not held against what came before it.
    odd = (batch.captured[order] < length) | ~_steady(batch, order, flags, new_run)
    clean = _clean(seq, after, starts, new_run, is_rst, odd)
    acks = np.where((flags & ACK != 0) & ~is_rst, np.arange(len(order)), -1)
    last_ack = np.maximum.reduceat(acks, starts)
    return {
        "clean": clean.tolist(),
        "flags": np.bitwise_or.reduceat(flags, starts).tolist(),
        "first_flags": flags[starts].tolist(),
        "first_ack": ack[starts].tolist(),
        "seq": seq[starts].tolist(),
        "next": after[last].tolist(),
        "ack": np.where(last_ack >= 0, ack[last_ack], -1).tolist(),
        "volume": np.add.reduceat(length, starts).tolist(),
    }


def _places(batch: SegmentBatch, order: NDArray[np.int64], starts: NDArray[np.int64]) -> Lists:
    """Bounds of each run, and the frames and times of its first, second and last packet."""
    frame, time = batch.frame[order], batch.time[order]
    ends = np.append(starts[1:], len(order))
    last = ends - 1
    second = np.minimum(starts + 1, last)
    return {
        "first": starts.tolist(),
        "last": ends.tolist(),
        "first_frame": frame[starts].tolist(),
        "first_time": time[starts].tolist(),
        "last_frame": frame[last].tolist(),
        "last_time": time[last].tolist(),
        "second_frame": frame[second].tolist(),
        "second_time": time[second].tolist(),
    }


def _payloads(
    batch: SegmentBatch,
    order: NDArray[np.int64],
    flags: NDArray[np.int64],
    run_of: NDArray[np.int64],
    starts: NDArray[np.int64],
) -> Lists:
    """Every payload: where it lies, where in its run's stream, when and with what ACK."""
    carries = np.flatnonzero(batch.length[order] > 0)
    bounds = np.searchsorted(carries, np.append(starts, len(order)))
    rows, flags = order[carries], flags[carries]
    seq = (batch.seq[rows] + (flags & SYN != 0)) & MODULUS
    if len(carries):
        heads = np.minimum(bounds[:-1], len(carries) - 1)
        seq = (seq - seq[heads][run_of[carries]]) & MODULUS
    has_ack = (flags & ACK != 0) & (flags & RST == 0)
    begin = batch.payload[rows]
    return {
        "payload_first": bounds[:-1].tolist(),
        "payload_last": bounds[1:].tolist(),
        "starts": seq.tolist(),
        "frames": batch.frame[rows].tolist(),
        "times": batch.time[rows].tolist(),
        "acks": np.where(has_ack, batch.ack[rows], -1).tolist(),
        "begin": begin.tolist(),
        "end": (begin + batch.captured[rows]).tolist(),
    }
