"""Checks of STARTTLS and the handshake: their own examples, and what must not be taken for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from judging import LATER, MESSAGE, every, found, judge_example, one

from smtpsniff.checks.tls import CHECKS

if TYPE_CHECKING:
    from smtpsniff.checks import Check

LOCAL = {"client": ("127.0.0.1", 40000), "server": ("127.0.0.1", 25)}
PUBLIC = {"client": ("1.1.1.1", 40000), "server": ("9.9.9.9", 25)}
ASKED = r'@G ; @ET ; C "STARTTLS\r\n" ; S "220 2.0.0 go\r\n"'
# Hellos of TLS 1.3: the server's has supported_versions (RFC 8446 §4.2.1).
CH = r'C "\x16\x03\x01\x00\x2b\x01\x00\x00\x27\x03\x03" "r"*32 "\x00\x00\x02\x13\x01"'
SH = (
    r'S "\x16\x03\x03\x00\x32\x02\x00\x00\x2e\x03\x03" "r"*32 "\x00\x13\x01\x00'
    r'\x00\x06\x00\x2b\x00\x02\x03\x04" ; S "\x14\x03\x03\x00\x01\x01\x17\x03\x03\x00\x20" "e"*32'
)
HANDSHAKE = {"tls-handshake-alert", "tls-handshake-incomplete"}


def sealed(size: int) -> str:
    return rf'C "\x14\x03\x03\x00\x01\x01\x17\x03\x03\x00\x{size:02x}" "e"*{size}'


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.id)
def test_example(check: Check) -> None:
    judge_example(check)


def test_postcard() -> None:
    assert one("starttls-offered-not-used", "@G ; @ET ; @M", **PUBLIC).severity == "warning"
    assert one("starttls-offered-not-used", "@G ; @ET ; @M").severity == "warning"
    private = "SESSION client=10.0.0.1 server=10.0.0.9 ; @G ; @ET ; @M"
    assert one("starttls-offered-not-used", private).severity == "note"
    assert not found("starttls-offered-not-used", "@G ; @ET ; @M", **LOCAL)
    assert not found("starttls-offered-not-used", "@G ; @EN ; @M")


def test_tried_at_least() -> None:
    text = r'@G ; @ET ; C "STARTTLS\r\n" ; S "454 4.7.0 no\r\n" ; @M ; @R ' + "; " + MESSAGE
    assert not found("starttls-offered-not-used", text)
    finding = one("starttls-refused", text)
    assert finding.severity == "warning"
    assert "in clear text" in finding.text
    assert one("starttls-refused", text.split("@M")[0] + "@Q").severity == "error"


def test_empty_line_before_the_handshake() -> None:
    text = r'@G ; @ET ; C "STARTTLS\r\n\r\n" ; S "220 go\r\n" ; @CH ; @SH'
    assert one("starttls-command-injection", text).severity == "note"


def test_refused_and_pipelined() -> None:
    text = r'@G ; @ET ; C "STARTTLS\r\nRSET\r\n" ; S "454 no\r\n250 ok\r\n"'
    assert not found("starttls-command-injection", text)


def test_injection_in_a_packet_of_its_own() -> None:
    text = ASKED + r' ; C "RSET\r\n" ; @CH ; @SH'
    finding = one("starttls-command-injection", text)
    assert 9 in finding.frames
    assert not found("starttls-plaintext-continues", text)


def test_missing_bytes_are_no_injection() -> None:
    text = ASKED + r' ; GAP C 200 ; C "junk that was in a record" ; @SH ; END'
    names = {"starttls-command-injection", "starttls-plaintext-continues"}
    assert not names & {f.check for f in every(text)}


def test_shutdown_is_no_injection() -> None:
    text = ASKED + r' ; S "421 4.3.2 Shutting down\r\n" ; @CH ; FIN S ; FIN C'
    finding = one("starttls-response-injection", text)
    assert finding.severity == "note"
    assert "shuts down" in finding.text


def test_a_server_that_fails_does_not_inject() -> None:
    text = ASKED + r' ; @CH ; S "454 4.7.0 Could not start TLS\r\n" ; FIN S ; FIN C'
    assert not found("starttls-response-injection", text)
    assert found("tls-handshake-incomplete", text)


def test_plain_talk_in_a_recording_that_ends() -> None:
    text = ASKED + r' ; C "EHLO a.example.net\r\n"'
    assert not found("starttls-plaintext-continues", text)
    assert one("starttls-plaintext-continues", f"{text} ; {LATER}").confidence == "certain"


def test_a_recording_of_what_was_decrypted() -> None:
    text = ASKED + r' ; C "EHLO a.example.net\r\n" ; S "250 mx.example\r\n" ; @Q'
    finding = one("starttls-plaintext-continues", text)
    assert (finding.confidence, finding.severity) == ("possible", "note")


@pytest.mark.parametrize(
    ("rest", "about"),
    [
        (rf"{CH} ; {SH} ; {sealed(19)} ; FIN C", "tls-handshake-alert"),
        (rf"{CH} ; {SH} ; {sealed(53)} ; FIN C", ""),
        (rf"{CH} ; {SH} ; {sealed(19)}", ""),  # and the connection goes on
        (r'@CH ; S "\x15\x03\x03\x00\x02\x02\x46" ; FIN S', "tls-handshake-alert"),
        (r'@CH ; @SH ; C "\x15\x03\x03\x00\x02\x02\x2a" ; FIN C', "tls-handshake-alert"),
        (r'@CH ; S "\x15\x03\x03\x00\x02\x01\x00" ; FIN S', "tls-handshake-incomplete"),
        (r"@CH ; @SH ; RST S", "tls-handshake-incomplete"),
        (f"@CH ; @SH ; {LATER}", "tls-handshake-incomplete"),
        (r"@CH ; @SH ; +9 ACK C", ""),
        (f"@CH ; GAP S 3000 ; {LATER}", ""),
    ],
)
def test_handshake(rest: str, about: str) -> None:
    assert HANDSHAKE & {f.check for f in every(f"{ASKED} ; {rest}")} == {about} - {""}


def test_a_warning_that_the_handshake_survives() -> None:
    """RFC 6066 §3: unrecognized_name may be a mere warning."""
    done = r'"\x14\x03\x03\x00\x01\x01\x16\x03\x03\x00\x20" "e"*32'
    text = ASKED + rf' ; @CH ; S "\x15\x03\x03\x00\x02\x01\x70" ; @SH ; C {done} ; S {done} ; FIN C'
    assert not HANDSHAKE & {f.check for f in every(text)}


def test_implicit_tls() -> None:
    text = r'OPEN ; @CH ; S "\x15\x03\x03\x00\x02\x02\x28" ; FIN S'
    finding = one("tls-handshake-alert", text, server=("192.0.2.9", 465))
    assert "server" in finding.text
    assert "handshake_failure" in finding.text
