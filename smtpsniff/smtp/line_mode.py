"""Servers that end lines at CR LF only (A.2): found by what they answer, and read as they read.

Lines are split at LF, as most servers do. A strict server takes ``EHLO a LF MAIL … CRLF`` for one
line and answers once. So where such a group got one reply, the client had it and went on, and
each further reply came after a further command, the group is one line: it is read again, and all
that follows with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.smtp.commands import argument_of
from smtpsniff.smtp.model import Mode
from smtpsniff.tcp.stream import covers

if TYPE_CHECKING:
    from smtpsniff.smtp.dialogue import Dialogue
    from smtpsniff.smtp.model import Exchange, Reply

__all__ = ["reads_strictly"]

# What these brought from the client's stream cannot be read again.
_WITH_CONTENT = frozenset({"BDAT", "XEXCH50", "<eom>", "<auth-response>", "<greeting>"})


def reads_strictly(dialogue: Dialogue, reply: Reply, final: bool) -> bool:
    """Whether this reply shows a strict server. If so all behind the group waits to be read."""
    if dialogue.strict or not dialogue.queue or reply.ack < 0:
        return False
    group = _group(dialogue)
    if not group or not _answered_once(dialogue, group, reply, final):
        return False
    end = group[-1].end
    if end < dialogue.c.stream.base or any(e.verb in _WITH_CONTENT for e in dialogue.queue):
        return False
    first = group[0]
    _forget(dialogue)
    first.line = dialogue.c.bytes(first.start, end)
    first.argument = argument_of(first.line)
    first.end, first.frame, first.time = end, group[-1].frame, group[-1].time
    dialogue.c.rewind(end)
    dialogue.strict = True
    return True


def _group(dialogue: Dialogue) -> list[Exchange]:
    """The command answered last, if it ended in a bare LF, and its neighbours up to a CRLF."""
    last = dialogue.last_reply
    first = last.answers if last is not None else None
    if first is None or first.verb in _WITH_CONTENT:
        return []
    group = [first]
    for exchange in dialogue.queue:
        if group[-1].line.endswith(b"\r\n") or exchange.start != group[-1].end:
            break
        group.append(exchange)
    return group if len(group) > 1 and group[-1].line.endswith(b"\r\n") else []


def _answered_once(dialogue: Dialogue, group: list[Exchange], reply: Reply, final: bool) -> bool:
    """Whether the group got one reply, and client and server took turns from then on."""
    once = dialogue.last_reply
    assert once is not None
    client, server = dialogue.c.stream, dialogue.s.stream
    end = group[-1].end
    heard, sent = server.after(once.end), client.after(end)
    if not covers(once.ack, sent) or covers(group[-1].ack, heard):
        return False  # it had not all of them yet, or the client waited for each
    if client.end <= end or not covers(client.acks[dialogue.c.piece(end)], heard):
        return False  # the client did not go on, or not because of that reply
    if reply.ack == once.ack:
        return False  # a second reply to the group
    if reply.end >= server.end:
        return final
    return server.acks[dialogue.s.piece(reply.end)] != reply.ack


def _forget(dialogue: Dialogue) -> None:
    """Take back all commands that wait for an answer: they will be read anew."""
    gone = {id(exchange) for exchange in dialogue.queue}

    def keep(exchanges: list[Exchange]) -> list[Exchange]:
        return [exchange for exchange in exchanges if id(exchange) not in gone]

    ours = dialogue.log.ours
    ours[:] = [line for line in ours if id(line) not in gone]
    dialogue.queue.clear()
    for letter in dialogue.letters:
        letter.recipients = keep(letter.recipients)
        if letter.data is not None and id(letter.data) in gone:
            letter.data = None
    letters = [
        letter
        for letter in dialogue.letters
        if (letter.mail is not None and id(letter.mail) not in gone) or letter.recipients
    ]
    ended = {id(e.letter) for e in dialogue.exchanges if e.letter and id(e) not in gone
             and e.verb == e.letter.ended_by}  # fmt: skip
    for letter in letters:
        if id(letter) not in ended:
            letter.ended_by = ""
    dialogue.letters[:] = letters
    dialogue.exchanges[:] = keep(dialogue.exchanges)
    dialogue.hellos[:] = keep(dialogue.hellos)
    dialogue.auths[:] = keep(dialogue.auths)
    last = letters[-1] if letters else None
    is_open = last is not None and not last.ended_by and last.eom is None and last.body is None
    dialogue.letter = last if is_open else None
    dialogue.hold = None
    dialogue.mode = Mode.COMMANDS
