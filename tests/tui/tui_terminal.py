"""A real pseudo-terminal with the program in it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import termios
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Terminal:
    """A real pseudo-terminal of 80 by 24, and somebody at it."""

    def __init__(self, words: list[str], folder: Path) -> None:
        self.child, self._terminal = pty.fork()
        if not self.child:
            os.chdir(folder)
            os.environ["TERM"] = "xterm-256color"
            os.execvp(words[0], words)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        os.set_blocking(self._terminal, False)
        self.out = ""

    def until(self, words: str) -> None:
        """Wait for words; how they are coloured does not matter."""
        end = time.monotonic() + 60
        while words not in self._read():
            assert time.monotonic() < end, f"{words!r} never came: {self.out[-3000:]}"
            time.sleep(0.02)
        self.out = ""

    def _read(self) -> str:
        with contextlib.suppress(OSError):  # nothing there; or closed at the other end
            self.out += os.read(self._terminal, 1 << 16).decode(errors="replace")
        return re.sub(r"\x1b\[[0-9;?>]*[ -/]*[@-~]", "", self.out)

    def press(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def status(self) -> int:
        """Wait for the end."""
        while True:
            self._read()
            child, status = os.waitpid(self.child, os.WNOHANG)
            if child:
                os.close(self._terminal)
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
