"""Segments in every link layer and tunnel: the columns, the side door, what is cut, what lies."""

from __future__ import annotations

import random
import struct

import numpy as np
import pytest
from net_bytes import CLIENT, CLIENT6, SERVER, SERVER6, batch, facts, tcp
from net_bytes import ipv4 as packet4
from net_bytes import ipv6 as packet6
from net_samples import KEY, no_door
from wrapping import OUTER, VXLAN, WRAPPINGS, Inner, cut_short, ether, ipv4, over_udp, tagged, udp

from smtpsniff.capture.scapy_door import slow_decode
from smtpsniff.net import Unreachable, decode, encapsulation
from smtpsniff.net.decode import MAX_LAYERS, TOO_DEEP

DATA = bytes(range(200))
FOUR = packet4(tcp(DATA, pseudo=CLIENT + SERVER))
SIX = packet6(tcp(DATA, pseudo=CLIENT6 + SERVER6))
INNER = {"ipv4": Inner.of_packet(FOUR), "ipv6": Inner.of_packet(SIX)}
PLAIN = {
    name: facts(decode(batch([inner.packet], 101), no_door, KEY)) for name, inner in INNER.items()
}


@pytest.mark.parametrize("version", INNER)
@pytest.mark.parametrize("name", WRAPPINGS)
def test_a_segment_in_each(name: str, version: str) -> None:
    wrapping, inner = WRAPPINGS[name], INNER[version]
    packet = wrapping.wrap(inner)
    found = decode(batch([packet, packet + b"padding"], wrapping.link), no_door, KEY)
    first, second = facts(found)
    assert [first] == PLAIN[version]
    assert first[2:] == second[2:]
    assert (found.others, found.undecoded, found.limits) == (0, 0, set())
    wrapped = packet not in (inner.frame, inner.packet)
    assert (encapsulation(found, 1) or []) == (list(wrapping.layers) if wrapped else [])


@pytest.mark.parametrize("name", [name for name in WRAPPINGS if WRAPPINGS[name].scapy])
def test_both_doors(name: str) -> None:
    """What scapy finds, decoded as raw IP, is what the columns find at once."""
    wrapping = WRAPPINGS[name]
    for version, inner in INNER.items():
        found = slow_decode(wrapping.link, wrapping.wrap(inner))
        assert facts(decode(batch(found, 101), no_door, KEY)) == PLAIN[version]


def test_all_in_one_batch() -> None:
    """Different layers side by side do not mix."""
    chosen = [(name, version) for name in WRAPPINGS for version in INNER for _ in (0, 1)]
    random.Random(7).shuffle(chosen)
    packets = [WRAPPINGS[name].wrap(INNER[version]) for name, version in chosen]
    found = decode(batch(packets, [WRAPPINGS[name].link for name, _ in chosen]), no_door, KEY)
    assert [row[2:] for row in facts(found)] == [PLAIN[version][0][2:] for _, version in chosen]
    for row, (name, version) in enumerate(chosen):
        wrapping, inner = WRAPPINGS[name], INNER[version]
        if packets[row] not in (inner.frame, inner.packet):
            assert (encapsulation(found, row) or []) == list(wrapping.layers)


@pytest.mark.parametrize("name", WRAPPINGS)
def test_cut_anywhere_by_the_snap_length(name: str) -> None:
    """Whatever is cut, the lengths stay true, and nothing is read that was not captured."""
    wrapping = WRAPPINGS[name]
    for inner in INNER.values():
        whole = wrapping.wrap(inner)
        packets = [whole[:size] for size in range(len(whole))]
        found = decode(batch(packets, wrapping.link, wire=[len(whole)] * len(packets)), no_door)
        assert set(found.length.tolist()) == {200}
        assert (
            found.captured.tolist() == list(range(200 - len(found) + 20, 200))[-len(found) :]
            or (np.diff(found.captured) >= 0).all()
        )
        assert found.others == len(packets) - len(found)
        ends = np.cumsum([7 + len(p) for p in packets])[found.frame - 11]
        assert (found.payload + found.captured <= ends).all()
        for row in range(len(found)):
            encapsulation(found, row)


@pytest.mark.parametrize("name", WRAPPINGS)
def test_wrapped_after_it_was_cut(name: str) -> None:
    """A probe that sends on only the beginning of each packet."""
    inner = cut_short(INNER["ipv4"], 100)
    plain = decode(batch([inner.packet], 101, wire=[len(FOUR)]), no_door, KEY)
    wrapping = WRAPPINGS[name]
    packet = wrapping.wrap(inner)
    found = decode(batch([packet], wrapping.link, wire=[len(packet) + inner.missing]), no_door, KEY)
    assert facts(found) == facts(plain)
    assert found.length.tolist() == [200]


