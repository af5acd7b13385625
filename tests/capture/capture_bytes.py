"""Captures written by hand, from structs: what the readers are tested with."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from smtpsniff.capture import Capture, Damage

Row = tuple[int, int, int, int, int, int, bytes]

SECOND = 10**9


def pcap_header(
    order: str = "<", magic: int = 0xA1B2C3D4, link: int = 1, snaplen: int = 65535
) -> bytes:
    return struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, link)


def pcap_record(
    data: bytes, seconds: int = 0, fraction: int = 0, *, order: str = "<",
    length: int | None = None, extra: bytes = b"",
) -> bytes:  # fmt: skip
    wire = len(data) if length is None else length
    return struct.pack(order + "IIII", seconds, fraction, len(data), wire) + extra + data


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += b"\0" * (-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(order: str = "<", link: int = 1, snaplen: int = 0, options: bytes = b"") -> bytes:
    return block(1, struct.pack(order + "HHI", link, 0, snaplen) + options, order)


def enhanced(
    data: bytes, ticks: int = 0, *, order: str = "<", which: int = 0, length: int | None = None
) -> bytes:
    wire = len(data) if length is None else length
    head = struct.pack(order + "IIIII", which, ticks >> 32, ticks & 0xFFFFFFFF, len(data), wire)
    return block(6, head + data, order)


def obsolete(data: bytes, ticks: int, *, order: str = "<", which: int = 0) -> bytes:
    high, low = ticks >> 32, ticks & 0xFFFFFFFF
    head = struct.pack(order + "HHIIII", which, 7, high, low, len(data), len(data))
    return block(2, head + data, order)


def simple(data: bytes, length: int, order: str = "<") -> bytes:
    return block(3, struct.pack(order + "I", length) + data, order)


def rows(capture: Capture) -> list[Row]:
    """Frame, time, captured, length, link, interface and bytes of every packet."""
    found: list[Row] = []
    for batch in capture:
        columns: Sequence[list[int]] = [
            column.tolist()
            for column in (
                batch.frame, batch.time, batch.captured, batch.length, batch.link, batch.interface,
            )
        ]  # fmt: skip
        packets = [batch.packet(row) for row in range(len(batch))]
        found += [(*values, data) for *values, data in zip(*columns, packets, strict=True)]
    return found


def read(path: Path, content: bytes, window: int = 1 << 25) -> tuple[list[Row], Damage | None]:
    """Rows and damage of a capture with this content."""
    from smtpsniff.capture import open_capture

    path.write_bytes(content)
    with open_capture(path, window=window) as capture:
        return rows(capture), capture.damage
