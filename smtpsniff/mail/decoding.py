"""What a part's octets stand for: base64, quoted-printable, uuencode (RFC 2045 §6), streamed.

Each decoder takes the encoded octets as they come and hands decoded ones on. None raises: what
the encoding cannot mean is passed over and told as a defect.
"""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Decoder", "decoder_for"]

# Encoded octets that are decoded together: what is made of them fits the processor's cache.
BLOCK = 1 << 18
# A line of quoted-printable has 76 octets (RFC 2045 §6.7), one of uuencode 62; what is longer
# than this is no line of theirs and need not be waited for.
MAX_LINE = 1 << 12

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BLANKS = b"\r\n \t"
_NO_BASE64 = bytes(set(range(256)) - set(_ALPHABET))


class Decoder:
    """Octets as they are: 7bit, 8bit and binary. `put` takes what was decoded."""

    def __init__(self, put: Callable[[bytes], None]) -> None:
        self.put = put
        self.defects: set[str] = set()

    def feed(self, data: bytes, start: int, end: int) -> None:
        """``data[start:end]`` comes next."""
        self.put(data[start:end] if end - start < len(data) else data)

    def gap(self, length: int) -> int:
        """`length` encoded octets are missing: about how many decoded ones."""
        return length

    def close(self) -> None:
        """Nothing comes any more."""


class Base64(Decoder):
    """RFC 2045 §6.8: what is not in the alphabet does not count."""

    def __init__(self, put: Callable[[bytes], None]) -> None:
        super().__init__(put)
        self._rest = b""  # fewer than four characters
        self._resume = False  # behind a gap: from the next line on the fours are known again

    def feed(self, data: bytes, start: int, end: int) -> None:
        if self._resume:
            line = data.find(b"\n", start, end)
            if line < 0:
                return
            start, self._resume = line + 1, False
        for at in range(start, end, BLOCK):
            self._block(data[at : min(at + BLOCK, end)])

    def _block(self, block: bytes) -> None:
        text = self._rest + block.translate(None, _BLANKS)
        whole = len(text) & ~3
        try:
            decoded = binascii.a2b_base64(memoryview(text)[:whole], strict_mode=True)
        except ValueError:
            self._lenient(text)
            return
        # Strict mode takes padding at the end only: what follows would begin anew.
        self._rest = text[whole:]
        if decoded:
            self.put(decoded)

    def _lenient(self, text: bytes) -> None:
        """Padding, or what is no base64, somewhere in it."""
        *ended, self._rest = text.split(b"=")
        for piece in ended:
            self._flush(self._clean(piece))
        self._rest = self._clean(self._rest)
        whole = len(self._rest) & ~3
        if whole:
            self.put(binascii.a2b_base64(self._rest[:whole]))
            self._rest = self._rest[whole:]

    def _clean(self, text: bytes) -> bytes:
        clean = text.translate(None, _NO_BASE64)
        if len(clean) < len(text):
            self.defects.add("not base64")
        return clean

    def _flush(self, text: bytes) -> None:
        """Characters up to a padding, which may be missing."""
        if len(text) % 4 == 1:  # six bits are no octet
            self.defects.add("cut base64")
            text = text[:-1]
        if text:
            self.put(binascii.a2b_base64(text + b"=" * (-len(text) % 4)))

    def gap(self, length: int) -> int:
        self.close()
        self._resume = True
        return length * 3 // 4

    def close(self) -> None:
        rest, self._rest = self._rest, b""
        if rest:
            clean = self._clean(rest.partition(b"=")[0])
            if len(clean) % 4 and b"=" not in rest:
                self.defects.add("cut base64")
            self._flush(clean)


class _Lines(Decoder):
    """Decoders that need whole lines."""

    def __init__(self, put: Callable[[bytes], None]) -> None:
        super().__init__(put)
        self._rest = b""

    def feed(self, data: bytes, start: int, end: int) -> None:
        for at in range(start, end, BLOCK):
            block = self._rest + data[at : min(at + BLOCK, end)]
            stop = block.rfind(b"\n") + 1
            if not stop and len(block) > MAX_LINE:
                stop = self._within(block)
            self._rest = block[stop:]
            if stop:
                self._lines(block[:stop])

    def close(self) -> None:
        rest, self._rest = self._rest, b""
        if rest:
            self._lines(rest)

    def gap(self, length: int) -> int:
        self.close()
        return length

    def _within(self, block: bytes) -> int:
        """Where a line that does not end may be cut."""
        return len(block)

    def _lines(self, block: bytes) -> None:
        raise NotImplementedError


class QuotedPrintable(_Lines):
    """RFC 2045 §6.7."""

    def _within(self, block: bytes) -> int:
        equals = block.rfind(b"=", len(block) - 2)
        return equals if equals >= 0 else len(block)

    def _lines(self, block: bytes) -> None:
        self.put(binascii.a2b_qp(block))


class Uuencode(_Lines):
    """What stands between ``begin`` and ``end`` (POSIX uuencode); other lines do not count."""

    def __init__(self, put: Callable[[bytes], None], begun: bool = False) -> None:
        super().__init__(put)
        self._begun = begun
        self.ended = False

    def _lines(self, block: bytes) -> None:
        self.put(b"".join(self._decoded(block)))

    def _decoded(self, block: bytes) -> list[bytes]:
        out = []
        for line in block.split(b"\n"):
            if self.ended:
                break
            if not self._begun:
                self._begun = line.startswith(b"begin ")
            elif line.rstrip() == b"end":
                self.ended = True
            elif line.strip():
                out.append(self._line(line.rstrip(b"\r")))
        return out

    def _line(self, line: bytes) -> bytes:
        try:
            return binascii.a2b_uu(line)
        except binascii.Error:
            # Some encoders write more characters than the length asks for.
            wanted = (((line[0] - 32) & 63) * 4 + 5) // 3 if line else 0
            try:
                return binascii.a2b_uu(line[:wanted])
            except binascii.Error:
                self.defects.add("not uuencode")
                return b""


_DECODERS: dict[str, type[Decoder]] = {
    "base64": Base64,
    "quoted-printable": QuotedPrintable,
    "uuencode": Uuencode,
    "x-uuencode": Uuencode,
    "uue": Uuencode,
    "x-uue": Uuencode,
}


def decoder_for(encoding: str, put: Callable[[bytes], None]) -> Decoder:
    """The decoder of a Content-Transfer-Encoding; octets as they are where it is not known."""
    return _DECODERS.get(encoding, Decoder)(put)
