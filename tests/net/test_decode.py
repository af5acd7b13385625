from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from net_bytes import (
    CLIENT,
    CLIENT6,
    SERVER,
    batch,
    ether,
    facts,
    ipv4,
    ipv6,
    payload,
    tcp,
)

from smtpsniff.capture.scapy_door import slow_decode
from smtpsniff.net import decode, first_bytes

if TYPE_CHECKING:
    from smtpsniff.net import SegmentBatch

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
    "slip": (8, bytes(16) + V4),
    "fddi": (10, bytes(13) + b"\xaa\xaa\3\0\0\0\x08\0" + V4),
}


@pytest.mark.parametrize(("link", "packet"), LINKS.values(), ids=LINKS.keys())
def test_links(link: int, packet: bytes) -> None:
    found = decode(batch([packet], link), no_door)
    ((_, _, source, sport, _, dport, seq, ack, flags, window, length, data, *_),) = facts(found)
    assert source in ("10.0.0.1", "fd00::1")
    assert (sport, dport, seq, ack, flags, window) == (40_000, 25, 1000, 2000, 0x18, 512)
    assert (length, data) == (8, b"HELO a\r\n")
    assert (found.others, found.undecoded) == (0, 0)


def test_all_links_in_one_batch() -> None:
    links, packets = zip(*LINKS.values(), strict=True)
    found = decode(batch(packets, links), no_door, KEY)
    assert found.frame.tolist() == list(range(11, 11 + len(packets)))
    alone = [
        facts(decode(batch([packet], link), None, KEY))[0][2:] for link, packet in LINKS.values()
    ]
    assert [row[2:] for row in facts(found)] == alone


def test_every_packet_is_the_same_through_both_doors() -> None:
    """What scapy finds, decoded as raw IP, is what the columns find at once."""
    generator = random.Random(3)
    packets, links = [], []
    for _ in range(300):
        options = bytes([1] * 4 * generator.randrange(11))
        data = generator.randbytes(generator.randrange(30))
        segment = tcp(
            data, generator.randrange(2**32), flags=generator.randrange(512), options=options
        )
        four = ipv4(segment, options=bytes([1] * 4 * generator.randrange(3)))
        tags = [0x8100] * generator.randrange(3)
        packets += [ether(four, tags=tags), ether(ipv6(segment), 0x86DD, tags), four]
        packets += [sll(0x0800) + four, sll2(0x86DD) + ipv6(segment), b"\2\0\0\0" + four]
        links += [1, 1, 101, 113, 276, 0]
    fast = facts(decode(batch(packets, links), no_door, KEY))
    inner = [slow_decode(link, packet) for link, packet in zip(links, packets, strict=True)]
    slow = facts(decode(batch([packet for (packet,) in inner], 101), no_door, KEY))
    assert len(fast) == 1800
    assert fast == slow


def test_padding_is_no_payload() -> None:
    found = decode(
        batch([ether(ipv4(tcp())) + bytes(6), ether(ipv6(tcp(b"x")), 0x86DD) + bytes(9)])
    )
    assert found.length.tolist() == [0, 1]
    assert found.captured.tolist() == [0, 1]


def test_options_before_the_payload() -> None:
    packets = [
        ether(ipv4(tcp(b"a", options=bytes([1] * 12)))),
        ether(ipv4(tcp(b"b"), options=bytes([1] * 40))),
        ether(ipv4(tcp(b"c", options=bytes([1] * 40)), options=bytes(8))),
        ether(ipv6(tcp(b"d", options=bytes([1] * 20))), 0x86DD),
    ]
    found = decode(batch(packets), no_door)
    assert [payload(found, row) for row in range(4)] == [b"a", b"b", b"c", b"d"]


def test_the_snap_length_cuts_what_was_captured_but_not_the_length() -> None:
    whole = ether(ipv4(tcp(bytes(1000), options=bytes([1] * 12))))
    for cut, captured in ((len(whole), 1000), (100, 100 - 66), (66, 0), (60, 0), (54, 0)):
        found = decode(batch([whole[:cut]], wire=[len(whole)]), no_door)
        assert (found.length.tolist(), found.captured.tolist()) == ([1000], [captured])
        assert found.payload[0] + found.captured[0] <= 7 + cut
    for cut in range(54):
        found = decode(batch([whole[:cut]], wire=[len(whole)]), no_door)
        assert (len(found), found.others) == (0, 1)
        assert found.undecoded == 1, cut


