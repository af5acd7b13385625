"""What a dialogue is made of: replies, exchanges, bodies, transactions.

These are the floor's own objects, with stream offsets and acknowledgement numbers, for
checks and timing to reason on; `smtpsniff.records` is what leaves the house.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from smtpsniff.records import Entry, Party
    from smtpsniff.smtp.body import Body

__all__ = ["NO_HELLO", "Exchange", "Hello", "Letter", "Mode", "Phase", "Reply", "Said"]


class Phase(IntEnum):
    """PROTOCOL phases: what the client may say next (RFC 5321 §4.1.4)."""

    CONNECT = 0
    GREETING = 1
    REFUSED = 12  # the greeting was a refusal: only QUIT makes sense (§3.1)
    PRE_EHLO = 2
    READY = 3
    ENVELOPE = 4  # MAIL accepted, no recipient yet
    RECIPIENTS = 5
    BODY = 6
    CHUNKS = 7
    EOM = 8
    AUTH = 9
    TLS = 10
    CLOSING = 11
    UNKNOWN = 13  # seen from the middle, no sync point yet


class Mode(IntEnum):
    """How the client's next bytes are to be read."""

    COMMANDS = 0
    BODY = 1
    CHUNK = 2
    AUTH = 3
    OPAQUE = 4


class Said(Struct, frozen=True, gc=False):
    """What a reply says: the same bytes always say the same, so it is parsed once."""

    code: int
    number: str  # the code in three digits
    text: str
    enhanced: str | None
    lines: tuple[str, ...]
    codes: tuple[int, ...] = ()  # of every line, where they differ
    keywords: tuple[tuple[str, tuple[str, ...]], ...] = ()  # of the lines behind the first
    topics: tuple[str, ...] = ()  # what is remarkable about it, for checks to wake on


class Reply(Struct, eq=False):
    """One reply, all its lines (RFC 5321 §4.2). `code` is that of its last line.

    `start`, `end` are offsets in the server's stream; `first_frame`, `first_time` belong to the
    first byte, `frame`, `time` to the last; `ack` is the acknowledgement number of the segment
    that brought the first byte: what the server had received when it spoke. `garbage` are lines
    within it, or just before it, that are no reply lines.
    """

    said: Said
    raw: bytes
    start: int
    end: int
    first_frame: int
    first_time: int
    frame: int
    time: int
    ack: int
    code: int
    terminated: bool = True
    garbage: tuple[bytes, ...] = ()
    answers: Exchange | None = None
    during_body: bool = False
    in_tls: bool = False
    by: Party = "server"
    entry: Entry | None = None

    @property
    def text(self) -> str:
        """Text of all lines, without codes, joined by LF."""
        return self.said.text

    @property
    def lines(self) -> tuple[str, ...]:
        """Text of each line."""
        return self.said.lines

    @property
    def enhanced(self) -> str | None:
        """Enhanced status code of the first line (RFC 3463), if it begins with one."""
        return self.said.enhanced

    @property
    def codes(self) -> tuple[int, ...]:
        """The code of every line, where they differ; else empty."""
        return self.said.codes

    @property
    def positive(self) -> bool:
        """2yz or 3yz."""
        return 200 <= self.code < 400

    @property
    def kind(self) -> int:
        """First digit."""
        return self.code // 100


@dataclass(slots=True, eq=False)
class Hello:
    """An accepted EHLO, HELO or LHLO and what it offered; nothing after HELO (RFC 5321 §4.1.4).

    `exchange` is None in `NO_HELLO`: nobody has introduced himself yet.
    """

    exchange: Exchange | None
    offered: dict[str, tuple[str, ...]]

    @property
    def extended(self) -> bool:
        """Whether the reply could offer extensions at all."""
        return self.exchange is not None and self.exchange.verb != "HELO"


NO_HELLO = Hello(None, {})


class Exchange(Struct, eq=False):
    """One thing the server must answer, and its answer.

    `verb` is upper case; pseudo-verbs stand in angle brackets. `phase` and `hello` are the
    state before it, as the server had accepted it when it answered; `hello` is None where the
    extension list is unknown. `early` says that the client did not wait for the previous reply
    (`early_of`): ``"ack"`` or ``"order"``, the proof; ``""`` if it waited or nobody can tell.
    `lost`: its reply fell into a gap. `tainted`: a gap, or doubt about the pairing, touches it.
    """

    verb: str
    line: bytes
    start: int
    end: int
    first_frame: int
    first_time: int
    frame: int
    time: int
    ack: int
    phase: Phase
    hello: Hello | None
    in_tls: bool = False
    by: Party = "client"
    argument: bytes = b""
    reply: Reply | None = None
    replies: list[Reply] = []  # all of them, where LMTP or PRDR owe several
    early: str = ""
    early_of: Reply | None = None
    letter: Letter | None = None
    body: Body | None = None
    lost: bool = False
    tainted: bool = False
    entry: Entry | None = None
    place: int | None = None  # index of its entry in the timeline, once that is made

    @property
    def accepted(self) -> bool:
        """Answered 2yz."""
        reply = self.reply
        return reply is not None and 200 <= reply.code < 300

    @property
    def refused(self) -> bool:
        """Answered 4yz or 5yz."""
        reply = self.reply
        return reply is not None and 400 <= reply.code < 600


@dataclass(slots=True, eq=False)
class Letter:
    """A transaction in the making: MAIL, its RCPTs, the message, the end (RFC 5321 §3.3)."""

    mail: Exchange | None
    recipients: list[Exchange] = field(default_factory=list)
    data: Exchange | None = None  # DATA, or the first BDAT
    body: Body | None = None
    eom: Exchange | None = None  # the <eom>, or the last BDAT
    ended_by: str = ""  # RSET, QUIT, EHLO…: what abandoned it; "" if nothing did
    before: Letter | None = None  # that was open when its MAIL came, until that is answered
    void: bool = False  # for the server it never was: no transaction
