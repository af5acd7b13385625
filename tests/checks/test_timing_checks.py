"""Checks of time: their own examples, what must not be taken for it, and how sure they are."""

from __future__ import annotations

import pytest
from dialogue import compile_text, pcap, read_capture, sessions
from judging import every, found, judge_example, one

from smtpsniff.checks import Check, pauses, slowness, transfer

CHECKS = (*slowness.CHECKS, *pauses.CHECKS, *transfer.CHECKS)


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.id)
def test_example(check: Check) -> None:
    judge_example(check)


SLOW = '@G ; C "NOOP\\r\\n" ; +6 S "250 Ok\\r\\n" ; @Q'
# What each dialogue must not be taken for, and why not.
NEAR = [
    ("server-slow-reply", 'OPEN ; +6 S "220 mx.example\\r\\n" ; @Q', "the greeting"),
    ("server-slow-reply", '@EN ; @M ; +9 C "RSET\\r\\n" ; S "250 Ok\\r\\n"', "the client's pause"),
    ("server-slow-reply", '@G ; C "NOOP\\r\\n" ; +9 FIN C', "no reply at all"),
    ("server-slow-eom", '@T ; @D ; @H ; +45 C ".\\r\\n" ; S "250 Ok\\r\\n"', "the client's pause"),
    ("client-pause", "@T ; @D ; @H ; @X ; +99 @M ; @Q", "held for the next mail"),
    ("client-pause", '@G ; C "NOOP\\r\\n" ; +99 S "250 Ok\\r\\n" ; @Q', "the server's time"),
    ("connection-held", "@G ; @EN ; +99 @Q", "no mail before"),
    ("client-timeout-early", "@G ; @EN ; +99 FIN C", "nothing was owed"),
    ("client-timeout-early", '@G ; C "NOOP\\r\\n" ; +9 FIN S ; FIN C', "the server closed"),
    ("client-timeout-early", '@G ; C "NOOP\\r\\n" ; +2 RST C', "it did not wait"),
    ("server-idle-timeout", '@G ; C "NOOP\\r\\n" ; +90 FIN S', "it owed an answer"),
    ("server-idle-timeout", "@G ; @EN ; FIN S", "it did not wait"),
    ("data-transfer-slow", '@T ; @D ; C "a"*60000 ; +21 C "a"*60000 ; C "a"*600000 ; @X', "fast"),
    ("data-block-stalled", '@T ; @D ; +200 C "a" ; @X', "the client had not begun"),
    ("delayed-ack-pattern", '@G ; C "NO" ; +0.04 C "OP\\r\\n" ; S "250 Ok\\r\\n"', "once"),
    ("server-batched-replies-late", SLOW, "one command"),
    ("dns-delay-suspected", '@T ; C "NOOP\\r\\n" ; +5 S "250 Ok\\r\\n"', "no name to look up"),
]


@pytest.mark.parametrize(("name", "text", "why"), NEAR, ids=[f"{n}: {w}" for n, _, w in NEAR])
def test_near(name: str, text: str, why: str) -> None:
    assert not found(name, text), why


SEVERITIES = [
    ("server-slow-reply", '@G ; C "NOOP\\r\\n" ; +2 S "250 Ok\\r\\n"', "note"),
    ("server-slow-reply", SLOW, "warning"),
    ("server-slow-reply", '@G ; C "NOOP\\r\\n" ; +400 S "250 Ok\\r\\n"', "warning"),
    ("server-slow-reply", '@T ; C "DATA\\r\\n" ; +130 S "354 go\\r\\n"', "error"),
    ("server-slow-reply", '@G ; @EA ; C "AUTH PLAIN AGEAYg==\\r\\n" ; +9 S "535 no\\r\\n"', "note"),
    ("server-slow-eom", '@T ; @D ; @H ; C ".\\r\\n" ; +9 S "250 Ok\\r\\n"', "note"),
    ("server-slow-eom", '@T ; @D ; @H ; C ".\\r\\n" ; +601 S "250 Ok\\r\\n"', "error"),
    ("client-pause", '@G ; @EN ; +301 C "NOOP\\r\\n" ; S "250 Ok\\r\\n"', "warning"),
    ("client-timeout-early", '@G ; C "NOOP\\r\\n" ; +30 RST C', "warning"),
    ("client-timeout-early", '@G ; @M ; C "RCPT TO:<r@mx.example>\\r\\n" ; +30 RST C', "error"),
    ("server-idle-timeout", '@G ; @EN ; +301 S "421 4.4.2 idle\\r\\n" ; FIN S', "note"),
    ("server-idle-timeout", "@G ; @EN ; +30 FIN S", "warning"),
]


@pytest.mark.parametrize(("name", "text", "severity"), SEVERITIES)
def test_severity(name: str, text: str, severity: str) -> None:
    assert [f.severity for f in found(name, text)] == [severity]


def test_loss_is_not_the_server_being_slow() -> None:
    packets = compile_text('@G ; @EN ; C "NOOP\\r\\n" ; +6.01 S "250 Ok\\r\\n" ; @Q')
    at = next(i for i, p in enumerate(packets) if p.payload == b"NOOP\r\n")
    copy = packets[at].copy(packets[at].time + 6 * 10**9)
    (session,) = read_capture(pcap([*packets[: at + 1], copy, *packets[at + 1 :]]))
    checks = {f.check for f in session.findings}
    assert "server-slow-reply" not in checks
    assert "tcp-rto-stall" in checks
    assert session.delays["loss"] == pytest.approx(6.0)


def test_thresholds_can_be_lowered_to_what_is_looked_at() -> None:
    from smtpsniff.checks import CATALOGUE
    from smtpsniff.timing.waits import LONG

    for check in CATALOGUE:
        for threshold in check.thresholds:
            if check in CHECKS and threshold.unit == "s" and threshold.name in ("note", "least"):
                assert threshold.least * 1e9 >= LONG


def test_lines_that_trickle_are_a_tarpit() -> None:
    text = (
        '@G ; C "EHLO a.example.net\\r\\n" ; S "250-mx.example\\r\\n" ; +2 S "250 DSN\\r\\n" ; @Q'
    )
    assert found("server-tarpit-suspected", text)


def test_what_held_a_message_up_is_named() -> None:
    causes = {
        "window was closed": "WIN S 0 ; +30 WIN S 9999",
        "packets were lost": 'LOSS C "bb" 6 ; ACK S',
        "client sent nothing": '+30 C "b"',
    }
    for words, event in causes.items():
        text = f'@T ; @D ; C "Subject: t\\r\\n\\r\\n" ; ACK S ; {event} ; C "c\\r\\n" ; @X ; @Q'
        assert words in one("data-transfer-slow", text).text


@pytest.mark.parametrize("framing", ["whole", "duplicated", "merged", "without_client", "one_byte"])
@pytest.mark.parametrize("text", ["@T ; @D ; @H ; @X ; @Q", "@G ; @ET ; @M ; @R ; @Q"])
def test_healthy(text: str, framing: str) -> None:
    ids = {check.id for check in CHECKS}
    assert not ids & {f.check for f in every(text, framing=framing)}


def test_one_side_alone_blames_nobody() -> None:
    text = '@T ; +60 @D ; @H ; C ".\\r\\n" ; +90 S "250 Ok\\r\\n" ; @Q'
    ids = {check.id for check in (*slowness.CHECKS, *pauses.CHECKS)}
    for framing in ("without_client", "without_server"):
        (session,) = sessions(text, framing)
        assert not ids & {f.check for f in session.findings}
