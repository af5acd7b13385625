"""All messages as one mbox, for mail programs.

The format is mboxrd: lines end with LF, and a line that begins with "From ", or with ">"s and
"From ", gets one ">" more. So it is not byte for byte what was sent; the .eml files are.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["append", "separator"]

# A longer line is not waited for; RFC 5321 §4.5.3.1.6 allows 1000 octets.
MAX_LINE = 1 << 20

_FROM = re.compile(rb"^(>*From )", re.MULTILINE)
_ADDRESS = re.compile(r"[!-~]{1,256}")


def separator(sender: str | None, nanoseconds: int) -> bytes:
    """The line before a message: its envelope's sender, and when it was captured (UTC)."""
    address = sender if sender and _ADDRESS.fullmatch(sender) else "MAILER-DAEMON"
    try:
        when = time.asctime(time.gmtime(nanoseconds // 1_000_000_000))
    except (OverflowError, ValueError, OSError):  # a time that no calendar has
        when = time.asctime(time.gmtime(0))
    return f"From {address} {when}\n".encode()


def append(mbox: BinaryIO, sender: str | None, nanoseconds: int, blocks: Iterable[bytes]) -> None:
    """Add one message, whose octets come in blocks."""
    mbox.write(separator(sender, nanoseconds))
    rest = b""
    inside = False  # a line so long that its beginning was written already
    for block in blocks:
        text = rest + block
        if inside:
            stop = text.find(b"\n") + 1 or len(text)
            mbox.write(text[:stop])
            inside, text = not text.endswith(b"\n", 0, stop), text[stop:]
        # A CR may be parted from its LF, a ">" from the "From" behind it.
        stop = text.rfind(b"\n") + 1
        if len(text) - stop > MAX_LINE:
            stop, inside = len(text), True
        _write(mbox, text[:stop])
        rest = text[stop:]
    _write(mbox, rest)
    mbox.write(b"\n" if rest.endswith(b"\n") or not (rest or inside) else b"\n\n")


def _write(mbox: BinaryIO, lines: bytes) -> None:
    lines = lines.replace(b"\r\n", b"\n")
    mbox.write(_FROM.sub(rb">\1", lines) if b"From " in lines else lines)
