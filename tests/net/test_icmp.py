from __future__ import annotations

import struct

import pytest
from net_bytes import CLIENT6, batch, ether, ipv4, ipv6, tcp

from smtpsniff.net import Unreachable, decode

ROUTER, ROUTER6 = bytes([192, 0, 2, 1]), bytes.fromhex("20010db8") + bytes(11) + b"\x07"
SENT = ipv4(tcp(b"EHLO x\r\n", seq=77))
SENT6 = ipv6(tcp(b"EHLO x\r\n", seq=77))


def icmp(kind: int, code: int, quoted: bytes, rest: int = 0) -> bytes:
    message = struct.pack("!BBHI", kind, code, 0, rest) + quoted
    return ether(ipv4(message, protocol=1, source=ROUTER))


def icmp6(kind: int, code: int, quoted: bytes, rest: int = 0) -> bytes:
    message = struct.pack("!BBHI", kind, code, 0, rest) + quoted
    return ether(ipv6(message, protocol=58, source=ROUTER6, destination=CLIENT6), 0x86DD)


@pytest.mark.parametrize(
    ("kind", "code", "rest", "mtu"),
    [
        (3, 1, 0, 0),
        (3, 4, 0xFFFF05D4, 1492),
        (3, 13, 9, 0),
        (11, 0, 0, 0),
        (4, 0, 0, 0),
        (12, 0, 0, 0),
    ],
)
def test_errors(kind: int, code: int, rest: int, mtu: int) -> None:
    for quoted in (SENT, SENT[:28]):
        found = decode(batch([ether(SENT), icmp(kind, code, quoted, rest)]))
        assert found.unreachable == [
            Unreachable(
                12, 1000, "192.0.2.1", 4, kind, code, "10.0.0.1", 40_000, "10.0.0.2", 25, 77, mtu
            )
        ]
        assert (found.frame.tolist(), found.others, found.undecoded) == ([11], 1, 0)


@pytest.mark.parametrize(
    ("kind", "code", "rest", "mtu"), [(1, 4, 0, 0), (2, 0, 1280, 1280), (3, 0, 5, 0), (4, 1, 5, 0)]
)
def test_errors_of_ipv6(kind: int, code: int, rest: int, mtu: int) -> None:
    found = decode(batch([icmp6(kind, code, SENT6[:48], rest), ether(SENT6, 0x86DD)]))
    assert found.unreachable == [
        Unreachable(11, 0, "2001:db8::7", 6, kind, code, "fd00::1", 40_000, "fd00::2", 25, 77, mtu)
    ]


def test_in_frame_order_over_both_versions() -> None:
    packets = [icmp6(1, 0, SENT6), icmp(3, 0, SENT), icmp6(1, 0, SENT6), icmp(3, 0, SENT)]
    found = decode(batch(packets))
    assert [error.frame for error in found.unreachable] == [11, 12, 13, 14]


NONE = {
    "echo": icmp(8, 0, SENT),
    "redirect": icmp(5, 0, SENT),
    "about udp": icmp(3, 3, ipv4(bytes(40), protocol=17)),
    "about a later fragment": icmp(3, 3, ipv4(tcp(), fragment=9)),
    "quote cut before the sequence number": icmp(3, 3, SENT[:27]),
    "quote of nothing": icmp(3, 3, b""),
    "quote of no known version": icmp(3, 3, b"\x75" + SENT[1:]),
    "quote with a short header": icmp(3, 3, b"\x44" + SENT[1:]),
    "quote with a long header": icmp(3, 3, b"\x4f" + SENT[1:]),
    "quote of IPv6, cut": icmp6(1, 0, SENT6[:47]),
    "neighbour solicitation": icmp6(135, 0, SENT6),
    "about udp over IPv6": icmp6(1, 0, ipv6(bytes(40), protocol=17)),
}


@pytest.mark.parametrize("packet", NONE.values(), ids=NONE.keys())
def test_what_is_no_error_about_tcp(packet: bytes) -> None:
    found = decode(batch([packet]))
    assert (found.unreachable, found.others, found.undecoded) == ([], 1, 0)


def test_a_quote_cut_by_the_snap_length_anywhere() -> None:
    for packet in (icmp(3, 4, SENT), icmp6(1, 0, SENT6)):
        for size in range(len(packet)):
            found = decode(batch([packet[:size]], wire=[len(packet)]))
            assert len(found.unreachable) <= 1
            assert found.others == 1
