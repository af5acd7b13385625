"""The bytes of a capture, window by window: mapped when plain, streamed when compressed.

A source hands out windows that start where the reader wants the next record, so that a
record is never cut in two. Mapped windows are never closed here: the map goes when the
last array that looks into it goes.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO, Protocol

from smtpsniff.capture.inflow import Dry, Inflow

if TYPE_CHECKING:
    from smtpsniff.capture.batch import Buffer
    from smtpsniff.capture.foreign import Converter

CHUNK = 1 << 16
"""Bytes read at once from a stream, as much as a pipe holds on Linux."""


@dataclass(frozen=True, slots=True)
class Window:
    """Bytes `start` to `end` of `buffer`; `buffer[0]` is byte `origin` of the capture."""

    buffer: Buffer
    start: int
    end: int
    origin: int
    final: bool  # nothing follows
    dry: bool = False  # more may follow, but has not come yet


class Source(Protocol):
    """Where a capture's bytes come from."""

    @property
    def position(self) -> int:
        """Bytes of the file consumed so far."""

    @property
    def fault(self) -> str | None:
        """Why the bytes stopped coming before their end, when they did."""

    def window(self, offset: int, size: int) -> Window:
        """Bytes from `offset` on: at least half of `size`, unless the capture ends before.

        Of what arrives slowly, a window has what has arrived, and says so.
        """

    def close(self) -> None:
        """Let go of the file; windows that are out stay valid."""


class MappedFile:
    """A regular file, mapped a window at a time, so that memory does not grow with it.

    A file that another program cuts shorter than a window that is out kills this process
    (SIGBUS, as for every mapped file); shorter than the next window, it is a fault.
    """

    fault: str | None = None

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.position = 0
        self._file = file
        self._size = size
        self._window: Window | None = None

    def window(self, offset: int, size: int) -> Window:
        self.position = offset
        if (reused := _reuse(self._window, offset, size)) is not None:
            return reused
        self._window = None  # before the next map, so that there are never two here
        origin = offset - offset % mmap.ALLOCATIONGRANULARITY
        end = min(offset + size, self._size)
        if offset >= end:
            return Window(b"", 0, 0, offset, final=True)
        try:
            view = mmap.mmap(
                self._file.fileno(), end - origin, access=mmap.ACCESS_READ, offset=origin
            )
        except (OSError, ValueError) as error:  # it shrank since it was opened
            self.fault = f"the file cannot be read here ({error})"
            return Window(b"", 0, 0, offset, final=True)
        self._window = Window(view, offset - origin, end - origin, origin, end == self._size)
        return self._window

    def close(self) -> None:
        self._window = None
        self._file.close()


class StreamedFile:
    """A compressed file, a pipe or standard input: read once, from front to back."""

    def __init__(self, stream: PlainStream, inflow: Inflow | None = None) -> None:
        self._stream = stream
        self._inflow = inflow
        self._window = Window(b"", 0, 0, 0, final=False)

    @property
    def position(self) -> int:
        return self._stream.position

    @property
    def fault(self) -> str | None:
        return self._stream.fault if self._window.final else None

    def window(self, offset: int, size: int) -> Window:
        if (reused := _reuse(self._window, offset, size)) is not None:
            return reused
        parts = [self._window.buffer[offset - self._window.origin :]]
        self._window = Window(b"", 0, 0, offset, final=False)
        held = len(parts[0])
        final = dry = False
        if self._inflow is not None:
            self._inflow.start()
        try:
            while held < size and not final:
                parts.append(self._stream.read(size - held))
                held += len(parts[-1])
                final = not parts[-1]
        except Dry:
            dry = True
        self._window = Window(b"".join(parts), 0, held, offset, final, dry)
        return self._window

    def close(self) -> None:
        self._window = Window(b"", 0, 0, 0, final=True)
        self._stream.close()


def _reuse(window: Window | None, offset: int, size: int) -> Window | None:
    """The rest of a window, when it is worth the name.

    Without this, a capture made of many tiny sections would move a whole window for each.
    """
    if window is None:
        return None
    start = offset - window.origin
    if window.final or window.end - start >= size // 2:
        return replace(window, start=start)
    return None


class PlainStream:
    """Bytes of a pipe as they are; `head` was read before."""

    fault: str | None = None

    def __init__(self, file: BinaryIO | Inflow | Converter, head: bytes = b"") -> None:
        self.position = len(head)
        self._file = file
        self._input = head

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; none at the end."""
        data, self._input = self._input[:size], self._input[size:]
        return data or self._fill(min(size, CHUNK))

    def _fill(self, size: int) -> bytes:
        try:
            data = self._file.read(size)
        except OSError as error:
            self.fault = f"reading failed ({error.strerror or error})"
            return b""
        self.position += len(data)
        return data

    def close(self) -> None:
        self._file.close()
