"""Packets to segments: the columns for nearly all, the side door for the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from smtpsniff.capture.batch import PacketBatch, gather
from smtpsniff.net import link
from smtpsniff.net.batch import COLUMNS, SegmentBatch
from smtpsniff.net.endpoint import KEY
from smtpsniff.net.headers import (
    ICMP_V4,
    ICMP_V6,
    IP_V4,
    IP_V6,
    LONGEST_802_3,
    SHORT,
    SNAP,
    TCP_PROTOCOL,
    TUNNEL_TYPES,
)
from smtpsniff.net.icmp import unreachable
from smtpsniff.net.ip import Datagrams, ipv4, ipv6
from smtpsniff.net.tcp import segments

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from smtpsniff.capture.batch import Buffer

    Door = Callable[[int, bytes], list[bytes]]
    Columns = NDArray[np.int64]

RAW_IP = 101  # LINKTYPE_RAW: what comes back through the door


def decode(batch: PacketBatch, door: Door | None = None, key: bytes = KEY) -> SegmentBatch:
    """The TCP segments of a window.

    `door(link type, packet)` takes apart what the columns cannot and returns the IP packets
    with TCP inside; without it, such packets count as others. `key` seeds IPv6 endpoint ids.
    """
    network, kind = link.network_headers(batch)
    parts, hidden = [], [_hidden(batch, network, kind)]
    broken = int(np.count_nonzero(kind == link.CUT))
    for number, parse in ((IP_V4, ipv4), (IP_V6, ipv6)):
        rows = np.flatnonzero(kind == number)
        datagrams = parse(batch, rows, network[rows])
        parts.append(_decode_ip(batch, datagrams, key))
        hidden.append(datagrams.row[datagrams.hidden & datagrams.sound])
    result = _join(batch.buffer, parts)
    result.undecoded += broken
    result.others = len(batch) - len(result)
    special = np.sort(np.concatenate(hidden))
    if door is not None and special.size:
        return _through_door(batch, special.tolist(), result, door, key)
    return result


def _decode_ip(batch: PacketBatch, datagrams: Datagrams, key: bytes) -> SegmentBatch:
    """Segments and errors in IP packets of one version."""
    sound = datagrams.pick(datagrams.sound)
    result = segments(batch, sound.pick(sound.protocol == TCP_PROTOCOL), key)
    result.undecoded += len(datagrams.row) - len(sound.row)
    for protocol in (ICMP_V4, ICMP_V6):
        errors = sound.protocol == protocol
        if errors.any():
            result.unreachable += unreachable(batch, sound.pick(errors), protocol)
    return result


def _hidden(batch: PacketBatch, network: Columns, kind: NDArray[np.uint16]) -> Columns:
    """Rows whose network layer is none the columns know, but may have TCP inside."""
    hidden = kind == link.UNKNOWN
    for number in TUNNEL_TYPES:
        hidden |= kind == number
    lengths = np.flatnonzero(kind <= LONGEST_802_3)
    if lengths.size:
        hidden[lengths] = gather(batch.buffer, network[lengths], SHORT) == SNAP
    return np.flatnonzero(hidden)


def _through_door(
    batch: PacketBatch, rows: list[int], fast: SegmentBatch, door: Door, key: bytes
) -> SegmentBatch:
    """Add the segments found behind the door in the packets `rows`, in frame order."""
    found: list[bytes] = []
    origin: list[int] = []
    for row in rows:
        inner = door(int(batch.link[row]), batch.packet(row))
        found += inner
        origin += [row] * len(inner)
    if not found:
        return fast
    packets = _packets(batch, found, np.array(origin, np.int64))
    slow = decode(packets, None, key)
    shift = len(batch.buffer)
    slow.network += shift
    slow.transport += shift
    slow.payload += shift
    together = _join(b"".join((memoryview(batch.buffer), packets.buffer)), [fast, slow])
    together.others = len(batch) - len(np.unique(together.frame))
    return together


def _packets(batch: PacketBatch, found: list[bytes], origin: Columns) -> PacketBatch:
    """Packets from behind the door as a batch of their own."""
    captured = np.fromiter(map(len, found), np.int64, len(found))
    return PacketBatch(
        buffer=b"".join(found),
        offset=np.cumsum(captured) - captured,
        captured=captured,
        length=captured + (batch.length - batch.captured)[origin],  # the snap length cut the end
        time=batch.time[origin],
        frame=batch.frame[origin],
        link=np.full(len(found), RAW_IP, np.uint16),
        interface=batch.interface[origin],
        file=batch.file,
    )


def _join(buffer: Buffer, parts: list[SegmentBatch]) -> SegmentBatch:
    """Batches as one, in frame order; their offsets are into `buffer`."""
    filled = [part for part in parts if len(part)] or parts[:1]
    columns = {name: getattr(filled[0], name) for name in COLUMNS}
    if len(filled) > 1:
        frames = np.concatenate([part.frame for part in filled])
        order = np.argsort(frames, kind="stable")
        for name in COLUMNS:
            columns[name] = np.concatenate([getattr(part, name) for part in filled])[order]
    return SegmentBatch(
        buffer=buffer,
        **columns,
        unreachable=sorted(
            (error for part in parts for error in part.unreachable), key=lambda error: error.frame
        ),
        undecoded=sum(part.undecoded for part in parts),
    )
