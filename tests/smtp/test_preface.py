"""SMTP behind a PROXY header, SOCKS or HTTP CONNECT."""

from __future__ import annotations

import random
import struct
from typing import Any

import pytest
from dialogue import SAME, sessions

from smtpsniff.records import Layer
from smtpsniff.smtp.preface import MAX_PREFACES, in_front

V2 = b"\r\n\r\n\x00\r\nQUIT\n"
ENDS4 = bytes([192, 0, 2, 1, 192, 0, 2, 9]) + struct.pack("!HH", 4711, 25)
ENDS6 = bytes.fromhex("20010db8" + "00" * 11 + "01" + "20010db8" + "00" * 11 + "09") + ENDS4[8:]
TLVS = b"\x05\x00\x03abc"


def v2(command: int, family: int, block: bytes) -> bytes:
    return V2 + struct.pack("!BBH", command, family, len(block)) + block


def proxy(version: int, *ends: str) -> Layer:
    ports = (4711, 25) if ends else ()
    return Layer("proxy", *ends, *ports, version=version)


SOCKS5_ANSWER = bytes([5, 0, 0, 1, 10, 0, 0, 9, 200, 1])
HOST = bytes([5, 1, 0, 3, 10]) + b"mx.example" + b"\0\x19"
GRANTED = b"HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\n"
ASKED = Layer("socks5", host="mx.example", port=25)
TURNS = {
    "proxy 1": ([("C", b"PROXY TCP4 192.0.2.1 192.0.2.9 4711 25\r\n")],
                [proxy(1, "192.0.2.1", "192.0.2.9")]),
    "proxy 1, ipv6": ([("C", b"PROXY TCP6 2001:db8::1 2001:db8::9 4711 25\r\n")],
                      [proxy(1, "2001:db8::1", "2001:db8::9")]),
    "proxy 1, unknown": ([("C", b"PROXY UNKNOWN\r\n")], [proxy(1)]),
    "proxy 1, unknown with addresses": (
        [("C", b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n")], [proxy(1)]),
    "proxy 1, no addresses": ([("C", b"PROXY TCP4 a b 1 2\r\n")], [proxy(1)]),
    "proxy 2": ([("C", v2(0x21, 0x11, ENDS4))], [proxy(2, "192.0.2.1", "192.0.2.9")]),
    "proxy 2, ipv6 and more": ([("C", v2(0x21, 0x21, ENDS6 + TLVS))],
                               [proxy(2, "2001:db8::1", "2001:db8::9")]),
    "proxy 2, local": ([("C", v2(0x20, 0, b""))], [proxy(2)]),
    "proxy 2, unix": ([("C", v2(0x21, 0x31, bytes(216)))], [proxy(2)]),
    "socks 5": ([("C", b"\5\1\0"), ("S", b"\5\0"), ("C", HOST), ("S", SOCKS5_ANSWER)], [ASKED]),
    "socks 5, login": (
        [("C", b"\5\2\0\2"), ("S", b"\5\2"), ("C", b"\1\4anna\6secret"), ("S", b"\1\0"),
         ("C", HOST), ("S", SOCKS5_ANSWER)], [ASKED]),
    "socks 5, ipv4": (
        [("C", b"\5\3\0\1\2"), ("S", b"\5\0"), ("C", b"\5\1\0\1" + bytes([192, 0, 2, 9, 2, 75])),
         ("S", b"\5\0\0\3\1x\0\0")], [Layer("socks5", host="192.0.2.9", port=587)]),
    "socks 5, ipv6": (
        [("C", b"\5\1\0"), ("S", b"\5\0"), ("C", b"\5\1\0\4" + ENDS6[:16] + b"\0\x19"),
         ("S", b"\5\0\0\4" + bytes(18))], [Layer("socks5", host="2001:db8::1", port=25)]),
    "socks 4": ([("C", b"\4\1\0\x19" + ENDS4[:4] + b"anna\0"), ("S", b"\0\x5a" + bytes(6))],
                [Layer("socks4", host="192.0.2.1", port=25)]),
    "socks 4a": ([("C", b"\4\1\0\x19\0\0\0\1\0mx.example\0"), ("S", b"\0\x5a" + bytes(6))],
                 [Layer("socks4", host="mx.example", port=25)]),
    "connect": ([("C", b"CONNECT mx.example:25 HTTP/1.1\r\nHost: mx.example:25\r\n\r\n"),
                 ("S", GRANTED)], [Layer("http-connect", host="mx.example", port=25)]),
    "connect, ipv6": (
        [("C", b"CONNECT [2001:db8::9]:2525 HTTP/1.0\r\n\r\n"), ("S", b"HTTP/1.0 200 OK\r\n\r\n")],
        [Layer("http-connect", host="2001:db8::9", port=2525)]),
    "connect to another port": (
        [("C", b"CONNECT mx.example:2626 HTTP/1.1\r\n\r\n"), ("S", GRANTED)],
        [Layer("http-connect", host="mx.example", port=2626)]),
    "a balancer, then a proxy of a proxy": (
        [("C", v2(0x21, 0x11, ENDS4)), ("C", b"CONNECT other:1080 HTTP/1.1\r\n\r\n"),
         ("S", GRANTED), ("C", b"\5\1\0"), ("S", b"\5\0"), ("C", HOST), ("S", SOCKS5_ANSWER)],
        [proxy(2, "192.0.2.1", "192.0.2.9"), Layer("http-connect", host="other", port=1080), ASKED]),
}  # fmt: skip
MAIL = "S \"220 mx.example ESMTP\\r\\n\"\n@EN\n@M\n@R\n@D\nC \"Subject: t\\r\\n\\r\\nx\\r\\n.\\r\\n\"\nS \"250 2.0.0 Ok: queued as 4ABCDEF1234\\r\\n\"\n@Q"  # fmt: skip


def text(turns: list[tuple[str, bytes]], rest: str = MAIL, port: int = 1080) -> str:
    lines = [f"SESSION server_port={port}", "OPEN"]
    for who, data in turns:
        octets = "".join(f"\\x{byte:02x}" for byte in data)
        lines.append(f'{who} "{octets}"')
    return "\n".join([*lines, rest])


def said(session: Any) -> list[tuple[str, str]]:  # noqa: ANN401 (a record)
    """The dialogue without what stands in front of it."""
    return [
        (e.kind, e.text) for e in session.timeline if e.kind not in ("note", "connect", "close")
    ]


PLAIN = said(sessions(f"SESSION server_port=25\nOPEN\n{MAIL}")[0])


@pytest.mark.parametrize("port", [25, 1080])
@pytest.mark.parametrize("name", TURNS)
def test_a_session_like_any_other(name: str, port: int) -> None:
    turns, layers = TURNS[name]
    (session,) = sessions(text(turns, port=port))
    assert session.encapsulation == layers
    assert said(session) == PLAIN
    assert session.verdict.outcome == "delivered"
    assert session.transactions[0].reply.queue_id == "4ABCDEF1234"
    assert not {"command-before-greeting", "internal-error"} & {f.check for f in session.findings}
    assert "secret" not in repr(session)


@pytest.mark.parametrize("framing", SAME)
@pytest.mark.parametrize("name", ["proxy 2", "socks 5, login", "socks 4a", "connect"])
def test_however_it_was_sent(name: str, framing: str) -> None:
    turns, layers = TURNS[name]
    (session,) = sessions(text(turns), framing)
    assert session.encapsulation == layers
    assert said(session) == PLAIN


def test_without_a_preface_there_is_no_encapsulation() -> None:
    (session,) = sessions(text([], port=25))
    assert session.encapsulation is None


def test_the_greeting_is_waited_for_from_the_proxys_answer() -> None:
    turns, _ = TURNS["socks 5"]
    before, after = text(turns[:2], ""), text(turns[2:]).partition("OPEN\n")[2]
    slow = f"{before}\n+8 {after}"
    (session,) = sessions(slow)
    assert "greeting-slow" not in {f.check for f in session.findings}


def test_tls_behind_a_proxy() -> None:
    turns, layers = TURNS["connect"]
    (session,) = sessions(text(turns, "@CH\n@SH"))
    assert (session.protocol, session.tls.how, session.encapsulation) == ("tls", "implicit", layers)


NO_MAIL = {
    "socks refused": [("C", b"\5\1\0"), ("S", b"\5\0"), ("C", HOST), ("S", b"\5\5\0\1" + bytes(6))],
    "no method": [("C", b"\5\1\0"), ("S", b"\5\xff")],
    "wrong password": [("C", b"\5\1\2"), ("S", b"\5\2"), ("C", b"\1\1a\1b"), ("S", b"\1\1")],
    "to bind": [("C", b"\5\1\0"), ("S", b"\5\0"), ("C", b"\5\2" + HOST[2:]), ("S", SOCKS5_ANSWER)],
    "socks 4 refused": [("C", b"\4\1\0\x19" + ENDS4[:4] + b"\0"), ("S", b"\0\x5b" + bytes(6))],
    "connect refused": [("C", b"CONNECT mx:25 HTTP/1.1\r\n\r\n"),
                        ("S", b"HTTP/1.1 403 Forbidden\r\n\r\n")],
    "the web": [("C", b"CONNECT web:443 HTTP/1.1\r\n\r\n"), ("S", GRANTED), ("C", b"GET / HTTP/1.1\r\n\r\n")],
    "unfinished": [("C", b"\5\1\0"), ("S", b"\5\0"), ("C", HOST[:7])],
}  # fmt: skip


@pytest.mark.parametrize("name", NO_MAIL)
def test_what_is_no_mail_behind_a_proxy(name: str) -> None:
    assert sessions(text(NO_MAIL[name], "FIN C")) == []


def test_connect_said_to_a_mail_server_is_a_command() -> None:
    (session,) = sessions(
        text(
            [("C", b"CONNECT mx:25 HTTP/1.1\r\n\r\n")], 'S "220 mx\\r\\n"\nS "500 no\\r\\n"\n@Q', 25
        )
    )
    assert session.encapsulation is None
    assert any(e.kind == "command" and "CONNECT" in e.text for e in session.timeline)


def test_prefaces_without_end() -> None:
    front = in_front(b"PROXY UNKNOWN\r\n" * 1000, b"")
    assert len(front.prefaces) == MAX_PREFACES


def _both(turns: list[tuple[str, bytes]]) -> tuple[bytes, bytes]:
    client, server = (b"".join(data for who, data in turns if who == side) for side in "CS")
    return client, server


@pytest.mark.parametrize("name", TURNS)
def test_cut_anywhere(name: str) -> None:
    """Every beginning waits for more or is none; none is taken for the whole."""
    turns, layers = TURNS[name]
    client, server = _both(turns)
    for size in range(1, len(client)):
        front = in_front(client[:size], server)
        assert front.more or len(front.prefaces) < len(layers)
        assert front.client <= size
    for size in range(len(server)):
        front = in_front(client, server[:size])
        assert front.more
        assert front.server <= size
    assert in_front(client + b"EHLO x\r\n", server + b"220 mx\r\n").layers == layers


def test_hostile_prefaces() -> None:
    generator = random.Random(17)
    for turns, _ in TURNS.values():
        for _ in range(200):
            client, server = map(bytearray, _both(turns))
            for side in (client, server):
                for _ in range(generator.randrange(4) if side else 0):
                    side[generator.randrange(len(side))] = generator.randrange(256)
            front = in_front(bytes(client), bytes(server))
            assert 0 <= front.client <= len(client)
            assert 0 <= front.server <= len(server)
