"""What segments were wrapped in, looked up when a connection asks for it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from smtpsniff.net.endpoint import addresses
from smtpsniff.records import Layer

if TYPE_CHECKING:
    from smtpsniff.capture.batch import Buffer, PacketBatch
    from smtpsniff.net.batch import SegmentBatch
    from smtpsniff.net.place import Columns

__all__ = ["IP", "Outside", "encapsulation"]

IP = "ip"  # the name of the layer that others are carried in
OVER_IP = frozenset({"gre", "vxlan", "geneve", "gtp", "teredo", "l2tp", "etherip"})
"""Layers whose ends are the addresses of the IP header in front of them."""


class _Number(NamedTuple):
    """Where in its header a layer's number stands."""

    field: str
    offset: int
    size: int
    shift: int = 0
    mask: int = 0xFFFFFFFF


# The header begins where its step does (net/steps.py); a VLAN's with its control information.
NUMBERS = {
    "vlan": _Number("id", 0, 2, 0, 0xFFF),
    "pbb": _Number("id", 0, 4, 0, 0xFFFFFF),
    "nsh": _Number("id", 4, 3),
    "mpls": _Number("label", 0, 4, 12),
    "pppoe": _Number("session", 2, 2),
    "erspan": _Number("session", 2, 2, 0, 0x3FF),
    "vxlan": _Number("vni", 4, 3),
    "geneve": _Number("vni", 4, 3),
    "gtp": _Number("teid", 4, 4),
}
GRE_KEY = 0x20  # of the flags' first byte; the checksum is in front of it
GRE_CHECKSUM = 0x80
GRE_VERSION = 7  # of the second byte
L2TP_LENGTH = 0x40


@dataclass(slots=True)
class Outside:
    """Every header that was taken off the packets of a window.

    `steps` has a name, the rows of packets, and where their headers stand. `added` are packets
    behind the window's own bytes: where each begins, and the row of the one it came from.
    """

    offset: Columns
    steps: list[tuple[str, Columns, Columns]] = field(default_factory=list)
    size: int = 0  # of the window's own bytes
    added_at: list[int] = field(default_factory=list)
    added_row: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, batch: PacketBatch) -> Outside:
        return cls(offset=batch.offset, size=len(batch.buffer))

    def row(self, network: int) -> int:
        """The packet in which, or in whose rest, the header at this offset came."""
        if network < self.size:
            return int(np.searchsorted(self.offset, network, "right")) - 1
        return self.added_row[bisect_right(self.added_at, network) - 1]

    def layers(self, buffer: Buffer, network: int) -> list[Layer]:
        """The layers around the IP header at this offset, outermost first."""
        row = self.row(network)
        found: list[Layer] = []
        for name, rows, at in self.steps:
            index = int(np.searchsorted(rows, row))
            if index == len(rows) or rows[index] != row:
                continue
            layer = _layer(name, buffer, int(at[index]))
            if name in OVER_IP and found and found[-1].layer == IP:
                layer.source, layer.destination = found[-1].source, found[-1].destination
                found.pop()
            found.append(layer)
        return found


def encapsulation(batch: SegmentBatch, row: int) -> list[Layer] | None:
    """What one segment was wrapped in, outermost first; None for nothing."""
    if batch.outside is None:
        return None
    return batch.outside.layers(batch.buffer, int(batch.network[row])) or None


def _layer(name: str, buffer: Buffer, at: int) -> Layer:
    layer = Layer(name)
    if name == IP:
        layer.source, layer.destination = addresses(buffer[at : at + 40])
    elif name == "gre":
        flags = buffer[at]
        if buffer[at + 1] & GRE_VERSION == 1:
            layer.session = int.from_bytes(buffer[at + 6 : at + 8])  # a call (RFC 2637, 4.1)
        elif flags & GRE_KEY:
            start = at + (8 if flags & GRE_CHECKSUM else 4)
            layer.key = int.from_bytes(buffer[start : start + 4])
    elif name == "l2tp":
        start = at + (4 if buffer[at] & L2TP_LENGTH else 2)
        layer.id = int.from_bytes(buffer[start : start + 2])
        layer.session = int.from_bytes(buffer[start + 2 : start + 4])
    elif name in NUMBERS:
        field, offset, size, shift, mask = NUMBERS[name]
        value = int.from_bytes(buffer[at + offset : at + offset + size])
        setattr(layer, field, value >> shift & mask)
    return layer
