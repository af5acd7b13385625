"""Where a message's parts begin and end (RFC 2046), octet by octet as they come.

Theory of operation
    A stack of entities: the message, the multiparts and messages around the octets that come
    now, and the innermost part. Only lines that begin with two hyphens can end anything, so
    these are searched for and all else is handed on in blocks, untouched. A boundary of an outer
    multipart ends everything inside it. The line end before a boundary belongs to the boundary.

    The standard library's parser calls itself for every level and holds the message several
    times; this one neither recurses nor keeps more than a header or a boundary line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from smtpsniff.mail.parts import read_part

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtpsniff.mail.parts import Part

__all__ = ["PartSink", "Scanner"]

# Entities inside each other. Real mail has five; Postfix' mime_nesting_limit is 100.
MAX_DEPTH = 100
# Messages inside messages that are taken apart: each of their octets is handed on once for
# every level of them.
MAX_MESSAGES = 8
# Parts of one message. Digests of mailing lists have hundreds.
MAX_PARTS = 10_000
# Octets of one header, as of a message's (smtp/body.py).
MAX_HEADER = 1 << 20
# A boundary line: "--", at most 256 octets, "--", blanks.
MAX_DELIMITER = 512

_MESSAGES = ("message/rfc822", "message/global")
_AS_IS = ("", "7bit", "8bit", "binary")
_HEADER_END = re.compile(rb"\n\r?\n")
_EMPTY_HEADER = re.compile(rb"\r?\n")


class PartSink(Protocol):
    """Takes the octets of one part, as they were sent."""

    def feed(self, data: bytes, start: int, end: int) -> None:
        """``data[start:end]`` comes next."""

    def gap(self, length: int) -> None:
        """`length` octets were never captured."""

    def close(self) -> None:
        """The part is over."""


@dataclass(slots=True, eq=False)
class _Entity:
    part: Part
    sink: PartSink | None
    boundary: bytes = b""  # while it is waited for
    messages: int = 0  # how many messages it is in


class _Delimiter:
    """A boundary line: `begin` is that of the line end before it, `end` behind its own."""

    __slots__ = ("begin", "closing", "end", "level")

    def __init__(self, begin: int, end: int, level: int, closing: bool) -> None:
        self.begin, self.end, self.level, self.closing = begin, end, level, closing


class Scanner:
    """Takes a message (`feed`, `gap`, `close`) and finds its parts.

    `begin` is told of each part that is no multipart, and may give a sink for its octets. A
    message in the message is a part, and its own parts come too. `limits` has the bounds that
    were hit.
    """

    def __init__(self, begin: Callable[[Part], PartSink | None]) -> None:
        self._begin = begin
        self._stack: list[_Entity] = []
        self._levels: dict[bytes, int] = {}
        self._needle = b""
        self._rest = b""  # the beginning of a header, or of what may be a boundary line
        self._in_header = True
        self._line_start = True  # a boundary may stand right here
        self._leaf: PartSink | None = None
        self._raw: list[PartSink] = []  # of messages in the message, which are open
        self._next = ("", "text/plain")  # path and default type of the entity that begins
        self._parts = 0
        self._over = False
        self.limits: set[str] = set()

    # -- what comes --------------------------------------------------------------------

    def feed(self, data: bytes, start: int, end: int) -> None:
        """``data[start:end]`` comes next."""
        if self._over:
            return
        if self._rest:
            data = self._rest + data[start:end]
            start, end = 0, len(data)
        stop = self._scan(data, start, end, final=False)
        self._rest = data[stop:end]

    def gap(self, length: int) -> None:
        """`length` octets were never captured."""
        if self._over:
            return
        self._drain()
        for sink in (*self._raw, self._leaf):
            if sink is not None:
                sink.gap(length)
        self._line_start = False

    def close(self) -> None:
        """The message is over."""
        if not self._over:
            self._drain()
            self._close_down_to(0)
            self._over = True

    def _drain(self) -> None:
        """Nothing goes on where we stand: what was held back is what it seems."""
        rest, self._rest = self._rest, b""
        self._scan(rest, 0, len(rest), final=True)
        while self._in_header and not self._over:
            self._enter(b"")

    # -- scanning ----------------------------------------------------------------------

    def _scan(self, data: bytes, pos: int, end: int, *, final: bool) -> int:
        """Go through what there is; returns the offset of what must wait for more."""
        while pos < end and not self._over:
            if self._in_header:
                after = self._header(data, pos, end, final=final)
                if after < 0:
                    return pos
                pos = after
                continue
            found, hold = self._delimiter(data, pos, end, final=final)
            self._hand_on(data, pos, found.begin if found else hold)
            if found is None:
                self._line_start = False if hold > pos else self._line_start
                return hold
            self._at_delimiter(data, found)
            pos = found.end
        return end

    def _header(self, data: bytes, pos: int, end: int, *, final: bool) -> int:
        """Read a header and enter its part; returns the offset behind it, -1 to wait for more."""
        limit = min(end, pos + MAX_HEADER)
        empty = _EMPTY_HEADER.match(data, pos, limit)
        match = empty or _HEADER_END.search(data, pos, limit)
        stop = match.end() if match else limit
        if empty is None:
            # A part may have no empty line, or nothing at all, before the next boundary.
            found, _ = self._delimiter(data, pos, stop, final=final or match is not None)
            if found is not None:
                self._hand_on(data, pos, found.begin)  # to the messages around
                self._enter(data[pos : found.begin])
                if not self._over:
                    self._at_delimiter(data, found)
                return found.end
            if match is None and end - pos >= MAX_HEADER:
                self.limits.add(f"octets of a part's header: {MAX_HEADER}")
            elif match is None and not final:
                return -1
        self._hand_on(data, pos, stop)
        self._enter(data[pos:stop])
        return stop

    def _delimiter(
        self, data: bytes, pos: int, end: int, *, final: bool
    ) -> tuple[_Delimiter | None, int]:
        """The next boundary line; where there is none, what lies before the second value can
        belong to none."""
        needle = self._needle
        if not needle:
            return None, end
        line = pos if self._line_start and data.startswith(b"--", pos, end) else -1
        if self._line_start and line < 0 and not final and end - pos < 2 and data[pos:end] == b"-":
            return None, pos
        while True:
            if line < 0:
                feed = data.find(needle, pos, end)
                if feed < 0:
                    break
                line = feed + 1
            stop = data.find(b"\n", line, min(end, line + MAX_DELIMITER))
            if stop < 0 and end - line < MAX_DELIMITER and not final:
                return None, self._line_end_before(data, pos, line)
            if stop >= 0 or end - line < MAX_DELIMITER:
                after = stop + 1 if stop >= 0 else end
                word = data[line + 2 : after].rstrip()
                level, closing = self._levels.get(word, -1), False
                if level < 0 and word.endswith(b"--"):
                    level, closing = self._levels.get(word[:-2], -1), True
                if level >= 0:
                    begin = self._line_end_before(data, pos, line)
                    return _Delimiter(begin, after, level, closing), begin
            pos = line + 1
            line = -1
        return None, end if final else self._may_begin(data, pos, end)

    @staticmethod
    def _line_end_before(data: bytes, pos: int, line: int) -> int:
        begin = line
        if begin > pos and data[begin - 1] == 10:
            begin -= 1
            if begin > pos and data[begin - 1] == 13:
                begin -= 1
        return begin

    def _may_begin(self, data: bytes, pos: int, end: int) -> int:
        """Where, at the end of what there is, a boundary line may have begun."""
        feed = data.rfind(b"\n", max(pos, end - len(self._needle)), end)
        if feed >= 0 and self._needle.startswith(data[feed:end]):
            return feed - 1 if feed > pos and data[feed - 1] == 13 else feed
        return end - 1 if data.endswith(b"\r", pos, end) else end

    def _hand_on(self, data: bytes, start: int, end: int) -> None:
        if end <= start:
            return
        for sink in self._raw:
            sink.feed(data, start, end)
        if self._leaf is not None:
            self._leaf.feed(data, start, end)

    # -- entities ----------------------------------------------------------------------

    def _at_delimiter(self, data: bytes, found: _Delimiter) -> None:
        """One part is over; another may begin."""
        self._close_down_to(found.level + 1)
        self._hand_on(data, found.begin, found.end)  # to the messages around
        entity = self._stack[found.level]
        self._line_start = True
        if found.closing:
            entity.boundary = b""
            self._find_levels()
            self._in_header = False
            return
        part = entity.part
        part.children += 1
        digest = part.content_type == "multipart/digest"
        path = f"{part.path}.{part.children}" if part.path else str(part.children)
        self._next = (path, "message/rfc822" if digest else "text/plain")
        self._in_header = True

    def _enter(self, head: bytes) -> None:
        """A header was read: the entity begins."""
        path, default = self._next
        part = read_part(path, head, default)
        above = self._stack[-1].messages if self._stack else 0
        entity = _Entity(part, None, messages=above)
        self._parts += 1
        if self._parts > MAX_PARTS:
            self.limits.add(f"parts of a message: {MAX_PARTS}")
            for sink in self._raw:
                sink.gap(0)  # messages around it go on, but unseen
            self._close_down_to(0)
            self._over = True
            return
        self._line_start = True
        kind = part.content_type
        deep = len(self._stack) >= MAX_DEPTH
        if kind.startswith("multipart/") and part.boundary and not deep:
            entity.boundary = part.boundary
            self._stack.append(entity)
            self._find_levels()
            self._in_header = False
            return
        entity.sink = self._begin(part)
        self._stack.append(entity)
        is_message = kind in _MESSAGES and part.encoding in _AS_IS
        if is_message and above < MAX_MESSAGES and not deep:
            entity.messages = above + 1
            if entity.sink is not None:
                self._raw.append(entity.sink)
            self._next = (f"{path}.1" if path else "1", "text/plain")
            self._in_header = True
            return
        if deep or is_message:
            self.limits.add("depth of a message's parts")
        self._leaf = entity.sink
        self._in_header = False

    def _close_down_to(self, level: int) -> None:
        """End the entities inside that of `level`, the innermost first."""
        while len(self._stack) > level:
            entity = self._stack.pop()
            if entity.sink is not None:
                entity.sink.close()
                if entity.sink is not self._leaf:
                    self._raw.remove(entity.sink)
        self._leaf = None
        self._find_levels()

    def _find_levels(self) -> None:
        """The boundaries that are waited for; where two are the same, the inner one counts."""
        self._levels = {e.boundary: i for i, e in enumerate(self._stack) if e.boundary}
        words = list(self._levels)
        # One boundary is found three times as fast as any two hyphens.
        self._needle = b"" if not words else b"\n--" + (words[0] if len(words) == 1 else b"")
