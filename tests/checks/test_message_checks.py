"""Checks of messages: their own examples, and what must not be taken for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from dialogue import compile_text, pcap, read_capture
from judging import LATER, every, found, judge_example, one

from smtpsniff.checks.message import CHECKS

if TYPE_CHECKING:
    from smtpsniff.checks import Check

FORGED = r"MAIL FROM:<a@victim.example>\r\nRCPT TO:<r@mx.example>\r\nDATA\r\nx\r\n"
SMUGGLING = {"smuggling-eod-accepted", "smuggling-eod-variant", "eod-nonstandard"}


def message(text: str, reply: str = "250 2.0.0 Ok", mail: str = "@M") -> str:
    return rf'@G ; @E ; {mail} ; @R ; @D ; C "{text}" ; S "{reply}\r\n" ; @Q'


def names(text: str) -> set[str]:
    return {f.check for f in every(text)}


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.id)
def test_example(check: Check) -> None:
    judge_example(check)


@pytest.mark.parametrize(
    ("reply", "severity"),
    [
        ("250 2.0.0 Ok", "warning"),
        ("550 5.6.11 Bare line feeds", "error"),
        ("550 5.7.1 Client host blocked using zen.spamhaus.org", "warning"),
    ],
)
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("msg-bare-lf", r"Date: x\r\n\r\na\nb\r\n.\r\n"),
        ("msg-missing-date", r"Subject: x\r\n\r\na\r\n.\r\n"),
    ],
)
def test_error_where_nothing_else_is_named(name: str, text: str, reply: str, severity: str) -> None:
    assert one(name, message(text, reply)).severity == severity


def test_binary_has_no_lines() -> None:
    binary = r'C "MAIL FROM:<s@a.example.net> BODY=BINARYMIME\r\n" ; S "250 Ok\r\n"'
    chunk = r'@R ; C "BDAT 4 LAST\r\na\nb\n" ; S "250 Ok\r\n"'
    assert not found("msg-bare-lf", f"@G ; @E ; {binary} ; {chunk}")
    assert found("msg-bare-lf", f"@G ; @E ; @M ; {chunk}")


def test_next_to_a_hole() -> None:
    assert not found("msg-bare-lf", r'@T ; @D ; @H ; GAP C 99 ; C "\nb\r\n.\r\n" ; S "250 Ok\r\n"')


@pytest.mark.parametrize(
    "text",
    [
        r"DATE: today\r\n\r\n.\r\n",
        r"Subject: x\r\nDate : today\r\n\r\n.\r\n",
        r"Subject: x\nDate: today\n\nhi\r\n.\r\n",
        r".\r\n",
    ],
)
def test_dated(text: str) -> None:
    assert not found("msg-missing-date", message(text))


@pytest.mark.parametrize(
    "text",
    [r"X-Date: today\r\n\r\n.\r\n", r"\r\nDate: in the text\r\n.\r\n", r"just text\r\n.\r\n"],
)
def test_undated(text: str) -> None:
    assert one("msg-missing-date", message(text)).severity == "warning"


def test_submission_adds_the_date() -> None:
    text = message(r"Subject: x\r\n\r\n.\r\n")
    assert one("msg-missing-date", text, server=("192.0.2.9", 587)).severity == "note"


@pytest.mark.parametrize(
    ("end", "severity"), [("FIN C", "error"), (LATER, "error"), ("ACK C", "note")]
)
def test_truncated(end: str, severity: str) -> None:
    assert one("msg-truncated", f"@T ; @D ; @H ; {end}").severity == severity


@pytest.mark.parametrize(
    "text",
    [
        r'@T ; @D ; @H ; S "552 5.3.4 Too big\r\n" ; FIN C',  # the server had enough
        r'@T ; C "BDAT 2\r\nab" ; S "250 Ok\r\n" ; FIN C',  # between chunks
        r'@T ; C "BDAT 9 LAST\r\nab" ; S "552 Too big\r\n" ; FIN C',
        r'@T ; C "DATA\r\n" ; S "451 no\r\n" ; FIN C',
        r'C "text of a letter\r\nmore\r\n" ; FIN C',  # from the middle
    ],
)
def test_not_truncated(text: str) -> None:
    assert not found("msg-truncated", text)


def test_the_end_may_be_in_a_hole() -> None:
    assert one("msg-truncated", "@T ; @D ; @H ; GAP C 50 ; RST C").confidence == "possible"


def test_the_end_never_arrived() -> None:
    text = r'@T ; @D ; @H ; LOSS C ".\r\n" 4 ; RST C'
    finding = one("msg-truncated", text)
    assert "sent whole, but the server never acknowledged" in finding.text
    assert finding.confidence == "likely"
    assert not found("eom-reply-missing", text)


def test_who_hung_up() -> None:
    hasty = one("eom-reply-missing", r'@T ; @D ; @H ; C ".\r\n" ; ACK S ; FIN C ; FIN S').text
    assert "the client" in hasty
    assert "no time" in hasty
    assert "no time" not in one("eom-reply-missing", r'@T ; @D ; @H ; C ".\r\n" ; +60 RST S').text


@pytest.mark.parametrize("end", ["ACK S", "GAP S 20 ; FIN S ; FIN C"])
def test_nobody_knows(end: str) -> None:
    assert not found("eom-reply-missing", rf'@T ; @D ; @H ; C ".\r\n" ; {end}')


def test_receipt_of_a_chunk() -> None:
    assert found("eom-reply-missing", r'@T ; C "BDAT 2 LAST\r\nab" ; ACK S ; +9 FIN S ; FIN C')


# -- ends and dots ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "about"),
    [
        # Accepted, in one burst or in two.
        (
            rf'@T ; @D ; C "hi\n.\r\n{FORGED}.\r\n" ; S "250 Ok\r\n250 Ok\r\n250 Ok\r\n354 go\r\n'
            r'250 Ok\r\n"',
            {"smuggling-eod-accepted", "smuggling-eod-variant"},
        ),
        # The server saw through it.
        (message(rf"hi\n.\r\n{FORGED}.\r\n"), {"smuggling-eod-variant"}),
        # Testers do this.
        (message(rf"hi\r\n.\r\r\n{FORGED}.\r\n"), set()),
        # Quoted, or plain Unix text.
        (message(rf"hi\r\n> \n.\r\n> {FORGED}.\r\n"), set()),
        (message(r"hi\n.\nbye\r\n.\r\n"), set()),
        # A client that always ends so, and waits; and one that is never understood.
        (message(r"hi\n.\n"), {"eod-nonstandard"}),
        (message(r"hi\n.\n").replace("@Q", r'@M ; @R ; @D ; C "ho\n.\n" ; S "250 Ok\r\n" ; @Q'),
         {"eod-nonstandard"}),
        (rf'@T ; @D ; C "hi\r\n.\n" ; {LATER}', {"eod-nonstandard"}),
        (r'@T ; @D ; C "hi\r\n.\n"', set()),
        (r'@T ; @D ; C "hi\r\n.\n" ; S "250 Ok\r\n"', {"eod-nonstandard"}),
    ],
)  # fmt: skip
def test_ends(text: str, about: set[str]) -> None:
    assert names(text) & SMUGGLING == about


def test_never_understood_is_an_error() -> None:
    text = rf'@T ; @D ; C "hi\r\n.\n" ; {LATER}'
    assert one("eod-nonstandard", text).severity == "error"
    assert not found("msg-truncated", text)


@pytest.mark.parametrize(
    ("text", "fires"),
    [
        (message(r".a\r\n.\r\n"), True),
        (message(r"a\r\n.b\r\n.\r\n"), True),
        (message(r"a\n.b\r\n.\r\n"), False),  # not after CRLF
        (message(r"a\r\n.\nb\r\n.\r\n"), False),  # a variant of the end
        (r'@T ; C "BDAT 6 LAST\r\na\r\n.b\n" ; S "250 Ok\r\n"', False),
        (r'C "MAIL FROM:<a@b.example>\r\n" ; GAP C 80 ; C "a\r\n.b\r\n.\r\n"', False),
    ],
)
def test_dots(text: str, fires: bool) -> None:
    assert bool(found("dot-stuffing-missing", text)) is fires


def test_letter_that_ends_early() -> None:
    refused = r"500 5.5.2 What?\r\n"
    text = rf'@T ; @D ; C "hi\r\n.\r\nand more\r\nto say\r\n" ; S "250 Ok\r\n{refused}{refused}"'
    assert "and more" in one("dot-stuffing-missing", text).text
    once = text.replace(r"to say\r\n", r"QUIT\r\n").replace(refused, "", 1)
    assert not found("dot-stuffing-missing", once)


def test_a_server_whose_bytes_are_known_in_two_versions() -> None:
    """Its answer may be in the version that was not believed (the first copy of a byte wins)."""
    packets = compile_text("@T ; @D ; @H ; @X ; @Q")
    greeting = next(p for p in packets if p.direction == "S" and p.payload)
    greeting.payload += b"A" * 3000
    (session,) = read_capture(pcap(packets))
    names = {f.check for f in session.findings}
    assert "tcp-overlap-conflict" in names
    assert "eom-reply-missing" not in names
