"""What stands where octets were never captured: visible, and no base64 that would decode."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MAX_FILL", "filler"]

# Octets of filler in one message: a few hostile packets can claim gaps of many gigabytes.
MAX_FILL = 64 << 20
WORDS = b"[octets never captured]"
_BLOCK = 1 << 16


def filler(length: int) -> Iterator[bytes]:
    """`length` octets of it, at most MAX_FILL, in blocks."""
    length = min(length, MAX_FILL)
    while length > 0:
        size = min(length, _BLOCK)
        yield (WORDS * (size // len(WORDS) + 1))[:size]
        length -= size
