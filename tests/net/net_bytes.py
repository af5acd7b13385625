"""Packets written by hand, from structs, and batches of them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from smtpsniff.capture import PacketBatch
from smtpsniff.net import SegmentBatch, endpoints

if TYPE_CHECKING:
    from collections.abc import Sequence

CLIENT, SERVER = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])
CLIENT6, SERVER6 = bytes([0xFD] + [0] * 14 + [1]), bytes([0xFD] + [0] * 14 + [2])
PORT = 40_000


def checksum(data: bytes) -> int:
    """The Internet checksum, straight from RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def tcp(
    payload: bytes = b"", seq: int = 1000, ack: int = 2000, flags: int = 0x18, *,
    options: bytes = b"", window: int = 512, pseudo: bytes = b"", offset: int | None = None,
) -> bytes:  # fmt: skip
    words = 5 + len(options) // 4 if offset is None else offset
    ports = struct.pack("!HHII", PORT, 25, seq, ack)
    parts = (ports, struct.pack("!HH", words << 12 | flags, window))
    tail = options + payload
    size = sum(map(len, parts)) + 4 + len(tail)
    pseudo += struct.pack("!II", 6, size)
    value = checksum(pseudo + b"".join(parts) + bytes(4) + tail)
    return b"".join(parts) + struct.pack("!HH", value, 0) + tail


def ipv4(
    payload: bytes, *, protocol: int = 6, length: int | None = None, fragment: int = 0x4000,
    options: bytes = b"", source: bytes = CLIENT, destination: bytes = SERVER,
) -> bytes:  # fmt: skip
    words = 5 + len(options) // 4
    total = words * 4 + len(payload) if length is None else length
    head = struct.pack("!BBHHHBB", 0x40 | words, 0, total, 1, fragment, 64, protocol)
    addresses = source + destination + options
    return head + struct.pack("!H", checksum(head + addresses)) + addresses + payload


def ipv6(
    payload: bytes, *, protocol: int = 6, length: int | None = None,
    source: bytes = CLIENT6, destination: bytes = SERVER6,
) -> bytes:  # fmt: skip
    size = len(payload) if length is None else length
    return struct.pack("!IHBB", 6 << 28, size, protocol, 64) + source + destination + payload


def ether(payload: bytes, kind: int = 0x0800, tags: Sequence[int] = ()) -> bytes:
    types = b"".join(struct.pack("!HH", tag, 5) for tag in tags)
    return bytes(12) + types + struct.pack("!H", kind) + payload


def batch(
    packets: Sequence[bytes], link: int | Sequence[int] = 1, *, wire: Sequence[int] | None = None
) -> PacketBatch:
    """A batch of packets with something foreign between them; frames count from 11."""
    gap = b"\xff" * 7
    captured = np.array([len(packet) for packet in packets], np.int64)
    count = len(packets)
    return PacketBatch(
        buffer=gap + b"".join(packet + gap for packet in packets),
        offset=np.cumsum(captured + len(gap)) - captured,
        captured=captured,
        length=captured.copy() if wire is None else np.array(wire, np.int64),
        time=np.arange(count, dtype=np.int64) * 1000,
        frame=np.arange(11, 11 + count, dtype=np.int64),
        link=np.broadcast_to(np.array(link, np.uint16), (count,)).copy(),
        interface=np.zeros(count, np.int32),
        file=0,
    )


def payload(segments: SegmentBatch, row: int) -> bytes:
    """The captured payload of a segment."""
    start = int(segments.payload[row])
    return bytes(segments.buffer[start : start + int(segments.captured[row])])


def facts(segments: SegmentBatch) -> list[tuple[object, ...]]:
    """What a segment says, without where it stands in the buffer."""
    return [
        (
            int(segments.frame[row]), int(segments.time[row]), *endpoints(segments, row),
            int(segments.seq[row]), int(segments.ack[row]), int(segments.flags[row]),
            int(segments.window[row]), int(segments.length[row]), payload(segments, row),
            int(segments.source[row]), int(segments.destination[row]),
        )
        for row in range(len(segments))
    ]  # fmt: skip
