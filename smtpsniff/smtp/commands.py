"""Command lines out of the client's stream (RFC 5321 §4.1.1).

Lines are split at LF, as the dominant servers do, unless the server was found to be strict
(`line_mode`); what kind of line end it was is a fact for
the checks. The verb is the leading run of anything but blank, tab and colon.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtpsniff.smtp.model import Mode
from smtpsniff.smtp.verbs import VERBS

if TYPE_CHECKING:
    from smtpsniff.smtp.dialogue import Dialogue
    from smtpsniff.smtp.model import Exchange

__all__ = [
    "MAX_CHUNK",
    "argument_of",
    "message_like",
    "parse_bdat",
    "read_commands",
    "read_unended",
]

# Exchanges kept for one session. The longest real ones are tens of thousands of recipients.
MAX_EXCHANGES = 200_000

_VERB = re.compile(rb"[ \t]*([^ \t:\r\n]*)")
# A line of printable ASCII that begins with its verb and keeps to 512 octets (RFC 5321 §2.4,
# §4.5.3.1.4): nothing about its bytes is worth a check.
_ORDINARY = re.compile(rb"[!-~][ -~]{0,509}\r\n")
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


def argument_of(line: bytes) -> bytes:
    """What stands behind the verb, without blanks around it."""
    word = _VERB.match(line)
    assert word is not None  # the expression matches anything
    return line[word.end() :].strip(b" \t\r\n")


def parse_bdat(argument: bytes) -> tuple[int | None, bool]:
    """Size and LAST of a BDAT argument; size is None where it is malformed (RFC 3030 §2)."""
    match = _BDAT.match(argument)
    if not match:
        return None, False
    size = int(match[1])
    return (size if size <= MAX_CHUNK else None), match[2] is not None


def read_commands(dialogue: Dialogue) -> bool:
    """Make exchanges of the complete lines at the cursor, up to the next barrier.

    Returns False where the bytes end before a line does. Every command of every session passes
    here: hence the local names.
    """
    cursor = dialogue.c
    stream = cursor.stream
    data, base, limit = stream.data, stream.base, cursor.limit
    find, match, ordinary = data.find, _VERB.match, _ORDINARY.fullmatch
    place, append = dialogue.place, dialogue.log.ours.append
    line_end = b"\r\n" if dialogue.strict else b"\n"
    while len(dialogue.exchanges) < MAX_EXCHANGES:
        start = cursor.pos
        found = find(line_end, start - base, limit - base)
        if found < 0:
            return False
        found += len(line_end)
        line = data[start - base : found]
        word = match(line)
        assert word is not None  # the expression matches anything
        raw = word[1]
        verb = _SPELLED.get(raw) or raw.upper().decode("latin-1") or "<empty>"
        end = found + base
        exchange = dialogue.push(verb, line, start, end)
        exchange.argument = line[word.end() :].strip(b" \t\r\n")
        cursor.pos = end
        if not ordinary(line):
            dialogue.topics.add("odd-line")
            if line[-2:] != b"\r\n":
                dialogue.topics.add("line-end")
        append(exchange)
        if verb in VERBS:
            place(exchange)
            if dialogue.hold is not None or dialogue.mode is not Mode.COMMANDS:
                return True
        else:
            dialogue.topics.add("unknown-verb")
    return dialogue.give_up(f"exchanges of one session: {MAX_EXCHANGES}")


def read_unended(dialogue: Dialogue, end: int) -> Exchange:
    """A line that never ended, for want of a LF or of the rest of the stream."""
    cursor = dialogue.c
    start = cursor.pos
    line = cursor.bytes(start, end)
    word = _VERB.match(line)
    assert word is not None
    exchange = dialogue.push(word[1].upper().decode("latin-1") or "<empty>", line, start, end)
    exchange.argument = argument_of(line)
    cursor.pos = end
    dialogue.topics.update(("line-end", "odd-line"))
    if exchange.verb not in VERBS:
        dialogue.topics.add("unknown-verb")
    dialogue.log.ours.append(exchange)
    dialogue.place(exchange)
    return exchange
