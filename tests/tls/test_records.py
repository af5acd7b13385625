"""Records and handshakes, against OpenSSL talking to itself, in any pieces, and hostile."""

from __future__ import annotations

import ssl
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpsniff.smtp.handover import Tls
from smtpsniff.smtp.tls_facts import tls_facts
from smtpsniff.tls import Records
from smtpsniff.tls.records import MAX_MESSAGE, MAX_RECORD
from tls.handshakes import Wire, contexts, shake

# OpenSSL calls them so; IANA otherwise.
SUITES = {
    "ECDHE-RSA-AES256-GCM-SHA384": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "AES128-SHA256": "TLS_RSA_WITH_AES_128_CBC_SHA256",
}


def read(wire: Wire, step: int = 1 << 20) -> Tls:
    tls = Tls("implicit", None)
    for side, data in ((tls.client, wire.client), (tls.server, wire.server)):
        for at in range(0, len(data), step):
            side.feed(data[at : at + step])
    return tls


@cache
def handshake(kind: str) -> Wire:
    client, server = contexts("ec" if kind == "ec" else "rsa")
    if kind in ("1.2", "ec", "plain-rsa", "resumed-1.2"):
        client.maximum_version = ssl.TLSVersion.TLSv1_2
    if kind == "ec":
        client.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    if kind == "plain-rsa":
        client.set_ciphers("AES128-SHA256")
        server.set_ciphers("AES128-SHA256")
    if kind == "retry":
        server.set_ecdh_curve("secp384r1")
    if kind == "alpn":
        client.maximum_version = ssl.TLSVersion.TLSv1_2
        client.set_alpn_protocols(["smtp", "h2"])
        server.set_alpn_protocols(["smtp"])
    if kind == "no-cipher":
        client.maximum_version = server.maximum_version = ssl.TLSVersion.TLSv1_2
        client.set_ciphers("AES128-SHA256")
        server.set_ciphers("AES256-SHA256")
    if kind == "old-server":
        client.minimum_version = ssl.TLSVersion.TLSv1_3
        server.maximum_version = ssl.TLSVersion.TLSv1_2
    session = shake(client, server).session if kind.startswith("resumed") else None
    return shake(client, server, session=session)


GOOD = ("1.3", "1.2", "ec", "plain-rsa", "retry", "alpn", "resumed-1.2", "resumed-1.3")


@pytest.mark.parametrize("kind", GOOD)
def test_as_openssl_says(kind: str) -> None:
    wire = handshake(kind)
    tls = read(wire)
    facts = tls_facts(tls, 1)
    assert wire.version is not None
    version = wire.version if wire.version != "TLSv1" else "TLSv1.0"
    assert facts.version == version
    assert facts.cipher == SUITES.get(wire.cipher, wire.cipher)
    assert facts.sni == "mx.example"
    assert facts.alpn == ([wire.alpn] if wire.alpn else None)
    assert bool(facts.resumed) == wire.resumed
    assert bool(facts.retried) == (kind == "retry")
    hidden = version == "TLSv1.3" or wire.resumed
    assert (facts.certificates is None) == hidden
    assert tls.completed
    assert not tls.failed


def test_groups() -> None:
    wanted = {"1.3": "x25519", "retry": "secp384r1", "plain-rsa": None}
    for kind, group in wanted.items():
        got = tls_facts(read(handshake(kind)), 1).group
        # Newer libraries prefer a hybrid of two groups.
        assert got == group or (kind == "1.3" and got == "X25519MLKEM768")


@pytest.mark.parametrize(
    ("kind", "who", "said"),
    [("no-cipher", "server", "handshake_failure"), ("old-server", "server", "protocol_version")],
)
def test_alerts(kind: str, who: str, said: str) -> None:
    tls = read(handshake(kind))
    facts = tls_facts(tls, 1)
    assert tls.failed
    assert not tls.completed
    assert facts.alerts is not None
    assert [(a.from_, a.level, a.description) for a in facts.alerts] == [(who, "fatal", said)]


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.parametrize("step", [1, 2, 7, 1000])
def test_in_pieces(kind: str, step: int) -> None:
    whole, pieces = read(handshake(kind)), read(handshake(kind), step)
    assert tls_facts(pieces, 1) == tls_facts(whole, 1)
    assert (pieces.client.sealed, pieces.server.sealed) == (
        whole.client.sealed,
        whole.server.sealed,
    )


