"""Which reply answers which command, and what follows from it (RFC 5321 §4.2, RFC 2920 §3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.smtp import handover, holding, letters, line_mode, smuggling
from smtpsniff.smtp.model import NO_HELLO, Exchange, Hello, Letter, Phase, Reply
from smtpsniff.smtp.replies import said_of
from smtpsniff.smtp.secrets import without
from smtpsniff.smtp.state import next_phase
from smtpsniff.smtp.verbs import reply_fit
from smtpsniff.tcp.stream import HALF, MODULUS

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtpsniff.smtp.dialogue import Dialogue

__all__ = ["handshake_time", "judge_early", "take"]


_GO_AHEAD = ("DATA", "XEXCH50")


def judge_early(dialogue: Dialogue, exchange: Exchange, reply: Reply) -> None:
    """Did the client send `exchange` before it had `reply`? Only proof counts (A.7).

    The acknowledgement number of the segment that began the command says what its sender had
    received, wherever the tap sits; the order of frames is asked only where there is none.
    """
    exchange.early_of = reply
    ack = exchange.ack
    if ack >= 0:
        stream = dialogue.s.stream
        plain = stream.straight and not stream.gaps
        end = stream.first + reply.end if plain else stream.after(reply.end)
        if (ack - end) & MODULUS < HALF:
            return
        exchange.early = "ack"
    elif exchange.first_frame < reply.frame:
        exchange.early = "order"
    else:
        return
    dialogue.topics.add("early")


def take(dialogue: Dialogue, reply: Reply, final: bool) -> bool:
    """Pair one reply. False: put it back, something must be known first."""
    if dialogue.secrets:
        _mask(dialogue, reply)
    if "line-end" in dialogue.topics and line_mode.reads_strictly(dialogue, reply, final):
        return False
    queue = dialogue.queue
    head = _head(dialogue, reply) if queue else None
    if head is None:
        head = _no_head(dialogue, reply) if queue else None
    if head is None:
        if dialogue.c.at_gap is not None and dialogue.hold is None:
            return False  # what it answers may lie behind the gap
        if not final and dialogue.held_back(reply):
            return False
        in_message = dialogue.body is not None or bool(queue)
        if in_message and smuggling.took_variant_live(dialogue, reply):
            return False
        _unpaired(dialogue, reply)
        return True
    body = head.body
    if body is not None and body.variants and smuggling.took_variant(dialogue, head, reply):
        return False
    dialogue.replies.append(reply)
    if reply.said.topics:
        dialogue.topics.update(reply.said.topics)
    dialogue.last_reply = reply
    dialogue.lost_replies = False
    dialogue.log.reply(reply)
    if not reply.code:
        return True  # garbage only: it answers nothing
    reply.answers = head
    if head.replies:
        head.replies.append(reply)
    else:
        head.replies = [reply]
    letter = head.letter
    if letter is None or letter.eom is not head or not _owes_more(dialogue, head, letter):
        if queue and queue[0] is head:
            queue.popleft()
        head.reply = reply
        _apply(dialogue, head, reply)
        if queue:
            judge_early(dialogue, queue[0], reply)
    return True


def _mask(dialogue: Dialogue, reply: Reply) -> None:
    """Servers quote what they did not understand: a login's payload among it."""
    raw = without(reply.raw, dialogue.secrets)
    if raw is not reply.raw:
        reply.raw, reply.said = raw, said_of(raw)
    reply.garbage = tuple(without(line, dialogue.secrets) for line in reply.garbage)


def _head(dialogue: Dialogue, reply: Reply) -> Exchange | None:
    """The exchange that this reply answers, by the rules of the queue."""
    queue = dialogue.queue
    while queue:
        head = queue[0]
        if not dialogue.had_received(reply, head):
            return None
        if dialogue.lost_replies and len(queue) > 1:
            return _after_gap(dialogue, reply)
        if head.verb == "<empty>" and not _answers_empty(dialogue, reply):
            queue.popleft()  # most servers stay silent on an empty line
            continue
        if reply.code == 354 and head.verb not in _GO_AHEAD:
            return _go_ahead(dialogue, reply) or head
        return head
    return None


