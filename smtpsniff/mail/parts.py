"""What a part's header says of it: type, encoding, disposition, file name (RFC 2045, 2183, 2231).

Single fields are taken apart by the standard library; the name is decoded in every way that mail
programs write it: RFC 2231 with continuations, encoded words (which RFC 2047 §5 forbids there),
raw UTF-8 (RFC 6532) and raw bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.message import Message
from email.utils import collapse_rfc2231_value

from smtpsniff.mail.headers import decoded_words
from smtpsniff.text import decode

__all__ = ["Part", "read_part"]

# Octets of one field that are looked at, and parameters in it: the library's time grows with
# the product of both. Real fields have a few hundred octets and five parameters.
MAX_FIELD = 1 << 14
MAX_PARAMETERS = 100
# RFC 2046 §5.1.1 allows 70; some programs write more.
MAX_BOUNDARY = 256

_FIELD = re.compile(
    rb"^Content-(Type|Transfer-Encoding|Disposition)[ \t]*:((?:[^\n]|\n[ \t])*)",
    re.IGNORECASE | re.MULTILINE,
)
_TYPE = re.compile(r"[ \t]*([\w!#$&^.+*-]+/[\w!#$&^.+*-]+)", re.ASCII)
_WORD = re.compile(r"[ \t]*([\w!#$&^.+*-]+)", re.ASCII)


@dataclass(slots=True, eq=False)
class Part:
    """One part of a message. `path` counts from 1 on each level, as IMAP does; the whole message
    is ``""``. `content_type` is lower case, without parameters."""

    path: str
    content_type: str = "text/plain"
    declared: bool = False  # its header names the type
    encoding: str = ""
    disposition: str = ""
    filename: str | None = None
    boundary: bytes = b""
    children: int = field(default=0)

    @property
    def is_attachment(self) -> bool:
        """Whether a mail program would offer it as a file rather than show it as text."""
        if self.content_type.startswith("multipart/"):
            return False
        return bool(
            self.disposition == "attachment"
            or self.filename is not None
            or not self.content_type.startswith("text/")
        )


def read_part(path: str, head: bytes, content_type: str = "text/plain") -> Part:
    """The part with this header; `content_type` is what it has where it names none."""
    part = Part(path, content_type)
    fields: dict[str, bytes] = {}
    for match in _FIELD.finditer(head):
        fields.setdefault(match[1].lower().decode(), match[2])  # the first counts
    names: list[str] = []
    if "disposition" in fields:
        part.disposition, parameters = _taken_apart(fields["disposition"], _WORD)
        names += _text(parameters, "filename")
    if "type" in fields:
        kind, parameters = _taken_apart(fields["type"], _TYPE)
        part.content_type, part.declared = kind or content_type, bool(kind)
        names += _text(parameters, "name")
        for boundary in _text(parameters, "boundary", raw=True)[:1]:
            part.boundary = boundary.encode("latin-1", "ignore").rstrip()[:MAX_BOUNDARY]
    if "transfer-encoding" in fields:
        word = _WORD.match(_one_line(fields["transfer-encoding"]))
        part.encoding = word[1].lower() if word else ""
    part.filename = next((name for name in names if name), None)
    return part


def _one_line(raw: bytes) -> str:
    return raw[:MAX_FIELD].replace(b"\r", b"").replace(b"\n", b"").decode("latin-1").strip()


def _taken_apart(raw: bytes, first: re.Pattern[str]) -> tuple[str, list[tuple[str, object]]]:
    """A field's first word in lower case, and its parameters; octets are Latin-1 characters."""
    value = _one_line(raw)
    word = first.match(value)
    message = Message()  # its policy is compat32; the newer ones raise on hostile fields
    message["X"] = ";".join(value.split(";", MAX_PARAMETERS)[:MAX_PARAMETERS])
    try:
        parameters = list(message.get_params(header="X", unquote=True) or [])[1:]
    except (ValueError, LookupError, IndexError, TypeError):  # the library's, on hostile fields
        parameters = []
    return word[1].lower() if word else "", [(str(k).lower(), v) for k, v in parameters]


def _text(parameters: list[tuple[str, object]], name: str, *, raw: bool = False) -> list[str]:
    """The values of a parameter, decoded unless `raw`."""
    found = []
    for key, value in parameters:
        if key != name:
            continue
        if isinstance(value, tuple):
            found.append(_of_rfc2231(value))
        elif isinstance(value, str):
            found.append(value if raw else _of_octets(value))
    return found


def _of_rfc2231(value: tuple[str | None, ...]) -> str:
    """charset'language'text, whose octets came as Latin-1 characters."""
    charset, language, text = value
    try:
        return collapse_rfc2231_value((charset or "utf-8", language or "", text or ""))
    except (ValueError, LookupError, TypeError):
        return decode((text or "").encode("latin-1", "replace"))


def _of_octets(value: str) -> str:
    """A plain value: encoded words where they stand in it, else UTF-8 or escaped bytes."""
    text = decode(value.encode("latin-1", "replace"))
    return decoded_words(text) if "=?" in text else text
