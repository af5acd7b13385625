"""Where the stream stops being SMTP, or changes hands: TLS, what is in front, TURN."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from smtpsniff.smtp.model import NO_HELLO, Exchange, Mode, Phase
from smtpsniff.smtp.preface import MAX_FRONT, in_front, may_be_in_front
from smtpsniff.smtp.unsealing import Unsealing, behind
from smtpsniff.smtp.verbs import VERBS
from smtpsniff.text import decode
from smtpsniff.tls import Records, is_client_hello, is_record
from smtpsniff.tls.suites import suite_name

if TYPE_CHECKING:
    from smtpsniff.records import Entry
    from smtpsniff.smtp.dialogue import Dialogue
    from smtpsniff.smtp.reader import Reader

__all__ = ["Tls", "begin_tls", "begins_with_tls", "finish_tls", "is_tls", "read_tls",
           "skip_prefaces", "swap_roles"]  # fmt: skip

TLS_1_3 = 0x0304
_DIFFIE_HELLMAN = re.compile(r"TLS_DHE?_(?:anon|RSA|DSS)_")
_MAY_BE_RECORD = re.compile(rb"\x16\x03|\x15\x03|\x80")
_WORD = re.compile(rb"[A-Za-z-]{4,16}(?=[ \t:\r\n])")
_REPLY = re.compile(rb"[2-5][0-5][0-9][ -]")
# Clear text behind STARTTLS that is kept until the server's side of it is there.
MAX_WAITING = 1 << 16

is_tls = is_record


@dataclass(slots=True, eq=False)
class Tls:
    """The opaque part of a session."""

    how: Literal["starttls", "implicit"]
    command: Exchange | None
    frame: int = 0
    time: int = 0
    client: Records = field(default_factory=Records)
    server: Records = field(default_factory=Records)
    injected_command: bytes = b""  # clear text between STARTTLS and the ClientHello
    injected_reply: bytes = b""  # clear text between the 220 and the ServerHello
    client_begun: bool = False
    server_begun: bool = False
    unsealing: Unsealing | None = None  # where there may be keys
    decrypted: bool = False  # they fit: the dialogue goes on
    begins: Entry | None = None
    opened: bool = False  # both went on in clear: the recording was made behind whoever opened it

    @property
    def completed(self) -> bool:
        """Whether both sides sent protected data: the handshake went through.

        In TLS 1.3 a ChangeCipherSpec says nothing (RFC 8446 §D.4).
        """
        sides = (self.client, self.server)
        server = self.server.server
        if server is not None and server.version == TLS_1_3:
            return all(side.protected for side in sides)
        return all(side.protected or side.changed for side in sides)

    @property
    def prime_bits(self) -> int:
        """Size of a Diffie-Hellman prime that the server chose (RFC 5246 §7.4.3); 0: none."""
        server, exchange = self.server.server, self.server.key_exchange
        if server is None or not exchange or not _DIFFIE_HELLMAN.match(suite_name(server.cipher)):
            return 0
        size = int.from_bytes(exchange[:2], "big")
        return int.from_bytes(exchange[2 : 2 + size], "big").bit_length()

    @property
    def failed(self) -> bool:
        """Whether one side said why not."""
        return bool(self.client.fatal or self.server.fatal)


def begins_with_tls(dialogue: Dialogue) -> bool:
    """Whether the client's first bytes are a ClientHello: TLS from the first byte (RFC 8314 §3)."""
    said, heard = dialogue.c, dialogue.s
    if heard.first_frame and said.first_frame and heard.first_frame < said.first_frame:
        return False
    if not is_client_hello(said.bytes(said.pos, said.pos + 16)):
        return False
    begin_tls(dialogue, None)
    return True


