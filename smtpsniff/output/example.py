"""A check's example for readers: the dialogue that fires it, in lines of `C:` and `S:`.

Checks carry their examples in the language of the tests. It is short because it has macros for
what every session begins with; a reader gets what they stand for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["dialogue_lines"]

_EHLO = ("C: EHLO a.example.net", "S: 250-mx.example")
_ENVELOPE = (
    "C: MAIL FROM:<s@a.example.net>", "S: 250 2.1.0 Ok",
    "C: RCPT TO:<r@mx.example>", "S: 250 2.1.5 Ok",
)  # fmt: skip
_GREETING = ("S: 220 mx.example ESMTP",)
_EXTENDED = (*_EHLO, "S: 250-PIPELINING", "S: 250 (SIZE 10000, 8BITMIME, CHUNKING, DSN …)")
_COMMON: dict[str, tuple[str, ...]] = {
    "G": _GREETING,
    "E": _EXTENDED,
    "EN": ("C: EHLO a.example.net", "S: 250 mx.example"),
    "ET": (*_EHLO, "S: 250-PIPELINING", "S: 250 STARTTLS"),
    "EA": (*_EHLO, "S: 250-AUTH PLAIN LOGIN CRAM-MD5", "S: 250 PIPELINING"),
    "M": _ENVELOPE[:2],
    "R": _ENVELOPE[2:],
    "T": (*_GREETING, *_EXTENDED, *_ENVELOPE),
    "D": ("C: DATA", "S: 354 go"),
    "H": ("C: (a message)",),
    "X": ("C: .", "S: 250 2.0.0 Ok: queued as 1A"),
    "Q": ("C: QUIT", "S: 221 2.0.0 Bye"),
    "CH": ("C: (TLS begins)",),
    "SH": ("S: (TLS goes on)",),
}
_OPEN = "(the connection opens)"
_DEEDS = {
    "SYN": "(asks for a connection)", "RSTACK": "(refuses the connection)",
    "RST": "(resets the connection)", "FIN": "(closes its side)", "ACK": "(acknowledges)",
    "GAP": "(octets that the capture lacks)",
}  # fmt: skip

_DEFINITION = re.compile(r"@(\w+)[ \t]*=")
_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*")|#.*')
_ITEM = re.compile(r'(?:[^;"]|"(?:[^"\\]|\\.)*")+')
_DELAY = re.compile(r"\+(\d+(?:\.\d+)?)\s+")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"(?:\*(\d+))?')
# A TLS record as it is written in an example, and the message in it (RFC 8446 §4).
_TLS = re.compile(r"\\x16\\x03(?:\\x[0-9a-f]{2}){3}\\x([0-9a-f]{2})")
_HANDSHAKE = {"01": "hello", "02": "hello", "0b": "certificate"}
_SHORT = 72  # characters of a line that are shown
_LONG_PAUSE = 1.0  # seconds worth a line


# Connections of an example: all of them, or the first two where more go on in the same way.
_ALL, _FIRST = 4, 2
_AT = re.compile(r"\bat=(\d+)")


def dialogue_lines(text: str) -> list[str]:
    """The lines of an example."""
    macros: dict[str, tuple[str, ...]] = dict(_COMMON)
    connections: list[list[str]] = [[]]
    for row in text.split("\n"):
        row = row.strip()
        definition = _DEFINITION.match(row)
        told: list[str] = []
        for item in _ITEM.findall(_COMMENT.sub(lambda m: m[1] or "", row[_end(definition) :])):
            item = item.strip()
            if item.partition(" ")[0] == "SESSION" and any(connections):
                connections.append(list(_event(item, macros)))
            elif item and definition:
                told += _event(item, macros)
            elif item and item.partition(" ")[0] != "SESSION":
                connections[-1] += _event(item, macros)
        if definition:
            macros[definition[1]] = tuple(told)
    total = len(connections)
    if total > _ALL:
        connections[_FIRST:] = [[f"   (and so on: {total} connections in all)"]]
    return [line for connection in connections for line in connection]


def _end(match: re.Match[str] | None) -> int:
    return match.end() if match else 0


def _event(item: str, macros: dict[str, tuple[str, ...]]) -> Iterator[str]:
    delay = _DELAY.match(item)
    if delay:
        item = item[delay.end() :]
        if float(delay[1]) >= _LONG_PAUSE:
            yield f"   ({float(delay[1]):g} s pass)"
    if item.startswith("@"):
        yield from macros.get(item[1:].split()[0], (item,))
        return
    verb, _, rest = item.partition(" ")
    if verb in ("C", "S"):
        yield from _spoken(verb, rest)
    elif verb == "LOSS":
        yield f"{rest[:1]}: (the same segment again and again)"
    elif verb == "WIN":
        size = rest[2:].strip()
        yield f"{rest[:1]}: " + (
            f"(has room for {size} octets)" if size != "0" else "(has no room)"
        )
    elif verb == "ICMP":
        yield "   (a router complains)"
    elif verb in _DEEDS:
        yield f"{rest[:1] or 'C'}: {_DEEDS[verb]}"
    elif verb == "OPEN":
        yield _OPEN
    elif verb == "END":
        yield "   (nothing more for 400 s)"
    elif verb == "SESSION":
        at = _AT.search(rest)
        when = f", {int(at[1]):,} s after the start" if at and int(at[1]) else ""
        yield f"   (another connection{when})"


def _spoken(who: str, rest: str) -> Iterator[str]:
    """Strings, a line for each of theirs; what ends a line oddly is shown."""
    said = "".join(text * int(times or 1) for text, times in _STRING.findall(rest))
    record = _TLS.match(said)
    if record is not None:
        said = f"(TLS: {_HANDSHAKE.get(record[1], 'a message')})"
    elif said.startswith(r"\x00"):
        said = "(more of it)"
    for line in said.replace(r"\r\n", "\n").removesuffix("\n").split("\n"):
        line = line.replace(r"\"", '"')
        yield f"{who}: {line if len(line) <= _SHORT else line[: _SHORT - 1] + '…'}"
