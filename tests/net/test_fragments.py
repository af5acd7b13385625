"""Fragments in any order, late, lost, doubled, overlapping, and far too many."""

from __future__ import annotations

import random
import tracemalloc
from itertools import permutations

import numpy as np
import pytest
from net_bytes import CLIENT, CLIENT6, SERVER, SERVER6, batch, facts, tcp
from net_bytes import ipv4 as packet4
from net_bytes import ipv6 as packet6
from net_samples import KEY, no_door
from wrapping import SPLITS, WRAPPINGS, Inner, cut_short, fragments, udp

from smtpsniff.net import Fragments, checksums, decode, encapsulation
from smtpsniff.net import fragments as bounds

DATA = bytes(range(100))
FOUR = packet4(tcp(DATA, pseudo=CLIENT + SERVER))
SIX = packet6(tcp(DATA, pseudo=CLIENT6 + SERVER6))
BOTH = pytest.mark.parametrize("whole", [FOUR, SIX], ids=["ipv4", "ipv6"])
SECOND = 1_000_000_000


def _pieces(whole: bytes, size: int = 32, number: int = 1) -> list[bytes]:
    return [part.data for part in fragments(whole, 0, size, number)]


def _plain(whole: bytes) -> list[object]:
    return [row[2:] for row in facts(decode(batch([whole], 101), no_door, KEY))]


@BOTH
def test_in_any_order(whole: bytes) -> None:
    pieces = _pieces(whole)
    assert len(pieces) == 4
    for order in permutations(pieces):
        found = decode(batch(order, 101), no_door, KEY)
        assert [row[2:] for row in facts(found)] == _plain(whole)
        assert found.frame.tolist() == [14]  # of the packet that completed it
        assert (found.others, found.undecoded, found.limits) == (3, 0, set())
        assert [sums.tolist() for sums in checksums(found, np.array([0]))] == [[True], [True]]


@BOTH
def test_over_windows_and_among_others(whole: bytes) -> None:
    kept = Fragments()
    first = decode(batch([*_pieces(whole)[:2], *_pieces(whole, number=2)], 101), no_door, KEY, kept)
    assert len(first) == 1
    assert len(kept) == 1
    second = decode(batch([whole, *_pieces(whole)[2:], whole], 101), no_door, KEY, kept)
    assert second.frame.tolist() == [11, 13, 14]
    assert [row[2:] for row in facts(second)] == _plain(whole) * 3
    assert (len(kept), kept.held) == (0, 0)


@pytest.mark.parametrize("name", SPLITS)
@BOTH
def test_in_tunnels(name: str, whole: bytes) -> None:
    packets = []
    for number in range(20):
        packets += [part.data for part in SPLITS[name](Inner.of_packet(whole), number)]
    kept = Fragments()
    found = decode(batch(packets), no_door, KEY, kept)
    assert [row[2:] for row in facts(found)] == _plain(whole) * 20
    assert (found.limits, len(kept), kept.held) == (set(), 0, 0)
    expected = {
        "vxlan in fragments": "vxlan", "gre in fragments": "gre",
        "vxlan over ipv6 in fragments": "vxlan over ipv6", "fragments in geneve": "geneve",
        "fragments in fragments": "vxlan",
    }.get(name)  # fmt: skip
    layers = list(WRAPPINGS[expected].layers) if expected else []
    assert [encapsulation(found, row) or [] for row in range(20)] == [layers] * 20


def test_headers_in_front_of_the_fragment_header_are_taken_out() -> None:
    pieces = []
    for part in _pieces(SIX):
        packet = bytearray(part)
        packet[4:6] = (int.from_bytes(part[4:6]) + 8).to_bytes(2)
        packet[6] = 0
        pieces.append(bytes(packet[:40]) + bytes([44, 0, 1, 4, 0, 0, 0, 0]) + bytes(packet[40:]))
    found = decode(batch(pieces, 101), no_door, KEY)
    assert [row[2:] for row in facts(found)] == _plain(SIX)


