"""What a message holds: its parts, decoded, with their digests; and what is asked for besides.

One pass over the message as it comes. What becomes of the decoded octets is the business of
whoever hands in `open_file`; nothing is kept here but a few hundred bytes of each part.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from smtpsniff.mail.decoding import Decoder, Uuencode, decoder_for
from smtpsniff.mail.filler import MAX_FILL, filler
from smtpsniff.mail.mime import Scanner
from smtpsniff.mail.parts import Part
from smtpsniff.mail.sniff import HEAD, sniff
from smtpsniff.mail.urls import UrlFinder
from smtpsniff.text import decode

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Content", "Contents", "Digest", "File"]

# Files that stand uuencoded in a text, of one message.
MAX_UUENCODED = 100
_UU_BEGIN = re.compile(rb"(?:^|\n)begin [0-7]{3,4} ([^\r\n]{1,255})\r?\n")
_UU_END = re.compile(rb"(?:^|\n)end[ \t]*\r?\n")
# The longest line that _UU_BEGIN can match.
_UU_LINE = 300


class File(Protocol):
    """Where decoded octets go, besides being counted."""

    def write(self, data: bytes, /) -> object:
        """The next octets."""

    def close(self) -> None:
        """There are no more."""


class Digest(Protocol):
    """What hashlib makes, or does as it does."""

    def update(self, data: bytes, /) -> None:
        """The next octets."""

    def hexdigest(self) -> str:
        """The digest of all of them."""


@dataclass(slots=True, eq=False)
class Content:
    """A part and what came of it. `digests` are of the decoded octets that there were."""

    part: Part
    size: int = 0
    missing: int = 0  # decoded octets, about, that were never captured
    cut: bool = False  # the message was over before it
    head: bytes = b""
    digests: dict[str, Digest] = field(default_factory=dict)
    defects: set[str] = field(default_factory=set)
    file: File | None = None

    @property
    def complete(self) -> bool:
        """Whether every octet was captured."""
        return not self.missing and not self.cut

    @property
    def sniffed(self) -> str | None:
        """What its first octets say it is."""
        return sniff(self.head)

    def write(self, data: bytes) -> None:
        """Decoded octets."""
        self.size += len(data)
        if len(self.head) < HEAD:
            self.head += data[: HEAD - len(self.head)]
        for digest in self.digests.values():
            digest.update(data)
        if self.file is not None:
            self.file.write(data)


class Contents:
    """The parts of one message, in order: feed it, then look at `found`.

    `algorithms` are names of digests, which `new_digest` makes (by default hashlib). `open_file`
    may give each attachment a file. `everything` digests the texts that are no attachments, too.
    `urls` looks for URLs in texts.
    """

    def __init__(
        self,
        algorithms: tuple[str, ...] = ("md5", "sha1", "sha256"),
        open_file: Callable[[Content], File | None] | None = None,
        new_digest: Callable[[str], Digest] | None = None,
        *,
        everything: bool = False,
        urls: bool = False,
    ) -> None:
        self.found: list[Content] = []
        self.urls = UrlFinder() if urls else None
        self._algorithms = algorithms
        self._open_file = open_file
        self._new_digest = new_digest or _digest
        self._everything = everything
        self._scanner = Scanner(self._begin)
        self.feed, self.gap = self._scanner.feed, self._scanner.gap
        self.room = MAX_FILL  # octets of filler that may still be written
        self.cutting = False  # what is closed now was not over

    @property
    def limits(self) -> set[str]:
        """Bounds that were hit."""
        return self._scanner.limits

    @property
    def attachments(self) -> list[Content]:
        """What a mail program would offer as files."""
        return [content for content in self.found if content.part.is_attachment]

    def close(self, *, whole: bool = True, sure: bool = True) -> None:
        """The message is over. Where it is not `whole`, parts that were open are cut; where gaps
        were passed that nobody is `sure` of, none is known to be complete."""
        self.cutting = not whole
        self._scanner.close()
        if not sure:
            for content in self.found:
                content.cut = True

    def _begin(self, part: Part) -> _Reader | None:
        plain = part.content_type == "text/plain" and part.encoding in ("", "7bit", "8bit")
        wanted = part.is_attachment or self._everything
        if self.urls is not None:
            wanted = wanted or part.content_type.startswith("text/")
        if not wanted and not plain:
            return None  # nobody asks for what it decodes to
        return _Text(self.add(part), self) if plain else _Reader(self.add(part), self)

    def add(self, part: Part) -> Content:
        """A part begins."""
        content = Content(part)
        self.found.append(content)
        if part.is_attachment or self._everything:
            content.digests = {name: self._new_digest(name) for name in self._algorithms}
        if part.is_attachment and self._open_file is not None:
            content.file = self._open_file(content)
        return content

    def uuencoded(self, around: Part, name: bytes) -> Content | None:
        """A file stands uuencoded in a text."""
        number = sum(".uu" in content.part.path for content in self.found) + 1
        if number > MAX_UUENCODED:
            self.limits.add(f"uuencoded files in a message: {MAX_UUENCODED}")
            return None
        path = f"{around.path or '1'}.uu{number}"
        return self.add(
            Part(path, "application/octet-stream", encoding="uuencode", filename=decode(name))
        )


def _digest(name: str) -> Digest:
    # MD5 and SHA-1 name files to other tools; they guard nothing here.
    return hashlib.new(name, usedforsecurity=False)


class _Reader:
    """Decodes one part."""

    def __init__(self, content: Content, contents: Contents) -> None:
        self._content = content
        self._contents = contents
        urls = contents.urls
        put: Callable[[bytes], None] = content.write
        if urls is not None and content.part.content_type.startswith("text/"):

            def put(data: bytes) -> None:
                content.write(data)
                urls.feed(data)

        self._urls = urls
        self._decoder: Decoder = decoder_for(content.part.encoding, put)

    def feed(self, data: bytes, start: int, end: int) -> None:
        """Octets as they were sent."""
        self._decoder.feed(data, start, end)

    def gap(self, length: int) -> None:
        """Octets that were never captured; what follows them may be misread."""
        missing = self._decoder.gap(length)
        self._content.missing += max(missing, 1)
        if self._content.file is not None:
            fill = min(missing, self._contents.room)
            self._contents.room -= fill
            for block in filler(fill):
                self._content.write(block)

    def close(self) -> None:
        """The part is over."""
        self._decoder.close()
        self._content.defects |= self._decoder.defects
        self._content.cut = self._contents.cutting
        if self._content.file is not None:
            self._content.file.close()
        if self._urls is not None:
            self._urls.end()


class _Text(_Reader):
    """Text as it is, in which uuencoded files may stand, as they did before MIME."""

    def __init__(self, content: Content, contents: Contents) -> None:
        super().__init__(content, contents)
        self._tail = b"\n"  # behind which a line begins
        self._uu: Uuencode | None = None
        self._inner: Content | None = None

    def feed(self, data: bytes, start: int, end: int) -> None:
        super().feed(data, start, end)
        if self._uu is None:
            seam = self._tail + data[start : min(start + _UU_LINE, end)]
            if data.find(b"begin ", start, end) < 0 and b"begin " not in seam:
                self._tail = (seam if end - start < _UU_LINE else data[start:end])[-_UU_LINE:]
                return
        self._search(self._tail + data[start:end])

    def _search(self, block: bytes) -> None:
        pos = 0
        while True:
            if self._uu is None:
                match = _UU_BEGIN.search(block, pos)
                if match is None:
                    self._tail = block[max(pos, len(block) - _UU_LINE) :]
                    return
                self._inner = self._contents.uuencoded(self._content.part, match[1])
                if self._inner is None:
                    self._tail = b""
                    return
                self._uu = Uuencode(self._inner.write, begun=True)
                pos = match.end() - 1
            match = _UU_END.search(block, pos)
            if match is not None:
                stop = match.start() + (block[match.start()] == 10)
            else:
                stop = block.rfind(b"\n", pos) + 1
            if match is None and len(block) - stop > _UU_LINE:
                stop = len(block)
            self._uu.feed(block, pos, max(stop, pos))
            if match is None:
                self._tail = block[max(stop, pos) :]
                return
            self._end(ended=True)
            pos = match.end() - 1

    def _end(self, *, ended: bool = False) -> None:
        uu, inner = self._uu, self._inner
        self._uu = self._inner = None
        if uu is not None and inner is not None:
            uu.close()
            inner.cut = self._contents.cutting
            if inner.file is not None:
                inner.file.close()
            inner.defects |= uu.defects if ended else uu.defects | {"no end"}

    def gap(self, length: int) -> None:
        super().gap(length)
        if self._inner is not None:
            self._inner.missing += length
        self._tail = b""

    def close(self) -> None:
        super().close()
        if self._uu is not None:
            self._uu.feed(self._tail, 0, len(self._tail))
            self._uu.close()
            self._end(ended=self._uu.ended)
