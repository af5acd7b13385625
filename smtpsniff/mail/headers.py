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

_FOLD = re.compile(r"\n[ \t]+")
_FIELD = re.compile(r"^([!-9;-~]+)[ \t]*:[ \t]*([^\n]*)", re.MULTILINE)


class Headers(NamedTuple):
    """`fields` in order, as decoded text; the common ones by name, first occurrence."""

    fields: list[tuple[str, str]]
    subject: str | None
    from_: str | None
    to: str | None
    cc: str | None
    date: str | None
    message_id: str | None


def read_headers(head: bytes) -> Headers:
    """Fields of a header section; lines that are no field are passed over."""
    text = decode(head).replace("\r\n", "\n")
    if "\n " in text or "\n\t" in text:
        text = _FOLD.sub(" ", text)
    fields = _FIELD.findall(text)
    if len(fields) > MAX_FIELDS:
        del fields[MAX_FIELDS:]
    if len(text) > MAX_FIELD:
        fields = [(name, value[:MAX_FIELD]) for name, value in fields]
    if "=?" in text:
        fields = [(name, _words(value) if "=?" in value else value) for name, value in fields]
    found: dict[str, str] = {}
    for name, value in fields:
        found.setdefault(name.lower(), value)
    get = found.get
    return Headers(
        fields, get("subject"), get("from"), get("to"), get("cc"), get("date"), get("message-id")
    )


def _words(text: str) -> str:
    """A field body with its encoded words decoded (RFC 2047)."""
    try:
        return "".join(
            part if isinstance(part, str) else _charset(part, charset)
            for part, charset in decode_header(text)
        )
    except Exception:  # whatever a hostile encoded word makes the library raise
        return text


def _charset(raw: bytes, charset: str | None) -> str:
    """Decode by the declared charset, else as wire text."""
    try:
        return raw.decode(charset or "ascii")
    except (LookupError, ValueError):
        return decode(raw)