@BOTH
@pytest.mark.parametrize("captured", [60, 80, 100])
def test_cut_by_the_snap_length(whole: bytes, captured: int) -> None:
    inner = cut_short(Inner.of_packet(whole), captured)
    parts = fragments(inner.packet, inner.missing, 32, 1)
    wire = [len(part.data) + part.missing for part in parts]
    found = decode(batch([part.data for part in parts], 101, wire=wire), no_door, KEY)
    plain = decode(batch([inner.packet], 101, wire=[len(whole)]), no_door, KEY)
    assert [row[2:] for row in facts(found)] == [row[2:] for row in facts(plain)]
    assert found.length.tolist() == [100]


@BOTH
def test_a_mirror_port_shows_each_fragment_twice(whole: bytes) -> None:
    kept = Fragments()
    twice = [part for part in _pieces(whole) for _ in (0, 1)]
    found = decode(batch(twice, 101), no_door, KEY, kept)
    assert (len(found), found.limits, len(kept)) == (1, set(), 0)
    again = decode(batch(_pieces(whole) * 2, 101), no_door, KEY, kept)
    assert (len(again), again.limits, len(kept)) == (2, set(), 0)


def _forged(whole: bytes, at: int, fill: bytes) -> bytes:
    """The fragment at one place with another payload."""
    part = fragments(whole, 0, 32, 1)[at].data
    size = 20 if whole is FOUR else 48
    return part[:size] + fill * (len(part) - size)


def test_the_first_copy_counts_where_ipv4_fragments_overlap() -> None:
    pieces = _pieces(FOUR)
    for order in ([0, "x", 1, 2, 3], [0, 1, "x", 2, 3]):
        packets = [_forged(FOUR, 1, b"x") if n == "x" else pieces[int(n)] for n in order]
        found = decode(batch(packets, 101), no_door, KEY)
        ((*_, data, _, _),) = facts(found)
        first = data[12:44]
        assert first == (b"x" * 32 if order[1] == "x" else DATA[12:44])
        assert found.limits == {bounds.OVERLAP_V4}


def test_pieces_that_overlap_in_part() -> None:
    """As large routers and small ones on two ways to the same host would make them."""
    small, large = fragments(FOUR, 0, 16, 1), fragments(FOUR, 0, 48, 1)
    packets = [part.data for part in (*small[:2], *large[::-1], *small)]
    kept = Fragments()
    found = decode(batch(packets, 101), no_door, KEY, kept)
    assert [row[2:] for row in facts(found)][:1] == _plain(FOUR)
    assert bounds.OVERLAP_V4 in found.limits


def test_ipv6_fragments_that_overlap_are_not_believed() -> None:
    pieces = _pieces(SIX)
    kept = Fragments()
    packets = [pieces[0], pieces[1], _forged(SIX, 1, b"x"), pieces[2], pieces[3]]
    found = decode(batch(packets, 101), no_door, KEY, kept)
    assert (len(found), found.limits, kept.held) == (0, {bounds.OVERLAP_V6}, 0)
    assert len(decode(batch(_pieces(SIX, number=2), 101), no_door, KEY, kept)) == 1


def _at(seconds: float, packets: list[bytes], kept: Fragments) -> int:
    data = batch(packets, 101)
    data.time[:] = int(seconds * SECOND)
    return len(decode(data, no_door, KEY, kept))


@BOTH
def test_a_fragment_waits_a_minute(whole: bytes) -> None:
    pieces = _pieces(whole)
    for wait, found in ((59, 1), (61, 0)):
        kept = Fragments()
        assert _at(0, pieces[:3], kept) == 0
        assert _at(wait, pieces[3:], kept) == found
    assert len(kept) == 1  # the last one, which now waits for the others
    assert _at(200, _pieces(whole, number=2), kept) == 1
    assert (len(kept), kept.held) == (0, 0)


def test_a_bomb_of_first_fragments_stays_bounded() -> None:
    kept = Fragments()
    for number in range(bounds.MAX_DATAGRAMS + 500):
        decode(batch(_pieces(SIX, number=number)[:1], 101), None, KEY, kept)
    assert len(kept) <= bounds.MAX_DATAGRAMS
    assert kept.limits == {bounds.TOO_MANY_PACKETS}
    last = decode(batch(_pieces(SIX, number=number)[1:], 101), None, KEY, kept)
    assert [row[2:] for row in facts(last)] == _plain(SIX)


