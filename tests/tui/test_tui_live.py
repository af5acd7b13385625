"""The screen while it happens: a network of its own, a terminal of its own."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tui_terminal import Terminal

from smtpsniff import read

if TYPE_CHECKING:
    from pathlib import Path

TALK = """
import socket, sys, threading
def serve():
    client, _ = server.accept()
    client.sendall(b"220 mx ESMTP\\r\\n")
    for line in client.makefile("rb"):
        client.sendall(b"221 bye\\r\\n" if line.startswith(b"QUIT") else b"250 ok\\r\\n")
        if line.startswith(b"QUIT"):
            break
    client.close()
server = socket.create_server(("127.0.0.1", 2525))
thread = threading.Thread(target=serve)
thread.start()
client = socket.create_connection(("127.0.0.1", 2525))
client.recv(100)
for line in (b"EHLO me\\r\\n", b"MAIL FROM:<anna@example.com>\\r\\n", b"QUIT\\r\\n"):
    client.sendall(line)
    client.recv(100)
client.close()
thread.join()
"""


def test_sessions_come_while_they_happen_and_are_saved(tmp_path: Path) -> None:
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("only root can make networks and capture")
    if subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode:
        pytest.skip("no namespaces to be had here")
    (tmp_path / "talk.py").write_text(TALK)
    python = shlex.quote(sys.executable)
    script = (
        f"ip link set lo up; (while ! [ -e go ]; do sleep 0.1; done; {python} talk.py) & "
        f"exec {python} -m smtpsniff tui -i lo -w kept.pcapng"
    )
    terminal = Terminal(["unshare", "--net", "sh", "-c", script], tmp_path)
    terminal.until("listening")
    (tmp_path / "go").touch()
    terminal.until("anna@example.com")  # while it still counts as running
    terminal.until("1 session")
    terminal.press("\r")
    terminal.until("-- EHLO me ---")
    terminal.press("s")
    terminal.until("save 1 session as")
    terminal.press("\r")
    terminal.until("of 1 session saved")
    terminal.press("Q")
    assert terminal.status() == 0
    (kept,), (saved,) = read(tmp_path / "kept.pcapng"), read(tmp_path / "session-1.pcapng")
    assert [e.text for e in saved.timeline] == [e.text for e in kept.timeline]
