"""Sessions opened with their keys say what was said in them."""

from __future__ import annotations

import ssl
import subprocess
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from dialogue import SAME, capture, need, read_capture

from .handshakes import certificate, contexts
from .sealed import BODY, GREETING, MAIL, Sealed, seal

if TYPE_CHECKING:
    from pathlib import Path

    from dialogue.framing import Framing

    from smtpsniff.records import Session


def opened(
    sealed: Sealed, folder: Path, framing: str | Framing = "whole", *,
    keys: bytes | None = None, implicit: bool = False,
) -> Session:  # fmt: skip
    """The one session of a capture, read with its keys or others."""
    log = folder / "keys"
    log.write_bytes(sealed.keys if keys is None else keys)
    (session,) = read_capture(capture(sealed.text(implicit=implicit), framing), keylog=log)
    return session


def lines(session: Session) -> list[tuple[str, str, str]]:
    """Who said what inside."""
    return [
        (e.from_, e.kind, e.text) for e in session.timeline
        if e.in_tls and e.kind in ("greeting", "command", "reply", "data", "end-of-data")
    ]  # fmt: skip


INSIDE = [
    ("client", "command", "EHLO a.example"),
    ("server", "reply", "mx.example\nPIPELINING\nSIZE 1000000"),
    ("client", "command", "MAIL FROM:<a@a.example>"),
    ("client", "command", "RCPT TO:<b@b.example>"),
    ("client", "command", "DATA"),
    ("server", "reply", "2.1.0 Ok"),
    ("server", "reply", "2.1.5 Ok"),
    ("server", "reply", "go ahead"),
    ("client", "data", f"{len(BODY)} octets of message"),
    ("client", "end-of-data", "."),
    ("server", "reply", "2.0.0 Ok: queued as 4F1A2B3C"),
    ("client", "command", "QUIT"),
    ("server", "reply", "2.0.0 Bye"),
]

SUITES = [
    ("TLSv1_3", ""),
    ("TLSv1_2", "ECDHE-RSA-AES256-GCM-SHA384"),
    ("TLSv1_2", "ECDHE-RSA-AES128-GCM-SHA256"),
    ("TLSv1_2", "AES256-GCM-SHA384"),
    ("TLSv1_2", "ECDHE-RSA-CHACHA20-POLY1305"),
    ("TLSv1_2", "AES128-CCM"),
    ("TLSv1_2", "AES256-CCM8"),
    ("TLSv1_2", "ECDHE-RSA-AES128-SHA"),
    ("TLSv1_2", "ECDHE-RSA-AES256-SHA384"),
    ("TLSv1_2", "AES128-SHA256"),
    ("TLSv1_1", "AES256-SHA"),
    ("TLSv1", "ECDHE-RSA-AES128-SHA"),
]


def check(session: Session) -> None:
    assert lines(session) == INSIDE
    assert session.tls.decrypted
    assert session.starttls == "completed"
    assert session.verdict.outcome == "delivered"
    (transaction,) = session.transactions
    assert transaction.message.sha256 == sha256(BODY).hexdigest()
    assert session.ended == "quit-clean"


@pytest.mark.parametrize(("newest", "ciphers"), SUITES)
def test_every_suite(newest: str, ciphers: str, tmp_path: Path) -> None:
    sealed = seal(newest=newest, ciphers=ciphers)
    assert not ciphers or sealed.cipher == ciphers
    check(opened(sealed, tmp_path))


@pytest.mark.parametrize("framing", sorted(SAME))
@pytest.mark.parametrize(("newest", "ciphers"), [("TLSv1_3", ""), ("TLSv1", "AES256-SHA")])
def test_in_every_framing(newest: str, ciphers: str, framing: str, tmp_path: Path) -> None:
    check(opened(seal(newest=newest, ciphers=ciphers), tmp_path, framing))


@pytest.mark.parametrize("newest", ["TLSv1_2", "TLSv1_3"])
def test_tls_from_the_first_byte(newest: str, tmp_path: Path) -> None:
    session = opened(seal([GREETING, *MAIL], newest=newest), tmp_path, implicit=True)
    assert lines(session) == [("server", "greeting", "mx.example ESMTP"), *INSIDE]
    assert session.protocol == "smtp"
    assert session.starttls is None
    assert session.greeting.text == "mx.example ESMTP"
    assert session.verdict.outcome == "delivered"


