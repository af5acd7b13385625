"""Packets put into every link layer and tunnel, and cut into fragments: by struct, no decoder.

A wrapping takes an IP packet, or the Ethernet frame it came in, and gives the bytes of the
packet that carries it; `missing` bytes of it were cut by the snap length, and count in every
length field that is written here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from smtpsniff.records import Layer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

IP4, IP6 = 0x0800, 0x86DD
TAGS = (0x8100, 0x88A8, 0x9100)
MACS = bytes.fromhex("020000000002020000000001")
OUTER = (bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2]))
OUTER6 = tuple(bytes.fromhex("20010db8") + bytes(11) + bytes([n]) for n in (1, 2))
ENDS = {"source": "192.0.2.1", "destination": "192.0.2.2"}
ENDS6 = {"source": "2001:db8::1", "destination": "2001:db8::2"}


@dataclass(frozen=True)
class Inner:
    """What is to be wrapped."""

    kind: int  # IP4 or IP6
    packet: bytes  # from the IP header on, perhaps with padding behind it
    frame: bytes  # the same behind an Ethernet header
    missing: int = 0  # bytes of its end that were not captured

    @classmethod
    def of_frame(cls, frame: bytes, missing: int = 0) -> Inner | None:
        """IP in Ethernet, tagged or not."""
        at = 12
        while frame[at : at + 2] and int.from_bytes(frame[at : at + 2]) in TAGS:
            at += 4
        kind = int.from_bytes(frame[at : at + 2])
        packet = frame[at + 2 :]
        return cls(kind, packet, frame, missing) if kind in (IP4, IP6) and packet else None

    @classmethod
    def of_packet(cls, packet: bytes, missing: int = 0) -> Inner:
        kind = IP4 if packet[0] >> 4 == 4 else IP6
        return cls(kind, packet, MACS + struct.pack("!H", kind) + packet, missing)


class Wrapping(NamedTuple):
    """A link type, what makes its packets, and what a record says of it."""

    link: int
    wrap: Callable[[Inner], bytes]
    layers: Sequence[Layer] = ()
    scapy: bool = True  # scapy takes it apart, too


def checksum(data: bytes) -> int:
    data += b"\0" * (len(data) % 2)
    return 0xFFFF - (sum(struct.unpack(f"!{len(data) // 2}H", data)) % 0xFFFF or 0xFFFF)


def ipv4(
    payload: bytes, protocol: int, missing: int, *, fragment: int = 0x4000, number: int = 7
) -> bytes:
    total = 20 + len(payload) + missing
    head = struct.pack("!BBHHHBB", 0x45, 0, total, number, fragment, 64, protocol)
    return (
        head
        + struct.pack("!H", checksum(head + b"\0\0" + b"".join(OUTER)))
        + b"".join(OUTER)
        + payload
    )


def ipv6(payload: bytes, protocol: int, missing: int) -> bytes:
    size = len(payload) + missing
    return struct.pack("!IHBB", 6 << 28, size, protocol, 64) + b"".join(OUTER6) + payload


def udp(port: int, payload: bytes, missing: int, *, source: int = 50_000) -> bytes:
    return struct.pack("!HHHH", source, port, 8 + len(payload) + missing, 0) + payload


def ether(kind: int, payload: bytes) -> bytes:
    return MACS + struct.pack("!H", kind) + payload


def tagged(frame: bytes, *tags: tuple[int, int]) -> bytes:
    words = b"".join(struct.pack("!HH", *tag) for tag in tags)
    return frame[:12] + words + frame[12:]


def over_ip(
    protocol: int, header: Callable[[Inner], bytes], *, six: bool = False
) -> Callable[[Inner], bytes]:
    """In Ethernet and IP, `header` and all behind it."""

    def wrap(inner: Inner) -> bytes:
        payload = header(inner)
        if six:
            return ether(IP6, ipv6(payload, protocol, inner.missing))
        return ether(IP4, ipv4(payload, protocol, inner.missing))

    return wrap


def over_udp(
    port: int, header: Callable[[Inner], bytes], *, six: bool = False, source: int = 50_000
) -> Callable[[Inner], bytes]:
    return over_ip(
        17, lambda inner: udp(port, header(inner), inner.missing, source=source), six=six
    )


def before(header: bytes) -> Callable[[Inner], bytes]:
    """A header that says nothing of the version, in front of the IP packet."""
    return lambda inner: header + inner.packet


def framed(header: bytes) -> Callable[[Inner], bytes]:
    """A header in front of the Ethernet frame."""
    return lambda inner: header + inner.frame


def typed(make: Callable[[int], bytes]) -> Callable[[Inner], bytes]:
    """A header that says which version follows."""
    return lambda inner: make(inner.kind) + inner.packet


def ppp(kind: int) -> int:
    return {IP4: 0x21, IP6: 0x57}[kind]


def pppoe(inner: Inner) -> bytes:
    payload = struct.pack("!H", ppp(inner.kind)) + inner.packet
    return struct.pack("!BBHH", 0x11, 0, 9, len(payload) + inner.missing) + payload


def gre(flags: int, fields: bytes) -> Callable[[int], bytes]:
    return lambda kind: struct.pack("!HH", flags, kind) + fields


def snap(kind: int) -> bytes:
    return b"\xaa\xaa\3\0\0\0" + struct.pack("!H", kind)


def wifi(control: int, flags: int, rest: bytes = b"") -> bytes:
    return struct.pack("<BBH", control, flags, 44) + MACS + bytes(6) + b"\x00\xc8" + rest


RADIOTAP = bytes.fromhex("00002900 2b4008a0 200800a0 20080000 c450eadc00000000 00") + bytes(16)


def ppi(inner: Inner) -> bytes:
    return struct.pack("<BBHI", 0, 0, 8, 105) + wifi(8, 1) + snap(inner.kind) + inner.packet


def attribute(order: str, kind: int, value: bytes) -> bytes:
    return struct.pack(order + "HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def nflog(order: str) -> Callable[[Inner], bytes]:
    def wrap(inner: Inner) -> bytes:
        family = {IP4: 2, IP6: 10}[inner.kind]
        head = (
            struct.pack("!BBH", family, 0, 5)
            + attribute(order, 1, bytes(4))
            + attribute(order, 10, b"in\0")
        )
        size = 4 + len(inner.packet) + inner.missing
        return head + struct.pack(order + "HH", min(size, 0xFFFF), 9) + inner.packet

    return wrap


def pktap(inner: Inner) -> bytes:
    return struct.pack("<III", 108, 1, 1) + bytes(96) + inner.frame


def prism(inner: Inner) -> bytes:
    return struct.pack("<II", 0x44, 144) + bytes(136) + wifi(8, 1) + snap(inner.kind) + inner.packet


def six_only(extension: Callable[[int, bytes], tuple[int, bytes]]) -> Callable[[Inner], bytes]:
    """An extension header in an IPv6 packet; IPv4 stays as it is."""

    def wrap(inner: Inner) -> bytes:
        packet, length = inner.packet, int.from_bytes(inner.packet[4:6])
        if inner.kind != IP6 or not length or len(packet) < 40:
            return inner.frame
        number, header = extension(packet[6], packet[8:40])
        length += len(header)
        return ether(
            IP6,
            packet[:4] + struct.pack("!HB", length, number) + packet[7:40] + header + packet[40:],
        )

    return wrap


def authenticated(inner: Inner) -> bytes:
    """An authentication header in either version (RFC 4302)."""
    packet = inner.packet
    if inner.kind == IP6:
        return six_only(lambda following, _: (51, bytes([following, 4]) + bytes(22)))(inner)
    size = (packet[0] & 15) * 4
    total = int.from_bytes(packet[2:4])
    if not total or len(packet) < size or int.from_bytes(packet[6:8]) & 0x3FFF:
        return inner.frame
    header = bytes([packet[9], 4]) + bytes(22)
    head = packet[:2] + struct.pack("!H", total + 24) + packet[4:9] + b"\x33" + packet[10:size]
    return ether(IP4, head + header + packet[size:])


def routing(following: int, addresses: bytes) -> tuple[int, bytes]:
    return 43, bytes([following, 2, 4, 0]) + bytes(4) + addresses[16:]


VXLAN = struct.pack("!II", 8 << 24, 42 << 8)
GPE = {IP4: 1, IP6: 2}
GENEVE_OPTIONS = struct.pack("!HBBI", 0x0102, 0x80, 1, 77)
LABELS = struct.pack("!II", 17 << 12 | 64, 18 << 12 | 0x100 | 64)
GTP_EXTENDED = (
    struct.pack("!HBB", 0, 0, 0x85) + bytes([1, 0x10, 9, 0x40]) + bytes([2, 0, 0, 1, 0, 0, 0, 0])
)


def gtp(extended: bool) -> Callable[[Inner], bytes]:
    def make(inner: Inner) -> bytes:
        optional = GTP_EXTENDED if extended else b""
        size = len(optional) + len(inner.packet) + inner.missing
        return (
            struct.pack("!BBHI", 0x34 if extended else 0x30, 255, size, 0xABCD)
            + optional
            + inner.packet
        )

    return make


def joined(inner: Inner) -> bytes:
    """An A-MSDU of one frame."""
    frame = snap(inner.kind) + inner.packet
    size = min(len(frame) + inner.missing, 0xFFFF)
    return wifi(0x88, 2, b"\x80\0") + MACS + struct.pack("!H", size) + frame


def l2tp(inner: Inner) -> bytes:
    return (
        struct.pack("!HHH", 2, 8, 9)
        + b"\xff\x03"
        + struct.pack("!H", ppp(inner.kind))
        + inner.packet
    )


def l2tp_whole(inner: Inner) -> bytes:
    """With length, sequence numbers and padding."""
    rest = struct.pack("!HHHHH", 8, 9, 1, 2, 2) + b"xx" + l2tp(inner)[6:]
    return struct.pack("!HH", 0x4A02, 4 + len(rest) + inner.missing) + rest


def teredo(header: bytes) -> Callable[[Inner], bytes]:
    """IPv6 only; IPv4 stays as it is."""

    def wrap(inner: Inner) -> bytes:
        if inner.kind != IP6:
            return inner.frame
        return over_udp(3544, before(header), source=3544)(inner)

    return wrap


def layer(name: str, **fields: int | str) -> Layer:
    return Layer(name, **fields)


TEREDO_HEADERS = struct.pack("!BBBB", 0, 1, 2, 3) + b"id" + b"key" + bytes(9) + bytes(8)

WRAPPINGS: dict[str, Wrapping] = {
    "ethernet": Wrapping(1, lambda i: i.frame),
    "vlan": Wrapping(1, lambda i: tagged(i.frame, (0x8100, 0x6005)), [layer("vlan", id=5)]),
    "qinq": Wrapping(1, lambda i: tagged(i.frame, (0x88A8, 7), (0x8100, 5)), [layer("vlan", id=7), layer("vlan", id=5)]),
    "pbb": Wrapping(1, lambda i: ether(0x88E7, struct.pack("!I", 99) + i.frame), [layer("pbb", id=99)], scapy=False),
    "vntag": Wrapping(1, lambda i: ether(0x8926, bytes(4) + struct.pack("!H", i.kind) + i.packet), scapy=False),
    "802.3": Wrapping(1, lambda i: ether(min(8 + len(i.packet) + i.missing, 1500), snap(i.kind) + i.packet)),
    "pppoe": Wrapping(1, lambda i: ether(0x8864, pppoe(i)), [layer("pppoe", session=9)]),
    "pppoe in a vlan": Wrapping(1, lambda i: tagged(ether(0x8864, pppoe(i)), (0x8100, 3)), [layer("vlan", id=3), layer("pppoe", session=9)]),
    "pppoe as link": Wrapping(51, pppoe, [layer("pppoe", session=9)], scapy=False),
    "mpls": Wrapping(1, lambda i: ether(0x8847, LABELS + i.packet), [layer("mpls", label=17), layer("mpls", label=18)]),
    "pseudowire": Wrapping(1, lambda i: ether(0x8847, LABELS[4:] + i.frame), [layer("mpls", label=18)], scapy=False),
    "pseudowire with control word": Wrapping(1, lambda i: ether(0x8847, LABELS[4:] + b"\0\0\0\1" + i.frame), [layer("mpls", label=18)], scapy=False),
    "mpls as link": Wrapping(219, before(LABELS[4:]), [layer("mpls", label=18)], scapy=False),
    "ppp": Wrapping(9, typed(lambda k: b"\xff\x03" + struct.pack("!H", ppp(k)))),
    "ppp, compressed": Wrapping(9, typed(lambda k: bytes([ppp(k)])), scapy=False),
    "ppp, serial": Wrapping(50, typed(lambda k: b"\xff\x03" + struct.pack("!H", ppp(k)))),
    "ppp, cisco": Wrapping(50, typed(lambda k: b"\x0f\0" + struct.pack("!H", k)), scapy=False),
    "ppp, with direction": Wrapping(204, typed(lambda k: b"\1\xff\x03" + struct.pack("!H", ppp(k))), scapy=False),
    "ppp, as pppd has it": Wrapping(166, typed(lambda k: b"\1\x03" + struct.pack("!H", ppp(k))), scapy=False),
    "frame relay": Wrapping(107, typed(lambda k: b"\x18\x41\x03" + (b"\xcc" if k == IP4 else b"\x8e")), scapy=False),
    "frame relay, cisco": Wrapping(107, typed(lambda k: b"\x18\x41" + struct.pack("!H", k)), scapy=False),
    "802.11": Wrapping(105, typed(lambda k: wifi(8, 1) + snap(k))),
    "802.11, qos": Wrapping(105, typed(lambda k: wifi(0x88, 2, b"\0\0") + snap(k))),
    "802.11, four addresses": Wrapping(105, typed(lambda k: wifi(0x88, 3, bytes(8)) + snap(k)), scapy=False),
    "802.11, joined": Wrapping(105, joined, scapy=False),
    "radiotap": Wrapping(127, typed(lambda k: RADIOTAP + wifi(0x88, 2, b"\0\0") + snap(k))),
    "ppi": Wrapping(192, ppi, scapy=False),
    "prism": Wrapping(119, prism),
    "avs": Wrapping(163, typed(lambda k: struct.pack("!II", 0x80211001, 64) + bytes(56) + wifi(8, 1) + snap(k)), scapy=False),
    "nflog": Wrapping(239, nflog("<"), scapy=False),
    "nflog, big endian": Wrapping(239, nflog(">"), scapy=False),
    "pflog": Wrapping(117, typed(lambda k: bytes([61, {IP4: 2, IP6: 24}[k]]) + bytes(62)), scapy=False),
    "atm": Wrapping(100, typed(snap), scapy=False),
    "frame relay, snap": Wrapping(107, typed(lambda k: b"\x18\x41\x03\0\x80\0\0\0" + struct.pack("!H", k)), scapy=False),
    "pktap": Wrapping(258, pktap, scapy=False),
    "cooked": Wrapping(113, typed(lambda k: struct.pack("!HHH8sH", 0, 1, 6, bytes(8), k))),
    "cooked, pppoe": Wrapping(113, lambda i: struct.pack("!HHH8sH", 0, 1, 6, bytes(8), 0x8864) + pppoe(i), [layer("pppoe", session=9)]),
    "cooked 2, mpls": Wrapping(276, before(struct.pack("!HHIHBB8s", 0x8847, 0, 1, 1, 0, 6, bytes(8)) + LABELS[4:]), [layer("mpls", label=18)], scapy=False),
    "ip in ip": Wrapping(1, lambda i: over_ip({IP4: 4, IP6: 41}[i.kind], before(b""))(i), [layer("ip", **ENDS)]),
    "ip in ipv6": Wrapping(1, lambda i: over_ip({IP4: 4, IP6: 41}[i.kind], before(b""), six=True)(i), [layer("ip", **ENDS6)]),
    "raw, ip in ip": Wrapping(101, lambda i: over_ip({IP4: 4, IP6: 41}[i.kind], before(b""))(i)[14:], [layer("ip", **ENDS)]),
    "gre": Wrapping(1, over_ip(47, typed(gre(0, b""))), [layer("gre", **ENDS)]),
    "gre, all fields": Wrapping(1, over_ip(47, typed(gre(0xB000, struct.pack("!HHII", 0, 0, 88, 1)))), [layer("gre", key=88, **ENDS)]),
    "gre, ethernet": Wrapping(1, over_ip(47, lambda i: gre(0, b"")(0x6558) + i.frame), [layer("gre", **ENDS)]),
    "nvgre": Wrapping(1, over_ip(47, lambda i: gre(0x2000, struct.pack("!I", 6 << 8))(0x6558) + i.frame), [layer("gre", key=6 << 8, **ENDS)]),
    "gre over ipv6": Wrapping(1, over_ip(47, typed(gre(0, b"")), six=True), [layer("gre", **ENDS6)]),
    "gre, mpls": Wrapping(1, over_ip(47, before(gre(0, b"")(0x8847) + LABELS)), [layer("gre", **ENDS), layer("mpls", label=17), layer("mpls", label=18)]),
    "gre in udp": Wrapping(1, over_udp(4754, typed(gre(0, b""))), [layer("gre", **ENDS)], scapy=False),
    "pptp": Wrapping(1, over_ip(47, lambda i: struct.pack("!HHHHI", 0x3001, 0x880B, len(i.packet), 3, 1) + b"\xff\x03" + struct.pack("!H", ppp(i.kind)) + i.packet), [layer("gre", session=3, **ENDS)], scapy=False),
    "erspan i": Wrapping(1, over_ip(47, lambda i: gre(0, b"")(0x88BE) + i.frame), [layer("gre", **ENDS)], scapy=False),
    "erspan ii": Wrapping(1, over_ip(47, lambda i: gre(0x1000, bytes(4))(0x88BE) + struct.pack("!HHI", 0x1003, 0x0c0b, 1) + i.frame), [layer("gre", **ENDS), layer("erspan", session=11)], scapy=False),
    "erspan iii": Wrapping(1, over_ip(47, lambda i: gre(0x1000, bytes(4))(0x22EB) + struct.pack("!HHIHH", 0x2003, 12, 1, 0, 0x8001) + bytes(8) + i.frame), [layer("gre", **ENDS), layer("erspan", session=12)], scapy=False),
    "wccp": Wrapping(1, lambda i: over_ip(47, before(gre(0, b"")(0x883E) + b"\0\0\0\0"))(i) if i.kind == IP4 else i.frame, [layer("gre", **ENDS)], scapy=False),
    "etherip": Wrapping(1, over_ip(97, framed(b"\x30\0")), [layer("etherip", **ENDS)], scapy=False),
    "mpls in ip": Wrapping(1, over_ip(137, before(LABELS)), [layer("ip", **ENDS), layer("mpls", label=17), layer("mpls", label=18)], scapy=False),
    "vxlan": Wrapping(1, over_udp(4789, framed(VXLAN)), [layer("vxlan", vni=42, **ENDS)]),
    "vxlan in a vlan": Wrapping(1, lambda i: tagged(over_udp(4789, framed(VXLAN))(i), (0x8100, 5)), [layer("vlan", id=5), layer("vxlan", vni=42, **ENDS)]),
    "vxlan over ipv6": Wrapping(1, over_udp(8472, framed(VXLAN), six=True), [layer("vxlan", vni=42, **ENDS6)]),
    "vxlan, vlan inside": Wrapping(1, over_udp(4789, lambda i: VXLAN + tagged(i.frame, (0x8100, 5))), [layer("vxlan", vni=42, **ENDS), layer("vlan", id=5)]),
    "vxlan-gpe": Wrapping(1, over_udp(4790, typed(lambda k: struct.pack("!II", 0x0C << 24 | GPE[k], 42 << 8))), [layer("vxlan", vni=42, **ENDS)], scapy=False),
    "vxlan-gpe, nsh": Wrapping(1, over_udp(4790, typed(lambda k: struct.pack("!II", 0x0C000004, 42 << 8) + struct.pack("!HBBI", 0x0FC6, 1, GPE[k], 3 << 8 | 255) + bytes(16))), [layer("vxlan", vni=42, **ENDS), layer("nsh", id=3)], scapy=False),
    "geneve": Wrapping(1, over_udp(6081, framed(struct.pack("!HHI", 0, 0x6558, 43 << 8))), [layer("geneve", vni=43, **ENDS)]),
    "geneve with options": Wrapping(1, over_udp(6081, typed(lambda k: struct.pack("!HHI", 0x0200, k, 43 << 8) + GENEVE_OPTIONS)), [layer("geneve", vni=43, **ENDS)]),
    "gtp": Wrapping(1, over_udp(2152, gtp(False)), [layer("gtp", teid=0xABCD, **ENDS)], scapy=False),
    "gtp, extended": Wrapping(1, over_udp(2152, gtp(True)), [layer("gtp", teid=0xABCD, **ENDS)], scapy=False),
    "teredo": Wrapping(1, teredo(b""), [layer("teredo", **ENDS)], scapy=False),
    "teredo, with both indications": Wrapping(1, teredo(TEREDO_HEADERS), [layer("teredo", **ENDS)], scapy=False),
    "l2tp": Wrapping(1, over_udp(1701, l2tp, source=1701), [layer("l2tp", id=8, session=9, **ENDS)], scapy=False),
    "l2tp, all fields": Wrapping(1, over_udp(1701, l2tp_whole, source=1701), [layer("l2tp", id=8, session=9, **ENDS)], scapy=False),
    "hop by hop": Wrapping(1, six_only(lambda following, _: (0, bytes([following, 0, 1, 4]) + bytes(4)))),
    "destination options": Wrapping(1, six_only(lambda following, _: (60, bytes([following, 1, 1, 12]) + bytes(12)))),
    "routing": Wrapping(1, six_only(routing)),
    "atomic fragment": Wrapping(1, six_only(lambda following, _: (44, bytes([following]) + bytes(7)))),
    "authentication header": Wrapping(1, authenticated, scapy=False),
    "vxlan, gre, ip, mpls": Wrapping(1, over_udp(4789, lambda i: VXLAN + over_ip(47, before(gre(0, b"")(0x8847) + LABELS[4:] + ipv4(b"", {IP4: 4, IP6: 41}[i.kind], len(i.packet) + i.missing)))(i)), [layer("vxlan", vni=42, **ENDS), layer("gre", **ENDS), layer("mpls", label=18), layer("ip", **ENDS)], scapy=False),
}  # fmt: skip


# -- fragments -----------------------------------------------------------------------------------


class Part(NamedTuple):
    """One packet of several that carry one; `missing` bytes at its end were not captured."""

    data: bytes
    missing: int


def fragments(packet: bytes, missing: int, size: int, number: int) -> list[Part]:
    """An IP packet in pieces of `size` payload bytes (a multiple of eight)."""
    four = packet[0] >> 4 == 4
    fixed = (packet[0] & 15) * 4 if four else 40
    total = int.from_bytes(packet[2:4]) if four else 40 + int.from_bytes(packet[4:6])
    payload, length = packet[fixed:total], total - fixed
    size = max(size, -(-length // 400) + 7 & ~7)  # more pieces than any network makes
    alone = len(packet) < fixed or total <= fixed or (four and int.from_bytes(packet[6:8]) & 0x3FFF)
    if alone or length > len(packet) + missing - fixed or length <= size:
        return [Part(packet, missing)]
    found = []
    for start in range(0, length, size):
        piece = payload[start : start + size]
        stated = min(size, length - start)
        more = start + size < length
        if four:
            head = packet[:2] + struct.pack(
                "!HHH", fixed + stated, number & 0xFFFF, more << 13 | start // 8
            )
            header = head + packet[8:10] + b"\0\0" + packet[12:fixed]
        else:
            header = packet[:4] + struct.pack("!HB", stated + 8, 44) + packet[7:40]
            header += struct.pack("!BBHI", packet[6], 0, start | more, number)
        found.append(Part(header + piece, stated - len(piece)))
    return found


def split(size: int, order: int = 1) -> Callable[[Inner, int], list[Part]]:
    """TCP in Ethernet and pieces, first to last or (-1) last to first."""

    def wrap(inner: Inner, number: int) -> list[Part]:
        parts = fragments(inner.packet, inner.missing, size, number)
        return [Part(ether(inner.kind, data), missing) for data, missing in parts[::order]]

    return wrap


def split_outside(wrapping: str, size: int) -> Callable[[Inner, int], list[Part]]:
    """The packet of a tunnel in pieces."""

    def wrap(inner: Inner, number: int) -> list[Part]:
        outer = WRAPPINGS[wrapping].wrap(inner)
        kind = int.from_bytes(outer[12:14])
        parts = fragments(outer[14:], inner.missing, size, number)
        return [Part(ether(kind, data), missing) for data, missing in parts]

    return wrap


def split_inside(wrapping: str, size: int) -> Callable[[Inner, int], list[Part]]:
    """The packet in pieces, each in a tunnel."""

    def wrap(inner: Inner, number: int) -> list[Part]:
        return [
            Part(WRAPPINGS[wrapping].wrap(Inner.of_packet(data, missing)), missing)
            for data, missing in fragments(inner.packet, inner.missing, size, number)
        ]

    return wrap


def split_twice(inner: Inner, number: int) -> list[Part]:
    """Pieces in a tunnel whose packets are in pieces themselves."""
    found = []
    for index, part in enumerate(split_inside("vxlan", 64)(inner, number)):
        outer = Inner.of_frame(part.data, part.missing)
        assert outer is not None
        found += split(48)(outer, number * 999 + index)
    return found


SPLITS: dict[str, Callable[[Inner, int], list[Part]]] = {
    "fragments": split(32),
    "large fragments": split(512),
    "fragments, last first": split(40, -1),
    "vxlan in fragments": split_outside("vxlan", 64),
    "gre in fragments": split_outside("gre", 48),
    "vxlan over ipv6 in fragments": split_outside("vxlan over ipv6", 64),
    "fragments in geneve": split_inside("geneve", 40),
    "fragments in fragments": split_twice,
}


def cut_short(inner: Inner, captured: int) -> Inner:
    """The same as a snap length that left so many bytes of the IP packet would have it."""
    lost = max(len(inner.packet) - captured, 0)
    kept = len(inner.frame) - lost
    return replace(
        inner,
        packet=inner.packet[:captured],
        frame=inner.frame[:kept],
        missing=inner.missing + lost,
    )
