"""TCP headers as columns (RFC 9293)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from smtpsniff.capture.batch import gather
from smtpsniff.net.batch import SegmentBatch
from smtpsniff.net.endpoint import ipv4_id, ipv6_id
from smtpsniff.net.headers import TCP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from smtpsniff.capture.batch import PacketBatch
    from smtpsniff.net.ip import Datagrams

FLAGS = np.uint16(0xFFF)  # of `offset_flags`: eight assigned (RFC 9293), four reserved
SHORTEST = TCP.itemsize


def segments(batch: PacketBatch, datagrams: Datagrams, key: bytes) -> SegmentBatch:
    """The segments in IP packets that carry TCP; the rest of them counts as undecoded.

    A header whose options were cut by the snap length still gives a segment, as all of
    what stands in its columns was captured.
    """
    part = datagrams
    header = gather(batch.buffer, part.transport, TCP)
    data = part.transport + (header["offset_flags"] >> 12) * np.int64(4)
    first = part.transport + SHORTEST
    sound = (data >= first) & (data <= part.end) & (first <= part.stop)
    undecoded = 0
    if not sound.all():
        part = part.pick(sound)
        undecoded = len(sound) - len(part.row)
        header, data = header[sound], data[sound]
    payload = np.minimum(data, part.stop)
    sport, dport = header["sport"].astype(np.uint16), header["dport"].astype(np.uint16)
    return SegmentBatch(
        buffer=batch.buffer,
        frame=batch.frame[part.row],
        time=batch.time[part.row],
        network=part.network,
        transport=part.transport,
        payload=payload,
        captured=part.stop - payload,
        length=part.end - data,
        source=_endpoint(part.header["source"], sport, key),
        destination=_endpoint(part.header["destination"], dport, key),
        sport=sport,
        dport=dport,
        seq=header["seq"].astype(np.int64),
        ack=header["ack"].astype(np.int64),
        flags=header["offset_flags"].astype(np.uint16) & FLAGS,
        window=header["window"].astype(np.int32),
        undecoded=undecoded,
    )


def _endpoint(address: NDArray[Any], port: NDArray[Any], key: bytes) -> NDArray[np.uint64]:
    """Endpoint ids of addresses of either version: one word, or four."""
    return ipv4_id(address, port) if address.ndim == 1 else ipv6_id(address, port, key)
