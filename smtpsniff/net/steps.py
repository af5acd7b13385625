"""From each kind of header to the one behind it: the table of all layers that are taken off."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from smtpsniff.net import frames, tunnels
from smtpsniff.net.frames import number
from smtpsniff.net.headers import BYTE, IP_V4, IP_V6, TAGS
from smtpsniff.net.link import LINKS, Link
from smtpsniff.net.place import (
    ETHERNET,
    FRAMED_PPP,
    LABELS,
    LINK,
    LLC,
    NOTHING,
    PORT,
    PPP,
    PROTOCOL,
    VERSION,
    WIFI,
    Places,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtpsniff.capture.batch import Buffer
    from smtpsniff.net.place import Columns

    Next = tuple[Columns, Columns]

__all__ = ["ALIASES", "STEPS", "Step"]


class Step(NamedTuple):
    """One kind of header: the bytes of it that are read at least, and what reads them."""

    size: int
    read: Callable[[Buffer, Places], Next]
    layer: str | None = None  # what a session's `encapsulation` calls it


def _fixed(link: Link, buffer: Buffer, part: Places) -> Next:
    """A link layer of the table in net/link.py, inside of another."""
    kind = link.read(buffer, part.at + link.at).astype(np.int64)
    return part.at + link.size, frames.ether_type(kind)


def _version(buffer: Buffer, part: Places) -> Next:
    version = number(buffer, part.at, BYTE) >> 4
    kind = np.where(version == 4, IP_V4, np.where(version == 6, IP_V6, NOTHING))
    return part.at, kind


STEPS: dict[int, Step] = {
    **{LINK + link: Step(header.size, partial(_fixed, header)) for link, header in LINKS.items()},
    ETHERNET: Step(14, frames.ethernet),
    VERSION: Step(1, _version),
    # Link layers
    LINK + 166: Step(4, frames.directed_ppp),
    LINK + 204: Step(3, frames.directed_ppp),
    LINK + 51: Step(6, frames.pppoe, "pppoe"),
    LINK + 105: Step(24, frames.wifi),
    LINK + 127: Step(8, frames.radiotap),
    LINK + 119: Step(8, frames.prism),
    LINK + 163: Step(8, frames.prism),
    LINK + 192: Step(8, frames.ppi),
    LINK + 258: Step(12, frames.pktap),
    LINK + 239: Step(8, frames.nflog),
    LINK + 117: Step(4, frames.packet_filter),
    LINK + 107: Step(4, frames.frame_relay),
    LINK + 219: Step(4, frames.label, "mpls"),
    # EtherTypes
    **dict.fromkeys(TAGS, Step(4, frames.tag, "vlan")),
    0x8926: Step(6, frames.vn_tag),
    0x8847: Step(4, frames.label, "mpls"),
    0x8848: Step(4, frames.label, "mpls"),
    LABELS: Step(18, frames.below_labels),
    0x8864: Step(7, frames.pppoe, "pppoe"),
    0x88E7: Step(4, frames.service_instance, "pbb"),
    0x894F: Step(8, frames.service_function, "nsh"),
    LLC: Step(8, frames.llc),
    WIFI: Step(14, frames.joined_frames),
    FRAMED_PPP: Step(3, frames.framed_ppp),
    # IP protocols
    PROTOCOL + 47: Step(4, tunnels.gre, "gre"),
    PROTOCOL + 97: Step(2, tunnels.ether_ip, "etherip"),
    # Inside GRE
    tunnels.ERSPAN_2: Step(8, tunnels.erspan_2, "erspan"),
    tunnels.ERSPAN_3: Step(12, tunnels.erspan_3, "erspan"),
    tunnels.WCCP: Step(4, tunnels.redirected),
    # UDP ports
    PORT + 4789: Step(8, tunnels.vxlan, "vxlan"),
    PORT + 8472: Step(8, tunnels.vxlan, "vxlan"),
    PORT + 4790: Step(8, tunnels.vxlan, "vxlan"),
    PORT + 6081: Step(8, tunnels.geneve, "geneve"),
    PORT + 2152: Step(8, tunnels.gtp, "gtp"),
    PORT + 3544: Step(4, tunnels.teredo, "teredo"),
    PORT + 1701: Step(6, tunnels.l2tp, "l2tp"),
    PORT + 4754: Step(4, tunnels.gre, "gre"),
}

# Other names for headers.
ALIASES: dict[int, int] = {
    LINK + 9: FRAMED_PPP,
    LINK + 50: FRAMED_PPP,
    LINK + 11: LLC,
    LINK + 100: LLC,
    tunnels.BRIDGED: ETHERNET,
    PROTOCOL + 4: VERSION,
    PROTOCOL + 41: VERSION,
    PROTOCOL + 137: 0x8847,
    tunnels.PPTP: FRAMED_PPP,
    PORT + 6635: 0x8847,
    **{PPP + protocol: kind for protocol, kind in frames.PPP_PROTOCOLS.items()},
}
