"""At the barriers: what the client's next bytes are, when the answer is there or never comes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtpsniff.smtp import content, handover, letters
from smtpsniff.smtp.commands import message_like, parse_bdat, read_unended
from smtpsniff.smtp.model import Exchange, Letter, Mode, Phase, Reply
from smtpsniff.smtp.verbs import VERBS

if TYPE_CHECKING:
    from smtpsniff.smtp.body import Body
    from smtpsniff.smtp.dialogue import Dialogue
    from smtpsniff.smtp.reader import Reader

__all__ = ["assume", "begin_in_the_middle", "pass_over", "resume", "settle_lost",
           "verdict_without_end"]  # fmt: skip

_BASE64_LINE = re.compile(rb"(?:[A-Za-z0-9+/]*={0,2}|\*|=)\r?\n")
_TLS_VERBS = frozenset({"STARTTLS", "X-ANONYMOUSTLS"})
_AUTH_VERBS = frozenset({"AUTH", "X-EXPS", "<auth-response>"})
# The shortest command with its line end is six octets (RFC 5321 §4.1.1): a gap of n bytes
# hides at most n/6 of them.
SHORTEST_COMMAND = 6


def resume(dialogue: Dialogue, exchange: Exchange, reply: Reply) -> None:
    """The barrier was answered: read on as the answer says."""
    verb, kind = exchange.verb, reply.kind
    dialogue.mode = Mode.COMMANDS
    if verb in _AUTH_VERBS:
        if kind == 3:
            dialogue.mode = Mode.AUTH
    elif verb in _TLS_VERBS:
        if kind == 2:
            handover.begin_tls(dialogue, exchange)
    elif verb == "BDAT":
        size, _ = parse_bdat(exchange.argument)
        # A server that does not know BDAT reads the payload as commands; so do we.
        if size is not None and reply.code not in (500, 502):
            content.begin_chunk(dialogue, exchange, size)
    elif verb == "XEXCH50":
        if kind == 3:
            size = int((re.match(rb"[0-9]{1,9}", exchange.argument) or [b"0"])[0])
            content.begin_chunk(dialogue, exchange, size)
    elif verb == "DATA":
        if kind == 3:
            content.begin_body(dialogue, exchange.letter)
            return
        if kind >= 4:
            letters.data_refused(dialogue, exchange)
        if message_like(_ahead(dialogue)):
            dialogue.topics.add("message-after-refusal")


def _ahead(dialogue: Dialogue, size: int = 512) -> bytes:
    """The client's next bytes."""
    return dialogue.c.bytes(dialogue.c.pos, min(dialogue.c.pos + size, dialogue.c.limit))


def assume(dialogue: Dialogue, exchange: Exchange) -> None:
    """The barrier's answer was not captured: the client's next bytes tell what it was (A.7)."""
    dialogue.hold = None
    dialogue.mode = Mode.COMMANDS
    ahead = _ahead(dialogue)
    if exchange.verb == "DATA":
        if ahead and (message_like(ahead) or not _verb_line(ahead)):
            content.begin_body(dialogue, exchange.letter)
    elif exchange.verb in _TLS_VERBS:
        if handover.is_tls(ahead):
            handover.begin_tls(dialogue, exchange)
    elif exchange.verb in _AUTH_VERBS:
        if _BASE64_LINE.match(ahead) and not _verb_line(ahead):
            dialogue.mode = Mode.AUTH
    elif exchange.verb == "BDAT":
        size, _ = parse_bdat(exchange.argument)
        if size is not None:
            content.begin_chunk(dialogue, exchange, size)


def _verb_line(data: bytes) -> bool:
    """Whether `data` begins with a command that is known."""
    word = re.match(rb"[A-Za-z-]{4,16}(?=[ \t:\r\n])", data)
    return bool(word) and word[0].upper().decode() in VERBS  # type: ignore[index]


def pass_over(dialogue: Dialogue, final: bool) -> bool:
    """Nothing moves: step over a gap, or past a barrier whose answer will never come."""
    if dialogue.hold is None and dialogue.c.at_gap is not None:
        _client_gap(dialogue)
        return True
    if dialogue.s.at_gap is not None and _server_gap(dialogue):
        return True
    # Only bytes that still wait behind the barrier ask for an answer.
    if final and dialogue.hold is not None and dialogue.c.pos < dialogue.c.stream.end:
        held = dialogue.hold
        held.tainted = True
        assume(dialogue, held)
        return True
    return False


def _server_gap(dialogue: Dialogue) -> bool:
    """A hole in the server's stream: part of a reply may be left on either side of it."""
    if _cut_line(dialogue.s) and dialogue.read_cut_reply():
        return True
    gap = dialogue.s.pass_gap()
    dialogue.log.gap("server", gap)
    dialogue.topics.add("gap")
    if dialogue.tls is None or dialogue.tls.opened:
        dialogue.lost_replies = True
        _skip_to_line(dialogue.s)
        behind = dialogue.s.bytes(dialogue.s.pos, dialogue.s.pos + 6)
        if (not behind and dialogue.s.at_gap is None) or handover.is_tls(behind):
            # No reply follows the hole: whatever was outstanding was answered in it, if at all.
            while dialogue.queue and dialogue.hold is not None:
                settle_lost(dialogue, dialogue.queue.popleft())
    return True


def settle_lost(dialogue: Dialogue, exchange: Exchange) -> None:
    """The answer of `exchange` fell into a gap: go on as if it had been the usual one."""
    exchange.lost = exchange.tainted = True
    if exchange.verb in ("EHLO", "LHLO", "HELO"):
        dialogue.hello = None
    if dialogue.hold is exchange:
        assume(dialogue, exchange)
    dialogue.phase = Phase.UNKNOWN


