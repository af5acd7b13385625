"""Which bytes ended the message for this server? (A.3 rule 2)

By the standard only CRLF.CRLF does. A server that takes a variant (LF.LF and the like) for
the end betrays itself: it answers the commands that follow. Then the body ended there, and
what we had taken for text is read again as what the server took it for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.smtp import content
from smtpsniff.smtp.model import Exchange, Mode, Reply
from smtpsniff.smtp.replies import read_reply
from smtpsniff.smtp.verbs import reply_fit
from smtpsniff.tcp.stream import covers

if TYPE_CHECKING:
    from smtpsniff.smtp.body import Body, Variant
    from smtpsniff.smtp.dialogue import Dialogue

__all__ = ["keep_from", "must_wait", "suspects", "took_variant", "took_variant_live"]

# Bytes kept behind a suspicious variant until the server has answered: a forged mail that is
# to pass unseen is short; without a bound a sender could make us keep everything.
MAX_KEPT = 1 << 20
MAX_PEEK = 64


def suspects(body: Body | None) -> list[Variant]:
    """Variants that can have ended the message: commands, or nothing, came after them."""
    if body is None or body.accepted_variant is not None:
        return []  # what ended it is known
    return [v for v in body.variants if v.digest is not None]


def _candidates(dialogue: Dialogue) -> list[Variant]:
    """Of the body that is being sent, or was just ended."""
    queue = dialogue.queue
    body = queue[0].body if queue and queue[0].verb == "<eom>" else dialogue.body
    return suspects(body)


def keep_from(dialogue: Dialogue) -> int:
    """The first client byte that may have to be read again."""
    pos = dialogue.c.pos
    first = min((v.at for v in _candidates(dialogue)), default=pos)
    return first if pos - first <= MAX_KEPT else pos


def must_wait(dialogue: Dialogue) -> bool:
    """With a suspicious variant about, replies are judged together, when all are there."""
    return bool(_candidates(dialogue))


def took_variant_live(dialogue: Dialogue, reply: Reply) -> bool:
    """(a) The server answered before the standard end was sent: it had seen another.

    Rewinds the client's cursor to behind the variant; the caller puts the reply back.
    """
    for variant in _candidates(dialogue):
        if variant.end < dialogue.c.stream.base or reply.code == 421:
            continue
        if not covers(reply.ack, dialogue.c.stream.after(variant.end)):
            continue
        if _fits(dialogue, variant, [reply, *_peek(dialogue)]):
            _end_there(dialogue, variant)
            return True
    return False


def took_variant(dialogue: Dialogue, eom: Exchange, reply: Reply) -> bool:
    """(b) One end of data, but more answers than that: the commands in between were obeyed."""
    variants = [v for v in suspects(eom.body) if v.end >= dialogue.c.stream.base]
    if not variants:
        return False
    after = next((e for e in list(dialogue.queue)[1:2]), None)
    answers = [reply]
    for following in _peek(dialogue):
        if after is not None and dialogue.had_received(following, after):
            break
        answers.append(following)
    if len(answers) < 2:
        return False
    for variant in variants:
        if _fits(dialogue, variant, answers):
            _end_there(dialogue, variant)
            return True
    return False


def _peek(dialogue: Dialogue) -> list[Reply]:
    """The complete replies that follow, without taking them."""
    begin = dialogue.s.pos
    found: list[Reply] = []
    while len(found) < MAX_PEEK and (reply := read_reply(dialogue.s, False)) is not None:
        found.append(reply)
    dialogue.s.rewind(begin)
    return found


def _fits(dialogue: Dialogue, variant: Variant, answers: list[Reply]) -> bool:
    """Whether the replies fit the commands behind the variant: one each, none illegal."""
    if answers[0].kind != 2:
        return False
    verbs = _verbs(dialogue, variant.end)
    if not verbs:
        # Nothing follows: a client that knows no other end, and a server that takes it.
        return not dialogue.c.bytes(variant.end, dialogue.c.stream.end).strip()
    pairs = list(zip(verbs, answers[1:], strict=False))
    return bool(pairs or len(verbs) == 1) and all(
        reply_fit(verb, reply.code) != "illegal" for verb, reply in pairs
    )


def _verbs(dialogue: Dialogue, start: int) -> list[str]:
    """Verbs of the lines from `start` on, up to DATA."""
    end = min(dialogue.c.stream.end, start + MAX_KEPT)
    verbs: list[str] = []
    for line in dialogue.c.bytes(start, end).split(b"\n")[:MAX_PEEK]:
        words = line.replace(b":", b" ").split(None, 1)
        if not words:
            continue
        verbs.append(words[0].upper().decode("latin-1"))
        if verbs[-1] == "DATA":
            break
    return verbs


def _end_there(dialogue: Dialogue, variant: Variant) -> None:
    """The message ended at `variant`: take back what was read beyond, and read it again."""
    queue = dialogue.queue
    if queue and queue[0].verb == "<eom>":
        stale = list(queue)
        body = stale[0].body
        letter = stale[0].letter
        for exchange in stale:
            queue.remove(exchange)
            dialogue.exchanges.remove(exchange)
            dialogue.log.remove(exchange)
            if exchange.letter is not letter and exchange.letter in dialogue.letters:
                dialogue.letters.remove(exchange.letter)
    else:
        body, letter = dialogue.body, dialogue.letter
    assert body is not None
    if body.entry is not None:
        dialogue.log.remove(body.entry)
    body.end_at(variant)
    body.accepted_variant = variant
    dialogue.c.rewind(variant.end)
    dialogue.hold = None
    dialogue.mode = Mode.COMMANDS
    dialogue.letter = letter
    dialogue.body = body
    content.end_of_data(dialogue, body, variant)
    dialogue.topics.add("variant-accepted")