def _answers_empty(dialogue: Dialogue, reply: Reply) -> bool:
    """Whether a reply may be meant for an empty line: Postfix says 500 5.5.2 to one."""
    queue = dialogue.queue
    if reply.code not in (500, 501, 502, 503):
        return False
    following = queue[1] if len(queue) > 1 else None
    return following is None or reply.code == 500 or not dialogue.had_received(reply, following)


def _go_ahead(dialogue: Dialogue, reply: Reply) -> Exchange | None:
    """354 answers DATA and nothing else: what came before DATA was not answered (A.7)."""
    queue = dialogue.queue
    waiting = next((e for e in queue if e.verb in _GO_AHEAD), None)
    if waiting is None or not dialogue.had_received(reply, waiting):
        return None
    dialogue.topics.add("desynchronised")
    waiting.tainted = True
    while queue[0] is not waiting:
        holding.settle_lost(dialogue, queue.popleft())
    return waiting


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
    head = queue[0]
    refuses = reply.code >= 400 and reply.code != 421
    if head.verb == "<eom>" and refuses and not smuggling.suspects(head.body):
        # A verdict before the end of the data: the server gave up on the message (A.3 rule 3).
        reply.during_body = True
        dialogue.topics.add("verdict-early")
        return head
    # BDAT is answered after its payload; a server that refuses it answers at once.
    return head if head.verb == "BDAT" and dialogue.had_received(reply, head) else None


def _unpaired(dialogue: Dialogue, reply: Reply) -> None:
    """A reply that answers nothing we know of."""
    dialogue.replies.append(reply)
    dialogue.topics.update(reply.said.topics)
    dialogue.last_reply = reply
    dialogue.log.reply(reply)
    if not reply.code:
        return
    if reply.code == 421:
        dialogue.topics.add("421")
    body = dialogue.body
    if body is not None and not body.complete and reply.code != 421:
        holding.verdict_without_end(dialogue, reply)
        return
    if dialogue.hidden > 0:
        dialogue.hidden -= 1  # the command was in a gap
        reply.answers = None
        return
    if dialogue.phase is Phase.UNKNOWN or (not dialogue.c.stream.starts and not dialogue.started):
        return  # seen from the middle, or one side only: nothing to hold it against
    if reply.code != 421:
        dialogue.unsolicited.append(reply)


def _owes_more(dialogue: Dialogue, head: Exchange, letter: Letter) -> bool:
    """LMTP owes a reply for each recipient (RFC 2033 §4.2); PRDR those and one more."""
    if not dialogue.lmtp and head.replies[0].code != 353:
        return False
    accepted = sum(1 for r in letter.recipients if r.accepted)
    return len(head.replies) < (accepted if dialogue.lmtp else accepted + 2)


# -- what a paired reply does ------------------------------------------------------------


def _apply(dialogue: Dialogue, exchange: Exchange, reply: Reply) -> None:
    """Move the state, then let go of the barrier."""
    exchange.phase, exchange.hello = dialogue.phase, dialogue.hello
    verb, kind = exchange.verb, reply.code // 100
    dialogue.phase = next_phase(dialogue.phase, verb, kind)
    effect = _EFFECTS.get(verb)
    if effect is not None:
        effect(dialogue, exchange, reply)
    if kind >= 4:
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
    if dialogue.tls is not None and dialogue.tls.decrypted and dialogue.tls.how == "implicit":
        return dialogue.opened
    side = dialogue.connection.sides[dialogue.client]
    mark = side.handshake or side.syn
    return mark.time if mark else dialogue.connection.start


def _introduced(dialogue: Dialogue, exchange: Exchange, reply: Reply) -> None:
    """EHLO accepted: a fresh extension list, and any transaction is gone (§4.1.4)."""
    if reply.kind != 2:
        letters.end_refused(dialogue, exchange, reply)
        return
    offered: dict[str, tuple[str, ...]] = {}
    if exchange.verb != "HELO":
        for keyword, params in reply.said.keywords:
            offered[keyword] = offered[keyword] + params if keyword in offered else params
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
    "MAIL": letters.mail_answered,
    "SEND": letters.mail_answered,
    "SOML": letters.mail_answered,
    "SAML": letters.mail_answered,
    "RSET": letters.end_refused,
    "XCLIENT": _started_over,
    "BDAT": _took_chunk,
    "ATRN": _turned,
    "TURN": _turned,
}
