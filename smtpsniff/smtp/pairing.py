"""Which reply answers which command, and what follows from it (RFC 5321 §4.2, RFC 2920 §3.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from smtpsniff.smtp import handover, holding, smuggling
from smtpsniff.smtp.extensions import parse_ehlo_keyword
from smtpsniff.smtp.model import NO_HELLO, Exchange, Hello, Phase, Reply
from smtpsniff.smtp.state import next_phase
from smtpsniff.smtp.verbs import reply_fit
from smtpsniff.tcp.stream import covers

if TYPE_CHECKING:
    from smtpsniff.smtp.dialogue import Dialogue

__all__ = ["handshake_time", "judge_early", "take"]


def judge_early(dialogue: Dialogue, exchange: Exchange, reply: Reply) -> None:
    """Did the client send `exchange` before it had `reply`? Only proof counts (A.7).

    The acknowledgement number of the segment that began the command says what its sender had
    received, wherever the tap sits; the order of frames is asked only where there is none.
    """
    exchange.early_of = reply
    if exchange.ack >= 0:
        if not covers(exchange.ack, dialogue.s.stream.after(reply.end)):
            exchange.early = "ack"
    elif exchange.first_frame < reply.frame:
        exchange.early = "order"
    if exchange.early:
        dialogue.topics.add("early")


def take(dialogue: Dialogue, reply: Reply, final: bool) -> bool:
    """Pair one reply. False: put it back, something must be known first."""
    head = _head(dialogue, reply)
    if head is None:
        head = _no_head(dialogue, reply)
    if head is None:
        if smuggling.took_variant_live(dialogue, reply):
            return False
        _unpaired(dialogue, reply)
        return True
    if head.verb == "<eom>" and smuggling.took_variant(dialogue, head, reply):
        return False
    dialogue.replies.append(reply)
    dialogue.last_reply = reply
    dialogue.lost_replies = False
    dialogue.log.reply(reply, head)
    if not reply.code:
        return True  # garbage only: it answers nothing
    reply.answers = head
    head.replies.append(reply)
    if not _owes_more(dialogue, head, reply):
        dialogue.queue.remove(head)
        head.reply = reply
        _apply(dialogue, head, reply)
        if dialogue.queue:
            judge_early(dialogue, dialogue.queue[0], reply)
    return True


def _head(dialogue: Dialogue, reply: Reply) -> Exchange | None:
    """The exchange that this reply answers, by the rules of the queue."""
    queue = dialogue.queue
    while queue:
        head = queue[0]
        if not dialogue.had_received(reply, head):
            return None
        if head.verb == "<empty>" and not _answers_empty(dialogue, reply):
            queue.popleft()  # most servers stay silent on an empty line
            continue
        if dialogue.lost_replies and len(queue) > 1:
            return _after_gap(dialogue, reply)
        return head
    return None


def _answers_empty(dialogue: Dialogue, reply: Reply) -> bool:
    """Whether a reply may be meant for an empty line: Postfix says 500 5.5.2 to one."""
    queue = dialogue.queue
    if reply.code not in (500, 501, 502, 503):
        return False
    following = queue[1] if len(queue) > 1 else None
    return following is None or reply.code == 500 or not dialogue.had_received(reply, following)


def _after_gap(dialogue: Dialogue, reply: Reply) -> Exchange:
    """Replies were lost: this one answers the newest command it can (A.7)."""
    queue = dialogue.queue
    candidates = [e for e in queue if dialogue.had_received(reply, e)]
    fitting = [e for e in candidates if reply_fit(e.verb, reply.code) != "illegal"]
    chosen = (fitting or candidates or list(queue))[-1]
    if len(candidates) > 1:
        dialogue.topics.add("desynchronised")
        chosen.tainted = True
    while queue[0] is not chosen:
        holding.settle_lost(dialogue, queue.popleft())
    return chosen


def _no_head(dialogue: Dialogue, reply: Reply) -> Exchange | None:
    """No command is known that this reply could answer. Is there one all the same?"""
    queue = dialogue.queue
    if queue and queue[0].verb == "<eom>" and reply.code != 421 and reply.code >= 400:
        # A verdict before the end of the data: the server gave up on the message (A.3 rule 3).
        if not smuggling.suspects(queue[0].body):
            reply.during_body = True
            return queue[0]
    if queue and queue[0].verb == "BDAT":
        # BDAT is answered after its payload; a server that refuses it answers at once.
        return queue[0] if dialogue.had_received(reply, queue[0]) else None
    return None


def _unpaired(dialogue: Dialogue, reply: Reply) -> None:
    """A reply that answers nothing we know of."""
    dialogue.replies.append(reply)
    dialogue.last_reply = reply
    dialogue.log.reply(reply, None)
    if not reply.code:
        return
    if dialogue.hidden > 0:
        dialogue.hidden -= 1  # the command was in a gap
        reply.answers = None
        return
    body = dialogue.body
    if body is not None and not body.complete and reply.code != 421:
        holding.verdict_without_end(dialogue, reply)
        return
    if dialogue.phase is Phase.UNKNOWN or not dialogue.c.stream.starts and not dialogue.started:
        return  # seen from the middle, or one side only: nothing to hold it against
    if reply.code != 421:
        dialogue.unsolicited.append(reply)


def _owes_more(dialogue: Dialogue, head: Exchange, reply: Reply) -> bool:
    """LMTP owes a reply for each recipient (RFC 2033 §4.2); PRDR those and one more."""
    if head.letter is None or head is not head.letter.eom:
        return False
    accepted = sum(1 for r in head.letter.recipients if r.accepted)
    if dialogue.lmtp:
        return len(head.replies) < accepted
    if head.replies[0].code == 353:
        return len(head.replies) < accepted + 2
    return False


# -- what a paired reply does ------------------------------------------------------------


def _apply(dialogue: Dialogue, exchange: Exchange, reply: Reply) -> None:
    """Move the state, then let go of the barrier."""
    exchange.phase, exchange.hello = dialogue.phase, dialogue.hello
    verb = exchange.verb
    effect = _EFFECTS.get(verb)
    dialogue.phase = next_phase(dialogue.phase, verb, reply.kind)
    if effect is not None:
        effect(dialogue, exchange, reply)
    if reply.kind >= 4:
        dialogue.topics.add("refused")
        if reply.code == 421:
            dialogue.topics.add("421")
    if dialogue.hold is exchange:
        dialogue.hold = None
        holding.resume(dialogue, exchange, reply)


def _greeted(dialogue: Dialogue, exchange: Exchange, reply: Reply) -> None:
    exchange.time = handshake_time(dialogue)


def handshake_time(dialogue: Dialogue) -> int:
    """When the client's side had the connection: the greeting is waited for from here on."""
    side = dialogue.connection.sides[dialogue.client]
    mark = side.handshake or side.syn
    return mark.time if mark else dialogue.connection.start


