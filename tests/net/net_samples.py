"""One small segment in every wrapping that is known: by the columns, or behind the side door."""

from __future__ import annotations

import struct

from net_bytes import ether, ipv4, ipv6, tcp

KEY = b"a key for tests"
HELO = tcp(b"HELO a\r\n", flags=0x18)
V4, V6 = ipv4(HELO), ipv6(HELO)
GRE = ipv4(b"\0\0\x08\0" + V4, protocol=47)


def no_door(link: int, packet: bytes) -> list[bytes]:
    raise AssertionError(f"link {link} went through the door: {packet.hex()}")


def sll(kind: int) -> bytes:
    return struct.pack("!HHH8sH", 0, 1, 6, bytes(8), kind)


def sll2(kind: int) -> bytes:
    return struct.pack("!HHIHBB8s", kind, 0, 1, 1, 0, 6, bytes(8))


# name -> link type, packet
LINKS = {
    "ethernet": (1, ether(V4)),
    "ethernet, ipv6": (1, ether(V6, 0x86DD)),
    "vlan": (1, ether(V4, tags=[0x8100])),
    "vlan, ipv6": (1, ether(V6, 0x86DD, tags=[0x8100])),
    "provider bridge": (1, ether(V4, tags=[0x88A8, 0x8100])),
    "old double tags": (1, ether(V4, tags=[0x9100, 0x9200, 0x9300, 0x8100])),
    "many tags": (1, ether(V4, tags=[0x8100] * 16)),
    "cooked": (113, sll(0x0800) + V4),
    "cooked, ipv6": (113, sll(0x86DD) + V6),
    "cooked, vlan": (113, sll(0x8100) + b"\0\5\x08\0" + V4),
    "cooked 2": (276, sll2(0x0800) + V4),
    "cooked 2, ipv6": (276, sll2(0x86DD) + V6),
    "null, little endian": (0, b"\2\0\0\0" + V4),
    "null, big endian": (0, b"\0\0\0\2" + V4),
    **{f"null, ipv6 as {n}": (0, bytes([n, 0, 0, 0]) + V6) for n in (10, 24, 28, 30)},
    "loop": (108, b"\0\0\0\2" + V4),
    "loop, ipv6": (108, b"\0\0\0\x18" + V6),
    **{f"raw {link}": (link, V4) for link in (12, 14, 101, 228)},
    **{f"raw {link}, ipv6": (link, V6) for link in (12, 14, 101, 229)},
    "cisco hdlc": (104, b"\x0f\0\x08\0" + V4),
    "cisco hdlc with direction": (205, b"\1\x0f\0\x08\0" + V4),
    "ipsec, taken out": (109, b"\2\0\0\0" + bytes(8) + V4),
    "fibre channel": (122, bytes(16) + b"\xaa\xaa\3\0\0\0\x86\xdd" + V6),
    "firewire": (138, bytes(16) + b"\x08\0" + V4),
    "netanalyzer": (240, bytes(4) + ether(V4)),
    "netanalyzer with preamble": (241, bytes(12) + ether(V6, 0x86DD)),
    "mpacket": (274, bytes(8) + ether(V4)),
    "slip": (8, bytes(16) + V4),
    "fddi": (10, bytes(13) + b"\xaa\xaa\3\0\0\0\x08\0" + V4),
}


VXLAN = struct.pack("!HHHHII", 9, 4789, 16 + len(ether(V4)), 0, 8 << 24, 5 << 8)
HOP_BY_HOP = ipv6(b"\x06\0\1\4\0\0\0\0" + HELO, protocol=0)
HIDDEN = {
    "gre": (1, ether(GRE)),
    "gre, vlan": (1, ether(GRE, tags=[0x8100])),
    "hop by hop": (1, ether(HOP_BY_HOP, 0x86DD)),
    "ip in ip": (101, ipv4(V4, protocol=4)),
    "6in4": (113, sll(0x0800) + ipv4(V6, protocol=41)),
    "vxlan": (1, ether(ipv4(VXLAN + ether(V4), protocol=17))),
    "pppoe": (1, ether(struct.pack("!BBHHH", 0x11, 0, 1, len(V4) + 2, 0x21) + V4, 0x8864)),
    "mpls": (1, ether(struct.pack("!I", 77 << 12 | 1 << 8 | 64) + V4, 0x8847)),
    "snap": (1, ether(b"\xaa\xaa\3\0\0\0\x08\0" + V4, 8 + len(V4))),
    "ppp": (9, b"\0\x21" + V4),
}  # fmt: skip
