from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING

import pytest
from scapy.contrib.geneve import GENEVE
from scapy.contrib.mpls import MPLS
from scapy.layers.dot11 import Dot11
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPerror, TCPerror
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    Jumbo,
)
from scapy.layers.l2 import GRE, LLC, SNAP, Dot1Q, Dot3, Ether
from scapy.layers.ppp import HDLC, PPP, PPPoE
from scapy.layers.vxlan import VXLAN

from smtpsniff.capture.scapy_door import slow_decode

if TYPE_CHECKING:
    from scapy.packet import Packet

logging.getLogger("scapy").setLevel(logging.ERROR)  # it looks for routes when it builds packets

SEGMENT = TCP(sport=4000, dport=25, seq=7) / b"hello"
TCP4 = IP(src="10.0.0.1", dst="10.0.0.2") / SEGMENT
TCP6 = IPv6(src="fd00::1", dst="fd00::2") / SEGMENT
OUT4 = IP(src="192.0.2.1", dst="192.0.2.2")
OUT6 = IPv6(src="2001:db8::1", dst="2001:db8::2")
ETHER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")

# name -> link type, what is outside, what is inside
TUNNELS = {
    "ip in ip": (1, ETHER / OUT4, TCP4),
    "6in4": (1, ETHER / OUT4, TCP6),
    "ip in ipv6": (1, ETHER / OUT6, TCP4),
    "ipv6 in ipv6": (101, OUT6, TCP6),
    "gre": (1, ETHER / OUT4 / GRE(key_present=1, key=5), TCP4),
    "gre with ethernet": (1, ETHER / OUT4 / GRE(proto=0x6558) / ETHER, TCP4),
    "vxlan": (1, ETHER / OUT4 / UDP(dport=4789) / VXLAN(vni=7) / ETHER, TCP4),
    "vxlan, as linux had it": (1, ETHER / OUT6 / UDP(dport=8472) / VXLAN() / ETHER, TCP6),
    "geneve": (1, ETHER / OUT4 / UDP(dport=6081) / GENEVE(proto=0x6558) / ETHER, TCP4),
    "pppoe": (1, ETHER / Dot1Q(vlan=7) / PPPoE() / PPP(proto=0x21), TCP4),
    "pppoe with ipv6": (1, ETHER / PPPoE() / PPP(proto=0x57), TCP6),
    "mpls": (1, ETHER / MPLS(label=17, s=0) / MPLS(label=18, s=1), TCP4),
    "802.3": (1, Dot3(dst="02:00:00:00:00:02") / LLC() / SNAP(), TCP4),
    "ppp": (9, PPP(proto=0x21), TCP4),
    "hdlc": (50, HDLC() / PPP(proto=0x21), TCP4),
    "802.11": (105, Dot11(type=2, FCfield=1) / LLC() / SNAP(), TCP4),
}


@pytest.mark.parametrize(("link", "outside", "inside"), TUNNELS.values(), ids=TUNNELS.keys())
def test_what_is_inside_a_tunnel(link: int, outside: Packet, inside: Packet) -> None:
    packet = bytes(outside / inside)
    assert slow_decode(link, packet) == [bytes(inside)]
    assert slow_decode(link, packet + b"padding") == [bytes(inside)]


EXTENSIONS = {
    "hop by hop": IPv6ExtHdrHopByHop(),
    "destination": IPv6ExtHdrDestOpt(),
    "both": IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt(),
    "routing": IPv6ExtHdrRouting(addresses=["fd00::9"], segleft=0),
    "atomic fragment": IPv6ExtHdrFragment(m=0, offset=0),
}


@pytest.mark.parametrize("extension", EXTENSIONS.values(), ids=EXTENSIONS.keys())
def test_extension_headers_are_taken_out(extension: Packet) -> None:
    # Inside another extension header the checksum has nowhere to come from: set it.
    segment = TCP(bytes(TCP6)[40:])
    packet = bytes(IPv6(src="fd00::1", dst="fd00::2") / extension / segment)
    assert slow_decode(229, packet + b"padding") == [bytes(TCP6)]


def test_the_length_survives_the_snap_length() -> None:
    extended = IPv6() / IPv6ExtHdrHopByHop() / TCP() / bytes(1000)
    (inner,) = slow_decode(229, bytes(extended)[:100])
    assert len(inner) == 100 - 8
    assert int.from_bytes(inner[4:6]) == 20 + 1000
    assert inner[6] == 6


@pytest.mark.parametrize(("size", "length"), [(100, 120), (70_000, 0)])
def test_a_jumbogram_gets_the_length_it_has_or_none(size: int, length: int) -> None:
    jumbo = IPv6ExtHdrHopByHop(options=[Jumbo(jumboplen=70_000)])
    (inner,) = slow_decode(229, bytes(IPv6(plen=0) / jumbo / TCP() / bytes(size)))
    assert (int.from_bytes(inner[4:6]), len(inner)) == (length, 60 + size)


NOTHING = {
    "first fragment": IP(flags="MF") / TCP(),
    "later fragment": IP(frag=4, proto=6) / bytes(40),
    "first fragment, IPv6": IPv6() / IPv6ExtHdrFragment(m=1) / TCP(),
    "later fragment, IPv6": IPv6() / IPv6ExtHdrFragment(offset=5, nh=6) / bytes(40),
    "udp": IP() / UDP() / bytes(40),
    "an error about tcp": IP() / ICMP(type=3, code=1) / IPerror() / TCPerror(),
    "a fragment in a tunnel": IP() / IP(flags="MF") / TCP(),
}


@pytest.mark.parametrize("packet", NOTHING.values(), ids=NOTHING.keys())
def test_nothing_where_there_is_no_whole_segment(packet: Packet) -> None:
    assert slow_decode(101, bytes(packet)) == []


def test_links_that_scapy_does_not_know_hold_nothing() -> None:
    assert slow_decode(65535, bytes(100)) == []


def test_hostile_bytes_never_raise() -> None:
    generator = random.Random(5)
    start = bytes(Ether() / IPv6() / IPv6ExtHdrHopByHop() / TCP())
    for _ in range(300):
        packet = bytearray(start + generator.randbytes(60))
        for _ in range(4):
            packet[generator.randrange(len(packet))] = generator.randrange(256)
        assert all(len(inner) >= 40 for inner in slow_decode(1, bytes(packet)))
    assert slow_decode(1, bytes(Ether() / MPLS(s=0)) + bytes(20_000)) == []
    assert slow_decode(1, bytes(12) + b"\x81\x00\x00\x00" * 5000) == []
