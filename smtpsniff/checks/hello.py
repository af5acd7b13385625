"""EHLO and HELO: whether and how the two introduced themselves (RFC 5321 §4.1.1.1, §4.1.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.checks.greeting import masked
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import answer, greeting_of, said, whole_from
from smtpsniff.smtp.extensions import EXTENSIONS, parse_ehlo_keyword
from smtpsniff.smtp.model import Phase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.records import Severity
    from smtpsniff.smtp.model import Exchange

__all__ = ["CHECKS"]

# A client that still means to try HELO does so within the time for one command (RFC 5321
# §4.5.3.2): if the capture shows more than this of silence, it did not.
LAST_CHANCE = 300.0

_HELLOS = ("EHLO", "HELO", "LHLO")
_MAILS = ("MAIL", "SEND", "SOML", "SAML")
# After these a new introduction is due, or at least usual.
_NEW_START = frozenset({"XCLIENT", "AUTH", "X-EXPS", "STARTTLS", "X-ANONYMOUSTLS", "ATRN", "TURN"})


@check(
    "mail-before-ehlo",
    group="smtp-sequence",
    severity="error",
    reference="RFC 5321 §4.1.1.1, §4.1.4",
    wakes=("no-hello",),
    fires="""
        @G
        C "MAIL FROM:<s@a.example.net>\\r\\n"
        S "503 5.5.1 Error: send HELO/EHLO first\\r\\n"
        @Q
    """,
    silent="""
        @G
        C "NOOP\\r\\n"
        S "250 Ok\\r\\n"
        @EN
        @M
        @Q
    """,
)
def mail_before_ehlo(view: View) -> Iterator[Hit]:
    """The sender skipped introducing itself.

    Trigger: MAIL after the greeting, or after XCLIENT, with no EHLO or HELO accepted yet.
    Advice: let the client send EHLO.
    Traps: pipelined behind an EHLO that is then accepted it is in order. Where the beginning is
    unknown nothing is said.
    """
    for exchange in view.dialogue.exchanges:
        if exchange.verb not in _MAILS or exchange.phase is not Phase.PRE_EHLO:
            continue
        reply = exchange.reply
        if reply is None or exchange.hello is None or not view.clean(exchange):
            continue
        tried = any(e.end <= exchange.start for e in view.dialogue.hellos)
        how = "though no introduction had been accepted" if tried else "without an introduction"
        yield view.at(f"The client sent {said(exchange)} {how}: {answer(reply)}.", exchange)


@check(
    "helo-fallback",
    group="smtp-sequence",
    severity="note",
    reference="RFC 5321 §3.2",
    wakes=("verb:HELO",),
    fires="""
        @G
        C "EHLO a.example.net\\r\\n"
        S "500 unknown\\r\\n"
        C "HELO a.example.net\\r\\n"
        S "250 mx.example\\r\\n"
        @Q
    """,
    silent="""
        @G
        C "HELO a.example.net\\r\\n"
        S "250 mx.example\\r\\n"
        @Q
    """,
)
def helo_fallback(view: View) -> Iterator[Hit]:
    """The server did not take the modern hello, so the old one was used.

    Trigger: EHLO was answered 4yz or 5yz, and a HELO after it was accepted.
    Advice: the server, or a firewall in front of it, lacks extensions: no TLS, no size limits.
    Traps: with a blacked-out greeting or command the firewall did it: a warning.
    """
    refused: Exchange | None = None
    for exchange in view.dialogue.hellos:
        if not view.clean(exchange):
            refused = None
        elif exchange.verb == "EHLO" and exchange.refused:
            refused = exchange
        elif exchange.verb == "HELO" and exchange.accepted and refused is not None:
            severity: Severity | None = "warning" if _inspected(view) else None
            no = f": {answer(refused.reply)}" if refused.reply is not None else ""
            text = f"The server refused {said(refused)} but took HELO{no}."
            hit = view.at(text, refused, severity=severity)
            hit.frames = [refused.frame, exchange.frame]
            yield hit
            refused = None


def _inspected(view: View) -> bool:
    """Whether a firewall seems to have overwritten the greeting or a command."""
    greeting = view.dialogue.greeting
    if greeting is not None and greeting.reply is not None and masked(greeting.reply):
        return True
    return any(len(e.verb) >= 4 and not e.verb.strip("X") for e in view.dialogue.exchanges)


@check(
    "helo-used",
    group="smtp-sequence",
    severity="note",
    reference="RFC 5321 §3.2",
    wakes=("verb:HELO",),
    fires="""
        @G
        C "HELO a.example.net\\r\\n"
        S "250 mx.example\\r\\n"
        @Q
    """,
    silent="""
        OPEN
        S "220 mx.example\\r\\n"
        C "HELO a.example.net\\r\\n"
        S "250 mx.example\\r\\n"
        @Q
    """,
)
def helo_used(view: View) -> Iterator[Hit]:
    """The sender uses the old hello and so gives up encryption and other features.

    Trigger: HELO is the first hello although the greeting says ESMTP.
    Advice: upgrade the client, or configure it to send EHLO.
    Traps: Postfix does so on purpose behind a blacked-out greeting. What the server offered in
    other sessions cannot be seen here.
    """
    found = greeting_of(view)
    first = next(iter(view.dialogue.hellos), None)
    if found is None or first is None or first.verb != "HELO" or not view.clean(first):
        return
    if first.first_frame >= found[1].first_frame and "ESMTP" in found[1].text.upper():
        text = f"The client said {said(first)} to a server that greets with {answer(found[1])}."
        yield view.at(text, first)


@check(
    "ehlo-reply-to-helo",
    group="reply",
    severity="warning",
    reference="RFC 5321 §3.2",
    wakes=("verb:HELO",),
    fires="""
        @G
        C "HELO a.example.net\\r\\n"
        S "250-mx.example\\r\\n250 SIZE 10000\\r\\n"
        @Q
    """,
    silent="""
        @G
        C "HELO a.example.net\\r\\n"
        S "250-mx.example\\r\\n250 Pleased to meet you\\r\\n"
        @Q
    """,
)
def ehlo_reply_to_helo(view: View) -> Iterator[Hit]:
    """The server listed extensions to a client that did not ask for them.

    Trigger: the reply to HELO has further lines, and one of them is a registered keyword.
    Advice: have the server corrected.
    Traps: text for people over several lines is allowed; a keyword counts in capitals only,
    and with parameters only where it has some.
    """
    for exchange, reply in view.answered("HELO"):
        if reply.kind == 2 and any(map(_is_keyword, reply.lines[1:])):
            text = f"The server answered {said(exchange)} with extensions: {answer(reply)}."
            yield view.at(text, exchange)


def _is_keyword(line: str) -> bool:
    keyword, params = parse_ehlo_keyword(line)
    row = EXTENSIONS.get(keyword)
    if row is None or not row.registered or not line.lstrip().startswith(keyword):
        return False
    return not params or bool(row.params)


@check(
    "ehlo-rejected",
    group="reply",
    severity="error",
    reference="RFC 5321 §4.1.4, §4.3.2",
    wakes=("refused:EHLO", "refused:HELO", "refused:LHLO"),
    fires="""
        @G
        C "EHLO a.example.net\\r\\n"
        S "550 5.7.1 Go away\\r\\n"
        @Q
    """,
    silent="""
        @G
        C "EHLO a.example.net\\r\\n"
        S "502 5.5.1 unknown\\r\\n"
        C "HELO a.example.net\\r\\n"
        S "250 mx.example\\r\\n"
        @Q
    """,
)
def ehlo_rejected(view: View) -> Iterator[Hit]:
    """The server did not accept the introduction, so no mail can follow.

    Trigger: EHLO, HELO or LHLO was answered 4yz or 5yz, and no later one was accepted until the
    session closed.
    Advice: a policy for names, a block list or a rate limit; the text says which.
    Traps: if HELO then succeeds that is only a fallback. While the session may go on, behind a
    gap or inside TLS, nothing is certain.
    """
    hellos = view.dialogue.hellos
    start = max((i for i, e in enumerate(hellos) if e.accepted or e.lost), default=-1) + 1
    refused = [e for e in hellos[start:] if e.refused and view.clean(e)]
    if not refused or view.dialogue.opaque or not whole_from(view, refused[0].frame):
        return
    if not view.closed and view.waited(refused[-1].time) < LAST_CHANCE:
        return
    for exchange in refused:
        if exchange.reply is not None:
            yield view.at(
                f"The server refused {said(exchange)}: {answer(exchange.reply)}.", exchange
            )


@check(
    "ehlo-repeated",
    group="smtp-sequence",
    severity="note",
    reference="RFC 5321 §4.1.4",
    wakes=("hello-again",),
    fires="""
        @G
        @EN
        @EN
        @Q
    """,
    silent="""
        @G
        @EA
        C "AUTH PLAIN AGEAYg==\\r\\n"
        S "235 2.7.0 Ok\\r\\n"
        @EA
        @Q
    """,
)
def ehlo_repeated(view: View) -> Iterator[Hit]:
    """The sender introduced itself twice; that quietly cancels any unfinished message.

    Trigger: two accepted EHLO or HELO with neither XCLIENT, AUTH nor STARTTLS between them.
    Advice: harmless, but RSET is what cancels a message; if it cancelled one: a warning.
    Traps: after XCLIENT, a login or TLS a second EHLO is due or usual.
    """
    if len(view.dialogue.hellos) < 2:
        return
    before: Exchange | None = None
    for exchange in view.dialogue.exchanges:
        if exchange.verb in _NEW_START:
            before = None
        elif exchange.verb in _HELLOS and exchange.accepted and view.clean(exchange):
            if before is not None:
                lost = exchange.phase in (Phase.ENVELOPE, Phase.RECIPIENTS)
                text = f"The client introduced itself again with {said(exchange)}"
                text += " and so gave up the mail it had begun." if lost else "."
                hit = view.at(text, exchange, severity="warning" if lost else None)
                hit.frames = [before.frame, exchange.frame]
                yield hit
            before = exchange


CHECKS = (
    mail_before_ehlo,
    helo_fallback,
    helo_used,
    ehlo_reply_to_helo,
    ehlo_rejected,
    ehlo_repeated,
)
