"""Checks of the first words of both sides: their own examples, and their near misses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from dialogue import sessions
from judging import every, found

from smtpsniff.checks import first_words, greeting, waiting, wrong_port

if TYPE_CHECKING:
    from smtpsniff.checks import Check

CHECKS: tuple[Check, ...] = (
    *greeting.CHECKS,
    *waiting.CHECKS,
    *first_words.CHECKS,
    *wrong_port.CHECKS,
)


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


NEAR = [
    ("greeting-missing", "OPEN\n+30 ACK C", "the capture ended"),
    ("greeting-missing", "OPEN\n+2 FIN C", "a probe"),
    ("greeting-missing", "SYN C\n+30 SYN C", "no connection"),
    ("greeting-missing", "SESSION server_port=465\nOPEN\n+30 FIN C", "port 465"),
    ("greeting-missing", "OPEN\n@CH\n+30 FIN C", "TLS"),
    ("greeting-missing", "OPEN\nGAP S 20\n+30 FIN C", "not captured"),
    ("greeting-missing", "+30 FIN C\nACK S\nFIN S", "seen from the middle"),
    ("client-gave-up-before-greeting", "OPEN\n+5 FIN C", "a probe"),
    ("client-gave-up-before-greeting", "OPEN\n+301 FIN C", "it waited long enough"),
    ("client-gave-up-before-greeting", "OPEN\n+30 FIN S\nFIN C", "the server left"),
    ("client-gave-up-before-greeting", 'OPEN\n+30 S "554 no\\r\\n"\nFIN C', "it was refused"),
    ("client-gave-up-before-greeting", "OPEN\nGAP S 20\n+30 FIN C", "not captured"),
    (
        "greeting-slow",
        'SYN C\n+6 SYN S\nACK C\nS "220 mx.example\\r\\n"',
        "the connection was slow",
    ),
    (
        "greeting-slow",
        'OPEN\nS "220-mx.example\\r\\n"\n+9 S "220 x\\r\\n"',
        "its first line counts",
    ),
    ("greeting-slow", '+9 S "220 mx.example\\r\\n"\n@EN\n@Q', "seen from the middle"),
    ("greeting-split", 'OPEN\nS "220 mx."\n+9 S "example\\r\\n"\n@EN', "one line"),
    ("greeting-rejected-permanent", 'S "554 no\\r\\n"\nC "QUIT\\r\\n"', "seen from the middle"),
    ("greeting-rejected-permanent", '@G\nC "EHLO a\\r\\n"\nS "554 no\\r\\n"', "not the greeting"),
    ("greeting-rejected-permanent", 'OPEN\nGAP S 20\nS "554 no\\r\\n"', "the greeting is missing"),
    ("greeting-rejected-permanent", 'OPEN\nS "554-no\\r\\n"', "not complete"),
    ("greeting-rejected-temporary", '@G\n@EN\nS "421 bye\\r\\n"', "not the greeting"),
    ("greeting-unexpected-code", 'S "200 news\\r\\n"\nC "LIST\\r\\n"', "seen from the middle"),
    ("greeting-unexpected-code", 'OPEN\nC "NOOP\\r\\n"\nS "250 Ok\\r\\n"', "an early command's"),
    ("greeting-unexpected-code", 'OPEN\nS "421 later\\r\\n"', "a refusal"),
    ("greeting-masked", 'OPEN\nS "220 mx.example ****\\r\\n"\n@EN\n@Q', "a name"),
    ("greeting-masked", 'OPEN\nS "220 ***\\r\\n"\n@EN\n@Q', "too short"),
    ("greeting-no-domain", "@G\n@EN\n@Q", "a name"),
    ("greeting-no-domain", 'OPEN\nS "220 [IPv6:2001:db8::9] x\\r\\n"\n@EN\n@Q', "a literal"),
    ("greeting-no-domain", 'OPEN\nS "220 ************\\r\\n"\n@EN\n@Q', "blacked out"),
    ("greeting-no-domain", 'OPEN\nS "220\\r\\n"\n@EN\n@Q', "no text at all"),
    ("command-before-greeting", "@G\n@EN\n@Q", "it waited"),
    ("command-before-greeting", 'C "EHLO a\\r\\n"\nS "220 mx.example\\r\\n"', "no beginning"),
    ("command-before-greeting", 'OPEN\nC "EHLO a\\r\\n"', "the capture ended"),
    ("early-talker-rejected", '@G\nC "EHLO a\\r\\n"\nS "554 pregreet\\r\\n"', "it waited"),
    ("early-talker-rejected", 'OPEN\nS "554 no\\r\\n"\nC "QUIT\\r\\n"', "it waited"),
    ("protocol-not-smtp", '@G\n@EN\nC "GETX / HTTP/1.1\\r\\n"\nS "500 no\\r\\n"', "no method"),
    ("protocol-not-smtp", 'OPEN\nC "GET / HTTP/1.1\\r\\n"\nS "HTTP/1.1 400\\r\\n"', "no greeting"),
    ("protocol-not-smtp", '@G\nC "A: b\\r\\nC: d\\r\\n"\nS "500 x\\r\\n500 x\\r\\n"', "two lines"),
    (
        "protocol-not-smtp",
        '@T\nC "DATA\\r\\n"\nS "554 no\\r\\n"\n'
        'C "From: a\\r\\nTo: b\\r\\nDate: c\\r\\n.\\r\\n"\nS "500 x\\r\\n"*3',
        "a message after a refusal",
    ),
    ("tls-on-plaintext-port", "SESSION server_port=465\nOPEN\n@CH\n@SH", "port 465"),
    (
        "tls-on-plaintext-port",
        '@G\n@ET\nC "STARTTLS\\r\\n"\nS "454 no\\r\\n"\n@CH\nS "500 x\\r\\n"',
        "STARTTLS was tried",
    ),
    ("tls-implicit-expected", "SESSION server_port=465\nOPEN\n+6 @CH\n@SH", "TLS"),
    ("tls-implicit-expected", "OPEN\n+6 FIN C", "another port"),
    ("tls-implicit-expected", 'SESSION server_port=465\nOPEN\nC "EHLO a\\r\\n"', "capture ended"),
]


@pytest.mark.parametrize(("name", "text", "why"), NEAR, ids=[f"{n}: {w}" for n, _, w in NEAR])
def test_near(name: str, text: str, why: str) -> None:
    assert not found(name, text), why


EARLY = 'OPEN\nC "EHLO a.example.net\\r\\n"\n'
SEVERITIES = [
    ("greeting-missing", "OPEN\nC 'EHLO'".replace("'", '"') + "\nFIN S", "error"),
    ("greeting-slow", 'OPEN\n+3 S "220 mx.example\\r\\n"\n@EN', "note"),
    ("greeting-slow", 'OPEN\n+300.1 S "220 mx.example\\r\\n"\n@EN', "error"),
    ("greeting-slow", 'OPEN\n+6 S "220-mx.example\\r\\n"\n+6 S "220 x\\r\\n"', "warning"),
    ("greeting-no-domain", 'SESSION client=8.8.8.8\nOPEN\nS "220 Hi\\r\\n"', "warning"),
    ("greeting-no-domain", 'SESSION client=10.0.0.1\nOPEN\nS "220 192.0.2.9 x\\r\\n"', "warning"),
    ("command-before-greeting", EARLY + '+1 S "220 mx.example\\r\\n250 mx\\r\\n"', "warning"),
    ("command-before-greeting", EARLY + 'S "554 no\\r\\n"', "error"),
    ("command-before-greeting", EARLY + 'S "220 x\\r\\n"\nS "503 early\\r\\n"', "error"),
    ("command-before-greeting", EARLY + "RST S", "warning"),
    ("early-talker-rejected", EARLY + "FIN S", "error"),
    ("early-talker-rejected", EARLY + 'S "220 x\\r\\n"\nS "503 Improper\\r\\n"', "error"),
    ("early-talker-rejected", EARLY + 'S "220 x\\r\\n"\nS "521 no\\r\\n"', "error"),
    ("protocol-not-smtp", '@G\nC "SSH-2.0-x\\r\\n"\nS "500 no\\r\\n"', "warning"),
    (
        "protocol-not-smtp",
        '@G\nC "Host: b\\r\\nC: d\\r\\nE: f\\r\\n"\nS "500 x\\r\\n"*3',
        "warning",
    ),
    ("tls-on-plaintext-port", 'OPEN\n@CH\nS "220 mx.example\\r\\n"', "error"),
    ("tls-implicit-expected", 'SESSION server_port=465\nOPEN\n+1 S "220 mx.example\\r\\n"', "note"),
    (
        "tls-implicit-expected",
        'SESSION server_port=465\nOPEN\nC "EHLO a\\r\\n"\nS "\\x15\\x03\\x01\\0\\x02\\x02F"\nFIN S',
        "error",
    ),
]


@pytest.mark.parametrize(("name", "text", "severity"), SEVERITIES)
def test_severity(name: str, text: str, severity: str) -> None:
    assert [f.severity for f in found(name, text)] == [severity]


def test_server_is_quoted() -> None:
    (finding,) = found("greeting-rejected-permanent", 'OPEN\nS "554-no\\r\\n554 \\x1b[2J\\r\\n"')
    assert finding.text == 'The server refused the connection: "554 no \\x1b[2J".'


def test_acknowledgement_proves_early_talk_wherever_the_tap_is() -> None:
    near_server = 'OPEN\nS "220 mx.example\\r\\n"\nC "EHLO a\\r\\n" stale\nS "250 mx\\r\\n"'
    (finding,) = found("command-before-greeting", near_server)
    assert "without having received the greeting" in finding.text


def test_half_a_greeting_is_not_enough() -> None:
    text = 'OPEN\nS "220-mx.example\\r\\n"\nC "EHLO a\\r\\n"\n+5 S "220 mx.example\\r\\n"'
    (finding,) = found("command-before-greeting", text)
    assert "before the end of the greeting" in finding.text


def test_early_talk_is_the_cause() -> None:
    (session,) = sessions(EARLY + 'S "554 pregreet\\r\\n"\nFIN S')
    assert "command-before-greeting" in [f.check for f in session.findings]
    assert "greeting-rejected-permanent" not in [f.check for f in session.findings]


HEALTHY = [
    "@G\n@EN\n@Q",
    "@T\n@D\n@H\n@X\n@Q",
    "@G",
    "OPEN\nFIN C\nFIN S",
    '@G\n@ET\nC "STARTTLS\\r\\n"\nS "220 go\\r\\n"\n@CH\n@SH',
    "SESSION server_port=465\nOPEN\n@CH\n@SH",
]


@pytest.mark.parametrize("text", HEALTHY)
def test_healthy(text: str) -> None:
    ids = {check.id for check in CHECKS}
    assert not ids.intersection(f.check for f in every(text))


def test_a_server_that_had_hung_up_before() -> None:
    assert not found("early-talker-rejected", 'OPEN ; FIN S ; C "QUIT\\r\\n" ; RST S')
    assert found("early-talker-rejected", 'OPEN ; C "EHLO a\\r\\n" ; FIN S ; RST C')
