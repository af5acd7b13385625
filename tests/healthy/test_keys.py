"""Real servers and clients over TLS, recorded by tcpdump, opened with the keys they wrote down."""

from __future__ import annotations

import smtplib
import ssl
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from aiosmtpd.controller import Controller
from dialogue import need
from tls.handshakes import contexts

import smtpsniff

from .wire import free_port, recorded, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aiosmtpd.smtp import SMTP, Envelope, Session

LETTER = (
    b"Subject: sealed\r\nFrom: a@example.com\r\nTo: b@example.net\r\n\r\n" + b"some text\r\n" * 5000
)


class Log:
    """What the server says it was told."""

    def __init__(self) -> None:
        self.letters: list[tuple[str | None, list[str], bytes]] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.letters.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return "250 2.0.0 kept"


@pytest.fixture
def served() -> Iterator[tuple[int, Log]]:
    port, log = free_port(), Log()
    controller = Controller(
        log, hostname="127.0.0.1", port=port, tls_context=contexts()[1], ready_timeout=20
    )
    controller.start()
    wait_for(port)
    try:
        yield port, log
    finally:
        controller.stop()


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_what_the_server_got(
    newest: ssl.TLSVersion, served: tuple[int, Log], tmp_path: Path
) -> None:
    port, log = served
    context = contexts()[0]
    context.maximum_version = newest
    context.keylog_filename = str(tmp_path / "keys")
    with recorded(tmp_path / "x.pcap", port):
        for _ in range(2):  # the second time with a ticket, if the client likes
            with smtplib.SMTP("127.0.0.1", port) as client:
                client.starttls(context=context)
                client.sendmail("a@example.com", ["b@example.net", "c@example.net"], LETTER)
    found = list(smtpsniff.read(tmp_path / "x.pcap", keylog=tmp_path / "keys"))
    assert [session.verdict.outcome for session in found] == ["delivered", "delivered"]
    for session, (sender, recipients, content) in zip(found, log.letters, strict=True):
        (transaction,) = session.transactions
        assert transaction.mail_from == sender
        assert [r.address for r in transaction.recipients] == recipients
        assert transaction.message.size == len(content)
        assert session.starttls == "completed"


@pytest.mark.parametrize("times", [1, 3])
def test_keys_that_change(times: int, served: tuple[int, Log], tmp_path: Path) -> None:
    """`K` makes openssl send a KeyUpdate and ask for one (RFC 8446 §4.6.3); `Q` would end it."""
    port, _ = served
    command = [
        need("openssl"), "s_client", "-connect", f"127.0.0.1:{port}", "-starttls", "smtp",
        "-tls1_3", "-keylogfile", str(tmp_path / "keys"), "-crlf",
    ]  # fmt: skip
    lines = ["EHLO a.example", *(["K"] * times), "NOOP", "k", "MAIL FROM:<a@example.com>", "quit"]
    with (
        recorded(tmp_path / "x.pcap", port),
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as client,
    ):
        assert client.stdin is not None
        for line in lines:
            time.sleep(0.3)
            client.stdin.write(line.encode() + b"\n")
            client.stdin.flush()
        client.wait(20)
    (session,) = smtpsniff.read(tmp_path / "x.pcap", keylog=tmp_path / "keys")
    told = [e.text for e in session.timeline if e.in_tls and e.kind == "command"]
    assert told == [line for line in lines if line not in "Kk"]
    assert session.ended == "quit-clean"
    assert not [e for e in session.timeline if e.kind == "gap"]
