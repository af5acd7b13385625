"""Servers that close, lack what every server must have, or say the wrong thing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtpsniff.checks.asking import raised, shifted
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import NANOSECONDS, answer, said
from smtpsniff.smtp.extensions import COMMAND_LINE
from smtpsniff.smtp.model import Phase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.records import Severity
    from smtpsniff.smtp.model import Exchange, Reply

__all__ = ["CHECKS"]

# RFC 5321 §4.5.3.2.7: five minutes of silence are the client's fault; server-idle-timeout says
# so where the server closes after them.
PATIENCE = 300.0

_OPEN = frozenset(
    {Phase.ENVELOPE, Phase.RECIPIENTS, Phase.BODY, Phase.CHUNKS, Phase.EOM}
)  # a mail is on its way
_OF_MAIL = frozenset({"MAIL", "RCPT", "DATA", "BDAT", "<eom>"})
_MANDATORY = ("EHLO", "HELO", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT", "VRFY")
# Command lines that deserve no "command unknown": well formed from the verb to CR LF.
_WELL_FORMED = re.compile(
    rb"(?:(?:EHLO|HELO) [!-~]+|MAIL FROM:<[!-~]*>(?: [!-~]+)*|RCPT TO:<[!-~]+>(?: [!-~]+)*"
    rb"|DATA|RSET|QUIT|NOOP(?: [ -~]*)?|VRFY [ -~]+)[ \t]*\r\n",
    re.IGNORECASE,
)


@check(
    "reply-421-shutdown",
    group="reply",
    severity="warning",
    reference="RFC 5321 §3.8, §4.3.2",
    wakes=("421", "closed", "unsolicited"),
    fires=r"""
        @G
        @E
        S "421 4.3.2 shutting down\r\n"
        FIN S
        FIN C
    """,
    silent=r"""
        @G
        @E
        +301 S "421 4.4.2 timeout exceeded\r\n"
        FIN S
        FIN C
    """,
)
def reply_421_shutdown(view: View) -> Iterator[Hit]:
    """The server is closing the line: busy, restarting, rate limit or idle timeout.

    Trigger: any reply 421; an error where a mail was on its way.
    Advice: read the reason; the sender should try again later.
    Traps: after five minutes of silence it is the client's fault, and server-idle-timeout.
    """
    for reply in view.dialogue.replies:
        if reply.code != 421 or not view.two_sided:
            continue
        asked = reply.answers
        if asked is None and _silence_before(view, reply) >= PATIENCE:
            continue
        if asked is not None:
            pending = asked.verb in _OF_MAIL or asked.phase in _OPEN
        else:
            pending = view.dialogue.phase in _OPEN
        during = " while a mail was on its way" if pending else ""
        to = f" in answer to {_named(asked)}" if asked is not None else " unasked"
        severity: Severity | None = "error" if pending else None
        yield view.at(
            f"The server is closing: it sent {answer(reply)}{to}{during}.",
            reply=reply,
            severity=severity,
        )


def _named(exchange: Exchange) -> str:
    names = {"<greeting>": "the connection", "<eom>": "the message", "<auth-response>": "the login"}
    return names.get(exchange.verb) or said(exchange)


def _silence_before(view: View, reply: Reply) -> float:
    """Seconds in which neither side said anything before this reply."""
    times = [time for time in view.client.stream.times if time < reply.first_time]
    times += [time for time in view.server.stream.times if time < reply.first_time]
    return (reply.first_time - max(times, default=view.connection.start)) / NANOSECONDS


@check(
    "data-answered-2xx",
    group="reply",
    severity="error",
    reference="RFC 5321 §4.3.2",
    wakes=("odd-reply",),
    fires=r"""
        @T
        C "DATA\r\n"
        S "250 Ok\r\n"
    """,
    silent=r"""
        @T
        @D
        C "hi\r\n.\r\nMAIL FROM:<s@a.example.net>\r\nRCPT TO:<r@mx.example>\r\nDATA\r\n"
        S "250 Ok\r\n250 Ok\r\n250 Ok\r\n354 go\r\n"
    """,
)
def data_answered_2xx(view: View) -> Iterator[Hit]:
    """The server should have said "go ahead" (354) but said "done".

    Trigger: DATA was answered 2yz.
    Advice: a broken server, or client and server have lost step; mail may be lost in silence.
    Traps: in a pipeline the late reply to the message before may stand here; replies are
    therefore counted.
    """
    exchanges = view.dialogue.exchanges
    for exchange, reply in view.answered("DATA"):
        if reply.kind == 2 and not shifted(exchanges, exchanges.index(exchange)):
            yield view.at(f"DATA was answered {answer(reply)} instead of 354.", exchange)


@check(
    "mandatory-command-refused",
    group="reply",
    severity="warning",
    reference="RFC 5321 §4.5.1, §4.3.2",
    wakes=("unknown-to-server",),
    fires=r"""
        @G
        @E
        C "RSET\r\n"
        S "502 5.5.1 not implemented\r\n"
    """,
    silent=r"""
        @G
        C "EHLO a.example.net\r\n"
        S "500 what?\r\n"
        C "HELO a.example.net\r\n"
        S "250 mx.example\r\n"
    """,
)
def mandatory_command_refused(view: View) -> Iterator[Hit]:
    """The server does not know a basic command.

    Trigger: 500 or 502 to EHLO, HELO, MAIL, RCPT, DATA, RSET, NOOP or QUIT, an error as it
    refuses that command; a note for VRFY.
    Advice: a firewall that rewrites commands, or a toy server.
    Traps: a malformed or overlong line earned its 500. EHLO refused and HELO tried is
    helo-fallback.
    """
    for exchange, reply in view.answered(*_MANDATORY):
        if reply.code not in (500, 502) or exchange.phase is Phase.UNKNOWN:
            continue
        if not _WELL_FORMED.fullmatch(exchange.line) or len(exchange.line) > COMMAND_LINE:
            continue
        if exchange.verb == "EHLO" and any(
            e.verb == "HELO" and e.start > exchange.start for e in view.dialogue.hellos
        ):
            continue
        severity: Severity | None = "note" if exchange.verb == "VRFY" else raised(exchange)
        yield view.at(
            f"The server answered {said(exchange)}, which every server must know, with "
            f"{answer(reply)}.",
            exchange,
            severity=severity,
        )


CHECKS = (reply_421_shutdown, data_answered_2xx, mandatory_command_refused)
