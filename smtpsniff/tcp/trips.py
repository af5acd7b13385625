"""Round trips at the tap: to the client and back, to the server and back (PROTOCOL E.1).

The handshake measures both. Where SYNs were repeated, time stamps tell which copy was answered
(RFC 7323 §4); where no handshake was captured, the quickest answer to a segment has to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.tcp.stream import covers

if TYPE_CHECKING:
    from smtpsniff.tcp.connection import Mark, Side

__all__ = ["trips"]

# Fewer samples than this may all hold the other side's thinking.
ENOUGH = 3
# Segments looked at: the quickest of these is as quick as it gets.
LOOKED_AT = 256


def trips(client: Side, server: Side) -> tuple[int | None, int | None]:
    """Nanoseconds from the tap to the client and back, to the server and back; None: unknown."""
    asked, answered = client.syn, server.syn
    if asked is None or answered is None:
        return _sampled(server, client), _sampled(client, server)
    if len(client.syns) == 1 and len(server.syns) == 1:
        last = client.handshake
        near = last.time - answered.time if last is not None else None
        return near, answered.time - asked.time
    return _after_copies(client, server)


def _after_copies(client: Side, server: Side) -> tuple[int | None, int | None]:
    """Round trips where a SYN or its answer came more than once."""
    answered = server.syns[0] if server.syns else None
    if answered is None:
        return None, None
    asked = _answered(client.syns, answered)
    far = answered.time - asked.time if asked is not None else _sampled(client, server)
    last = client.handshake
    if len(server.syns) == 1 and last is not None:
        return last.time - answered.time, far
    return _sampled(server, client), far


def _answered(syns: list[Mark], answer: Mark) -> Mark | None:
    """The copy of the SYN that was answered, where that is beyond doubt."""
    before = [syn for syn in syns if syn.frame < answer.frame]
    if len(before) == 1:
        return before[0]
    echoed = [syn for syn in before if syn.stamp >= 0 and syn.stamp == answer.echo]
    return echoed[0] if len(echoed) == 1 else None


def _sampled(mine: Side, theirs: Side) -> int | None:
    """The quickest answer to a segment of `mine`; none where segments were sent again (Karn)."""
    again = mine.trouble is not None and mine.trouble.again
    if again or mine.stream.gaps or theirs.stream.gaps:
        return None
    stream, other = mine.stream, theirs.stream
    samples = []
    at, many = 0, len(other.times)
    count = len(stream.starts)
    for piece in range(min(count, LOOKED_AT)):
        end = stream.starts[piece + 1] if piece + 1 < count else stream.end
        sent, upto = stream.times[piece], stream.after(end)
        while at < many and (other.times[at] < sent or not covers(other.acks[at], upto)):
            at += 1
        if at == many:
            break
        samples.append(other.times[at] - sent)
    return min(samples) if len(samples) >= ENOUGH else None
