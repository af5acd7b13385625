"""Rows of a connection that is not in order, one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from smtpsniff.net import hops, options
from smtpsniff.tcp.connection import ACK, FIN, RST, SYN, Connection, Mark, Side
from smtpsniff.tcp.copies import MIRRORED, Copies
from smtpsniff.tcp.counting import Counting
from smtpsniff.tcp.joining import read_syn
from smtpsniff.tcp.reassembly import (
    MAX_REPLACED,
    Pending,
    Segment,
    acknowledged,
    give_up,
    insert,
    let_go,
    reached,
)  # fmt: skip
from smtpsniff.tcp.soundness import Soundness
from smtpsniff.tcp.stream import HALF, MODULUS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from smtpsniff.net import SegmentBatch

__all__ = ["replay"]

# Without a SYN the lowest number among the first packets begins the stream; a number further
# below than any window is another connection's.
MAX_BACKWARD = 1 << 20


class Row(NamedTuple):
    """One row of the batch, as plain numbers."""

    row: int
    upper: bool  # sent by the side with the higher identity
    frame: int
    time: int
    seq: int
    ack: int
    flags: int
    window: int
    network: int
    payload: int
    captured: int
    length: int


def _rows(batch: SegmentBatch, rows: NDArray[np.int64], low: int) -> Iterator[Row]:
    columns = (
        batch.frame, batch.time, batch.seq, batch.ack, batch.flags, batch.window, batch.network,
        batch.payload, batch.captured, batch.length,
    )  # fmt: skip
    upper = (batch.source[rows] != low).tolist()
    lists = [column[rows].tolist() for column in columns]
    return map(Row._make, zip(rows.tolist(), upper, *lists, strict=True))


def replay(
    connection: Connection,
    batch: SegmentBatch,
    rows: NDArray[np.int64],
    low: int,
    high: int,
    copies: Copies,
) -> Iterator[tuple[Connection, Connection]]:
    """Feed `rows` (in capture order) to `connection`.

    Yields (old, fresh) whenever the four-tuple begins a new connection; feeding goes on
    with the fresh one.
    """
    _find_beginning(connection, batch, rows, low)

    soundness = Soundness(batch)
    recent = copies.recent(batch, low, high), copies.recent(batch, high, low)
    counting = Counting(connection, soundness, recent)
    for row in _rows(batch, rows, low):
        if row.flags & SYN and _begins_anew(connection, row.upper, row.seq, row.flags):
            fresh = Connection(
                connection.endpoints, first_frame=row.frame, start=row.time,
                file=connection.file, encapsulation=connection.encapsulation, reused=True,
            )  # fmt: skip
            connection.reused = True
            for side in connection.sides:
                let_go(side)
            yield connection, fresh
            connection = fresh
            counting = Counting(connection, soundness, recent)
        _take(connection, batch, row, soundness, counting)
    counting.leave()
    for side in connection.sides:
        let_go(side)
        if side.pending is not None and side.pending.replaced >= MAX_REPLACED:
            note = f"sound copies in place of damaged ones: {MAX_REPLACED}"
            connection.notes += [] if note in connection.notes else [note]
        if side.next >= 0:
            side.next = _expected(side)


def _take(
    connection: Connection,
    batch: SegmentBatch,
    row: Row,
    soundness: Soundness,
    counting: Counting,
) -> None:
    """One segment: its marks, its counts, its payload."""
    index, flags, seq = int(row.upper), row.flags, row.seq
    side, other = connection.sides[index], connection.sides[1 - index]
    give_up(side, other, row.time)
    give_up(other, side, row.time)
    mark = _mark(batch, row)
    counting.take(index, row, mark.ack)
    _account(connection, side, mark, flags)
    if flags & SYN:
        _offer(side, batch, row.row)
        if side.syn is None:
            read_syn(connection, index, mark, bool(flags & ACK))
        if not side.syns or row.time - side.syns[-1].time >= MIRRORED:
            side.syns.append(mark)
        seq = (seq + 1) & MODULUS
    elif side.syn is not None and side.handshake is None:
        side.handshake = mark
    if row.length:
        data = batch.buffer[row.payload : row.payload + row.captured]
        _data(side, other, mark, seq, data, row.length, soundness)
    else:
        _number(side, seq, flags)
    if flags & FIN and side.fin is None:
        side.fin = Mark(row.frame, row.time, (seq + row.length) & MODULUS, mark.ack)


def _mark(batch: SegmentBatch, row: Row) -> Mark:
    """Where and when the packet was seen; of a SYN its time stamps, of a RST its hops."""
    ack = row.ack if row.flags & ACK else -1
    if row.flags & SYN:
        offer = options(batch, np.array([row.row]))
        stamps = int(offer.tsval[0]), int(offer.tsecr[0])
        return Mark(row.frame, row.time, row.seq, ack, -1, *stamps)
    ttl = int(hops(batch, np.array([row.row]))[0]) if row.flags & RST else -1
    return Mark(row.frame, row.time, row.seq, ack, ttl)


def _offer(side: Side, batch: SegmentBatch, row: int) -> None:
    """What a SYN offers; the last one counts."""
    offer = options(batch, np.array([row]))
    side.mss, side.scale = int(offer.mss[0]), int(offer.window_scale[0])
    side.sack = bool(offer.sack_permitted[0])


def _find_beginning(
    connection: Connection, batch: SegmentBatch, rows: NDArray[np.int64], low: int
) -> None:
    """For sides that begin here without a SYN: the lowest sequence number is the first byte."""
    upper = batch.source[rows] != low
    for index, side in enumerate(connection.sides):
        if side.next >= 0:
            continue
        mine = rows[upper] if index else rows[~upper]
        flags = batch.flags[mine]
        if not len(mine) or (flags & SYN != 0).any():
            continue
        mine = mine[flags & RST == 0]
        if not len(mine):
            continue
        seq = batch.seq[mine].tolist()
        lengths = batch.length[mine].tolist()
        base = seq[0]
        # A keep-alive's number is one below the stream; it carries no byte that counts.
        behind = [
            back for s, n in zip(seq, lengths, strict=True)
            if n and 0 < (back := (base - s) & MODULUS) < MAX_BACKWARD
        ]  # fmt: skip
        side.stream.first = (base - max(behind, default=0)) & MODULUS
        side.next = side.stream.first


def _begins_anew(connection: Connection, index: int, seq: int, flags: int) -> bool:
    """Whether this SYN opens another connection on the same four-tuple (RFC 9293 §3.6.1)."""
    side, other = connection.sides[index], connection.sides[1 - index]
    if flags & ACK:
        return side.syn is not None and side.syn.seq != seq and connection.closed
    if side.syn is not None:
        return side.syn.seq != seq
    if side.packets == 0 and other.packets == 0:
        return False
    # A SYN after packets without one: late in a reordered capture, or a new beginning.
    return (side.next >= 0 and (side.stream.first - seq - 1) & MODULUS > MAX_BACKWARD) or (
        connection.closed and side.packets > 0
    )


def _account(connection: Connection, side: Side, mark: Mark, flags: int) -> None:
    """Marks that every packet contributes to."""
    side.packets += 1
    connection.last_frame = max(connection.last_frame, mark.frame)
    connection.end = max(connection.end, mark.time)
    if mark.ack >= 0 and not flags & RST:
        side.acknowledge(mark.ack)
    if flags & RST and side.rst is None:
        side.rst = mark


def _number(side: Side, seq: int, flags: int) -> None:
    """A packet without payload: it may tell where the stream begins."""
    if side.next < 0 and not flags & RST:
        side.next = seq
        if side.syn is None:
            side.stream.first = seq


def _expected(side: Side) -> int:
    """The sequence number that would go on."""
    passed = side.pending.passed if side.pending else reached(side)
    fin = 1 if side.fin is not None else 0
    return (side.stream.first + passed + fin) & MODULUS


def _data(
    side: Side,
    other: Side,
    mark: Mark,
    seq: int,
    data: bytes,
    length: int,
    soundness: Soundness,
) -> None:
    """Turn a row with payload into a `Segment` and put it in."""
    if side.next < 0:
        side.next = seq
        if side.syn is None:
            side.stream.first = seq
    pending = side.pending
    if pending is None:
        pending = side.pending = Pending()
        pending.passed = reached(side)
    pending.soundness = soundness
    pending.acknowledged = acknowledged(side, other)
    passed = pending.passed
    distance = (seq - side.stream.first - passed) & MODULUS
    if distance >= HALF:
        distance -= MODULUS + 1
    offset = passed + distance
    if offset == -1 and length > 1 and side.syn is not None and not side.stream.end:
        offset = 0  # drawn by a tool that gave the SYN no number of its own
    if offset < 0:
        return  # before the first byte: of an older connection, or forged
    insert(side, Segment(offset, mark.frame, mark.time, data, length, mark.ack))
