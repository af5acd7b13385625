"""One answer for each recipient: LMTP (RFC 2033) and PRDR, and where LMTP must not be."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from smtpsniff.checks.asking import NOT_COMMANDS, heard, places, unbroken, unbroken_replies
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import answer, plural, said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.smtp.model import Exchange, Letter

__all__ = ["CHECKS"]

SMTP_PORT = 25


@check(
    "lmtp-on-port-25",
    group="smtp-sequence",
    severity="error",
    reference="RFC 2033 §5",
    wakes=("verb:LHLO",),
    fires=r"""
        @G
        C "LHLO a.example.net\r\n"
        S "500 5.5.1 what?\r\n"
    """,
    silent=r"""
        SESSION server_port=24
        @G
        C "LHLO a.example.net\r\n"
        S "250-mx.example\r\n250 PIPELINING\r\n"
    """,
)
def lmtp_on_port_25(view: View) -> Iterator[Hit]:
    """The local-delivery dialect was used on the public mail port.

    Trigger: LHLO on port 25.
    Advice: use another port, or a socket of the machine; other mail servers would not know what
    to make of its several answers.
    Traps: on any other port LMTP is where it belongs.
    """
    if view.session.server.port != SMTP_PORT:
        return
    for exchange in view.exchanges("LHLO"):
        if view.clean(exchange):
            yield view.at(
                f"{said(exchange)} begins LMTP on port {SMTP_PORT}, which is for SMTP"
                f"{heard(exchange)}.",
                exchange,
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
    answers = _Answers(view)
    for letter in view.dialogue.letters:
        eom, accepted = letter.eom, sum(r.accepted for r in letter.recipients)
        if accepted == 0:
            yield from _to_nobody(view, letter)
            continue
        if eom is None or not view.clean(eom):
            continue
        got = answers.count(eom, accepted)
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


class _Answers:
    """Counts the answers that messages really got; made once, for sessions can be long."""

    def __init__(self, view: View) -> None:
        dialogue = view.dialogue
        self.exchanges = dialogue.exchanges
        self.at = places(view)
        soon = (i for i, e in enumerate(self.exchanges) if _farewell_too_soon(e))
        self.farewell = max(soon, default=-1)
        self.surplus = [reply.start for reply in dialogue.unsolicited]

    def count(self, eom: Exchange, owed: int) -> int:
        """How many answers this message got, of those that were owed.

        A 221 among them answers QUIT, which stands unanswered. Those that nobody asked for came
        on top. Where the session stopped early the missing ones cannot be judged.
        """
        goodbyes = [i for i, reply in enumerate(eom.replies) if reply.code == 221]
        if goodbyes:
            return goodbyes[0]
        if len(eom.replies) < owed:
            return owed
        place = self.at[id(eom)]
        if self.farewell > place:
            return owed - 1
        end = eom.replies[-1].end if eom.replies else eom.end
        later = (self.exchanges[i] for i in range(place + 1, len(self.exchanges)))
        until = next((e.replies[0].start for e in later if e.replies), None)
        first = bisect_left(self.surplus, end)
        last = len(self.surplus) if until is None else bisect_left(self.surplus, until)
        return owed + max(last - first, 0)


def _farewell_too_soon(exchange: Exchange) -> bool:
    """Whether this command got the 221 of the QUIT behind it: one answer is missing before."""
    reply = exchange.reply
    verb = exchange.verb
    return reply is not None and reply.code == 221 and verb != "QUIT" and verb not in NOT_COMMANDS


@check(
    "prdr-reply-count",
    group="reply",
    severity="error",
    reference="draft-hall-prdr; Exim specification",
    wakes=("353",),
    fires=r"""
        @G
        C "EHLO a.example.net\r\n"
        S "250-mx.example\r\n250 PRDR\r\n"
        C "MAIL FROM:<s@a.example.net> PRDR\r\n"
        S "250 Ok\r\n"
        @R
        @R
        @D
        C "hi\r\n.\r\n"
        S "353 PRDR content analysis beginning\r\n250 one\r\n250 all\r\n"
        +5 C "QUIT\r\n"
        S "221 Bye\r\n"
        FIN S
        FIN C
    """,
    silent=r"""
        @G
        C "EHLO a.example.net\r\n"
        S "250-mx.example\r\n250 PRDR\r\n"
        C "MAIL FROM:<s@a.example.net> PRDR\r\n"
        S "250 Ok\r\n"
        @R
        @R
        @D
        C "hi\r\n.\r\n"
        S "353 PRDR content analysis beginning\r\n250 one\r\n550 two\r\n250 all\r\n"
        @Q
    """,
)
def prdr_reply_count(view: View) -> Iterator[Hit]:
    """The per-recipient verdicts are incomplete.

    Trigger: behind 353 there are not as many answers as recipients were accepted, and one more
    for the whole message.
    Advice: a fault of the server; mail may arrive twice or be lost.
    Traps: a first answer other than 353 means that the server did not use PRDR. Where the
    session ended early it is eom-reply-missing.
    """
    if view.dialogue.lmtp or not unbroken(view) or not unbroken_replies(view):
        return
    answers = _Answers(view)
    for letter in view.dialogue.letters:
        eom = letter.eom
        if eom is None or not eom.replies or eom.replies[0].code != 353 or not view.clean(eom):
            continue
        owed = sum(r.accepted for r in letter.recipients) + 2
        got = answers.count(eom, owed)
        if got != owed:
            yield view.at(
                f"Behind {answer(eom.replies[0])} {owed - 1} answers were owed, one for each "
                f"recipient and one for all, but the server gave {got - 1}.",
                eom,
                eom.replies[0],
            )


CHECKS = (lmtp_on_port_25, lmtp_reply_count, prdr_reply_count)
