"""Checks of a message's lines and of its way: near misses and severities."""

from __future__ import annotations

import pytest
from dialogue import SAME
from judging import found, one

HEAD = r"Date: Mon, 23 Nov 2026 10:00:00 +0000\r\nFrom: <s@a.example.net>\r\nMessage-ID: <1@a>\r\n"
BINARY = r'C "MAIL FROM:<s@a.example.net> BODY=BINARYMIME\r\n" ; S "250 Ok\r\n"'


def letter(body: str, reply: str = "250 2.0.0 Ok") -> str:
    return rf'@T ; @D ; C "{HEAD}\r\n" {body} "\r\n.\r\n" ; S "{reply}\r\n" ; @Q'


def chunks(*parts: str, mail: str = "@M") -> str:
    sent = " ; ".join(
        rf'C "BDAT {size}{" LAST" * (i == len(parts) - 1)}\r\n" {part} ; S "250 Ok\r\n"'
        for i, (size, _, part) in enumerate(p.partition(" ") for p in parts)
    )
    return f"@G ; @E ; {mail} ; @R ; {sent} ; @Q"


@pytest.mark.parametrize("framing", SAME)
@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('"x"*998', ""),
        ('"x"*999', "1 line of more than 998 octets, up to 999"),
        ('"x"*700 ; C "x"*700', "up to 1400"),
        ('"x"*999 "\\r\\n" "y"*1500', "2 lines of more than 998 octets, up to 1500"),
        ('"x"*998 "\\n" "y"*998', ""),
        ('".." "y"*997', ""),
        ('".." "y"*998', "up to 999"),
    ],
)
def test_long_lines(body: str, told: str, framing: str) -> None:
    hits = found("msg-line-too-long", letter(body), framing=framing)
    assert bool(hits) is bool(told)
    assert told in "".join(f.text for f in hits)


def test_long_line_in_the_header() -> None:
    text = r'@T ; @D ; C "X-A: " "x"*999 "\r\n\r\nhi\r\n.\r\n" ; S "500 5.5.2 Line too long\r\n"'
    finding = one("msg-line-too-long", text)
    assert finding.severity == "error"
    assert "after octet 0;" in finding.text


def test_a_long_line_over_two_chunks() -> None:
    assert (
        "up to 1000" in one("msg-line-too-long", chunks('600 "x"*600', '402 "x"*400 "\\r\\n"')).text
    )
    assert found("msg-line-too-long", chunks('1200 "x"*1200'))
    assert not found("msg-line-too-long", chunks('1200 "x"*1200', mail=BINARY))
    assert not found("msg-line-too-long", chunks('999 "." "x"*996 "\\r\\n"'))


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (r'"a\rb\rc"', "has 2 CRs"),
        (r'"a\r\r\nb\r\r\nc"', "CR CR LF, instead of CRLF, ends 2 lines"),
        (r'"a\r\r\nb\rc"', "has 2 CRs"),
        (r'"a\nb"', ""),
    ],
)
def test_bare_cr(body: str, told: str) -> None:
    hits = found("msg-bare-cr", letter(body))
    assert bool(hits) is bool(told)
    assert told in "".join(f.text for f in hits)


def test_a_line_end_over_two_chunks() -> None:
    text = chunks(r'3 "hi\r"', r'4 "\nx\r\n"')
    assert not found("msg-bare-cr", text)
    assert not found("msg-bare-lf", text)
    assert found("msg-bare-cr", chunks(r'3 "hi\r"', r'4 "xy\r\n"'))


def test_zero_octets_are_counted() -> None:
    assert "3 zero octets" in one("msg-nul", letter(r'"a\0\0b\0"')).text
    assert not found("msg-nul", r'@T ; @D ; @H ; GAP C 99 ; C "\r\n.\r\n" ; S "250 Ok\r\n"')


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (r'@T ; @D ; C ".\r\n" ; S "554 5.6.0 no\r\n"', True),
        (r'@T ; C "BDAT 0 LAST\r\n" ; S "250 ok\r\n"', True),
        (r'@T ; @D ; C "\r\n.\r\n" ; S "250 ok\r\n"', False),
        (r"@T ; @D ; RST C", False),
    ],
)
def test_empty(text: str, told: bool) -> None:
    assert bool(found("msg-empty", text)) is told


def way(*stations: str) -> str:
    """Received fields, the last station first; one a minute."""
    lines = [
        rf"Received: from x (y by z) by {host}\r\n\twith ESMTP id 1; Mon, 23 Nov 2026 09:{59 - i:02d}:00 +0000\r\n"
        for i, host in enumerate(stations)
    ]
    return rf'@T ; @D ; C "{"".join(lines)}{HEAD}\r\nhi\r\n.\r\n" ; S "250 2.0.0 Ok\r\n" ; @Q'


A, B, C = "a.example", "b.example", "c.example"


@pytest.mark.parametrize(
    ("stations", "told"),
    [
        ([A, B, A, B, A], '"a.example" 3 times'),
        ([A, B, A], ""),
        ([A, A, A, A], ""),
        ([A, "localhost", A, "[127.0.0.1]", A, "localhost.localdomain", A], ""),
        ([f"h{i}.example" for i in range(24)], ""),
        ([f"h{i}.example" for i in range(25)], "25 Received fields"),
    ],
)
def test_loop(stations: list[str], told: str) -> None:
    hits = found("msg-received-loop", way(*stations))
    assert bool(hits) is bool(told)
    assert told in "".join(f.text for f in hits)
    assert {f.severity for f in hits} <= {"warning"}


def test_loop_in_the_wrong_order_of_time() -> None:
    text = way(A, B, A, B, A).replace("09:57", "09:01").replace("09:55", "09:30")
    assert not found("msg-received-loop", text)


def test_loop_that_the_server_saw() -> None:
    text = way(A, B, A, B, A).replace("250 2.0.0 Ok", "554 5.4.6 Too many hops")
    assert one("msg-received-loop", text).severity == "error"
    assert one("msg-received-loop", way(*[A, B] * 50)).severity == "error"
