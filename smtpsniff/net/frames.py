"""Link layers and frames whose header has to be read to know how long it is, as columns.

Each reader takes the places of one kind of header and returns, a row each, where the next one
stands and what it is (net/place.py); NOTHING where there is none that could lead to TCP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from smtpsniff.capture.batch import gather
from smtpsniff.net.headers import BYTE, IP_V4, IP_V6, LONGEST_802_3, SHORT, TAGS, WORD
from smtpsniff.net.place import (
    ETHERNET,
    FRAMED_PPP,
    LABELS,
    LINK,
    LLC,
    NOTHING,
    PPP,
    VERSION,
    WIFI,
)

if TYPE_CHECKING:
    from smtpsniff.capture.batch import Buffer
    from smtpsniff.net.place import Columns, Places

    Next = tuple[Columns, Columns]

LITTLE_SHORT = np.dtype("<u2")
LITTLE_WORD = np.dtype("<u4")

MAX_ATTRIBUTES = 64
"""Attributes followed in front of an NFLOG packet: the kernel writes a dozen at most."""

MAX_BITMAPS = 8
"""Bitmaps followed in a radiotap header: one for each antenna, and four antennas are many."""

MPLS, PPPOE, PBB, NSH = 0x8847, 0x8864, 0x88E7, 0x894F


def number(buffer: Buffer, at: Columns, layout: np.dtype[Any]) -> Columns:
    """One number from each offset."""
    return gather(buffer, at, layout).astype(np.int64)


def same(part: Places, size: int, kind: int) -> Next:
    """A header of one size that always leads to the same."""
    return part.at + size, np.full(len(part), kind, np.int64)


def ether_type(kind: Columns) -> Columns:
    """What an EtherType or the length in its place says."""
    return np.where(kind <= LONGEST_802_3, LLC, kind)


# -- Ethernet and what it carries ------------------------------------------------------------


def ethernet(buffer: Buffer, part: Places) -> Next:
    """IEEE 802.3, 3.2: two addresses and an EtherType or a length."""
    return part.at + 14, ether_type(number(buffer, part.at + 12, SHORT))


def tag(buffer: Buffer, part: Places) -> Next:
    """A VLAN tag: its control information, and the EtherType of what follows (802.1Q, 9.3)."""
    return part.at + 4, ether_type(number(buffer, part.at + 2, SHORT))


def vn_tag(buffer: Buffer, part: Places) -> Next:
    """Cisco's VN-Tag."""
    return part.at + 6, ether_type(number(buffer, part.at + 4, SHORT))


def service_instance(_: Buffer, part: Places) -> Next:
    """The I-TAG of provider backbone bridges: a whole frame follows (802.1Q, 9.7)."""
    return same(part, 4, ETHERNET)


def llc(buffer: Buffer, part: Places) -> Next:
    """802.2 with SNAP, whose organisation says whose EtherTypes follow (RFC 1042, 802.1H)."""
    head = number(buffer, part.at, WORD)
    rest = number(buffer, part.at + 4, WORD)
    snap = (head >> 8 == 0xAAAA03) & np.isin(((head & 255) << 16) | rest >> 16, (0, 0x0000F8))
    return part.at + 8, np.where(snap, rest & 0xFFFF, NOTHING)


def service_function(buffer: Buffer, part: Places) -> Next:
    """A network service header (RFC 8300, 2.2): its length in words, and what follows."""
    head = number(buffer, part.at, WORD)
    kind = np.full(len(part), NOTHING, np.int64)
    for value, follows in {1: IP_V4, 2: IP_V6, 3: ETHERNET, 5: MPLS}.items():
        kind[head & 255 == value] = follows
    return part.at + (head >> 16 & 63) * 4, kind


# -- MPLS --------------------------------------------------------------------------------------


def label(buffer: Buffer, part: Places) -> Next:
    """One label of a stack (RFC 3032, 2.1)."""
    last = number(buffer, part.at, WORD) & 0x100 != 0
    return part.at + 4, np.where(last, LABELS, MPLS)


