"""Text to tokens."""

from __future__ import annotations

import re
from typing import NamedTuple

from smtpsniff.select.errors import WhereError

LONGEST = 10_000  # characters of an expression: a person writes less, and trees stay shallow

# What the language knows is written in small letters; the rest of a bare word is a value.
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<sign>==|!=|<=|>=|&&|\|\||[<>~!(){},])
    | (?P<word>[^\s"'(){},<>=!~&|]+)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_SIGNS = {"&&": "and", "||": "or", "!": "not", "~": "matches"}
KEYWORDS = frozenset(["and", "or", "not", "in", "contains", "matches"])
END = "end"


class Token(NamedTuple):
    """`kind`: ``word``, ``string``, ``end``, or the sign or keyword itself."""

    kind: str
    text: str
    at: int


def tokens(text: str) -> list[Token]:
    """The tokens of an expression, the end last; `WhereError` for what is none."""
    if len(text) > LONGEST:
        raise WhereError(f"it is longer than {LONGEST:,} characters", text[:60], 60)
    found = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise _unreadable(text, position)
        found.append(_token(match))
        position = match.end()
    return [*found, Token(END, "", end)]


def _token(match: re.Match[str]) -> Token:
    kind = match.lastgroup
    assert kind is not None
    text, at = match[kind], match.start(kind)
    if kind == "string":
        # A backslash before other letters belongs to a regular expression.
        return Token("string", _ESCAPE.sub(_unescape, text[1:-1]), at)
    if kind == "sign":
        return Token(_SIGNS.get(text, text), text, at)
    return Token(text if text in KEYWORDS else "word", text, at)


def _unescape(match: re.Match[str]) -> str:
    letter = match[1]
    return letter if letter in "\"'\\" else match[0]


def _unreadable(text: str, position: int) -> WhereError:
    at = position + len(text[position:]) - len(text[position:].lstrip())
    sign = text[at]
    reasons = {
        "=": "'=' is written '=='",
        "&": "'&' is written 'and'",
        "|": "'|' is written 'or'",
        '"': "the string that begins here does not end",
        "'": "the string that begins here does not end",
    }
    return WhereError(reasons[sign], text, at)
