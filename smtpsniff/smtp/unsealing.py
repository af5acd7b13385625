"""TLS that keys open: a dialogue goes on with the contents of the records.

The clear text of each direction becomes a stream of its own, which begins with what was said
before TLS. Each record is a piece of it: readable when the last packet of the record came, sent
when the first was. Sequence numbers stay those of the wire, so that acknowledgements, closings
and losses mean what they mean elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.smtp.reader import Reader
from smtpsniff.tcp.stream import MODULUS, Gap, Stream
from smtpsniff.tls.opening import Content, Direction, Opener

if TYPE_CHECKING:
    from smtpsniff.smtp.handover import Tls
    from smtpsniff.tcp import Connection
    from smtpsniff.tls.records import Records

__all__ = ["Opened", "Unsealing", "behind"]


class Opened(Stream):
    """The clear text of a stream from offset `turn` on, and the stream itself before that."""

    __slots__ = ("_behind", "_first", "_wire", "begun", "turn")

    straight = False

    def __init__(self, wire: Stream, turn: int) -> None:
        super().__init__()
        self._wire = wire
        self.turn = turn
        self.begun: int | None = None  # where on the wire the first content was, or a hole in it
        before = next((i for i, start in enumerate(wire.starts) if start >= turn), len(wire.starts))
        self.data, self.base, self.end = wire.data[: turn - wire.base], wire.base, turn
        self.first = wire.first
        self.starts, self.frames = wire.starts[:before], wire.frames[:before]
        self.times, self.acks = wire.times[:before], wire.acks[:before]
        self.gaps = [gap for gap in wire.gaps if gap.at <= turn]
        # Sequence numbers of the first and behind the last byte of each piece.
        self._first = [wire.sequence(start) for start in self.starts]
        self._behind = [*self._first[1:], wire.after(turn)] if before else []

    @property
    def missing(self) -> int:
        """Bytes that the capture does not hold."""
        return self._wire.missing

    def take(self, found: list[Content], reader: Reader) -> None:
        """Go on with the contents of records, which `reader` finds on the wire."""
        wire, at = self._wire, self.end
        for content in found:
            first, last = reader.span(content.start, content.end)
            self.starts.append(at)
            self.frames.append(wire.frames[last])
            self.times.append(wire.times[last])
            self.acks.append(wire.acks[first])
            self._first.append(wire.sequence(content.start))
            self._behind.append(wire.after(content.end))
            at += len(content.data)
        self.append(b"".join(content.data for content in found))

    def sequence(self, offset: int) -> int:
        """Sequence number of the record that holds `offset`."""
        if offset < self.turn or not self._first:
            return self._wire.sequence(min(offset, self.turn))
        return self._first[self.piece(offset)]

    def after(self, end: int) -> int:
        """What an ACK of the byte before `end` must reach: the end of its record."""
        if end > self.end:  # a FIN
            return (self.top() + end - self.end) & MODULUS
        if end <= self.turn or not self._behind:
            return self._wire.after(min(end, self.turn))
        return self._behind[self.piece(end - 1)]

    @property
    def wire(self) -> Stream:
        """What TCP brought."""
        return self._wire

    def top(self) -> int:
        """Sequence number behind the last byte on the wire."""
        return self._wire.top()

    def release(self, offset: int) -> None:
        """Forget what lies before `offset`."""
        held = len(self.starts)
        super().release(offset)
        stale = held - len(self.starts)
        del self._first[:stale], self._behind[:stale]


def behind(opened: Opened) -> Reader:
    """A cursor where the clear text of TLS begins."""
    reader = Reader(opened)
    while reader.at_gap is not None and reader.at_gap.at <= opened.turn:
        reader.pass_gap()
    reader.pos = opened.turn
    return reader


class Unsealing:
    """Both directions of a session, from the wire's streams to clear text."""

    def __init__(self, tls: Tls, opener: Opener, client: Reader, server: Reader) -> None:
        self.opener = opener
        self._sides = (
            _Side(client, opener.client, tls.client), _Side(server, opener.server, tls.server),
        )  # fmt: skip

    def feed(self, data: bytes, at: int, *, client: bool) -> None:
        """What follows on the wire at offset `at`."""
        (self.opener.client if client else self.opener.server).feed(data, at)

    def lose(self, gap: Gap, *, client: bool) -> None:
        """A hole in what follows."""
        self._sides[not client].gaps.append(gap)
        (self.opener.client if client else self.opener.server).lose(gap.length, gap.why)

    def untold(self) -> dict[str, list[Gap]]:
        """Holes on the wire that are not holes in what was opened: of the handshake, or all."""
        return dict(zip(("client", "server"), (side.untold() for side in self._sides), strict=True))

    def opens(self, final: bool) -> bool:
        """Whether the keys fit, as far as is known."""
        self.opener.advance(final)
        return self.opener.fits

    def streams(self) -> tuple[Opened, Opened]:
        """From here on, what client and server say. To be called once, when the keys fit."""
        client, server = (side.begin() for side in self._sides)
        return client, server

    def ready(self) -> int:
        """When the handshake was over; 0 where that is not known."""
        return max(side.ready() for side in self._sides)

    def settle(self, connection: Connection) -> None:
        """No more bytes will come: what was opened takes the place of what was sent."""
        for side in self._sides:
            side.settle(connection)

    def advance(self, final: bool) -> None:
        """Read on, on the wire."""
        for side in self._sides:
            side.read()
        self.opener.advance(final)
        for side in self._sides:
            side.write()

    def release(self) -> None:
        """Forget the wire's bytes that were read."""
        for side in self._sides:
            side.release()