def _skip_to_line(reader: Reader) -> None:
    """Behind a hole: go to the next line's beginning unless a reply or TLS begins at once."""
    ahead = reader.bytes(reader.pos, reader.pos + 6)
    if re.match(rb"[2-5][0-5][0-9][ \r\n-]", ahead) or handover.is_tls(ahead):
        return
    end = reader.find_line()
    reader.pos = end if end >= 0 else reader.limit


def _client_gap(dialogue: Dialogue) -> None:
    """A hole in the client's stream; what it hides depends on where we are (A.7)."""
    if dialogue.mode is Mode.COMMANDS and _cut_line(dialogue.c):
        read_unended(dialogue, dialogue.c.limit).tainted = True
        return
    before = dialogue.c.pos
    gap = dialogue.c.pass_gap()
    length = gap.length + max(gap.at - before, 0) * (dialogue.mode is Mode.COMMANDS)
    dialogue.log.gap("client", gap)
    dialogue.topics.add("gap")
    if dialogue.mode is Mode.BODY and dialogue.body is not None:
        dialogue.body.skip(length)
    elif dialogue.mode is Mode.CHUNK:
        hidden = min(gap.length, dialogue.chunk_left)
        dialogue.chunk_left -= hidden
        if dialogue.body is not None:
            dialogue.body.skip(hidden)
        if not dialogue.chunk_left:
            content.end_chunk(dialogue)
    elif dialogue.mode is not Mode.OPAQUE:
        _hidden_commands(dialogue, length, gap.why)


def _cut_line(reader: Reader) -> bool:
    """Whether a line begins at the cursor whose end the capture's snap length cut off."""
    gap = reader.at_gap
    return gap is not None and gap.why == "cut" and reader.pos < gap.at


def _hidden_commands(dialogue: Dialogue, length: int, why: str) -> None:
    """Between commands: some may be hidden, and a message too."""
    dialogue.mode = Mode.COMMANDS
    if why != "cut":  # a cut takes the end of a line that was begun, a loss whole lines
        dialogue.hidden += max(length // SHORTEST_COMMAND, 1)
    dialogue.hello = (
        None if dialogue.hello is None or not dialogue.hello.exchange else dialogue.hello
    )
    ahead = _ahead(dialogue)
    if not ahead or _verb_line(ahead):
        return
    if handover.is_tls(ahead):
        handover.begin_tls(dialogue, None, hidden=True)
        return
    if message_like(ahead) or b"\r\n.\r\n" in dialogue.c.bytes(dialogue.c.pos, dialogue.c.limit):
        content.begin_body(dialogue, dialogue.letter)
        assert dialogue.body is not None
        dialogue.body.skip(0)
        dialogue.body.missing += length
        return
    end = dialogue.c.find_line()
    dialogue.c.pos = end if end >= 0 else dialogue.c.limit


def begin_in_the_middle(dialogue: Dialogue) -> None:
    """The capture joined a session that was under way: find out where."""
    server = dialogue.s.bytes(dialogue.s.pos, dialogue.s.limit)
    if server and not re.match(rb"[2-5][0-9][0-9][ \r\n-]", server) and not handover.is_tls(server):
        _skip_to_line(dialogue.s)
    ahead = _ahead(dialogue)
    if not ahead or _verb_line(ahead):
        return
    if handover.is_tls(ahead):
        handover.begin_tls(dialogue, None)
        return
    letter = Letter(None)
    dialogue.letters.append(letter)
    content.begin_body(dialogue, letter)
    body = dialogue.body
    assert body is not None
    if not message_like(ahead):
        body.skip(0)
        body.missing = 1  # at least: its beginning was not seen
    assert dialogue.mode is Mode.BODY


def verdict_without_end(dialogue: Dialogue, reply: Reply) -> None:
    """A reply while the body goes on: its end fell into a gap, or the server gave up."""
    body: Body | None = dialogue.body
    letter = dialogue.letter
    assert body is not None
    reply.during_body = not body.missing
    dialogue.topics.add("verdict-early")
    if reply.kind >= 4:
        dialogue.topics.add("refused")
    if not body.missing and reply.kind == 2:
        dialogue.unsolicited.append(reply)
        return
    exchange = dialogue.push("<eom>", b"", max(dialogue.c.pos - 1, 0), max(dialogue.c.pos, 1))
    dialogue.queue.remove(exchange)
    exchange.body, exchange.letter = body, letter
    exchange.reply = reply
    exchange.replies.append(reply)
    exchange.tainted = bool(body.missing)
    exchange.phase, exchange.hello = dialogue.phase, dialogue.hello
    reply.answers = exchange
    if letter is not None:
        letter.eom = exchange
    dialogue.phase = Phase.READY
    if body.missing:
        _give_back(dialogue, body, reply)
        body.end = dialogue.c.pos
        content.close_body(dialogue, body)
        dialogue.body = dialogue.letter = None
        dialogue.mode = Mode.COMMANDS


def _give_back(dialogue: Dialogue, body: Body, reply: Reply) -> None:
    """What the server had not received when it gave its verdict is not part of the message."""
    stream = dialogue.c.stream
    for start in stream.starts:
        if body.start < start < dialogue.c.pos and stream.sequence(start) == reply.ack:
            body.give_back(dialogue.c.pos - start)
            dialogue.c.rewind(start)
            return
