"""Checks of a message's header: near misses, severities, and how the header is read."""

from __future__ import annotations

import pytest
from dialogue import sessions
from judging import every, found, one

HEALTHY = (
    r"Date: Mon, 23 Nov 2026 10:00:00 +0000\r\nFrom: <s@a.example.net>\r\nMessage-ID: <1@a>\r\n"
)


def letter(head: str, reply: str = "250 2.0.0 Ok", mail: str = "@M") -> str:
    return rf'@G ; @E ; {mail} ; @R ; @D ; C "{head}\r\nhi\r\n.\r\n" ; S "{reply}\r\n" ; @Q'


def about(head: str, **options: str) -> set[str]:
    return {f.check for f in every(letter(head, **options)) if f.check.startswith("msg-")}


def test_healthy() -> None:
    assert not about(HEALTHY + r"X-Mailer: a :b\r\nReferences: <1@a>\r\n <2@a>\r\n")


@pytest.mark.parametrize("port", ["25", "587"])
def test_a_submission_server_adds_what_is_missing(port: str) -> None:
    text = f"SESSION server_port={port}\n" + letter(r"From: <s@a.example.net>\r\n")
    severity = {"25": "warning", "587": "note"}[port]
    assert one("msg-missing-date", text).severity == severity
    assert bool(found("msg-no-message-id", text)) is (port == "25")


@pytest.mark.parametrize(
    ("twice", "severity"),
    [
        (r"From: a\r\n", "error"),
        (r"fRoM: a\r\n", "error"),
        (r"Message-Id: <2@a>\r\n", "warning"),
        (r"Received: a\r\nReceived: b\r\nResent-From: a\r\nResent-From: b\r\n", ""),
        (r"X-A: a\r\nX-A: b\r\n", ""),
    ],
)
def test_twice(twice: str, severity: str) -> None:
    hits = found("msg-duplicate-header", letter(HEALTHY + twice))
    assert "".join(f.severity for f in hits) == severity


def test_names_are_told_as_written() -> None:
    text = one("msg-duplicate-header", letter(HEALTHY + r"message-id: <2@a>\r\n")).text
    assert "Message-ID 2 times" in text


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (r"\r\nhi", ""),
        (rf"{HEALTHY}hello\r\n", "no field"),
        (rf"{HEALTHY}: no name\r\n", "no field"),
        (rf"{HEALTHY}Subject : x\r\n", "blank before a colon"),
        (rf"{HEALTHY}Sub ject: x\r\n", "no field"),
        (rf" x\r\n{HEALTHY}", "continues nothing"),
        (rf"From a@b Mon Nov 23 10:00:00 2026\r\n{HEALTHY}", "mailbox file"),
        (rf"{HEALTHY}From a@b Mon Nov 23 10:00:00 2026\r\n", "no field"),
    ],
)
def test_malformed(head: str, told: str) -> None:
    text = letter(head)
    hits = found("msg-header-malformed", text)
    assert bool(hits) is bool(told)
    assert told in "".join(f.text for f in hits)
    assert [f.severity for f in hits] == (
        ["note" if "mailbox" in told else "warning"] if told else []
    )


def test_what_a_broken_header_lacks_hangs_under_it() -> None:
    (session,) = sessions(letter(r"Dear all,\r\nFrom: a\r\n"))
    (root,) = (f for f in session.findings if f.check == "msg-header-malformed")
    assert {"msg-missing-date", "msg-no-message-id"} <= {f.check for f in root.related}


def test_no_header_at_all() -> None:
    assert about("") == {"msg-missing-date", "msg-missing-from", "msg-no-message-id"}


def test_a_header_with_a_hole() -> None:
    text = r'@T ; @D ; C "Subject: t\r\n" ; GAP C 99 ; C "\r\nhi\r\n.\r\n" ; S "250 Ok\r\n" ; @Q'
    assert not {f.check for f in every(text)} & {"msg-missing-date", "msg-missing-from"}


def test_a_header_that_breaks_off() -> None:
    text = r'@T ; @D ; C "Subject: t\r\n" ; +5 RST C'
    assert not found("msg-missing-date", text)


@pytest.mark.parametrize(
    ("head", "field"),
    [
        (r"Subject: na\xefve\r\n", '"Subject"'),
        (r"Subject: a\r\n\t na\xefve\r\n", '"Subject"'),
        (r"na\xefve\r\n", "The header"),
    ],
)
def test_where_it_is_not_ascii(head: str, field: str) -> None:
    assert field in one("msg-8bit-header", letter(head)).text


def test_eight_bit_text_is_no_header() -> None:
    assert not found("msg-8bit-header", letter(HEALTHY + r"\r\nna\xefve"))


@pytest.mark.parametrize(
    ("date", "told"),
    [
        ("Mon, 23 Nov 2026 10:00:00 +0000", ""),
        ("Fri, 20 Nov 2026 10:00:00 -0800", ""),
        ("Tue, 17 Nov 2026 10:00:00 +0000", ""),
        ("Tue, 10 Nov 2026 10:00:00 +0000", "13 days earlier"),
        ("Thu, 26 Nov 2026 10:00:00 +0000", "3 days later"),
        ("Wed, 31 Feb 2020 10:00:00 +0000", ""),
        ("yesterday", ""),
        ("1 Jan 70 00:00:00 GMT", "days earlier"),
    ],
)
def test_dates(date: str, told: str) -> None:
    hits = found("msg-date-skewed", letter(rf"Date: {date}\r\nFrom: a\r\n"))
    assert bool(hits) is bool(told)
    assert told in "".join(f.text for f in hits)


def test_final_delivery() -> None:
    lmtp = (
        r'@G ; C "LHLO a.example.net\r\n" ; S "250-mx.example\r\n250 PIPELINING\r\n" ; @M ; @R ; @D'
    )
    text = rf'{lmtp} ; C "Return-Path: <>\r\n{HEALTHY}\r\n.\r\n" ; S "250 2.0.0 Ok\r\n" ; @Q'
    assert not found("msg-return-path-present", text)
    assert found("msg-return-path-present", letter(r"Return-Path: <>\r\n" + HEALTHY))
