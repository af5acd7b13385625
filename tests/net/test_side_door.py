from __future__ import annotations

import pytest
from net_bytes import batch, ether, facts, ipv4, payload, tcp
from net_samples import GRE, HIDDEN, KEY, V4, V6, no_door

from smtpsniff.capture.scapy_door import slow_decode
from smtpsniff.net import decode, encapsulation, endpoints
from smtpsniff.records import Layer


@pytest.mark.parametrize(("link", "packet"), HIDDEN.values(), ids=HIDDEN.keys())
def test_the_side_door_gives_what_the_columns_give(link: int, packet: bytes) -> None:
    (inner,) = slow_decode(link, packet)
    assert inner in (V4, V6)
    found = decode(batch([packet], link), no_door, KEY)
    assert facts(found) == facts(decode(batch([inner], 101), None, KEY))
    assert (found.others, found.undecoded) == (0, 0)


UNKNOWN = 147  # LINKTYPE_USER0, of which no table can know anything


def test_packets_from_the_door_come_back_in_frame_order() -> None:
    packets = [ether(V4), b"6", ether(bytes(28), 0x0806), ether(V6, 0x86DD), b"4", ether(GRE)]
    links = [1, UNKNOWN, 1, 1, UNKNOWN, 1]
    found = decode(
        batch(packets, links), lambda link, packet: [V4] if packet == b"4" else [V6], KEY
    )
    assert found.frame.tolist() == [11, 12, 14, 15, 16]
    assert [payload(found, row) for row in range(5)] == [b"HELO a\r\n"] * 5
    assert found.others == 1
    assert [endpoints(found, row)[0] for row in range(5)] == [
        "10.0.0.1", "fd00::1", "fd00::1", "10.0.0.1", "10.0.0.1",
    ]  # fmt: skip


def test_a_door_that_finds_two_packets_or_none() -> None:
    packets = batch([b"?", ether(V4), b"?"], [UNKNOWN, 1, UNKNOWN])
    twice = decode(packets, lambda link, packet: [V4, V6], KEY)
    assert twice.frame.tolist() == [11, 11, 12, 13, 13]
    assert (twice.others, twice.undecoded) == (0, 0)
    none = decode(packets, lambda link, packet: [])
    assert (none.frame.tolist(), none.others) == ([12], 2)
    bad = decode(packets, lambda link, packet: [b"\x45"])
    assert (bad.frame.tolist(), bad.others, bad.undecoded) == ([12], 2, 2)


def test_what_the_door_found_may_be_wrapped_once_more() -> None:
    found = decode(batch([b"?"], UNKNOWN), lambda link, packet: [ipv4(V6, protocol=41)], KEY)
    assert facts(found) == facts(decode(batch([V6], 101), None, KEY))
    assert encapsulation(found, 0) == [Layer("ip", "10.0.0.1", "10.0.0.2")]


def test_what_the_snap_length_cut_inside_a_tunnel_is_still_counted() -> None:
    packet = ether(ipv4(b"\0\0\x08\0" + ipv4(tcp(bytes(900))), protocol=47))
    found = decode(batch([packet[:120]], wire=[len(packet)]), no_door)
    assert found.length.tolist() == [900]
    assert found.captured.tolist() == [120 - 14 - 24 - 40]
    inner = ipv4(tcp(bytes(900)))
    behind = decode(batch([b"?" * 99], UNKNOWN, wire=[999]), lambda *_: [inner[:99]])
    assert (behind.length.tolist(), behind.captured.tolist()) == ([900], [99 - 40])
