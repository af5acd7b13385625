"""Replies out of the server's stream (RFC 5321 §4.2).

Strict grammar: ``Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ]
CRLF``. Read leniently, as clients do: a line ends at LF, any three digits make a code, the code
of the last line counts, and a line that is none is kept beside the reply it came with.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from smtpsniff.smtp.enhanced import parse_enhanced
from smtpsniff.smtp.extensions import EHLO_LINE, EXTENSIONS, REPLY_LINE, parse_ehlo_keyword
from smtpsniff.smtp.model import Reply, Said
from smtpsniff.text import decode

if TYPE_CHECKING:
    from smtpsniff.smtp.reader import Reader

__all__ = ["read_reply", "said_of"]

# A whole reply at once: the common case by far.
_REPLY = re.compile(rb"(?:[0-9]{3}-[^\n]*\n)*[0-9]{3}(?:[ \t][^\n]*|\r*)\n")
_LINE = re.compile(rb"[0-9]{3}(?:[ \t-]|\r*\n)")
# Bytes that may pile up without completing a reply. RFC 5321 §4.5.3.1.5 allows 512 for a line;
# no EHLO list or policy text comes near this.
MAX_REPLY = 1 << 18
# Longer replies are not remembered: nothing that servers say often is as long, and 4,096 of them
# may be.
MAX_REMEMBERED = 1 << 11


def read_reply(reader: Reader, final: bool, *, cut: bool = False) -> Reply | None:
    """The next reply, or None where none is complete.

    With `final` nothing more will come: what there is before the stream's end is returned,
    marked unterminated. So it is with `cut`, where the snap length took the end of a line.
    """
    stream = reader.stream
    base = stream.base
    start = reader.pos - base
    limit = reader.limit - base
    data = stream.data
    match = _REPLY.match(data, start, limit)
    if match is not None:
        return _make(reader, match[0], base + match.end(), (), True)
    over = cut or (final and reader.at_gap is None) or limit - start > MAX_REPLY
    return _read_slowly(reader, data, start, limit, over)


def _read_slowly(reader: Reader, data: bytes, start: int, limit: int, final: bool) -> Reply | None:
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
    start = reader.pos
    first, last = reader.span(start, end)
    reader.pos = end
    said = said_of(raw)
    frames, times = stream.frames, stream.times
    return Reply(
        said, raw, start, end, frames[first], times[first], frames[last], times[last],
        stream.acks[first], said.code, terminated, garbage,
    )  # fmt: skip


def said_of(raw: bytes) -> Said:
    """Codes and texts of a reply's lines; busy servers say the same few things over and over."""
    return _remembered(raw) if len(raw) <= MAX_REMEMBERED else _said(raw)


@lru_cache(4096)
def _remembered(raw: bytes) -> Said:
    return _said(raw)


def _said(raw: bytes) -> Said:
    line, _, rest = raw.partition(b"\n")
    text = decode(line[4:].rstrip(b"\r"))
    code = int(line[:3]) if line else 0
    if not rest:
        enhanced = parse_enhanced(text) if text else None
        return Said(
            code, f"{code:03d}", text, enhanced, (text,), topics=_remarkable(raw, code, enhanced)
        )
    last, codes, texts, keywords, offers = _further(rest)
    lines = (text, *texts)
    differs = bool(codes) or code != last
    enhanced = parse_enhanced(text)
    return Said(
        last, f"{last:03d}", "\n".join(lines), enhanced, lines,
        (code, *(codes or (last,) * len(texts))) if differs else (), keywords,
        _remarkable(raw, last, enhanced) + (("mismatch",) if differs else ()) + offers,
    )  # fmt: skip


_ORDINARY = re.compile(rb"(?:[0-9]{3}[ -][ -~]{1,506}\r\n)+")
# Three numbers with dots at the text's start, but no enhanced code; addresses have four.
_ALMOST_ENHANCED = re.compile(rb"[0-9]{3}[ -]#?[0-9]{1,4}(?:\.[0-9]{1,4}){2}(?=[\s:;,]|-\D|\Z)")
_ODD_BYTE = re.compile(rb"[^\t\r\n -~]")
_MASKED = re.compile(rb"250[ -]X{4,}[A-Z]?\r", re.IGNORECASE)


