"""Mail servers as clients of each other, and msmtp: pipelining, BDAT, LMTP, logins."""

from __future__ import annotations

import smtplib
import subprocess
from typing import TYPE_CHECKING

import pytest
from dialogue import need

from healthy.deserved import undeserved
from healthy.letters import SENDER, large, letter, wire_form
from healthy.servers import PASSWORD, USER, queue_empties
from healthy.unpacked import exim_sends
from healthy.wire import Seen, look, recorded

if TYPE_CHECKING:
    from email.message import EmailMessage
    from pathlib import Path


def verbs(seen: Seen) -> set[str]:
    return {e.verb for session in seen.sessions for e in session.timeline if e.verb}


def letters(to: str) -> dict[str, EmailMessage]:
    eight = letter(to)
    eight.set_content("Grüße aus Köln\n", cte="8bit")
    return {"small": letter(to), "large": large(to, 2_000_000), "8bit": eight}


KINDS = ("small", "large", "8bit")


# -- Exim ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("exim_port", "postfix_port", "aiosmtpd_port", "opensmtpd_port")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("server", ["postfix", "aiosmtpd", "opensmtpd"])
def test_exim_sends(
    server: str, kind: str, ports: dict[str, int], home: Path, tmp_path: Path
) -> None:
    to = [f"{name}@{server}.example" for name in ("anna", "ben")]
    mail = letters(", ".join(to))[kind]
    with recorded(tmp_path / "lo.pcap", ports[server]):
        exim_sends(home, mail.as_bytes(), SENDER, *to)
    seen = look(tmp_path / "lo.pcap", ports[server])
    assert not undeserved(seen, "exim", kind)
    assert seen.outcomes == ["delivered"]
    if server == "postfix":
        assert "BDAT" in verbs(seen)


# -- Postfix -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("aiosmtpd_port", "exim_port", "dovecot_port")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("server", ["aiosmtpd", "exim", "dovecot"])
def test_postfix_sends(
    server: str, kind: str, postfix_port: int, ports: dict[str, int], home: Path, tmp_path: Path
) -> None:
    to = f"anna@{server}.example, ben@{server}.example"
    with recorded(tmp_path / "lo.pcap", ports[server]):
        with smtplib.SMTP("127.0.0.1", postfix_port, "client.example.net") as client:
            client.sendmail(SENDER, to.split(", "), wire_form(letters(to)[kind]))
        queue_empties(home)
    seen = look(tmp_path / "lo.pcap", ports[server])
    assert not undeserved(seen)
    assert set(seen.outcomes) == {"delivered"}
    assert all((s.protocol == "lmtp") == (server == "dovecot") for s in seen.sessions)


# -- msmtp ---------------------------------------------------------------------------------------

HOST = ["--host=127.0.0.1", f"--from={SENDER}", "--domain=client.example.net", "--file=/dev/null"]
LOGIN = [f"--user={USER}", f"--passwordeval=echo {PASSWORD}"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "words", [["--auth=off"], ["--auth=plain", *LOGIN], ["--auth=login", *LOGIN]]
)
def test_msmtp(words: list[str], kind: str, aiosmtpd_port: int, tmp_path: Path) -> None:
    need("msmtp")
    command = ["msmtp", *HOST, f"--port={aiosmtpd_port}", "--tls=off", *words, "anna@example.com"]
    with recorded(tmp_path / "lo.pcap", aiosmtpd_port):
        mail = letters("anna@example.com")[kind].as_bytes()
        done = subprocess.run(command, input=mail, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    seen = look(tmp_path / "lo.pcap", aiosmtpd_port)
    assert not undeserved(seen, "msmtp", kind)
    assert seen.outcomes == ["delivered"]
