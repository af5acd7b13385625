"""Checks of extensions: their own examples, and what must not be taken for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from judging import found, judge_example, one

from smtpsniff.checks.extensions import CHECKS

if TYPE_CHECKING:
    from smtpsniff.checks import Check

OK = r'S "250 2.1.0 Ok\r\n"'
HELO = r'@G ; C "HELO a.example.net\r\n" ; S "250 mx.example\r\n"'


def mail(params: str, hello: str = "@G ; @EN", reply: str = OK) -> str:
    return rf'{hello} ; C "MAIL FROM:<s@a.example.net> {params}\r\n" ; {reply}'


def offering(*keywords: str) -> str:
    lines = "".join(rf"250-{keyword}\r\n" for keyword in keywords)
    return rf'@G ; C "EHLO a.example.net\r\n" ; S "250-mx.example\r\n{lines}250 HELP\r\n"'


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.id)
def test_example(check: Check) -> None:
    judge_example(check)


@pytest.mark.parametrize(
    ("params", "hello"),
    [
        ("AUTH=<>", offering("AUTH PLAIN")),
        ("AUTH=<>", offering("AUTH=PLAIN")),
        ("BODY=8BITMIME", "@G ; @EN"),  # a check of its own
        ("SMTPUTF8", "@G ; @EN"),
        ("XNONSENSE=1", "@G ; @EN"),  # in no table
        ("XOORG=example.net", offering("X-ANONYMOUSTLS")),
        ("RET=HDRS ENVID=x", "@G ; @E"),
        ("SIZE=100", "@G"),  # nobody said hello
        ("SIZE=100", r'@G ; C "EHLO a.example.net\r\n" ; GAP S 60'),
    ],
)
def test_parameter_allowed(params: str, hello: str) -> None:
    assert not found("ext-param-not-offered", mail(params, hello))


def test_parameter_of_rcpt() -> None:
    text = r'@G ; @EN ; @M ; C "RCPT TO:<r@mx.example> NOTIFY=NEVER\r\n" ; S "555 No\r\n"'
    assert '"NOTIFY=NEVER"' in one("ext-param-not-offered", text).text


def test_helo_allows_nothing() -> None:
    assert "HELO" in one("ext-param-not-offered", mail("XNONSENSE", HELO)).text


def test_seven_bits_are_no_matter() -> None:
    assert one("ext-param-not-offered", mail("BODY=7BIT")).severity == "note"


def test_masked_keyword() -> None:
    assert "firewall" in one("ext-param-not-offered", mail("SIZE=1", offering("XXXA"))).text


@pytest.mark.parametrize(
    ("command", "reply", "severity"),
    [
        ("EXPN staff", "550 No", "note"),
        ("HELP", "214 Help yourself", "note"),
        ("AUTH PLAIN AGEAYg==", "235 Ok", "warning"),
        ("AUTH PLAIN AGEAYg==", "503 No", "error"),
        ("STARTTLS", "502 No", "error"),
        ("XCLIENT NAME=x", "550 No", "error"),
    ],
)
def test_verb_not_offered(command: str, reply: str, severity: str) -> None:
    text = rf'@G ; @EN ; C "{command}\r\n" ; S "{reply}\r\n"'
    finding = one("ext-verb-not-offered", text)
    assert finding.severity == severity
    assert "AGEAYg" not in finding.text


def test_verb_where_the_list_is_unknown() -> None:
    text = r'@G ; C "EHLO a.example.net\r\n" ; GAP S 60 ; C "ETRN x\r\n" ; S "500 No\r\n"'
    assert not found("ext-verb-not-offered", text)


def test_refused_by_policy() -> None:
    text = offering("VRFY") + r' ; C "VRFY bob\r\n" ; S "502 5.5.1 No\r\n"'
    assert one("ext-offered-but-refused", text).severity == "warning"


def test_a_line_too_long_is_no_denial() -> None:
    text = r'@G ; @EA ; C "AUTH PLAIN AGEAYg==\r\n" ; S "500 5.5.6 Too long\r\n"'
    assert not found("ext-offered-but-refused", text)


def test_an_echo_tells_no_secret() -> None:
    text = r'@G ; @EA ; C "AUTH PLAIN AGEAYg==\r\n" ; S "500 Unknown: AUTH PLAIN AGEAYg==\r\n"'
    assert "AGEAYg" not in one("ext-offered-but-refused", text).text


def test_generous_server() -> None:
    finding = one("size-declared-exceeds-limit", mail("SIZE=10001", "@G ; @E"))
    assert finding.severity == "warning"
    assert "all the same" in finding.text


@pytest.mark.parametrize("offer", ["SIZE", "SIZE 0", "SIZE lots", "SIZE " + "9" * 5000])
def test_no_limit(offer: str) -> None:
    assert not found("size-declared-exceeds-limit", mail("SIZE=10001", offering(offer)))


@pytest.mark.parametrize("size", ["", "x", "9" * 5000, "²"])
def test_nonsense_is_no_size(size: str) -> None:
    assert not found("size-declared-exceeds-limit", mail(f"SIZE={size}", "@G ; @E"))


def test_declared_and_refused_in_the_end() -> None:
    text = mail("SIZE=10001", "@G ; @E") + r' ; @R ; @D ; @H ; C ".\r\n" ; S "552 5.3.4 No\r\n"'
    assert one("size-declared-exceeds-limit", text).severity == "error"


def test_missing_bytes_count() -> None:
    text = r'@T ; @D ; @H ; GAP C 20000 ; C "x\r\n.\r\n" ; S "552 5.3.4 No\r\n"'
    assert one("size-message-exceeds-limit", text).confidence == "likely"


@pytest.mark.parametrize(
    ("hello", "params", "reply", "severity"),
    [
        ("@G ; @E", "", "250 2.0.0 Ok", "warning"),
        ("@G ; @E", "", "554 5.6.3 Conversion required", "error"),
        ("@G ; @E", "", "554 5.7.1 Spam", "warning"),
        ("@G ; @EN", "", "250 2.0.0 Ok", "error"),
        ("@G ; @E", "SMTPUTF8", "250 2.0.0 Ok", ""),
        ("@G ; @E", "body=8bitmime", "250 2.0.0 Ok", ""),
    ],
)
def test_eight_bits(hello: str, params: str, reply: str, severity: str) -> None:
    text = mail(params, hello) + rf' ; @R ; @D ; C "\r\n\xe9\r\n.\r\n" ; S "{reply}\r\n"'
    assert [f.severity for f in found("body-8bit-without-8bitmime", text)] == [severity] * bool(
        severity
    )


def test_address_in_utf8() -> None:
    text = r'@G ; @EN ; @M ; C "RCPT TO:<\xc3\xa9@mx.example>\r\n" ; S "553 5.6.7 No\r\n"'
    assert "é@mx.example" in one("smtputf8-not-offered", text).text
    assert not found("smtputf8-not-offered", text.replace(r"\xc3\xa9", r"\xe9"))


def test_header_in_utf8() -> None:
    text = r'@G ; @EN ; @M ; @R ; @D ; C "Subject: \xc3\xa9\r\n\r\n.\r\n" ; S "250 Ok\r\n"'
    assert not found("smtputf8-not-offered", text)