def test_segmentation_offload_has_no_length_yet() -> None:
    big = bytes(70_000)
    packets = [
        ether(ipv4(tcp(big), length=0)),
        ether(ipv6(tcp(big), length=0), 0x86DD),
        ether(ipv4(tcp(b"cut"), length=1500)),
        ether(ipv6(tcp(b"cut"), length=1500), 0x86DD),
    ]
    found = decode(batch(packets), no_door)
    assert found.length.tolist() == [70_000, 70_000, 3, 3]
    cut = decode(batch([packets[0][:200]], wire=[len(packets[0])]), no_door)
    assert (cut.length.tolist(), cut.captured.tolist()) == ([70_000], [200 - 54])


BROKEN = {
    "version": ether(b"\x65" + V4[1:]),
    "version 6": ether(b"\x45" + V6[1:], 0x86DD),
    "ip header too short": ether(b"\x44" + V4[1:]),
    "ip header longer than the packet": ether(b"\x4f" + ipv4(tcp()[:20])[1:]),
    "total length below the header": ether(ipv4(HELO, length=19)),
    "total length without tcp": ether(ipv4(HELO, length=39)),
    "payload length without tcp": ether(ipv6(HELO, length=19), 0x86DD),
    "data offset too small": ether(ipv4(tcp(b"x", offset=4))),
    "data offset zero": ether(ipv4(tcp(b"x", offset=0))),
    "data offset beyond the packet": ether(ipv4(tcp(b"x", offset=15))),
    "nothing behind the link header": ether(b""),
    "half a link header": bytes(9),
    "no byte at all": b"",
}


