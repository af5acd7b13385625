"""Python's smtplib, with aiosmtpd and with Postfix."""

from __future__ import annotations

import smtplib
from typing import TYPE_CHECKING

import pytest
from tls.handshakes import contexts

from healthy.deserved import undeserved
from healthy.letters import SENDER, large, letter, wire_form
from healthy.servers import PASSWORD, USER
from healthy.wire import look, recorded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Talk = Callable[[smtplib.SMTP], object]

TO = "anna@example.com"


def one(server: smtplib.SMTP) -> None:
    server.send_message(letter(TO))


def three(server: smtplib.SMTP) -> None:
    for _ in range(3):
        server.send_message(letter(TO))


def two_recipients(server: smtplib.SMTP) -> None:
    server.send_message(letter(f"{TO}, ben@example.com"))


def big(server: smtplib.SMTP) -> None:
    server.send_message(large(TO, 3_000_000))


def eight_bits(server: smtplib.SMTP) -> None:
    mail = letter(TO)
    mail.set_content("Grüße aus Köln\n", cte="8bit")
    server.sendmail(SENDER, TO, wire_form(mail), ["BODY=8BITMIME"])


def any_language(server: smtplib.SMTP) -> None:
    mail = letter(TO, subject="Grüße")
    del mail["From"]
    mail["From"] = "Jörg <jörg@client.example>"
    server.send_message(mail)


def encrypted(server: smtplib.SMTP) -> None:
    server.starttls(context=contexts()[0])
    server.send_message(letter(TO))


def notifications(server: smtplib.SMTP) -> None:
    options = ["NOTIFY=SUCCESS,FAILURE", f"ORCPT=rfc822;{TO}"]
    server.sendmail(SENDER, TO, wire_form(letter(TO)), ["RET=HDRS", "ENVID=42"], options)


def reset(server: smtplib.SMTP) -> None:
    server.ehlo()
    server.mail(SENDER)
    server.rset()
    server.noop()
    server.send_message(letter(TO))


def logged_in(server: smtplib.SMTP) -> None:
    server.login(USER, PASSWORD)
    server.send_message(letter(TO))


# The worst of a session's mails is its outcome; TLS is not opened here.
OUTCOMES = {"reset": "aborted", "encrypted": "opaque"}
TALKS = [one, three, two_recipients, big, eight_bits, any_language, encrypted, reset]


def play(talk: Talk, port: int, file: Path) -> None:
    with recorded(file, port), smtplib.SMTP("127.0.0.1", port, "client.example.net") as server:
        talk(server)


def judge(file: Path, port: int, talk: Talk) -> None:
    seen = look(file, port)
    assert not undeserved(seen)
    assert seen.outcomes == [OUTCOMES.get(talk.__name__, "delivered")]


@pytest.mark.parametrize("talk", [*TALKS, logged_in], ids=lambda t: t.__name__)
def test_aiosmtpd(talk: Talk, aiosmtpd_port: int, tmp_path: Path) -> None:
    play(talk, aiosmtpd_port, tmp_path / "lo.pcap")
    judge(tmp_path / "lo.pcap", aiosmtpd_port, talk)


@pytest.mark.parametrize("talk", [*TALKS, notifications], ids=lambda t: t.__name__)
def test_postfix(talk: Talk, postfix_port: int, tmp_path: Path) -> None:
    play(talk, postfix_port, tmp_path / "lo.pcap")
    judge(tmp_path / "lo.pcap", postfix_port, talk)


@pytest.mark.parametrize("talk", [*TALKS, notifications], ids=lambda t: t.__name__)
def test_exim(talk: Talk, exim_port: int, tmp_path: Path) -> None:
    play(talk, exim_port, tmp_path / "lo.pcap")
    judge(tmp_path / "lo.pcap", exim_port, talk)


# OpenSMTPD 6.8 knows no SMTPUTF8, and its TLS does not get on with OpenSSL 3.
OPENSMTPD = [talk for talk in TALKS if talk not in (any_language, encrypted)]


@pytest.mark.parametrize("talk", OPENSMTPD, ids=lambda t: t.__name__)
def test_opensmtpd(talk: Talk, opensmtpd_port: int, tmp_path: Path) -> None:
    play(talk, opensmtpd_port, tmp_path / "lo.pcap")
    judge(tmp_path / "lo.pcap", opensmtpd_port, talk)
