"""Questions that several checks of commands and replies ask of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.checks.saying import answer
from smtpsniff.smtp.commands import message_like
from smtpsniff.smtp.model import Phase
from smtpsniff.smtp.reasons import classify
from smtpsniff.smtp.verbs import VERBS, reply_fit
from smtpsniff.tcp.stream import covers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.records import Severity
    from smtpsniff.smtp.model import Exchange, Letter, Reply

__all__ = [
    "ENVELOPE", "NOT_COMMANDS", "body_early", "commands", "end_of", "had", "heard", "is_message",
    "over", "places", "raised", "shifted", "unbroken", "unbroken_replies",
]  # fmt: skip

# What is answered without being a command.
NOT_COMMANDS = frozenset(name for name in VERBS if name.startswith("<"))
# A transaction is open, no message is on its way.
ENVELOPE = frozenset({Phase.ENVELOPE, Phase.RECIPIENTS})
# Once one side has said FIN, the other still delivers what was under way; this much later
# (seconds) nothing more is to be expected.
STRAGGLERS = 10.0
# Where only the order of frames tells who spoke first, packets this close together
# (nanoseconds) may have been captured out of order.
REORDERED = 2_000_000


# Reasons that have nothing to do with how a command was written.
_OTHER_CAUSES = frozenset(
    {
        "tls-required", "auth-required", "greylist", "dnsbl", "too-many-rcpt", "rate-limit",
        "sender-auth", "rdns", "null-mx", "mailbox-disabled", "quota", "loop", "content",
        "system-full",
    }
)  # fmt: skip

# Subjects of enhanced codes that may be about it: unspecified, address, protocol (RFC 3463 §3).
_OF_FORM = frozenset("015")


def raised(exchange: Exchange) -> Severity | None:
    """An error where the server refused this very command; else the check's own severity.

    A refusal that names another cause (greylisting, a full mailbox, any policy) proves nothing
    against the command's form.
    """
    reply = exchange.reply
    if reply is None or not exchange.refused:
        return None
    if reply.enhanced is not None and reply.enhanced.split(".")[1] not in _OF_FORM:
        return None
    why = classify(reply.code, reply.enhanced, reply.text, exchange.verb).label
    return None if why in _OTHER_CAUSES else "error"


def heard(exchange: Exchange) -> str:
    """What the server said to it, as the end of a sentence."""
    return f"; the server answered {answer(exchange.reply)}" if exchange.reply is not None else ""


def commands(view: View) -> Iterator[Exchange]:
    """Command lines whose meaning is certain: no gap touches them, and they are no message."""
    for exchange in view.dialogue.exchanges:
        if (
            exchange.verb not in NOT_COMMANDS
            and exchange.phase is not Phase.UNKNOWN
            and view.clean(exchange)
        ):
            yield exchange


def places(view: View) -> dict[int, int]:
    """Where each exchange stands, by identity: to be made once, for sessions can be long."""
    return {id(exchange): i for i, exchange in enumerate(view.dialogue.exchanges)}


def unbroken(view: View) -> bool:
    """Whether every byte of the client is known from the beginning: no command can be hidden."""
    return view.started and view.two_sided and not view.client.stream.gaps


def unbroken_replies(view: View) -> bool:
    """Whether every byte of the server is known: no reply, and no half of one, can be hidden."""
    return view.two_sided and not view.server.stream.gaps


def over(view: View) -> bool:
    """Whether nothing more can come: closed by both, reset, or closed by one and long silent."""
    if view.connection.closed:
        return True
    marks = [side.fin.time for side in (view.client, view.server) if side.fin is not None]
    return bool(marks) and view.connection.idle >= STRAGGLERS


def end_of(view: View) -> int:
    """When the first side closed or reset; the last packet where neither did."""
    marks = [
        mark.time
        for side in (view.client, view.server)
        for mark in (side.fin, side.rst)
        if mark is not None
    ]
    return min(marks, default=view.connection.end)


def body_early(view: View, letter: Letter, reply: Reply) -> bool:
    """Whether the message began before the client had `reply`, the 354 (A.7: only proof counts)."""
    body = letter.body
    if body is None or body.framing != "data" or not body.first_frame:
        return False
    if body.ack >= 0:
        return not covers(body.ack, view.server.stream.after(reply.end))
    lead = reply.time - body.first_time
    return body.first_frame < reply.frame and (view.started or lead >= REORDERED)


def had(view: View, exchange: Exchange, reply: Reply) -> bool:
    """Whether the client had `reply` when it sent this, as far as can be proved (A.7)."""
    if exchange.ack >= 0:
        return covers(exchange.ack, view.server.stream.after(reply.end))
    return exchange.first_time - reply.time >= REORDERED


def is_message(letter: Letter) -> bool:
    """Whether what came behind DATA is a message rather than commands sent too early."""
    body = letter.body
    return body is not None and (message_like(body.head) or (body.complete and not body.size))


def shifted(exchanges: list[Exchange], start: int) -> bool:
    """Whether the pairs of a pipelined group, from `start` on, all fit if shifted by one.

    Then one reply was lost or is one too many, and the pairing is in doubt, not the reply.
    """
    end = start + 1
    while end < len(exchanges) and exchanges[end].early:
        end += 1
    verbs = [e.verb for e in exchanges[start:end]]
    codes = [e.reply.code for e in exchanges[start:end] if e.reply is not None]
    if len(verbs) < 2 or len(codes) < 2:
        return False
    lost, surplus = zip(verbs[1:], codes, strict=False), zip(verbs, codes[1:], strict=False)
    return any(
        all(reply_fit(verb, code) != "illegal" for verb, code in pairs) for pairs in (lost, surplus)
    )
