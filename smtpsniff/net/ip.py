"""IPv4 and IPv6 headers as columns (RFC 791, RFC 8200, RFC 4302)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from smtpsniff.capture.batch import gather
from smtpsniff.net.headers import (
    AH,
    EXTENSION,
    EXTENSIONS,
    FRAGMENT,
    IPV4,
    IPV6,
    MORE_OR_OFFSET,
    MORE_OR_OFFSET_V6,
    NO_NEXT,
    TCP_PROTOCOL,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from smtpsniff.capture.batch import Buffer
    from smtpsniff.net.place import Places

    Columns = NDArray[np.int64]
    Mask = NDArray[np.bool_]

MAX_EXTENSIONS = 16
"""Extension headers followed in one packet: each may come once (RFC 8200, 4.1), a chain that
is longer was made to keep somebody busy, and holds nothing here."""


def _table(numbers: tuple[int, ...]) -> Mask:
    table = np.zeros(256, np.bool_)
    table[list(numbers)] = True
    return table


_EXTENSIONS_V4 = _table((AH,))
_EXTENSIONS_V6 = _table(EXTENSIONS)


@dataclass(slots=True)
class Datagrams:
    """IP packets of one version as columns."""

    row: Columns  # of the packet in its batch
    header: NDArray[Any]  # as laid out in net/headers.py
    network: Columns  # offset of the IP header
    transport: Columns  # offset of what it carries, or of the Fragment header of IPv6
    end: Columns  # offset behind the last byte it carried on the wire, captured or not
    stop: Columns  # offset behind the last byte of it that was captured
    protocol: NDArray[np.uint8]  # of what it carries; FRAGMENT where that is not whole
    sound: Mask  # the headers are whole and make sense

    def pick(self, mask: Mask) -> Datagrams:
        """Some of the rows; the same object when it is all of them."""
        if mask.all():
            return self
        rows = np.flatnonzero(mask)
        return Datagrams(*(getattr(self, name)[rows] for name in self.__slots__))


def ipv4(buffer: Buffer, part: Places) -> Datagrams:
    """The IPv4 headers at these places."""
    network = part.at
    header = gather(buffer, network, IPV4)
    transport = network + (header["version_ihl"] & np.uint8(15)) * np.int64(4)
    sound = (header["version_ihl"] >> 4 == 4) & (transport >= network + IPV4.itemsize)
    end, stop = _ends(part, header["length"], network + header["length"])
    sound &= (transport <= stop) & (transport <= end)
    protocol = header["protocol"]
    found = Datagrams(part.row, header, network, transport, end, stop, protocol, sound)
    if not (protocol == TCP_PROTOCOL).all():
        _skip_extensions(buffer, found, _EXTENSIONS_V4)
        # Of IPv6 alone; below, the number says that an IPv4 packet is a fragment.
        found.protocol = np.where(found.protocol == FRAGMENT, np.uint8(NO_NEXT), found.protocol)
    fragment = header["fragment"] & np.uint16(MORE_OR_OFFSET) != 0
    if fragment.any():
        found.protocol = np.where(fragment, np.uint8(FRAGMENT), found.protocol)
        found.transport = np.where(fragment, transport, found.transport)
        found.sound = np.where(fragment, sound, found.sound)
    return found


def ipv6(buffer: Buffer, part: Places) -> Datagrams:
    """The IPv6 headers at these places, and the extension headers behind them."""
    network = part.at
    header = gather(buffer, network, IPV6)
    transport = network + IPV6.itemsize
    end, stop = _ends(part, header["length"], transport + header["length"])
    protocol = header["next"]
    sound = (header["version"] >> 4 == 6) & (transport <= stop)
    found = Datagrams(part.row, header, network, transport, end, stop, protocol, sound)
    if not (protocol == TCP_PROTOCOL).all():
        _skip_extensions(buffer, found, _EXTENSIONS_V6)
    return found


def _ends(part: Places, length: NDArray[Any], end: Columns) -> tuple[Columns, Columns]:
    """Where the datagrams end on the wire and in the capture, if their length says `end`.

    Segmentation offload hands packets to the capture before their length is known (0), and
    a length beyond the frame cannot be true either: then the frame is all there is.
    """
    end = np.where((length == 0) | (end > part.end), part.end, end)
    return end, np.minimum(end, part.stop)


def _skip_extensions(buffer: Buffer, part: Datagrams, table: Mask) -> None:
    """Move `transport` and `protocol` behind the extension headers, in all rows together.

    A Fragment header of a whole datagram (RFC 6946) is skipped like the others; one of a part
    of it stays. A header that is cut makes its row unsound.
    """
    rows = np.flatnonzero(table[part.protocol] & part.sound)
    if not rows.size:
        return
    part.protocol, part.transport = part.protocol.copy(), part.transport.copy()
    for _ in range(MAX_EXTENSIONS):
        if not rows.size:
            return
        at, kind = part.transport[rows], part.protocol[rows]
        header = gather(buffer, at, EXTENSION)
        size = _sizes(kind, header["length"])
        cut = at + size > np.minimum(part.stop[rows], part.end[rows])
        part.sound[rows[cut]] = False
        parted = (kind == FRAGMENT) & (header["fragment"] & np.uint16(MORE_OR_OFFSET_V6) != 0)
        on = ~(cut | parted)
        rows = rows[on]
        part.transport[rows] = (at + size)[on]
        part.protocol[rows] = header["next"][on]
        rows = rows[table[part.protocol[rows]]]
    part.protocol[rows] = NO_NEXT


def _sizes(kind: NDArray[np.uint8], length: NDArray[np.uint8]) -> Columns:
    """Sizes of extension headers; each kind counts in units of its own."""
    size = (length.astype(np.int64) + 1) * 8
    size[kind == FRAGMENT] = EXTENSION.itemsize
    authentication = kind == AH
    size[authentication] = (length[authentication].astype(np.int64) + 2) * 4  # RFC 4302, 2.2
    return size
