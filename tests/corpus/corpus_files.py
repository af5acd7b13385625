"""The files of the corpus, whole, cut, flipped and re-framed; all by hand, without a decoder."""

from __future__ import annotations

import gzip
import json
import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

ETHERNET = 1
_CLASSIC = {
    b"\xd4\xc3\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">",
    b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\x3c\x4d": ">",
}  # fmt: skip
HEADERS = 60  # octets of a frame that hold its headers
SYN, RST = 2, 4


class Record(NamedTuple):
    """One packet of a pcap file: its time, its length on the wire, its octets."""

    time: bytes
    length: int
    data: bytes


def files(corpus: Path, role: str | None = None) -> list[Path]:
    """Captures of a role (all of them without one), by name."""
    rows = json.loads((corpus / "manifest.json").read_text(encoding="utf-8"))
    names = sorted(row["file"] for row in rows if role is None or row["role"] == role)
    return [corpus / "captures" / name for name in names]


def records(path: Path) -> tuple[bytes, str, list[Record]] | None:
    """File header, byte order and packets of a classic pcap file of Ethernet; None for others."""
    data = path.read_bytes()
    data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    order = _CLASSIC.get(data[:4])
    if order is None or struct.unpack_from(order + "I", data, 20)[0] != ETHERNET:
        return None
    found = []
    at = 24
    while at + 16 <= len(data):
        captured, length = struct.unpack_from(order + "II", data, at + 8)
        found.append(Record(data[at : at + 8], length, data[at + 16 : at + 16 + captured]))
        at += 16 + captured
    return data[:24], order, found


def write(header: bytes, order: str, packets: list[Record]) -> bytes:
    """A pcap file of these packets."""
    out = [header]
    for packet in packets:
        out += (
            packet.time,
            struct.pack(order + "II", len(packet.data), packet.length),
            packet.data,
        )
    return b"".join(out)


def duplicated(packets: list[Record]) -> list[Record]:
    """Every packet twice, as a mirror port may record it."""
    return [packet for packet in packets for _ in (0, 1)]


def reordered(packets: list[Record]) -> list[Record]:
    """Neighbours swapped, two and two; times stay where they are, openings and resets, too."""
    out = list(packets)
    for i in range(0, len(out) - 1, 2):
        a, b = out[i], out[i + 1]
        if not (_flags(a) | _flags(b)) & (SYN | RST):
            out[i], out[i + 1] = b._replace(time=a.time), a._replace(time=b.time)
    return out


def _flags(packet: Record) -> int:
    """TCP flags of plain IPv4 or IPv6 in Ethernet; a reset, which stays put, for all else."""
    data = packet.data
    at = {b"\x08\x00": 14 + (data[14] & 15) * 4 if len(data) > 14 else 0, b"\x86\xdd": 54}.get(
        data[12:14], 0
    )
    return data[at + 13] if at and len(data) > at + 13 else RST


def flipped(path: Path, random: Random, times: int) -> bytes:
    """The file with random bits turned in packet headers, or anywhere where it is no plain pcap."""
    read = records(path)
    if read is None:
        data = bytearray(path.read_bytes())
        for _ in range(times if data else 0):
            data[random.randrange(len(data))] ^= 1 << random.randrange(8)
        return bytes(data)
    header, order, packets = read
    for _ in range(times if packets else 0):
        number = random.randrange(len(packets))
        octets = bytearray(packets[number].data)
        if octets:
            octets[random.randrange(min(len(octets), HEADERS))] ^= 1 << random.randrange(8)
        packets[number] = packets[number]._replace(data=bytes(octets))
    return write(header, order, packets)
