"""Replies out of the server's stream (RFC 5321 §4.2).

Strict grammar: ``Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ]
CRLF``. Read leniently, as clients do: a line ends at LF, any three digits make a code, the code
of the last line counts, and a line that is none is kept beside the reply it came with.
"""

from __future__ import annotations

import re

from smtpsniff.smtp.enhanced import parse_enhanced
from smtpsniff.smtp.model import Reply
from smtpsniff.smtp.reader import Reader
from smtpsniff.text import decode

__all__ = ["read_reply"]

# A whole reply at once: the common case by far.
_REPLY = re.compile(rb"(?:[0-9]{3}-[^\n]*\n)*[0-9]{3}(?:[ \t][^\n]*|\r*)\n")
_LINE = re.compile(rb"[0-9]{3}(?:[ \t-]|\r*\n)")
# Bytes that may pile up without completing a reply. RFC 5321 §4.5.3.1.5 allows 512 for a line;
# no EHLO list or policy text comes near this.
MAX_REPLY = 1 << 18


def read_reply(reader: Reader, final: bool) -> Reply | None:
    """The next reply, or None where none is complete.

    With `final` nothing more will come before the cursor's limit: what there is is returned,
    marked unterminated.
    """
    stream = reader.stream
    base = stream.base
    start = reader.pos - base
    limit = reader.limit - base
    data = stream.data
    match = _REPLY.match(data, start, limit)
    if match is not None:
        raw = match.group()
        return _make(reader, raw, base + match.end(), (), True)
    return _read_slowly(reader, data, start, limit, final or limit - start > MAX_REPLY)


def _read_slowly(
    reader: Reader, data: bytes, start: int, limit: int, final: bool
) -> Reply | None:
    """Line by line: lines that are no reply lines, replies that never end."""
    garbage: list[bytes] = []
    kept: list[bytes] = []
    pos = start
    while pos < limit:
        end = data.find(b"\n", pos, limit) + 1
        if not end:
            break
        line = data[pos:end]
        pos = end
        if not _LINE.match(line):
            garbage.append(line)
            continue
        kept.append(line)
        if line[3:4] != b"-":
            return _make(reader, b"".join(kept), reader.stream.base + pos, tuple(garbage), True)
    if not final:
        return None
    if pos < limit:
        rest = data[pos:limit]
        (kept if _LINE.match(rest + b"\n") and rest[:1].isdigit() else garbage).append(rest)
        pos = limit
    if not kept and not garbage:
        return None
    return _make(reader, b"".join(kept), reader.stream.base + pos, tuple(garbage), False)


def _make(
    reader: Reader, raw: bytes, end: int, garbage: tuple[bytes, ...], terminated: bool
) -> Reply:
    """Build the reply that ends at stream offset `end`, and move the cursor behind it."""
    stream = reader.stream
    reply = Reply()
    reply.raw, reply.garbage, reply.terminated = raw, garbage, terminated
    reply.start, reply.end = reader.pos, end
    first = reader.piece(reader.pos)
    reply.first_frame, reply.first_time = stream.frames[first], stream.times[first]
    reply.ack = stream.acks[first]
    last = reader.piece(end - 1)
    reply.frame, reply.time = stream.frames[last], stream.times[last]
    reader.pos = end
    reply.answers = None
    reply.during_body = reply.in_tls = False
    _parse(reply, raw)
    return reply


def _parse(reply: Reply, raw: bytes) -> None:
    """Codes and text of the lines."""
    reply.codes = ()
    if raw.find(b"\n") in (len(raw) - 1, -1):
        text = decode(raw[4:].rstrip(b"\r\n"))
        reply.lines = [text]
        reply.text = text
        reply.code = int(raw[:3]) if raw else 0
    else:
        lines = raw.split(b"\n")
        if not lines[-1]:
            lines.pop()
        codes = {line[:3] for line in lines}
        if len(codes) > 1:
            reply.codes = tuple(int(line[:3]) for line in lines)
        reply.lines = [decode(line[4:].rstrip(b"\r")) for line in lines]
        reply.text = "\n".join(reply.lines)
        reply.code = int(lines[-1][:3])
    reply.enhanced = parse_enhanced(reply.lines[0]) if reply.lines and reply.code >= 200 else None
