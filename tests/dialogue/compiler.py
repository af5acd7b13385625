"""From events to packets: the sequence and acknowledgement numbers a TCP would have used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .capture import quote
from .language import DialogueError, Event, cached_parse
from .packet import (
    ACK,
    BYSTANDER,
    CLIENT,
    EPOCH,
    FIN,
    MICROSECOND,
    MILLISECOND,
    OTHER,
    PSH,
    ROUTER,
    RST,
    SECOND,
    SEQUENCE,
    SERVER,
    SYN,
    Flow,
    Packet,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

STEP = 10 * MILLISECOND
QUIET = 400 * SECOND
MSS = 1460
LARGEST = 60_000  # octets that one segment may carry, as segmentation offload shows it
SYN_OPTIONS = bytes.fromhex("020405b4 0402 01 030307 0101")  # MSS 1460, SACK permitted, scale 7
SCALE = 7
STRANGERS = Flow(("198.51.100.7", 5353), ("198.51.100.8", 5353))
ISN = (1_000_000_000, 3_000_000_000)


def compile_text(
    text: str,
    *,
    client: tuple[str, int] = ("192.0.2.1", 40000),
    server: tuple[str, int] = ("192.0.2.9", 25),
    start: int = EPOCH,
    isn: tuple[int, int] = ISN,
) -> list[Packet]:
    """Compile a dialogue; the sessions of one text follow each other or overlap as it says."""
    sessions: list[_Session] = []
    for event in cached_parse(text):
        if event.verb == "SESSION":
            default = (client[0], client[1] + len(sessions))
            began = sessions[-1].clock + SECOND if sessions else start
            sessions.append(_session(event, default, server, (began, start), isn))
            continue
        if not sessions:
            sessions.append(_Session(Flow(client, server), start, isn))
        sessions[-1].play(event)
    return in_order(packet for session in sessions for packet in session.packets)


def in_order(packets: Iterable[Packet]) -> list[Packet]:
    """Sort by time and number the frames as their senders would have."""
    found = sorted(packets, key=lambda packet: packet.time)
    for number, packet in enumerate(found, 1):
        packet.ident = number & 0xFFFF
    return found


def _session(
    event: Event,
    client: tuple[str, int],
    server: tuple[str, int],
    times: tuple[int, int],
    isn: tuple[int, int],
) -> _Session:
    """Start the session that a SESSION line asks for."""
    wanted = event.settings
    try:
        if "isn" in wanted:
            first, _, second = wanted["isn"].partition(",")
            isn = (int(first), int(second or isn[1]))
        clock = times[0]
        if "at" in wanted:
            clock = times[1] + round(float(wanted["at"]) * SECOND)
        flow = Flow(
            (wanted.get("client", client[0]), int(wanted.get("port", client[1]))),
            (wanted.get("server", server[0]), int(wanted.get("server_port", server[1]))),
        )
    except ValueError as problem:
        raise DialogueError(str(problem), event.line, event.column) from None
    return _Session(flow, clock, isn)


class _Session:
    """One connection: a clock, and for each direction what was sent and what was heard of it."""

    def __init__(self, flow: Flow, start: int, isn: tuple[int, int]) -> None:
        self.flow = flow
        self.clock = start
        self.packets: list[Packet] = []
        self.begin(isn)

    def begin(self, isn: tuple[int, int]) -> None:
        """Set the numbers to those of a connection about to open."""
        self.isn = dict(zip(OTHER, isn, strict=True))
        self.next = {direction: number + 1 for direction, number in self.isn.items()}
        self.heard = dict(self.next)  # what the other side acknowledges
        self.before = dict(self.next)  # and what it did before the last segment
        self.used = False

    def play(self, event: Event) -> None:
        """Add the packets of one event."""
        if event.delay is not None:
            self.clock += event.delay
        elif self.packets:
            self.clock += QUIET if event.verb == "END" else STEP
        known = len(self.packets)
        PLAYERS[event.verb](self, event)
        for packet in self.packets[known:]:
            packet.ttl = event.ttl
        if event.damaged:
            self.packets[known].damaged = True

    def send(
        self, direction: str, flags: int, payload: bytes = b"", *, stale: bool = False
    ) -> None:
        """Add one segment and move the numbers on."""
        other = OTHER[direction]
        heard = self.before[other] if stale else self.heard[other]
        self.add(direction, self.next[direction], heard, flags | ACK, payload=payload)
        self.before[direction] = self.heard[direction]
        self.next[direction] += len(payload) + bool(flags & FIN)
        self.heard[direction] = self.next[direction]
        self.used = True

    def add(
        self,
        direction: str,
        seq: int,
        ack: int,
        flags: int,
        *,
        payload: bytes = b"",
        window: int = 0xFFFF,
        options: bytes = b"",
        captured: bool = True,
    ) -> None:
        """Add one packet as it is."""
        seq, ack = seq & SEQUENCE, ack & SEQUENCE
        flow = STRANGERS if direction == BYSTANDER else self.flow
        self.packets.append(
            Packet(self.clock, flow, direction, seq, ack, flags, window, payload, options, captured)
        )

    def syn(self, event: Event) -> None:
        """SYN: the client's, or (SYN S) the server's with its ACK."""
        if event.direction != SERVER and self.used:  # the same ports once more
            self.begin((self.next[CLIENT] + 100_000, self.next[SERVER] + 100_000))
        direction = event.direction or CLIENT
        flags, ack = (SYN, 0) if direction == CLIENT else (SYN | ACK, self.next[CLIENT])
        self.add(direction, self.isn[direction], ack, flags, options=SYN_OPTIONS)

    def open(self, event: Event) -> None:
        """OPEN: the three packets, 10 ms apart at the tap."""
        self.syn(event)
        self.clock += STEP
        self.syn(Event("SYN", event.line, event.column, direction=SERVER))
        self.clock += STEP
        self.send(CLIENT, ACK)

    def data(self, event: Event) -> None:
        """C and S: one segment, or as many as a payload larger than any segment needs."""
        payload = event.payload
        size = MSS if len(payload) > LARGEST else LARGEST
        for at in range(0, len(payload), size):
            self.clock += MICROSECOND if at else 0
            last = PSH if at + size >= len(payload) else 0
            self.send(event.direction, last, payload[at : at + size], stale=event.stale)

    def refuse(self, event: Event) -> None:
        """RSTACK: nobody listens."""
        self.add(event.direction, 0, self.next[OTHER[event.direction]], RST | ACK, window=0)

    def gap(self, event: Event) -> None:
        """GAP: a segment the capture lacks, and the acknowledgement that proves it was sent."""
        self.send(event.direction, PSH, bytes(event.number))
        self.packets[-1].captured = False
        self.clock += STEP
        self.send(OTHER[event.direction], ACK)

    def window(self, event: Event) -> None:
        """WIN: a pure ACK that says how much more its sender can take."""
        self.send(event.direction, ACK)
        self.packets[-1].window = event.number >> SCALE

    def loss(self, event: Event) -> None:
        """LOSS: the other side hears none of it until a later segment of this direction arrives."""
        heard, before = self.heard[event.direction], self.before[event.direction]
        self.send(event.direction, PSH, event.payload)
        self.heard[event.direction], self.before[event.direction] = heard, before
        first = self.packets[-1]
        for turn in range(event.number - 1):
            self.clock += SECOND << turn
            self.packets.append(first.copy(self.clock))

    def router(self, event: Event) -> None:
        """ICMP: it quotes the last packet of one side (RFC 792)."""
        quoted = next(p for p in reversed(self.packets) if p.direction == event.direction)
        kind, code, mtu = event.numbers
        self.add(ROUTER, mtu, 0, kind << 8 | code, payload=quote(quoted))

    def end(self, _: Event) -> None:
        """END: long after (see `play`), somebody else's datagram."""
        self.add(BYSTANDER, 0, 0, 0, payload=b"the capture went on")


PLAYERS: dict[str, Callable[[_Session, Event], None]] = {
    "C": _Session.data,
    "S": _Session.data,
    "OPEN": _Session.open,
    "END": _Session.end,
    "SYN": _Session.syn,
    "RSTACK": _Session.refuse,
    "RST": lambda session, event: session.send(event.direction, RST, stale=event.stale),
    "FIN": lambda session, event: session.send(event.direction, FIN, stale=event.stale),
    "ACK": lambda session, event: session.send(event.direction, ACK, stale=event.stale),
    "GAP": _Session.gap,
    "WIN": _Session.window,
    "LOSS": _Session.loss,
    "ICMP": _Session.router,
}
