from __future__ import annotations

import pytest

from smtpsniff.output.layers import layer
from smtpsniff.records import Layer

WORDS = {
    "VLAN 5": Layer("vlan", id=5),
    "MPLS label 0": Layer("mpls", label=0),
    "VXLAN 42 from 192.0.2.1 to 192.0.2.2": Layer("vxlan", "192.0.2.1", "192.0.2.2", vni=42),
    "L2TP 8 session 9 from 2001:db8::1 to 2001:db8::2": Layer(
        "l2tp", "2001:db8::1", "2001:db8::2", id=8, session=9
    ),
    "SOCKS 5 to mx.example:25": Layer("socks5", host="mx.example", port=25),
    "HTTP CONNECT to \\x1b[2J:25": Layer("http-connect", host="\x1b[2J", port=25),
    "PROXY header from 192.0.2.1:4711 to [2001:db8::1]:25": Layer(
        "proxy", "192.0.2.1", "2001:db8::1", 4711, 25, version=1
    ),
    "something else": Layer("something else"),
}


@pytest.mark.parametrize("words", WORDS)
def test_in_words(words: str) -> None:
    assert layer(WORDS[words]) == words
