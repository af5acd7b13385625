"""What one segment means to the connection: sent again, out of order, a probe, a full window.

The rules are those of Wireshark's TCP analysis (PEERS 5), so that both tools count the same;
sequence numbers are compared modulo 2^32 (RFC 9293 §3.4). One rule is added: a packet that a
mirror port delivered twice is not judged at all.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from msgspec import Struct, field

from smtpsniff.tcp.connection import CONTROL, FIN, RST, SYN, Side
from smtpsniff.tcp.stream import HALF, MODULUS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.tcp.connection import Connection

__all__ = [
    "AGAIN", "DISORDER", "FULL", "KEEP_ALIVE", "PROBE", "SPURIOUS", "ZERO", "Origin", "Watch",
    "agreed_shift", "behind", "handshake_trip", "judge", "leave", "on_their_way",
    "origin", "take_up",
]  # fmt: skip

# What a segment can be, several at once.
ZERO, FULL, KEEP_ALIVE, PROBE, AGAIN, SPURIOUS, DISORDER = (1 << bit for bit in range(7))

# A copy this soon (ns) after two duplicate acknowledgements that ask for it answers them.
FAST = 20_000_000
ENOUGH_DUPLICATES = 2
# Without a measured round trip: a segment this soon (ns) after a later one was overtaken.
OVERTAKEN = 3_000_000
# RFC 7323 §2.3: a larger shift means this one.
LARGEST_SHIFT = 14
# Segments on their way that are remembered, as in Wireshark; where no ACK is seen they pile up.
MOST_UNACKED = 1000
MOST_HOLES = 64


class Watch(Struct, eq=False):
    """What must be remembered of one side to judge its next segment, and the other's."""

    next: int = -1  # highest sequence number that it has sent, and one
    next_time: int = 0
    ack: int = -1  # of its last segment; -1: that had none
    ack_time: int = 0
    window: int = -1
    shifted: bool = False
    duplicates: int = 0  # acknowledgements in a row that only repeat the one before
    kept: bool = False  # its last segment was a keep-alive
    packets: int = 0  # of the side, when this was up to date
    frame: int = 0  # the connection's last one then
    # First number, last and one, time and frame of what is not yet acknowledged; the same without
    # frame: never seen so far.
    unacked: deque[tuple[int, int, int, int]] = field(
        default_factory=lambda: deque(maxlen=MOST_UNACKED)
    )
    holes: deque[tuple[int, int, int]] = field(default_factory=lambda: deque(maxlen=MOST_HOLES))


class Origin(Struct, frozen=True, gc=False):
    """Where octets that come again were first: seen at `time`, in `frame`, or missed at it."""

    time: int
    seen: bool
    frame: int = 0


def take_up(connection: Connection) -> tuple[Watch, Watch]:
    """The watches of both sides, as if every packet that went the quick way had been judged."""
    one, other = connection.sides
    for side, opposite in ((one, other), (other, one)):
        if side.watch is None:
            side.watch = Watch()
        if side.packets != side.watch.packets and side.next >= 0:
            _catch_up(side, opposite, connection.start)
    leave(connection)
    assert one.watch is not None
    assert other.watch is not None
    return one.watch, other.watch


def leave(connection: Connection) -> None:
    """The watches are up to date; what comes now may go the quick way."""
    for side in connection.sides:
        if side.watch is not None:
            side.watch.packets, side.watch.frame = side.packets, connection.last_frame


def _catch_up(side: Side, other: Side, start: int) -> None:
    """A side's packets were all in order, and its acknowledgements never repeated themselves."""
    watch, stream = side.watch, side.stream
    assert watch is not None
    ack = side.ack if side.rst is None else side.rst.ack
    if ack != watch.ack:
        watch.duplicates = 0
    watch.ack, watch.window, watch.shifted, watch.kept = ack, side.window, side.shifted, False
    unacked = watch.unacked
    while unacked and other.ack >= 0 and not _below(other.ack, unacked[0][1]):
        unacked.popleft()
    if watch.next >= 0 and not 0 < (side.next - watch.next) & MODULUS < HALF:
        return
    watch.next = side.next
    latest = side.fin or side.syn
    watch.next_time = latest.time if latest is not None else start
    if stream.times and (side.fin is None or stream.times[-1] > side.fin.time):
        watch.next_time = stream.times[-1]
    unacked.extend(reversed(list(on_their_way(side, other, watch.frame))))


def on_their_way(side: Side, other: Side, after: int) -> Iterator[tuple[int, int, int, int]]:
    """Pieces behind frame `after` that were not acknowledged yet, the last one first."""
    stream = side.stream
    end = (side.next - (side.fin is not None)) & MODULUS
    for piece in range(len(stream.starts) - 1, max(len(stream.starts) - MOST_UNACKED, 0) - 1, -1):
        if stream.frames[piece] <= after or (other.ack >= 0 and not _below(other.ack, end)):
            return
        until = stream.starts[piece + 1] if piece + 1 < len(stream.starts) else stream.end
        first = (end - until + stream.starts[piece]) & MODULUS
        yield first, end, stream.times[piece], stream.frames[piece]
        end = first


