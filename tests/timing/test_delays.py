"""Where the time went: every part of it, at any tap, and never more or less than there was."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from dialogue import compile_text, pcap, read_capture, sessions
from dialogue.packet import CLIENT, MILLISECOND, SERVER

import smtpsniff
from smtpsniff.timing import PARTS

if TYPE_CHECKING:
    from smtpsniff.records import Session

CORPUS = os.environ.get("SMTPSNIFF_CORPUS", "")


def spent(session: Session) -> dict[str, float]:
    """Parts that are not nothing, in milliseconds."""
    parts = {n: round(s * 1000, 6) for n, s in session.delays.items() if n in PARTS}
    return {name: value for name, value in parts.items() if value}


def parts(text: str, framing: str = "whole") -> dict[str, float]:
    (session,) = sessions(text, framing)
    return spent(session)


def total(session: Session) -> int:
    return sum(round(session.delays[name] * 1e9) for name in PARTS)


# PROTOCOL E.8: the tap in the middle, 20 ms to the server and back, 10 ms to the client.
EXAMPLE = r"""
SYN C ; +0.020 SYN S ; +0.010 ACK C
+0.220 S "220 mx.example\r\n"
+0.012 C "EHLO a.example.net\r\n"
+0.020 ACK S ; +0.500 S "250 mx.example\r\n"
"""


def test_the_worked_example() -> None:
    (session,) = sessions(EXAMPLE)
    assert (session.tcp.rtt.server, session.tcp.rtt.client) == (0.02, 0.01)
    # Connecting has 30 ms; of what follows two trips to the server and one to the client.
    assert spent(session) == {
        "connect": 30, "greeting": 200, "client": 2, "server": 500, "network": 50,
    }  # fmt: skip
    # Its acknowledgement came alone after 20 ms, so that there is no doubt about the 500.
    assert "bounds" not in session.delays


def test_loss_beyond_the_tap_is_no_slow_server() -> None:
    text = (
        EXAMPLE
        + r"""
