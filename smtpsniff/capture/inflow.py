"""Bytes that come when they come: a pipe, standard input, a file that is still growing.

Whoever reads here never waits for long: `Dry` says that nothing has come for a while, and the
caller may look at the clock, show what it has, and ask again.
"""

from __future__ import annotations

import os
import select
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import hashlib
    from typing import BinaryIO

PATIENCE = 0.2
"""Seconds that what has arrived may wait for more to come: long enough to make columns worth
while, too short for a person to notice."""

GRACE = 1.0
"""Seconds, after an interrupt, for the program at the other end of a pipe to write what it still
holds: Ctrl-C reaches tcpdump, too."""

PAUSE = 0.05  # seconds between two looks at the end of a growing file


class Dry(Exception):
    """Nothing has come for a while; more may."""


class Inflow:
    """A file read as its bytes arrive. `follow`: its end is not the end, more will be written.

    `digest` is told of every byte: it cannot be read a second time.
    """

    def __init__(
        self, file: BinaryIO, *, follow: bool = False, digest: hashlib._Hash | None = None
    ) -> None:
        self.digest = digest
        self._file = file
        self._fd = file.fileno()
        self._follow = follow
        self._stopped: float | None = None
        self._arrived = time.monotonic()
        self._deadline = 0.0
        self._poll = _poll(self._fd)

    @property
    def stopped(self) -> bool:
        """Whether reading was ended from outside, before the end."""
        return self._stopped is not None

    @property
    def silence(self) -> float:
        """Seconds since anything came."""
        return time.monotonic() - self._arrived

    def start(self) -> None:
        """From now on patience counts anew."""
        self._deadline = time.monotonic() + PATIENCE

    def stop(self) -> None:
        """Take what is there, for a moment more, and end."""
        if self._stopped is None:
            self._stopped = time.monotonic()

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; none at the end. `Dry` when patience is at its end."""
        while True:
            if self._stopped is not None and time.monotonic() - self._stopped > GRACE:
                return b""
            left = self._deadline - time.monotonic()
            if left <= 0 or not self._ready(left):
                raise Dry
            data = os.read(self._fd, size)
            if data:
                self._arrived = time.monotonic()
                if self.digest is not None:
                    self.digest.update(data)
                return data
            if not self._follow or self._stopped is not None:
                return b""
            if os.fstat(self._fd).st_size < os.lseek(self._fd, 0, os.SEEK_CUR):
                raise OSError("the file was cut shorter while it was read")
            time.sleep(min(PAUSE, left))

    def _ready(self, seconds: float) -> bool:
        """Whether reading would not block; without a way to tell (Windows), it may."""
        if self._poll is None:
            return True
        return bool(self._poll.poll(max(1, int(seconds * 1000))))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def _poll(fd: int) -> select.poll | None:
    if not hasattr(select, "poll"):
        return None
    poll = select.poll()
    poll.register(fd, select.POLLIN | select.POLLHUP | select.POLLERR)
    return poll