_SHAPES = (IP_V4, IP_V6, MPLS, PPPOE, *TAGS)  # EtherTypes that tell a frame from something else


def below_labels(buffer: Buffer, part: Places) -> Next:
    """What follows the last label: IP, or a frame with or without a control word (RFC 4448, 4.6).

    Nothing says which. IP is told by its version and a length that fits, a frame by an
    EtherType where it has to be, as an address may begin with any digit.
    """
    first = number(buffer, part.at, WORD)
    length = number(buffer, part.at + 4, SHORT) + 40
    room = part.end - part.at
    version = first >> 28
    bare, behind = (np.isin(number(buffer, part.at + at, SHORT), _SHAPES) for at in (12, 16))
    bare &= ~((version == 0) & behind)
    four = (first >> 24 & 0x4F >= 0x45) & (version == 4) & (first & 0xFFFF <= room)
    # An address that begins with 45 would be of a group; one with 6 may well be of a card.
    four &= (first >> 24 == 0x45) | ~bare
    six = (version == 6) & ((length == room) | ((length < room) & ~bare))
    control = (version == 0) & ~bare
    kind = np.where(four | six, VERSION, ETHERNET)
    return part.at + np.where(control, 4, 0), kind


# -- PPP ---------------------------------------------------------------------------------------

PPP_PROTOCOLS = {0x21: IP_V4, 0x57: IP_V6, 0x281: MPLS, 0x283: MPLS}


def framed_ppp(buffer: Buffer, part: Places) -> Next:
    """PPP's protocol field, which may be one byte (RFC 1661, 6.5), perhaps behind FF 03.

    Cisco's framing has the address 0F or 8F there, and an EtherType behind it.
    """
    head = number(buffer, part.at, SHORT)
    at = part.at + np.where(head == 0xFF03, 2, 0)
    field = number(buffer, at, SHORT)
    short = field >> 8 & 1 == 1
    cisco = np.isin(head, (0x0F00, 0x8F00))
    kind = PPP + np.where(short, field >> 8, field)
    kind[cisco] = ether_type(number(buffer, part.at + 2, SHORT))[cisco]
    return np.where(cisco, part.at + 4, at + np.where(short, 1, 2)), kind


def directed_ppp(buffer: Buffer, part: Places) -> Next:
    """A byte for the direction in front (LINKTYPE_PPP_WITH_DIR), or in place of the address."""
    replaced = number(buffer, part.at + 1, BYTE) == 3
    return part.at + np.where(replaced, 2, 1), np.full(len(part), FRAMED_PPP, np.int64)


def pppoe(buffer: Buffer, part: Places) -> Next:
    """A PPPoE session (RFC 2516, 4); what is behind the length it states is padding."""
    session = number(buffer, part.at, SHORT) == 0x1100
    part.end = np.minimum(part.end, part.at + 6 + number(buffer, part.at + 4, SHORT))
    part.stop = np.minimum(part.stop, part.end)
    return part.at + 6, np.where(session, FRAMED_PPP, NOTHING)


# -- radio -------------------------------------------------------------------------------------


def wifi(buffer: Buffer, part: Places) -> Next:
    """An 802.11 data frame in clear (IEEE 802.11, 9.2.3 and 9.3.2)."""
    control = number(buffer, part.at, SHORT)
    quality = control >> 8 & 0x80 != 0
    far = control & 3 == 3  # from one access point to another: a fourth address
    more = quality & (control & 0x80 != 0)  # HT control
    size = 24 + far * 6 + quality * np.int64(2)
    data = control >> 8 & 0x4F == 0x08  # of type data, with data
    clear = control & 0x40 == 0
    first = number(buffer, part.at + 22, BYTE) & 15 == 0  # no later fragment
    whole = first & (control & 0x04 == 0)
    joined = quality & (number(buffer, part.at + size - 2, BYTE) & 0x80 != 0)
    kind = np.where(joined, WIFI, LLC)
    return part.at + size + more * 4, np.where(data & clear & whole, kind, NOTHING)


def joined_frames(_: Buffer, part: Places) -> Next:
    """The first frame of an A-MSDU: addresses, a length, 802.2 (IEEE 802.11, 9.3.2.2)."""
    return same(part, 14, LLC)


