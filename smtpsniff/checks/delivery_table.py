"""The reasons of D.12: what each check says, how bad it is, and what it adds to the server's words.

Rules of this file: one row a check, in the order in which a reader should look. Which reply has
which reason is not decided here but in `smtpsniff.smtp.reasons`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from smtpsniff.checks.sizes import size_limit
from smtpsniff.checks.view import quote
from smtpsniff.smtp.enhanced import meaning, site_of
from smtpsniff.smtp.reasons import REASONS, classify
from smtpsniff.text import safe

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtpsniff.checks.delivery_reasons import Refusal
    from smtpsniff.checks.view import View
    from smtpsniff.records import Severity

__all__ = ["ROWS", "Row"]

# RFC 5321 §4.5.3.1.8: a server must take a hundred recipients.
MUST_TAKE = 100

_PLACES = {
    "MAIL": r'@G ; @E ; C "MAIL FROM:<s@a.example.net>\r\n" ; S "%s\r\n"',
    "RCPT": r'@G ; @E ; @M ; C "RCPT TO:<r@mx.example>\r\n" ; S "%s\r\n"',
    "<eom>": r'@T ; @D ; @H ; C ".\r\n" ; S "%s\r\n"',
}


class Row(NamedTuple):
    """One check."""

    id: str
    severity: Severity
    later: Severity | None
    """Where the server only asks to wait (4yz), if that is less."""
    lead: str
    """How the finding begins; who was refused comes behind it."""
    sentence: str
    trigger: str
    advice: str
    traps: str
    reference: str
    fires: str
    silent: str
    detail: Callable[[View, Refusal], str] | None
    rank: Callable[[View, Refusal], Severity] | None


def _row(
    name: str, severity: Severity, lead: str, labels: str, fires: str, silent: str, *,
    at: str = "RCPT", later: Severity | None = None, sentence: str = "", advice: str = "",
    traps: str = "", detail: Callable[[View, Refusal], str] | None = None,
    rank: Callable[[View, Refusal], Severity] | None = None,
) -> Row:  # fmt: skip
    """A row; what it does not say is taken from its first reason."""
    reasons = [REASONS[label] for label in labels.split()]
    what = " or ".join(f"`{reason.label}`" for reason in reasons)
    classes = "4yz" if name == "delivery-temporary-other" else (
        "5yz" if reasons[0].check_4yz != name else "4yz or 5yz"
    )  # fmt: skip
    return Row(
        name, severity, later, lead, sentence or reasons[0].what,
        f"a recipient, a sender or a message is refused with a {classes} reply whose codes or "
        f"words mean {what}.",
        advice or reasons[0].advice, traps, reasons[0].reference,
        _PLACES[at] % fires, _PLACES[at] % silent, detail, rank,
    )  # fmt: skip


# -- what some checks add to the server's words --------------------------------------------


def _site(view: View) -> str | None:
    greeting = view.session.greeting
    return site_of(greeting.text, greeting.text) if greeting is not None else None


def _login_state(view: View, refusal: Refusal) -> str:
    won = any(e.accepted for e in view.exchanges("AUTH", "X-EXPS", "<auth-response>"))
    return " (after a login)" if won else " (without a login)"


def _list_named(view: View, refusal: Refusal) -> str:
    words = refusal.text.lower()
    if "open resolver" in words or "error: open" in words:
        return ": the list turned the server's own resolver away, it did not list the sender"
    code, enhanced = refusal.code, refusal.enhanced
    why = classify(code, enhanced, refusal.text, refusal.exchange.verb, _site(view)).why
    return f" (list: {safe(why)})" if "." in why and not why[:1].isdigit() else ""


def _sizes(view: View, refusal: Refusal) -> str:
    letter, record = refusal.letter, refusal.record
    if letter is None or record is None:
        return ""
    limit = size_limit(letter.mail)
    parts = [f"limit {limit}"] if limit else []
    parts += ["announced " + safe(p[5:]) for p in record.params if p.upper().startswith("SIZE=")]
    if letter.body is not None and letter.body.size:
        parts.append(f"sent {letter.body.size}")
    return f" ({', '.join(parts)} octets)" if parts else ""


def _meaning(view: View, refusal: Refusal) -> str:
    told = meaning(refusal.enhanced, _site(view)) if refusal.enhanced else None
    return f" ({refusal.enhanced}: {told.rstrip('.')})" if told else ""


def _client_address(view: View, refusal: Refusal) -> str:
    return f" (the client is {view.session.client.ip})"


def _introduction(view: View, refusal: Refusal) -> str:
    helo = view.session.helo
    return f" (the client had said {quote(f'{helo.verb} {helo.name}')})" if helo else ""


def _hops(view: View, refusal: Refusal) -> str:
    message = refusal.record.message if refusal.record is not None else None
    hops = sum(name.lower() == "received" for name, _ in message.headers) if message else 0
    return f" (the message has {hops} Received fields)" if hops else ""


def _public(view: View, refusal: Refusal) -> str:
    return (
        " (RFC 3207 forbids a public mail exchanger to insist on it)"
        if view.session.server.port == 25 else ""
    )  # fmt: skip


def _maybe_greylisting(view: View, refusal: Refusal) -> str:
    vague = refusal.label in ("system-unavailable", "policy-unspecified")
    fits = refusal.code in (450, 451) and refusal.exchange.verb in ("RCPT", "<eom>")
    return " (possibly greylisting)" if vague and fits else ""


def _accepted_of(refusal: Refusal) -> int:
    return sum(e.accepted for e in refusal.letter.recipients) if refusal.letter else 0


def _how_many(view: View, refusal: Refusal) -> str:
    return f" after accepting {_accepted_of(refusal)}"


def _for_good(view: View, refusal: Refusal) -> Severity:
    return "error" if refusal.code >= 500 else "warning"


def _too_few(view: View, refusal: Refusal) -> Severity:
    """For good, and below what every server must take."""
    return "error" if refusal.code >= 500 and _accepted_of(refusal) < MUST_TAKE else "warning"


_UNKNOWN = "550 5.1.1 User unknown"
_POLICY = "550 5.7.1 No"

ROWS: tuple[Row, ...] = (
    _row(
        "rcpt-unknown-user", "error", "No such mailbox", "unknown-user mailbox-disabled",
        _UNKNOWN, "450 4.1.1 User unknown",
        sentence="That mailbox does not exist, or is switched off.",
        traps="some sites give 5.1.1 to every sender they block: words about block lists and "
        "policy come first. 4yz means that the address could not be checked.",
    ),
    _row(
        "rcpt-relay-denied", "error", "Not forwarded", "relay-denied",
        "554 5.7.1 Relay access denied", _POLICY, later="warning", detail=_login_state,
    ),
    _row(
        "rcpt-quota", "error", "Mailbox full", "quota",
        "552 5.2.2 Mailbox full", _UNKNOWN, later="warning",
        traps="552 to MAIL with words about size means the letter.",
    ),
    _row(
        "rcpt-greylisted", "warning", "To come back later", "greylist",
        "450 4.2.0 Greylisted", "450 4.7.1 Error: too much mail from 192.0.2.1",
        sentence="The server asks unknown senders to come back later; real ones do.",
        traps="words about too much mail win; a vague 4yz that a later attempt overcomes is told "
        "where the attempts are compared.",
    ),
    _row(
        "delivery-rate-limited", "warning", "Too much too fast", "rate-limit",
        "550 5.7.28 Rate limited", "450 4.2.0 Greylisted", rank=_for_good,
        traps="an error where the server refuses for good.",
    ),
    _row(
        "delivery-content-rejected", "error", "Taken for spam, malware or worse", "content",
        "554 5.7.1 Message looks like spam", _POLICY, at="<eom>",
        traps="the word spam in a URL or in the name of a block list.",
    ),
    _row(
        "delivery-dnsbl-listed", "error", "On a block list", "dnsbl",
        "554 5.7.1 Client host [192.0.2.1] blocked using bl.spamcop.net",
        "554 5.7.1 Relay access denied", detail=_list_named,
        traps="words about an open resolver mean that the list does not answer the server.",
    ),
    _row(
        "delivery-sender-auth-failed", "error", "Origin not proven", "sender-auth",
        "550 5.7.26 DMARC", _POLICY, at="<eom>", later="warning", detail=_meaning,
    ),
    _row(
        "delivery-rdns-rejected", "error", "No proper name in DNS", "rdns",
        "550 5.7.25 No PTR record", _POLICY, detail=_client_address,
    ),
    _row(
        "delivery-size-rejected", "error", "Too big", "size",
        "552 5.3.4 Too big", "552 5.2.2 Mailbox full", at="MAIL", detail=_sizes,
    ),
    _row(
        "delivery-too-many-recipients", "warning", "Too many recipients", "too-many-rcpt",
        "452 4.5.3 Too many recipients", "450 4.7.1 Error: too many recipients from 192.0.2.1",
        detail=_how_many, rank=_too_few,
        traps="limits for a time are about the rate; 552 here means wait, whatever its class; "
        "with a 5yz code below a hundred recipients it is an error.",
    ),
    _row(
        "delivery-sender-rejected", "error", "Return address not acceptable", "sender-rejected",
        "550 5.1.8 Sender address rejected: Domain not found", _POLICY, at="MAIL",
    ),
    _row(
        "delivery-helo-rejected", "error", "Introduction not believed", "helo-rejected",
        "504 5.5.2 <x>: Helo command rejected: need fully-qualified hostname", _UNKNOWN,
        detail=_introduction,
        traps="RFC 5321 §4.1.4 forbids to refuse only because name and address do not match.",
    ),
    _row(
        "delivery-loop", "error", "In a loop", "loop",
        "554 5.4.6 Too many hops", _POLICY, at="<eom>", detail=_hops,
    ),
    _row(
        "delivery-null-mx", "error", "Takes no mail", "null-mx",
        "556 5.1.10 Recipient address has null MX", _UNKNOWN,
        traps="5.1.10 of Microsoft means an unknown recipient, 5.7.27 of Gmail means SPF.",
    ),
    _row(
        "delivery-server-full", "warning", "Server out of space", "system-full",
        "452 4.3.1 Insufficient system storage", "452 4.5.3 Too many recipients",
    ),
    _row(
        "auth-required", "error", "Login wanted", "auth-required",
        "530 5.7.0 Authentication required", "530 5.7.0 Must issue a STARTTLS command first",
        traps="530 that speaks of STARTTLS wants encryption.",
    ),
    _row(
        "starttls-required", "error", "Encryption wanted", "tls-required",
        "530 5.7.0 Must issue a STARTTLS command first", "530 5.7.0 Authentication required",
        detail=_public,
        traps="RFC 3207 §4 forbids a public mail exchanger to insist on it.",
    ),
    _row(
        "delivery-temporary-other", "warning", "Try again later", "system-unavailable protocol "
        "policy-unspecified unknown-user mailbox-disabled",
        "451 4.3.0 Try again later", "550 5.7.1 No", detail=_maybe_greylisting,
        sentence="Try again later.",
        traps="all reasons with a check of their own come first; a vague 450 or 451 may be "
        "greylisting.",
    ),
    _row(
        "delivery-policy-unspecified", "error", "Refused", "policy-unspecified protocol "
        "system-unavailable",
        _POLICY, _UNKNOWN,
        sentence="Refused by local rules, for no clear reason.",
    ),
)  # fmt: skip
