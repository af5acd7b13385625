from __future__ import annotations

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
    ipv4,
    ipv6,
    payload,
    tcp,
)
from net_samples import HELO, HIDDEN, KEY, LINKS, V4, V6, no_door

from smtpsniff.capture.scapy_door import slow_decode
from smtpsniff.net import decode, first_bytes

if TYPE_CHECKING:
    from smtpsniff.net import SegmentBatch


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
