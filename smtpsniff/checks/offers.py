"""What the client asked for and what the server had offered, for the checks to compare."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtpsniff.checks.logins import verdict
from smtpsniff.smtp.delivery import address_of
from smtpsniff.text import safe, shorten

if TYPE_CHECKING:
    from smtpsniff.checks.view import View
    from smtpsniff.smtp.model import Exchange

__all__ = ["envelopes", "offers", "parameters", "replied"]

# Width of a keyword list in a finding: enough for what real servers offer.
LIST_WIDTH = 120
# What firewalls with SMTP inspection leave of a keyword.
_MASK = re.compile(r"X{3,}[A-Z]?")


def replied(exchange: Exchange) -> str:
    """What the server made of it, as the end of a sentence."""
    return f"; the server answered {verdict(exchange)}" if exchange.reply is not None else ""


def parameters(exchange: Exchange) -> list[tuple[str, str]]:
    """Name in upper case and value of each parameter of a MAIL or RCPT."""
    argument = exchange.argument
    if b" " not in argument:
        return []
    pairs = (word.partition("=") for word in address_of(argument)[1])
    return [(name.upper(), value) for name, _, value in pairs]


def offers(exchange: Exchange, wanted: str) -> str:
    """What the server had offered instead of `wanted`, as the end of a sentence."""
    hello = exchange.hello
    if hello is None or hello.exchange is None:
        return ""
    if not hello.extended:
        return ", and HELO allows no extensions"
    listed = shorten(safe(", ".join(hello.offered)), LIST_WIDTH) or "nothing"
    hidden = any(len(k) == len(wanted) and _MASK.fullmatch(k) for k in hello.offered)
    return f" (offered: {listed})" + (", probably because a firewall hid it" if hidden else "")


Envelope = tuple["Exchange", list[tuple[str, str]]]

_last: list[tuple[View, list[Envelope]]] = []


def envelopes(view: View) -> list[Envelope]:
    """MAIL and RCPT with parameters, or beyond ASCII; answered, and the offers are known.

    Remembered for the checks that ask of the same session in a row.
    """
    if not _last or _last[0][0] is not view:
        _last[:] = [(view, _envelopes(view))]
    return _last[0][1]


def _envelopes(view: View) -> list[Envelope]:
    found: list[Envelope] = []
    for exchange in view.dialogue.exchanges:
        if exchange.verb != "MAIL" and exchange.verb != "RCPT":
            continue
        if b" " not in exchange.argument and exchange.argument.isascii():
            continue
        hello = exchange.hello
        if hello is None or hello.exchange is None or exchange.reply is None:
            continue
        if view.clean(exchange):
            found.append((exchange, parameters(exchange)))
    return found