def test_hostile_bytes_in_each() -> None:
    """Length fields and types that lie never raise, and lead nowhere outside."""
    generator = random.Random(11)
    for name, wrapping in WRAPPINGS.items():
        packets = []
        for inner in INNER.values():
            whole = wrapping.wrap(inner)
            header = len(whole) - len(DATA)
            packets += [
                whole[:at] + bytes([value]) + whole[at + 1 :]
                for at in range(header)
                for value in (0, 0xFF, generator.randrange(256))
            ]
        found = decode(batch(packets, wrapping.link), slow_decode)
        assert (found.captured >= 0).all(), name
        assert (found.payload + found.captured <= len(found.buffer)).all(), name
        assert found.others + len(set(found.frame.tolist())) == len(packets), name
        for row in range(len(found)):
            encapsulation(found, row)


def _nested(depth: int) -> bytes:
    packet = FOUR
    for _ in range(depth):
        packet = ipv4(packet, 4, 0)
    return ether(0x0800, packet)


def test_tunnels_in_tunnels_have_an_end() -> None:
    deep = MAX_LAYERS // 2 - 1  # an IP header and the look at its version
    found = decode(batch([_nested(deep)]), no_door, KEY)
    assert facts(found)[0][2:] == PLAIN["ipv4"][0][2:]
    assert len(encapsulation(found, 0) or []) == deep
    assert found.limits == set()
    found = decode(
        batch([_nested(500), tagged(ether(0x0800, FOUR), *[(0x8100, 5)] * 500)]), no_door
    )
    assert (len(found), found.others, found.limits) == (0, 2, {TOO_DEEP})


def test_a_header_that_leads_to_itself() -> None:
    ppi = struct.pack("<BBHI", 0, 0, 0, 192) + bytes(50)
    found = decode(batch([ppi, WRAPPINGS["ppi"].wrap(INNER["ipv4"])], 192), no_door)
    assert (len(found), found.limits) == (1, {TOO_DEEP})


def test_errors_inside_a_tunnel() -> None:
    quoted = struct.pack("!BBHHH", 3, 4, 0, 0, 1400) + FOUR
    inner = Inner.of_packet(packet4(quoted, protocol=1, source=OUTER[0]))
    found = decode(batch([WRAPPINGS["vxlan"].wrap(inner), inner.frame]), no_door)
    expected = ("192.0.2.1", 4, 3, 4, "10.0.0.1", 40_000, "10.0.0.2", 25, 1000, 1400)
    assert found.unreachable == [
        Unreachable(11, 0, *expected), Unreachable(12, 1000, *expected),
    ]  # fmt: skip


@pytest.mark.parametrize("source", ["ethernet", "vxlan"])
def test_what_is_no_tunnel_although_it_looks_like_one(source: str) -> None:
    none = [
        ipv4(udp(53, b"x" * 99, 0), 17, 0),
        ipv4(struct.pack("!HH", 0x4000, 0x0800) + bytes(8) + FOUR, 47, 0),  # a source route
        ipv4(udp(2152, struct.pack("!BBHI", 0x30, 1, 4, 0) + FOUR, 0), 17, 0),  # GTP, an echo
        ipv4(udp(1701, struct.pack("!HHHH", 0xC002, 8, 9, 9) + FOUR, 0), 17, 0),  # L2TP, control
        ipv4(struct.pack("!BBHI", 0, 0, 0, 1) + FOUR, 50, 0),  # encrypted
    ]
    packets = [WRAPPINGS[source].wrap(Inner.of_packet(packet)) for packet in none]
    discovery = ether(0x8863, WRAPPINGS["pppoe"].wrap(INNER["ipv4"])[14:])
    protected = bytearray(WRAPPINGS["802.11"].wrap(INNER["ipv4"]))
    protected[1] |= 0x40
    packets += [discovery, bytes(protected)]
    found = decode(batch(packets, [1] * (len(packets) - 1) + [105]), no_door)
    assert (len(found), found.others) == (0, len(packets))


@pytest.mark.parametrize("first", range(256))
def test_a_pseudowire_whose_address_begins_with_any_byte(first: int) -> None:
    frame = bytes([first]) + bytes.fromhex("1b2130a4c5") + INNER["ipv4"].frame[6:]
    group = first == 0x45  # read as IPv4 where its length fits: no card has such an address
    for inner in (Inner(0x0800, FOUR, frame), Inner(0x86DD, SIX, frame[:12] + b"\x86\xdd" + SIX)):
        for name in ("pseudowire", "pseudowire with control word"):
            found = decode(batch([WRAPPINGS[name].wrap(inner)]), no_door)
            assert len(found) == 1 or group, name


def test_plain_packets_have_no_outside() -> None:
    name_look_up = ether(0x0800, ipv4(udp(53, bytes(40), 0), 17, 0))
    packets = [inner.frame for inner in INNER.values()]
    packets += [ether(0x0806, bytes(28)), name_look_up, ether(0x0800, FOUR)[:40]]
    found = decode(batch(packets), no_door)
    assert found.outside is None
    assert encapsulation(found, 0) is None


def test_a_tunnel_to_a_port_of_its_own_source() -> None:
    """An answer comes from where the tunnel listens."""
    packet = over_udp(50_000, lambda i: VXLAN + i.frame, source=4789)(INNER["ipv4"])
    assert facts(decode(batch([packet]), no_door, KEY)) == PLAIN["ipv4"]
