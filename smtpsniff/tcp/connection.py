"""A connection: two sides, how it began, how it ended, what TCP did in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from smtpsniff.tcp.stream import HALF, MODULUS, Stream

if TYPE_CHECKING:
    from smtpsniff.net import Unreachable
    from smtpsniff.records import Layer
    from smtpsniff.tcp.experts import Watch
    from smtpsniff.tcp.reassembly import Pending
    from smtpsniff.tcp.trouble import Trouble

__all__ = ["Conflict", "Connection", "Mark", "Side"]

FIN, SYN, RST, ACK = 1, 2, 4, 16
CONTROL = FIN | SYN | RST


class Mark(Struct, frozen=True, gc=False):
    """Where and when a single packet was seen."""

    frame: int
    time: int
    seq: int = 0
    ack: int = -1
    ttl: int = -1  # of a reset: hops it had left
    stamp: int = -1  # of a SYN: its time stamp option, and the one it echoes (RFC 7323)
    echo: int = -1


class Conflict(Struct, frozen=True, gc=False):
    """Two copies of the same bytes that differ: the evidence of RFC 9293 §3.10 trouble."""

    offset: int
    frames: tuple[int, int]
    kept: bytes
    dropped: bytes


class Side(Struct, eq=False):
    """What one endpoint sent, and what its TCP did; counts go by Wireshark's rules (`experts`).

    `retransmissions` are all segments sent again, `spurious` those of them that had been
    acknowledged already; `mirrored` packets were captured twice and count nowhere else.
    """

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
    scale: int = -1  # window scale that its SYN offered; -1: none, or no SYN was seen
    sack: bool = False  # its SYN allows selective acknowledgements (RFC 2018)
    window: int = -1  # that it told last, as it stands in the header
    shifted: bool = False  # `scale` applies to it: it did not come with a SYN
    hops: tuple[int, int] | None = None  # least and most left to its packets, but for resets
    last: Mark | None = None  # its last packet, if that was a bare acknowledgement
    trouble: Trouble | None = None
    watch: Watch | None = None
    pending: Pending | None = None  # segments beyond a hole
    damaged: dict[int, None] | None = None  # frames of earlier windows with a wrong checksum
    conflicts: list[Conflict] = []
    retransmissions: int = 0
    spurious: int = 0
    out_of_order: int = 0
    keep_alives: int = 0
    zero_windows: int = 0
    window_full: int = 0
    mirrored: int = 0
    bad_checksums: int = -1  # counted only if asked for

    def widen(self, hops: tuple[int, int] | None) -> None:
        """More of its packets had so many hops left, at least and at most."""
        if hops is not None and hops != self.hops:
            mine = self.hops or hops
            self.hops = min(mine[0], hops[0]), max(mine[1], hops[1])

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
    encapsulation: list[Layer] | None = None  # what its first packet was wrapped in
    reused: bool = False  # the same four-tuple carried another connection too
    last_frame: int = 0
    end: int = 0
    initiator: int | None = None
    notes: list[str] = []  # bounds that were hit
    errors: tuple[Unreachable, ...] = ()  # what routers and hosts on the way said of its packets
    dropped: int = 0  # packets, of any connection, that the live capture lost meanwhile
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
        a, b = self.sides
        size = len(a.stream.data) + len(b.stream.data)
        for pending in (a.pending, b.pending):
            if pending is not None:
                size += pending.bytes
        return size
