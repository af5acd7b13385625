"""Checks of introductions: their own examples, their near misses, and names by the dozen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from judging import every, found

from smtpsniff.checks import hello, introduction
from smtpsniff.checks.names import is_name, judge

if TYPE_CHECKING:
    from smtpsniff.checks import Check

CHECKS: tuple[Check, ...] = (*hello.CHECKS, *introduction.CHECKS)
PUBLIC = "SESSION client=8.8.8.8 server=9.9.9.9"
PRIVATE = "SESSION client=10.0.0.1 server=10.0.0.2"


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.id)
def test_example(check: Check) -> None:
    (finding,) = found(check.id, check.fires)
    assert finding.text.endswith(".")
    assert finding.frames
    assert not found(check.id, check.silent)


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.id)
def test_documented(check: Check) -> None:
    assert all(
        text.endswith(".") for text in (check.sentence, check.trigger, check.advice, check.traps)
    )


NAMES = [
    ("mx.example.net", "name"),
    ("MX-1.Example.NET", "name"),
    ("3com.example", "name"),
    ("xn--bcher-kva.example", "name"),
    ("[192.0.2.1]", "literal"),
    ("[IPv6:2001:db8::1]", "literal"),
    ("[ipv6:2001:db8::1]", "literal"),
    ("[x400:anything]", "literal"),
    ("", "missing"),
    ("192.0.2.1", "bare-ip"),
    ("2001:db8::1", "bare-ip"),
    ("[2001:db8::1]", "bare-ip"),
    ("localhost", "localhost"),
    ("LocalHost.LocalDomain", "localhost"),
    ("printer.local", "localhost"),
    ("nas.home.arpa", "localhost"),
    ("[127.0.0.2]", "localhost"),
    ("[IPv6:::1]", "localhost"),
    ("desktop", "not-fqdn"),
    ("local", "not-fqdn"),
    ("my_host.example", "invalid"),
    ("a..example", "invalid"),
    (".example", "invalid"),
    ("example.net.", "invalid"),
    ("-a.example", "invalid"),
    ("a-.example", "invalid"),
    ("a.example-", "invalid"),
    ("two words", "invalid"),
    ("b\u00fccher.example", "invalid"),
    ("a\x07.example", "invalid"),
    ("[192.0.2.1", "invalid"),
    ("[192.0.2.300]", "invalid"),
    ("[]", "invalid"),
    ("[IPv6:192.0.2.1]", "invalid"),
    ("[192.0.2.1] more", "invalid"),
    ("192.0.2.1]", "invalid"),
    ("a." * 127 + "ab", "invalid"),
]


@pytest.mark.parametrize(("argument", "kind"), NAMES)
def test_names(argument: str, kind: str) -> None:
    assert judge(argument).kind == kind
    assert bool(judge(argument).why) == (kind in ("invalid", "bare-ip"))
    if kind in ("name", "literal"):
        assert is_name(argument)


def test_position_of_what_is_wrong() -> None:
    assert judge("my_host").why == "an underscore at position 3"
    assert judge("ab.-c").why.endswith("at position 3")


def helo(argument: str, reply: str = "250 mx.example", prefix: str = "", verb: str = "EHLO") -> str:
    return f'{prefix}\n@G\nC "{verb} {argument}\\r\\n"\nS "{reply}\\r\\n"\n@Q'


LOGIN = 'C "AUTH PLAIN AGEAYg==\\r\\n"\nS "235 Ok\\r\\n"\n'
NEAR = [
    ("mail-before-ehlo", '@G\n@E\nC "RSET\\r\\n"\nS "250 Ok\\r\\n"\n@M', "introduced"),
    ("mail-before-ehlo", "@M\n@Q", "seen from the middle"),
    ("mail-before-ehlo", "@G\nGAP C 20\nGAP S 20\n@M", "the introduction may be in the gap"),
    (
        "mail-before-ehlo",
        '@G\nC "EHLO a\\r\\nMAIL FROM:<>\\r\\n"\nS "250 a\\r\\n250 b\\r\\n"',
        "piped",
    ),
    (
        "mail-before-ehlo",
        'OPEN\nS "554 no\\r\\n"\nC "MAIL FROM:<>\\r\\n"\nS "503 no\\r\\n"',
        "refused",
    ),
    ("ehlo-argument-missing", '@G\nC "EHLO"', "cut by the capture"),
    ("ehlo-argument-not-fqdn", '@G\nC "EHLO desktop"', "cut by the capture"),
    ("ehlo-argument-not-fqdn", helo("localhost"), "localhost"),
    ("ehlo-argument-invalid", helo("192.0.2.1"), "an address"),
    ("ehlo-argument-invalid", helo("mx.example.net   "), "blanks at the end"),
    ("ehlo-argument-localhost", helo("localhost.example.net"), "a real name"),
    ("ehlo-impersonates-server", helo("mx.example.net", prefix=PUBLIC), "another name"),
    ("ehlo-impersonates-server", helo("[8.8.8.8]", prefix=PUBLIC), "its own address"),
    ("ehlo-impersonates-server", helo("mx", "250 mx", prefix=PUBLIC), "no name at all"),
    (
        "ehlo-impersonates-server",
        '@G\n@EN\nC "ATRN a.example.net\\r\\n"\nS "250 Ok\\r\\n"\n'
        'C "220 a.example.net\\r\\n"\nS "EHLO mx.example\\r\\n"\nC "250 a.example.net\\r\\n"',
        "the server itself",
    ),
    ("helo-fallback", helo("a.example", "500 x", verb="HELO"), "no EHLO"),
    ("helo-fallback", '@G\n@E\nC "HELO a\\r\\n"\nS "250 mx\\r\\n"\n@Q', "EHLO was taken"),
    (
        "helo-fallback",
        '@G\nC "EHLO a\\r\\n"\nS "500 x\\r\\n"\nC "HELO a\\r\\n"\nS "500 x\\r\\n"',
        "no",
    ),
    (
        "helo-used",
        '@G\nC "EHLO a\\r\\n"\nS "500 x\\r\\n"\nC "HELO a\\r\\n"\nS "250 x\\r\\n"',
        "EHLO first",
    ),
    ("helo-used", 'C "HELO a\\r\\n"\nS "250 mx\\r\\n"\n@Q', "seen from the middle"),
    ("ehlo-reply-to-helo", helo("a.example", "250-mx\\r\\n250 Help is near", verb="HELO"), "text"),
    ("ehlo-reply-to-helo", helo("a.example", "250-mx\\r\\n250 HELP IS NEAR", verb="HELO"), "loud"),
    ("ehlo-rejected", '@G\nC "EHLO a\\r\\n"\nS "550 no\\r\\n"', "HELO may follow"),
    ("ehlo-rejected", '@G\nC "EHLO a\\r\\n"\nS "550 no\\r\\n"\nGAP C 9\nGAP S 9\n@Q', "hidden"),
    ("ehlo-repeated", '@G\nC "EHLO a\\r\\n"\nS "500 x\\r\\n"\n@EN\n@Q', "the first was refused"),
    ("ehlo-repeated", f"@G\n@EA\n{LOGIN}@EA\n@Q", "after a login"),
    (
        "ehlo-repeated",
        '@G\n@EN\nC "XCLIENT ADDR=192.0.2.7\\r\\n"\nS "220 mx.example ESMTP\\r\\n"\n@EN\n@Q',
        "after XCLIENT",
    ),
]


@pytest.mark.parametrize(("name", "text", "why"), NEAR, ids=[f"{n}: {w}" for n, _, w in NEAR])
def test_near(name: str, text: str, why: str) -> None:
    assert not found(name, text), why


NO = "550 5.7.1 Bad name"
SEVERITIES = [
    ("ehlo-argument-missing", helo(""), "error"),
    ("ehlo-argument-bare-ip", helo("192.0.2.1"), "warning"),
    ("ehlo-argument-bare-ip", helo("192.0.2.1", NO), "error"),
    ("ehlo-argument-bare-ip", helo("192.0.2.1", prefix="SESSION server_port=587"), "note"),
    ("ehlo-argument-bare-ip", helo("192.0.2.1", NO, prefix="SESSION server_port=587"), "error"),
    ("ehlo-argument-localhost", helo("pc.local", prefix=PUBLIC), "warning"),
    ("ehlo-argument-localhost", helo("[127.0.0.1]", prefix=PRIVATE), "note"),
    ("ehlo-argument-not-fqdn", helo("pc"), "warning"),
    ("ehlo-argument-not-fqdn", f'@G\nC "EHLO pc\\r\\n"\nS "250 x\\r\\n"\n{LOGIN}@Q', "note"),
    ("ehlo-argument-invalid", helo("a_b.example", verb="HELO"), "warning"),
    ("ehlo-argument-invalid", helo("a_b.example", NO), "error"),
    ("ehlo-argument-invalid", helo("[192.0.2.1] hello"), "note"),
    ("ehlo-argument-invalid", helo("b\\xfccher.example"), "warning"),
    ("ehlo-impersonates-server", helo("MX.example", prefix=PUBLIC), "warning"),
    ("ehlo-impersonates-server", helo("[9.9.9.9]", prefix=PUBLIC), "warning"),
    ("ehlo-impersonates-server", helo("9.9.9.9", prefix=PUBLIC), "warning"),
    ("ehlo-impersonates-server", helo("mx.example", prefix=PRIVATE), "note"),
    (
        "ehlo-impersonates-server",
        helo("mx.example", prefix="SESSION client=9.9.9.8 server=9.9.9.9"),
        "note",
    ),
    (
        "helo-fallback",
        'OPEN\nS "220 **********\\r\\n"\nC "EHLO a\\r\\n"\nS "500 x\\r\\n"\n'
        'C "HELO a\\r\\n"\nS "250 x\\r\\n"\n@Q',
        "warning",
    ),
    ("ehlo-repeated", "@G\n@E\n@M\n@E\n@Q", "warning"),
    ("mail-before-ehlo", '@G\nC "MAIL FROM:<>\\r\\n"\nS "250 Ok\\r\\n"\n@Q', "error"),
]


@pytest.mark.parametrize(("name", "text", "severity"), SEVERITIES)
def test_severity(name: str, text: str, severity: str) -> None:
    assert [f.severity for f in found(name, text)] == [severity]


def test_echoed_name_is_only_likely() -> None:
    (finding,) = found(
        "ehlo-impersonates-server", helo("a.example.net", "250 a.example.net hi", prefix=PUBLIC)
    )
    assert finding.confidence == "likely"


def test_refused_introduction_is_not_a_skipped_one() -> None:
    text = '@G\nC "EHLO a\\r\\n"\nS "550 no\\r\\n"\nC "MAIL FROM:<>\\r\\n"\nS "503 no\\r\\n"\n@Q'
    (finding,) = found("mail-before-ehlo", text)
    assert "no introduction had been accepted" in finding.text


def test_all_refused_introductions_count() -> None:
    twice = 'C "EHLO a.example\\r\\n"\nS "550 no\\r\\n"\n'
    (finding,) = found("ehlo-rejected", f"@G\n{twice}{twice}@Q")
    assert finding.count == 2


HEALTHY = [
    "@G\n@EN\n@Q",
    "@T\n@D\n@H\n@X\n@Q",
    "@G\n@E",
    f"@G\n@EA\n{LOGIN}@M\n@R\n@D\n@H\n@X\n@Q",
    "SESSION client=127.0.0.1 server=127.0.0.1\n" + '@G\nC "EHLO localhost\\r\\n"\n'
    'S "250 mx.example\\r\\n"\n@Q',
]


@pytest.mark.parametrize("text", HEALTHY)
def test_healthy(text: str) -> None:
    ids = {check.id for check in CHECKS}
    assert not ids.intersection(f.check for f in every(text))