def begin_tls(dialogue: Dialogue, command: Exchange | None, *, hidden: bool = False) -> None:
    """From here on both streams are records. `hidden`: a hole has what asked for it."""
    asked = command is not None or hidden
    dialogue.tls = tls = Tls("starttls" if asked else "implicit", command)
    opener = dialogue.new_opener() if dialogue.new_opener is not None else None
    if opener is not None:
        tls.unsealing = Unsealing(tls, opener, dialogue.c, dialogue.s)
    dialogue.mode = Mode.OPAQUE
    dialogue.phase = Phase.TLS
    dialogue.topics.add("tls")


def _both_in_clear(dialogue: Dialogue) -> bool:
    """Whether commands and replies follow where TLS was agreed upon.

    Clear text of the client alone is an injection, or its fault; but a server that answers it
    has either not meant its 220, or was recorded without the TLS that was there.
    """
    said = dialogue.c.bytes(dialogue.c.pos, min(dialogue.c.pos + 4096, dialogue.c.limit))
    answered = dialogue.s.bytes(dialogue.s.pos, min(dialogue.s.pos + 4096, dialogue.s.limit))
    word = _WORD.match(said)
    if word is None or word[0].upper().decode() not in VERBS or not _REPLY.match(answered):
        return False
    return b"\x16\x03" not in said and b"\x16\x03" not in answered


def _go_on_in_clear(dialogue: Dialogue, tls: Tls) -> None:
    """Read on as after TLS: the server has forgotten what was before (RFC 3207 §4.2)."""
    for cursor, name in ((dialogue.c, "injected_command"), (dialogue.s, "injected_reply")):
        setattr(tls, name, cursor.bytes(cursor.pos, max(cursor.find_line(), cursor.pos)))
    tls.opened = True
    dialogue.mode = Mode.COMMANDS
    dialogue.phase = Phase.PRE_EHLO
    dialogue.hello = NO_HELLO


def read_tls(dialogue: Dialogue, final: bool) -> None:
    """Consume what both streams hold."""
    tls = dialogue.tls
    if tls is None:
        dialogue.c.pos = dialogue.c.limit
        return
    if tls.command is not None and not tls.client_begun and not tls.injected_command:
        if _both_in_clear(dialogue):
            _go_on_in_clear(dialogue, tls)
            return
        waiting = dialogue.c.limit - dialogue.c.pos
        head = dialogue.c.bytes(dialogue.c.pos, dialogue.c.pos + 6)
        if not final and 0 < waiting < MAX_WAITING and not is_record(head):
            return
    _feed(dialogue, tls, dialogue.c, tls.client, client=True)
    _feed(dialogue, tls, dialogue.s, tls.server, client=False)
    if tls.unsealing is not None and tls.unsealing.opens(final):
        _go_on_inside(dialogue, tls, tls.unsealing)


def _go_on_inside(dialogue: Dialogue, tls: Tls, unsealing: Unsealing) -> None:
    """Keys open it: read on in the clear text (RFC 3207 §4.2, RFC 8314 §3)."""
    client, server = unsealing.streams()
    _tell_gaps(dialogue, unsealing)
    dialogue.log.turn(client.turn, server.turn)
    dialogue.c, dialogue.s = behind(client), behind(server)
    tls.decrypted = dialogue.log.in_tls = True
    dialogue.mode = Mode.COMMANDS
    dialogue.hello = NO_HELLO if dialogue.hello is not None or tls.command else None
    if tls.begins is not None:
        tls.begins.text = "TLS begins; opened with its keys"
    if tls.how == "starttls":
        dialogue.phase = Phase.PRE_EHLO
        return
    dialogue.opened = max(unsealing.ready(), dialogue.opened)
    dialogue.phase = Phase.GREETING
    dialogue.hello = NO_HELLO
    dialogue.greeting = dialogue.push("<greeting>", b"", 0, 0, first=True)


def _tell_gaps(dialogue: Dialogue, unsealing: Unsealing) -> None:
    """Holes that were not told as part of what was opened."""
    for name, gaps in unsealing.untold().items():
        for gap in gaps:
            dialogue.log.gap(name, gap)


