"""A connection: two sides, how it began, how it ended, what TCP did in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from smtpsniff.tcp.stream import HALF, MODULUS, Stream

if TYPE_CHECKING:
    from smtpsniff.tcp.reassembly import Pending

__all__ = ["Conflict", "Connection", "Mark", "Side"]

FIN, SYN, RST, ACK = 1, 2, 4, 16


class Mark(Struct, frozen=True, gc=False):
    """Where and when a single packet was seen."""

    frame: int
    time: int
    seq: int = 0
    ack: int = -1


class Conflict(Struct, frozen=True, gc=False):
    """Two copies of the same bytes that differ: the evidence of RFC 9293 §3.10 trouble."""

    offset: int
    frames: tuple[int, int]
    kept: bytes
    dropped: bytes


class Side(Struct, eq=False):
    """What one endpoint sent."""

    stream: Stream
    packets: int = 0
    syn: Mark | None = None
    syns: list[Mark] = []  # every copy of the SYN, the first too
    handshake: Mark | None = None  # the first packet after the SYN
    fin: Mark | None = None
    rst: Mark | None = None
    ack: int = -1  # highest acknowledgement number sent
    next: int = -1  # sequence number expected next; -1 before the first packet
    mss: int = -1
    pending: Pending | None = None  # segments beyond a hole
    conflicts: list[Conflict] = []
    retransmissions: int = 0
    out_of_order: int = 0
    keep_alives: int = 0
    zero_windows: int = 0
    bad_checksums: int = -1  # counted only if asked for

    def acknowledge(self, ack: int) -> None:
        """Remember the highest acknowledgement number sent."""
        if self.ack < 0 or 0 < (ack - self.ack) & MODULUS < HALF:
            self.ack = ack


class Connection(Struct, eq=False):
    """Two `sides`: index 0 is the endpoint with the lower identity, 1 the other.

    `initiator` is the index of the side that sent the SYN, or None where none was seen.
    """

    endpoints: tuple[tuple[str, int], tuple[str, int]]
    first_frame: int
    start: int
    file: int = 0
    reused: bool = False  # the same four-tuple carried another connection too
    last_frame: int = 0
    end: int = 0
    initiator: int | None = None
    notes: list[str] = []  # bounds that were hit
    idle: float = 0.0  # seconds of capture after its last packet
    sides: tuple[Side, Side] = field(default_factory=lambda: (Side(Stream()), Side(Stream())))

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
