"""Checks of what the network did: their own examples, and what must not be taken for it."""

from __future__ import annotations

import pytest
from dialogue import compile_text, pcap, read_capture, sessions
from dialogue.packet import RST, SERVER
from judging import every, found, judge_example, one

from smtpsniff.checks import Check, between, loss

LARGE = '@T ; @D ; LOSS C "A"*1448 4'


@pytest.mark.parametrize("check", [*loss.CHECKS, *between.CHECKS], ids=lambda c: c.id)
def test_example(check: Check) -> None:
    judge_example(check)


# What each dialogue must not be taken for, and why not.
NEAR = [
    ("tcp-retransmission-burst", '@G ; LOSS C "NOOP\\r\\n" 3 ; S "250 Ok\\r\\n"', "too few"),
    ("tcp-rto-stall", '@G ; C "NOOP\\r\\n" ; +5 S "250 Ok\\r\\n"', "the server took its time"),
    (
        "tcp-rto-stall",
        '@G ; LOSS C "NOOP\\r\\n" 2 ; +9 S "250 Ok\\r\\n" ; @Q',
        "a small part of the wait",
    ),
    (
        "tcp-rto-stall",
        '@T ; @D ; C "a" ; WIN S 0 ; LOSS C "b" 3 ; WIN S 65536 ; @X',
        "the window was closed",
    ),
    ("tcp-zero-window", "@T ; @D ; @H ; @X ; RST S", "a reset has no window"),
    ("tcp-bad-checksum", '@G ; LOSS C "NOOP\\r\\n" 2 ; S "250 Ok\\r\\n"', "it was right"),
    ("tcp-connect-unreachable", "OPEN ; ICMP C 3 1 0", "connected"),
    ("tcp-connect-unreachable", "SYN C ; ICMP C 3 4 1400", "too big is not unreachable"),
    ("tcp-reset-injected", "@G ; @EN ; RST S ttl=63", "nearly as many hops"),
    ("tcp-reset-injected", "@G ; @EN ; RST S ttl=40", "nothing else is odd"),
    ("tcp-idle-drop", '@G ; @EN ; +90 C "NOOP\\r\\n" ; S "250 Ok\\r\\n"', "it was answered"),
    ("tcp-idle-drop", "@G ; @EN ; FIN S ; +90 RST C", "it had been closed"),
    ("tcp-idle-drop", '@G ; @EN ; +90 C "NOOP\\r\\n"', "the capture ends"),
    ("tcp-pmtu-black-hole", '@T ; @D ; C "A"*1448 ; ACK S ; LOSS C "A"*1448 5', "one got through"),
    ("tcp-pmtu-black-hole", '@T ; @D ; LOSS C "A"*900 5', "small"),
]


@pytest.mark.parametrize(("name", "text", "why"), NEAR, ids=[f"{n}: {w}" for n, _, w in NEAR])
def test_near(name: str, text: str, why: str) -> None:
    assert not found(name, text), why


@pytest.mark.parametrize("framing", ["duplicated", "reordered", "reordered_client", "merged"])
@pytest.mark.parametrize("text", ["@T ; @D ; @H ; @X ; @Q", "@G ; @EN ; @Q"])
def test_how_it_was_captured_alarms_nobody(text: str, framing: str) -> None:
    ids = {check.id for check in (*loss.CHECKS, *between.CHECKS)}
    assert not ids & {f.check for f in every(text, framing=framing)}


def test_small_packets_may_come_first() -> None:
    text = '@T ; @D ; C "Subject: t\\r\\n" ; ACK S ; C "\\r\\n" ; ACK S ; LOSS C "A"*1448 4'
    assert one("tcp-pmtu-black-hole", text).confidence == "likely"


def test_a_router_that_complains_is_proof() -> None:
    text = '@T ; @D ; C "A"*1448 ; ACK S ; C "B"*1448 stale ; ICMP C 3 4 1400 ; LOSS C "B"*1448 4'
    # The segment after the one that got stuck is the one that is repeated.
    finding = one("tcp-pmtu-black-hole", text)
    assert finding.confidence == "certain"
    assert "203.0.113.9 had said: the packet is too big" in finding.text
    assert "at most 1400 octets" in finding.text


def test_what_passes_in_pieces_was_too_big() -> None:
    packets = compile_text(LARGE)
    piece = packets[-1].copy(packets[-1].time + 10**9, payload=b"A" * 500)
    tail = compile_text('@T ; @D ; C "A"*500 ; +99 ACK S')[-1]
    (session,) = read_capture(pcap([*packets, piece, tail]))
    (finding,) = [f for f in session.findings if f.check == "tcp-pmtu-black-hole"]
    assert finding.severity == "warning"
    assert "only in smaller pieces" in finding.text


def test_the_server_may_be_the_one_whose_large_packets_vanish() -> None:
    text = '@G ; C "EHLO a.example.net\\r\\n" ; LOSS S "250-x\\r\\n"*207 4'
    assert "of the server" in one("tcp-pmtu-black-hole", text).text


def test_where_it_was_lost_is_told() -> None:
    seen = one("tcp-retransmission-burst", '@G ; LOSS C "NOOP\\r\\n" 4 ; S "250 Ok\\r\\n"')
    assert "between the point of capture and the server" in seen.text
    assert "again, the same one up to 3 times; they" in seen.text


def test_two_ends_reset_at_once() -> None:
    finding = one("tcp-reset-injected", "@G ; @EN ; RST S ttl=120 ; +0.01 RST C ttl=110")
    assert finding.count == 2
    (session,) = sessions("@G ; @EN ; RST S ttl=120 ; +0.01 RST C ttl=110")
    assert session.ended == "rst-suspect-injected"


def test_a_stack_that_marks_its_resets_is_possible_only() -> None:
    packets = compile_text('@G ; @EN ; RST S ttl=255 ; S "421 late\\r\\n"')
    assert next(p for p in packets if p.flags & RST).direction == SERVER
    (session,) = read_capture(pcap(packets))
    (finding,) = [f for f in session.findings if f.check == "tcp-reset-injected"]
    assert finding.confidence == "possible"


def test_unreachable_is_an_outcome_in_the_routers_words() -> None:
    (session,) = sessions("SYN C ; ICMP C 3 13 0 ; +1 SYN C ; ICMP C 3 13 0")
    assert (session.verdict.outcome, session.ended) == ("unreachable", "unreachable")
    assert "203.0.113.9" in session.verdict.text
    assert "forbidden by a filter" in session.verdict.text
    assert session.verdict.cause == "tcp-connect-unreachable"
    notes = [e for e in session.timeline if e.from_ == "network"]
    assert [e.frame for e in notes] == [2, 4]


def test_an_error_for_another_number_is_forged() -> None:
    packets = compile_text("SYN C ; ICMP C 3 1 0")
    quoted = bytearray(packets[1].payload)
    quoted[24] ^= 0x55  # the number of the quoted segment
    packets[1].payload = bytes(quoted)
    (session,) = read_capture(pcap(packets))
    assert not session.findings
    assert not [e for e in session.timeline if e.from_ == "network"]


def test_after_a_long_silence_a_reset_answers() -> None:
    text = '@G ; @EN ; +200 C "NOOP\\r\\n" ; RST S'
    finding = one("tcp-idle-drop", text.replace("RST S", "RST S stale"))
    assert "answered by a reset" in finding.text
