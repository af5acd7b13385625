"""Checks of what became of the mail: their own examples, grouping, and what must stay silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from judging import MESSAGE, every, found, judge_example, one

from smtpsniff.checks.delivery import CHECKS
from smtpsniff.checks.delivery_reasons import REASON_CHECKS
from smtpsniff.smtp.reasons import REASONS

if TYPE_CHECKING:
    from smtpsniff.checks import Check

REASONED = {check.id for check in REASON_CHECKS}


def rcpt(reply: str, address: str = "r@mx.example") -> str:
    return rf'C "RCPT TO:<{address}>\r\n" ; S "{reply}\r\n"'


def reasons(text: str) -> set[str]:
    return {f.check for f in every(text)} & REASONED


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.id)
def test_example(check: Check) -> None:
    judge_example(check)


def test_every_reason_has_its_check() -> None:
    wanted = {info.check for info in REASONS.values()} | {r.check_4yz for r in REASONS.values()}
    assert wanted == REASONED


def test_grouped_by_what_the_server_says() -> None:
    refused = " ; ".join(
        rcpt(f"550 5.1.1 <u{i}@mx.example>: User unknown", f"u{i}@mx.example") for i in range(7)
    )
    other = rcpt("550 5.1.1 No such user here", "x@mx.example")
    few, many = sorted(
        found("rcpt-unknown-user", f"@G ; @E ; @M ; {refused} ; {other}"), key=lambda f: f.count
    )
    assert (few.count, many.count) == (1, 7)
    assert "u0@mx.example, u1@mx.example" in many.text
    assert "and 2 more" in many.text
    assert "u5@" not in many.text
    assert "x@mx.example" in few.text


@pytest.mark.parametrize(
    ("reply", "name", "severity"),
    [
        ("450 4.1.1 User unknown", "delivery-temporary-other", "warning"),
        ("550 5.2.1 Mailbox disabled", "rcpt-unknown-user", "error"),
        ("450 4.7.1 Relay access denied", "rcpt-relay-denied", "warning"),
        ("452 4.2.2 Mailbox full", "rcpt-quota", "warning"),
        ("450 4.7.1 Too much mail from 192.0.2.1", "delivery-rate-limited", "warning"),
        ("550 5.7.28 Unusual rate of mail", "delivery-rate-limited", "error"),
        ("451 4.7.26 DMARC", "delivery-sender-auth-failed", "warning"),
        ("452 4.5.3 Too many recipients", "delivery-too-many-recipients", "warning"),
        ("552 5.5.3 Too many recipients", "delivery-too-many-recipients", "error"),
        ("550 5.1.1 Blocked using zen.spamhaus.org", "delivery-dnsbl-listed", "error"),
        ("503 5.5.1 Bad sequence", "delivery-policy-unspecified", "error"),
        ("530 5.7.57 Client was not authenticated", "auth-required", "error"),
    ],
)
def test_severity(reply: str, name: str, severity: str) -> None:
    text = f"@G ; @E ; @M ; {rcpt(reply)}"
    assert reasons(text) == {name}
    assert one(name, text).severity == severity


def test_refused_before_and_after_the_recipients() -> None:
    no = r'S "550 5.7.1 Client host blocked using zen.spamhaus.org\r\n"'
    for text, who in (
        (rf'@G ; @E ; C "MAIL FROM:<s@a.example.net>\r\n" ; {no}', "the sender <s@a.example.net>"),
        (rf'@G ; @E ; C "MAIL FROM:<>\r\n" ; {no}', "the sender <>"),
        (rf'@T ; C "DATA\r\n" ; {no}', "r@mx.example"),
        (rf'@T ; @D ; @H ; C ".\r\n" ; {no}', "r@mx.example"),
        (rf'@T ; C "BDAT 2 LAST\r\nab" ; {no}', "r@mx.example"),
    ):
        finding = one("delivery-dnsbl-listed", text)
        assert f": {who};" in finding.text
        assert "(list: zen.spamhaus.org)" in finding.text
        assert len(finding.frames) == 2


def test_the_sender_is_named_whom_the_reply_to_rcpt_refuses() -> None:
    no = r"553 5.7.1 <s@a.example.net>: Sender address rejected: not logged in"
    rcpt = rf'C "RCPT TO:<r@mx.example>\r\n" ; S "{no}\r\n"'
    finding = one("delivery-sender-rejected", f"@G ; @E ; @M ; {rcpt} ; {rcpt} ; @Q")
    assert ": the sender <s@a.example.net>; " in finding.text
    assert "r@mx.example" not in finding.text


def test_pipelined_behind_a_refused_sender() -> None:
    text = (
        r'@G ; @E ; C "MAIL FROM:<s@bad.example>\r\nRCPT TO:<r@mx.example>\r\nDATA\r\n"'
        r' ; S "550 5.1.8 Sender address rejected: Domain not found\r\n503 5.5.1 Need MAIL\r\n'
        r'503 5.5.1 Need RCPT\r\n"'
    )
    assert reasons(text) == {"delivery-sender-rejected"}


def test_greetings_have_their_own_checks() -> None:
    assert not reasons(r'OPEN ; S "554 5.7.1 Blocked using zen.spamhaus.org\r\n" ; @Q')


def test_a_resolver_that_the_list_turned_away() -> None:
    reply = "554 5.7.1 Blocked using zen.spamhaus.org; Error: open resolver"
    finding = one("delivery-dnsbl-listed", f"@G ; @E ; @M ; {rcpt(reply)}")
    assert "the server's own resolver" in finding.text


def test_no_names_of_a_hostile_kind() -> None:
    (finding,) = found(
        "rcpt-unknown-user",
        r'@G ; @E ; @M ; C "RCPT TO:<\x1b[31m@mx.example>\r\n" ; S "550 5.1.1 User unknown\r\n"',
    )
    assert finding.text.isprintable()


def test_healthy() -> None:
    assert not reasons(f"@T ; {MESSAGE} ; @Q")
    text = f"@T ; {MESSAGE} ; @Q"
    assert not {f.check for f in every(text)} & {check.id for check in CHECKS}


def test_tainted() -> None:
    two = r'C "RCPT TO:<a@x.example>\r\nRCPT TO:<b@x.example>\r\n"'
    assert not reasons(rf'@G ; @E ; @M ; {two} ; GAP S 14 ; S "550 5.1.1 User unknown\r\n"')


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        (f"@G ; @E ; @M ; {rcpt('450 4.2.0 Greylisted')} ; @Q", "warning"),
        (f"@G ; @E ; @M ; {rcpt('550 5.1.1 User unknown')} ; @Q", "error"),
        (
            r'@G ; @E ; C "MAIL FROM:<>\r\n" ; S "250 Ok\r\n" ; '
            + f"{rcpt('550 5.1.1 User unknown')} ; @Q",
            "note",
        ),
        (r'@T ; C "RSET\r\n" ; S "250 Ok\r\n" ; @Q', ""),  # the client's own wish
        (f"@T ; {rcpt('550 5.1.1 User unknown')} ; {MESSAGE}", ""),
    ],
)
def test_failed_for_all(text: str, severity: str) -> None:
    assert [f.severity for f in found("delivery-failed-all", text)] == [severity] * bool(severity)


def test_none_of_several_and_not_the_only_one() -> None:
    no, lone = "550 5.1.1 No", rcpt("550 5.1.1 No")
    (alone,) = found("delivery-failed-all", f"@G ; @EN ; @M ; {lone} ; @Q")
    assert "for its only recipient: r@mx.example" in alone.text
    (both,) = found(
        "delivery-failed-all", f"@G ; @EN ; @M ; {lone} ; {rcpt(no, 'q@mx.example')} ; @Q"
    )
    assert "for any of its 2 recipients: r@mx.example, q@mx.example" in both.text


def test_lmtp_answers_for_each() -> None:
    text = (
        r'@G ; C "LHLO a.example.net\r\n" ; S "250 mx.example\r\n" ; @M ; @R ; '
        + rcpt("250 Ok", "q@mx.example")
        + r' ; @D ; @H ; C ".\r\n" ; S "250 2.0.0 Ok\r\n552 5.2.2 <q@mx.example> Mailbox full\r\n"'
    )
    finding = one("delivery-partial", text)
    assert "1 of 2 recipients" in finding.text
    assert "q@mx.example" in one("rcpt-quota", text).text
    assert not found("delivery-rejected-after-data", text)


@pytest.mark.parametrize(
    ("end", "why"),
    [
        ("@T", "the recording ends"),
        (r'@T ; @D ; @H ; C ".\r\n" ; ACK S ; FIN S ; FIN C', "never answered"),
        (r'@T ; @D ; @H ; C ".\r\n" ; GAP S 20 ; FIN S ; FIN C', "missing"),
    ],
)
def test_unknown(end: str, why: str) -> None:
    finding = one("delivery-outcome-unknown", end)
    assert why in finding.text
    assert finding.severity == "note"


def test_said_too_late() -> None:
    text = r'@T ; @D ; @H ; C ".\r\n" ; S "550 5.1.1 User unknown\r\n"'
    assert "at RCPT" in one("delivery-rejected-after-data", text).text
