"""Which reply came to which command: none, one too many, or one that does not fit."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from smtpsniff.checks.asking import end_of, shifted, unbroken, unbroken_replies
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import NANOSECONDS, answer, duration, said
from smtpsniff.smtp.verbs import VERBS, reply_fit, spell_codes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.smtp.model import Exchange, Reply

__all__ = ["CHECKS"]

# With these the server said that it closes: what is still in the queue will not be answered.
_CLOSING = frozenset({221, 421, 521})
# Their answers have checks of their own, or none is owed.
_OTHERS = frozenset({"<greeting>", "<eom>", "<empty>", "QUIT"})
# A server that does not know these has mandatory-command-refused.
_MANDATORY = frozenset({"EHLO", "HELO", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT"})


def _shown(exchange: Exchange) -> str:
    """A command, or what else was answered, for a sentence."""
    if exchange.verb == "<eom>":
        return "the message"
    return "the greeting" if exchange.verb == "<greeting>" else said(exchange)


@check(
    "reply-code-unexpected",
    group="reply",
    severity="error",
    reference="RFC 5321 §4.3.2",
    wakes=("odd-reply",),
    fires=r"""
        @G
        @E
        C "MAIL FROM:<s@a.example.net>\r\n"
        S "354 go\r\n"
    """,
    silent=r"""
        @G
        @E
        C "MAIL FROM:<s@a.example.net>\r\n"
        S "450 4.7.1 too much mail\r\n"
    """,
)
def reply_code_unexpected(view: View) -> Iterator[Hit]:
    """That answer does not fit the question.

    Trigger: a reply of a class that cannot answer this command; a note where the class fits but
    nobody expects the code.
    Advice: a fault of the server, or client and server have lost step: look for pipelining.
    Traps: where every pair of a pipelined group fits if shifted by one, the pairing is in doubt,
    not the reply. The greeting, DATA answered 2yz, and codes outside the rules have their own
    checks.
    """
    exchanges = view.dialogue.exchanges
    if not unbroken(view) or not unbroken_replies(view):
        return  # with a reply or a command lost, the pairs are guesses
    for i, exchange in enumerate(exchanges):
        verb = exchange.verb
        if verb not in VERBS or verb in ("<greeting>", "<empty>") or not view.clean(exchange):
            continue
        for reply in exchange.replies:
            fit = reply_fit(verb, reply.code)
            if fit not in ("illegal", "unlisted") or _elsewhere(view, exchange, reply):
                continue
            if fit == "illegal" and shifted(exchanges, i):
                continue
            row = VERBS[verb]
            yield view.at(
                f"{_shown(exchange)} was answered {answer(reply)}; expected is "
                f"{spell_codes(row.positive | row.listed)}.",
                exchange,
                reply,
                severity="note" if fit == "unlisted" else None,
            )


def _elsewhere(view: View, exchange: Exchange, reply: Reply) -> bool:
    """Whether another check tells this better."""
    if exchange.verb == "DATA" and reply.kind == 2:
        return True
    if view.dialogue.lmtp and reply.code == 221:
        return True
    if reply.codes or (reply.code == 502 and exchange.verb in _MANDATORY):
        return True
    return not 200 <= reply.code < 600 or reply.code // 10 % 10 > 5


@check(
    "reply-unsolicited",
    group="reply",
    severity="error",
    reference="RFC 5321 §4.2, §4.3.1",
    wakes=("unsolicited",),
    fires=r"""
        @G
        @E
        S "250 surprise\r\n"
    """,
    silent=r"""
        @G
        @E
        +400 S "421 4.4.2 idle\r\n"
    """,
)
def reply_unsolicited(view: View) -> Iterator[Hit]:
    """The server answered a question nobody asked.

    Trigger: a complete reply while no command was waiting for one, and not 421.
    Advice: a fault of the server, or somebody put bytes into the connection; all later answers
    may be taken for those of other commands.
    Traps: the several answers of LMTP and PRDR are owed. Where client bytes are missing the
    question may be among them.
    """
    if not unbroken(view):
        return
    answered = [exchange for exchange in view.dialogue.exchanges if exchange.replies]
    for reply in view.dialogue.unsolicited:
        if reply.during_body or not reply.terminated or reply.in_tls:
            continue
        at = bisect_right(answered, reply.start, key=_end)
        before = answered[at - 1] if at else None
        if before is not None and (not view.clean(before) or _owed_several(view, before)):
            continue
        after = f"; before it came {_shown(before)}" if before is not None else ""
        yield view.at(f"The server sent {answer(reply)} without being asked{after}.", reply=reply)


def _end(exchange: Exchange) -> int:
    """Where its last reply ended; replies come in the order of what they answer."""
    return exchange.replies[-1].end


def _owed_several(view: View, exchange: Exchange) -> bool:
    """LMTP and PRDR: a message has several answers, and their number has its own check."""
    letter = exchange.letter
    if letter is None or letter.eom is not exchange:
        return False
    mail = letter.mail.argument.upper() if letter.mail is not None else b""
    return view.dialogue.lmtp or b" PRDR" in mail


@check(
    "reply-during-data",
    group="reply",
    severity="warning",
    reference="RFC 5321 §4.2, §3.8",
    wakes=("unsolicited", "verdict-early"),
    fires=r"""
        @T
        @D
        C "Subject: t\r\n"
        S "552 5.3.4 too big\r\n"
        C "\r\nhi\r\n.\r\n"
    """,
    silent=r"""
        @T
        @D
        C "Subject: t\r\n"
        S "421 4.3.2 shutting down\r\n"
    """,
)
def reply_during_data(view: View) -> Iterator[Hit]:
    """The server gave its verdict before the letter was finished.

    Trigger: a complete reply, not 421, between the 354 and the end of the message.
    Advice: the server stopped reading (size, virus); the client may not look and time out.
    Traps: a server that took something else for the end of the message is another matter.
    """
    for reply in view.dialogue.replies:
        if not reply.during_body or reply.code == 421 or not reply.terminated:
            continue
        if reply.kind == 2 and "variants" in view.topics:
            continue  # it took one of them for the end
        if unbroken(view) and "variant-accepted" not in view.topics:
            yield view.at(
                f"The server sent {answer(reply)} before the message had ended.", reply=reply
            )


@check(
    "reply-missing",
    group="reply",
    severity="error",
    reference="RFC 5321 §4.2",
    wakes=("unanswered",),
    fires=r"""
        @G
        @E
        C "MAIL FROM:<s@a.example.net>\r\n"
        +310 FIN C
        FIN S
    """,
    silent=r"""
        @G
        @E
        C "MAIL FROM:<s@a.example.net>\r\n"
        +0.5 FIN C
        FIN S
    """,
)
def reply_missing(view: View, *, after: float = 10.0) -> Iterator[Hit]:
    """The server never answered this command.

    Trigger: a command had no answer when the connection closed, or when the capture showed nothing
    more of it, and the client had waited 10 s (`after`) or longer.
    Advice: look at the server at that time; compare with the timeouts of RFC 5321.
    Traps: QUIT and the message have checks of their own. After 421, 521 or 221 the server owes
    nothing any more.
    Thresholds:
        after (s): whoever closes sooner did not wait for the answer. The shortest timeout that
            clients really use, far below what RFC 5321 §4.5.3.2 asks of them.
    """
    dialogue = view.dialogue
    waiting = [e for e in dialogue.queue if e.verb != "<empty>"]
    head = waiting[0] if waiting else None
    if head is None or head.verb in _OTHERS or not view.clean(head) or not view.started:
        return
    if head.letter is not None and head is head.letter.eom:
        return
    if any(r.code in _CLOSING for r in dialogue.replies) or dialogue.opaque:
        return
    if not unbroken(view) or not unbroken_replies(view):
        return
    closed = end_of(view) if view.closed else 0
    waited = (closed - head.time) / NANOSECONDS if closed else view.waited(head.time)
    if waited < after:
        return
    who = _closer(view)
    rest = f", nor were {len(waiting) - 1} behind it" if len(waiting) > 1 else ""
    yield view.at(f"{said(head)} was not answered within {duration(waited)}{rest}; {who}.", head)


def _closer(view: View) -> str:
    """Who closed, for a sentence."""
    marks = [
        (mark.frame, f"then the {name} {how}")
        for name, side in (("client", view.client), ("server", view.server))
        for mark, how in ((side.fin, "closed the connection"), (side.rst, "reset the connection"))
        if mark is not None
    ]
    return min(marks)[1] if marks else "nobody closed the connection"


CHECKS = (reply_code_unexpected, reply_unsolicited, reply_during_data, reply_missing)
