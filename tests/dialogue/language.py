r"""The dialogue language: a TCP session in a few lines of text.

One event a line, or several with ` ; ` between them; `#` starts a comment::

    [+dt] C "bytes"[*n] ... [stale]    a segment of the client (S: of the server)
    [+dt] OPEN                         SYN, SYN-ACK, ACK
    [+dt] SYN C                        a SYN that nothing answers
    [+dt] RSTACK S                     RST,ACK, the answer to a SYN at a closed port
    [+dt] RST C|S                      [+dt] FIN C|S                    [+dt] ACK C|S
    [+dt] GAP C|S n                    n octets sent and acknowledged but not captured
    [+dt] WIN C|S n                    a pure ACK with a window of n octets
    [+dt] LOSS C|S "bytes" n           one segment captured n times, 1 s, 2 s, 4 s ... apart
    [+dt] ICMP C|S type code mtu       a router says what became of the last packet of the client
    [+dt] END                          400 s in which only others send
    SESSION [port=N] [at=SECONDS] [client=IP] [server=IP] [server_port=N] [isn=C,S]
    @NAME = event ; event              a macro
    [+dt] @NAME                        its events, the first of them after dt

`dt` is in seconds after the event before it, 0.010 by default. Strings know
`\r \n \0 \t \xHH \" \\`. A segment acknowledges everything seen so far in the other
direction; a `stale` one as if the segment before it in that direction had not been seen. Where
`stale` may stand, so may `damaged` (the TCP checksum is wrong; of LOSS, the first copy's) and `ttl=N` (hops left, else 64).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import NoReturn

from .packet import SECOND

MACROS = Path(__file__).parent.parent / "vectors" / "macros.txt"

Macros = dict[str, tuple["Event", ...]]


class DialogueError(ValueError):
    """A text that is not a dialogue; says where."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {message}")
        self.line, self.column = line, column


@dataclass(frozen=True, slots=True)
class Event:
    """One event as written; `delay` in nanoseconds, None where none was written."""

    verb: str
    line: int
    column: int
    delay: int | None = None
    direction: str = ""
    payload: bytes = b""
    number: int = 0
    numbers: tuple[int, ...] = ()
    stale: bool = False
    damaged: bool = False
    ttl: int = 64
    settings: dict[str, str] = field(default_factory=dict)


# What follows each verb: d direction, s strings, n number, m three of them, k key=value
# words, ? perhaps `stale`, `damaged`, `ttl=N`.
SHAPES = {
    "C": "s?",
    "S": "s?",
    "OPEN": "",
    "END": "",
    "SYN": "d",
    "RSTACK": "d",
    "RST": "d?",
    "FIN": "d?",
    "ACK": "d?",
    "GAP": "dn",
    "WIN": "dn",
    "LOSS": "dsn?",
    "ICMP": "dm",
    "SESSION": "k",
}
SETTINGS = frozenset({"port", "at", "client", "server", "server_port", "isn"})

