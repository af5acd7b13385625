"""Clients that meant another port: other protocols, TLS or clear text where it does not belong."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import (
    answer,
    connected_at,
    duration,
    greeting_of,
    handshake_done,
    mark_hit,
    said,
)
from smtpsniff.checks.view import quote
from smtpsniff.smtp.verbs import VERBS
from smtpsniff.tls import is_client_hello, is_record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.smtp.model import Exchange

__all__ = ["CHECKS"]

SMTPS = 465

_FOREIGN = re.compile(rb"(?:GET|POST|HEAD|PUT|CONNECT|OPTIONS) \S+ HTTP/|SSH-")
_HEADER = re.compile(rb"[!-9;-~]{1,76}:[ \t]")


@check(
    "protocol-not-smtp",
    group="security",
    severity="warning",
    reference="RFC 5321 §4.1.1",
    wakes=("unknown-verb",),
    fires="""
        @G
        C "GET / HTTP/1.1\\r\\n"
        S "500 5.5.2 unknown\\r\\n"
    """,
    silent="""
        @G
        C "GET\\r\\n"
        S "500 5.5.2 unknown\\r\\n"
        @Q
    """,
)
def protocol_not_smtp(view: View, *, lines: int = 3) -> Iterator[Hit]:
    """Something that is not a mail program is talking to the mail port.

    Trigger: the server greeted as a mail server does, and a line of the client is a request of
    HTTP or SSH's first line, or three lines (`lines`) or more look like header fields and none
    is a command of SMTP.
    Advice: browsers made to attack, searches for open proxies, scanners; block them, and forbid
    such words in the mail server.
    Traps: TLS has a check of its own. Header fields after a refused DATA are a message.
    Thresholds:
        lines (lines, at least 1): fewer lines with a colon can be typing errors.
    """
    greeting = view.dialogue.greeting
    reply = greeting.reply if greeting is not None else None
    if reply is None or (reply.code != 220 and reply.kind != 5):
        return
    headers: list[Exchange] = []
    commands = 0
    for exchange in view.dialogue.exchanges:
        if _FOREIGN.match(exchange.line):
            yield view.at(f"The client does not speak SMTP: {said(exchange)}.", exchange)
            return
        commands += exchange.verb in VERBS and bool(exchange.line)
        if exchange.verb not in VERBS and _HEADER.match(exchange.line):
            headers.append(exchange)
    if len(headers) >= lines and not commands:
        text = f"The client sends header fields instead of commands, the first {said(headers[0])}."
        yield view.at(text, headers[0])


@check(
    "tls-on-plaintext-port",
    group="tls",
    severity="error",
    reference="RFC 3207",
    wakes=("line-end", "unknown-verb", "tls"),
    fires="""
        @G
        @CH
        S "500 5.5.2 Error: bad syntax\\r\\n"
    """,
    silent="""
        @G
        @ET
        C "STARTTLS\\r\\n"
        S "220 2.0.0 go\\r\\n"
        @CH
        @SH
    """,
)
def tls_on_plaintext_port(view: View) -> Iterator[Hit]:
    """The sender started encrypting on a port that begins in clear text.

    Trigger: a ClientHello before any STARTTLS where the server greeted in clear.
    Advice: use STARTTLS on ports 25 and 587, or connect to port 465.
    Traps: on port 465 the same ClientHello is right, unless the server greets in clear.
    """
    tls = view.dialogue.tls
    if tls is not None and tls.how == "implicit":
        if tls.injected_reply[:3].isdigit():
            text = f"The client began with TLS, the server in clear: {quote(tls.injected_reply)}."
            yield Hit(text, [tls.frame], tls.time)
        return
    for exchange in view.dialogue.exchanges:
        if exchange.verb in ("STARTTLS", "X-ANONYMOUSTLS"):
            return
        if is_client_hello(exchange.line) or is_record(exchange.line):
            text = "The client began TLS where the server speaks in clear"
            if exchange.reply is not None:
                text += f", and got {answer(exchange.reply)}"
            yield view.at(text + ".", exchange)
            return


@check(
    "tls-implicit-expected",
    group="tls",
    severity="error",
    reference="RFC 8314 §3.3",
    wakes=("clear",),
    fires="""
        SESSION server_port=465
        OPEN
        +6.0 FIN C
    """,
    silent="""
        SESSION server_port=465
        OPEN
        +1.0 FIN C
    """,
)
def tls_implicit_expected(view: View, *, after: float = 5.0) -> Iterator[Hit]:
    """This port expects encryption from the first octet.

    Trigger: on port 465 the client sends clear text, or waits 5 s (`after`) for a greeting, and
    the server stays silent, sends a TLS alert or closes.
    Advice: choose "SSL/TLS" instead of "STARTTLS" for port 465.
    Traps: a server that greets in clear on port 465 is a note. Other ports may expect TLS too,
    but nothing in one session says so.
    Thresholds:
        after (s): a client of implicit TLS speaks at once: who waits expects clear text.
    """
    if view.session.server.port != SMTPS or view.dialogue.tls is not None:
        return
    found = greeting_of(view)
    if found is not None:
        if found[1].code == 220:
            text = f"The server speaks plain SMTP on port 465: {answer(found[1])}."
            yield view.at(text, *found, severity="note")
        return
    if not handshake_done(view) or any(reply.code for reply in view.dialogue.replies):
        return
    alert = any(is_record(line) for r in view.dialogue.replies for line in r.garbage)
    waited = view.waited(connected_at(view))
    spoke = next((e for e in view.dialogue.exchanges if e.line), None)
    if not alert and waited < after and not (spoke is not None and view.closed):
        return
    end = "a TLS alert" if alert else "no answer"
    did = f"sent {said(spoke)} in clear" if spoke is not None else f"waited {duration(waited)}"
    text = f"The client {did} on port 465 and got {end}."
    hit = mark_hit(text, view.client.handshake or view.client.syn)
    if spoke is not None:
        hit = view.at(text, spoke)
    yield hit


CHECKS = (protocol_not_smtp, tls_on_plaintext_port, tls_implicit_expected)
