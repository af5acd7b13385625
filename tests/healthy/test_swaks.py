"""swaks, as people try a server with it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from dialogue import need

from healthy.deserved import undeserved
from healthy.servers import PASSWORD, USER
from healthy.wire import look, recorded

if TYPE_CHECKING:
    from pathlib import Path

TO = "anna@example.com"
PLAIN = ["--suppress-data"]
WAYS = {
    "plain": [],
    "pipelined": ["--pipeline"],
    "helo": ["--protocol", "SMTP"],
    "encrypted": ["--tls"],
    "attachment": ["--attach", "@/etc/services"],
    "two recipients": ["--to", "ben@example.com"],
    "only tried": ["--quit-after", "RCPT"],
    "only greeted": ["--quit-after", "EHLO"],
}
# No message was sent in these.
OUTCOMES = {"encrypted": "opaque", "only tried": "aborted", "only greeted": "no-mail"}


def swaks(port: int, file: Path, *words: str) -> None:
    need("swaks")
    command = ["swaks", "--server", "127.0.0.1", "--port", str(port), "--helo", "client.example.net",
               "--from", "ben@client.example.net", "--to", TO]  # fmt: skip
    with recorded(file, port):
        done = subprocess.run([*command, *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def judge(way: str, file: Path, port: int) -> None:
    seen = look(file, port)
    assert not undeserved(seen)
    assert seen.outcomes == [OUTCOMES.get(way, "delivered")]


@pytest.mark.parametrize("way", [way for way in WAYS if way != "pipelined"])
def test_aiosmtpd(way: str, aiosmtpd_port: int, tmp_path: Path) -> None:
    words = list(WAYS[way])
    if way == "two recipients":
        words = ["--to", f"{TO},ben@example.com"]
    swaks(aiosmtpd_port, tmp_path / "lo.pcap", *words)
    judge(way, tmp_path / "lo.pcap", aiosmtpd_port)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_login(mechanism: str, aiosmtpd_port: int, tmp_path: Path) -> None:
    words = ["--auth", mechanism, "--auth-user", USER, "--auth-password", PASSWORD]
    swaks(aiosmtpd_port, tmp_path / "lo.pcap", *words)
    judge("login", tmp_path / "lo.pcap", aiosmtpd_port)


@pytest.mark.parametrize("way", WAYS)
def test_postfix(way: str, postfix_port: int, tmp_path: Path) -> None:
    words = list(WAYS[way])
    if way == "two recipients":
        words = ["--to", f"{TO},ben@example.com"]
    swaks(postfix_port, tmp_path / "lo.pcap", *words)
    judge(way, tmp_path / "lo.pcap", postfix_port)
