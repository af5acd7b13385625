"""Link layers as columns: where the network header starts, and what it is.

Link types: https://www.tcpdump.org/linktypes.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from smtpsniff.capture.batch import gather
from smtpsniff.net.headers import BYTE, IP_V4, IP_V6, SHORT, WORD

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from smtpsniff.capture.batch import Buffer, PacketBatch

    Columns = NDArray[np.int64]
    Types = NDArray[np.uint16]

UNKNOWN = 0xFFFF  # reserved as an EtherType: a link layer the columns do not know
CUT = 0xFFFE  # not one either: the link header is not all there

FAMILIES = {2: IP_V4, 10: IP_V6, 24: IP_V6, 28: IP_V6, 30: IP_V6}
"""AF_INET, and AF_INET6 of Linux, NetBSD, FreeBSD and Darwin."""


def _ether_type(buffer: Buffer, start: Columns) -> Types:
    return gather(buffer, start, SHORT).astype(np.uint16)


def _family(buffer: Buffer, start: Columns) -> Types:
    family = gather(buffer, start, WORD).astype(np.uint32)
    # The byte order is that of the host that captured; the values are below 256.
    family = np.where(family > 0xFFFF, family.byteswap(), family)
    return _translate(family, FAMILIES)


def _version(buffer: Buffer, start: Columns) -> Types:
    return _translate(gather(buffer, start, BYTE) >> 4, {4: IP_V4, 6: IP_V6})


def _translate(values: NDArray[Any], table: dict[int, int]) -> Types:
    types = np.zeros(values.shape, np.uint16)
    for value, kind in table.items():
        types[values == value] = kind
    return types


class Link(NamedTuple):
    """A link header: its size, and what reads the network protocol from which offset."""

    size: int
    read: Callable[[Buffer, Columns], Types]
    at: int


RAW = Link(0, _version, 0)
NULL = Link(4, _family, 0)
LINKS = {
    0: NULL,
    1: Link(14, _ether_type, 12),
    8: Link(16, _version, 16),  # SLIP, with BSD's header: direction and compression
    10: Link(21, _ether_type, 19),  # FDDI, with the SNAP header that IP has there (RFC 1390)
    12: RAW,  # DLT_RAW as some systems number it, and the next as OpenBSD does
    14: RAW,
    101: RAW,
    104: Link(4, _ether_type, 2),  # C_HDLC
    108: NULL,  # LOOP: the same in network byte order
    109: Link(12, _family, 0),  # ENC: what OpenBSD's IPsec took out of its wrapping
    113: Link(16, _ether_type, 14),  # LINUX_SLL
    122: Link(24, _ether_type, 22),  # IP over Fibre Channel, with SNAP (RFC 2625)
    138: Link(18, _ether_type, 16),  # IP over FireWire, as Apple captures it
    205: Link(5, _ether_type, 3),  # C_HDLC behind a byte for the direction
    228: RAW,  # IPV4 and IPV6: the version field says the same
    229: RAW,
    240: Link(18, _ether_type, 16),  # NETANALYZER: four bytes, then Ethernet
    241: Link(26, _ether_type, 24),  # the same with preamble
    274: Link(22, _ether_type, 20),  # ETHERNET_MPACKET: the preamble, then Ethernet
    276: Link(20, _ether_type, 0),  # LINUX_SLL2
}


def network_headers(batch: PacketBatch) -> tuple[Columns, Types]:
    """Offset of each packet's network header, and its EtherType (or length, up to 1500).

    UNKNOWN and CUT stand where there is no EtherType; an UNKNOWN header is the packet's first.
    """
    links = batch.link
    if len(links) and (links == links[0]).all():
        return _of_link(int(links[0]), batch.buffer, batch.offset, batch.offset + batch.captured)
    network = batch.offset.copy()
    kind = np.full(len(links), UNKNOWN, np.uint16)
    for link in np.unique(links).tolist():
        rows = np.flatnonzero(links == link)
        offset = batch.offset[rows]
        end = offset + batch.captured[rows]
        network[rows], kind[rows] = _of_link(link, batch.buffer, offset, end)
    return network, kind


def _of_link(link: int, buffer: Buffer, offset: Columns, end: Columns) -> tuple[Columns, Types]:
    """The same for packets of one link type; `end` is the first byte after each."""
    if link not in LINKS:
        return offset, np.full(len(offset), UNKNOWN, np.uint16)
    header = LINKS[link]
    kind = header.read(buffer, offset + header.at)
    network = offset + header.size
    kind[network >= end] = CUT
    return network, kind
