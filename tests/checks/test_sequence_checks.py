"""Checks of the order of commands: their own examples, and their near misses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from dialogue import LOSSY, SAME, sessions
from judging import every, found, judge_example

from smtpsniff.checks import (
    chunks,
    conduct,
    farewell,
    haste,
    misplaced,
    sequence,
    tolerance,
)

if TYPE_CHECKING:
    from smtpsniff.checks import Check

CHECKS: tuple[Check, ...] = (
    *sequence.CHECKS, *conduct.CHECKS, *farewell.CHECKS, *haste.CHECKS, *misplaced.CHECKS,
    *chunks.CHECKS, *tolerance.CHECKS,
)  # fmt: skip
OK = r'S "250 Ok\r\n"'


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.id)
def test_example(check: Check) -> None:
    judge_example(check)


@pytest.mark.parametrize("framing", SAME)
@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.id)
def test_example_in_any_framing(check: Check, framing: str) -> None:
    assert found(check.id, check.fires, framing=framing)
    assert not found(check.id, check.silent, framing=framing)


PIPELINED = r"""
    @G
    @E
    C "MAIL FROM:<s@a.example.net>\r\nRCPT TO:<r@mx.example>\r\nDATA\r\n"
    S "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 go\r\n"
    @H
    C ".\r\nMAIL FROM:<s@a.example.net>\r\nRCPT TO:<r@mx.example>\r\nDATA\r\n"
    S "250 2.0.0 Ok\r\n250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 go\r\n"
    @H
    C ".\r\nQUIT\r\n"
    S "250 2.0.0 Ok\r\n221 2.0.0 Bye\r\n"
    FIN S
    FIN C
"""
LOGIN = r"""
    @G
    @EA
    C "AUTH LOGIN\r\n"
    S "334 VXNlcm5hbWU6\r\n"
    C "YW5uYQ==\r\n"
    S "334 UGFzc3dvcmQ6\r\n"
    C "c2VjcmV0\r\n"
    S "235 2.7.0 Ok\r\n"
    @M
    @R
    @D
    @H
    @X
    @Q
"""
LMTP = r"""
    @G
    C "LHLO a.example.net\r\n"
    S "250-mx.example\r\n250 PIPELINING\r\n"
    @M
    @R
    @R
    @D
    C "hi\r\n.\r\n"
    S "250 2.0.0 one\r\n"
    +1 S "452 4.2.2 two full\r\n"
    @Q
"""
CHUNKS = r"""
    @G
    @E
    C "MAIL FROM:<s@a.example.net>\r\nRCPT TO:<r@mx.example>\r\nBDAT 4\r\nhi\r\nBDAT 0 LAST\r\n"
    S "250 Ok\r\n250 Ok\r\n250 Ok\r\n250 Ok\r\n"
    @Q
