"""A message on its way: where it ends, how long it is, its digest; never kept whole.

RFC 5321 §4.1.1.4 and §4.5.2: the message ends with CRLF.CRLF, and a dot at the start of a
line was doubled by the sender. Variants of that end are evidence, not ends (`variants`).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from smtpsniff.smtp.extensions import LONGEST_LINE
from smtpsniff.smtp.octets import Look, long_lines, look, unstuff

if TYPE_CHECKING:
    from smtpsniff.smtp.reader import Reader

__all__ = ["Body", "Sink", "Variant"]

END = b"\r\n.\r\n"
# Header bytes kept for decoding. Postfix' header_size_limit is 102,400, Exim's
# header_maxsize 1 MiB; a longer header is cut and marked.
MAX_HEADER = 1 << 20
# Variants of the end remembered for one body; a mail full of them needs no more to be judged.
MAX_VARIANTS = 16
# Bytes behind a variant in which a command makes it suspicious (smuggling).
SUSPECT_WITHIN = 512
# Fewer bytes than this behind a variant may be a verb whose rest was not taken yet.
LONGEST_VERB = 8

# a . b with a, b of CRLF, LF, CR but not CRLF . CRLF; CRLF . CR CR LF; NUL next to the dot.
_VARIANT = re.compile(
    rb"(?:\r\n|\n|\r)\x00?\.\x00?(?:\r+\n|\n|\r)",
)
_COMMAND = re.compile(
    rb"(?:^|[\r\n])(?:EHLO|HELO|MAIL FROM:|RCPT TO:|RSET|DATA|QUIT|XCLIENT|BDAT)", re.IGNORECASE
)
_VERB = re.compile(
    rb"[ \t]*(?:EHLO|HELO|MAIL|RCPT|RSET|DATA|QUIT|NOOP|XCLIENT|BDAT)\b", re.IGNORECASE
)
# What smuggles begins with MAIL FROM, EHLO or a reset of the old transaction.
_OPENS = re.compile(rb"[ \t]*(?:EHLO|HELO|MAIL FROM:|RSET|XCLIENT)", re.IGNORECASE)


def _whole_lines(data: bytes, pos: int, limit: int) -> int:
    """Where to stop before `limit`, so that no CRLF, stuffed dot or end is cut in two."""
    upto = max(limit - 4, pos)
    lowest = max(upto - 64, pos)  # a line of dots only need not be searched to its beginning
    while upto > lowest and data[upto - 1] in b"\r\n.":
        upto -= 1
    return upto


class Sink(Protocol):
    """Who keeps a message: is handed its octets while they are read, in order, dot-unstuffed.

    The body itself keeps none, so a message of any size costs no memory here.
    """

    def take(self, data: bytes, start: int, end: int) -> None:
        """``data[start:end]`` comes next."""

    def gap(self, length: int) -> None:
        """`length` octets were never captured; 0 stands for a number that is not known."""

    def cut(self, size: int) -> None:
        """The message ended after `size` octets, gaps included: what was handed over since is
        no part of it."""


@dataclass(slots=True)
class Variant:
    """Something that is not CRLF.CRLF but that some servers take for it."""

    at: int  # stream offset of its first byte
    end: int  # stream offset behind it: where commands would begin
    bytes: bytes
    suspicious: bool  # commands follow
    size: int = 0  # of the message, if it ended here
    digest: Any = None  # hash state of the message, if it ended here; None: it cannot have


@dataclass(slots=True, eq=False)
class Body:
    """One message: DATA content or joined BDAT chunks."""

    framing: Literal["data", "bdat"]
    start: int
    first_frame: int = 0
    first_time: int = 0
    frame: int = 0
    time: int = 0
    ack: int = -1
    size: int = 0
    end: int = 0  # stream offset behind the content (and its final dot, for DATA)
    complete: bool = False
    missing: int = 0
    bare_lf: int = 0
    bare_cr: int = 0
    double_cr: int = 0  # of these, how many stand before a CRLF
    nul: int = 0
    eight_bit: bool = False
    long_lines: int = 0
    longest: int = 0
    long_at: int = 0  # octets of the message before the first of them
    line: int = 0  # octets so far of the line under way
    unstuffed: bool = False  # a line began with a single dot: stuffing was forgotten
    variants: list[Variant] = field(default_factory=list)
    accepted_variant: Variant | None = None  # the server took it for the end
    head: bytes = b""  # the header, dot-unstuffed, up to the empty line
    head_complete: bool = False
    head_cut: bool = False
    notable: tuple[str, ...] = ()  # what the header lacks or has too much of, as topics
    digest: Any = field(default_factory=hashlib.sha256)
    entry: Any = None
    sink: Sink | None = None  # who wants to keep the message; nobody, as a rule
    _last: int = 10  # the byte before the next chunk (BDAT may part a CR from its LF)

    @property
    def sha256(self) -> str | None:
        """Hex digest of the whole message; None where bytes are missing."""
        return None if self.missing else self.digest.hexdigest()

    # -- DATA --------------------------------------------------------------------------

    def read_data(self, reader: Reader) -> bool:
        """Consume DATA content up to the cursor's limit; True when the end was found.

        The cursor then stands behind CRLF.CRLF. Else up to four bytes are held back, which
        may be the beginning of the end.
        """
        data, base = reader.stream.data, reader.stream.base
        pos, limit = reader.pos - base, reader.limit - base
        if reader.pos == self.start and data.startswith(b".\r\n", pos):
            self.complete = True  # the CRLF of the DATA line counts as the one before the dot
            reader.pos += 3
            self.end = reader.pos
            return True
        # Encoded attachments hold no dot at all, and memchr is ten times as fast.
        dot = data.find(b".", pos, limit)
        found = data.find(END, max(dot - 2, pos), limit) if dot >= 0 else -1
        if found >= 0:
            self._take(data, pos, found + 2, base)
            self.complete = True
            reader.pos = base + found + 5
            self.end = reader.pos
            return True
        upto = limit if reader.at_gap else _whole_lines(data, pos, limit)
        if upto > pos:
            self._take(data, pos, upto, base)
            reader.pos = base + upto
        return False

    def drop_tail(self, reader: Reader) -> None:
        """The stream is over without an end: take what was held back."""
        data, base = reader.stream.data, reader.stream.base
        pos, limit = reader.pos - base, reader.limit - base
        if limit > pos:
            self._take(data, pos, limit, base)
            reader.pos = base + limit
        self.end = reader.pos

    def _take(self, data: bytes, start: int, end: int, base: int) -> None:
        """Account for ``data[start:end]`` and let it go; `data` begins at stream offset `base`."""
        seen = self._look(data, start, end)
        if not seen.clean and len(self.variants) < MAX_VARIANTS:
            self._variants(data[start:end], base + start)
        if base + start == self.start and data[start : start + 1] == b".":
            self.unstuffed |= data[start + 1 : start + 2] != b"."
            start += 1
        if not seen.dots:
            self._digest(data, start, end)
            return
        chunk, forgotten = unstuff(data, start, end, seen.dots)
        self.unstuffed |= forgotten
        self._digest(chunk, 0, len(chunk))

    def _digest(self, data: bytes, start: int, end: int) -> None:
        self.digest.update(memoryview(data)[start:end])
        self.size += end - start
        if not self.head_complete:
            self._head(data, start, end)
        if self.sink is not None:
            self.sink.take(data, start, end)

    # -- BDAT --------------------------------------------------------------------------

    def take_chunk(self, chunk: bytes) -> None:
        """Account for BDAT payload (RFC 3030 §2): raw octets, no stuffing."""
        if not chunk:
            return
        self._look(chunk, 0, len(chunk))
        self._last = chunk[-1]
        self._digest(chunk, 0, len(chunk))

    def skip(self, length: int) -> None:
        """`length` bytes of the message were never captured."""
        self.missing += length
        self.size += length
        self.head_complete = True
        self.line = 0
        self._last = 0
        if self.sink is not None:
            self.sink.gap(length)

    # -- what is remarkable ------------------------------------------------------------

    def _look(self, data: bytes, start: int, end: int) -> Look:
        """Note bare line ends, long lines, NULs and 8-bit bytes."""
        seen = look(data, start, end)
        self.eight_bit |= seen.eight_bit
        if seen.nul:
            self.nul += data.count(0, start, end)
        self._measure(data, start, end, sparse=seen.sparse)
        if not seen.clean:
            chunk = data[start:end]
            pairs = chunk.count(b"\r\n")
            # A chunk of BDAT may part a CR from its LF: it was taken for a bare one.
            lead = 1 if self._last == 13 and chunk[:1] == b"\n" else 0
            self.bare_lf += chunk.count(b"\n") - pairs - lead
            bare_cr = chunk.count(b"\r") - pairs
            self.bare_cr += bare_cr - lead
            if bare_cr:
                self.double_cr += chunk.count(b"\r\r\n")
        return seen

    def _measure(self, data: bytes, start: int, end: int, *, sparse: bool) -> None:
        """Note lines that are too long, and how far the last one has come."""
        stuffed = self.framing == "data"
        first = data.find(b"\n", start, end)
        if first < 0:
            if not self.line and stuffed and end > start and data[start] == 46:
                start += 1
            self.line += end - start
            return
        if sparse or self.line + first - start > LONGEST_LINE:
            found = long_lines(data, start, end, self.line, stuffed=stuffed)
            if found.lines:
                if not self.long_lines:
                    self.long_at = self.size + found.at - start
                self.long_lines += found.lines
                self.longest = max(self.longest, found.longest)
        begin = data.rfind(b"\n", first, end) + 1
        dot = stuffed and begin < end and data[begin] == 46
        self.line = end - begin - dot

    def _variants(self, chunk: bytes, at: int) -> None:
        """Remember places that some servers would take for the end of the message."""
        for match in _VARIANT.finditer(chunk):
            found = match.group()
            if found == END or len(self.variants) >= MAX_VARIANTS:
                continue
            end = match.end()
            follows = chunk[end : end + SUSPECT_WITHIN]
            suspicious = bool(_OPENS.match(follows) and _COMMAND.search(follows))
            variant = Variant(at + match.start(), at + end, found, suspicious)
            if suspicious or len(follows) < LONGEST_VERB or _VERB.match(follows):
                line_end = 2 if found.startswith(b"\r\n") else 1
                plain = chunk[: match.start() + line_end].replace(b"\r\n.", b"\r\n")
                state = self.digest.copy()
                state.update(plain)
                variant.digest, variant.size = state, self.size + len(plain)
            self.variants.append(variant)

    def end_at(self, variant: Variant) -> None:
        """The server took `variant` for the end: so it was (A.3 rule 2)."""
        self.digest, self.size = variant.digest, variant.size
        self.end = variant.end
        self.complete = True
        self.variants = [v for v in self.variants if v.at <= variant.at]
        if self.sink is not None:
            self.sink.cut(self.size)

    def give_back(self, length: int) -> None:
        """The last `length` octets are no part of the message after all."""
        self.size -= length
        if self.sink is not None:
            self.sink.cut(self.size)

    def _head(self, data: bytes, start: int, end: int) -> None:
        """Keep the header until the empty line that ends it (RFC 5322 §2.1)."""
        seen = len(self.head)
        if seen == 0:
            if data[start : start + 2] == b"\r\n":
                self.head_complete = True
                return
            stop = min(end, start + MAX_HEADER + 4)
            found = data.find(b"\r\n\r\n", start, stop)
            if found >= 0 and data.find(b"\n\n", start, found) < 0:
                self.head, self.head_complete = data[start : found + 2], True
                return
        self.head += data[start : min(end, start + MAX_HEADER - seen + 4)]
        search = max(seen - 3, 0)
        places = (self.head.find(b"\r\n\r\n", search), self.head.find(b"\n\n", search))
        ends = [place for place in places if place >= 0]
        if ends:
            cut = min(ends)
            self.head = self.head[: cut + (2 if self.head[cut] == 13 else 1)]
            self.head_complete = True
        elif len(self.head) > MAX_HEADER:
            self.head_cut = self.head_complete = True
