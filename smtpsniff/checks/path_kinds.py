"""Envelope addresses that are legal, or nearly so, but rare: and often mishandled."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtpsniff.checks.asking import heard, raised
from smtpsniff.checks.mailbox import DOT_STRING, QUOTED_STRING, odd_paths
from smtpsniff.checks.names import judge
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import said
from smtpsniff.checks.view import quote
from smtpsniff.text import decode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.records import Severity

__all__ = ["CHECKS"]

_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)


@check(
    "path-space-after-colon",
    group="smtp-syntax",
    severity="note",
    reference="RFC 5321 §3.3",
    wakes=("odd-path",),
    fires=r"""
        @G
        @E
        C "MAIL FROM: <s@a.example.net>\r\n"
        S "250 2.1.0 Ok\r\n"
    """,
    silent=r"""
        @G
        @E
        C "MAIL FROM:<s@a.example.net> SIZE=1\r\n"
        S "250 2.1.0 Ok\r\n"
    """,
)
def path_space_after_colon(view: View) -> Iterator[Hit]:
    """A space where none is allowed; most servers forgive it.

    Trigger: a blank between FROM or TO and the colon, or between the colon and the <; an error
    where the server refused it.
    Advice: remove it from the script or application; strict servers answer 501.
    Traps: blanks in front of parameters are as they should be.
    """
    for exchange, path in odd_paths(view):
        if path.blank:
            yield view.at(
                f"A blank stands before or behind the colon of {said(exchange)}{heard(exchange)}.",
                exchange,
                severity=raised(exchange),
            )


@check(
    "path-source-route",
    group="smtp-syntax",
    severity="warning",
    reference="RFC 5321 §3.6.1, §4.1.2, appendix C",
    wakes=("odd-path",),
    fires=r"""
        @G
        @E
        @M
        C "RCPT TO:<@relay.example,@hub.example:r@mx.example>\r\n"
        S "250 2.1.5 Ok\r\n"
    """,
    silent=r"""
        @G
        @E
        @M
        C "RCPT TO:<\"@relay.example:r\"@mx.example>\r\n"
        S "250 2.1.5 Ok\r\n"
    """,
)
def path_source_route(view: View) -> Iterator[Hit]:
    """The address contains a list of hosts to travel through, an ancient feature.

    Trigger: a path that begins with @host: or several of them; a note where the name before the
    @ merely holds a % or ! with a host, the habits of other ancient networks.
    Advice: no program should write such addresses any more; tests for open relays do.
    Traps: a percent sign or exclamation mark without anything that looks like a host may be part
    of a name.
    """
    for exchange, path in odd_paths(view):
        address = quote(b"<" + path.text + b">")
        if path.route:
            hosts = path.route.count(b"@")
            hops = "a host" if hosts == 1 else f"{hosts} hosts"
            yield view.at(
                f"The address {address} names {hops} to travel through{heard(exchange)}.", exchange
            )
        elif _HACK.search(path.local):
            yield view.at(
                f"The address {address} hides another host before its @{heard(exchange)}.",
                exchange,
                severity="note",
            )


# user%host.example@relay, or host.example!user@relay; VERP and SRS write neither.
_HACK = re.compile(rb"%[A-Za-z0-9-]+\.[A-Za-z0-9.-]+\Z|\A[A-Za-z0-9.-]+\.[A-Za-z]{2,}!.")


@check(
    "path-quoted-local-part",
    group="smtp-syntax",
    severity="note",
    reference="RFC 5321 §4.1.2",
    wakes=("odd-path",),
    fires=r"""
        @G
        @E
        @M
        C "RCPT TO:<\"r s\"@mx.example>\r\n"
        S "250 2.1.5 Ok\r\n"
    """,
    silent=r"""
        @G
        @E
        @M
        C "RCPT TO:<r+s@mx.example>\r\n"
        S "250 2.1.5 Ok\r\n"
    """,
)
def path_quoted_local_part(view: View) -> Iterator[Hit]:
    """The name part is in quotes; legal but rare and often mishandled.

    Trigger: the name before the @ is a quoted string; a warning where it needs no quotes.
    Advice: avoid such addresses; write the name without quotes where that is possible.
    Traps: quotes that are not closed make no quoted string: path-syntax-invalid tells of them.
    """
    for exchange, path in odd_paths(view):
        if not path.domain or not QUOTED_STRING.fullmatch(path.local):
            continue
        name = _ESCAPED.sub(rb"\1", path.local[1:-1])
        needless = DOT_STRING.fullmatch(name) is not None
        why = ", without need" if needless else ""
        yield view.at(
            f"The name before the @ is in quotes{why}: {quote(b'<' + path.text + b'>')}"
            f"{heard(exchange)}.",
            exchange,
            severity="warning" if needless else None,
        )


@check(
    "path-address-literal",
    group="smtp-syntax",
    severity="note",
    reference="RFC 5321 §4.1.3",
    wakes=("odd-path",),
    fires=r"""
        @G
        @E
        @M
        C "RCPT TO:<r@[192.0.2.9]>\r\n"
        S "250 2.1.5 Ok\r\n"
    """,
    silent=r"""
        @G
        @E
        @M
        C "RCPT TO:<r@mx.example>\r\n"
        S "250 2.1.5 Ok\r\n"
    """,
)
def path_address_literal(view: View) -> Iterator[Hit]:
    """Mail is addressed to a bare IP address.

    Trigger: an address in square brackets stands where the domain should; a warning where it is
    none, or an IPv6 address without its tag.
    Advice: many servers refuse such mail; publish a name for the host.
    Traps: other kinds of literal, with a tag of their own, are legal.
    """
    for exchange, path in odd_paths(view):
        if not path.domain.startswith(b"["):
            continue
        literal = judge(decode(path.domain))
        wrong = literal.kind in ("bare-ip", "invalid")
        fault = f", and is not valid: {literal.why}" if wrong else ""
        yield view.at(
            f"The domain of {quote(b'<' + path.text + b'>')} is an address{fault}"
            f"{heard(exchange)}.",
            exchange,
            severity="warning" if wrong else None,
        )


@check(
    "path-domain-not-fqdn",
    group="smtp-syntax",
    severity="warning",
    reference="RFC 5321 §2.3.5",
    wakes=("odd-path",),
    fires=r"""
        @G
        @E
        C "MAIL FROM:<root@localhost>\r\n"
        S "250 2.1.0 Ok\r\n"
    """,
    silent=r"""
        @G
        @E
        C "MAIL FROM:<root@[192.0.2.1]>\r\n"
        S "250 2.1.0 Ok\r\n"
        C "RCPT TO:<postmaster>\r\n"
        S "250 2.1.5 Ok\r\n"
    """,
)
def path_domain_not_fqdn(view: View) -> Iterator[Hit]:
    """The domain is incomplete.

    Trigger: the domain of a sender or recipient has no dot; an error where the server refused
    it.
    Advice: let the mail program write the full domain behind each address.
    Traps: within one network, at submission and with LMTP short names are in use: a note, unless
    refused.
    """
    at_home = view.private or view.loopback or view.submission or view.dialogue.lmtp
    for exchange, path in odd_paths(view):
        domain = path.domain
        if domain and b"." not in domain and not domain.startswith(b"["):
            severity: Severity | None = raised(exchange) or ("note" if at_home else None)
            yield view.at(
                f"The domain of {quote(b'<' + path.text + b'>')} has no dot{heard(exchange)}.",
                exchange,
                severity=severity,
            )


CHECKS = (
    path_space_after_colon, path_source_route, path_quoted_local_part, path_address_literal,
    path_domain_not_fqdn,
)  # fmt: skip
