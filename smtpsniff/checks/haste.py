"""Clients that do not wait for the reply to one command before they send the next."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtpsniff.checks.asking import (
    NOT_COMMANDS,
    body_early,
    heard,
    is_message,
    raised,
    unbroken_replies,
)
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import answer, said
from smtpsniff.smtp.verbs import VERBS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.records import Severity
    from smtpsniff.smtp.model import Exchange

__all__ = ["CHECKS"]

_HELLOS = frozenset({"EHLO", "HELO", "LHLO"})
# Nothing may follow these before their reply. Nothing at all may follow QUIT, which has a check
# of its own, as has whatever comes before the greeting.
_SYNC = frozenset(
    name for name, verb in VERBS.items() if verb.last_in_group and name not in NOT_COMMANDS
) - {"QUIT"} | {"<auth-response>"}
# AUTH with an initial response in one round trip may be followed (RFC 4954 §4).
_ONE_ROUND = re.compile(rb"(?:PLAIN|EXTERNAL)[ \t]+\S", re.IGNORECASE)
# An Exim client that knows the server from before may send all this ahead.
_AHEAD = ("PIPECONNECT", "X_PIPE_CONNECT")


def _known(view: View, exchange: Exchange) -> Exchange | None:
    """Whose reply this command did not wait for; None if it waited, or nobody can tell."""
    if not exchange.early or exchange.early_of is None or not view.clean(exchange):
        return None
    if not view.started or not unbroken_replies(view):
        return None
    if "variant-accepted" in view.topics:  # smuggled commands: who sent them meant them as text
        return None
    before = exchange.early_of.answers
    return before if before is not None and view.clean(before) else None


def _proof(exchange: Exchange, before: Exchange) -> str:
    """How it is known that the client did not wait."""
    reply = exchange.early_of
    assert reply is not None
    how = "its packet does not acknowledge" if exchange.early == "ack" else "it was seen before"
    return f"{how} the reply to {before.verb}, {answer(reply)}"


@check(
    "pipelining-not-offered",
    group="smtp-sequence",
    severity="warning",
    reference="RFC 5321 §4.3.1; RFC 2920 §3.1",
    wakes=("early",),
    fires=r"""
        @G
        @EN
        C "MAIL FROM:<s@a.example.net>\r\nRCPT TO:<r@mx.example>\r\n"
        S "250 Ok\r\n250 Ok\r\n"
    """,
    silent=r"""
        @G
        @E
        C "MAIL FROM:<s@a.example.net>\r\nRCPT TO:<r@mx.example>\r\n"
        S "250 Ok\r\n250 Ok\r\n"
    """,
)
def pipelining_not_offered(view: View) -> Iterator[Hit]:
    """The sender did not wait its turn.

    Trigger: a command was sent before the reply to the one before it, and the server does not
    offer PIPELINING; an error where the server refused it.
    Advice: correct the client, or let the server offer PIPELINING; Postfix and Exim can be told
    to hang up on such clients.
    Traps: only an acknowledgement number or the order of packets proves it. A message and its
    dot are no command. Where the EHLO was not captured nobody knows what was offered.
    """
    for exchange in view.dialogue.exchanges:
        if not exchange.early or exchange.verb in NOT_COMMANDS:
            continue
        before = _known(view, exchange)
        if before is None or before.verb in _HELLOS or before.verb == "<greeting>":
            continue
        if view.offered(exchange, "PIPELINING") is False:
            yield view.at(
                f"{said(exchange)} was sent too early: {_proof(exchange, before)}; PIPELINING is "
                f"not offered{heard(exchange)}.",
                exchange,
                severity=raised(exchange),
            )


@check(
    "pipelining-past-sync-command",
    group="smtp-sequence",
    severity="warning",
    reference="RFC 2920 §3.1; RFC 3207 §4; RFC 4954 §4",
    wakes=("early", "verb:DATA"),
    fires=r"""
        @G
        C "EHLO a.example.net\r\nMAIL FROM:<s@a.example.net>\r\n"
        S "250-mx.example\r\n250 PIPELINING\r\n250 Ok\r\n"
    """,
    silent=r"""
        @T
        C "BDAT 4\r\nhi\r\nBDAT 0 LAST\r\nQUIT\r\n"
        S "250 Ok\r\n250 Ok\r\n221 Bye\r\n"
    """,
)
def pipelining_past_sync_command(view: View) -> Iterator[Hit]:
    """Some commands must be the last word until answered; this one was not.

    Trigger: something was sent behind EHLO, HELO, DATA, VRFY, EXPN, TURN, NOOP, ETRN, STARTTLS,
    AUTH or the like before its reply; an error where the server refused it.
    Advice: a fault of the client; some servers answer 503, 554 or 454.
    Traps: BDAT, XCLIENT and XFORWARD may stand anywhere, and so may AUTH that needs one round
    trip only. Behind NOOP it is a note. A message before the 354 is message-before-354.
    """
    for exchange in view.dialogue.exchanges:
        if not exchange.early or exchange.verb == "<eom>":
            continue
        before = _known(view, exchange)
        if before is None or before.verb not in _SYNC:
            continue
        if before.verb == "AUTH" and _ONE_ROUND.match(before.argument):
            continue
        offered = exchange.hello.offered if exchange.hello is not None else ()
        if before.verb in _HELLOS and any(keyword in offered for keyword in _AHEAD):
            continue
        severity: Severity | None = "note" if before.verb == "NOOP" else raised(exchange)
        yield view.at(
            f"{said(exchange)} was sent too early: {_proof(exchange, before)}{heard(exchange)}.",
            exchange,
            severity=severity,
        )
    yield from _behind_data(view)


def _behind_data(view: View) -> Iterator[Hit]:
    """Bytes that became the message without looking like one: commands sent behind DATA."""
    for letter in view.dialogue.letters:
        data = letter.data
        if data is None or data.verb != "DATA" or data.reply is None or data.reply.kind != 3:
            continue
        if view.clean(data) and body_early(view, letter, data.reply) and not is_message(letter):
            yield view.at(
                f"The client went on behind DATA before it had {answer(data.reply)}.", data
            )


CHECKS = (pipelining_not_offered, pipelining_past_sync_command)
