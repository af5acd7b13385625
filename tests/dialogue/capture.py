"""From packets to the bytes of a capture file: Ethernet, IPv4 or IPv6, TCP, good checksums."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from struct import Struct, pack
from typing import TYPE_CHECKING

from .packet import BYSTANDER, ROUTER, SERVER, Flow, Packet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ICMP, TCP, UDP = 1, 6, 17
MACS = {"C": bytes.fromhex("020000000001"), "S": bytes.fromhex("020000000009")}
_TCP = Struct("!HHIIBBHHH")
_IPV4 = Struct("!BBHHHBBH")
_RECORD = Struct("<IIII")
_RECORD_SWAPPED = Struct(">IIII")


def frames(
    packets: Iterable[Packet], *, ipv6: bool = False, padded: bool = False
) -> Iterator[tuple[int, bytes]]:
    """Yield time (nanoseconds) and octets of each captured packet.

    `ipv6` puts the same dialogue on IPv6; `padded` fills short frames as Ethernet does.
    """
    for packet in packets:
        if packet.captured:
            frame = _frame(packet, ipv6)
            yield packet.time, frame.ljust(60, b"\0") if padded else frame


def pcap(
    packets: Iterable[Packet],
    *,
    nanosecond: bool = False,
    swapped: bool = False,
    ipv6: bool = False,
    padded: bool = False,
    snaplen: int = 262144,
) -> bytes:
    """Return a pcap file; `swapped` writes it as a big-endian machine would."""
    order = ">" if swapped else "<"
    record = _RECORD_SWAPPED if swapped else _RECORD
    magic = 0xA1B23C4D if nanosecond else 0xA1B2C3D4
    unit = 1 if nanosecond else 1000
    out = [pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, 1)]
    for time, frame in frames(packets, ipv6=ipv6, padded=padded):
        seconds, rest = divmod(time, 1_000_000_000)
        kept = frame[:snaplen]
        out += (record.pack(seconds, rest // unit, len(kept), len(frame)), kept)
    return b"".join(out)


def pcapng(packets: Iterable[Packet], *, ipv6: bool = False, padded: bool = False) -> bytes:
    """Return a pcapng file of one section and one interface with nanosecond times."""
    out = [
        _block(0x0A0D0D0A, pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)),
        _block(1, pack("<HHI", 1, 0, 0) + pack("<HHBxxxI", 9, 1, 9, 0)),
    ]
    for time, frame in frames(packets, ipv6=ipv6, padded=padded):
        head = pack("<IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(frame), len(frame))
        out.append(_block(6, head + frame))
    return b"".join(out)


def _block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    size = pack("<I", len(body) + 12)
    return pack("<I", kind) + size + body + size


def checksum(data: bytes) -> int:
    """Return the Internet checksum: one's complement addition is arithmetic modulo 65535."""
    if len(data) % 2:
        data += b"\0"
    value = int.from_bytes(data, "big")
    total = value % 0xFFFF
    return 0 if value and not total else 0xFFFF - total


@lru_cache(maxsize=4096)
def _ends(flow: Flow, direction: str, ipv6: bool) -> tuple[bytes, bytes, int, int]:
    """Return the Ethernet header, the two addresses, and the ports of a direction."""
    ends = (flow.server, flow.client) if direction == SERVER else (flow.client, flow.server)
    source, target = (_address(host, ipv6) for host, _ in ends)
    back = direction == SERVER
    ether = MACS["C" if back else "S"] + MACS["S" if back else "C"]
    ether += b"\x08\x00" if len(source) == 4 else b"\x86\xdd"
    return ether, source + target, ends[0][1], ends[1][1]


def _address(host: str, ipv6: bool) -> bytes:
    """Return the octets of an address; on request an IPv4 one as the end of an IPv6 one."""
    octets = ip_address(host).packed
    if ipv6 and len(octets) == 4:
        return bytes.fromhex("20010db8") + bytes(8) + octets
    return octets


def quote(packet: Packet) -> bytes:
    """Return the octets of a packet as a router sees it: from its IP header on."""
    return _frame(packet, ipv6=False)[14:]


def _router(packet: Packet) -> bytes:
    """Return an ICMP message (RFC 792) to whoever sent the packet that it quotes."""
    quoted = packet.payload
    kind, code = packet.flags >> 8, packet.flags & 0xFF
    body = pack("!BBHI", kind, code, 0, packet.seq) + quoted[:28]
    body = body[:2] + checksum(body).to_bytes(2, "big") + body[4:]
    addresses = ip_address("203.0.113.9").packed + quoted[12:16]
    ether = MACS["C"] + MACS["S"] + b"\x08\x00"
    return ether + _network(packet, addresses, ICMP, len(body)) + body


def _frame(packet: Packet, ipv6: bool) -> bytes:
    if packet.direction == ROUTER:
        return _router(packet)
    ether, addresses, source, target = _ends(packet.flow, packet.direction, ipv6)
    if packet.direction == BYSTANDER:
        protocol = UDP
        head = pack("!HHHH", source, target, 8 + len(packet.payload), 0)
    else:
        protocol = TCP
        size = (20 + len(packet.options)) << 2
        head = _TCP.pack(
            source, target, packet.seq, packet.ack, size, packet.flags, packet.window, 0, 0
        )
    body = head + packet.options + packet.payload
    total = checksum(addresses + pack("!II", protocol, len(body)) + body)
    at = 6 if protocol == UDP else 16
    total ^= 0x0101 * packet.damaged
    body = body[:at] + total.to_bytes(2, "big") + body[at + 2 :]
    return ether + _network(packet, addresses, protocol, len(body)) + body


def _network(packet: Packet, addresses: bytes, protocol: int, size: int) -> bytes:
    if len(addresses) == 32:
        return pack("!IHBB", 0x60000000, size, protocol, packet.ttl) + addresses
    head = _IPV4.pack(0x45, 0, 20 + size, packet.ident, 0x4000, packet.ttl, protocol, 0) + addresses
    return head[:10] + checksum(head).to_bytes(2, "big") + head[12:]
