"""Servers that close, lack what every server must have, say the wrong thing, or miscount."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtpsniff.checks.asking import NOT_COMMANDS, raised, shifted, unbroken, unbroken_replies
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import NANOSECONDS, answer, plural, said
from smtpsniff.smtp.extensions import COMMAND_LINE
from smtpsniff.smtp.model import Phase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.records import Severity
    from smtpsniff.smtp.model import Exchange, Letter, Reply

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


@check(
    "lmtp-reply-count",
    group="reply",
    severity="error",
    reference="RFC 2033 §4.2",
    wakes=("verb:LHLO",),
    fires=r"""
        @G
        C "LHLO a.example.net\r\n"
        S "250-mx.example\r\n250 PIPELINING\r\n"
        @M
        @R
        @R
        @D
        C "hi\r\n.\r\n"
        S "250 2.0.0 one\r\n"
        +5 C "QUIT\r\n"
        S "221 2.0.0 Bye\r\n"
    """,
    silent=r"""
        @G
        C "LHLO a.example.net\r\n"
        S "250-mx.example\r\n250 PIPELINING\r\n"
        @M
        @R
        @R
        @D
        C "hi\r\n.\r\n"
        S "250 2.0.0 one\r\n452 4.2.2 two full\r\n"
        @Q
    """,
)
def lmtp_reply_count(view: View) -> Iterator[Hit]:
    """The local delivery server must answer once per recipient.

    Trigger: the answers to a message are more or fewer than the accepted recipients; or DATA
    was not answered 503 where there was none.
    Advice: a fault of the server; mail may arrive twice or be lost.
    Traps: where the session ended early it is eom-reply-missing.
    """
    if not view.dialogue.lmtp or not unbroken(view) or not unbroken_replies(view):
        return
    for letter in view.dialogue.letters:
        eom, accepted = letter.eom, sum(r.accepted for r in letter.recipients)
        if accepted == 0:
            yield from _to_nobody(view, letter)
            continue
        if eom is None or not view.clean(eom):
            continue
        got = _answers(view, eom)
        if got != accepted and eom.replies:
            yield view.at(
                f"{plural(accepted, 'recipient')} of the message had been accepted, but the "
                f"server gave {plural(got, 'answer')}.",
                eom,
                eom.replies[0],
            )


def _to_nobody(view: View, letter: Letter) -> Iterator[Hit]:
    """No recipient was accepted: DATA has to be refused with 503."""
    data = letter.data
    if data is None or data.verb != "DATA" or data.reply is None or not view.clean(data):
        return
    if letter.mail is not None and data.reply.code not in (503, 421):
        yield view.at(
            f"No recipient had been accepted, and DATA was answered {answer(data.reply)} "
            f"instead of 503.",
            data,
        )


def _answers(view: View, eom: Exchange) -> int:
    """How many answers the message really got.

    A 221 among them answers QUIT, which stands unanswered. Those that nobody asked for came
    on top. Where the session stopped early the missing ones cannot be judged.
    """
    letter = eom.letter
    accepted = sum(r.accepted for r in letter.recipients) if letter is not None else 0
    goodbyes = [i for i, reply in enumerate(eom.replies) if reply.code == 221]
    if goodbyes:
        return goodbyes[0]
    if len(eom.replies) < accepted:
        return accepted
    end = eom.replies[-1].end if eom.replies else eom.end
    exchanges = view.dialogue.exchanges
    later = exchanges[exchanges.index(eom) + 1 :]
    if any(_farewell_too_soon(e) for e in later):
        return accepted - 1
    until = next((e.replies[0].start for e in later if e.replies), None)
    surplus = [
        r for r in view.dialogue.unsolicited if r.start >= end and (until is None or r.end <= until)
    ]
    return accepted + len(surplus)


def _farewell_too_soon(exchange: Exchange) -> bool:
    """Whether this command got the 221 of the QUIT behind it: one answer is missing before."""
    reply = exchange.reply
    verb = exchange.verb
    return reply is not None and reply.code == 221 and verb != "QUIT" and verb not in NOT_COMMANDS


CHECKS = (
    reply_421_shutdown, data_answered_2xx, mandatory_command_refused, lmtp_reply_count,
)  # fmt: skip
