"""IPv4 and IPv6 headers as columns (RFC 791, RFC 8200)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from smtpsniff.capture.batch import gather
from smtpsniff.net.headers import (
    BYTE,
    EXTENSIONS,
    ICMP_V6,
    IPV4,
    IPV6,
    MORE_OR_OFFSET,
    NO_NEXT,
    SHORT,
    TCP_PROTOCOL,
    TUNNEL_PORTS,
    TUNNEL_PROTOCOLS,
    UDP,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from smtpsniff.capture.batch import PacketBatch

    Columns = NDArray[np.int64]
    Mask = NDArray[np.bool_]


@dataclass(slots=True)
class Datagrams:
    """IP packets of one version as columns."""

    row: Columns  # of the packet in its batch
    header: NDArray[Any]  # as laid out in net/headers.py
    network: Columns  # offset of the IP header
    transport: Columns  # offset of what it carries
    end: Columns  # offset behind the last byte it carried on the wire, captured or not
    stop: Columns  # offset behind the last byte of it that was captured
    protocol: NDArray[np.uint8]
    sound: Mask  # the header is whole and makes sense
    hidden: Mask  # TCP may be inside, but not where the columns look for it

    def pick(self, mask: Mask) -> Datagrams:
        """Some of the rows; the same object when it is all of them."""
        if mask.all():
            return self
        rows = np.flatnonzero(mask)
        return Datagrams(*(getattr(self, name)[rows] for name in self.__slots__))


def ipv4(batch: PacketBatch, row: Columns, network: Columns) -> Datagrams:
    """IPv4 headers at the offsets `network` of the packets `row`."""
    header = gather(batch.buffer, network, IPV4)
    transport = network + (header["version_ihl"] & np.uint8(15)) * np.int64(4)
    sound = (header["version_ihl"] >> 4 == 4) & (transport >= network + IPV4.itemsize)
    end, stop = _ends(batch, row, network, header["length"], network + header["length"])
    protocol = header["protocol"]
    hidden = _member(protocol, TUNNEL_PROTOCOLS) | _tunnel_port(batch, protocol, transport)
    fragment = header["fragment"] & np.uint16(MORE_OR_OFFSET) != 0
    if fragment.any():
        hidden = np.where(fragment, hidden | (protocol == TCP_PROTOCOL), hidden)
        sound_protocol = np.where(fragment, np.uint8(NO_NEXT), protocol)
    else:
        sound_protocol = protocol
    sound &= (transport <= stop) & (transport <= end)
    return Datagrams(row, header, network, transport, end, stop, sound_protocol, sound, hidden)


def ipv6(batch: PacketBatch, row: Columns, network: Columns) -> Datagrams:
    """IPv6 headers at the offsets `network` of the packets `row`."""
    header = gather(batch.buffer, network, IPV6)
    transport = network + IPV6.itemsize
    end, stop = _ends(batch, row, network, header["length"], transport + header["length"])
    protocol = header["next"]
    sound = (header["version"] >> 4 == 6) & (transport <= stop)
    # Most extension headers on a LAN announce multicast groups: those need no second look.
    following = gather(batch.buffer, transport, BYTE)
    extended = _member(protocol, EXTENSIONS) & ~_member(following, (ICMP_V6, NO_NEXT, UDP))
    hidden = _member(protocol, TUNNEL_PROTOCOLS) | extended
    hidden |= _tunnel_port(batch, protocol, transport)
    return Datagrams(row, header, network, transport, end, stop, protocol, sound, hidden)


def _ends(
    batch: PacketBatch, row: Columns, network: Columns, length: NDArray[Any], end: Columns
) -> tuple[Columns, Columns]:
    """Where the datagrams end on the wire and in the capture, if their length says `end`.

    Segmentation offload hands packets to the capture before their length is known (0), and
    a length beyond the frame cannot be true either: then the frame is all there is.
    """
    start = batch.offset[row]
    wire = start + batch.length[row]
    end = np.where((length == 0) | (end > wire), wire, end)
    return end, np.minimum(end, start + batch.captured[row])


def _member(values: NDArray[Any], numbers: tuple[int, ...]) -> Mask:
    found: Mask = values == numbers[0]
    for number in numbers[1:]:
        found |= values == number
    return found


def _tunnel_port(batch: PacketBatch, protocol: NDArray[Any], transport: Columns) -> Mask:
    """UDP to a port where a tunnel listens."""
    found: Mask = protocol == UDP
    rows = np.flatnonzero(found)
    if rows.size:
        found[rows] = _member(gather(batch.buffer, transport[rows] + 2, SHORT), TUNNEL_PORTS)
    return found
