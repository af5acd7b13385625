"""Capture files opened by name: what they are, their packets, and where they break."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from typing import TYPE_CHECKING, BinaryIO

from smtpsniff.capture.batch import nothing
from smtpsniff.capture.compression import LONGEST_MAGIC, compression
from smtpsniff.capture.errors import STANDARD_INPUT, CaptureError, Damage
from smtpsniff.capture.foreign import Converter, foreign
from smtpsniff.capture.inflow import Dry, Inflow
from smtpsniff.capture.magic import recognise
from smtpsniff.capture.pcap import FILE_HEADER, MAGICS, PcapReader
from smtpsniff.capture.pcapng import PcapngReader
from smtpsniff.capture.pcapng_blocks import SECTION_MAGIC
from smtpsniff.capture.source import (
    MappedFile,
    PlainStream,
    Source,
    StreamedFile,
    Window,
)

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from smtpsniff.capture.batch import PacketBatch
    from smtpsniff.capture.interface import Interface
    from smtpsniff.capture.notes import Notes
    from smtpsniff.capture.reader import Reader

WINDOW = 16 << 20
"""Bytes of a window: enough packets to make columns worth while, few enough to forget."""

FIRST_WINDOW = 64 << 10
"""The first window is read when a file is opened, and many files may be open at once."""

HEAD = 4096  # bytes that decide what a file is


def open_capture(
    path: str | os.PathLike[str],
    file: int = 0,
    *,
    window: int = WINDOW,
    follow: bool = False,
    digest: bool = False,
) -> Capture:
    """Open a pcap or pcapng file, plain or compressed; "-" is standard input.

    `file` goes into every batch; `window` is the number of bytes looked at at a time; `follow`
    goes on at the end of the file, where another program may be writing, until `stop`; `digest`
    makes the digest of what can be read only once.
    CaptureError when it cannot be read at all; damage further on is told by `.damage`.
    """
    return Capture(os.fspath(path), file, window, follow, digest)


class Capture:
    """An open capture: iterate over its batches once, then look at `damage`.

    Of a pipe, a batch has what has arrived; it is empty where for a moment nothing has.
    """

    def __init__(
        self, path: str, file: int, window: int, follow: bool = False, digest: bool = False
    ) -> None:
        self.path = path
        self.file = file
        self.packets = 0  # delivered so far
        self.first: int | None = None  # earliest and latest time delivered so far, ns
        self.last: int | None = None
        self.damage: Damage | None = None
        self.closed = False
        self._inflow, self._source, self.size, self.compression = _open(path, follow, digest)
        self.converted: str | None = None  # from this format, by Wireshark's tools
        try:
            if self._inflow is None:
                self._convert()
            self._reader = _reader(path, file, self._source)
            self._offset = 0
            self._window = max(window, 1)
            self._wanted = min(self._window, FIRST_WINDOW)
            self._done = False
            # Read ahead, so that the interfaces, and with them the digits, are known.
            self._ahead = self._advance()
            while self._ahead is not None and not len(self._ahead) and not self.interfaces:
                self._ahead = self._advance()
            ahead = self._ahead
            # Time of the first packet, as far as it is known before the first batch is taken.
            self.begins = int(ahead.time[0]) if ahead is not None and len(ahead) else None
            if self.damage and self.damage.offset == 0:
                raise CaptureError(path, self.damage.reason)
        except CaptureError:
            self._source.close()
            raise

    def _convert(self) -> None:
        """Have what only Wireshark reads made into pcapng; it reads gzip and zstd by itself."""
        window = self._source.window(0, HEAD)
        kind = foreign(window.buffer[window.start : min(window.start + HEAD, window.end)])
        if kind is None or self.compression not in (None, "gzip", "zstd"):
            return
        try:
            converter = Converter(self.path)
        except OSError as error:
            raise CaptureError(self.path, f"a {kind} capture {error}") from None
        self._source.close()
        self._source = StreamedFile(PlainStream(converter))
        self.converted, self.compression = kind, None

    @property
    def format(self) -> str:
        """The file format: "pcap", "pcapng", or one that was converted."""
        return self.converted or self._reader.format

    @property
    def interfaces(self) -> list[Interface]:
        """Those met so far; pcapng may bring more on the way."""
        return self._reader.interfaces

    @property
    def notes(self) -> Notes:
        """What the file says besides its packets, as far as it is read."""
        return self._reader.notes

    @property
    def digits(self) -> int:
        """Decimal digits of the times, 6 or 9: those of the finest interface met so far."""
        return max((interface.digits for interface in self.interfaces), default=6)

    @property
    def sha256(self) -> str | None:
        """The digest of what came, where that was asked for and it cannot be read again."""
        digest = self._inflow.digest if self._inflow is not None else None
        return digest.hexdigest() if digest is not None else None

    @property
    def streamed(self) -> bool:
        """Whether it comes as it comes: it can be read only once, and may keep us waiting."""
        return self._inflow is not None

    @property
    def now(self) -> int:
        """The capture's time, in nanoseconds: while no packet comes, it goes on like any clock."""
        silence = 0.0 if self._inflow is None else self._inflow.silence
        return 0 if self.last is None else self.last + int(silence * 1e9)

    def stop(self) -> None:
        """End a capture that may go on for ever, with what has arrived."""
        if self._inflow is not None:
            self._inflow.stop()

    @property
    def position(self) -> int:
        """Bytes of the file consumed so far, compressed ones for a compressed file."""
        return self._source.position

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; batches that are out stay valid."""
        self._done, self._ahead, self.closed = True, None, True
        self._source.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> PacketBatch:
        batch, self._ahead = self._ahead, None
        if batch is None:
            batch = self._advance()
        if batch is None:
            self.close()
            raise StopIteration
        if not len(batch):
            return batch
        self.packets += len(batch)
        first, last = int(batch.time.min()), int(batch.time.max())
        self.first = first if self.first is None else min(first, self.first)
        self.last = last if self.last is None else max(last, self.last)
        return batch

    def _advance(self) -> PacketBatch | None:
        """The next batch, or None at the end or at the damage."""
        while not self._done:
            window = self._source.window(self._offset, self._wanted)
            step = self._reader.read(window)
            stuck = step.end == window.start
            self._offset = window.origin + step.end
            # What is dry is short of bytes; a larger window would bring no more.
            grow = stuck and not window.dry
            self._wanted = self._wanted * 2 if grow else self._window
            if step.fault or (stuck and window.final):
                self._done = True
                self._judge(step.fault, self._offset, window.origin + window.end)
            if step.batch is not None:
                return step.batch
            if stuck and window.dry:
                return nothing(self.file)
        return None

    def _judge(self, fault: str | None, offset: int, end: int) -> None:
        """Decide, where reading stopped, whether that was the end or damage."""
        reason = fault or self._source.fault
        cut = self._inflow is not None and self._inflow.stopped  # by ourselves: no damage
        if reason is None and offset < end and not cut:
            reason = f"the capture ends inside a packet record, after {end - offset} bytes of it"
        if reason is not None:
            where = " (counted in the uncompressed data)" if self.compression else ""
            where = " (counted in what it was converted to)" if self.converted else where
            self.damage = Damage(self.path, offset, reason + where)


def _open(path: str, follow: bool, digest: bool) -> tuple[Inflow | None, Source, int, str | None]:
    """The file as a source of bytes, its size (0 for a pipe) and its compression."""
    try:
        file = _standard_input() if path == STANDARD_INPUT else _open_file(path)
        status = os.fstat(file.fileno())
        # Some files of virtual file systems have no size, but content; standard input may be
        # a file that was read from before.
        regular = stat.S_ISREG(status.st_mode) and path != STANDARD_INPUT
        if not follow and regular and status.st_size:
            return None, *_whole_file(file, status.st_size)
        made = hashlib.sha256() if digest else None
        inflow = Inflow(file, follow=follow and stat.S_ISREG(status.st_mode), digest=made)
        head = _head(inflow, LONGEST_MAGIC)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CaptureError(path, f"cannot be read: {reason[:1].lower()}{reason[1:]}") from None
    if packed := compression(head):
        return inflow, StreamedFile(packed.open(inflow, head), inflow), 0, packed.name
    return inflow, StreamedFile(PlainStream(inflow, head), inflow), 0, None


def _whole_file(file: BinaryIO, size: int) -> tuple[Source, int, str | None]:
    """A file that lies there, all of it."""
    head = file.read(HEAD)
    if packed := compression(head):
        return StreamedFile(packed.open(file, head)), size, packed.name
    return MappedFile(file, size), size, None


def _head(inflow: Inflow, size: int) -> bytes:
    """The first bytes, however long they take to come."""
    head = b""
    while len(head) < size:
        inflow.start()
        try:
            data = inflow.read(HEAD)
        except Dry:
            continue
        if not data:
            break
        head += data
    return head


def _standard_input() -> BinaryIO:
    """Standard input without a buffer that would wait for more than has come."""
    number = sys.stdin.fileno()
    if os.isatty(number):
        raise OSError(0, "standard input is a terminal (tcpdump -U -w - | smtpsniff -)")
    return open(number, "rb", buffering=0, closefd=False)


def _open_file(path: str) -> BinaryIO:
    if os.path.isdir(path):  # Windows would call it a lack of permission
        raise IsADirectoryError(0, "it is a directory")
    return open(path, "rb")


def _first_window(source: Source) -> Window:
    """Enough to tell what it is."""
    while True:
        window = source.window(0, HEAD)
        if not window.dry or window.end - window.start >= FILE_HEADER:
            return window


def _reader(path: str, file: int, source: Source) -> Reader:
    """The reader for what the bytes say they are; CaptureError when there is none."""
    window = _first_window(source)
    head = window.buffer[window.start : min(window.start + HEAD, window.end)]
    if head[:4] == SECTION_MAGIC:
        return PcapngReader(file)
    if head[:4] in MAGICS:
        try:
            return PcapReader(head[:FILE_HEADER], file)
        except ValueError as error:
            raise CaptureError(path, str(error)) from None
    if not head and source.fault:
        raise CaptureError(path, source.fault)
    raise CaptureError(path, recognise(head))
