"""Framings change frames and nothing else; the reference reassembler here is the witness."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .compiler import compile_text
from .framing import FRAMINGS, OFFLOAD, SAME, merged, one_byte, prefixes, reordered, split_crlf
from .packet import BYSTANDER, SYN
from .vectors import vectors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .framing import Framing
    from .packet import Flow, Packet

Streams = dict[tuple["Flow", str, int], bytes]
MAIL = "@T\n@D\n@H\n" + 'C "x"*3000 "\\r\\n"\n' * 3 + "@X\n@Q\nEND"


def streams(packets: Sequence[Packet]) -> Streams:
    """Reassemble each direction: runs of octets by the sequence number at which they begin."""
    octets: dict[tuple[Flow, str], dict[int, int]] = defaultdict(dict)
    for packet in packets:
        if packet.captured and packet.direction != BYSTANDER:
            known = octets[packet.flow, packet.direction]
            for place, octet in enumerate(packet.payload, packet.seq):
                assert known.setdefault(place, octet) == octet
    runs: dict[tuple[Flow, str, int], bytearray] = {}
    for (flow, direction), known in octets.items():
        run, start = bytearray(), -1
        for place in sorted(known):
            if place != start + len(run):
                run, start = bytearray(), place
            run.append(known[place])
            runs[flow, direction, start] = run
    return {key: bytes(run) for key, run in runs.items()}


@pytest.mark.parametrize("framing", SAME.values(), ids=SAME)
def test_framing_preserves_both_streams(framing: Framing) -> None:
    for vector in vectors():
        packets = compile_text(vector.text)
        framed = framing(packets)
        assert streams(framed) == streams(packets), vector


@pytest.mark.parametrize("framing", FRAMINGS.values(), ids=FRAMINGS)
def test_file_order_is_time_order_and_the_end_stays(framing: Framing) -> None:
    for vector in vectors():
        packets = compile_text(vector.text)
        framed = framing(packets)
        times = [packet.time for packet in framed]
        assert times == sorted(times), vector
        if packets[-1].direction == BYSTANDER and framing is not FRAMINGS["duplicated"]:
            assert framed[-1] == packets[-1], vector


@pytest.mark.parametrize("framing", FRAMINGS.values(), ids=FRAMINGS)
def test_framing_leaves_its_input_alone(framing: Framing) -> None:
    packets = compile_text(MAIL)
    framing(packets)
    assert packets == compile_text(MAIL)


def test_no_acknowledgement_of_what_was_not_sent() -> None:
    for name, framing in SAME.items():
        if name.startswith("reordered"):
            continue  # there an acknowledgement may stand before what it acknowledges
        for vector in vectors():
            sent: dict[tuple[Flow, str], int] = {}
            for packet in framing(compile_text(vector.text)):
                if packet.direction == BYSTANDER or packet.flags & SYN:
                    continue
                key = packet.flow, packet.direction
                other = packet.flow, "S" if packet.direction == "C" else "C"
                end = packet.seq + len(packet.payload) + (packet.flags & 1)
                sent[key] = max(sent.get(key, 0), end)
                assert packet.ack <= sent.get(other, packet.ack), (name, vector, packet)


def test_one_byte() -> None:
    packets = one_byte(compile_text(MAIL))[:-1]
    assert max(len(packet.payload) for packet in packets) == 1


def test_split_crlf() -> None:
    for packet in split_crlf(compile_text(MAIL)):
        assert b"\r\n" not in packet.payload[:-2]


def test_duplicated_frames_are_the_same_frame_later() -> None:
    packets = compile_text(MAIL)
    twice = Counter((p.ident, p.direction, p.seq) for p in FRAMINGS["duplicated"](packets))
    assert set(twice.values()) == {2}
    assert len(twice) == len(packets)


@pytest.mark.parametrize("direction", ["C", "S"])
def test_reordered_moves_one_direction_by_three_at_most(direction: str) -> None:
    packets = compile_text(MAIL)
    moved = reordered(packets, 5, direction)
    assert [p.ident for p in moved] != [p.ident for p in packets]
    place = {p.ident: number for number, p in enumerate(moved)}
    others = [place[p.ident] for p in packets if p.direction != direction]
    assert others == sorted(others)
    assert all(abs(place[p.ident] - number) <= 3 for number, p in enumerate(packets))


def test_retransmitted_adds_segments_cut_elsewhere() -> None:
    packets = compile_text(MAIL)[:-1]
    framed = FRAMINGS["retransmitted"](packets)
    starts = {p.seq for p in packets}
    assert sum(bool(p.payload) for p in framed) == 2 * sum(bool(p.payload) for p in packets)
    assert any(p.seq not in starts for p in framed)


def test_merged_is_as_large_as_offload_makes_it() -> None:
    packets = compile_text('OPEN\n+1 C "a"*40000\nC "b"*20000\nC "c"\n+1 C "d"')
    assert [len(p.payload) for p in merged(packets)] == [0, 0, 0, OFFLOAD, 1, 1]


def test_without_syn_keeps_all_data() -> None:
    packets = compile_text(MAIL)
    assert FRAMINGS["without_syn"](packets) == packets[3:]


def test_one_direction_alone() -> None:
    packets = compile_text("@T\n@Q")
    assert {p.direction for p in FRAMINGS["without_client"](packets)} == {"S"}
    assert {p.direction for p in FRAMINGS["without_server"](packets)} == {"C"}


def test_with_gap_loses_one_segment() -> None:
    packets = compile_text(MAIL)
    (lost,) = [p for p in packets if p not in FRAMINGS["with_gap"](packets)]
    assert lost.payload


def test_prefixes() -> None:
    packets = compile_text("@G")
    assert list(prefixes(packets)) == [packets[:end] for end in range(5)]


sides = st.sampled_from("CS")
text = st.binary(min_size=1, max_size=40).map(lambda b: "".join(f"\\x{octet:02x}" for octet in b))
said = st.builds('{} "{}"'.format, sides, text)
lines = st.one_of(said, said, said, st.builds("GAP {} 7".format, sides))


@given(st.lists(lines, max_size=12), st.sampled_from(sorted(SAME)))
def test_framing_preserves_the_streams_of_any_dialogue(script: list[str], name: str) -> None:
    packets = compile_text("\n".join(["OPEN", *script]))
    assert streams(SAME[name](packets)) == streams(packets)
