"""Ordered bytes out of disorder: copies that differ, wraps, gaps, cuts, reuse, keep-alives."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from dialogue import capture, compile_text, frames, in_order, pcap, read_capture, sessions
from dialogue.packet import ACK, MILLISECOND, SYN, Packet

if TYPE_CHECKING:
    from smtpsniff.records import Session

MAIL = (
    '@T\n@D\nC "Subject: t\\r\\n\\r\\nhello\\r\\n.\\r\\n"\nS "250 2.0.0 Ok: queued as 1A\\r\\n"\n@Q'
)


def one(octets: bytes) -> Session:
    (session,) = read_capture(octets)
    return session


def said(session: Session) -> list[tuple[str, str, str]]:
    return [
        (e.from_, e.kind, e.text) for e in session.timeline if e.kind not in ("connect", "close")
    ]


def position(packets: list[Packet], words: bytes) -> int:
    return next(i for i, p in enumerate(packets) if words in p.payload)


def with_copy(words: bytes, other: bytes) -> list[Packet]:
    """MAIL, with a second copy of one segment right behind it that says something else."""
    packets = compile_text(MAIL)
    at = position(packets, words)
    first = packets[at]
    second = first.copy(time=first.time + MILLISECOND, payload=first.payload.replace(words, other))
    return [*packets[: at + 1], second, *packets[at + 1 :]]


def broken(octets: bytes, number: int) -> bytes:
    """A capture whose packet `number` (from 0) has a wrong TCP checksum."""
    at = 24
    for _ in range(number):
        at += 16 + struct.unpack_from("<I", octets, at + 8)[0]
    place = at + 16 + 14 + 20 + 16
    return octets[:place] + bytes([octets[place] ^ 0x55]) + octets[place + 1 :]


def test_first_copy_wins_and_the_other_is_evidence() -> None:
    session = one(pcap(with_copy(b"RCPT TO:<r@", b"RCPT TO:<x@")))
    assert session.transactions[0].recipients[0].address == "r@mx.example"
    (finding,) = [f for f in session.findings if f.check == "tcp-overlap-conflict"]
    assert len(finding.frames) >= 2


def test_a_good_copy_beats_a_damaged_first_one() -> None:
    packets = with_copy(b"RCPT TO:<r@", b"RCPT TO:<g@")
    octets = broken(pcap(packets), position(packets, b"RCPT TO:<r@"))
    assert one(octets).transactions[0].recipients[0].address == "g@mx.example"


def test_two_damaged_copies_leave_the_first() -> None:
    """Offloaded checksums are wrong on every packet the capturing host sends."""
    packets = with_copy(b"RCPT TO:<r@", b"RCPT TO:<g@")
    at = position(packets, b"RCPT TO:<r@")
    octets = broken(broken(pcap(packets), at), at + 1)
    assert one(octets).transactions[0].recipients[0].address == "r@mx.example"


def test_bad_checksums_are_used_and_counted_on_request() -> None:
    packets = compile_text(MAIL)
    octets = broken(pcap(packets), position(packets, b"MAIL FROM"))
    assert one(octets).verdict.outcome == "delivered"
    assert one(octets).tcp.bad_checksums is None
    (session,) = read_capture(octets, verify_checksums=True)
    assert (session.tcp.bad_checksums.client, session.tcp.bad_checksums.server) == (1, 0)


@pytest.mark.parametrize("isn", [(0xFFFF_FFF0, 7), (7, 0xFFFF_FFC0), (0xFFFF_FFFF, 0xFFFF_FFFF)])
@pytest.mark.parametrize("framing", ["whole", "one_byte", "reordered", "retransmitted"])
def test_sequence_numbers_wrap(isn: tuple[int, int], framing: str) -> None:
    (wrapped,) = sessions(MAIL, framing, isn=isn)
    (plain,) = sessions(MAIL)
    assert said(wrapped) == said(plain)


def test_data_on_the_syn() -> None:
    packets = compile_text(
        'OPEN\nC "EHLO a.example.net\\r\\n"\nS "220 mx.example\\r\\n250 x\\r\\n"'
    )
    early = packets[position(packets, b"EHLO")].payload
    packets = [p for p in packets if p.payload != early]
    syn = next(p for p in packets if p.flags & SYN and not p.flags & ACK)
    at = packets.index(syn)
    packets[at] = syn.copy(payload=early)
    assert one(pcap(packets)).helo.name == "a.example.net"


def test_a_gap_is_told_with_its_length() -> None:
    text = (
        '@T\n@D\nC "Subject: t\\r\\n\\r\\n"\nGAP C 700\nC "end\\r\\n.\\r\\n"\nS "250 Ok\\r\\n"\n@Q'
    )
    (session,) = sessions(text)
    assert session.complete.gaps.client == 700
    message = session.transactions[0].message
    assert message.complete is False
    assert message.sha256 is None
    assert "tcp-capture-gap" in {f.check for f in session.findings}
    assert {f.severity for f in session.findings} == {"note"}


def test_what_the_snap_length_cut_is_a_gap() -> None:
    session = one(pcap(compile_text(MAIL), snaplen=70))
    gaps = session.complete.gaps
    assert gaps.client > 0
    assert gaps.server > 0
    assert [f.check for f in session.findings] == ["tcp-truncated-capture"]
    # What is left of each line is read; nothing more is claimed.
    verbs = [e.verb for e in session.timeline if e.kind == "command"]
    assert verbs == ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"]
    assert session.transactions[0].recipients[0].outcome == "accepted"
    assert session.transactions[0].message.complete is False


def test_ports_used_again_are_two_sessions() -> None:
    first = compile_text(MAIL)
    later = first[-1].time - first[0].time + 2_000 * MILLISECOND
    again = compile_text(MAIL, isn=(123_456, 654_321), start=first[0].time + later)
    found = read_capture(pcap(in_order([*first, *again])))
    assert [s.number for s in found] == [1, 2]
    assert [s.verdict.outcome for s in found] == ["delivered", "delivered"]
    assert "frame.number" in found[1].display_filter


def test_keep_alives_are_no_data() -> None:
    packets = compile_text(MAIL)
    at = position(packets, b"RCPT TO")
    probe = packets[at].copy(
        time=packets[at].time - MILLISECOND, seq=packets[at].seq - 1, payload=b""
    )
    garbage = probe.copy(payload=b"\0")
    session = one(pcap([*packets[:at], probe, garbage, *packets[at:]]))
    assert session.tcp.keep_alives.client >= 1
    assert not [f for f in session.findings if f.check == "tcp-overlap-conflict"]
    assert session.verdict.outcome == "delivered"


def test_every_entry_knows_its_frames() -> None:
    (session,) = sessions(MAIL, "one_byte")
    helo = next(e for e in session.timeline if e.verb == "EHLO")
    assert helo.frames[1] - helo.frames[0] == len("EHLO a.example.net\r\n") - 1
    assert helo.frame == helo.frames[1]


def test_padding_is_cut() -> None:
    plain, padded = (list(frames(compile_text(MAIL), padded=p)) for p in (False, True))
    assert plain != padded
    assert said(one(capture(MAIL))) == said(one(pcap(compile_text(MAIL), padded=True)))
