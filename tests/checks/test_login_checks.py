"""Checks of login methods, and of a login's place and lines: near misses and severities."""

from __future__ import annotations

import pytest
from dialogue import sessions
from judging import every, found, one

LOCAL = {"client": ("127.0.0.1", 40000), "server": ("127.0.0.1", 25)}
PUBLIC = {"client": ("1.1.1.1", 40000), "server": ("9.9.9.9", 25)}
OFFERS = r'@G ; C "EHLO a.example.net\r\n" ; S "250-mx.example\r\n250-{}\r\n250 SIZE\r\n"'
ASKED = r'@G ; @EA ; C "AUTH LOGIN\r\n" ; S "{}\r\n" ; C "*\r\n" ; S "501 no\r\n" ; @Q'
LOGIN = r'C "AUTH PLAIN AGEAYg==\r\n" ; S "{}\r\n"'


# -- what is offered and chosen ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("AUTH PLAIN", True),
        ("AUTH=LOGIN", True),
        ("auth cram-md5 login", True),
        ("AUTH SCRAM-SHA-256 XOAUTH2", False),
        ("XAUTH PLAIN", False),
    ],
)
def test_passwords_asked_for(line: str, told: bool) -> None:
    assert bool(found("auth-offered-without-tls", OFFERS.format(line) + " ; @Q")) is told


def test_who_may_listen_to_the_offer() -> None:
    text = OFFERS.format("AUTH PLAIN") + " ; @Q"
    assert one("auth-offered-without-tls", text, **PUBLIC).severity == "warning"
    assert one("auth-offered-without-tls", text, **LOCAL).severity == "note"


def test_offered_behind_tls_that_was_taken_off() -> None:
    opened = r'@G ; @ET ; C "STARTTLS\r\n" ; S "220 go\r\n" ; @EA ; @Q'
    assert not found("auth-offered-without-tls", opened)


@pytest.mark.parametrize(
    ("mechanism", "severity"),
    [("NTLM", "warning"), ("digest-md5", "warning"), ("SCRAM-SHA-1", "note"), ("GSSAPI", "")],
)
def test_methods(mechanism: str, severity: str) -> None:
    text = rf'@G ; @EA ; C "AUTH {mechanism}\r\n" ; S "334 \r\n" ; C "*\r\n" ; S "501 no\r\n" ; @Q'
    assert "".join(f.severity for f in found("auth-weak-mechanism", text)) == severity


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("AUTH PLAIN LOGIN", ""),
        ("AUTH PLAIN SCRAM-SHA-256", "SCRAM-SHA-256"),
        ("AUTH PLAIN\\r\\n250-STARTTLS", "STARTTLS"),
    ],
)
def test_downgrade(line: str, told: str) -> None:
    text = OFFERS.format(line) + " ; " + LOGIN.format("235 ok")
    hits = found("auth-downgrade", text, **PUBLIC)
    assert bool(hits) is bool(told)
    assert told in "".join(f.text for f in hits)
    assert not found("auth-downgrade", text, **LOCAL)


def test_the_choice_hangs_under_what_it_gave_away() -> None:
    (session,) = sessions(OFFERS.format("AUTH PLAIN CRAM-MD5") + " ; " + LOGIN.format("235 ok"))
    (root,) = (f for f in session.findings if f.check == "auth-cleartext-credentials")
    assert {"auth-downgrade", "auth-offered-without-tls"} <= {f.check for f in root.related}


# -- lines and places ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "severity"),
    [
        ("334 VXNlcm5hbWU6", ""),
        ("334 ", ""),
        ("334", "note"),
        ("334 ntlm supported", "note"),
        ("334 Username:", "error"),
        ("334 VXNlcm5hbWU6 ", "error"),
        ("334 VXNlcm5hbWU", "error"),
        ("334-VXNl\\r\\n334 VXNl", "error"),
    ],
)
def test_questions(question: str, severity: str) -> None:
    hits = found("auth-challenge-invalid", ASKED.format(question))
    assert "".join(f.severity for f in hits) == severity


