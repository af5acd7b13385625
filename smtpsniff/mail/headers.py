"""Header fields, unfolded and decoded (RFC 5322 §2.2, RFC 2047, RFC 6532).

The standard library's parser raises on hostile headers and copies the message several times;
here fields are split by hand, and only single encoded words are left to it.
"""

from __future__ import annotations

import re
from email.header import decode_header
from typing import NamedTuple

from smtpsniff.text import decode

__all__ = ["Headers", "read_headers"]

# Fields kept of one message, and bytes of one field: real mail has dozens, and a hostile one
# must not fill the record. RFC 5322 §2.1.1 allows 998 for a line, folding makes longer fields.
MAX_FIELDS = 1000
MAX_FIELD = 1 << 16

_FOLD = re.compile(rb"\r?\n[ \t]+")
_NAME = re.compile(rb"([!-9;-~]+)[ \t]*:[ \t]*")


class Headers(NamedTuple):
    """`fields` in order, as decoded text; the common ones by name, first occurrence."""

    fields: list[tuple[str, str]]
    subject: str | None
    from_: str | None
    to: str | None
    cc: str | None
    date: str | None
    message_id: str | None


def decode_value(raw: bytes) -> str:
    """Text of a field body: encoded words decoded, raw UTF-8 as it is."""
    text = decode(raw)
    if "=?" not in text:
        return text
    try:
        parts = decode_header(text)
        return "".join(
            part if isinstance(part, str) else _charset(part, charset) for part, charset in parts
        )
    except Exception:  # whatever a hostile encoded word makes the library raise
        return text


def _charset(raw: bytes, charset: str | None) -> str:
    """Decode by the declared charset, else as wire text."""
    try:
        return raw.decode(charset or "ascii")
    except (LookupError, ValueError):
        return decode(raw)


def read_headers(head: bytes) -> Headers:
    """Fields of a header section; lines that are no field are passed over."""
    fields: list[tuple[str, str]] = []
    found: dict[str, str] = {}
    if b"\n " in head or b"\n\t" in head:
        head = _FOLD.sub(b" ", head)
    for line in head.split(b"\n"):
        match = _NAME.match(line)
        if match is None:
            continue
        name = match[1].decode("ascii")
        value = decode_value(line[match.end() :][:MAX_FIELD].rstrip(b"\r \t"))
        fields.append((name, value))
        found.setdefault(name.lower(), value)
        if len(fields) >= MAX_FIELDS:
            break
    get = found.get
    return Headers(
        fields, get("subject"), get("from"), get("to"), get("cc"), get("date"), get("message-id")
    )
