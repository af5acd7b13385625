"""Checks of logins: their own examples, near misses, and that no secret is ever told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from dialogue import sessions
from judging import every, found, judge_example, one

from smtpsniff.checks.auth import CHECKS
from smtpsniff.checks.extensions import CHECKS as EXTENSION_CHECKS
from smtpsniff.records import encoder

if TYPE_CHECKING:
    from smtpsniff.checks import Check

LOCAL = {"client": ("127.0.0.1", 40000), "server": ("127.0.0.1", 25)}
OURS = {check.id for check in (*CHECKS, *EXTENSION_CHECKS)}
SECRET = "AGJvYgBodW50ZXIy"  # bob, hunter2
ASKED = r'@G ; @EA ; C "AUTH LOGIN\r\n" ; S "334 VXNlcm5hbWU6\r\n"'


def login(reply: str, command: str = f"PLAIN {SECRET}") -> str:
    return rf'@G ; @EA ; C "AUTH {command}\r\n" ; S "{reply}\r\n"'


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.id)
def test_example(check: Check) -> None:
    judge_example(check)


@pytest.mark.parametrize(
    "text",
    [
        login("235 ok"),
        login(f"501 5.5.2 What is {SECRET}?"),
        login(f"502 5.5.1 Unknown: AUTH PLAIN {SECRET}"),
        login(f"535 5.7.8 {SECRET}"),
        login(f"454 4.7.0 {SECRET}"),
        login(f"504 5.5.4 {SECRET}", SECRET),
        login(f"504 5.5.4 {SECRET}", f"HUNTER2 {SECRET}"),
        ASKED + rf' ; C "{SECRET}!\r\n" ; S "501 5.5.2 {SECRET}! is no base64\r\n"',
        ASKED + rf' ; C "Ym9i\r\n" ; S "334 UGFz\r\n" ; C "{SECRET}\r\n" ; S "535 no {SECRET}\r\n"',
    ],
)
def test_no_secret(text: str) -> None:
    told = "\n".join(f.text for f in every(text) if f.check in OURS)
    for secret in (SECRET, SECRET.upper(), "hunter2", "HUNTER2"):
        assert secret not in told


@pytest.mark.parametrize("command", [rf"PLAIN\\r\\n{SECRET}", SECRET, f"{SECRET} {SECRET}"])
def test_no_secret_where_the_mechanism_should_be(command: str) -> None:
    (session,) = sessions(login("504 5.5.4 no", command))
    told = encoder().encode(session).decode()
    assert SECRET not in told
    assert SECRET.upper() not in told


def test_loopback() -> None:
    assert not found("auth-cleartext-credentials", login("235 ok"), **LOCAL)


def test_question_without_answer() -> None:
    assert one("auth-cleartext-credentials", ASKED).severity == "note"
    assert one("auth-cleartext-credentials", ASKED + r' ; C "*\r\n"').severity == "note"


@pytest.mark.parametrize("data", ["", " =", "NTLM TlRMTVNTUAAB"])
def test_nothing_given_away(data: str) -> None:
    command = data if data.startswith("NTLM") else f"PLAIN{data}"
    assert not found("auth-cleartext-credentials", login("334 ", command))


def test_success_in_the_end() -> None:
    text = login("535 5.7.8 no") + r' ; C "AUTH PLAIN AGEAYw==\r\n" ; S "235 ok\r\n"'
    assert one("auth-failed", text).severity == "warning"
    assert "attempt 1" in one("auth-failed", text).text


@pytest.mark.parametrize(
    ("reply", "about"),
    [
        ("535 5.7.8 Bad credentials", "auth-failed"),
        ("535 5.7.3 Authentication unsuccessful", "auth-failed"),
        ("550 5.7.8 Bad credentials", "auth-failed"),
        ("535 5.7.139 Basic authentication is disabled", "auth-policy-refused"),
        ("535 5.7.8 Only over TLS", "auth-policy-refused"),
        ("538 5.7.11 Encryption required", "auth-policy-refused"),
        ("550 5.7.30 Basic authentication is not supported", "auth-policy-refused"),
        ("454 4.7.0 Temporary authentication failure", "auth-temporary-failure"),
        ("421 4.7.0 Too many errors", "auth-temporary-failure"),
        ("530 5.7.0 Must issue a STARTTLS command first", "starttls-required"),
        ("451 4.7.0 TLS required", "starttls-required"),
        ("503 5.5.1 Already authenticated", ""),
    ],
)
def test_one_reason_each(reply: str, about: str) -> None:
    names = {"auth-failed", "auth-policy-refused", "auth-temporary-failure", "starttls-required"}
    assert {f.check for f in every(login(reply))} & names == ({about} if about else set())


def test_rate_limit_is_told() -> None:
    assert "too fast" in one("auth-temporary-failure", login("450 Too many auth attempts")).text


@pytest.mark.parametrize("line", ["", "*", "YQ==", "YWI=", "YWJj"])
def test_base64(line: str) -> None:
    assert not found("auth-bad-base64", ASKED + rf' ; C "{line}\r\n" ; S "501 no\r\n"')


@pytest.mark.parametrize(
    ("line", "offset"), [("YWJ", 4), ("YQ=", 3), ("a b=", 2), ("=", 0), ("YWI=YWI=", 4), ("ä", 1)]
)
def test_no_base64(line: str, offset: int) -> None:
    text = ASKED + rf' ; C "{line}\r\n" ; S "501 no\r\n"'
    hits = found("auth-bad-base64", text)
    assert [f"octet {offset} on" in f.text for f in hits] == [True] * bool(offset)


def test_unfinished_line() -> None:
    assert not found("auth-bad-base64", ASKED + r' ; C "YWJ" ; FIN C')


def test_cancelled_and_not_understood() -> None:
    assert one("auth-cancelled", ASKED + r' ; C "*\r\n" ; S "535 no\r\n"').severity == "warning"


def test_unlisted_method_accepted() -> None:
    text = login("334 ", "NTLM")
    assert one("auth-mechanism-not-offered", text).severity == "warning"


def test_no_list_of_methods() -> None:
    text = r'@G ; @EN ; C "AUTH NTLM\r\n" ; S "504 no\r\n"'
    assert not found("auth-mechanism-not-offered", text)
    assert not found("auth-mechanism-not-offered", text.replace("@EN", "@EH")
                     .replace("@EH", r'C "EHLO a\r\n" ; GAP S 40'))  # fmt: skip