class _Side:
    """One direction."""

    def __init__(self, wire: Reader, sealed: Direction, records: Records) -> None:
        self.wire = wire
        self._sealed = sealed
        self._records = records
        self._turn = wire.pos
        self._places = Reader(wire.stream)  # walks behind the other
        self._opened: Opened | None = None
        self.gaps: list[Gap] = []  # on the wire, until it is known whether keys fit

    def untold(self) -> list[Gap]:
        begun = self._opened.begun if self._opened is not None else None
        return [gap for gap in self.gaps if begun is None or gap.at < begun]

    def begin(self) -> Opened:
        self._opened = Opened(self.wire.stream, self._turn)
        self.write()
        return self._opened

    def release(self) -> None:
        """Forget what was opened; the beginning of a record may still have to be placed."""
        self.wire.release(min(self.wire.pos, self._sealed.place[0]))

    def read(self) -> None:
        """What came on the wire since."""
        wire = self.wire
        wire.refresh()
        while True:
            data = wire.bytes(wire.pos, wire.limit)
            if data:
                self._sealed.feed(data, wire.pos)
                self._records.feed(data)
                wire.pos = wire.limit
            if wire.at_gap is None:
                return
            gap = wire.pass_gap()
            self._sealed.lose(gap.length, gap.why)
            self._records.lose(gap.length)

    def ready(self) -> int:
        """When this side's last word of the handshake was there."""
        done = self._sealed.finished
        return self._places.locate(done)[1] if done else 0

    def settle(self, connection: Connection) -> None:
        for side in connection.sides:
            if side.stream is self.wire.stream and self._opened is not None:
                side.stream = self._opened

    def write(self) -> None:
        """Put what was opened into the stream."""
        opened, sealed = self._opened, self._sealed
        assert opened is not None
        run: list[Content] = []
        if opened.begun is None and sealed.out:
            opened.begun = sealed.out[0][0]
        for found in sealed.out:
            if isinstance(found, Content):
                run.append(found)
                continue
            opened.take(run, self._places)
            run = []
            frame, time = self._places.locate(found.at + 1)
            opened.gaps.append(Gap(opened.end, found.size, found.why, frame, time))
        opened.take(run, self._places)
        sealed.out.clear()
        self._records.unsealed(sealed.certificates, sealed.alerts)
