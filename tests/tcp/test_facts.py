"""The facts of a connection: counts of both sides, round trips, whatever the window's size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from dialogue import compile_text, pcap, read_capture, sessions
from dialogue.packet import MILLISECOND

from smtpsniff.pipeline import Settings
from smtpsniff.pipeline.analysis import Analysis, sessions_of

if TYPE_CHECKING:
    from pathlib import Path

    from smtpsniff.records import Session, TcpFacts

COUNTS = (
    "retransmissions", "spurious", "out_of_order", "keep_alives", "zero_windows", "window_full",
)  # fmt: skip


def facts(text: str, framing: str = "whole") -> TcpFacts:
    (session,) = sessions(text, framing)
    return session.tcp


def counted(tcp: TcpFacts) -> dict[str, tuple[float | int | None, float | int | None]]:
    both = {name: getattr(tcp, name) for name in COUNTS}
    return {n: (b.client, b.server) for n, b in both.items() if b.client or b.server}


MAIL = '@T ; @D ; C "Subject: t\\r\\n\\r\\n" ; C "hello\\r\\n"*400 ; @X ; @Q'
CASES = [
    ("@G ; @EN ; @Q", {}),
    ('@G ; LOSS C "NOOP\\r\\n" 3 ; S "250 Ok\\r\\n" ; @Q', {"retransmissions": (2, 0)}),
    # Acknowledged, and sent again all the same.
    (
        '@G ; C "NOOP\\r\\n" ; S "250 Ok\\r\\n" ; LOSS S "250 Ok\\r\\n" 2 ; @Q',
        {"retransmissions": (0, 1)},
    ),
    ("@T ; @D ; WIN S 0 ; +2 WIN S 65536 ; @H ; @X ; @Q", {"zero_windows": (0, 1)}),
    ("@T ; @D ; WIN S 0 ; +1 WIN S 0 ; +2 WIN S 65536 ; @H ; @X", {"zero_windows": (0, 2)}),
    ('@T ; @D ; WIN S 512 ; C "a"*512 ; ACK S ; @X', {"window_full": (1, 0)}),
    ('@T ; @D ; WIN S 512 ; C "a"*511 ; ACK S ; @X', {}),
    (MAIL, {}),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_counts(text: str, expected: dict[str, tuple[int, int]]) -> None:
    assert counted(facts(text)) == expected


def test_a_keep_alive_is_no_retransmission() -> None:
    packets = compile_text("@G\n@EN\n@Q")
    at = next(i for i, p in enumerate(packets) if p.payload.startswith(b"EHLO")) + 1
    probe = packets[at - 1].copy(
        time=packets[at].time + MILLISECOND,
        seq=packets[at - 1].seq + len(packets[at - 1].payload) - 1,
        payload=b"\0",
    )
    (session,) = read_capture(pcap([*packets[: at + 1], probe, *packets[at + 1 :]]))
    assert counted(session.tcp) == {"keep_alives": (1, 0)}


def test_what_a_mirror_port_delivers_twice_counts_once() -> None:
    tcp = facts(MAIL, "duplicated")
    assert counted(tcp) == {}
    assert (tcp.mirrored.client, tcp.mirrored.server) > (0, 0)


def test_what_is_overtaken_was_not_sent_again() -> None:
    tcp = facts(MAIL, "reordered_client")
    assert tcp.retransmissions.client == 0


WITH_TROUBLE = (
    '@T ; @D ; C "a\\r\\n"*300 ; WIN S 512 ; C "b"*512 ; WIN S 0 ; +3 WIN S 65536\n'
    'LOSS C "c\\r\\n"*90 3 ; ACK S ; @X ; @Q'
)


@pytest.mark.parametrize("text", [MAIL, WITH_TROUBLE])
def test_windows_of_the_capture_change_nothing(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(compile_text(text)))

    def read(window: int | None) -> Session:
        (session,) = sessions_of(Analysis([path], Settings(window=window)))
        return session

    whole = read(None)
    for window in (300, 700, 2000):
        assert read(window).tcp == whole.tcp


def test_round_trips_of_the_handshake() -> None:
    rtt = facts("@G ; @EN ; @Q").rtt
    assert (rtt.client, rtt.server) == (0.01, 0.01)


def test_round_trips_without_a_handshake_are_those_of_the_quickest_answers() -> None:
    rtt = facts("@T ; @D ; @H ; @X ; @Q", "without_syn").rtt
    assert (rtt.client, rtt.server) == (0.01, 0.01)
    assert facts("@EN").rtt.server is None


def test_of_two_syns_time_stamps_tell_which_was_answered() -> None:
    def stamp(value: int, echo: int) -> bytes:
        return b"\x08\x0a" + value.to_bytes(4) + echo.to_bytes(4) + b"\0\0"

    packets = compile_text("SYN C ; +1.0 SYN C ; +0.03 SYN S ; ACK C ; @EN ; @Q")
    packets[0].options, packets[1].options = stamp(7, 0), stamp(1007, 0)
    for echo, trip in ((1007, 0.03), (7, 1.03)):
        packets[2].options = stamp(5, echo)
        (session,) = read_capture(pcap(packets))
        assert session.tcp.rtt.server == pytest.approx(trip)
