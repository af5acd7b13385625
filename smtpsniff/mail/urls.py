"""URLs in texts, as they stand there: nothing is asked of anybody."""

from __future__ import annotations

import re

from smtpsniff.text import decode

__all__ = ["UrlFinder"]

# URLs of one message, and octets of one: enough for a newsletter, bounded for a bomb.
MAX_URLS = 1000
MAX_URL = 2048
# What may continue in the next block.
_TAIL = 256

_URL = re.compile(
    rb"(?:(?:https?|ftp)://|\bwww\.)[^\s<>\"'`{}|\\^\x00-\x20\x7f]{3,2048}", re.IGNORECASE
)
_ENTITY = re.compile(rb"&amp;")


class UrlFinder:
    """Feed it decoded text; `found` has each URL once, in order of first appearance."""

    def __init__(self) -> None:
        self.found: dict[str, None] = {}
        self.limited = False
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """The next octets of a text."""
        block = self._rest + data
        # A URL at the end may go on: keep its beginning, if it is not too long to be one.
        stop = len(block)
        blank = max(block.rfind(sep, max(stop - MAX_URL, 0)) for sep in (b"\n", b" ", b">", b'"'))
        stop = blank + 1 if blank >= 0 else max(stop - _TAIL, 0)
        self._find(block[:stop])
        self._rest = block[stop:]

    def end(self) -> None:
        """A text is over."""
        rest, self._rest = self._rest, b""
        self._find(rest)

    def _find(self, block: bytes) -> None:
        for match in _URL.finditer(block):
            if len(self.found) >= MAX_URLS:
                self.limited = True
                return
            # Punctuation behind it belongs to the sentence.
            url = _ENTITY.sub(b"&", match[0][:MAX_URL].rstrip(b".,;:!?)]*_"))
            self.found[decode(url)] = None
