"""Sequence numbers as tools write them that draw captures rather than record them."""

from __future__ import annotations

import pytest
from dialogue import compile_text, pcap, read_capture
from dialogue.packet import SYN

TEXT = r"""@G ; C "EHLO a.example.net\r\nQUIT\r\n" ; FIN C"""


@pytest.mark.parametrize("constant", [False, True])
def test_syn_without_a_number_of_its_own(constant: bool) -> None:
    packets = [
        packet if packet.flags & SYN else packet.copy(seq=packet.seq - 1)
        for packet in compile_text(TEXT, isn=(0, 0))
    ]
    if constant:  # and nothing else has one
        packets = [packet.copy(seq=0) for packet in packets]
    (session,) = read_capture(pcap(packets))
    assert session.greeting.code == "220"
    assert [e.verb for e in session.timeline if e.kind == "command"] == ["EHLO", "QUIT"]


def test_one_octet_below_the_stream_is_a_keep_alive() -> None:
    packets = compile_text(TEXT, isn=(0, 0))
    probe = packets[3].copy(seq=packets[3].seq - 1, payload=b"\0")
    (session,) = read_capture(pcap([*packets[:3], probe, *packets[3:]]))
    assert session.greeting.code == "220"
