"""How much a server bears: many mistakes, much small talk, or not even one wrong word."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtpsniff.checks.asking import commands, unbroken, unbroken_replies
from smtpsniff.checks.farewell import announced, closed_first
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import NANOSECONDS, answer, duration, said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.smtp.model import Exchange

__all__ = ["CHECKS"]

# Refusals of these are about the mail, or have checks of their own.
_NOT_A_COMMAND = frozenset({"<greeting>", "<eom>", "QUIT"})
_SMALL_TALK = frozenset({"NOOP", "RSET", "HELP", "VRFY", "EHLO", "HELO", "LHLO"})
_PROGRESS = frozenset({"MAIL", "DATA", "BDAT", "<eom>"})
_TOO_MANY = re.compile(r"too many \w*\s?(?:errors|(?:bad|invalid|unknown|syntax)\b)", re.IGNORECASE)


def _mistakes(view: View) -> list[Exchange]:
    """Commands refused for good; recipients do not count, nor does what is no command."""
    return [
        e
        for e in view.dialogue.exchanges
        if e.verb != "RCPT" and e.verb not in _NOT_A_COMMAND and e.reply and e.reply.kind == 5
    ]


@check(
    "server-closed-after-bad-command",
    group="smtp-sequence",
    severity="warning",
    reference="RFC 5321 §3.8",
    wakes=("cut-off",),
    fires=r"""
        @G
        @E
        C "HELLO\r\n"
        S "500 5.5.2 what?\r\n"
        FIN S
        FIN C
    """,
    silent=r"""
        @G
        @E
        C "HELLO\r\n"
        S "500 5.5.2 what?\r\n"
        S "421 4.7.0 Error: too many errors\r\n"
        FIN S
        FIN C
    """,
)
def server_closed_after_bad_command(
    view: View, *, within: float = 1.0, errors: int = 10
) -> Iterator[Hit]:
    """One wrong word and the server hung up; it should stay polite.

    Trigger: the server closed or reset the connection not later than `within` after its own 5yz
    to a command, without 421.
    Advice: look at the server's limit for errors, and at what stands before it.
    Traps: 421, 521 or 221 announce the close. After `errors` mistakes it is errors-excessive.
    After a refused greeting or a refused message other rules hold.
    Thresholds:
        within (s): a close that comes later has another cause.
        errors (at least 2): so many mistakes explain that the server hangs up.
    """
    reply = view.dialogue.last_reply
    mark = view.server.rst or view.server.fin
    if reply is None or mark is None or reply.kind != 5 or announced(view):
        return
    bad = reply.answers
    if bad is None or bad.verb in _NOT_A_COMMAND or not view.clean(bad):
        return
    if view.server.rst is None and closed_first(view) is not view.server:
        return
    if view.server.rst is not None and view.client.fin is not None:
        return
    after = max(mark.time - reply.time, 0) / NANOSECONDS  # a FIN may be captured before its data
    if after > within or len(_mistakes(view)) >= errors:
        return
    if not unbroken(view) or not unbroken_replies(view):
        return
    hit = view.at(
        f"The server answered {said(bad)} with {answer(reply)} and hung up {duration(after)} "
        f"later, without 421.",
        bad,
    )
    hit.frames = [*hit.frames, mark.frame]
    yield hit


@check(
    "noop-flood",
    group="smtp-sequence",
    severity="note",
    reference="RFC 5321 §4.1.1.9",
    wakes=("verb:NOOP", "verb:RSET", "verb:HELP", "verb:VRFY", "hello-again"),
    fires=r"""
        @G
        @E
        C "NOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\n"
        C "NOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\n"
    """,
    silent=r"""
        @G
        @E
        C "NOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\n"
        @M
        C "NOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\n"
    """,
)
def noop_flood(view: View, *, count: int = 20) -> Iterator[Hit]:
    """Lots of small talk and no mail.

    Trigger: `count` of NOOP, RSET, HELP, VRFY and EHLO without a mail, or a step
    towards one, between them.
    Advice: a client that keeps connections open for later, or abuse; servers have limits for
    such commands (Postfix: 100).
    Traps: what comes between two mails is counted anew for each.
    Thresholds:
        count (at least 2): so many are worth telling of.
    """
    if len(view.dialogue.exchanges) < count:
        return
    run: list[Exchange] = []
    longest = run
    for exchange in commands(view):
        if exchange.verb in _PROGRESS and (exchange.accepted or exchange.reply is None):
            run = []
        elif exchange.verb in _SMALL_TALK:
            run.append(exchange)
            longest = max(run, longest, key=len)
    if len(longest) >= count:
        took = (longest[-1].time - longest[0].time) / NANOSECONDS
        hit = view.at(
            f"The client sent {len(longest)} commands in {duration(took)} that lead to no mail, "
            f"{said(longest[0])} the first.",
            longest[0],
        )
        hit.frames = [*hit.frames, longest[-1].frame]
        yield hit


@check(
    "errors-excessive",
    group="smtp-sequence",
    severity="warning",
    reference="RFC 5321 §4.3.2, §7.8",
    wakes=("mistake", "421"),
    fires=r"""
        @G
        @E
        C "A\r\nB\r\nC\r\nD\r\nE\r\n"
        S "500 no\r\n500 no\r\n500 no\r\n500 no\r\n500 no\r\n"
    """,
    silent=r"""
        @G
        @E
        @M
        C "RCPT TO:<a@mx.example>\r\nRCPT TO:<b@mx.example>\r\nRCPT TO:<c@mx.example>\r\n"
        S "550 5.1.1 no\r\n550 5.1.1 no\r\n550 5.1.1 no\r\n"
        C "RCPT TO:<d@mx.example>\r\nRCPT TO:<e@mx.example>\r\n"
        S "550 5.1.1 no\r\n550 5.1.1 no\r\n"
    """,
)
def errors_excessive(view: View, *, errors: int = 5) -> Iterator[Hit]:
    """So many mistakes that the server may hang up.

    Trigger: `errors` commands other than RCPT are refused with 5yz, or the server says that
    there were too many errors.
    Advice: correct the client; raise the server's limit for trusted hosts only.
    Traps: refused recipients are counted by directory-harvest.
    Thresholds:
        errors (at least 2): so many are too many, whatever the server says.
    """
    dialogue = view.dialogue
    if len(dialogue.replies) <= errors and "421" not in view.topics:
        return
    mistakes = [e for e in _mistakes(view) if view.clean(e)]
    if len(mistakes) >= errors:
        hit = view.at(
            f"The server refused {len(mistakes)} commands for good, {said(mistakes[0])} the "
            f"first, {said(mistakes[-1])} the last.",
            mistakes[0],
        )
        hit.frames = [e.reply.frame for e in mistakes if e.reply is not None]
        yield hit
        return
    for reply in dialogue.replies:
        if reply.kind in (4, 5) and mistakes and _TOO_MANY.search(reply.text):
            yield view.at(f"The server has had enough: {answer(reply)}.", reply=reply)
            return


CHECKS = (server_closed_after_bad_command, noop_flood, errors_excessive)
