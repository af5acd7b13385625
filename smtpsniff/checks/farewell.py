"""Goodbyes: who hung up, and whether anybody said so (RFC 5321 §3.8, §4.1.1.10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.checks.asking import ENVELOPE, heard, over, unbroken, unbroken_replies
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import NANOSECONDS, answer, duration, mark_hit, plural, said
from smtpsniff.checks.view import quote
from smtpsniff.smtp.model import Phase
from smtpsniff.tcp.stream import MODULUS, covers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.records import Severity
    from smtpsniff.smtp.model import Exchange
    from smtpsniff.tcp import Mark, Side

__all__ = ["CHECKS", "announced", "closed_first"]

# RFC 5321 §4.5.3.2.7: a server waits five minutes for the next command. Who closes later does
# so because of the silence, and server-idle-timeout says it.
PATIENCE = 300.0

# With these the server said that it closes.
_CLOSING = frozenset({221, 421, 521})
_WAITING = ENVELOPE | {Phase.PRE_EHLO, Phase.READY}
_NOT_BEGUN = frozenset({Phase.CONNECT, Phase.GREETING, Phase.UNKNOWN, Phase.TLS})


def _quit(view: View) -> Exchange | None:
    """The first QUIT."""
    return next(view.exchanges("QUIT"), None) if "verb:QUIT" in view.topics else None


def closed_first(view: View) -> Side | None:
    """Who said FIN first: whose FIN the other's acknowledges, else whose was captured first."""
    client, server = view.client, view.server
    if client.fin is None or server.fin is None:
        return client if client.fin is not None else server if server.fin is not None else None
    if covers(client.fin.ack, _number(server, server.fin)):
        return server
    if covers(server.fin.ack, _number(client, client.fin)):
        return client
    return client if client.fin.frame < server.fin.frame else server


def _number(side: Side, fin: Mark) -> int:
    """The number that acknowledges this FIN."""
    last = side.stream.top() if side.stream.starts else fin.seq
    return (last + 1) & MODULUS


def announced(view: View) -> bool:
    """Whether the server said that it would close."""
    return any(reply.code in _CLOSING for reply in view.dialogue.replies)


def _last(view: View) -> str:
    """The last thing that was said, for a sentence."""
    exchange = view.dialogue.exchanges[-1] if view.dialogue.exchanges else None
    if exchange is None or exchange.verb == "<greeting>":
        return "the greeting"
    return "the message" if exchange.verb == "<eom>" else said(exchange)


@check(
    "command-after-quit",
    group="smtp-sequence",
    severity="error",
    reference="RFC 5321 §4.1.1.10; RFC 2920 §3.1",
    wakes=("verb:QUIT",),
    fires=r"""
        @G
        @E
        C "QUIT\r\nNOOP\r\n"
        S "221 2.0.0 Bye\r\n"
    """,
    silent=r"""
        @T
        @D
        C "hi\r\n.\r\nQUIT\r\n"
        S "250 2.0.0 Ok\r\n221 2.0.0 Bye\r\n"
    """,
)
def command_after_quit(view: View) -> Iterator[Hit]:
    """The sender said goodbye and then kept talking.

    Trigger: the client sent anything behind its QUIT.
    Advice: a fault of the client, or somebody put bytes into the connection.
    Traps: a single empty line is worth a note only.
    """
    exchanges = view.dialogue.exchanges
    if not exchanges or exchanges[-1].verb == "QUIT" or view.dialogue.swapped:
        return
    at = next((i for i, e in enumerate(exchanges) if e.verb == "QUIT"), len(exchanges))
    following = [e for e in exchanges[at + 1 :] if e.line]
    if not following or not view.clean(exchanges[at]) or not unbroken(view):
        return
    after = following[0]
    only_line_end = len(following) == 1 and after.line in (b"\r\n", b"\n")
    severity: Severity | None = "note" if only_line_end else None
    rest = plural(len(following) - 1, "more line")
    more = f" and {rest}" if len(following) > 1 else ""
    shown = quote(after.line) if after.verb == "<empty>" else said(after)
    hit = view.at(
        f"Behind its QUIT the client sent {shown}{more}{heard(after)}.", after, severity=severity
    )
    hit.frames = [exchanges[at].frame, *hit.frames]
    yield hit