@pytest.mark.parametrize("framing", ["whole", "one_byte", "retransmitted"])
@pytest.mark.parametrize("newest", ["TLSv1_2", "TLSv1_3"])
def test_commands_have_the_frames_that_tshark_opens(
    newest: str, framing: str, tmp_path: Path
) -> None:
    """The last packet of a record makes it readable."""
    sealed = seal(newest=newest)
    session = opened(sealed, tmp_path, framing)
    path = tmp_path / "sealed.pcap"
    path.write_bytes(capture(sealed.text(), framing))
    words = ["-Y", "tls.app_data && smtp", "-T", "fields", "-e", "frame.number"]
    command = [need("tshark"), "-n", "-r", str(path), "-o", f"tls.keylog_file:{tmp_path / 'keys'}"]
    out = subprocess.run([*command, *words], capture_output=True, text=True, check=True).stdout
    ours = {frame for e in session.timeline if e.in_tls for frame in e.frames}
    assert {int(word) for word in out.split()} == ours


@pytest.mark.parametrize("newest", ["TLSv1_2", "TLSv1_3"])
def test_resumption(newest: str, tmp_path: Path) -> None:
    client, server = contexts()
    for context in (client, server):
        context.maximum_version = getattr(ssl.TLSVersion, newest)
    first = seal(client=client, server=server)
    again = seal(client=client, server=server, session=first.session)
    assert again.resumed
    session = opened(again, tmp_path)
    check(session)
    assert session.tls.resumed


def test_another_hello_was_asked_for(tmp_path: Path) -> None:
    sealed = seal(prepare=lambda client, server: server.set_ecdh_curve("secp521r1"))
    session = opened(sealed, tmp_path)
    check(session)
    assert session.tls.retried


@pytest.mark.parametrize("newest", ["TLSv1_2", "TLSv1_3"])
def test_a_client_with_a_certificate(newest: str, tmp_path: Path) -> None:
    def prepare(client: ssl.SSLContext, server: ssl.SSLContext) -> None:
        key, chain, _ = certificate()
        pem = tmp_path / "pem"
        pem.write_bytes(key + chain)
        client.load_cert_chain(pem)
        server.load_verify_locations(cadata=chain.decode())
        server.verify_mode = ssl.CERT_OPTIONAL
        server.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN

    check(opened(seal(newest=newest, prepare=prepare), tmp_path))


def test_tls_1_3_shows_its_certificate_to_who_has_the_keys(tmp_path: Path) -> None:
    session = opened(seal(), tmp_path)
    assert session.tls.certificates[0].names == ["mx.example", "*.example", "192.0.2.25"]


@pytest.mark.parametrize("lacking", [b"HANDSHAKE", b"SERVER_HANDSHAKE"])
def test_the_keys_of_the_handshake_are_not_needed(lacking: bytes, tmp_path: Path) -> None:
    sealed = seal()
    some = b"".join(line for line in sealed.keys.splitlines(True) if lacking not in line)
    session = opened(sealed, tmp_path, keys=some)
    check(session)


# -- keys that are not there -----------------------------------------------------------------------


def test_keys_of_other_sessions(tmp_path: Path) -> None:
    session = opened(seal(), tmp_path, keys=seal().keys)
    assert not session.tls.decrypted
    assert session.tls.unopened == "no key of it is among those given"
    assert session.verdict.outcome == "opaque"
    assert session.verdict.text.endswith(": no key of it is among those given.")


@pytest.mark.parametrize("newest", ["TLSv1_2", "TLSv1_3"])
def test_keys_that_are_wrong(newest: str, tmp_path: Path) -> None:
    sealed = seal(newest=newest)
    wrong = b"".join(
        b" ".join((*line.split()[:2], line.split()[2][::-1])) + b"\n"
        for line in sealed.keys.splitlines() if not line.startswith(b"#")
    )  # fmt: skip
    session = opened(sealed, tmp_path, keys=wrong)
    assert not session.tls.decrypted
    assert session.tls.unopened == "the keys given for it do not fit"
    assert session.verdict.outcome == "opaque"


def test_without_keys_nothing_changes(tmp_path: Path) -> None:
    sealed = seal()
    (session,) = read_capture(capture(sealed.text()))
    assert not session.tls.decrypted
    assert session.tls.unopened is None
    assert session.verdict.text.endswith("cannot be read (frame 9).")


@pytest.mark.parametrize("ciphers", ["CAMELLIA128-SHA", "ARIA128-GCM-SHA256"])
def test_a_suite_that_is_not_opened(ciphers: str, tmp_path: Path) -> None:
    sealed = seal(newest="TLSv1_2", ciphers=ciphers)
    session = opened(sealed, tmp_path)
    assert session.tls.unopened.startswith("smtpsniff does not open TLS_RSA_WITH_")