+0.218 C "RCPT TO:<r@mx.example>\r\n"
"""
    )
    packets = compile_text(text)
    copy = packets[-1].copy(packets[-1].time + 300 * MILLISECOND)
    answer = compile_text(text + r'+0.330 S "250 2.1.5 Ok\r\n"')[-1]
    (session,) = read_capture(pcap([*packets, copy, answer]))
    before = parts(text)
    after = spent(session)
    assert {name: after[name] - before.get(name, 0) for name in ("loss", "server")} == {
        "loss": 300, "server": 10,
    }  # fmt: skip


def test_an_answer_that_comes_too_soon_after_a_copy_answers_the_first() -> None:
    packets = compile_text(EXAMPLE + r'+0.2 C "NOOP\r\n" ; +1.001 S "250 Ok\r\n"')
    copy = packets[-2].copy(packets[-2].time + 1000 * MILLISECOND)
    (session,) = read_capture(pcap([*packets[:-1], copy, packets[-1]]))
    assert "loss" not in spent(session)
    assert spent(session)["server"] == 500 + 1001 - 20


def test_the_body_the_dot_and_the_client_that_prepares() -> None:
    after = parts('@T ; @D ; +3.0 C "Subject: t\\r\\n" ; +2.0 @X ; +5.0 @Q')
    assert after["client"] == 2990 + 4990
    assert after["transfer"] == 2000
    assert "after_dot" not in after
    after = parts('@T ; @D ; C "Subject: t\\r\\n\\r\\n.\\r\\n" ; +7.0 S "250 Ok\\r\\n" ; @Q')
    assert after["after_dot"] == 6990


def test_only_the_first_reply_of_a_group_has_travelled() -> None:
    text = '@G ; C "NOOP\\r\\nNOOP\\r\\n" ; S "250 Ok\\r\\n" ; +1.0 S "250 Ok\\r\\n"'
    assert parts(text)["server"] == 1000


def test_a_repeated_syn_is_loss() -> None:
    after = parts('SYN C ; +1.0 OPEN ; S "220 mx.example\\r\\n" ; @E ; @M ; @R ; @Q')
    assert (after["loss"], after["connect"]) == (1000, 20)


def test_who_was_waited_for_when_it_ended() -> None:
    assert parts("@G ; @EN ; +60 FIN S ; FIN C")["client"] > 59_000  # the server tired of it
    assert parts('@G ; C "NOOP\\r\\n" ; +60 FIN C ; FIN S')["server"] > 59_000
    assert parts("OPEN ; +60 FIN C ; FIN S")["greeting"] > 59_000
    assert parts('@G ; @EN ; +70 S "421 idle\\r\\n" ; FIN S')["client"] > 69_000


def test_what_nobody_acknowledged_is_loss_to_the_end() -> None:
    assert parts('@T ; @D ; LOSS C "A"*1448 4')["loss"] == 7000


def test_one_side_alone_tells_nothing_of_the_other() -> None:
    for framing in ("without_client", "without_server"):
        after = parts("@T ; @D ; @H ; @X ; @Q", framing)
        assert not {"server", "client", "network", "after_dot", "greeting"} & after.keys()
        assert after["unknown"] > 0


def test_without_a_round_trip_there_are_bounds() -> None:
    text = '@EN ; C "NOOP\\r\\n" ; +5 S "250 Ok\\r\\n"'
    (session,) = sessions(text)
    low, high = session.delays["bounds"]["server"]
    assert (low, high) == (pytest.approx(4.99), pytest.approx(5.01))
    assert session.delays["server"] == high


def test_a_lone_acknowledgement_proves_what_the_server_took() -> None:
    text = '@G ; C "NOOP\\r\\n" ; +0.3 ACK S ; +5 S "250 Ok\\r\\n"'
    (session,) = sessions(text)
    # 10 ms of the 300 are the round trip; the rest the network may have had, too.
    assert session.delays["bounds"]["server"] == [pytest.approx(5.0), pytest.approx(5.29)]


@pytest.mark.parametrize("tap", [CLIENT, SERVER])
def test_wherever_the_tap_is_the_server_took_as_long(tap: str) -> None:
    text = '@G ; C "NOOP\\r\\n" ; +5 S "250 Ok\\r\\n" ; @Q'
    packets = compile_text(text)
    # 40 ms to and from the other end: what that end sends is seen later, what it hears earlier.
    for packet in packets:
        packet.time += (20 if packet.direction != tap else 0) * MILLISECOND
    packets.sort(key=lambda packet: packet.time)
    (session,) = read_capture(pcap(packets))
    assert session.delays["server"] == pytest.approx(4.99, abs=0.06)


TEXTS = [
    "@T ; @D ; @H ; @X ; @Q",
    "SYN C ; +1 SYN C",
    "SYN C ; RSTACK S",
    "SYN C ; ICMP C 3 1 0 ; +1 SYN C",
    '@T ; @D ; WIN S 0 ; +9 WIN S 999 ; LOSS C "a" 4 ; RST S',
    '@G ; C "NOOP\\r\\nRSET\\r\\nQUIT\\r\\n" ; S "250 a\\r\\n250 b\\r\\n" ; +1 S "221 c\\r\\n"',
    '@G ; @ET ; C "STARTTLS\\r\\n" ; S "220 go\\r\\n" ; @CH ; @SH ; +9 FIN C',
    '@EN ; GAP C 10 ; S "250 Ok\\r\\n" ; @Q',
]
FRAMINGS = [
    "whole", "one_byte", "duplicated", "reordered", "reordered_client", "retransmitted", "merged",
    "without_client", "without_server", "without_syn", "with_gap",
]  # fmt: skip


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("text", TEXTS)
def test_the_parts_are_the_whole(text: str, framing: str) -> None:
    for session in sessions(text, framing):
        _is_whole(session)


def _is_whole(session: Session) -> None:
    assert all(session.delays[name] >= 0 for name in PARTS)
    # A number of seconds holds nanoseconds exactly up to some weeks; clocks of captures may jump.
    tolerance = 0 if session.duration < 1e6 else 1000
    assert abs(total(session) - (session.end - session.start)) <= tolerance
    for name, (low, high) in session.delays.get("bounds", {}).items():
        assert 0 <= low < high
        assert high == session.delays[name]


@pytest.mark.skipif(not CORPUS, reason="SMTPSNIFF_CORPUS does not name a folder of captures")
def test_the_parts_are_the_whole_on_real_captures() -> None:
    seen = 0
    for path in sorted((Path(CORPUS) / "captures").iterdir()):
        try:
            for session in smtpsniff.read(path):
                _is_whole(session)
                seen += 1
        except smtpsniff.CaptureError:
            continue
    assert seen > 150