def finish_tls(dialogue: Dialogue) -> None:
    """No more bytes will come."""
    unsealing = dialogue.tls.unsealing if dialogue.tls is not None else None
    if unsealing is None or dialogue.tls is None:
        return
    if dialogue.tls.decrypted:
        unsealing.settle(dialogue.connection)
    else:
        _tell_gaps(dialogue, unsealing)


def _feed(dialogue: Dialogue, tls: Tls, cursor: Reader, records: Records, *, client: bool) -> None:
    while True:
        data = cursor.bytes(cursor.pos, cursor.limit)
        if data:
            begun = tls.client_begun if client else tls.server_begun
            if not begun:
                data = _clear_text(dialogue, tls, cursor, data, client=client)
            if data:
                records.feed(data)
                if tls.unsealing is not None:
                    tls.unsealing.feed(data, cursor.limit - len(data), client=client)
            cursor.pos = cursor.limit
        gap = cursor.at_gap
        if gap is None:
            return
        cursor.pass_gap()
        records.lose(gap.length)
        if tls.unsealing is None:
            dialogue.log.gap("client" if client else "server", gap)
        else:  # told once it is known whether they are opened
            tls.unsealing.lose(gap, client=client)


def _clear_text(
    dialogue: Dialogue, tls: Tls, cursor: Reader, data: bytes, *, client: bool
) -> bytes:
    """What came before the first record; returns the rest."""
    at = 0 if is_record(data) else next(
        (m.start() for m in _MAY_BE_RECORD.finditer(data) if is_record(data[m.start() :][:6])),
        -1,
    )  # fmt: skip
    clear = data if at < 0 else data[:at]
    if clear:
        if client:
            tls.injected_command += clear
        else:
            tls.injected_reply += clear
        piece = cursor.piece(cursor.pos)
        stream = cursor.stream
        dialogue.log.note(
            client, "note", "clear text before TLS: " + decode(clear[:200].rstrip(b"\r\n")),
            stream.frames[piece], stream.times[piece], size=len(clear),
        )  # fmt: skip
        cursor.pos += len(clear)
    if at < 0:
        return b""
    piece = cursor.piece(cursor.pos)
    stream = cursor.stream
    frame, time = stream.frames[piece], stream.times[piece]
    if client:
        tls.client_begun = True
    else:
        tls.server_begun = True
    if not tls.frame:
        tls.frame, tls.time = frame, time
        tls.begins = dialogue.log.note(
            client, "tls", "TLS begins; what follows cannot be read", frame, time
        )  # fmt: skip
    return data[len(clear) :]


def skip_prefaces(dialogue: Dialogue, final: bool) -> bool:
    """Note what stands in front of SMTP and begin behind it; False to wait for the rest of it."""
    c, s = dialogue.c, dialogue.s
    if not may_be_in_front(c.bytes(0, min(1, c.limit))):
        return True
    front = in_front(c.bytes(0, min(c.limit, MAX_FRONT)), s.bytes(0, min(s.limit, MAX_FRONT)))
    if front.more and not final:
        return False
    for preface in front.prefaces:
        piece = c.piece(c.pos)
        frame, time = c.stream.frames[piece], c.stream.times[piece]
        dialogue.log.note(True, "note", preface.text, frame, time, size=preface.client)
        dialogue.layers.append(preface.layer)
        c.pos += preface.client
        s.pos += preface.server
        if preface.server:
            _, dialogue.opened = s.locate(s.pos)
        else:
            dialogue.topics.add("proxy")
    return True


def swap_roles(dialogue: Dialogue) -> None:
    """ATRN, TURN: who was served now serves, on the same connection (A.13)."""
    dialogue.c, dialogue.s = dialogue.s, dialogue.c
    dialogue.swapped = not dialogue.swapped
    dialogue.log.swap()
    dialogue.queue.clear()
    dialogue.hold = None
    dialogue.hello = NO_HELLO
    dialogue.phase = Phase.GREETING
    dialogue.letter = None
    dialogue.topics.add("role-reversal")
    greeting = dialogue.push("<greeting>", b"", 0, 0, first=True)
    greeting.phase = Phase.GREETING