def split(data: bytes, size: int) -> bytes:
    """The clear handshake records, cut into records of `size` octets each (RFC 8446 §5.1)."""
    out, at = b"", 0
    while at + 5 <= len(data):
        end = at + 5 + int.from_bytes(data[at + 3 : at + 5], "big")
        if data[at] != 22:
            return out + data[at:]
        body = data[at + 5 : end]
        for i in range(0, len(body), size):
            part = body[i : i + size]
            out += data[at : at + 3] + len(part).to_bytes(2, "big") + part
        at = end
    return out + data[at:]


@pytest.mark.parametrize("kind", ["1.2", "1.3"])
@pytest.mark.parametrize("size", [64, 500])
def test_messages_over_several_records(kind: str, size: int) -> None:
    wire = handshake(kind)
    parted = wire._replace(client=split(wire.client, size), server=split(wire.server, size))
    assert parted != wire
    assert tls_facts(read(parted), 1) == tls_facts(read(wire), 1)


def test_sslv2_hello() -> None:
    hello = b"\x80\x2b\x01\x03\x01\x00\x12\x00\x00\x00\x10"
    side = Records()
    side.feed(hello + bytes.fromhex("0100800000390000350000160000130000ff") + b"r" * 16)
    side.feed(b"\x14\x03\x01\x00\x01\x01")
    assert side.client is not None
    assert side.client.version == 0x0301
    assert side.client.ciphers == (0x39, 0x35, 0x16, 0x13, 0xFF)
    assert side.changed


def test_bytes_are_missing() -> None:
    wire = handshake("1.2")
    side = Records()
    side.feed(wire.server[:100])
    side.lose(50)
    side.feed(wire.server[150:])
    assert side.broken
    assert side.size == len(wire.server)


def test_missing_within_what_is_opaque() -> None:
    side = Records()
    side.feed(b"\x17\x03\x03\x00\x20" + b"e" * 8)
    side.lose(16)
    side.feed(b"e" * 8 + b"\x15\x03\x03\x00\x02\x01\x00")
    assert not side.broken
    assert side.alerts == [(1, 0)]


def test_what_is_kept_is_bounded() -> None:
    side = Records()
    for _ in range(100):
        side.feed(b"\x16\x03\x03\x40\x00" + b"\x0b\x01\xff\xff" + b"\0" * 16_380)
    assert len(side._rest) + len(side._message) <= MAX_RECORD + MAX_MESSAGE + 4
    side = Records()
    side.feed(b"\x16\x03\x03\x00\x04\x0b\xff\xff\xff")
    assert side.broken


@given(st.binary(max_size=400), st.integers(1, 9))
def test_any_bytes(data: bytes, step: int) -> None:
    """Either it reads something, or it says `broken`; it never raises."""
    for head in (b"", b"\x16\x03\x01", b"\x80\x2e\x01\x03\x01"):
        tls = read(Wire(head + data, head + data, None, "", None, False, None), step)
        tls_facts(tls, 1)


@given(st.data())
def test_damaged_handshakes(data: st.DataObject) -> None:
    wire = handshake(data.draw(st.sampled_from(GOOD)))
    damaged = []
    for stream in (wire.client, wire.server):
        octets = bytearray(stream)
        for _ in range(data.draw(st.integers(1, 5))):
            at = data.draw(st.integers(5, min(len(octets), 1500) - 1))
            octets[at] = data.draw(st.integers(0, 255))
        damaged.append(bytes(octets))
    tls_facts(read(wire._replace(client=damaged[0], server=damaged[1])), 1)
