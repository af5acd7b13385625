from __future__ import annotations

import pytest
from net_bytes import batch, ether, facts, ipv4, ipv6, payload, tcp
from net_samples import GRE, HELO, HIDDEN, KEY, V4, V6

from smtpsniff.capture.scapy_door import slow_decode
from smtpsniff.net import decode


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
