"""What one side promised and did not keep: limits of the server, encryption all the way."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from smtpsniff.checks.offers import envelopes, replied
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import said
from smtpsniff.smtp.delivery import address_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.records import Severity
    from smtpsniff.smtp.model import Exchange

__all__ = ["CHECKS"]

# RFC 9422 §4: a limit has at most six digits.
MAX_DIGITS = 6


class _Excess(NamedTuple):
    """A limit, what it counts, and the command that went beyond it."""

    name: str
    limit: int
    what: str
    reached: int
    exchange: Exchange


@lru_cache(64)  # a server says the same to everybody
def _limits(words: tuple[str, ...]) -> dict[str, int]:
    """The limits that the words behind LIMITS name."""
    pairs = (word.partition("=") for word in words)
    return {
        name.upper(): int(value)
        for name, _, value in pairs
        if value.isascii() and value.isdigit() and len(value) <= MAX_DIGITS
    }


def _excesses(view: View) -> Iterator[_Excess]:
    """The first command beyond each limit, in each mail."""
    mails = 0
    for letter in view.dialogue.letters:
        mail = letter.mail
        if mail is None:
            continue
        limits = _limits(mail.hello.offered.get("LIMITS", ()) if mail.hello is not None else ())
        mails += 1
        most = limits.get("MAILMAX", 0)
        if 0 < most < mails:
            yield _Excess("MAILMAX", most, "mails", mails, mail)
        count = len(letter.recipients)
        domains: dict[str, Exchange] = {}
        most = limits.get("RCPTMAX", 0)
        if 0 < most < count:
            yield _Excess("RCPTMAX", most, "recipients", count, letter.recipients[most])
        most = limits.get("RCPTDOMAINMAX", 0)
        for rcpt in letter.recipients if most else ():
            domain = address_of(rcpt.argument)[0].rpartition("@")[2].lower()
            domains.setdefault(domain, rcpt)
        if 0 < most < len(domains):
            first = list(domains.values())[most]
            yield _Excess("RCPTDOMAINMAX", most, "domains", len(domains), first)


@check(
    "limits-exceeded",
    group="extension",
    severity="warning",
    reference="RFC 9422 §3",
    wakes=("offer:LIMITS",),
    fires=r"""
        @G
        C "EHLO a.example.net\r\n"
        S "250-mx.example\r\n250 LIMITS RCPTMAX=1 MAILMAX=5\r\n"
        @M
        @R
        C "RCPT TO:<t@mx.example>\r\n"
        S "452 4.5.3 too many recipients\r\n"
    """,
    silent=r"""
        @G
        C "EHLO a.example.net\r\n"
        S "250-mx.example\r\n250 LIMITS RCPTMAX=2 RCPTDOMAINMAX=1\r\n"
        @M
        @R
        C "RCPT TO:<t@MX.example>\r\n"
        S "250 2.1.5 Ok\r\n"
    """,
)
def limits_exceeded(view: View) -> Iterator[Hit]:
    """The sender exceeded a limit the server announced up front.

    Trigger: more recipients in one mail than RCPTMAX, more domains among them than
    RCPTDOMAINMAX, or more mails in the session than MAILMAX; an error where the server refused
    the command that went too far.
    Advice: use a client that honours LIMITS, or let it send to fewer at once.
    Traps: what counts are the limits of the answer to EHLO in force; a limit of 0 or with
    letters in it is none.
    """
    for excess in _excesses(view):
        exchange = excess.exchange
        if view.clean(exchange):
            severity: Severity | None = "error" if exchange.refused else None
            yield view.at(
                f"The server takes {excess.limit} {excess.what} ({excess.name}), the client went "
                f"on to {excess.reached} with {said(exchange)}{replied(exchange)}.",
                exchange,
                severity=severity,
                key=excess.name,
            )


@check(
    "requiretls-without-tls",
    group="tls",
    severity="error",
    reference="RFC 8689 §3, §4",
    wakes=("offer:REQUIRETLS", "odd-parameters"),
    fires=r"""
        @G
        @E
        C "MAIL FROM:<s@a.example.net> REQUIRETLS\r\n"
        S "555 5.5.4 Unsupported option\r\n"
    """,
    silent=r"""
        SESSION client=127.0.0.1 server=127.0.0.1
        @G
        C "EHLO a.example.net\r\n"
        S "250-mx.example\r\n250 REQUIRETLS\r\n"
    """,
)
def requiretls_without_tls(view: View) -> Iterator[Hit]:
    """The words "must be encrypted" were written on an open postcard.

    Trigger: REQUIRETLS in clear text, offered by the server or asked for in MAIL.
    Advice: a fault of the client or server, or something takes TLS off on the way.
    Traps: on the machine itself nobody can read along. Between private addresses, and where TLS
    had been agreed upon, the recording was likely made behind whoever takes the TLS off: a note.
    """
    if view.loopback:
        return
    opened = view.dialogue.tls is not None and view.dialogue.tls.opened
    severity: Severity | None = "note" if opened or view.private else None
    for hello in view.dialogue.hellos:
        reply = hello.reply
        if hello.in_tls or reply is None or not hello.accepted or not view.clean(hello):
            continue
        if any(keyword == "REQUIRETLS" for keyword, _ in reply.said.keywords):
            yield view.at("The server offered REQUIRETLS in clear text.", hello, severity=severity)
    for exchange, pairs in envelopes(view):
        asked = exchange.verb == "MAIL" and any(name == "REQUIRETLS" for name, _ in pairs)
        if asked and not exchange.in_tls:
            yield view.at(
                f"{said(exchange)} asked for REQUIRETLS in clear text{replied(exchange)}.",
                exchange,
                severity=severity,
            )


CHECKS = (limits_exceeded, requiretls_without_tls)