def test_a_question_does_not_give_the_secret_away() -> None:
    text = (
        r'@G ; @EA ; C "AUTH PLAIN AGJvYgBodW50ZXIy\r\n" ; S "334 AGJvYgBodW50ZXIy, hunter2?\r\n"'
    )
    told = "".join(f.text for f in every(text))
    assert "AGJvYgBodW50ZXIy" not in told
    assert "hunter2" not in told


@pytest.mark.parametrize(
    ("between", "told"),
    [
        ("@EA", True),
        (r'C "RSET\r\n" ; S "250 ok\r\n"', True),
        (r'C "XCLIENT NAME=x\r\n" ; S "220 mx.example\r\n" ; @EA', False),
        (r'C "STARTTLS\r\n" ; S "220 go\r\n" ; @EA', False),
        (r'C "STARTTLS\r\n" ; S "454 no\r\n"', True),
    ],
)
def test_twice(between: str, told: bool) -> None:
    text = f"@G ; @EA ; {LOGIN.format('235 ok')} ; {between} ; {LOGIN.format('503 no')} ; @Q"
    assert bool(found("auth-after-success", text)) is told


def test_in_a_mail_that_never_was() -> None:
    refused = r'C "MAIL FROM:<a@b.example>\r\n" ; S "530 log in\r\n"'
    assert not found("auth-during-transaction", f"@G ; @EA ; {refused} ; {LOGIN.format('235 ok')}")
    blind = r'C "MAIL FROM:<a@b.example>\r\nAUTH LOGIN\r\n" ; S "530 log in\r\n503 no\r\n"'
    assert found("auth-during-transaction", f"@G ; @EA ; {blind}")


def test_after_a_mail() -> None:
    text = f"@G ; @EA ; @M ; @R ; @D ; @H ; @X ; {LOGIN.format('235 ok')}"
    assert not found("auth-during-transaction", text)


@pytest.mark.parametrize(
    ("command", "reply", "severity"),
    [
        ("LOGIN Ym9i", "334 UGFzc3dvcmQ6", "note"),
        ("LOGIN Ym9i", "501 5.5.4 What?", "error"),
        ("LOGIN Ym9i", "535 5.7.8 no", "note"),
        ("LOGIN", "334 VXNlcm5hbWU6", ""),
        ("CRAM-MD5 =", "334 PDFAeD4=", ""),
        ("NTLM TlRMTVNTUAAB", "334 TlRMTVNTUAAC", ""),
        ("XOAUTH2 " + "YWJj" * 130, "235 ok", "warning"),
        ("XOAUTH2 " + "YWJj" * 130, "500 5.5.6 line too long", "error"),
        ("XOAUTH2 " + "YWJj" * 120, "235 ok", ""),
    ],
)
def test_initial_response(command: str, reply: str, severity: str) -> None:
    text = rf'@G ; @EA ; C "AUTH {command}\r\n" ; S "{reply}\r\n" ; @Q'
    hits = found("auth-initial-response-misuse", text)
    assert "".join(f.severity for f in hits) == severity


def test_server_says_it_is_too_long() -> None:
    text = ASKED.format("334 VXNlcm5hbWU6").replace('C "*', r'C "YWJj').replace("501", "500 5.5.6")
    assert one("auth-line-too-long", text).severity == "error"


@pytest.mark.parametrize(
    ("failures", "then", "told"),
    [
        (1, "FIN S ; FIN C", True),
        (2, "RST S", True),
        (3, "FIN S ; FIN C", False),
        (1, "FIN C ; FIN S", False),
        (1, "@Q", False),
        (1, r'C "NOOP\r\n" ; S "250 ok\r\n" ; FIN S ; FIN C', False),
        (1, "END", False),
    ],
)
def test_dropped(failures: int, then: str, told: bool) -> None:
    text = " ; ".join(["@G ; @EA", *[LOGIN.format("535 5.7.8 no")] * failures, then])
    assert bool(found("auth-dropped-too-early", text)) is told