def radiotap(buffer: Buffer, part: Places) -> Next:
    """A radiotap header: its length says where the frame begins, its flags whether padded.

    Frames whose header is padded to four bytes are not taken apart (few adapters do it).
    """
    size = number(buffer, part.at + 2, LITTLE_SHORT)
    present = number(buffer, part.at + 4, LITTLE_WORD)
    at = part.at + 8
    word = present
    for _ in range(MAX_BITMAPS):
        more = word >> 31 == 1
        if not more.any():
            break
        word = np.where(more, number(buffer, at, LITTLE_WORD), 0)
        at = at + more * np.int64(4)
    timed = present & 1 == 1
    at = np.where(timed, part.at + (at - part.at + 7) // 8 * 8 + 8, at)
    padded = (present & 2 != 0) & (number(buffer, at, BYTE) & 0x20 != 0)
    return part.at + size, np.where(padded, NOTHING, LINK + 105)


def prism(buffer: Buffer, part: Places) -> Next:
    """A Prism or AVS header: its length is the second word, in an order of the host's."""
    size = number(buffer, part.at + 4, WORD)
    swapped = number(buffer, part.at + 4, LITTLE_WORD)
    return part.at + np.where(size > 0xFFFF, swapped, size), np.full(len(part), LINK + 105)


def ppi(buffer: Buffer, part: Places) -> Next:
    """A per-packet information header: its length, and the link type of what follows."""
    return part.at + number(buffer, part.at + 2, LITTLE_SHORT), LINK + number(
        buffer, part.at + 4, LITTLE_WORD
    )


# -- hosts' own ----------------------------------------------------------------------------------


def pktap(buffer: Buffer, part: Places) -> Next:
    """Apple's packet tap: its length, and the link type of what follows."""
    return part.at + number(buffer, part.at, LITTLE_WORD), LINK + number(
        buffer, part.at + 8, LITTLE_WORD
    )


_PAYLOAD = 9  # NFULA_PAYLOAD


def nflog(buffer: Buffer, part: Places) -> Next:
    """Linux' netfilter log: attributes, one of which is an IP packet.

    Their lengths are in the order of the host that captured; types are below 256.
    """
    at = part.at + 4
    kind = np.full(len(part), NOTHING, np.int64)
    rows = np.arange(len(part))
    for _ in range(MAX_ATTRIBUTES):
        rows = rows[at[rows] + 4 <= part.stop[rows]]
        if not rows.size:
            break
        size = number(buffer, at[rows], LITTLE_SHORT)
        name = number(buffer, at[rows] + 2, LITTLE_SHORT)
        big = name > 255
        size = np.where(big, number(buffer, at[rows], SHORT), size)
        name = np.where(big, name >> 8, name)
        found = name == _PAYLOAD
        kind[rows[found]] = VERSION
        at[rows] += np.where(found, 4, (size + 3) // 4 * 4)
        rows = rows[~found & (size >= 4)]
    return at, kind


def packet_filter(buffer: Buffer, part: Places) -> Next:
    """OpenBSD's pflog: its length, to be rounded up to words."""
    size = (number(buffer, part.at, BYTE) + 3) // 4 * 4
    return part.at + size, np.full(len(part), VERSION, np.int64)


def frame_relay(buffer: Buffer, part: Places) -> Next:
    """Q.922 addresses of two bytes, then what RFC 2427 says, or Cisco's EtherType."""
    field = number(buffer, part.at + 2, SHORT)
    kind = np.full(len(part), NOTHING, np.int64)
    size = np.full(len(part), 4, np.int64)
    for value, follows in {0x03CC: IP_V4, 0x038E: IP_V6, IP_V4: IP_V4, IP_V6: IP_V6}.items():
        kind[field == value] = follows
    snap = (field == 0x0300) & (number(buffer, part.at + 4, WORD) == 0x80000000)
    kind[snap] = number(buffer, part.at + 8, SHORT)[snap]
    size[snap] = 10
    return part.at + size, kind
