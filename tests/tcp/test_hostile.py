"""Traffic made to cost: what is held and what is done for it stays within its bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from dialogue import compile_text, pcap
from dialogue.packet import ACK, MILLISECOND, SYN, Flow, Packet

from smtpsniff.capture import open_capture
from smtpsniff.capture.scapy_door import slow_decode
from smtpsniff.net import decode
from smtpsniff.tcp import counting, reassembly, soundness, table, trouble
from smtpsniff.tcp.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smtpsniff.tcp import Connection, Side

MANY = 6000


def counted(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> list[int]:  # noqa: ANN401
    """How often a function is called from now on."""
    calls = [0]
    real: Callable[..., Any] = getattr(module, name)

    def call(*words: object) -> object:
        calls[0] += 1
        return real(*words)

    monkeypatch.setattr(module, name, call)
    return calls


def fed(packets: list[Packet], path: Path, window: int = 1 << 24) -> tuple[Table, list[Connection]]:
    """A table that took the packets, window by window, and the connections that ended."""
    path.write_bytes(pcap(packets))
    taken, ended = Table([25], ()), []
    with open_capture(path, window=window) as capture:
        for batch in capture:
            ended += taken.feed(decode(batch, slow_decode))
    return taken, ended


def attack(offsets: list[int], payloads: list[bytes]) -> list[Packet]:
    """A greeting, and segments of the client at these offsets."""
    packets = compile_text("@T\n")
    last = next(p for p in reversed(packets) if p.direction == "C")
    return packets + [
        Packet(
            packets[-1].time + number * MILLISECOND, last.flow, "C",
            last.seq + len(last.payload) + offset, last.ack, ACK, payload=payload,
            damaged=number % 2 == 0,
        )
        for number, (offset, payload) in enumerate(zip(offsets, payloads, strict=True), 1)
    ]  # fmt: skip


def sender(taken: Table) -> Side:
    (connection,) = taken.open.values()
    assert connection.initiator is not None
    return connection.sides[connection.initiator]


@pytest.mark.parametrize("window", [1 << 14, 1 << 24])
def test_what_waits_beyond_a_hole_is_bounded(tmp_path: Path, window: int) -> None:
    offsets = [10 + 2 * n for n in range(MANY)]
    side = sender(fed(attack(offsets, [b"x"] * MANY), tmp_path / "hole", window)[0])
    assert side.pending is not None
    assert len(side.pending.segments) <= reassembly.MAX_PENDING_SEGMENTS


def test_segments_far_ahead_are_looked_up_no_more_than_they_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = counted(monkeypatch, counting, "origin")
    offsets = [100_000 - 10 * n for n in range(MANY)]
    side = sender(fed(attack(offsets, [b"y"] * MANY), tmp_path / "ahead")[0])
    assert side.out_of_order + side.retransmissions > MANY // 2
    assert 0 < looked[0] <= trouble.MOST + 1


def test_a_flood_of_differing_copies_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reassembly, "MAX_REPLACED", 20)
    sums = counted(monkeypatch, soundness, "sound")
    offsets = [0] * MANY
    side = sender(fed(attack(offsets, [b"%050d" % n for n in range(MANY)]), tmp_path / "o")[0])
    assert side.pending is not None
    assert side.pending.replaced <= 20
    assert len(side.conflicts) == reassembly.MAX_CONFLICTS
    assert sums[0] <= MANY + 10  # each packet once


def test_lone_syns_are_given_up_oldest_first_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "MAX_UNANSWERED", 10)
    flow = compile_text("@T\n")[0].flow
    packets = [
        Packet(n * MILLISECOND, Flow((flow.client[0], 1024 + n), flow.server), "C", n, 0, SYN)
        for n in range(100)
    ]
    taken, ended = fed(packets, tmp_path / "syn")
    assert [c.first_frame for c in ended] == list(range(1, 91))
    assert len(taken.open) == 10
    assert taken.limits == {"connections of which only a SYN was seen: 10"}
