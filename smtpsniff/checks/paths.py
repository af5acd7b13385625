"""Envelope addresses: what stands between FROM: or TO: and the parameters (RFC 5321 §4.1.2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from smtpsniff.checks.asking import heard, raised
from smtpsniff.checks.mailbox import (
    DOMAIN,
    DOT_STRING,
    ENVELOPE_VERBS,
    QUOTED_STRING,
    ROUTE,
    bracketed,
    lead,
)
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import said
from smtpsniff.checks.view import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.smtp.model import Exchange

__all__ = ["CHECKS"]

_ATEXT = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\xff-]"
_DOTS = re.compile(rb"(?:" + _ATEXT + rb"|\.)+")
_OUT_OF_PLACE = re.compile(rb"[^A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\xff.-]")
# The common case at one glance: brackets, a plain address of ordinary length, then a blank.
_PLAIN = re.compile(
    rb"(?:FROM|TO):<(?:[A-Z0-9_+=-]+(?:\.[A-Z0-9_+=-]+)*@[A-Z0-9]+(?:[.-][A-Z0-9]+)*)>(?:[ \t]|\Z)",
    re.IGNORECASE,
)


class _Problem(NamedTuple):
    """What is wrong with a path, and where: the offset in the brackets' content."""

    what: str
    at: int
    lenient: str = ""  # servers let it pass: "dots", "bare" name


def _envelope(view: View) -> Iterator[tuple[Exchange, bytes]]:
    """MAIL and RCPT whose address is out of the ordinary, with what follows the colon."""
    for exchange in view.dialogue.exchanges:
        if exchange.verb not in ENVELOPE_VERBS or _PLAIN.match(exchange.argument):
            continue
        begin = lead(exchange.argument)
        if begin is not None and view.clean(exchange):
            yield exchange, exchange.argument[begin.end() :]


@check(
    "path-missing-brackets",
    group="smtp-syntax",
    severity="warning",
    reference="RFC 5321 §4.1.2, §4.1.1.2, §4.1.1.3",
    wakes=("odd-path",),
    fires=r"""
        @G
        @E
        C "MAIL FROM:s@a.example.net\r\n"
        S "250 Ok\r\n"
    """,
    silent=r"""
        @G
        @E
        C "mail from:<> SIZE=1\r\n"
        S "250 Ok\r\n"
    """,
)
def path_missing_brackets(view: View) -> Iterator[Hit]:
    """Addresses in the envelope must be wrapped in < and >.

    Trigger: what follows FROM: or TO: does not begin with <, or lacks the closing >; an error
    where the server refused it.
    Advice: correct the script or application.
    Traps: a blank before the < is another matter.
    """
    for exchange, rest in _envelope(view):
        if bracketed(rest) is None:
            which = "begin with <" if not rest.startswith(b"<") else "end with >"
            yield view.at(
                f"The address in {said(exchange)} does not {which}{heard(exchange)}.",
                exchange,
                severity=raised(exchange),
            )


@check(
    "path-syntax-invalid",
    group="smtp-syntax",
    severity="error",
    reference="RFC 5321 §4.1.2",
    wakes=("odd-path", "odd-parameters"),
    fires=r"""
        @G
        @E
        C "MAIL FROM:<s@@a.example.net>\r\n"
        S "501 5.1.7 Bad sender address syntax\r\n"
    """,
    silent=r"""
        @G
        @E
        C "MAIL FROM:<\"s@b\"@[192.0.2.1]>\r\n"
        S "250 Ok\r\n"
    """,
)
def path_syntax_invalid(view: View) -> Iterator[Hit]:
    """This is not a valid mail address.

    Trigger: what stands between < and > is neither an address nor empty (MAIL) nor Postmaster
    (RCPT): no @ or two of them, no name before it, dots at the ends of the name or in a row,
    blanks or special characters outside quotes, a domain that cannot be one; or something
    follows the > without a blank.
    Advice: clean the address list, or what users may type into the application.
    Traps: dots in a row that the server accepts, and a sender without domain at submission,
    are warnings. Routes, quoted names, address literals and UTF-8 are legal here.
    """
    for exchange, rest in _envelope(view):
        content = bracketed(rest)
        if content is None:
            continue
        problem = _problem(exchange.verb, *content)
        if problem is None:
            continue
        lenient = {
            "dots": exchange.accepted,
            "bare": exchange.verb == "MAIL" and view.submission,
        }.get(problem.lenient, False)
        yield view.at(
            f"The address {quote(b'<' + content[0] + b'>')} is invalid: {problem.what} "
            f"(at byte {problem.at + 1} of it){heard(exchange)}.",
            exchange,
            severity="warning" if lenient else None,
        )


def _problem(verb: str, path: bytes, behind: bytes) -> _Problem | None:
    """The first thing wrong with a path, if anything is."""
    if behind and behind[:1] not in (b" ", b"\t"):
        return _Problem("something follows the > without a blank", len(path))
    if not path:
        return None if verb == "MAIL" else _Problem("a recipient cannot be empty", 0)
    if verb == "RCPT" and path.lower() == b"postmaster":
        return None
    route = ROUTE.match(path)
    start = route.end() if route is not None else 0
    name = QUOTED_STRING.match(path, start) or DOT_STRING.match(path, start)
    at = name.end() if name is not None else start
    if name is None or path[at : at + 1] != b"@":
        return _in_local_part(path, start, at)
    domain = DOMAIN.match(path, at + 1)
    end = domain.end() if domain is not None else at + 1
    if end == len(path) and domain is not None:
        return None
    if path[end : end + 1] == b"@":
        return _Problem("there is a second @", end)
    return _Problem("the domain cannot be one", end)


def _in_local_part(path: bytes, start: int, at: int) -> _Problem:
    """What is wrong before the @, or that there is none; `at` is where reading stopped."""
    if at == len(path):
        return _Problem("there is no @", at, "bare")
    if path[start : start + 1] == b"@":
        return _Problem("there is no name before the @", start)
    dotted = _DOTS.match(path, start)
    if dotted is not None and path[dotted.end() : dotted.end() + 1] == b"@":
        return _Problem("a dot begins or ends the name, or follows another dot", at, "dots")
    odd = _OUT_OF_PLACE.search(path, at)
    if odd is None:
        return _Problem("there is no @", len(path))
    what = "a blank" if odd[0] in (b" ", b"\t") else quote(odd[0])
    return _Problem(f"{what} has no place outside quotes", odd.start())


CHECKS = (path_missing_brackets, path_syntax_invalid)
