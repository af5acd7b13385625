"""A TCP segment as the tests think of it: no bytes of headers yet, only what they will say."""

from __future__ import annotations

from dataclasses import dataclass, field

CLIENT, SERVER, BYSTANDER, ROUTER = "C", "S", "X", "R"
OTHER = {CLIENT: SERVER, SERVER: CLIENT}

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10

SECOND = 1_000_000_000
MILLISECOND = 1_000_000
MICROSECOND = 1_000
EPOCH = 1_795_428_000 * SECOND  # Mon, 23 Nov 2026 10:00:00 +0000, the Date of the vectors

SEQUENCE = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Flow:
    """The two ends of a connection, each an address and a port."""

    client: tuple[str, int] = ("192.0.2.1", 40000)
    server: tuple[str, int] = ("192.0.2.9", 25)
    _hash: int = field(init=False, repr=False, compare=False, default=0)

    def __post_init__(self) -> None:
        """Hash once: every packet of a capture looks its flow up."""
        object.__setattr__(self, "_hash", hash((self.client, self.server)))

    def __hash__(self) -> int:
        """Hash of the two ends."""
        return self._hash


@dataclass(slots=True)
class Packet:
    """One segment at the tap; `captured=False` is one that was sent but that the capture lacks.

    Direction `X` is a packet of somebody else, there only to show that the capture went on; `R`
    an ICMP message of a router, `payload` all of it and the next hop's MTU in `seq`.
    """

    time: int  # nanoseconds since 1970
    flow: Flow
    direction: str
    seq: int
    ack: int
    flags: int
    window: int = 0xFFFF
    payload: bytes = b""
    options: bytes = b""
    captured: bool = True
    ident: int = 0  # the IPv4 identification: equal only in copies of one frame
    ttl: int = 64
    damaged: bool = False  # its TCP checksum is wrong

    def copy(
        self,
        time: int | None = None,
        *,
        seq: int | None = None,
        flags: int | None = None,
        payload: bytes | None = None,
        ident: int | None = None,
    ) -> Packet:
        """Return the packet again, with something changed."""
        return Packet(
            self.time if time is None else time,
            self.flow,
            self.direction,
            self.seq if seq is None else seq & SEQUENCE,
            self.ack,
            self.flags if flags is None else flags,
            self.window,
            self.payload if payload is None else payload,
            self.options,
            self.captured,
            self.ident if ident is None else ident & 0xFFFF,
            self.ttl,
            self.damaged,
        )
