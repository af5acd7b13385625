"""Parameters of MAIL and RCPT: how they are written, and what they say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtpsniff.checks.asking import heard, raised
from smtpsniff.checks.mailbox import odd_paths
from smtpsniff.checks.offers import envelopes
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import said
from smtpsniff.checks.view import quote
from smtpsniff.smtp.extensions import PARAMETER_KEYWORD
from smtpsniff.smtp.parameters import DSN_PARAMETERS, PARAMETERS, value_fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View

__all__ = ["CHECKS"]

# esmtp-keyword ["=" esmtp-value] (RFC 5321 §4.1.2); SMTPUTF8 allows UTF-8 in values (RFC 6531
# §3.3), and whether it was asked for is another check's question.
_PARAMETER = re.compile(rb"[A-Za-z0-9][A-Za-z0-9-]*(?:=[!-<>-~\x80-\xff]+)?")
# Values in which = signs are met all the same: base64, and delimiters of VERP.
_WITH_EQUALS = re.compile(rb"(?:MTRK|XVERP|XRCPTFORWARD|X[A-Z0-9-]*)=[!-~]+", re.IGNORECASE)
_EXCHANGE_OFFERS = ("X-EXPS", "X-ANONYMOUSTLS")


def _known(verb: str, name: str) -> bool:
    return (verb, name) in PARAMETER_KEYWORD or (verb, name) in PARAMETERS


def _shown(name: str, value: str) -> str:
    return quote(f"{name}={value}" if value else name)


@check(
    "param-syntax-invalid",
    group="extension",
    severity="error",
    reference="RFC 5321 §4.1.2",
    wakes=("odd-parameters",),
    fires=r"""
        @G
        @E
        C "MAIL FROM:<s@a.example.net> SIZE==100\r\n"
        S "501 5.5.4 Syntax error\r\n"
    """,
    silent=r"""
        @G
        @EA
        C "MAIL FROM:<s@a.example.net> AUTH=<> \r\n"
        S "250 2.1.0 Ok\r\n"
    """,
)
def param_syntax_invalid(view: View) -> Iterator[Hit]:
    """The option behind the address is malformed.

    Trigger: what follows the address is not a row of keywords, each perhaps with one = sign and
    a value: no keyword, no value behind the =, a second =, a control character; or a blank is
    missing before the first.
    Advice: correct the client.
    Traps: blanks at the end are harmless; AUTH=<> is legal; private values and base64 end in =
    signs of their own. Something that begins with no keyword directly behind the > is
    path-syntax-invalid.
    """
    for exchange, path in odd_paths(view):
        behind = path.behind
        if re.match(rb"[A-Za-z0-9-]+=", behind):
            fault = f"a blank is missing before {quote(behind.split()[0])}"
        elif behind[:1] in (b" ", b"\t"):
            bad = next((word for word in behind.split() if not _well_formed(word)), None)
            fault = f"{quote(bad)} is neither a keyword nor keyword=value" if bad else ""
        else:
            continue
        if fault:
            yield view.at(f"In {said(exchange)} {fault}{heard(exchange)}.", exchange)


def _well_formed(word: bytes) -> bool:
    return bool(_PARAMETER.fullmatch(word) or _WITH_EQUALS.fullmatch(word))


@check(
    "param-duplicate",
    group="extension",
    severity="error",
    reference="RFC 5321 §4.1.2; RFC 1870 §6; RFC 3461 §4",
    wakes=("odd-parameters",),
    fires=r"""
        @G
        @E
        C "MAIL FROM:<s@a.example.net> SIZE=100 size=200\r\n"
        S "501 5.5.4 Syntax error\r\n"
    """,
    silent=r"""
        @G
        @E
        C "MAIL FROM:<s@a.example.net> RET=HDRS SIZE=100 BODY=8BITMIME\r\n"
        S "250 2.1.0 Ok\r\n"
    """,
)
def param_duplicate(view: View) -> Iterator[Hit]:
    """The same option was given twice.

    Trigger: a keyword stands twice in one MAIL or RCPT, in whatever case.
    Advice: correct the client; servers differ in which of the two they believe.
    Traps: a keyword that is part of another's value is none.
    """
    for exchange, pairs in envelopes(view):
        names = [name for name, _ in pairs]
        twice = [name for name in dict.fromkeys(names) if name and names.count(name) > 1]
        if twice:
            yield view.at(
                f"{said(exchange)} gives {quote(twice[0])} {names.count(twice[0])} times"
                f"{heard(exchange)}.",
                exchange,
            )


@check(
    "ext-param-unknown",
    group="extension",
    severity="warning",
    reference="RFC 5321 §4.1.1.11",
    wakes=("odd-parameters",),
    fires=r"""
        @G
        @E
        C "MAIL FROM:<s@a.example.net> FOO=1\r\n"
        S "555 5.5.4 Unsupported option\r\n"
    """,
    silent=r"""
        @G
        C "EHLO a.example.net\r\n"
        S "250-mx.example\r\n250 XFOO\r\n"
        C "MAIL FROM:<s@a.example.net> XFOO=1\r\n"
        S "250 2.1.0 Ok\r\n"
    """,
)
def ext_param_unknown(view: View) -> Iterator[Hit]:
    """Nobody knows this option.

    Trigger: a parameter of MAIL or RCPT that no extension has, or that belongs to the other of
    the two, and that is no keyword the server offered; an error where the server refused it.
    Advice: correct the client.
    Traps: Exchange servers use private parameters among themselves. After HELO any parameter is
    ext-param-not-offered; those of delivery receipts have dsn-param-invalid.
    """
    for exchange, pairs in envelopes(view):
        hello = exchange.hello
        if hello is None or not hello.extended:
            continue
        among_exchange = any(keyword in hello.offered for keyword in _EXCHANGE_OFFERS)
        for name, value in pairs:
            if not name or _known(exchange.verb, name) or name in DSN_PARAMETERS:
                continue
            other = "RCPT" if exchange.verb == "MAIL" else "MAIL"
            astray = _known(other, name)
            private = name in hello.offered or (among_exchange and name.startswith("X"))
            if private and not astray:
                continue
            what = f"belongs to {other}" if astray else "is in no list of parameters"
            yield view.at(
                f"{exchange.verb} carries {_shown(name, value)}, which {what}{heard(exchange)}.",
                exchange,
                severity=raised(exchange),
            )


@check(
    "dsn-param-invalid",
    group="extension",
    severity="error",
    reference="RFC 3461 §4",
    wakes=("odd-parameters",),
    fires=r"""
        @G
        @E
        @M
        C "RCPT TO:<r@mx.example> NOTIFY=NEVER,FAILURE\r\n"
        S "501 5.5.4 Syntax error\r\n"
    """,
    silent=r"""
        @G
        @E
        C "MAIL FROM:<s@a.example.net> ret=hdrs ENVID=QQ314159+2B\r\n"
        S "250 2.1.0 Ok\r\n"
        C "RCPT TO:<r@mx.example> NOTIFY=success,failure ORCPT=RFC822;r+2Bs@mx.example\r\n"
        S "250 2.1.5 Ok\r\n"
    """,
)
def dsn_param_invalid(view: View) -> Iterator[Hit]:
    """The request for delivery receipts is malformed.

    Trigger: RET is not FULL or HDRS; NOTIFY joins NEVER with others or has an unknown word;
    ENVID or ORCPT is too long or not encoded as it must be, or ORCPT lacks its type; or one of
    them stands in the wrong command.
    Advice: correct the client.
    Traps: keywords may be written in any case, but the digits behind a + sign are capitals.
    """
    for exchange, pairs in envelopes(view):
        for name, value in pairs:
            home = DSN_PARAMETERS.get(name)
            if home is None:
                continue
            if home != exchange.verb:
                fault = f"{name} belongs to {home}"
            else:
                fault = value_fault(PARAMETERS[home, name], value)
            if fault:
                yield view.at(
                    f"{exchange.verb} carries {_shown(name, value)}, but {fault}{heard(exchange)}.",
                    exchange,
                )


@check(
    "ext-param-value-invalid",
    group="extension",
    severity="error",
    reference="RFC 5321 §4.1.2 and the extension's own RFC",
    wakes=("odd-parameters",),
    fires=r"""
        @G
        @E
        C "MAIL FROM:<s@a.example.net> SIZE=many\r\n"
        S "501 5.5.4 Bad message size syntax\r\n"
    """,
    silent=r"""
        @G
        @E
        C "MAIL FROM:<s@a.example.net> SIZE=0 body=8bitmime SMTPUTF8\r\n"
        S "250 2.1.0 Ok\r\n"
    """,
)
def ext_param_value_invalid(view: View) -> Iterator[Hit]:
    """The option's value makes no sense.

    Trigger: the value of SIZE, BODY, BY, HOLDFOR, HOLDUNTIL, MT-PRIORITY, RRVS, AUTH and the
    like is not written as their RFC has it; a value behind SMTPUTF8 or REQUIRETLS, which have
    none; or both HOLDFOR and HOLDUNTIL.
    Advice: correct the client.
    Traps: values may be written in any case. A parameter that nobody knows is ext-param-unknown.
    """
    for exchange, pairs in envelopes(view):
        for name, value in pairs:
            row = PARAMETERS.get((exchange.verb, name))
            if row is None or name in DSN_PARAMETERS:
                continue
            fault = value_fault(row, value)
            if fault:
                yield view.at(
                    f"{exchange.verb} carries {_shown(name, value)}, but {fault} "
                    f"({row.reference}){heard(exchange)}.",
                    exchange,
                )
        if {"HOLDFOR", "HOLDUNTIL"} <= {name for name, _ in pairs}:
            yield view.at(
                f"{said(exchange)} gives both HOLDFOR and HOLDUNTIL; one of the two is allowed "
                f"(RFC 4865 §4){heard(exchange)}.",
                exchange,
            )


CHECKS = (
    param_syntax_invalid, param_duplicate, ext_param_unknown, dsn_param_invalid,
    ext_param_value_invalid,
)  # fmt: skip
