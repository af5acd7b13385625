"""The quick way: a clean run extends its side's stream in a few slices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.net import checksums
from smtpsniff.tcp.connection import ACK, RST, SYN, Connection, Mark, Side
from smtpsniff.tcp.standouts import ALONE
from smtpsniff.tcp.stream import HALF, MODULUS
from smtpsniff.tcp.trouble import Trouble

if TYPE_CHECKING:
    from smtpsniff.net import SegmentBatch
    from smtpsniff.tcp.columns import Runs

__all__ = ["count_bad", "extend", "is_next", "read_syn"]


def is_next(connection: Connection, runs: Runs, run: int) -> bool:
    """Whether the run goes on exactly where its side stands."""
    side = connection.sides[runs.side[run]]
    if runs.zero_windows[run]:
        return False  # probes of a closed window are told from octets one by one
    if side.next < 0:
        return True
    if side.pending is not None and side.pending.segments:
        return False
    if runs.seq[run] != side.next or runs.flags[run] & SYN or side.fin is not None:
        return False
    if side.rst is not None or not side.window:
        return False
    step = (runs.first_ack[run] - side.ack) & MODULUS
    if step and side.ack >= 0:
        return step < HALF or runs.first_flags[run] & RST != 0
    return not runs.bare_first[run] or runs.first_window[run] > side.window


def read_syn(connection: Connection, index: int, syn: Mark, answers: bool) -> None:
    """Take down the SYN of side `index`, which `answers` another (SYN-ACK) or not."""
    side = connection.sides[index]
    side.syn = syn
    side.stream.first = (syn.seq + 1) & MODULUS
    if connection.initiator is None:
        connection.initiator = 1 - index if answers else index


def extend(connection: Connection, batch: SegmentBatch, runs: Runs, run: int) -> None:
    """Append a clean run to the side that sent it."""
    index = runs.side[run]
    side = connection.sides[index]
    flags = runs.flags[run]
    if side.next < 0:
        if flags & SYN:
            syn = Mark(runs.first_frame[run], runs.first_time[run], runs.seq[run])
            read_syn(connection, index, syn, bool(runs.first_flags[run] & ACK))
            side.syns = [syn]
            side.mss, side.scale = runs.mss[run], runs.scale[run]
            side.sack = runs.sack[run]
            if runs.last[run] - runs.first[run] > 1:
                side.handshake = Mark(runs.second_frame[run], runs.second_time[run])
        elif not flags & RST or runs.payload_last[run] > runs.payload_first[run]:
            side.stream.first = runs.seq[run]
    else:
        _goes_on(side, runs, run)
    side.packets += runs.last[run] - runs.first[run]
    if run in runs.lone:
        side.trouble = side.trouble or Trouble()
        for mark in runs.lone[run]:
            side.trouble.add_lone(mark)
    if runs.bare[run]:
        side.last = Mark(runs.last_frame[run], runs.last_time[run], runs.next[run], runs.ack[run])
    else:
        side.last = None
    side.window, side.shifted = runs.window[run], runs.shifted[run]
    if not flags & RST or runs.last[run] - runs.first[run] > 1:
        side.next = runs.next[run]
    if runs.ack[run] >= 0:
        side.acknowledge(runs.ack[run])
    if side.fin is None:
        side.fin = runs.fin[run]
    if runs.rst[run] is not None and side.rst is None:
        side.rst = runs.rst[run]
    if runs.last_frame[run] > connection.last_frame:
        connection.last_frame = runs.last_frame[run]
    if runs.last_time[run] > connection.end:
        connection.end = runs.last_time[run]
    if runs.payload_last[run] > runs.payload_first[run]:
        _append(side, batch, runs, run)


def _goes_on(side: Side, runs: Runs, run: int) -> None:
    """What the first packet of a run says of the last one of the side's earlier runs."""
    if side.syn is not None and side.handshake is None:
        side.handshake = Mark(runs.first_frame[run], runs.first_time[run])
    last = side.last
    if last is not None and runs.first_time[run] - last.time >= ALONE:
        side.trouble = side.trouble or Trouble()
        side.trouble.add_lone(last)


def count_bad(side: Side, batch: SegmentBatch, runs: Runs, run: int) -> None:
    """Count packets whose IP or TCP checksum is wrong; they are used like any other."""
    ip, tcp = checksums(batch, runs.rows[runs.first[run] : runs.last[run]])
    side.bad_checksums = max(side.bad_checksums, 0) + int((~(ip & tcp)).sum())


def _append(side: Side, batch: SegmentBatch, runs: Runs, run: int) -> None:
    """Join the run's payload slices to the stream."""
    stream = side.stream
    a, b = runs.payload_first[run], runs.payload_last[run]
    end = stream.end
    starts = runs.starts[a:b]
    if end:
        starts = [end + start for start in starts]
    buffer = batch.buffer
    joined = b"".join([buffer[x:y] for x, y in zip(runs.begin[a:b], runs.end[a:b], strict=True)])
    if stream.starts:
        stream.starts += starts
        stream.frames += runs.frames[a:b]
        stream.times += runs.times[a:b]
        stream.acks += runs.acks[a:b]
    else:
        stream.starts = starts
        stream.frames = runs.frames[a:b]
        stream.times = runs.times[a:b]
        stream.acks = runs.acks[a:b]
    stream.append(joined)
    if side.pending is not None:
        side.pending.passed += len(joined)
