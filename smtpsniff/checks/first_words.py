"""Clients that speak before the server has greeted, and what becomes of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import NANOSECONDS, answer, said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.smtp.model import Exchange, Reply

__all__ = ["CHECKS"]

# Two taps, or two queues of one, can swap packets this close together.
TAP_DISORDER = 0.002
# A reply that scolds for early talking comes at once.
SCOLDING = 4

_SCOLDED = re.compile(r"synchroni[sz]ation|early talker|pregreet|improper", re.IGNORECASE)


def _early(view: View, disorder: float) -> Exchange | None:
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
    if first.early == "order" and (reply.time - first.first_time) / NANOSECONDS < disorder:
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
def command_before_greeting(view: View, *, disorder: float = TAP_DISORDER) -> Iterator[Hit]:
    """The sender spoke before the server had said hello, as spam programs do.

    Trigger: the first command was sent before the last line of the greeting had arrived: the
    acknowledgement number of its segment proves it, or where there is none the order of the
    packets; or the server closed without any greeting.
    Advice: make the client wait; mail servers do, and many turn away who does not.
    Traps: a PROXY header is no command, and TLS from the first octet is none. Clients that saw
    PIPECONNECT offered in an earlier session may speak early; that cannot be seen here.
    Thresholds:
        disorder (s): where only the order of packets tells, two of them this close together may
            have been captured the wrong way round.
    """
    first = _early(view, disorder)
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
        how = (
            f"{lead:.3f} s before {what}" if lead >= disorder else f"without having received {what}"
        )
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
def early_talker_rejected(view: View, *, disorder: float = TAP_DISORDER) -> Iterator[Hit]:
    """The server turned the sender away for talking too soon.

    Trigger: a command before the greeting, and a greeting with 4yz or 5yz, a reply that names
    synchronisation, early talkers or pregreeting, 521, or a server that hung up at once.
    Advice: make the client wait for the greeting's last line, the one with a blank after 220.
    Traps: a server that greets early talkers and serves them has not turned them away, and who
    closes after QUIT has not either.
    Thresholds:
        disorder (s): packets this close together may have been captured the wrong way round.
    """
    first = _early(view, disorder)
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
    if fin is None or fin.frame < first.frame:
        return  # the server had hung up before, for a reason of its own
    if not served and (left is None or fin.frame < left.frame):
        text = f"The server hung up after the early {said(first)}."
        hit = view.at(text, first)
        hit.frames = [*hit.frames, fin.frame]
        yield hit


CHECKS = (command_before_greeting, early_talker_rejected)
