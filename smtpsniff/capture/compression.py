"""Compressed captures as streams of bytes: gzip, bzip2, xz and zstd, told by their first bytes.

Whatever a file claims, what is held in memory is what was asked for, one chunk of input and the
window of the format, which is bounded here. Members one after the other are one stream.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol

from smtpsniff.capture.foreign import Converter
from smtpsniff.capture.inflow import Inflow
from smtpsniff.capture.source import CHUNK, PlainStream

if TYPE_CHECKING:
    import zlib
    from collections.abc import Callable

MAX_MEMORY = 1 << 27
"""Bytes of history that a file may ask for: `xz -9` takes half of it, and it is the most that
zstd gives by itself (`--long=27`); what wants more was packed with options that few use."""

OUTPUT = (
    1 << 16
)  # bytes unpacked in one call: what damage could take away where seeking is impossible
LONGEST_MAGIC = 10


class Engine(Protocol):
    """What the decompressors of the standard library and zstd have in common."""

    @property
    def eof(self) -> bool:
        """Whether the member has ended."""

    @property
    def unused_data(self) -> bytes:
        """What follows it."""

    @property
    def needs_input(self) -> bool:
        """Whether more can only come of more input."""

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """At most so many bytes of output."""


class Format(NamedTuple):
    """A compression: how it is told, and who opens it."""

    name: str
    magic: re.Pattern[bytes]
    open: Callable[[BinaryIO | Inflow, bytes], CompressedStream]


def compression(head: bytes) -> Format | None:
    """The format that a file of these first bytes is compressed in."""
    return next((known for known in FORMATS if known.magic.match(head)), None)


class CompressedStream(PlainStream):
    """Members of one format, one after the other, as one stream of bytes.

    What follows the last member and is none is ignored, as gzip(1) does.
    """

    name: str
    magic: re.Pattern[bytes]

    def read(self, size: int) -> bytes:
        """Up to `size` uncompressed bytes; none at the end or at damage (see `fault`)."""
        while self.fault is None:
            if self._ended() and not self._next_member():
                return b""
            self._input = self._input or self._fill(CHUNK)
            exhausted = not self._input
            if data := self._unpack(min(size, OUTPUT)):
                return data
            if exhausted and not self._ended():
                self.fault = self.fault or f"the {self.name} stream ends too early"
        return b""

    def _next_member(self) -> bool:
        self._input = self._input.lstrip(b"\0")  # tapes and xz pad with zeros
        while len(self._input) < LONGEST_MAGIC and (more := self._fill(CHUNK)):
            self._input = (self._input + more).lstrip(b"\0")
        if self.magic.match(self._input):
            self._begin()
            return True
        return False

    def _begin(self) -> None:
        """A member starts at the input."""
        raise NotImplementedError

    def _ended(self) -> bool:
        """Whether the member has ended."""
        raise NotImplementedError

    def _unpack(self, size: int) -> bytes:
        """Up to `size` bytes of the input and of what is held; a fault where there is one."""
        raise NotImplementedError


class GzipStream(CompressedStream):
    """RFC 1952. zlib can copy its state, so that damage costs nothing even in a pipe."""

    name = "gzip"
    magic = re.compile(rb"\x1f\x8b")  # section 2.3.1

    def __init__(self, file: BinaryIO | Inflow, head: bytes) -> None:
        super().__init__(file, head)
        self._begin()

    def _begin(self) -> None:
        import zlib

        self._zlib = zlib
        # zlib's way to say: a gzip header, any window size.
        self._engine = zlib.decompressobj(16 + zlib.MAX_WBITS)

    def _ended(self) -> bool:
        return self._engine.eof

    def _unpack(self, size: int) -> bytes:
        before = self._engine.copy()
        try:
            data = self._engine.decompress(self._input, size)
        except self._zlib.error:
            self.fault = "the gzip data is damaged"
            return self._salvage(before)
        self._input = self._engine.unused_data if self._engine.eof else self._engine.unconsumed_tail
        return data

    def _salvage(self, engine: zlib._Decompress) -> bytes:
        """What came before the damage: zlib gives nothing of a call that fails."""
        data = bytearray()
        try:
            for position in range(len(self._input)):
                data += engine.decompress(self._input[position : position + 1])
        except self._zlib.error:
            pass
        return bytes(data)


class OtherStream(CompressedStream):
    """A format whose decompressor cannot be copied: after damage the member is read again."""

    def __init__(self, file: BinaryIO | Inflow, head: bytes) -> None:
        super().__init__(file, head)
        self._begin()

    def _open(self) -> Engine:
        """A new decompressor."""
        raise NotImplementedError

    def _begin(self) -> None:
        self._engine = self._open()
        self._start = self.position - len(self._input)  # of the member, in the file
        self._taken = 0  # bytes of it that the engine had before the last piece
        self._last = 0  # bytes of that piece
        self._given = 0  # bytes that came of all of them

    def _ended(self) -> bool:
        return self._engine.eof

    def _unpack(self, size: int) -> bytes:
        piece = b""
        if self._engine.needs_input:  # else it has not come to the end of the last one yet
            piece, self._input = self._input, b""
            self._taken, self._last = self._taken + self._last, len(piece)
        try:
            data = self._engine.decompress(piece, size)
        except Exception as error:  # each library has its own, and EOFError or MemoryError besides
            self.fault = self._reason(error)
            return self._salvage()
        self._given += len(data)
        if self._engine.eof:
            self._input = self._engine.unused_data + self._input
        return data

    def _reason(self, error: Exception) -> str:
        if any(word in str(error).lower() for word in ("memory", "window")):
            return f"the {self.name} data asks for more than {MAX_MEMORY >> 20} MB of memory"
        return f"the {self.name} data is damaged"

    def _salvage(self) -> bytes:
        """What came before the damage, if the file can be read again.

        Nothing is lost when the piece with the damage goes in one byte at a time.
        """
        data = bytearray()
        if isinstance(self._file, Inflow | Converter):
            return b""
        engine, skip, left = self._open(), self._given, self._taken
        try:
            self._file.seek(self._start - self.position, 1)
            while left + self._last and (piece := self._file.read(min(left, CHUNK) or 1)):
                left, self._last = (left - len(piece), self._last) if left else (0, self._last - 1)
                while piece or not (engine.needs_input or engine.eof):
                    got = engine.decompress(piece, OUTPUT)
                    piece = b""
                    data += got[skip:]
                    skip = max(skip - len(got), 0)
        except Exception:  # the damage again, or a pipe
            pass
        return bytes(data)


class Bzip2Stream(OtherStream):
    """Blocks of at most 900 kB, each with its own check."""

    name = "bzip2"
    # The level, then the magic of a block or of the end (both are digits of pi or its root).
    magic = re.compile(rb"BZh[1-9](?:\x31\x41\x59\x26\x53\x59|\x17\x72\x45\x38\x50\x90)")

    def _open(self) -> Engine:
        import bz2

        return bz2.BZ2Decompressor()


class XzStream(OtherStream):
    """The .xz format, version 1.2, section 2.1.1."""

    name = "xz"
    magic = re.compile(rb"\xfd7zXZ\0")

    def _open(self) -> Engine:
        import lzma

        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_MEMORY)


class ZstdStream(OtherStream):
    """RFC 8878, section 3.1; skippable frames (3.1.2) may come first, as pzstd writes them."""

    name = "zstd"
    magic = re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")

    def _open(self) -> Engine:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd

        most = int(zstd.DecompressionParameter.window_log_max)
        return zstd.ZstdDecompressor(options={most: MAX_MEMORY.bit_length() - 1})


FORMATS = tuple(
    Format(kind.name, kind.magic, kind) for kind in (GzipStream, Bzip2Stream, XzStream, ZstdStream)
)