_TOKEN = re.compile(
    r"""[ \t\r]*(?:
      (?P<comment>\#.*)
    | (?P<delay>\+\d+(?:\.\d+)?)(?=[ \t])
    | (?P<string>"(?:[^"\\]|\\.)*")(?:\*(?P<times>\d+))?
    | (?P<macro>@\w+)
    | (?P<setting>\w+=[^\s;"]+)
    | (?P<number>\d+)\b
    | (?P<word>[A-Za-z]\w*)
    | (?P<semicolon>;)
    )""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r'\\(?:x([0-9A-Fa-f]{2})|([rn0t"\\])|(.))')
_ESCAPED = {"r": 13, "n": 10, "0": 0, "t": 9, '"': 34, "\\": 92}
_DEFINITION = re.compile(r"@(\w+)[ \t]*=")


@dataclass(slots=True)
class _Token:
    kind: str
    text: str
    line: int
    column: int
    times: int = 1


def parse(text: str, macros: Macros | None = None) -> list[Event]:
    """Read a dialogue; macros defined in it are known from there on, besides the common ones."""
    known = dict(common_macros() if macros is None else macros)
    events: list[Event] = []
    for number, line in enumerate(text.split("\n"), 1):
        definition = _DEFINITION.match(line)
        read = _events(line, number, definition.end() if definition else 0, known)
        if definition:
            known[definition[1]] = tuple(read)
        else:
            events += read
    return events


@cache
def common_macros() -> Macros:
    """Return the macros that every dialogue may use."""
    return parse_macros(MACROS.read_text(encoding="utf-8"))


def parse_macros(text: str) -> Macros:
    """Read a text of definitions, one a line."""
    macros: Macros = {}
    for number, line in enumerate(text.split("\n"), 1):
        definition = _DEFINITION.match(line)
        if definition:
            macros[definition[1]] = tuple(_events(line, number, definition.end(), macros))
        elif line.strip() and not line.startswith("#"):
            raise DialogueError("expected @NAME = events", number, 1)
    return macros


def _events(line: str, number: int, start: int, macros: Macros) -> list[Event]:
    """Read the events of one line."""
    events: list[Event] = []
    group: list[_Token] = []
    for token in [*_tokens(line, number, start), _Token("semicolon", ";", number, len(line) + 1)]:
        if token.kind != "semicolon":
            group.append(token)
        elif group:
            events += _Reader(group, macros).events()
            group = []
    return events


def _tokens(line: str, number: int, start: int) -> list[_Token]:
    tokens: list[_Token] = []
    end = len(line.rstrip())
    while start < end:
        match = _TOKEN.match(line, start)
        if not match:
            column = start + len(line[start:]) - len(line[start:].lstrip()) + 1
            raise DialogueError(f"cannot read {line[column - 1 : end]!r}", number, column)
        kind = match.lastgroup or ""
        kind = "string" if kind == "times" else kind
        if kind != "comment":
            column = match.start(kind) + 1
            tokens.append(_Token(kind, match[kind], number, column, int(match["times"] or 1)))
        start = match.end()
    return tokens


class _Reader:
    """Reads one event from its tokens."""

    def __init__(self, tokens: list[_Token], macros: Macros) -> None:
        self.tokens, self.macros = tokens, macros
        self.at = 0

    def events(self) -> list[Event]:
        delay = None
        if word := self.take("delay"):
            delay = round(float(word.text[1:]) * SECOND)
        name = self.take("macro")
        read = self.expand(name, delay) if name else [self.event(delay)]
        if self.at < len(self.tokens):
            self.fail("too much for this event")
        return read

    def expand(self, name: _Token, delay: int | None) -> list[Event]:
        body = self.macros.get(name.text[1:])
        if body is None:
            raise DialogueError(f"no macro {name.text}", name.line, name.column)
        if delay is None or not body:
            return list(body)
        return [replace(body[0], delay=delay), *body[1:]]

    def event(self, delay: int | None) -> Event:
        verb = self.take("word")
        if not verb or verb.text not in SHAPES:
            self.at -= bool(verb)
            self.fail(f"expected an event, one of {', '.join(SHAPES)}, or a macro")
        fields: dict[str, object] = {}
        for part in SHAPES[verb.text]:
            self.argument(part, fields)
        if verb.text in "CS":
            fields["direction"] = verb.text
        return Event(verb.text, verb.line, verb.column, delay, **fields)  # type: ignore[arg-type]

    def argument(self, part: str, fields: dict[str, object]) -> None:
        match part:
            case "d":
                fields["direction"] = self.direction()
            case "s":
                fields["payload"] = self.strings()
            case "n":
                fields["number"] = int(self.number().text)
            case "k":
                fields["settings"] = self.settings()
            case "m":
                fields["numbers"] = tuple(int(self.number().text) for _ in range(3))
            case _:
                self.manner(fields)

    def number(self) -> _Token:
        return self.take("number") or self.fail("expected a number")

    def manner(self, fields: dict[str, object]) -> None:
        """How a segment is sent: words that may follow it."""
        while word := self.peek():
            if word in ("stale", "damaged"):
                fields[word] = bool(self.take("word"))
            elif re.fullmatch(r"ttl=\d+", word):
                fields["ttl"] = int(word[4:])
                self.take("setting")
            else:
                return

    def direction(self) -> str:
        if self.peek() not in ("C", "S"):
            self.fail("expected C or S")
        self.at += 1
        return self.tokens[self.at - 1].text

    def strings(self) -> bytes:
        parts = []
        while token := self.take("string"):
            parts.append(_bytes(token) * token.times)
        return b"".join(parts) if parts else self.fail('expected "bytes"')

    def settings(self) -> dict[str, str]:
        found: dict[str, str] = {}
        while token := self.take("setting"):
            key, _, value = token.text.partition("=")
            if key not in SETTINGS:
                self.at -= 1
                self.fail(f"no setting {key}; there are {', '.join(sorted(SETTINGS))}")
            found[key] = value
        return found

    def peek(self) -> str:
        return self.tokens[self.at].text if self.at < len(self.tokens) else ""

    def take(self, kind: str) -> _Token | None:
        if self.at < len(self.tokens) and self.tokens[self.at].kind == kind:
            self.at += 1
            return self.tokens[self.at - 1]
        return None

    def fail(self, message: str) -> NoReturn:
        last = self.tokens[-1]
        if self.at < len(self.tokens):
            token = self.tokens[self.at]
            raise DialogueError(f"{message}, not {token.text!r}", token.line, token.column)
        raise DialogueError(f"{message} at the end", last.line, last.column + len(last.text))


def _bytes(token: _Token) -> bytes:
    """Return what a quoted string stands for."""
    out = bytearray()
    text, at = token.text[1:-1], 0
    for match in _ESCAPE.finditer(text):
        out += text[at : match.start()].encode()
        at = match.end()
        if match[3]:
            column = token.column + 1 + match.start()
            raise DialogueError(f"no escape {match[0]}", token.line, column)
        out.append(int(match[1], 16) if match[1] else _ESCAPED[match[2]])
    return bytes(out + text[at:].encode())


@lru_cache(maxsize=1024)
def cached_parse(text: str) -> tuple[Event, ...]:
    """Return `parse(text)`, read once however many framings want it."""
    return tuple(parse(text))
