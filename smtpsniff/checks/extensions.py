"""Checks of what the client used and what the server had offered (RFC 5321 §2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.checks.charsets import CHARSET_CHECKS
from smtpsniff.checks.logins import verdict
from smtpsniff.checks.offers import envelopes, offers, replied
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.sizes import SIZE_CHECKS
from smtpsniff.checks.view import View, quote
from smtpsniff.smtp.extensions import EXTENSIONS, PARAMETER_KEYWORD, VERB_KEYWORD
from smtpsniff.smtp.verbs import reply_fit
from smtpsniff.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.records import Severity
    from smtpsniff.smtp.model import Exchange

__all__ = ["CHECKS"]

# Verbs that only make sense once their keyword was offered (RFC 5321 §2.2.1, §4.1.1.1).
_VERBS = ("BDAT", "STARTTLS", "AUTH", "ETRN", "ATRN", "BURL", "XCLIENT", "XFORWARD", "XEXCH50",
          "EXPN", "HELP")  # fmt: skip
# RFC 5321 asks that these are listed where they work; everybody may still try them.
_OPTIONAL = frozenset({"EXPN", "HELP"})
_VERB_OF = {verb: row.keyword for row in EXTENSIONS.values() for verb in row.verbs}
_EXCHANGE_OFFERS = ("X-EXPS", "X-ANONYMOUSTLS")


def _lacking(exchange: Exchange, name: str, value: str) -> tuple[str, Severity] | None:
    """The keyword that this parameter would have needed; None if it was allowed."""
    hello = exchange.hello
    assert hello is not None
    offered = hello.offered
    keywords = PARAMETER_KEYWORD.get((exchange.verb, name), frozenset())
    if not keywords and hello.extended:
        return None  # nobody knows it: another check's matter
    if name == "SMTPUTF8" or (name == "BODY" and value.upper() == "8BITMIME"):
        return None  # checks of their own
    if name == "BODY" and value.upper() == "BINARYMIME":
        keywords = frozenset({"BINARYMIME"})
    if not keywords.isdisjoint(offered):
        return None
    private = all(k in EXTENSIONS and not EXTENSIONS[k].registered for k in keywords)
    if keywords and private and any(k in offered for k in _EXCHANGE_OFFERS):
        return None
    keyword = min(keywords, default=name)
    return keyword, "note" if name == "BODY" and value.upper() == "7BIT" else "error"


@check(
    "ext-param-not-offered",
    group="extension",
    severity="error",
    reference="RFC 5321 §4.1.1.3, §4.1.1.11",
    wakes=("parameters",),
    fires=r"""
        @G ; @EN ; C "MAIL FROM:<s@a.example.net> SIZE=100\r\n"
        S "555 5.5.4 Unsupported option\r\n"
    """,
    silent=r"""
        @G ; @E ; C "MAIL FROM:<s@a.example.net> size=100\r\n" ; S "250 2.1.0 Ok\r\n"
    """,
)
def ext_param_not_offered(view: View) -> Iterator[Hit]:
    """The sender used an option that the server did not say it understands.

    Trigger: a parameter of MAIL or RCPT whose keyword was not in the EHLO reply in force; after
        HELO, any parameter.
    Advice: make the client read the EHLO reply; look for a firewall that hides keywords.
    Traps: AUTH= is allowed by an old `AUTH=…` line too; BODY=7BIT asks for nothing, a note;
        BODY=8BITMIME and SMTPUTF8 have checks of their own; Exchange servers use private
        parameters among themselves.
    """
    for exchange, pairs in envelopes(view):
        for name, value in pairs:
            found = _lacking(exchange, name, value)
            if found is not None:
                keyword, severity = found
                used = quote(f"{name}={value}" if value else name)
                yield view.at(
                    f"The client used {used} although the server had not offered "
                    f"{safe(keyword)}{offers(exchange, keyword)}{replied(exchange)}.",
                    exchange, severity=severity,
                )  # fmt: skip


@check(
    "ext-verb-not-offered",
    group="extension",
    severity="error",
    reference="RFC 5321 §2.2.1, §4.1.1.1",
    wakes=["verb:" + verb for verb in _VERBS],
    fires=r"""
        @G ; @EN ; C "ETRN example.net\r\n" ; S "500 5.5.1 What?\r\n"
    """,
    silent=r"""
        @G ; @ET ; C "STARTTLS\r\n" ; S "454 4.7.0 Not now\r\n"
    """,
)
def ext_verb_not_offered(view: View) -> Iterator[Hit]:
    """The sender used a command that the server had not advertised.

    Trigger: BDAT, STARTTLS, AUTH, ETRN, ATRN, BURL, XCLIENT, XFORWARD, XEXCH50 or EXPN, and its
        keyword was not in the EHLO reply in force.
    Advice: correct the client; with STARTTLS, ask whether something removed the offer.
    Traps: EXPN and HELP may be tried, a note; some servers hide AUTH from some clients but take
        it, a warning; where the EHLO reply was not seen nobody can tell.
    """
    for exchange, reply in view.answered(*_VERBS):
        verb = exchange.verb
        keyword = VERB_KEYWORD[verb]
        if view.offered(exchange, keyword) is not False:
            continue
        severity: Severity = "error"
        if verb in _OPTIONAL:
            severity = "note"
        elif verb == "AUTH" and reply_fit("AUTH", reply.code) == "positive":
            severity = "warning"
        yield view.at(
            f"The client sent {verb} although the server had not offered it"
            f"{offers(exchange, keyword)}{replied(exchange)}.",
            exchange, severity=severity,
        )  # fmt: skip


@check(
    "ext-offered-but-refused",
    group="extension",
    severity="error",
    reference="RFC 5321 §4.2.4",
    wakes=("unknown-to-server",),
    fires=r"""
        @G ; @ET ; C "STARTTLS\r\n" ; S "502 5.5.1 Not implemented\r\n"
    """,
    silent=r"""
        @G ; @ET ; C "STARTTLS\r\n" ; S "503 5.5.1 Not now\r\n"
    """,
)
def ext_offered_but_refused(view: View) -> Iterator[Hit]:
    """The server advertised a feature and then denied having it.

    Trigger: a command whose keyword was offered is answered 500 or 502.
    Advice: correct the server, or the firewall before it that swallows the command.
    Traps: VRFY switched off by policy is common, a warning; 503 is about the order of commands;
        500 5.5.6 to AUTH is about the length of the line.
    """
    for exchange in view.dialogue.exchanges:
        reply = exchange.reply
        if reply is None or reply.code not in (500, 502) or reply.enhanced == "5.5.6":
            continue
        keyword = _VERB_OF.get(exchange.verb)
        if keyword and view.clean(exchange) and view.offered(exchange, keyword):
            yield view.at(
                f"The server had offered {keyword} and answered {exchange.verb} with "
                f"{verdict(exchange)}.",
                exchange, severity="warning" if exchange.verb == "VRFY" else None,
            )  # fmt: skip


CHECKS = (
    ext_param_not_offered,
    ext_verb_not_offered,
    ext_offered_but_refused,
    *CHARSET_CHECKS,
    *SIZE_CHECKS,
)
