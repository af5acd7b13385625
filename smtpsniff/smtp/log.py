"""The timeline in the making: entries of both sides, merged by who can have known what.

Frames alone do not order a dialogue: captures hold packets out of order, and a tap sees
crossing packets one after the other. Acknowledgement numbers say it: what a segment
acknowledges came before it. Only where two entries crossed does the frame number decide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.records import Entry, Timestamp
from smtpsniff.tcp.stream import HALF, MODULUS, Gap
from smtpsniff.text import decode

if TYPE_CHECKING:
    from smtpsniff.smtp.body import Body
    from smtpsniff.smtp.dialogue import Dialogue
    from smtpsniff.smtp.model import Exchange, Reply

__all__ = ["Item", "Log"]

# Garbage lines shown one by one before a reply; the rest are counted in its text.
MAX_GARBAGE = 50


class Item:
    """An entry with what orders it: `ack` and `end` are sequence numbers on the wire."""

    __slots__ = ("ack", "end", "entry", "first_time", "time")

    def __init__(self, entry: Entry, first_time: int, ack: int, end: int) -> None:
        self.entry = entry
        self.first_time = first_time
        self.time = int(entry.time)
        self.ack = ack
        self.end = end


class Log:
    """Entries of the client and of the server, each in the order of its stream."""

    __slots__ = ("_dialogue", "client", "in_tls", "server")

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue
        self.client: list[Item] = []
        self.server: list[Item] = []
        self.in_tls = False

    def _add_client(self, entry: Entry, first_time: int, ack: int, end: int) -> None:
        d = self._dialogue
        d_swapped = d.swapped
        (self.server if d_swapped else self.client).append(
            Item(entry, first_time, ack, d.c.stream.after(end))
        )

    def _who(self, client: bool) -> str:
        return "client" if client is not self._dialogue.swapped else "server"

    def command(self, exchange: Exchange) -> None:
        """A command line. Credentials in an AUTH line are masked."""
        line = exchange.line
        verb = exchange.verb
        text = decode(line.rstrip(b"\r\n"))
        if verb in ("AUTH", "X-EXPS"):
            text = mask_auth(text)
        entry = Entry(
            Timestamp(exchange.time), exchange.frame, (exchange.first_frame, exchange.frame),
            self._who(True), "command", text, self.in_tls, None, verb,
        )  # type: ignore[arg-type]  # fmt: skip
        exchange.entry = entry
        exchange.in_tls = self.in_tls
        self._add_client(entry, exchange.first_time, exchange.ack, exchange.end)

    def auth_response(self, exchange: Exchange) -> None:
        """A line of an AUTH exchange: its length, never its content (RFC 4954 §4)."""
        word = exchange.line.strip()
        text = decode(word) if word in (b"", b"*", b"=") else f"({len(word)} octets, masked)"
        entry = Entry(
            Timestamp(exchange.time), exchange.frame, (exchange.first_frame, exchange.frame),
            self._who(True), "auth", text, self.in_tls,
        )  # type: ignore[arg-type]  # fmt: skip
        exchange.entry = entry
        self._add_client(entry, exchange.first_time, exchange.ack, exchange.end)

    def end_of_data(self, exchange: Exchange) -> None:
        """The line that ended the message."""
        entry = Entry(
            Timestamp(exchange.time), exchange.frame, (exchange.first_frame, exchange.frame),
            self._who(True), "end-of-data", ".", self.in_tls,
        )  # type: ignore[arg-type]  # fmt: skip
        exchange.entry = entry
        self._add_client(entry, exchange.first_time, exchange.ack, exchange.end)

    def body(self, body: Body) -> None:
        """Message content. Shown once it ended, with its size."""
        if body.entry is not None or (not body.size and not body.missing):
            return
        frame = body.frame or body.first_frame
        entry = Entry(
            Timestamp(body.time or body.first_time), frame, (body.first_frame, frame),
            self._who(True), "data", f"{body.size} octets of message", self.in_tls,
            size=body.size,
        )  # type: ignore[arg-type]  # fmt: skip
        body.entry = entry
        self._add_client(entry, body.first_time, body.ack, max(body.end - 3, body.start + 1))

    def chunk(self, exchange: Exchange, end: int) -> None:
        """BDAT payload."""
        size = end - exchange.end
        frame, time = self._dialogue.locate_end(end)
        if not size:
            return
        entry = Entry(
            Timestamp(time), frame, (exchange.frame, frame), self._who(True), "chunk",
            f"{size} octets of message", self.in_tls, size=size,
        )  # type: ignore[arg-type]  # fmt: skip
        self._add_client(entry, exchange.time, exchange.ack, end)

    def reply(self, reply: Reply, answers: Exchange | None) -> None:
        """A reply, after the lines before it that were none."""
        reply.in_tls = self.in_tls
        d = self._dialogue
        target = self.client if d.swapped else self.server
        who = self._who(False)
        after = d.s.stream.after(reply.end)
        for line in reply.garbage[:MAX_GARBAGE]:
            stray = Entry(
                Timestamp(reply.first_time), reply.first_frame, (reply.first_frame, reply.first_frame),
                who, "reply", decode(line.rstrip(b"\r\n")), self.in_tls,
            )  # type: ignore[arg-type]  # fmt: skip
            target.append(Item(stray, reply.first_time, reply.ack, after))
            reply.entry = stray
        if not reply.code:
            return
        greets = answers is not None and answers.verb == "<greeting>"
        entry = Entry(
            Timestamp(reply.time), reply.frame, (reply.first_frame, reply.frame),
            who, "greeting" if greets else "reply", reply.text, self.in_tls, None, None,
            f"{reply.code:03d}", reply.enhanced, len(reply.lines),
        )  # type: ignore[arg-type]  # fmt: skip
        reply.entry = entry
        if greets and answers is not None:
            answers.entry = entry
        target.append(Item(entry, reply.first_time, reply.ack, after))

    def gap(self, side: str, gap: Gap) -> None:
        """Bytes that the capture lacks."""
        why = "never captured" if gap.why == "lost" else "cut off by the capture's snap length"
        client = side == "client"
        entry = Entry(
            Timestamp(gap.time), gap.frame, (gap.frame, gap.frame), self._who(client),
            "gap", f"{gap.length} octets {why}", self.in_tls, size=gap.length,
        )  # type: ignore[arg-type]  # fmt: skip
        d = self._dialogue
        stream = (d.c if client else d.s).stream
        end = (stream.first + gap.at + gap.length) & MODULUS
        target = self.client if client is not d.swapped else self.server
        target.append(Item(entry, gap.time, -1, end))

    def note(self, client: bool, kind: str, text: str, frame: int, time: int, **more: int) -> Entry:
        """Anything else that one side brought."""
        entry = Entry(
            Timestamp(time), frame, (frame, frame), self._who(client), kind, text,  # type: ignore[arg-type]
            self.in_tls, **more,
        )  # type: ignore[arg-type]  # fmt: skip
        d = self._dialogue
        stream = (d.c if client else d.s).stream
        piece = stream.piece(max((d.c if client else d.s).pos, 0))
        ack = stream.acks[piece] if stream.acks else -1
        end = stream.after(max((d.c if client else d.s).pos, 1))
        target = self.client if client is not d.swapped else self.server
        target.append(Item(entry, time, ack, end))
        return entry

    def remove(self, entry: Entry) -> None:
        """Take back an entry that turned out to be something else."""
        self.client = [item for item in self.client if item.entry is not entry]
        self.server = [item for item in self.server if item.entry is not entry]

    def merged(self) -> list[Item]:
        """Both sides in one order."""
        client, server = self.client, self.server
        if not client or not server:
            return client or server
        out: list[Item] = []
        append = out.append
        i = j = 0
        n, m = len(client), len(server)
        while i < n and j < m:
            c, s = client[i], server[j]
            if s.ack >= 0 and (s.ack - c.end) & MODULUS < HALF:
                append(c)
                i += 1
            elif c.ack >= 0 and (c.ack - s.end) & MODULUS < HALF:
                append(s)
                j += 1
            elif c.entry.frame <= s.entry.frame:
                append(c)
                i += 1
            else:
                append(s)
                j += 1
        out += client[i:]
        out += server[j:]
        return out


def mask_auth(text: str) -> str:
    """``AUTH PLAIN AGEAYg==`` without its secret."""
    words = text.split(None, 2)
    if len(words) < 3 or words[2].strip() in ("", "="):
        return text
    return f"{words[0]} {words[1]} ({len(words[2].strip())} octets, masked)"