def test_a_bomb_of_large_fragments_stays_bounded() -> None:
    large = packet6(tcp(bytes(65_000)))
    kept = Fragments()
    for number in range(bounds.MAX_BYTES // 60_000 + 20):
        decode(batch(_pieces(large, 60_000, number)[:1], 101), None, KEY, kept)
    assert kept.held <= bounds.MAX_BYTES
    assert kept.limits == {bounds.TOO_MANY_BYTES}


def test_what_is_done_is_not_held() -> None:
    large = packet6(tcp(bytes(60_000)))
    kept = Fragments()
    tracemalloc.start()
    for number in range(100):
        packets = batch(_pieces(large, 59_000, number), 101)
        assert len(decode(packets, None, KEY, kept)) == 1
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (len(kept), kept.held) == (0, 0)
    assert held < 500_000


def test_a_packet_of_tiny_pieces_is_dropped() -> None:
    tiny = [packet4(bytes(8), fragment=0x2000 | 2 * n) for n in range(2 * bounds.MAX_PIECES)]
    kept = Fragments()
    found = decode(batch(tiny, 101), None, KEY, kept)
    assert (len(found), found.limits, kept.held) == (0, {bounds.TOO_MANY}, 0)


def test_a_fragment_beyond_the_largest_packet() -> None:
    part = packet4(bytes(100), fragment=0x1FFF)
    kept = Fragments()
    found = decode(batch([part], 101), None, KEY, kept)
    assert (len(found), found.limits, kept.held) == (0, {bounds.TOO_LARGE}, 0)


@BOTH
@pytest.mark.parametrize("order", [[0, 1, 2], [1, 0, 2], [1, 2, 0], [2, 1, 0]])
def test_fragments_with_two_ends(whole: bytes, order: list[int]) -> None:
    """Teardrop: a last fragment that ends before others do."""
    middle, early = fragments(whole, 0, 64, 1)[1].data, bytearray(_pieces(whole)[1])
    if whole is FOUR:
        early[6] &= 0x1F  # no more fragments
    else:
        early[43] &= 0xFE
    packets = [_pieces(whole)[0], middle, bytes(early)]
    found = decode(batch([packets[n] for n in order], 101), None, KEY)
    assert (len(found), found.limits) == (0, {bounds.TWO_ENDS})


def test_udp_that_is_no_tunnel_holds_nothing() -> None:
    answer = packet4(udp(40_000, bytes(3000), 0, source=53), protocol=17)
    kept = Fragments()
    decode(batch([*_pieces(answer, 1480, 1), *_pieces(answer, 1480, 2)[:2]], 101), None, KEY, kept)
    assert (len(kept), kept.held) == (1, 0)
    unknown = packet4(bytes(3000), protocol=89)
    decode(batch(_pieces(unknown, 1480, 1)[:2], 101), None, KEY, kept)
    assert len(kept) == 1


def test_hostile_pieces() -> None:
    """Lengths, offsets and marks at random: never an exception, and everything is let go of."""
    generator = random.Random(13)
    kept = Fragments()
    for _ in range(300):
        packets = []
        for whole in (FOUR, SIX):
            for part in _pieces(whole, 8 * generator.randrange(1, 5), generator.randrange(3)):
                packet = bytearray(part)
                for _ in range(generator.randrange(3)):
                    packet[generator.randrange(min(len(packet), 52))] = generator.randrange(256)
                packets.append(bytes(packet[: generator.randrange(20, len(packet) + 1)]))
        generator.shuffle(packets)
        found = decode(batch(packets, 101), None, KEY, kept)
        assert (found.payload + found.captured <= len(found.buffer)).all()
        assert found.others + len(set(found.frame.tolist())) == len(packets)
    kept.expire(10**18)
    assert (len(kept), kept.held) == (0, 0)
