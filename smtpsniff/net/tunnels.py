"""Tunnels over IP and UDP, as columns: readers of the same shape as in net/frames.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from smtpsniff.net.frames import ether_type, number, same
from smtpsniff.net.headers import BYTE, IP_V4, IP_V6, SHORT, WORD
from smtpsniff.net.place import ETHERNET, FRAMED_PPP, NOTHING, PORT, VERSION

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from smtpsniff.capture.batch import Buffer
    from smtpsniff.net.place import Columns, Places

    Next = tuple[Columns, Columns]

# UDP ports where a tunnel listens: VXLAN (IANA's, and Linux's from before), VXLAN-GPE, Geneve,
# GTP-U, Teredo, L2TP, GRE, MPLS.
PORTS = (4789, 8472, 4790, 6081, 2152, 3544, 1701, 4754, 6635)
_LISTENS = np.zeros(65536, np.bool_)
_LISTENS[list(PORTS)] = True

MAX_EXTENSIONS = 16
"""GTP extension headers followed in one packet: fewer kinds than that are defined."""

ERSPAN_2, ERSPAN_3, PPTP = 0x88BE, 0x22EB, 0x880B
WCCP = 0x883E
BRIDGED = 0x6558


def udp(buffer: Buffer, part: Places) -> Next:
    """UDP to a port where a tunnel listens, or from it."""
    source = number(buffer, part.at, SHORT)
    target = number(buffer, part.at + 2, SHORT)
    kind = np.where(_LISTENS[target], PORT + target, NOTHING)
    return part.at + 8, np.where(_LISTENS[source] & (kind == NOTHING), PORT + source, kind)


def gre(buffer: Buffer, part: Places) -> Next:
    """GRE (RFC 2784, RFC 2890) and PPTP's (RFC 2637, 4.1); its optional fields are skipped.

    What has a source route (RFC 1701) is left alone: nobody has sent one since.
    """
    flags = number(buffer, part.at, SHORT)
    kind = number(buffer, part.at + 2, SHORT)
    words = sum(np.where(flags & bit, 1, 0) for bit in (0x8000, 0x2000, 0x1000))
    enhanced = (flags & 7 == 1) & (kind == PPTP)
    words = words + np.where(enhanced & (flags & 0x80 != 0), 1, 0)
    at = part.at + 4 + words * 4
    # Without a sequence number there is no ERSPAN header: type I.
    kind = np.where((kind == ERSPAN_2) & (flags & 0x1000 == 0), ETHERNET, ether_type(kind))
    known = (flags & 0x4000 == 0) & ((flags & 7 == 0) | enhanced)
    return at, np.where(known, kind, NOTHING)


def redirected(buffer: Buffer, part: Places) -> Next:
    """WCCP: an IP packet, from version 2 on behind a redirect header of four bytes."""
    bare = number(buffer, part.at, BYTE) >> 4 == 4
    return part.at + np.where(bare, 0, 4), np.full(len(part), IP_V4, np.int64)


def erspan_2(_: Buffer, part: Places) -> Next:
    """A mirrored frame behind eight bytes (draft-foschiano-erspan, 4.2)."""
    return same(part, 8, ETHERNET)


def erspan_3(buffer: Buffer, part: Places) -> Next:
    """Behind twelve bytes, and eight more where the last bit says so; also IP (4.3)."""
    last = number(buffer, part.at + 10, SHORT)
    frame_type = last >> 10 & 31
    kind = np.where(frame_type == 2, VERSION, np.where(frame_type == 0, ETHERNET, NOTHING))
    return part.at + 12 + (last & 1) * 8, kind


def ether_ip(_: Buffer, part: Places) -> Next:
    """A frame behind a version of two bytes (RFC 3378)."""
    return same(part, 2, ETHERNET)


_GPE = {1: IP_V4, 2: IP_V6, 3: ETHERNET, 4: 0x894F, 5: 0x8847}  # draft-ietf-nvo3-vxlan-gpe, 3.2


def vxlan(buffer: Buffer, part: Places) -> Next:
    """VXLAN (RFC 7348, 5); with its P bit, a protocol number of the generic extension."""
    head = number(buffer, part.at, WORD)
    kind = np.full(len(part), ETHERNET, np.int64)
    generic = head >> 24 & 4 != 0
    kind[generic] = _translate(head[generic] & 255, _GPE)
    return part.at + 8, kind


def geneve(buffer: Buffer, part: Places) -> Next:
    """Geneve (RFC 8926, 3.4); its options are skipped."""
    head = number(buffer, part.at, WORD)
    kind = np.where(head >> 30 == 0, ether_type(head & 0xFFFF), NOTHING)
    return part.at + 8 + (head >> 24 & 63) * 4, kind


def gtp(buffer: Buffer, part: Places) -> Next:
    """A user's packet in GTP-U version 1 (3GPP TS 29.281, 5.1), behind extension headers."""
    head = number(buffer, part.at, SHORT)
    carries = (head >> 12 == 3) & (head & 255 == 255)  # version 1, not GTP'; a G-PDU
    optional = carries & (head >> 8 & 7 != 0)
    at = part.at + np.where(optional, 12, 8)
    rows = np.flatnonzero(optional & (head >> 8 & 4 != 0))
    for _ in range(MAX_EXTENSIONS):
        rows = rows[at[rows] <= part.stop[rows]]
        rows = rows[number(buffer, at[rows] - 1, BYTE) != 0]
        if not rows.size:
            break
        size = number(buffer, at[rows], BYTE) * 4
        carries[rows[size == 0]] = False
        at[rows] += size
        rows = rows[size > 0]
    carries[rows] = False
    return at, np.where(carries, VERSION, NOTHING)


def teredo(buffer: Buffer, part: Places) -> Next:
    """IPv6 behind an authentication and an origin indication, if any (RFC 4380, 5.1.1)."""
    head = number(buffer, part.at, WORD)
    authenticated = head >> 16 == 1
    at = part.at + np.where(authenticated, 13 + (head >> 8 & 255) + (head & 255), 0)
    # A cut one reads past its end here, and is found out by its place afterwards.
    origin = number(buffer, at, SHORT) == 0
    return at + np.where(origin, 8, 0), np.full(len(part), IP_V6, np.int64)


def l2tp(buffer: Buffer, part: Places) -> Next:
    """A data message of L2TP version 2 (RFC 2661, 3.1)."""
    flags = number(buffer, part.at, SHORT)
    carries = (flags & 0x8000 == 0) & (flags & 15 == 2)
    at = part.at + 6 + np.where(flags & 0x4000, 2, 0) + np.where(flags & 0x0800, 4, 0)
    padded = flags & 0x0200 != 0
    at = np.where(padded, at + 2 + number(buffer, at, SHORT), at)
    return at, np.where(carries, FRAMED_PPP, NOTHING)


def _translate(values: NDArray[Any], table: dict[int, int]) -> Columns:
    kinds = np.full(len(values), NOTHING, np.int64)
    for value, kind in table.items():
        kinds[values == value] = kind
    return kinds
