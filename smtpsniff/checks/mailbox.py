"""An envelope path taken apart: brackets, route, name, domain (RFC 5321 §4.1.2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.smtp.model import Exchange

__all__ = [
    "DOMAIN", "DOT_STRING", "ENVELOPE_VERBS", "QUOTED_STRING", "ROUTE", "Path", "bracketed",
    "lead", "odd_paths",
]  # fmt: skip

ENVELOPE_VERBS = ("MAIL", "RCPT")
# Blanks around the colon have a check of their own.
_LEAD = re.compile(rb"(?:FROM|TO)(?P<before>[ \t]*):(?P<after>[ \t]*)", re.IGNORECASE)
# The address ends at the first > that stands in no quotes.
_BRACKETED = re.compile(rb"<((?:\"(?:[^\"\\]|\\.)*\"|[^\">])*)>", re.DOTALL)
# Route = "@" Domain *("," "@" Domain) ":", obsolete but legal.
ROUTE = re.compile(rb"@[^:\"<>@,]+(?:,@[^:\"<>@,]+)*:")
# Bytes beyond ASCII pass: whether SMTPUTF8 allows them is another check's question.
_ATEXT = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\xff-]"
DOT_STRING = re.compile(_ATEXT + rb"+(?:\." + _ATEXT + rb"+)*")
# qtextSMTP and quoted-pairSMTP.
QUOTED_STRING = re.compile(rb"\"(?:[ !#-\[\]-~\x80-\xff]|\\[ -~])*\"")
_LET_DIG = rb"[A-Za-z0-9\x80-\xff]"
_LABEL = _LET_DIG + rb"(?:[A-Za-z0-9\x80-\xff-]*" + _LET_DIG + rb")?"
# An address literal is only looked at from outside: path-address-literal looks inside.
DOMAIN = re.compile(_LABEL + rb"(?:\." + _LABEL + rb")*|\[[!-Z^-~]*\]")


class Path(NamedTuple):
    """What stands behind FROM: or TO:, up to the closing bracket, and what follows it.

    `text` is all between the brackets; of it, `route` ends in a colon, `local` is the name as
    sent, with its quotes; `domain` is empty where there is no @.
    """

    text: bytes
    behind: bytes
    blank: bool
    route: bytes
    local: bytes
    domain: bytes


def lead(argument: bytes) -> re.Match[bytes] | None:
    """FROM: or TO: and the blanks around the colon."""
    return _LEAD.match(argument)


def bracketed(rest: bytes) -> tuple[bytes, bytes] | None:
    """What is in the brackets, and what is behind them; None where there is no pair of them."""
    match = _BRACKETED.match(rest)
    if match is not None:
        return match[1], rest[match.end() :]
    if rest.startswith(b"<") and b">" in rest:  # a quote without its partner
        inside, _, behind = rest[1:].partition(b">")
        return inside, behind
    return None


def _read(argument: bytes) -> Path | None:
    """The path of a MAIL's or RCPT's argument; None where it stands in no brackets."""
    begin = lead(argument)
    content = bracketed(argument[begin.end() :]) if begin is not None else None
    if begin is None or content is None:
        return None
    text, behind = content
    route = ROUTE.match(text)
    start = route.end() if route is not None else 0
    quoted = QUOTED_STRING.match(text, start)
    at = text.find(b"@", quoted.end()) if quoted is not None else text.rfind(b"@", start)
    local, domain = (text[start:at], text[at + 1 :]) if at >= 0 else (text[start:], b"")
    return Path(text, behind, bool(begin["before"] + begin["after"]), text[:start], local, domain)


def odd_paths(view: View) -> Iterator[tuple[Exchange, Path]]:
    """MAIL and RCPT in clean intervals with their paths, where these stand in brackets."""
    for exchange in view.dialogue.exchanges:
        if exchange.verb in ENVELOPE_VERBS and view.clean(exchange):
            path = _read(exchange.argument)
            if path is not None:
                yield exchange, path
