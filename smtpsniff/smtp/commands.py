"""Command lines out of the client's stream (RFC 5321 §4.1.1).

Lines are split at LF, as the dominant servers do; what kind of line end it was is a fact for
the checks. The verb is the leading run of anything but blank, tab and colon.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtpsniff.smtp.verbs import VERBS

if TYPE_CHECKING:
    from smtpsniff.smtp.dialogue import Dialogue

__all__ = ["message_like", "parse_bdat", "read_command"]

_VERB = re.compile(rb"[ \t]*([^ \t:\r\n]*)")
_BDAT = re.compile(rb"([0-9]{1,20})(?:[ \t]+(LAST))?[ \t]*$", re.IGNORECASE)
# Chunk sizes beyond this are nonsense (Zeek calls them huge; RFC 3030 sets no bound): such a
# command is taken for malformed, so that it cannot swallow the rest of the session.
MAX_CHUNK = 1 << 40

_SPELLED = {
    form: name
    for name in VERBS
    if name.isascii()
    for form in (name.encode(), name.lower().encode(), name.capitalize().encode())
}

_HEADER_LINE = re.compile(rb"[!-9;-~]{1,76}:[ \t]")
_ENVELOPE_LINE = re.compile(rb"(?:MAIL|SEND|SOML|SAML|RCPT)[ \t]*(?:FROM|TO)?:", re.IGNORECASE)
_FAMILIAR = re.compile(
    rb"(?:Received|Return-Path|From|To|Date|Subject|Message-ID|MIME-Version|DKIM-Signature|"
    rb"X-[\w-]+):",
    re.IGNORECASE,
)


def message_like(data: bytes) -> bool:
    """Whether `data` looks like the beginning of a message rather than a command."""
    if data.startswith(b".\r\n") or _FAMILIAR.match(data):
        return True
    return bool(_HEADER_LINE.match(data)) and not _ENVELOPE_LINE.match(data)


def parse_bdat(argument: bytes) -> tuple[int | None, bool]:
    """Size and LAST of a BDAT argument; size is None where it is malformed (RFC 3030 §2)."""
    match = _BDAT.match(argument)
    if not match:
        return None, False
    size = int(match[1])
    return (size if size <= MAX_CHUNK else None), match[2] is not None


def read_command(dialogue: Dialogue, end: int) -> None:
    """Make an exchange of the line from the cursor to `end`."""
    cursor = dialogue.c
    start = cursor.pos
    line = cursor.bytes(start, end)
    match = _VERB.match(line)
    word = match[1]  # type: ignore[index]  # the expression matches anything
    verb = _SPELLED.get(word) or word.upper().decode("latin-1") or "<empty>"
    exchange = dialogue.push(verb, line, start, end)
    exchange.argument = line[match.end() :].strip(b" \t\r\n")  # type: ignore[union-attr]
    cursor.pos = end
    if not line.endswith(b"\r\n"):
        dialogue.topics.add("line-end")
    if verb not in VERBS:
        dialogue.topics.add("unknown-verb")
    dialogue.log.command(exchange)
    dialogue.place(exchange)