def _introduced(dialogue: Dialogue, exchange: Exchange, reply: Reply) -> None:
    """EHLO accepted: a fresh extension list, and any transaction is gone (§4.1.4)."""
    if reply.kind != 2:
        return
    offered: dict[str, list[str]] = {}
    if exchange.verb != "HELO":
        for line in reply.lines[1:]:
            keyword, params = parse_ehlo_keyword(line)
            if keyword in offered:
                offered[keyword] = offered[keyword] + params
            elif keyword:
                offered[keyword] = params
    dialogue.hello = Hello(exchange, offered)


def _started_over(dialogue: Dialogue, exchange: Exchange, reply: Reply) -> None:
    """XCLIENT accepted: the server is back at its greeting."""
    if reply.kind == 2:
        dialogue.hello = NO_HELLO


def _took_chunk(dialogue: Dialogue, exchange: Exchange, reply: Reply) -> None:
    if exchange.letter is not None and exchange.letter.eom is exchange:
        dialogue.phase = Phase.READY


def _turned(dialogue: Dialogue, exchange: Exchange, reply: Reply) -> None:
    """ATRN or TURN accepted: the two change places (RFC 2645, RFC 821 §3.8)."""
    if reply.kind == 2:
        handover.swap_roles(dialogue)


_EFFECTS: dict[str, Callable[[Dialogue, Exchange, Reply], None]] = {
    "<greeting>": _greeted,
    "EHLO": _introduced,
    "HELO": _introduced,
    "LHLO": _introduced,
    "XCLIENT": _started_over,
    "BDAT": _took_chunk,
    "ATRN": _turned,
    "TURN": _turned,
}