@pytest.mark.parametrize("packet", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_broken_is_counted(packet: bytes) -> None:
    found = decode(batch([ether(V4), packet, ether(V6, 0x86DD)]), no_door)
    assert found.frame.tolist() == [11, 13]
    assert (found.others, found.undecoded) == (1, 1)


IRRELEVANT = {
    "arp": ether(bytes(28), 0x0806),
    "udp": ether(ipv4(struct.pack("!HHHH", 53, 53, 8, 0), protocol=17)),
    "icmp": ether(ipv4(b"\x08" + bytes(7), protocol=1)),
    "udp fragment": ether(ipv4(bytes(40), protocol=17, fragment=0x2000)),
    "icmpv6": ether(ipv6(b"\x80" + bytes(7), protocol=58), 0x86DD),
    "udp over ipv6": ether(ipv6(struct.pack("!HHHH", 53, 53, 8, 0), protocol=17), 0x86DD),
    "multicast listener": ether(ipv6(b"\x3a\0\5\2\0\0\1\0" + bytes(20), protocol=0), 0x86DD),
    "esp": ether(ipv4(bytes(40), protocol=50)),
    "spanning tree": ether(b"\x42\x42\x03" + bytes(35), 38),
    "lldp": ether(bytes(40), 0x88CC),
    "a packet of tags": ether(V4, tags=[0x8100] * 5000),
}


@pytest.mark.parametrize("packet", IRRELEVANT.values(), ids=IRRELEVANT.keys())
def test_what_has_no_tcp_does_not_go_through_the_door(packet: bytes) -> None:
    found = decode(batch([packet, ether(V4)]), no_door)
    assert (found.frame.tolist(), found.others, found.undecoded) == ([12], 1, 0)


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


@pytest.mark.parametrize(("link", "packet"), HIDDEN.values(), ids=HIDDEN.keys())
def test_the_side_door_gives_what_the_columns_give(link: int, packet: bytes) -> None:
    assert len(decode(batch([packet], link))) == 0
    found = decode(batch([packet], link), slow_decode, KEY)
    plain = V6 if b"HELO" in packet and facts(found)[0][2] == "fd00::1" else V4
    assert facts(found) == facts(decode(batch([plain], 101), None, KEY))
    assert (found.others, found.undecoded) == (0, 0)


def test_slow_packets_come_back_in_frame_order() -> None:
    packets = [
        ether(V4),
        ether(GRE),
        ether(bytes(28), 0x0806),
        ether(V6, 0x86DD),
        ether(GRE),
        ether(V4),
    ]
    found = decode(batch(packets), slow_decode, KEY)
    assert found.frame.tolist() == [11, 12, 14, 15, 16]
    assert [payload(found, row) for row in range(5)] == [b"HELO a\r\n"] * 5
    assert found.others == 1
    assert len(set(found.source.tolist())) == 2


def test_a_door_that_finds_two_packets_or_none() -> None:
    twice = decode(batch([ether(GRE), ether(V4), ether(GRE)]), lambda link, packet: [V4, V6], KEY)
    assert twice.frame.tolist() == [11, 11, 12, 13, 13]
    assert (twice.others, twice.undecoded) == (0, 0)
    none = decode(batch([ether(GRE), ether(V4), ether(GRE)]), lambda link, packet: [])
    assert (none.frame.tolist(), none.others) == ([12], 2)
    bad = decode(batch([ether(GRE), ether(V4)]), lambda link, packet: [b"\x45"])
    assert (bad.frame.tolist(), bad.others, bad.undecoded) == ([12], 1, 1)


def test_fragments_go_to_the_door() -> None:
    asked = []
    packets = [
        ether(ipv4(HELO, fragment=0x2000)), ether(ipv4(HELO, fragment=5)), ether(V4),
        ether(ipv6(b"\x06\0\0\1\0\0\0\0" + HELO, protocol=44), 0x86DD),
    ]  # fmt: skip
    found = decode(batch(packets), lambda link, packet: asked.append(packet) or [])
    assert asked == [packets[0], packets[1], packets[3]]
    assert (found.frame.tolist(), found.others, found.undecoded) == ([13], 3, 0)


def test_what_the_snap_length_cut_inside_a_tunnel_is_still_counted() -> None:
    packet = ether(ipv4(b"\0\0\x08\0" + ipv4(tcp(bytes(900))), protocol=47))
    found = decode(batch([packet[:120]], wire=[len(packet)]), slow_decode)
    assert found.length.tolist() == [900]
    assert found.captured.tolist() == [120 - 14 - 24 - 40]


def test_no_packets() -> None:
    found = decode(batch([]), no_door)
    assert (len(found), found.others, found.undecoded) == (0, 0, 0)
    assert found.source.dtype == np.uint64


def test_numbers_keep_their_width() -> None:
    packet = ether(ipv4(tcp(seq=2**32 - 1, ack=2**32 - 2, flags=0xFFF, window=65535)))
    found = decode(batch([packet]))
    assert (found.seq[0], found.ack[0], found.flags[0], found.window[0]) == (
        2**32 - 1, 2**32 - 2, 0xFFF, 65535,
    )  # fmt: skip


def test_first_bytes() -> None:
    found = decode(batch([ether(ipv4(tcp(data))) for data in (b"EHLO x", b"QUI", b"QUIT", b"")]))
    expected = [int.from_bytes(b"EHLO"), 0, int.from_bytes(b"QUIT"), 0]
    assert first_bytes(found, np.arange(4)).tolist() == expected
    assert first_bytes(found, slice(None)).tolist() == expected


def _inside(found: SegmentBatch, size: int) -> None:
    """The columns never point outside, and never count wrongly."""
    assert (found.captured >= 0).all()
    assert (found.captured <= found.length).all()
    assert (found.payload + found.captured <= len(found.buffer)).all()
    assert (found.network < found.transport).all()
    assert (found.transport + 20 <= found.payload).all()
    assert found.others + len(set(found.frame.tolist())) == size
    assert found.undecoded <= size


BASES = [packet for _, packet in LINKS.values()] + [packet for _, packet in HIDDEN.values()]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(BASES),
            st.integers(0, 120),
            st.lists(st.tuples(st.integers(0, 70), st.integers(0, 255)), max_size=4),
            st.sampled_from([0, 1, 101, 108, 113, 276, 9, 147]),
        ),
        max_size=6,
    )
)
def test_hostile_packets(rows: list[tuple[bytes, int, list[tuple[int, int]], int]]) -> None:
    packets, links = [], []
    for base, cut, flips, link in rows:
        packet = bytearray(base[:cut])
        for position, value in flips:
            if packet:
                packet[position % len(packet)] = value
        packets.append(bytes(packet))
        links.append(link)
    data = batch(packets, links if packets else 1, wire=[len(packet) + 5 for packet in packets])
    _inside(decode(data, slow_decode), len(packets))


def test_endpoint_ids() -> None:
    back = ipv4(HELO, source=SERVER, destination=CLIENT)
    found = decode(batch([V4, back], 101))
    assert found.source[0] == int.from_bytes(CLIENT) << 16 | 40_000
    assert found.destination[0] == int.from_bytes(SERVER) << 16 | 25
    six = decode(batch([V6, ipv6(HELO, source=CLIENT6[:15] + b"\x09")], 229), None, KEY)
    assert (six.source >> np.uint64(63) == 1).all()
    assert six.source[0] != six.source[1]
    assert six.destination[0] == six.destination[1]
    assert decode(batch([V6], 229), None, KEY).source[0] == six.source[0]
    assert decode(batch([V6], 229), None, b"another").source[0] != six.source[0]