def _remarkable(raw: bytes, code: int, enhanced: str | None) -> tuple[str, ...]:
    """Topics of a reply that is not quite as it should be; most have none."""
    topics = []
    if not _ORDINARY.fullmatch(raw):
        topics += _odd_text(raw)
    if not (200 <= code < 560 and code // 10 % 10 <= 5):
        topics.append("odd-code")
    if code in (500, 502):
        topics.append("unknown-to-server")
    if code == 353:
        topics.append("353")
    if code in (251, 551):
        topics.append("moved")
    if code >= 500 and b"oo long" in raw:
        topics.append("too-long")
    if enhanced is not None:
        if int(enhanced[0]) != code // 100:
            topics.append("odd-enhanced" if code // 100 != 3 else "bad-enhanced")
    elif code >= 200 and code != 220 and raw[:4] != b"250-":  # the greeting and EHLO have none
        if code // 100 != 3:
            topics.append("no-enhanced")
        if _ALMOST_ENHANCED.match(raw):
            topics.append("bad-enhanced")
    if b"XXXX" in raw and _MASKED.search(raw):
        topics.append("masked")
    return tuple(topics)


def _odd_text(raw: bytes) -> list[str]:
    """What is odd about a reply whose lines are not all short printable ASCII."""
    topics = ["odd-text"]
    lines = raw.split(b"\n")
    if max(map(len, lines)) >= REPLY_LINE:
        topics.append("long-reply")
    if _ODD_BYTE.search(raw):
        topics.append("odd-bytes")
    if not any(line[4:].strip() for line in lines):
        topics.append("no-text")
    return topics


@lru_cache(1024)  # the first line of an EHLO reply names the client; the others are the server's
def _further(
    rest: bytes,
) -> tuple[
    int, tuple[int, ...], tuple[str, ...], tuple[tuple[str, tuple[str, ...]], ...], tuple[str, ...]
]:
    """Code, differing codes, texts, EHLO keywords and topics of the lines behind the first."""
    lines = rest.removesuffix(b"\n").split(b"\n")
    codes = tuple(int(line[:3]) for line in lines)
    texts = tuple(decode(line[4:].rstrip(b"\r")) for line in lines)
    keywords = tuple(
        (keyword, tuple(params)) for keyword, params in map(parse_ehlo_keyword, texts) if keyword
    )
    topics = _of_offers(texts, keywords) if codes[-1] == 250 else ()
    return codes[-1], codes if len(set(codes)) > 1 else (), texts, keywords, topics


# Offers that some checks ask for.
_ASKED_FOR = frozenset({"LIMITS", "REQUIRETLS"})


def _of_offers(
    texts: tuple[str, ...], keywords: tuple[tuple[str, tuple[str, ...]], ...]
) -> tuple[str, ...]:
    """What is remarkable about what a server offers, if this is the answer to EHLO."""
    offered = dict(keywords)
    topics = ["offer:" + keyword for keyword in offered if keyword in _ASKED_FOR]
    methods = {word.upper() for keyword, words in keywords if keyword == "AUTH" for word in words}
    if not methods.isdisjoint(("PLAIN", "LOGIN")):
        topics.append("passwords-offered")
    if len(offered) < len(texts) or not all(map(EHLO_LINE.fullmatch, texts)):
        topics.append("odd-offer")
    if "SMTPUTF8" in offered and ("8BITMIME" not in offered or offered["SMTPUTF8"]):
        topics.append("odd-offer")
    if any(keyword not in EXTENSIONS and keyword[:1] != "X" and keyword != "OK"
           for keyword in offered):  # fmt: skip
        topics.append("home-made-offer")
    return tuple(topics)
