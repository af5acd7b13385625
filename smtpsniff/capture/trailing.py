"""Keys that stand behind all packets of a pcapng file: programs that know them last put them there.

Sessions end, and are told, before the end of a large file is read. Blocks of pcapng end with their
length, so that what follows the last packet can be read backwards, at the cost of these few blocks.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from smtpsniff.capture import pcapng_blocks as blocks
from smtpsniff.capture.notes import Notes
from smtpsniff.capture.reader import MAX_BLOCK

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["trailing_keys"]

SECRETS = 10
# Blocks looked at: statistics of a few interfaces, names, keys of some hundred sessions.
MAX_TRAILING = 1000


def trailing_keys(path: str) -> bytes:
    """The key log behind the last packet; nothing where there is none, or no such file any more."""
    notes = Notes()
    found = []
    try:
        with open(path, "rb") as file:
            end = file.seek(0, 2)
            for _ in range(MAX_TRAILING):
                order, size = _size(file, end)
                if size == 0:
                    break
                file.seek(end - size)
                (kind,) = struct.unpack(order + "I", file.read(4))
                if kind not in blocks.NOTES:
                    break
                if kind == SECRETS and size >= blocks.NOTES[kind]:
                    found.append((order, file.read(size - 8)[4:]))
                end -= size
    except (OSError, struct.error):
        return b""
    for order, body in reversed(found):
        secret, length = struct.unpack_from(order + "II", body)
        notes.secret(secret, body[8 : 8 + length])
    return notes.key_log


def _size(file: BinaryIO, end: int) -> tuple[str, int]:
    """Byte order and size of the block that ends here; 0 where none does."""
    if end < blocks.FRAME:
        return "<", 0
    file.seek(end - 4)
    raw = file.read(4)
    for order in "<>":
        (size,) = struct.unpack(order + "I", raw)
        if blocks.FRAME <= size <= min(MAX_BLOCK, end) and size % 4 == 0:
            file.seek(end - size + 4)
            if file.read(4) == raw:
                return order, size
    return "<", 0