def agreed_shift(side: Side, other: Side) -> int:
    """How far the windows of `side` are shifted; -1 where that was agreed before the capture."""
    if side.syn is None and other.syn is None:
        return -1
    if (side.syn is not None and side.scale < 0) or (other.syn is not None and other.scale < 0):
        return 0
    return min(side.scale, LARGEST_SHIFT)  # -1 where its own SYN was not seen


def _below(a: int, b: int) -> bool:
    """Whether sequence number `a` lies before `b`."""
    return (a - b) & MODULUS >= HALF


def behind(mine: Watch, seq: int) -> bool:
    """Whether the segment begins below what its side has sent already."""
    return mine.next >= 0 and _below(seq, mine.next)


def judge(
    mine: Watch, theirs: Watch, seq: int, ack: int, flags: int, window: int, size: int, time: int,
    *, shift: int, trip: int, frame: int = 0,
) -> int:  # fmt: skip
    """What the segment is, of the constants above; both watches move on.

    `ack` is -1 where the flag is not set. `shift` is that of the other side's window, -1 where
    it is not known; `trip` the round trip of the handshake, 0 where that was not seen; `frame`
    is what `origin` gives back when the octets come again.
    """
    control = flags & CONTROL
    kind = PROBE if size == 1 and seq == mine.next and theirs.window == 0 else 0
    if not kind and not control:
        kind = _window_and_life(mine, theirs, seq, size, window, shift)
        again = not size and (window, seq, ack) == (mine.window, mine.next, mine.ack)
        if again and window and not theirs.kept:
            mine.duplicates += 1
    if ack != mine.ack:
        mine.duplicates = 0
    if (size or control & (SYN | FIN)) and not kind & KEEP_ALIVE:
        kind |= _repeated(mine, theirs, seq, size, control, time, trip)
    _move(mine, seq, size, control, (time, frame), probe=bool(kind & PROBE))
    mine.window, mine.shifted = window, not flags & SYN
    mine.ack, mine.ack_time = ack, time
    mine.kept = bool(kind & KEEP_ALIVE)
    if ack >= 0 and not flags & RST:
        unacked = theirs.unacked
        while unacked and not _below(ack, unacked[0][1]):
            unacked.popleft()
    return kind


def _window_and_life(
    mine: Watch, theirs: Watch, seq: int, size: int, window: int, shift: int
) -> int:
    """Zero window, keep-alive, full window, of a segment that is no SYN, FIN or RST."""
    kind = 0 if window else ZERO
    if size <= 1 and mine.next >= 0 and seq == (mine.next - 1) & MODULUS:
        kind |= KEEP_ALIVE
    if size and shift >= 0 and theirs.ack >= 0 and theirs.window >= 0:
        room = theirs.window << (shift if theirs.shifted else 0)
        if (theirs.ack + room - seq - size) & MODULUS == 0:
            kind |= FULL
    return kind


def _repeated(
    mine: Watch, theirs: Watch, seq: int, size: int, control: int, time: int, trip: int
) -> int:
    """Whether the segment was sent again, needlessly even, or is only late."""
    before = behind(mine, seq)
    if size > 1 and seq == (mine.next - 1) & MODULUS:
        before = False  # the octet below it was a probe
    if not before:
        return 0  # of octets that were acknowledged before, only the capture is out of order
    end = (seq + size) & MODULUS
    if size and theirs.ack >= 0 and not _below(theirs.ack, end):
        return AGAIN | SPURIOUS
    asked_for = theirs.duplicates >= ENOUGH_DUPLICATES and theirs.ack == seq
    if asked_for and time - theirs.ack_time < FAST:
        return AGAIN
    taken = 1 if control & (SYN | FIN) else 0
    if time - mine.next_time < (trip or OVERTAKEN) and mine.next != (end + taken) & MODULUS:
        return DISORDER
    return AGAIN


def _move(
    mine: Watch, seq: int, size: int, control: int, where: tuple[int, int], *, probe: bool
) -> None:
    """Remember the segment, with its time and frame, and the hole in front of it."""
    time = where[0]
    taken = size + (1 if control & (SYN | FIN) else 0)
    if taken:
        mine.unacked.append((seq, (seq + taken) & MODULUS, *where))
    if control & RST:
        taken = size
    end = (seq + taken) & MODULUS
    if mine.next < 0:
        mine.next, mine.next_time = end, time
        return
    if not control & RST and _below(mine.next, seq):
        mine.holes.append((mine.next, seq, time))
    if _below(mine.next, end) and not probe:
        mine.next, mine.next_time = end, time


def origin(mine: Watch, seq: int, time: int) -> Origin:
    """Where the octet `seq`, which comes again at `time`, was first. Ask before `judge`."""
    for first, end, when, frame in mine.unacked:
        if not _below(seq, first) and _below(seq, end):
            return Origin(when, True, frame)
    for first, end, when in mine.holes:
        if not _below(seq, first) and _below(seq, end):
            return Origin(when, False)
    return Origin(mine.next_time or time, True)


def handshake_trip(connection: Connection) -> int:
    """Nanoseconds from the SYN to the end of the handshake; 0 where that was not seen."""
    if connection.initiator is None:
        return 0
    side = connection.sides[connection.initiator]
    answer = connection.sides[1 - connection.initiator]
    if not side.syns or side.handshake is None or not answer.syns:
        return 0
    return max(side.handshake.time - side.syns[-1].time, 0)
