"""Loopback: free ports, tcpdump, and what smtpsniff says of what it recorded."""

from __future__ import annotations

import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from dialogue import need

import smtpsniff

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from smtpsniff.records import Finding, Session

# A large mail crosses loopback faster than tcpdump writes: much room in the kernel (kB), and no more of
# it for a packet than the longest has.
BUFFER, LONGEST = "65536", "66000"
SETTLES = 0.25  # seconds for the packets that close a connection to be written
PATIENCE = 20  # seconds for a server to come up, or for a queue to be worked off


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def answers(port: int) -> bool:
    """Whether a server greets on a port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            greeted = connection.recv(1) == b"2"
            connection.sendall(b"QUIT\r\n")
            return greeted
    except OSError:
        return False


def wait_for(port: int) -> None:
    """Return when the server is there."""
    for _ in range(PATIENCE * 10):
        if answers(port):
            return
        time.sleep(0.1)
    raise TimeoutError(f"nobody greets on port {port}")


@contextmanager
def recorded(file: Path, *ports: int) -> Iterator[None]:
    """Everything on loopback to and from these ports."""
    need("tcpdump")
    words = " or ".join(f"port {port}" for port in ports)
    command = [
        "tcpdump",
        "-Z",
        "root",
        "-U",
        "--immediate-mode",
        "-B",
        BUFFER,
        "-s",
        LONGEST,
        "-i",
        "lo",
        "-w",
        str(file),
    ]
    with subprocess.Popen([*command, f"tcp and ({words})"], stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        while b"listening on" not in process.stderr.readline():
            if process.poll() is not None:
                raise RuntimeError("tcpdump does not capture")
        try:
            yield
            time.sleep(SETTLES)
        finally:
            process.terminate()


class Seen(NamedTuple):
    """Sessions of a recording, and what was found wrong in them."""

    sessions: list[Session]
    alarms: dict[str, str]  # errors and warnings: check and text

    @property
    def outcomes(self) -> list[str]:
        return [session.verdict.outcome for session in self.sessions]


def flat(findings: Iterable[Finding]) -> Iterator[Finding]:
    for finding in findings:
        yield finding
        yield from flat(finding.related)


def look(file: Path, port: int) -> Seen:
    """The sessions with one server."""
    sessions = [s for s in smtpsniff.read(file) if s.server.port == port]
    found = [f for session in sessions for f in flat(session.findings)]
    return Seen(sessions, {f.check: f.text for f in found if f.severity != "note"})
