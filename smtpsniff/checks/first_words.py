"""The client's first words: too early, in another protocol, or encrypted where nobody expects it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import (
    NANOSECONDS,
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
    from smtpsniff.smtp.model import Exchange, Reply

__all__ = ["CHECKS"]

# Two taps, or two queues of one, can swap packets this close together.
TAP_DISORDER = 0.002
# A client of implicit TLS speaks at once: who waits this long for a greeting expects clear text.
WAITED = 5.0
# Fewer lines with a colon can be typing errors.
HEADER_LINES = 3
# A reply that scolds for early talking comes at once.
SCOLDING = 4
SMTPS = 465

_SCOLDED = re.compile(r"synchroni[sz]ation|early talker|pregreet|improper", re.IGNORECASE)
_FOREIGN = re.compile(rb"(?:GET|POST|HEAD|PUT|CONNECT|OPTIONS) \S+ HTTP/|SSH-")
_HEADER = re.compile(rb"[!-9;-~]{1,76}:[ \t]")


def _early(view: View) -> Exchange | None:
    """The first command, if it was sent before the greeting was complete."""
    greeting = view.dialogue.greeting
    if greeting is None or not view.started or not view.clean(greeting):
        return None
    first = next((e for e in view.dialogue.exchanges if e is not greeting), None)
    if first is None or first.tainted:
        return None
    reply = greeting.reply
    if reply is None:
        server = view.server
        never = not server.stream.end and not server.stream.gaps
        return first if never and (server.fin or server.rst) else None
    if not first.early or first.early_of is not reply:
        return None
    if first.early == "order" and (reply.time - first.first_time) / NANOSECONDS < TAP_DISORDER:
        return None
    return first


@check(
    "command-before-greeting",
    group="smtp-sequence",
    severity="warning",
    reference="RFC 5321 §4.3.1",
    wakes=("early", "unanswered"),
    fires="""
        OPEN
        C "EHLO a.example.net\\r\\n"
        +0.5 S "220 mx.example ESMTP\\r\\n"
        S "250 mx.example\\r\\n"
        @Q
    """,
    silent="""
        OPEN
        C "PROXY TCP4 192.0.2.1 192.0.2.9 4711 25\\r\\n"
        +0.5 S "220 mx.example ESMTP\\r\\n"
        @EN
        @Q
    """,
)
def command_before_greeting(view: View) -> Iterator[Hit]:
    """The sender spoke before the server had said hello, as spam programs do.

    Trigger: the first command was sent before the last line of the greeting had arrived: the
    acknowledgement number of its segment proves it, or where there is none the order of the
    packets; or the server closed without any greeting.
    Advice: make the client wait; mail servers do, and many turn away who does not.
    Traps: a PROXY header is no command, and TLS from the first octet is none. Clients that saw
    PIPECONNECT offered in an earlier session may speak early; that cannot be seen here.
    """
    first = _early(view)
    if first is None:
        return
    greeting = view.dialogue.greeting
    reply = greeting.reply if greeting is not None else None
    how = "though the server never greeted"
    refused = first.refused
    if reply is not None:
        refused = refused or reply.kind > 3
        lead = (reply.time - first.first_time) / NANOSECONDS
        what = "the end of the greeting" if _between(first, reply) else "the greeting"
        how = f"{lead:.3f} s before {what}" if lead > 0 else f"without having received {what}"
    text = f"The client sent {said(first)} {how}."
    hit = view.at(text, first, reply, severity="error" if refused else None)
    yield hit


def _between(first: Exchange, reply: Reply) -> bool:
    """Whether part of the greeting was there when the client spoke."""
    return len(reply.lines) > 1 and reply.first_frame < first.first_frame


@check(
    "early-talker-rejected",
    group="smtp-sequence",
    severity="error",
    reference="RFC 5321 §4.3.1",
    wakes=("early", "unanswered"),
    fires="""
        OPEN
        C "EHLO a.example.net\\r\\n"
        S "554 SMTP synchronization error\\r\\n"
        FIN S
    """,
    silent="""
        OPEN
        C "EHLO a.example.net\\r\\n"
        +0.5 S "220 mx.example ESMTP\\r\\n"
        S "250 mx.example\\r\\n"
        @Q
    """,
)
def early_talker_rejected(view: View) -> Iterator[Hit]:
    """The server turned the sender away for talking too soon.

    Trigger: a command before the greeting, and a greeting with 4yz or 5yz, a reply that names
    synchronisation, early talkers or pregreeting, 521, or a server that hung up at once.
    Advice: make the client wait for the greeting's last line, the one with a blank after 220.
    Traps: a server that greets early talkers and serves them has not turned them away, and who
    closes after QUIT has not either.
    """
    first = _early(view)
    if first is None:
        return
    replies = view.dialogue.replies
    for number, reply in enumerate(replies[:SCOLDING]):
        refused = number == 0 and reply.kind > 3
        if refused or reply.code == 521 or _SCOLDED.search(reply.text):
            text = f"The server turned the early {said(first)} away: {answer(reply)}."
            yield view.at(text, first, reply)
            return
    fin = view.server.fin or view.server.rst
    served = any(e.accepted for e in view.dialogue.exchanges if e.line)
    left = view.client.fin or view.client.rst
    if fin is not None and not served and (left is None or fin.frame < left.frame):
        text = f"The server hung up after the early {said(first)}."
        hit = view.at(text, first)
        hit.frames = [*hit.frames, fin.frame]
        yield hit


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
def protocol_not_smtp(view: View) -> Iterator[Hit]:
    """Something that is not a mail program is talking to the mail port.

    Trigger: the server greeted as a mail server does, and a line of the client is a request of
    HTTP or SSH's first line, or three lines or more look like header fields and none is a
    command of SMTP.
    Advice: browsers made to attack, searches for open proxies, scanners; block them, and forbid
    such words in the mail server.
    Traps: TLS has a check of its own. Header fields after a refused DATA are a message.
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
    if len(headers) >= HEADER_LINES and not commands:
        text = f"The client sends header fields instead of commands, the first {said(headers[0])}."
        yield view.at(text, headers[0])


@check(
    "tls-on-plaintext-port",
    group="tls",
    severity="error",
    reference="RFC 3207",
    wakes=("unknown-verb", "tls"),
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
def tls_implicit_expected(view: View) -> Iterator[Hit]:
    """This port expects encryption from the first octet.

    Trigger: on port 465 the client sends clear text, or waits 5 s for a greeting, and the
    server stays silent, sends a TLS alert or closes.
    Advice: choose "SSL/TLS" instead of "STARTTLS" for port 465.
    Traps: a server that greets in clear on port 465 is a note. Other ports may expect TLS too,
    but nothing in one session says so.
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
    if not alert and waited < WAITED and not (spoke is not None and view.closed):
        return
    end = "a TLS alert" if alert else "no answer"
    did = f"sent {said(spoke)} in clear" if spoke is not None else f"waited {duration(waited)}"
    text = f"The client {did} on port 465 and got {end}."
    hit = mark_hit(text, view.client.handshake or view.client.syn)
    if spoke is not None:
        hit = view.at(text, spoke)
    yield hit


CHECKS = (
    command_before_greeting,
    early_talker_rejected,
    protocol_not_smtp,
    tls_on_plaintext_port,
    tls_implicit_expected,
)
