"""The timeline in the making: entries of both sides, merged by who can have known what.

Frames alone do not order a dialogue: captures hold packets out of order, and a tap sees
crossing packets one after the other. Acknowledgement numbers say it: what a segment
acknowledges came before it. Only where two entries crossed does the frame number decide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from smtpsniff.records import Entry, Timestamp
from smtpsniff.smtp.model import Exchange, Reply
from smtpsniff.tcp.stream import HALF, MODULUS, Gap
from smtpsniff.text import decode

if TYPE_CHECKING:
    from smtpsniff.records import Kind, Party
    from smtpsniff.smtp.body import Body
    from smtpsniff.smtp.dialogue import Dialogue
    from smtpsniff.tcp import Mark, Side

__all__ = ["Item", "Log"]

# Garbage lines shown one by one before a reply; the rest are counted in its text.
MAX_GARBAGE = 50


_WHY = {
    "lost": "never captured",
    "cut": "cut off by the capture's snap length",
    "sealed": "that no key opens",
}


class Item(Struct, frozen=True, gc=False):
    """An entry that is neither an exchange nor a reply, with what orders it.

    As there, `ack` is a sequence number, `end` an offset in its stream.
    """

    entry: Entry
    first_time: int
    ack: int
    end: int

    @property
    def frame(self) -> int:
        """Frame of its last byte."""
        return self.entry.frame


Line = Exchange | Reply | Item


class Log:
    """Entries of the client and of the server, each in the order of its stream.

    `ours` and `theirs` are the lists that the cursors `c` and `s` of the dialogue write to, `me`
    and `peer` their names; they change places when the parties do (`swap`).
    """

    __slots__ = ("_dialogue", "client", "in_tls", "me", "ours", "peer", "server", "theirs")

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue
        self.client: list[Line] = []
        self.server: list[Line] = []
        self.ours, self.theirs = self.client, self.server
        self.me: Party = "client"
        self.peer: Party = "server"
        self.in_tls = False

    def close(self) -> None:
        """Let go of the dialogue, which holds this log."""
        del self._dialogue
        self.client = self.server = self.ours = self.theirs = []

    def swap(self) -> None:
        """Client and server have changed places."""
        self.ours, self.theirs = self.theirs, self.ours
        self.me, self.peer = self.peer, self.me

    def body(self, body: Body) -> None:
        """Message content. Shown once it ended, with its size."""
        if body.entry is not None or (not body.size and not body.missing):
            return
        frame = body.frame or body.first_frame
        entry = Entry(
            Timestamp(body.time or body.first_time), frame, (body.first_frame, frame),
            self.me, "data", f"{body.size} octets of message", self.in_tls, size=body.size,
        )  # fmt: skip
        body.entry = entry
        end = max(body.end - 3, body.start + 1)
        self.ours.append(Item(entry, body.first_time, body.ack, end))

    def chunk(self, exchange: Exchange, end: int) -> None:
        """BDAT payload."""
        size = end - exchange.end
        frame, time = self._dialogue.c.locate(end)
        if not size:
            return
        entry = Entry(
            Timestamp(time), frame, (exchange.frame, frame), self.me, "chunk",
            f"{size} octets of message", self.in_tls, size=size,
        )  # fmt: skip
        self.ours.append(Item(entry, exchange.time, exchange.ack, end))

    def reply(self, reply: Reply) -> None:
        """A reply, after the lines before it that were none."""
        reply.by, reply.in_tls = self.peer, self.in_tls
        if reply.garbage:
            self._garbage(reply)
        if reply.code:
            self.theirs.append(reply)

    def _garbage(self, reply: Reply) -> None:
        """Server lines that are no reply lines, each an entry of its own."""
        frame = reply.first_frame
        for line in reply.garbage[:MAX_GARBAGE]:
            stray = Entry(
                Timestamp(reply.first_time), frame, (frame, frame), self.peer, "reply",
                decode(line.rstrip(b"\r\n")), self.in_tls,
            )  # fmt: skip
            self.theirs.append(Item(stray, reply.first_time, reply.ack, reply.end))
            reply.entry = stray

    def gap(self, side: str, gap: Gap) -> None:
        """Bytes that the capture lacks."""
        why = _WHY[gap.why]
        mine = side == "client"
        entry = Entry(
            Timestamp(gap.time), gap.frame, (gap.frame, gap.frame), self.me if mine else self.peer,
            "gap", f"{gap.length} octets {why}", self.in_tls, size=gap.length,
        )  # fmt: skip
        (self.ours if mine else self.theirs).append(Item(entry, gap.time, -1, max(gap.at, 1)))

    def note(
        self, mine: bool, kind: Kind, text: str, frame: int, time: int, size: int | None = None
    ) -> Entry:
        """Anything else that one side brought, beginning at its cursor."""
        entry = Entry(
            Timestamp(time), frame, (frame, frame), self.me if mine else self.peer, kind, text,
            self.in_tls, size=size,
        )  # fmt: skip
        cursor = self._dialogue.c if mine else self._dialogue.s
        stream = cursor.stream
        ack = stream.acks[stream.piece(cursor.pos)] if stream.acks else -1
        (self.ours if mine else self.theirs).append(Item(entry, time, ack, cursor.pos + 1))
        return entry

    def turn(self, ours: int, theirs: int) -> None:
        """Behind these offsets the streams have other contents: what was noted there is before."""
        for lines, at in ((self.ours, ours), (self.theirs, theirs)):
            lines[:] = [
                replace(line, end=at) if isinstance(line, Item) and line.end > at else line
                for line in lines
            ]

    def closing(self) -> None:
        """FIN and RST of both sides. A FIN takes a sequence number of its own (RFC 9293 §3.4)."""
        sides = self._dialogue.connection.sides
        client = self._dialogue.client
        _close(self.client, sides[client], "client")
        _close(self.server, sides[1 - client], "server")

    def remove(self, what: Exchange | Entry) -> None:
        """Take back a line that turned out to be something else."""
        for lines in (self.client, self.server):
            lines[:] = [line for line in lines if line is not what and line.entry is not what]

    def merged(self) -> list[Line]:
        """Both sides in one order."""
        client, server = self.client, self.server
        if not client or not server:
            return client or server
        out: list[Line] = []
        append = out.append
        client_ends, server_ends = self._wire_ends()
        i = j = 0
        n, m = len(client), len(server)
        while i < n and j < m:
            c, s = client[i], server[j]
            if s.ack >= 0 and (s.ack - client_ends[i]) & MODULUS < HALF:
                append(c)
                i += 1
            elif c.ack >= 0 and (c.ack - server_ends[j]) & MODULUS < HALF:
                append(s)
                j += 1
            elif c.frame <= s.frame:
                append(c)
                i += 1
            else:
                append(s)
                j += 1
        out += client[i:]
        out += server[j:]
        return out

    def _wire_ends(self) -> tuple[list[int], list[int]]:
        """Where each entry ends, as sequence numbers (not yet cut to 32 bits)."""
        sides = self._dialogue.connection.sides
        ends = []
        for side, items in (
            (sides[self._dialogue.client], self.client),
            (sides[1 - self._dialogue.client], self.server),
        ):
            stream = side.stream
            if stream.gaps or not stream.straight:
                ends.append([stream.after(item.end) for item in items])
            else:
                first = stream.first
                ends.append([first + item.end for item in items])
        return ends[0], ends[1]


def _close(items: list[Line], side: Side, who: Party) -> None:
    """Entries for one side's FIN and RST, in order."""
    marks: list[tuple[Mark, Kind, str, int]] = []
    if side.fin is not None:
        marks.append((side.fin, "close", "closed its side", 1))
    if side.rst is not None:
        marks.append((side.rst, "reset", "reset the connection", 0))
    if len(marks) > 1:
        marks.sort(key=lambda mark: mark[0].frame)
    for mark, kind, text, taken in marks:
        at = (mark.frame, mark.frame)
        entry = Entry(Timestamp(mark.time), mark.frame, at, who, kind, text, False)
        items.append(Item(entry, mark.time, mark.ack, side.stream.end + taken))
