"""Header fields, unfolded and decoded (RFC 5322 §2.2, RFC 2047, RFC 6532).

The standard library's parser raises on hostile headers, copies the message several times, and
loses blanks around encoded words; so fields are split and decoded by hand.
"""

from __future__ import annotations

import binascii
import re
from itertools import groupby
from typing import NamedTuple

from smtpsniff.text import decode

__all__ = ["ONCE", "Headers", "decoded_words", "read_headers"]

# Fields of which a message has at most one (RFC 5322 §3.6).
ONCE = frozenset({
    "from", "date", "sender", "reply-to", "to", "cc", "bcc", "message-id", "in-reply-to",
    "references", "subject",
})  # fmt: skip
_WANTED = ("from", "date", "message-id")

# Fields kept of one message, and bytes of one field: real mail has dozens, and a hostile one
# must not fill the record. RFC 5322 §2.1.1 allows 998 for a line, folding makes longer fields.
MAX_FIELDS = 1000
MAX_FIELD = 1 << 16

# Unfolding takes the line end only; the blanks behind it belong to the value (RFC 5322 §2.2.3).
_FOLD = re.compile(r"\n(?=[ \t])")
_FIELD = re.compile(r"^([!-9;-~]+)[ \t]*:[ \t]*([^\n]*)", re.MULTILINE)
_BLANK = re.compile(r"^[!-9;-~]+[ \t]+:", re.MULTILINE)
# An encoded word (RFC 2047 §2); a language may follow the charset (RFC 2231 §5).
_WORD = re.compile(r"=\?([!#-)+->@-~]{1,60})(?:\*[!->@-~]*)?\?([BbQq])\?([^?]*)\?=")
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")
# Codecs of Python's that are no charsets of mail, slow on hostile input or not quiet.
_NO_CHARSET = re.compile(r".*escape|idna|punycode|undefined|mbcs|oem", re.IGNORECASE)


class Headers(NamedTuple):
    """`fields` in order, as decoded text; the common ones by name, first occurrence.

    `notable` says what is not as it should be, in words that checks wake on: ``no-from``,
    ``no-date``, ``no-message-id``; ``twice``, a field that may stand there once; ``received``,
    three stations or more; ``return-path``; ``no-field``, a line that is none, or a blank before
    a colon.
    """

    fields: list[tuple[str, str]]
    subject: str | None
    from_: str | None
    to: str | None
    cc: str | None
    date: str | None
    message_id: str | None
    notable: tuple[str, ...] = ()


def read_headers(head: bytes) -> Headers:
    """Fields of a header section; lines that are no field are passed over."""
    try:
        text, clean = head.decode(), True
    except UnicodeDecodeError:
        text, clean = head.decode("latin-1"), False
    text = text.replace("\r\n", "\n")
    if "\n " in text or "\n\t" in text:
        text = _FOLD.sub("", text)
    fields = _FIELD.findall(text)
    odd = len(fields) != text.count("\n") + (text[-1:] not in ("", "\n"))
    odd = odd or ((" :" in text or "\t:" in text) and _BLANK.search(text) is not None)
    cut = len(fields) > MAX_FIELDS
    if cut:
        del fields[MAX_FIELDS:]
    if len(text) > MAX_FIELD:
        fields = [(name, value[:MAX_FIELD]) for name, value in fields]
    if not clean:  # one field's odd bytes are no reason to write another's backslashes twice
        fields = [(name, decode(value.encode("latin-1"))) for name, value in fields]
    if "=?" in text:
        fields = [
            (name, decoded_words(value) if "=?" in value else value) for name, value in fields
        ]
    found: dict[str, str] = {}
    again: list[str] = []
    for name, value in fields:
        key = name.lower()
        if key in found:
            again.append(key)
        else:
            found[key] = value
    get = found.get
    return Headers(
        fields, get("subject"), get("from"), get("to"), get("cc"), get("date"), get("message-id"),
        _notable(found, again, odd=odd, cut=cut),
    )  # fmt: skip


def _notable(found: dict[str, str], again: list[str], *, odd: bool, cut: bool) -> tuple[str, ...]:
    """What is remarkable; of a header that was cut, only what is there and not what is missing."""
    notable = [] if cut else [f"no-{name}" for name in _WANTED if name not in found]
    if again:
        if not ONCE.isdisjoint(again):
            notable.append("twice")
        if again.count("received") > 1:
            notable.append("received")
    if "return-path" in found:
        notable.append("return-path")
    if odd:
        notable.append("no-field")
    return tuple(notable)


def decoded_words(text: str) -> str:
    """Decode the encoded words of a field; blanks between two of them do not count (§6.2)."""
    runs: list[tuple[str, bytes]] = []  # (charset, octets); text that is no word has none
    end = 0
    for match in _WORD.finditer(text):
        octets = _octets(match[2], match[3])
        if octets is None:
            continue
        between = text[end : match.start()]
        if between and (between.strip() or not runs):
            runs.append(("", between.encode()))
        runs.append((match[1].lower(), octets))
        end = match.end()
    runs.append(("", text[end:].encode()))
    # A character may be cut in two by the end of a word, so neighbours are decoded together.
    return "".join(
        _charset(b"".join(octets for _, octets in group), charset or "utf-8")
        for charset, group in groupby(runs, key=lambda run: run[0])
    )


def _octets(encoding: str, text: str) -> bytes | None:
    """Octets that an encoded word's text stands for; None where it is not what it says."""
    try:
        raw = text.encode("ascii")
        if encoding in "Qq":
            return _HEX.sub(lambda m: bytes.fromhex(m[1].decode()), raw.replace(b"_", b" "))
        raw = raw.rstrip(b"=")
        return binascii.a2b_base64(raw + b"=" * (-len(raw) % 4))
    except ValueError:  # what binascii raises, and text that is not ASCII
        return None


def _charset(raw: bytes, charset: str) -> str:
    """Decode by the declared charset, else as wire text."""
    try:
        return decode(raw) if _NO_CHARSET.fullmatch(charset) else raw.decode(charset)
    except (LookupError, ValueError):
        return decode(raw)
