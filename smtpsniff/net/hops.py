"""What the IP headers of some segments tell: hops left, and the datagram's number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from smtpsniff.capture.batch import gather
from smtpsniff.net.headers import BYTE, IPV4, IPV6

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from smtpsniff.capture.batch import Buffer
    from smtpsniff.net.batch import SegmentBatch

TTL, HOPS = IPV4.fields["ttl"][1], IPV6.fields["hops"][1]  # type: ignore[index]
NUMBER = IPV4.fields["identification"][1]  # type: ignore[index]


def hops(batch: SegmentBatch, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Time to live (RFC 791) or hop limit (RFC 8200) of each row."""
    at = batch.network[rows]
    four = gather(batch.buffer, at, BYTE) >> 4 == 4
    return gather(batch.buffer, at + np.where(four, TTL, HOPS), BYTE).astype(np.int64)


def datagram_number(buffer: Buffer, network: int) -> int:
    """The identification of an IPv4 header at `network` (RFC 6864); 0 in IPv6, which has none."""
    head = buffer[network : network + NUMBER + 2]
    return int.from_bytes(head[NUMBER:]) if head[:1] and head[0] >> 4 == 4 else 0
