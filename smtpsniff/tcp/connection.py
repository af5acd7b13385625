"""A connection: two sides, how it began, how it ended, what TCP did in between."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from smtpsniff.tcp.stream import HALF, MODULUS, Stream

if TYPE_CHECKING:
    from smtpsniff.tcp.reassembly import Pending

__all__ = ["Connection", "Conflict", "Mark", "Side"]

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


@dataclass(frozen=True, slots=True)
class Mark:
    """Where and when a single packet was seen."""

    frame: int
    time: int
    seq: int = 0
    ack: int = -1


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two copies of the same bytes that differ: the evidence of RFC 9293 §3.10 trouble."""

    offset: int
    frames: tuple[int, int]
    kept: bytes
    dropped: bytes


class Side:
    """What one endpoint sent."""

    __slots__ = (
        "ack", "bad_checksums", "conflicts", "fin", "handshake", "keep_alives", "mss", "next",
        "out_of_order", "packets", "pending", "retransmissions", "rst", "sack", "scale", "stream",
        "syn", "syns", "zero_windows",
    )  # fmt: skip

    def __init__(self) -> None:
        self.stream = Stream()
        self.packets = 0
        self.syn: Mark | None = None
        self.syns: list[Mark] = []  # every copy of the SYN, the first too
        self.handshake: Mark | None = None  # the first packet after the SYN
        self.fin: Mark | None = None
        self.rst: Mark | None = None
        self.ack = -1  # highest acknowledgement number sent
        self.next = -1  # sequence number expected next; -1 before the first packet
        self.mss = -1
        self.scale = -1
        self.sack = False
        self.pending: Pending | None = None  # segments beyond a hole
        self.conflicts: list[Conflict] = []
        self.retransmissions = 0
        self.out_of_order = 0
        self.keep_alives = 0
        self.zero_windows = 0
        self.bad_checksums = 0

    def acknowledge(self, ack: int) -> None:
        """Remember the highest acknowledgement number sent."""
        if self.ack < 0 or 0 < (ack - self.ack) & MODULUS < HALF:
            self.ack = ack


@dataclass(slots=True, eq=False)
class Connection:
    """Two `sides`: index 0 is the endpoint with the lower identity, 1 the other.

    `initiator` is the index of the side that sent the SYN, or None where none was seen.
    """

    endpoints: tuple[tuple[str, int], tuple[str, int]]
    first_frame: int
    start: int
    file: int = 0
    last_frame: int = 0
    end: int = 0
    initiator: int | None = None
    reused: bool = False  # the same four-tuple carried another connection too
    number: int = 0  # of the session, once it is known to be one
    sides: tuple[Side, Side] = field(default_factory=lambda: (Side(), Side()))
    notes: list[str] = field(default_factory=list)  # bounds that were hit
    cut_by_capture: bool = False  # the capture ended while it was open
    idle: float = 0.0  # seconds of capture after its last packet

    @property
    def packets(self) -> int:
        """Packets of both sides."""
        return self.sides[0].packets + self.sides[1].packets

    @property
    def closed(self) -> bool:
        """Whether both sides said FIN, or either said RST."""
        a, b = self.sides
        return (a.fin is not None and b.fin is not None) or a.rst is not None or b.rst is not None

    @property
    def buffered(self) -> int:
        """Bytes held in memory."""
        return sum(
            len(side.stream.data) + (side.pending.bytes if side.pending else 0)
            for side in self.sides
        )
