"""Servers that end lines at CR LF only, and servers that only look like it."""

from __future__ import annotations

import pytest
from dialogue import LOSSY, SAME, sessions

EHLO = r'@G ; C "EHLO a.example.net\nNOOP\r\n" ; S "250 mx.example\r\n" ; '
STRICT = EHLO + r'@M ; C "RCPT TO:<r@mx.example>\r\n" ; S "550 5.1.1 no\r\n" ; @Q'
LENIENT = EHLO + r'S "250 noop\r\n" ; @M ; C "RCPT TO:<r@mx.example>\r\n" ; S "550 no\r\n" ; @Q'
# The second answer comes late, when the client has gone on already.
SLOW = (
    EHLO
    + r"""C "MAIL FROM:<s@a.example.net>\r\n" ; S "250 noop\r\n250 2.1.0 Ok\r\n"
C "RCPT TO:<r@mx.example>\r\n" ; S "550 no\r\n" ; @Q"""
)


def answers(text: str, framing: str = "whole") -> list[tuple[str, str]]:
    """Each command with the code of its answer."""
    (session,) = sessions(text, framing)
    entries = session.timeline
    return [
        (entries[e.answers].verb, e.code)
        for e in entries
        if e.kind == "reply" and e.answers is not None
    ]


@pytest.mark.parametrize("framing", ["whole", *SAME])
def test_strict_server(framing: str) -> None:
    assert answers(STRICT, framing) == [
        ("EHLO", "250"), ("MAIL", "250"), ("RCPT", "550"), ("QUIT", "221"),
    ]  # fmt: skip
    (session,) = sessions(STRICT, framing)
    checks = {finding.check for finding in session.findings}
    assert "command-control-char" in checks
    assert "command-bare-lf" not in checks
    assert [r.outcome for r in session.transactions[0].recipients] == ["rejected"]


@pytest.mark.parametrize("text", [LENIENT, SLOW])
def test_lenient_server(text: str) -> None:
    assert answers(text) == [
        ("EHLO", "250"), ("NOOP", "250"), ("MAIL", "250"), ("RCPT", "550"), ("QUIT", "221"),
    ]  # fmt: skip


def test_later_lines_of_a_strict_server() -> None:
    text = EHLO + r'@M ; C "RCPT TO:<r@mx.example>\nDATA\r\n" ; S "501 5.5.4 no\r\n" ; @Q'
    assert answers(text) == [("EHLO", "250"), ("MAIL", "250"), ("RCPT", "501"), ("QUIT", "221")]


def test_a_mail_within_the_line() -> None:
    text = r"""@G ; @E ; C "NOOP\nMAIL FROM:<x@y.example>\nRCPT TO:<r@mx.example>\r\n"
    S "250 2.0.0 Ok\r\n" ; @M ; @R ; @D ; @H ; @X ; @Q"""
    (session,) = sessions(text)
    assert [t.mail_from for t in session.transactions] == ["s@a.example.net"]
    assert session.transactions[0].outcome == "delivered"


@pytest.mark.parametrize("framing", LOSSY)
def test_with_packets_missing(framing: str) -> None:
    for session in sessions(STRICT, framing):
        assert "internal-error" not in {finding.check for finding in session.findings}
