"""Checks of what the server offers and the client makes of it: examples and near misses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from dialogue import SAME, sessions
from judging import found, judge_example

from smtpsniff.checks import chunk_order, chunks, identity, offer_list, per_recipient, promises

if TYPE_CHECKING:
    from smtpsniff.checks import Check

CHECKS: tuple[Check, ...] = (
    *offer_list.CHECKS, *chunks.CHECKS, *chunk_order.CHECKS, *per_recipient.CHECKS,
    *promises.CHECKS, *identity.CHECKS,
)  # fmt: skip


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.id)
def test_example(check: Check) -> None:
    judge_example(check)


@pytest.mark.parametrize("framing", SAME)
@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.id)
def test_example_in_any_framing(check: Check, framing: str) -> None:
    assert found(check.id, check.fires, framing=framing)
    assert not found(check.id, check.silent, framing=framing)


def offering(*lines: str, verb: str = "EHLO") -> str:
    last = lines[-1]
    more = "".join(rf"250-{line}\r\n" for line in ["mx.example", *lines[:-1]])
    return rf'@G ; C "{verb} a.example.net\r\n" ; S "{more}250 {last}\r\n" ; '


OK = r' ; S "250 2.0.0 Ok\r\n" ; '
PIECE = r'C "BDAT 4\r\nhi\r\n"' + OK
LAST = r'C "BDAT 4 LAST\r\nhi\r\n"' + OK
AGAIN = r'C "EHLO a.example.net\r\n" ; S "250-mx.example\r\n250 PIPELINING\r\n"'
MAIL = r'C "MAIL FROM:<>\r\n"' + OK
PRDR = r'@D ; C "hi\r\n.\r\n" ; S "353 go\r\n250 one\r\n'

CASES = [
    ("ext-keyword-malformed", offering("SIZE 1", "", "HELP"), "warning"),
    ("ext-keyword-malformed", offering("-SIZE", "HELP"), "warning"),
    ("ext-keyword-malformed", offering("X-EXPS=LOGIN", "HELP  "), ""),
    ("ext-keyword-malformed", offering("XXXXXXXA", "HELP"), ""),
    ("ext-keyword-malformed", offering("SIZE=1", "HELP", verb="HELO"), ""),
    ("ext-keyword-duplicate", offering("HELP", "help"), ""),
    ("ext-keyword-unregistered", offering("HELP", "OK"), ""),
    ("ext-keyword-unregistered", offering("coremail abc", "HELP"), ""),
    ("ext-keyword-unregistered", offering("TLS", "HELP"), "note"),
    ("ext-list-changed", offering("HELP", "PIPELINING") + AGAIN, "note"),
    ("ext-list-changed", offering("PIPELINING") + AGAIN, ""),
    ("ext-list-changed", offering("HELP") + r'C "XCLIENT NAME=x\r\n" ; S "220 a\r\n" ; ' + AGAIN, ""),
    ("ext-list-changed", offering("HELP") + r'C "STARTTLS\r\n" ; S "454 no\r\n" ; ' + AGAIN, "note"),
    ("smtputf8-without-8bitmime-offer", offering("8BITMIME", "SMTPUTF8 yes"), "error"),
    ("bdat-syntax", r'@T ; C "BDAT\r\n" ; S "501 no\r\n"', "error"),
    ("bdat-syntax", r'@T ; C "BDAT 4 LAST now\r\n" ; S "501 no\r\n"', "error"),
    ("bdat-syntax", r'@T ; C "BDAT 99999999999999999999 LAST\r\n" ; S "521 no\r\n"', "error"),
    ("bdat-chunk-incomplete", r'@T ; C "BDAT 9 LAST\r\nhi\r\n"', "note"),
    ("bdat-chunk-incomplete", r'@T ; C "BDAT 9 LAST\r\nhi\r\n" ; GAP C 5 ; FIN C', ""),
    ("bdat-missing-last", "@T ; " + PIECE + "@Q", "note"),
    ("bdat-missing-last", "@T ; " + PIECE + "FIN C ; FIN S", "warning"),
    ("bdat-missing-last", "@T ; " + PIECE, ""),
    ("bdat-missing-last", r'@T ; C "BDAT 4\r\nhi\r\n" ; S "452 no\r\n" ; @M', ""),
    ("bdat-missing-last", "@T ; " + PIECE + r'C "DATA\r\n" ; S "503 no\r\n"', ""),
    ("bdat-after-last", "@T ; " + LAST + r'C "RSET\r\n"' + OK + LAST, ""),
    ("bdat-after-last", "@T ; " + LAST + LAST, "error"),
    ("bdat-after-failure",
     r'@T ; C "BDAT 4\r\nhi\r\n" ; S "452 no\r\n" ; C "RSET\r\n"' + OK + "@M ; @R ; " + LAST, ""),
    ("lmtp-on-port-25", offering("PIPELINING", verb="LHLO"), "error"),
    ("prdr-reply-count", offering("PRDR") + r"@M ; @R ; " + PRDR + r'250 all\r\n" ; @Q', ""),
    ("prdr-reply-count", offering("PRDR") + r"@M ; @R ; " + PRDR + '"', ""),
    ("limits-exceeded", offering("LIMITS MAILMAX=1") + "@M ; @R ; @D ; @H ; @X ; @M", "warning"),
    ("limits-exceeded", offering("LIMITS MAILMAX=0 RCPTMAX=x") + "@M ; @R ; @R", ""),
    ("limits-exceeded",
     offering("LIMITS RCPTDOMAINMAX=1") + r'@M ; @R ; C "RCPT TO:<a@b.example>\r\n" ; S "452 no\r\n"',
     "error"),
    ("requiretls-without-tls", "SESSION client=8.8.4.4 ; " + offering("REQUIRETLS"), "error"),
    ("requiretls-without-tls", "SESSION client=10.0.0.1 server=10.0.0.9 ; " + offering("REQUIRETLS"), "note"),
    ("ehlo-literal-mismatch", r'SESSION client=8.8.4.4 ; @G ; C "EHLO [8.8.4.4]\r\n"' + OK, ""),
    ("ehlo-literal-mismatch", r'@G ; C "EHLO [9.9.9.9]\r\n"' + OK, "note"),
    ("ehlo-literal-mismatch",
     r'SESSION client=10.0.0.1 ; @G ; C "EHLO [9.9.9.9]\r\n"' + OK, ""),
    ("ehlo-literal-mismatch",
     r'SESSION client=8.8.4.4 ; @G ; C "EHLO [IPv6:2a00:1450::1]\r\n"' + OK, ""),
    ("null-sender-not-notification", "@G ; @E ; " + MAIL + "@R ; @R ; @D ; @H ; @X", "note"),
    ("null-sender-not-notification", "@G ; @E ; " + MAIL + "@R ; @Q", ""),
    ("null-sender-not-notification",
     "@G ; @E ; " + MAIL + r'@R ; @D ; C "Subject: Undelivered Mail\r\n\r\n" ; @X', ""),
    ("null-sender-not-notification", "@G ; @E ; @M ; @R ; @D ; @H ; @X", ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "severity"), CASES)
def test_case(name: str, text: str, severity: str) -> None:
    assert [f.severity for f in found(name, text)] == [severity] * bool(severity)


SIZED = [
    (5000, "250 2.0.0 Ok", "note"),
    (800, "250 2.0.0 Ok", ""),  # within 1 KiB
    (1, "552 5.3.4 Too big", ""),
    (0, "250 2.0.0 Ok", ""),
]


@pytest.mark.parametrize(("size", "reply", "severity"), SIZED)
def test_announced_size(size: int, reply: str, severity: str) -> None:
    text = rf'@G ; @E ; C "MAIL FROM:<s@a.example.net> SIZE={size}\r\n" ; S "250 2.1.0 Ok\r\n"'
    text += rf' ; @R ; @D ; @H ; C ".\r\n" ; S "{reply}\r\n"'
    got = found("size-declared-mismatch", text)
    assert [f.severity for f in got] == [severity] * bool(severity)


def test_larger_than_announced_and_refused() -> None:
    text = r'@G ; @E ; C "MAIL FROM:<s@a.example.net> SIZE=9\r\n" ; S "250 2.1.0 Ok\r\n" ; @R ; @D'
    text += r' ; @H ; C "x"*2000 "\r\n.\r\n" ; S "552 5.3.4 Too big\r\n"'
    (finding,) = found("size-declared-mismatch", text)
    assert finding.severity == "warning"


def test_a_cut_chunk_hangs_under_the_cut_message() -> None:
    (session,) = sessions(r'@T ; C "BDAT 100 LAST\r\nSubject: t\r\n\r\nhi\r\n" ; +5 RST C')
    assert [f.check for f in session.findings if f.severity == "error"] == ["msg-truncated"]
