"""Logins as checks see them (RFC 4954): attempts, what refused them, and no secret in a text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from smtpsniff.checks.saying import plural
from smtpsniff.checks.view import quote
from smtpsniff.smtp.reasons import classify
from smtpsniff.text import decode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.smtp.model import Exchange, Reply

__all__ = [
    "PLAIN", "Attempt", "attempts", "judge", "method", "methods_offered", "refusals", "verdict",
]  # fmt: skip

# A server that repeats the line it did not like would repeat the password; words shorter than
# this give nothing away and could be part of any sentence.
SHORTEST_SECRET = 4

# Methods whose client lines hold the password or a token that is as good (RFC 4954 §9).
PLAIN = frozenset({"PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"})
_KNOWN = PLAIN | {
    "ANONYMOUS", "CRAM-MD5", "DIGEST-MD5", "EXTERNAL", "GSSAPI", "KERBEROS_V4", "NTLM",
    "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS",
}  # fmt: skip
_LOGIN = frozenset({"AUTH", "X-EXPS", "<auth-response>"})
_ABOUT_TLS = re.compile(r"\b(?:start)?tls\b|\bssl\b|encrypt|secure connection", re.IGNORECASE)
_POLICY_CODES = frozenset({504, 534, 538})


class Attempt(NamedTuple):
    """One login: the command, its initial response if it had one, and the lines that followed."""

    command: Exchange
    mechanism: str
    initial: bytes
    responses: list[Exchange]

    @property
    def payloads(self) -> list[tuple[Exchange, bytes]]:
        """What the client sent of its login data, line by line."""
        lines = [(self.command, self.initial)]
        lines += [(exchange, exchange.argument) for exchange in self.responses]
        return [(at, data) for at, data in lines if data not in (b"", b"=", b"*")]

    @property
    def steps(self) -> list[Exchange]:
        """Command and lines."""
        return [self.command, *self.responses]


def attempts(view: View) -> list[Attempt]:
    """The logins of a session, in order."""
    found: list[Attempt] = []
    open_ = False
    for exchange in view.dialogue.exchanges:
        if exchange.verb in ("AUTH", "X-EXPS"):
            words = exchange.argument.split(None, 1)
            initial = words[1] if len(words) > 1 else b""
            mechanism = words[0].decode("latin-1") if words else ""
            found.append(Attempt(exchange, mechanism, initial, []))
            open_ = True
        elif exchange.verb == "<auth-response>" and open_:
            found[-1].responses.append(exchange)
        else:
            open_ = False
    return found


def method(attempt: Attempt) -> str:
    """The method's name, unless what stands in its place could be a password."""
    name = attempt.mechanism
    if name.upper() in _KNOWN or name.upper() in methods_offered(attempt):
        return f"{attempt.command.verb} {name.upper()}"
    return f"{attempt.command.verb} with a method of {plural(len(name), 'octet')}"


def methods_offered(attempt: Attempt) -> list[str]:
    """The methods that the server had offered."""
    hello = attempt.command.hello
    offered = hello.offered.get(attempt.command.verb, ()) if hello is not None else ()
    return [method.upper() for method in offered]


def judge(reply: Reply) -> str:
    """What a refusal of a login is about: one check each, or nothing that these checks tell."""
    code, enhanced = reply.code, reply.enhanced or ""
    if reply.kind == 4:
        reason = classify(code, reply.enhanced, reply.text, "AUTH").label
        return "" if reason == "tls-required" else "temporary"
    if reply.kind != 5:
        return ""
    if code in _POLICY_CODES or enhanced == "5.7.139":
        return "policy"
    if code == 535 and _ABOUT_TLS.search(reply.text):
        return "policy"
    if code == 535 or enhanced[1:] in (".7.8", ".7.3"):
        return "failed"
    return "policy" if code == 550 and enhanced.startswith("5.7.") else ""


def refusals(view: View, about: str) -> Iterator[tuple[int, Attempt, Exchange, Reply]]:
    """Refusals of one kind, each with the number of the attempt."""
    for number, attempt in enumerate(attempts(view), 1):
        for exchange in attempt.steps:
            reply = exchange.reply
            if reply is not None and view.clean(exchange) and judge(reply) == about:
                yield number, attempt, exchange, reply


def verdict(exchange: Exchange) -> str:
    """The reply in quotes, without what it repeats of a login; empty if there was none."""
    reply = exchange.reply
    if reply is None:
        return ""
    text = " ".join(reply.lines)
    if exchange.verb in _LOGIN:
        for word in map(decode, exchange.argument.split()):
            if len(word) >= SHORTEST_SECRET and word.upper() not in _KNOWN:
                text = text.replace(word, "…")
    return quote(f"{reply.code:03d} {text}")
