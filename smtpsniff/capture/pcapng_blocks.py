"""Blocks of pcapng as tables and layouts (draft-ietf-opsawg-pcapng, sections 3 and 4)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from smtpsniff.capture.interface import MICROSECONDS, Interface
from smtpsniff.capture.reader import MAX_BLOCK, ByteOrder

if TYPE_CHECKING:
    from collections.abc import Iterator

SECTION = 0x0A0D0D0A  # the same in both byte orders
INTERFACE = 1
PACKET = 2  # obsolete
SIMPLE = 3
NAMES = 4
STATISTICS = 5
ENHANCED = 6
SECRETS = 10
SECTION_MAGIC = SECTION.to_bytes(4, "big")

# Bytes of a block without its data and options; others have at least the frame.
FRAME = 12  # type, length, length again
SHORTEST = {SECTION: 28, INTERFACE: 20, PACKET: 32, SIMPLE: 16, ENHANCED: 32}
# Of blocks that tell of the packets; shorter ones say nothing, but break nothing either.
NOTES = {NAMES: 12, STATISTICS: 24, SECRETS: 20}

# Blocks that Wireshark gives a frame number though they hold no packet: system journal
# entries, events of Sysdig (three versions), custom blocks (to be copied or not).
RECORDS = (0x9, 0x204, 0x216, 0x221, 0xBAD, 0x40000BAD)

BYTE_ORDERS: dict[bytes, ByteOrder] = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}

MAX_INTERFACES = 1 << 16
"""Interfaces of a file: they are objects, and a file of nothing else must not fill memory."""

MAX_NAME = 256  # bytes of an interface's name that are kept
MAX_TEXT = 4096  # bytes of its other texts: a capture filter may list many hosts

# Options of any block, then those of a section, an interface and interface statistics.
OPTION_END, OPTION_COMMENT = 0, 1
OPTION_APPLICATION = 4
OPTION_NAME, OPTION_DESCRIPTION, OPTION_RESOLUTION, OPTION_FILTER = 2, 3, 9, 11
OPTION_OS, OPTION_OFFSET, OPTION_HARDWARE = 12, 14, 15
OPTION_RECEIVED, OPTION_DROPPED, OPTION_DROPPED_BY_SYSTEM = 4, 5, 7
MAX_OPTIONS = 16  # of a packet that are looked through for a comment

INTERFACE_TEXTS = {
    OPTION_NAME: "name", OPTION_DESCRIPTION: "description", OPTION_HARDWARE: "hardware",
    OPTION_OS: "os",
}  # fmt: skip
FILTER_IS_TEXT = "\0"  # the first octet of if_filter: a libpcap expression; others are programs


@dataclass(frozen=True, slots=True)
class Layouts:
    """The blocks' headers in the byte order of a section."""

    order: ByteOrder
    block: np.dtype[Any]
    word: np.dtype[Any]
    timed: np.dtype[Any]  # Enhanced Packet Block and the obsolete Packet Block
    simple: np.dtype[Any]
    option: np.dtype[Any]

    @classmethod
    def of(cls, order: ByteOrder) -> Self:
        """The layouts for the byte order "<" or ">"."""
        timed = {
            # The obsolete block has a 16-bit interface and a drop counter in one's place.
            "names": ["interface", "short_interface", "high", "low", "captured", "length"],
            "formats": ["u4", "u2", "u4", "u4", "u4", "u4"],
            "offsets": [8, 8, 12, 16, 20, 24],
            "itemsize": 28,
        }
        block = np.dtype([("kind", "u4"), ("size", "u4")])
        simple = np.dtype([("kind", "u4"), ("size", "u4"), ("length", "u4")])
        option = np.dtype([("code", "u2"), ("size", "u2")])
        types = (block, np.dtype("u4"), np.dtype(timed), simple, option)  # type: ignore[call-overload]
        return cls(order, *(kind.newbyteorder(order) for kind in types))


def parse_section(block: bytes) -> tuple[ByteOrder, int]:
    """Byte order and total length of a Section Header Block from its first 16 bytes.

    ValueError with a reason when it is none.
    """
    order = BYTE_ORDERS.get(block[8:12])
    if order is None:
        raise ValueError("a section header without its byte-order magic")
    size, major, minor = struct.unpack_from(order + "4xI4xHH", block)
    if size < SHORTEST[SECTION] or size % 4 or size > MAX_BLOCK:
        raise ValueError(f"a section header that claims {size} bytes")
    if major != 1:
        raise ValueError(f"pcapng version {major}.{minor}, which is not known")
    return order, size


def parse_interface(block: bytes, order: str) -> Interface:
    """An Interface Description Block, whole; options that make no sense are left out."""
    link, snaplen = struct.unpack_from(order + "8xH2xI", block)
    texts = dict.fromkeys(INTERFACE_TEXTS.values(), "")
    resolution, offset = MICROSECONDS, 0
    for code, value in options(block[16:-4], order):
        if code in INTERFACE_TEXTS:
            texts[INTERFACE_TEXTS[code]] = text_of(
                value, MAX_TEXT if code != OPTION_NAME else MAX_NAME
            )
        elif code == OPTION_FILTER and value[:1] == FILTER_IS_TEXT.encode():
            texts["filter"] = text_of(value[1:], MAX_TEXT)
        elif code == OPTION_RESOLUTION and len(value) == 1:
            resolution = value[0]
        elif code == OPTION_OFFSET and len(value) == 8:
            (offset,) = struct.unpack(order + "q", value)
    return Interface(link=link, snaplen=snaplen, resolution=resolution, offset=offset, **texts)


def text_of(value: bytes, most: int) -> str:
    """Text of an option, at most so many bytes of it."""
    return value[:most].rstrip(b"\0").decode("utf-8", "backslashreplace")


def options(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Code and value of each option (section 3.5), up to the first that does not fit."""
    position = 0
    while position + 4 <= len(data):
        code, size = struct.unpack_from(order + "HH", data, position)
        position += 4
        if code == OPTION_END or position + size > len(data):
            return
        yield code, data[position : position + size]
        position += size + -size % 4
