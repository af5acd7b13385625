"""A message on its way into a file: in memory while it is small, then in a file of its own.

The file's final name needs the session's number, which is known only once the session is over;
so it waits in a private folder beside the final place, and is moved.
"""

from __future__ import annotations

import itertools
import os
from typing import NamedTuple

from smtpsniff.mail.filler import MAX_FILL, filler

__all__ = ["MEMORY", "Gap", "Kept", "Spool", "create"]

# Octets kept in memory for one message; like what the reading of a small session keeps anyway.
MEMORY = 1 << 18
# Gaps listed of one message: a snap length cuts every packet of it.
MAX_GAPS = 10_000

# On Windows there are no links to follow here, and files are text unless told otherwise.
PRIVATE = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_APPEND = PRIVATE & ~(os.O_CREAT | os.O_EXCL) | os.O_APPEND


def create(path: str) -> int:
    """A new file that only its owner may read; the file descriptor.

    Raises `FileExistsError` for whatever is there already, a dangling link too.
    """
    return os.open(path, PRIVATE, 0o600)


class Gap(NamedTuple):
    """Octets that were never captured: where they would stand, how many (0: nobody knows), and
    how many octets of filler stand there instead."""

    offset: int
    length: int
    filled: int


class Kept(NamedTuple):
    """A whole spool, ready to be sent to another process: in a file, or in memory."""

    path: str | None
    data: bytes
    size: int  # of the file
    gaps: list[Gap]
    limits: list[str]  # bounds that were hit


class Spool:
    """Takes one message's octets (`smtpsniff.smtp.body.Sink`). Holds no file open."""

    _numbers = itertools.count()

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._path: str | None = None
        self._parts: list[bytes | memoryview] = []
        self._held = 0
        self._size = 0  # of the message, gaps included
        self._short = 0  # filler that was not written
        self._filled = 0
        self._gaps: list[Gap] = []
        self._limits: list[str] = []

    def take(self, data: bytes, start: int, end: int) -> None:
        """The next octets."""
        self._size += end - start
        if self._held + end - start > MEMORY:
            self._flush()
            if end - start > MEMORY:
                self._write([memoryview(data)[start:end]])
                return
        self._parts.append(data[start:end])
        self._held += end - start

    def gap(self, length: int) -> None:
        """Fill the place of what is missing, so that nobody takes it for whole."""
        fill = min(length, MAX_FILL - self._filled)
        if fill < length:
            self._limit(f"filler of one message: {MAX_FILL} octets")
        if len(self._gaps) < MAX_GAPS:
            self._gaps.append(Gap(self._size, length, fill))
        else:
            self._limit(f"gaps listed of one message: {MAX_GAPS}")
        self._filled += fill
        for block in filler(fill):
            self.take(block, 0, len(block))
        self._size += length - fill
        self._short += length - fill

    def cut(self, size: int) -> None:
        """The message is over after `size` octets; what came behind is none of it."""
        self._flush()
        if self._path is not None and size < self._size:
            os.truncate(self._path, max(size - self._short, 0))
        self._size = size
        self._gaps = [gap for gap in self._gaps if gap.offset < size]

    def close(self) -> Kept:
        """All of it."""
        if self._path is not None:
            self._flush()
        data = b"".join(self._parts)
        return Kept(self._path, data, self._size - self._short, self._gaps, self._limits)

    def _limit(self, bound: str) -> None:
        if bound not in self._limits:
            self._limits.append(bound)

    def _flush(self) -> None:
        self._write(self._parts)
        self._parts, self._held = [], 0

    def _write(self, blocks: list[bytes | memoryview]) -> None:
        if self._path is None:
            # Processes that share the folder make their names from their own numbers.
            name = f"{os.getpid()}-{next(self._numbers)}"
            self._path = os.path.join(self._folder, name)
            descriptor = create(self._path)
        else:
            descriptor = os.open(self._path, _APPEND)
        with open(descriptor, "wb", buffering=0) as file:
            for block in blocks:
                view = memoryview(block)
                while view:
                    view = view[file.write(view) :]
