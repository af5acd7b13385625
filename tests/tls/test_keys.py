"""Where keys come from: key logs, captures, before or behind the packets."""

from __future__ import annotations

import struct
from functools import cache
from typing import TYPE_CHECKING

import pytest
from dialogue import capture, compile_text, pcapng

import smtpsniff
from smtpsniff.capture.trailing import trailing_keys
from smtpsniff.tls import keylog
from smtpsniff.tls.keylog import KeyRing

from .sealed import Sealed, seal

if TYPE_CHECKING:
    from pathlib import Path

RANDOM = "ab" * 32
SECRET = "cd" * 48


@cache
def sealed() -> Sealed:
    return seal()


def secrets_block(keys: bytes) -> bytes:
    """A Decryption Secrets Block of pcapng."""
    body = struct.pack("<II", 0x544C534B, len(keys)) + keys + bytes(-len(keys) % 4)
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", 10) + size + body + size


@pytest.mark.parametrize("where", ["before", "between", "behind"])
def test_keys_in_the_capture(where: str, tmp_path: Path) -> None:
    packets = compile_text(sealed().text())
    early, late = pcapng(packets[:9]), pcapng(packets)
    head = len(pcapng([]))
    at = {"before": head, "between": len(early), "behind": len(late)}[where]
    path = tmp_path / "x.pcapng"
    path.write_bytes(late[:at] + secrets_block(sealed().keys) + late[at:])
    (session,) = smtpsniff.read(path)
    assert session.verdict.outcome == "delivered"


def test_keys_behind_packets_of_many_windows(tmp_path: Path) -> None:
    """They stand at the end of the file, and the session ended long before."""
    path = tmp_path / "x.pcapng"
    keys = secrets_block(sealed().keys) + secrets_block(b"# none\n")
    path.write_bytes(secrets_block(b"# before\n") + pcapng(compile_text("@T ; @Q")) + keys)
    assert trailing_keys(str(path)) == sealed().keys + b"# none\n"
    path.write_bytes(path.read_bytes()[:-1])  # cut: nothing to go by
    assert trailing_keys(str(path)) == b""


def test_keys_of_one_capture_open_another(tmp_path: Path) -> None:
    (tmp_path / "a.pcap").write_bytes(capture(sealed().text()))
    (tmp_path / "b.pcapng").write_bytes(pcapng([]) + secrets_block(sealed().keys))
    (session,) = smtpsniff.read(tmp_path / "a.pcap", tmp_path / "b.pcapng")
    assert session.tls.decrypted


def test_lines_that_are_none_are_passed_over() -> None:
    ring = KeyRing()
    ring.add(
        f"# made up\nCLIENT_RANDOM {RANDOM} {SECRET}\r\nCLIENT_RANDOM {RANDOM[2:]} {SECRET}\n"
        f"SERVER_TRAFFIC_SECRET_0 {RANDOM.upper()} {SECRET.upper()}  \nnonsense\n\xff\0\n".encode(
            "latin-1"
        )
    )
    secret = bytes.fromhex(SECRET)
    known = {"CLIENT_RANDOM": secret, "SERVER_TRAFFIC_SECRET_0": secret}
    assert ring.secrets(bytes.fromhex(RANDOM)) == known
    assert ring.size == 2


def test_a_line_comes_in_pieces() -> None:
    pieces = [
        f"CLIENT_RANDOM {RANDOM} {SECRET[:10]}".encode(),
        b"",
        f"{SECRET[10:]}\n".encode(),
        b"",
    ]
    ring = KeyRing(lambda: pieces.pop(0) if pieces else b"")
    assert ring.secrets(bytes.fromhex(RANDOM)) == {}
    ring.refresh()
    assert ring.secrets(bytes.fromhex(RANDOM)) == {"CLIENT_RANDOM": bytes.fromhex(SECRET)}


def test_the_last_line_may_lack_its_end() -> None:
    ring = KeyRing(iter([f"CLIENT_RANDOM {RANDOM} {SECRET}".encode()] + [b""] * 9).__next__)
    ring.finish()
    assert ring.size == 1


def test_room_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keylog, "MAX_SECRETS", 3)
    ring = KeyRing()
    ring.add(b"".join(b"CLIENT_RANDOM %064x %b\n" % (n, SECRET.encode()) for n in range(9)))
    assert ring.size == 3
    assert ring.full == {"TLS secrets: 3"}
