"""Internet checksums of IPv4 headers and TCP segments (RFC 1071, RFC 9293 3.1, RFC 8200 8.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from smtpsniff.net.headers import IPV4, IPV6, TCP_PROTOCOL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from smtpsniff.net.batch import SegmentBatch


def checksums(
    batch: SegmentBatch, rows: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether the IP header's and the TCP segment's checksums are right, for some segments.

    What cannot be known counts as right: IPv6 headers have none, a segment may be cut by the
    snap length, and one on its way to segmentation offload has no length yet. A sum left to
    the network card counts as wrong: from here it looks like any other wrong sum.
    About two microseconds a row: ask for the rows in doubt, not for all.
    """
    pairs = [_row(batch, row) for row in rows.tolist()]
    both = np.array(pairs, np.bool_).reshape(len(pairs), 2)
    return both[:, 0], both[:, 1]


def sound(batch: SegmentBatch, row: int) -> bool:
    """Whether one TCP segment's checksum is right, as `checksums` says it."""
    return _row(batch, row)[1]


def _row(batch: SegmentBatch, row: int) -> tuple[bool, bool]:
    network, transport = int(batch.network[row]), int(batch.transport[row])
    ip = batch.buffer[network:transport]
    end = int(batch.payload[row]) + int(batch.captured[row])
    segment = batch.buffer[transport:end]
    if ip[0] >> 4 == 4:
        header_right = _right(ip)
        stated, actual = int.from_bytes(ip[2:4]), end - network
        pseudo = ip[12 : IPV4.itemsize]
    else:
        header_right = True
        stated, actual = int.from_bytes(ip[4:6]), end - network - IPV6.itemsize
        pseudo = ip[8 : IPV6.itemsize]
    if stated != actual:
        return header_right, True
    pseudo += TCP_PROTOCOL.to_bytes(4) + len(segment).to_bytes(4)
    return header_right, _right(pseudo + segment)


def _right(data: bytes) -> bool:
    """Whether the ones' complement sum of 16-bit words, checksum included, is zero.

    The sum of a number's digits to base 2^16 is the number itself modulo 2^16 - 1.
    """
    return int.from_bytes(data + b"\0" * (len(data) % 2)) % 0xFFFF == 0
