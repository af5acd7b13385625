"""What is not commands: the message after 354, and the chunks of BDAT (RFC 3030)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.smtp.commands import parse_bdat
from smtpsniff.smtp.model import Exchange, Letter, Mode

if TYPE_CHECKING:
    from smtpsniff.smtp.body import Body, Variant
    from smtpsniff.smtp.dialogue import Dialogue

__all__ = [
    "begin_body", "begin_chunk", "close_body", "end_chunk", "end_of_data", "read_body",
    "read_chunk",
]  # fmt: skip


def read_body(dialogue: Dialogue, final: bool) -> bool:
    body = dialogue.body
    assert body is not None
    if body.read_data(dialogue.c):
        end_of_data(dialogue, body)
        return True
    if final and dialogue.c.at_gap is None:
        body.drop_tail(dialogue.c)
    return False


def end_of_data(dialogue: Dialogue, body: Body, variant: Variant | None = None) -> None:
    """The end was found (CRLF.CRLF, or what the server took for it): a verdict is owed."""
    close_body(dialogue, body)
    end = body.end
    start = max(end - 3, body.start) if variant is None else variant.at
    exchange = dialogue.push("<eom>", dialogue.c.bytes(start, end), start, end)
    exchange.body, exchange.letter = body, dialogue.letter
    dialogue.log.ours.append(exchange)
    if dialogue.letter is not None:
        dialogue.letter.eom = exchange
        dialogue.letter = None
    dialogue.body = None
    dialogue.mode = Mode.COMMANDS


def close_body(dialogue: Dialogue, body: Body) -> None:
    """Take down where the body's last byte came from."""
    stream = dialogue.c.stream
    if stream.starts:
        piece = dialogue.c.piece(max(min(body.end, stream.end) - 1, stream.base))
        body.frame, body.time = stream.frames[piece], stream.times[piece]
    dialogue.log.body(body)


def read_chunk(dialogue: Dialogue, final: bool) -> bool:
    available = min(dialogue.c.limit - dialogue.c.pos, dialogue.chunk_left)
    if available:
        start = dialogue.c.pos
        dialogue.c.pos += available
        dialogue.chunk_left -= available
        if dialogue.body is not None:
            dialogue.body.take_chunk(dialogue.c.bytes(start, dialogue.c.pos))
    if dialogue.chunk_left:
        return False
    end_chunk(dialogue)
    return True


def end_chunk(dialogue: Dialogue) -> None:
    """A chunk is whole, or all of it that there is."""
    exchange = next(e for e in reversed(dialogue.exchanges) if e.verb in ("BDAT", "XEXCH50"))
    dialogue.log.chunk(exchange, dialogue.c.pos)
    _, last = parse_bdat(exchange.argument)
    if exchange.verb == "BDAT" and last and dialogue.letter is not None:
        body = dialogue.letter.body
        if body is not None:
            body.complete = not dialogue.chunk_left and not body.missing
            body.end = dialogue.c.pos
            body.frame, body.time = dialogue.c.locate(dialogue.c.pos)
        dialogue.letter.eom = exchange
        dialogue.letter = None
        dialogue.body = None
    dialogue.chunk_left = 0
    dialogue.mode = Mode.COMMANDS


def begin_chunk(dialogue: Dialogue, exchange: Exchange, size: int) -> None:
    """The next `size` octets are payload."""
    letter = exchange.letter
    if letter is not None:
        if letter.body is None:
            letter.body = dialogue.new_body("bdat")
            letter.data = exchange
            letter.body.first_frame, letter.body.first_time = exchange.frame, exchange.time
            letter.body.ack = exchange.ack
        dialogue.body = exchange.body = letter.body
    dialogue.chunk_left = size
    dialogue.mode = Mode.CHUNK


def begin_body(dialogue: Dialogue, letter: Letter | None) -> None:
    """The server said 354: what follows is the message."""
    body = dialogue.new_body("data")
    stream = dialogue.c.stream
    if dialogue.c.pos < stream.end:
        piece = dialogue.c.piece(dialogue.c.pos)
        body.first_frame, body.first_time = stream.frames[piece], stream.times[piece]
        body.ack = stream.acks[piece]
    if letter is None:
        letter = Letter(None)
        dialogue.letters.append(letter)
    letter.body = body
    dialogue.letter = letter
    dialogue.body = body
    dialogue.mode = Mode.BODY