@check(
    "quit-missing",
    group="smtp-sequence",
    severity="note",
    reference="RFC 5321 §4.1.1.10",
    wakes=("no-quit",),
    fires=r"""
        @G
        @E
        FIN C
        FIN S
    """,
    silent=r"""
        @G
        @E
        FIN S
        FIN C
    """,
)
def quit_missing(view: View) -> Iterator[Hit]:
    """The sender hung up without saying goodbye.

    Trigger: the client closed first, between commands and with everything answered, and had
    not sent QUIT.
    Advice: mostly harmless; correct the script.
    Traps: nothing is owed to a server that refused the client, said 421 or closed first. In the
    middle of a message it is another matter.
    """
    closed = view.client.fin
    if closed is None or closed_first(view) is not view.client:
        return
    dialogue = view.dialogue
    if _quit(view) is not None or dialogue.opaque or dialogue.swapped:
        return
    if dialogue.phase not in _WAITING or any(e.verb != "<empty>" for e in dialogue.queue):
        return
    if dialogue.last_reply is None or not dialogue.last_reply.terminated:
        return
    if announced(view) or not unbroken(view) or not unbroken_replies(view):
        return
    yield mark_hit(f"The client closed the connection after {_last(view)} without QUIT.", closed)


@check(
    "quit-reply-missing",
    group="reply",
    severity="note",
    reference="RFC 5321 §4.1.1.10",
    wakes=("unanswered",),
    fires=r"""
        @G
        @E
        C "QUIT\r\n"
        FIN S
        FIN C
    """,
    silent=r"""
        @G
        @E
        C "QUIT\r\n"
        FIN C
    """,
)
def quit_reply_missing(view: View) -> Iterator[Hit]:
    """The goodbye was not answered.

    Trigger: QUIT was sent and the connection closed without a reply to it.
    Advice: if the client closed at once, it is a hasty client; if the server did, correct it.
    Traps: a client should wait for the 221, but nothing is lost if it does not.
    """
    leaving = _quit(view)
    if leaving is None or leaving.reply is not None or not view.clean(leaving) or not over(view):
        return
    waiting = [e for e in view.dialogue.queue if e.verb != "<empty>"]
    if not waiting or waiting[0] is not leaving or not unbroken_replies(view) or announced(view):
        return
    marks = [
        (mark, who)
        for who, side in (("client", view.client), ("server", view.server))
        for mark in (side.fin, side.rst)
        if mark is not None
    ]
    mark, who = min(marks, key=lambda m: m[0].frame)
    after = duration(max(mark.time - leaving.time, 0) / NANOSECONDS)
    hit = view.at(f"QUIT was not answered; the {who} closed the connection {after} later.", leaving)
    hit.frames = [*hit.frames, mark.frame]
    yield hit


@check(
    "server-closed-without-421",
    group="smtp-sequence",
    severity="error",
    reference="RFC 5321 §3.8, §4.1.1.10",
    wakes=("no-quit",),
    fires=r"""
        @G
        @E
        FIN S
        FIN C
    """,
    silent=r"""
        @G
        @E
        S "421 4.3.2 shutting down\r\n"
        FIN S
        FIN C
    """,
)
def server_closed_without_421(view: View) -> Iterator[Hit]:
    """The server hung up without a word.

    Trigger: the server closed first, without 421, 521 or 221, and the client had not sent QUIT.
    Advice: look for a crash, a limit on processes, the idle timeout of a proxy, or a firewall.
    Traps: after a greeting that refuses, closing at once is a note. After five minutes of
    silence it is server-idle-timeout.
    """
    closed = view.server.fin
    if closed is None or closed_first(view) is not view.server:
        return
    dialogue = view.dialogue
    if _quit(view) is not None or dialogue.opaque or dialogue.swapped:
        return
    if dialogue.phase in _NOT_BEGUN or announced(view):
        return
    if view.client.rst is not None and view.client.rst.frame < closed.frame:
        return
    if not unbroken(view) or not unbroken_replies(view):
        return
    said_last = max([*view.client.stream.times[-1:], *view.server.stream.times[-1:]])
    idle = (closed.time - said_last) / NANOSECONDS
    if idle >= PATIENCE:
        return
    waiting = next((e for e in dialogue.queue if e.verb != "<empty>"), None)
    owed = f", {waiting.verb} was waiting for its answer" if waiting is not None else ""
    refused = dialogue.phase is Phase.REFUSED and dialogue.greeting is not None
    greeting = dialogue.greeting.reply if refused and dialogue.greeting else None
    after = answer(greeting) if greeting is not None else _last(view)
    yield mark_hit(
        f"The server closed the connection {duration(idle)} after {after} without 421{owed}.",
        closed,
        severity="note" if refused else None,
    )


CHECKS = (command_after_quit, quit_missing, quit_reply_missing, server_closed_without_421)
