"""Checks of what TLS agreed on, certificates and offers of STARTTLS, on real handshakes."""

from __future__ import annotations

import pytest
from judging import every, found, one
from tls.handshakes import streams, tls

PUBLIC = {"client": ("1.1.1.1", 40000), "server": ("9.9.9.9", 25)}
LOCAL = {"client": ("127.0.0.1", 40000), "server": ("127.0.0.1", 25)}
CERTIFICATES = {
    "tls-cert-expired",
    "tls-cert-self-signed",
    "tls-cert-name-mismatch",
    "tls-cert-weak",
}


def test_today() -> None:
    assert {f.check for f in every(tls())} & CERTIFICATES == {"tls-cert-self-signed"}


def test_hidden_certificate() -> None:
    names = {f.check for f in every(tls("TLSv1_3"))}
    assert not names & (CERTIFICATES | {"tls-old-version", "tls-weak-cipher", "tls-sni-missing"})


def test_no_name() -> None:
    assert one("tls-sni-missing", tls(name=None)).severity == "note"


def chosen(cipher: str, exchange: str = "") -> str:
    """A ServerHello of TLS 1.2 with this suite, and a ServerKeyExchange."""
    hello = rf'S "\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03" "r"*32 "\x00{cipher}\x00"'
    return rf'@G ; @ET ; C "STARTTLS\r\n" ; S "220 go\r\n" ; @CH ; {hello} {exchange}'


def test_anonymous() -> None:
    anonymous = chosen(r"\x00\xa6")
    assert one("tls-weak-cipher", anonymous).severity == "note"
    assert one("tls-weak-cipher", "SESSION server_port=587\n" + anonymous).severity == "warning"


@pytest.mark.parametrize(
    ("cipher", "severity"),
    [
        (r"\x00\x02", "error"),  # NULL
        (r"\x00\x03", "error"),  # EXPORT
        (r"\x00\x05", "warning"),  # RC4
        (r"\x00\x0a", "warning"),  # 3DES
        (r"\x00\x2f", ""),
        (r"\x13\x01", ""),
        (r"\xc0\x09", ""),
    ],
)
def test_weak(cipher: str, severity: str) -> None:
    assert "".join(f.severity for f in found("tls-weak-cipher", chosen(cipher))) == severity


@pytest.mark.parametrize(("octets", "told"), [(128, True), (256, False)])
def test_short_prime(octets: int, told: bool) -> None:
    """DHE_RSA with a prime of 1024 or 2048 bits (RFC 5246 §7.4.3)."""
    size, prime = octets + 2, rf"\x{octets >> 8:02x}\x{octets & 255:02x}"
    head = rf'"\x16\x03\x03\x{(size + 4) >> 8:02x}\x{(size + 4) & 255:02x}'
    head += rf'\x0c\x00\x{size >> 8:02x}\x{size & 255:02x}{prime}" "\xff"*{octets}'
    assert bool(found("tls-weak-cipher", chosen(r"\x00\x9e", head))) is told


@pytest.mark.parametrize(
    ("at", "told"), [(0, ""), (400 * 86400, "until 2027-01-01"), (-400 * 86400, "from 2026-01-01")]
)
def test_dates(at: int, told: str) -> None:
    start = 1_795_435_200 + at
    text = "".join(f.text for f in found("tls-cert-expired", tls(), start=start * 10**9))
    assert bool(text) is bool(told)
    assert told in text


@pytest.mark.parametrize(
    ("name", "port", "severity"),
    [
        ("mx.example", 465, ""),
        ("MX.Example", 465, ""),
        ("imap.example", 465, ""),
        ("a.mx.example", 465, "warning"),
        ("a.mx.example", 25, "note"),
        (None, 465, ""),
    ],
)
def test_names(name: str | None, port: int, severity: str) -> None:
    client, server = streams("TLSv1_2", name)
    text = f"SESSION server_port={port}\nOPEN ; C {client} ; S {server} ; FIN C ; FIN S"
    hits = found("tls-cert-name-mismatch", text)
    assert "".join(f.severity for f in hits) == severity


def test_the_servers_own_name() -> None:
    """Whatever the client calls it, a server's certificate may have the name that it gives itself."""
    assert not found("tls-cert-name-mismatch", tls(name="other.test"))
    other = tls(name="other.test").replace("@G", r'OPEN ; S "220 mx.test\r\n"')
    other = other.replace("@ET", r'C "EHLO a\r\n" ; S "250-mx.test\r\n250 STARTTLS\r\n"')
    assert "not for other.test or mx.test" in one("tls-cert-name-mismatch", other).text


# -- offers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("port", "severity"), [(25, "note"), (587, "warning"), (2525, "")])
def test_no_offer(port: int, severity: str) -> None:
    text = f"SESSION server_port={port}\n@G ; @E ; @M ; @Q"
    assert "".join(f.severity for f in found("starttls-not-offered", text)) == severity


def test_nobody_else_listens() -> None:
    assert not found("starttls-not-offered", "@G ; @E ; @M ; @Q", **LOCAL)
    assert found("starttls-not-offered", "@G ; @E ; @M ; @Q", **PUBLIC)


def test_no_list_of_extensions() -> None:
    helo = r'@G ; C "HELO a.example.net\r\n" ; S "250 mx.example\r\n" ; @M ; @Q'
    assert not found("starttls-not-offered", helo, **PUBLIC)


@pytest.mark.parametrize(
    ("keywords", "told"),
    [
        ("XXXXXXXX", True),
        ("XXXXXXXXA", True),
        ("XXXXXXXXXX", False),
        ("XXXXXXXA\\r\\n250-STARTTLS", False),
        ("XEXCH50X", False),
    ],
)
def test_stripped(keywords: str, told: bool) -> None:
    text = rf'@G ; C "EHLO a\r\n" ; S "250-mx.example\r\n250-{keywords}\r\n250 SIZE\r\n" ; @Q'
    assert bool(found("starttls-stripped-suspected", text)) is told


@pytest.mark.parametrize(("reply", "told"), [("502 What?", True), ("250 Ok", False)])
def test_masked_command(reply: str, told: bool) -> None:
    text = rf'@G ; @EN ; C "XXXXXXXX\r\n" ; S "{reply}\r\n" ; @Q'
    assert bool(found("starttls-stripped-suspected", text)) is told


@pytest.mark.parametrize(
    ("rest", "told"),
    [("@M", True), ("@E", False), ("@Q", False), (r'C "NOOP\r\n" ; S "250 ok\r\n"', True)],
)
def test_introduction_inside(rest: str, told: bool) -> None:
    text = rf'@G ; @ET ; C "STARTTLS\r\n" ; S "220 go\r\n" ; {rest} ; @Q'
    assert bool(found("tls-no-ehlo-after-starttls", text)) is told


def test_in_the_middle_of_a_mail() -> None:
    text = r'@G ; @ET ; @M ; @R ; C "STARTTLS\r\n" ; S "{} x\r\n" ; @Q'
    assert one("starttls-during-transaction", text.format(503)).severity == "error"
    assert one("starttls-during-transaction", text.format(220)).severity == "warning"