"""
SOUND = {
    "plain": "@T\n@D\n@H\n@X\n@Q",
    "two mails": "@T\n@D\n@H\n@X\n@M\n@R\n@D\n@H\n@X\n@Q",
    "pipelined": PIPELINED,
    "login": LOGIN,
    "LMTP": LMTP,
    "chunks in a stream": CHUNKS,
    "postscreen": 'OPEN\nS "220-mx.example\\r\\n"\n+6 S "220 mx.example ESMTP\\r\\n"\n@E\n@Q',
    "421 after silence": '@G\n@E\n+400 S "421 4.4.2 idle\\r\\n"\nFIN S\nFIN C',
    "TLS": '@G\n@ET\nC "STARTTLS\\r\\n"\nS "220 go\\r\\n"\n@CH\n@SH\nFIN S\nFIN C',
    "PLAIN in a group": r"""
        @G
        @EA
        C "AUTH PLAIN AGEAYg==\r\nMAIL FROM:<s@a.example.net>\r\n"
        S "235 Ok\r\n250 Ok\r\n"
        @Q
    """,
    "known to Exim": r"""
        @G
        C "EHLO a.example.net\r\nMAIL FROM:<s@a.example.net>\r\n"
        S "250-mx.example\r\n250-PIPELINING\r\n250 PIPECONNECT\r\n250 Ok\r\n"
        @Q
    """,
    "again after a refused DATA": '@T\nC "DATA\\r\\n"\nS "451 later\\r\\n"\n@M\n@R\n@D\n@H\n@X\n@Q',
}
IDS = frozenset(check.id for check in CHECKS)


@pytest.mark.parametrize("framing", ["whole", *SAME, *LOSSY])
@pytest.mark.parametrize("name", SOUND)
def test_sound_session(name: str, framing: str) -> None:
    assert not [f.text for f in every(SOUND[name], framing=framing) if f.check in IDS]


MORE = 'C "BDAT 1 LAST\\r\\nxBDAT 1\\r\\ny"\nS "250 Ok\\r\\n503 no\\r\\n"'
QUIT = 'C "QUIT\\r\\n"\n'
TO_NOBODY = '@G\n@E\n@M\nC "RCPT TO:<x@b>\\r\\n"\nS "550 no\\r\\n"\n'
NEAR = [
    ("rcpt-before-mail", "@G\n@E\nGAP C 29\n@R\n@Q", "MAIL was not captured"),
    ("rcpt-before-mail", "@R\n@D\n@H\n@X\n@Q", "the capture began in the middle"),
    ("data-without-rcpt", "@G\n@E\n@M\nGAP C 24\n@D\n@H\n@X\n@Q", "RCPT was not captured"),
    ("data-without-rcpt", "@T\n" + MORE, "after LAST"),
    (
        "data-after-all-rcpt-failed",
        '@T\nC "RCPT TO:<x@mx.example>\\r\\n"\nS "550 no\\r\\n"\n@D\n@H\n@X\n@Q',
        "one was accepted",
    ),
    ("mail-nested", '@T\nC "RSET\\r\\n"\n' + OK + "\n@M\n@Q", "after RSET"),
    ("mail-nested", '@T\nC "EHLO b.example\\r\\n"\n' + OK + "\n@M\n@Q", "after EHLO"),
    (
        "client-ignored-failure",
        '@G\n@EA\nC "AUTH PLAIN AA==\\r\\n"\nS "535 no\\r\\n"\n@M',
        "no 530",
    ),
    (
        "client-ignored-failure",
        '@G\nC "EHLO a.example\\r\\n"\nS "502 no\\r\\n"\nC "HELO a.example\\r\\n"\n' + OK + "\n@M",
        "HELO worked",
    ),
    ("transaction-abandoned", "@T\nGAP C 6\n@Q", "DATA may be missing"),
    ("transaction-abandoned", TO_NOBODY + "@Q", "refused"),
    ("command-after-quit", "@G\n@E\n@Q", "nothing follows"),
    ("quit-missing", '@G\n@E\nC "NOOP\\r\\n"\nFIN C\nFIN S', "an answer was due"),
    ("quit-missing", '@G\n@E\nS "421 bye\\r\\n"\nFIN C\nFIN S', "421"),
    ("quit-missing", "@T\n@D\nFIN C\nFIN S", "in the middle of a message"),
    ("quit-missing", 'OPEN\nS "554 no\\r\\n"\nFIN C\nFIN S', "refused at the greeting"),
    ("quit-missing", "@G\n@E\nRST C", "a reset"),
    ("quit-reply-missing", '@G\n@E\nC "QUIT\\r\\n"', "the capture ended"),
    ("quit-reply-missing", "@G\n@E\n" + QUIT + "GAP S 15\nFIN S\nFIN C", "221 not captured"),
    ("server-closed-without-421", "@G\n@E\n@Q", "QUIT"),
    ("server-closed-without-421", "@G\n@E\n+310 FIN S\nFIN C", "five minutes of silence"),
    ("server-closed-without-421", "@G\n@E\nGAP S 20\nFIN S\nFIN C", "421 may be missing"),
    ("server-closed-without-421", "OPEN\nFIN S\nFIN C", "no greeting"),
    (
        "pipelining-not-offered",
        '@M\nC "NOOP\\r\\nNOOP\\r\\n"\n' + OK + "\n" + OK,
        "EHLO not captured",
    ),
    (
        "pipelining-past-sync-command",
        '@T\n@D\nC "hi\\r\\n.\\r\\nQUIT\\r\\n"\n' + OK,
        "behind a message",
    ),
    (
        "message-before-354",
        '@T\nC "DATA\\r\\n"\n+2 S "354 go\\r\\n"\n@H\n@X\n@Q',
        "a slow server",
    ),
    (
        "body-lines-as-commands",
        '@G\n@E\nC "GET / HTTP/1.1\\r\\nHost: b\\r\\nAccept: text\\r\\nX: y\\r\\n"\n'
        'S "500 no\\r\\n500 no\\r\\n500 no\\r\\n500 no\\r\\n"\n@Q',
        "a web browser",
    ),
    ("bdat-size-mismatch", '@T\nC "BDAT 2 LAST\\r\\nhiXFOO\\r\\n"\n' + OK + "\n" + OK, "accepted"),
    ("bdat-mixed-with-data", '@T\nC "BDAT 1\\r\\nx"\n' + OK + '\nC "RSET\\r\\n"\n' + OK, "RSET"),
]

REFUSED_EHLO = 'C "EHLO\\r\\n"\nS "501 no\\r\\n"\n'
NEAR += [
    ("data-without-rcpt", "@T\n" + REFUSED_EHLO + "@D\n@H\n@X\n@Q", "a refused EHLO"),
    ("transaction-abandoned", "@T\n" + REFUSED_EHLO + "@D\n@H\n@X\n@Q", "a refused EHLO"),
    (
        "client-ignored-failure",
        '@T\nC "MAIL FROM:<a@b>\\r\\n"\nS "503 nested\\r\\n"\n@R\n@Q',
        "the open mail goes on",
    ),
    (
        "pipelining-not-offered",
        'C "HELO b\\r\\n"\nS "220 b\\r\\n250 b\\r\\n"\n@M\nC "NOOP\\r\\nNOOP\\r\\n"\n' + OK,
        "the capture began in the middle",
    ),
]


@pytest.mark.parametrize(("name", "text", "why"), NEAR, ids=[f"{n}: {w}" for n, _, w in NEAR])
def test_near_miss(name: str, text: str, why: str) -> None:
    assert not found(name, text), why


REFUSED_TLS = '@G\n@ET\nC "STARTTLS\\r\\n"\nS "454 no\\r\\n"\n'
DEMANDED = '@G\n@ET\nC "MAIL FROM:<>\\r\\n"\nS "530 STARTTLS first\\r\\n"\nC "STARTTLS\\r\\n"\n'
BAD = '@G\n@E\nC "HELLO\\r\\n"\nS "500 what?\\r\\n"\n'
MORE = [
    ("server-closed-after-bad-command", BAD + "+2 FIN S\nFIN C", "two seconds later"),
    ("server-closed-after-bad-command", BAD + "FIN C\nFIN S", "the client closed first"),
    ("server-closed-after-bad-command", 'OPEN\nS "554 no\\r\\n"\nFIN S\nFIN C', "the greeting"),
    ("server-closed-after-bad-command", BAD + "GAP S 30\nFIN S\nFIN C", "421 may be missing"),
    ("rset-mid-transaction", "@T\n" + 'C "RSET\\r\\n"\nS "502 no\\r\\n"\n@D\n@X\n@Q', "refused"),
    (
        "rset-mid-transaction",
        TO_NOBODY + 'C "RSET\\r\\n"\nS "250 Ok\\r\\n"\n@M\n@R\n@Q',
        "nobody was accepted",
    ),
    ("errors-excessive", BAD + 'S "421 4.3.2 shutting down\\r\\n"\nFIN S', "one, then a shutdown"),
    ("errors-excessive", 'OPEN\nS "421 too many errors\\r\\n"\nFIN S', "none seen here"),
]


@pytest.mark.parametrize(("name", "text", "why"), MORE, ids=[f"{n}: {w}" for n, _, w in MORE])
def test_servers_patience_near_miss(name: str, text: str, why: str) -> None:
    assert not found(name, text), why


def test_a_server_that_resets_at_the_first_mistake() -> None:
    assert found("server-closed-after-bad-command", BAD + "RST S")


def test_a_server_that_says_why_it_has_had_enough() -> None:
    text = BAD + 'S "421 4.7.0 mx.example Error: too many errors\\r\\n"\nFIN S\nFIN C'
    (finding,) = found("errors-excessive", text)
    assert "too many errors" in finding.text


def test_mistakes_are_told_once() -> None:
    text = "@G\n@E\n" + 'C "FOO\\r\\n"\nS "500 5.5.1 no\\r\\n"\n' * 6 + "@Q"
    (session,) = sessions(text)
    assert [f.check for f in session.findings if f.severity != "note"] == ["errors-excessive"]


SEVERITIES = [
    ("data-after-all-rcpt-failed", TO_NOBODY + "@D\n@H\n@X\n@Q", "error"),
    ("data-after-all-rcpt-failed", TO_NOBODY + "@D\n@X\n@Q", "warning"),
    ("data-without-rcpt", '@G\n@E\nC "DATA\\r\\n"\nS "503 no\\r\\n"\n@Q', "error"),
    ("mail-nested", "@T\n@M\n@Q", "error"),
    ("client-ignored-failure", DEMANDED + 'S "454 no\\r\\n"\n@M\n@Q', "warning"),
    (
        "client-ignored-failure",
        '@G\nC "EHLO b\\r\\n"\nS "550 no\\r\\n"\nC "HELO b\\r\\n"\nS "550 no\\r\\n"\n@M\n@Q',
        "warning",
    ),
    ("command-after-quit", '@G\n@E\nC "QUIT\\r\\n\\r\\n"\nS "221 Bye\\r\\n"\nFIN S\nFIN C', "note"),
    ("server-closed-without-421", 'OPEN\nS "554 no\\r\\n"\nFIN S\nFIN C', "note"),
    ("server-closed-without-421", "@T\n@D\nFIN S\nFIN C", "error"),
    ("xclient-used", '@G\n@E\nC "XCLIENT ADDR=192.0.2.7\\r\\n"\nS "550 no\\r\\n"\n@Q', "note"),
    (
        "pipelining-not-offered",
        '@G\n@EN\n@M\nC "RCPT TO:<a@b>\\r\\nNOOP\\r\\n"\nS "250 Ok\\r\\n503 no\\r\\n"\n@Q',
        "error",
    ),
    (
        "pipelining-past-sync-command",
        '@G\n@E\nC "NOOP\\r\\nNOOP\\r\\n"\nS "250 Ok\\r\\n250 Ok\\r\\n"\n@Q',
        "note",
    ),
    ("pipelining-past-sync-command", '@T\nC "DATA\\r\\nQUIT\\r\\n"\nS "354 go\\r\\n"', "warning"),
    (
        "message-after-data-rejected",
        '@T\nC "DATA\\r\\nhi\\r\\n.\\r\\n"\nS "550 no\\r\\n500 no\\r\\n500 no\\r\\n"\n@Q',
        "error",
    ),
]


@pytest.mark.parametrize(("name", "text", "severity"), SEVERITIES)
def test_severity(name: str, text: str, severity: str) -> None:
    (finding,) = found(name, text)
    assert finding.severity == severity


def test_refused_starttls_alone_is_no_reason_to_stop() -> None:
    assert not found("client-ignored-failure", REFUSED_TLS + "@M\n@Q")


def test_one_finding_for_each_check_and_all_places_counted() -> None:
    rcpt = 'C "RCPT TO:<a@b>\\r\\n"\nS "503 no\\r\\n"\n'
    (finding,) = found("rcpt-before-mail", "@G\n@E\n" + rcpt + rcpt + "@Q")
    assert finding.count == 2
