"""TCP segments as columns: what leaves this floor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from smtpsniff.capture.batch import Buffer
    from smtpsniff.net.outside import Outside

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << bit for bit in range(8))  # RFC 9293, 3.1


@dataclass(frozen=True, slots=True)
class Unreachable:
    """An ICMP or ICMPv6 error that quotes a TCP header (RFC 792, RFC 4443)."""

    frame: int
    time: int  # ns
    router: str  # who says so
    version: int  # 4: ICMP, 6: ICMPv6; decides what type and code mean
    type: int
    code: int
    source: str  # sender of the packet that did not arrive
    sport: int
    destination: str
    dport: int
    seq: int
    mtu: int  # of the next hop, where the error tells it, else 0


@dataclass(slots=True)
class SegmentBatch:
    """The TCP segments of a window in frame order; every column has one row a segment.

    Offsets are into `buffer`: the window itself, or a copy of it followed by the packets that
    came through the side door or were put together from fragments. `payload` to
    `payload + captured` is always inside of it.
    """

    buffer: Buffer
    frame: NDArray[np.int64]
    time: NDArray[np.int64]  # ns since 1970 UTC
    network: NDArray[np.int64]  # offset of the IP header
    transport: NDArray[np.int64]  # offset of the TCP header
    payload: NDArray[np.int64]  # offset of the first payload byte
    captured: NDArray[np.int64]  # payload bytes in the file
    length: NDArray[np.int64]  # payload bytes on the wire, by the IP length
    source: NDArray[np.uint64]  # endpoint ids, see net/endpoint.py
    destination: NDArray[np.uint64]
    sport: NDArray[np.uint16]
    dport: NDArray[np.uint16]
    seq: NDArray[np.int64]  # 32-bit values
    ack: NDArray[np.int64]
    flags: NDArray[np.uint16]  # FIN 1, SYN 2, RST 4, PSH 8, ACK 16 ...
    window: NDArray[np.int32]
    unreachable: list[Unreachable] = field(default_factory=list)
    others: int = 0  # packets that gave no segment, those that are undecoded among them
    undecoded: int = 0  # packets that look like IP, but are broken or cut before the ports
    outside: Outside | None = None  # the layers around segments, where any has one
    limits: set[str] = field(default_factory=set)  # bounds that were hit

    def __len__(self) -> int:
        return len(self.frame)


COLUMNS = tuple(SegmentBatch.__slots__[1:16])


@dataclass(slots=True)
class Options:
    """TCP options as columns (RFC 9293 3.2, RFC 7323, RFC 2018); -1 where absent."""

    mss: NDArray[np.int64]
    window_scale: NDArray[np.int64]  # shift count as sent; above 14 means 14 (RFC 7323, 2.3)
    sack_permitted: NDArray[np.bool_]
    tsval: NDArray[np.int64]
    tsecr: NDArray[np.int64]
