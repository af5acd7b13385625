"""One connection as a tap beside the server sees it: packets with correct TCP bookkeeping."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from random import Random

CLIENT, SERVER = 0, 1
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16

MSS_V4, MSS_V6, TIMESTAMP_OPTION = 1460, 1440, 12


class Packet(NamedTuple):
    """Sequence numbers are relative: 0 is the SYN. `echo` is the time the other side sent last."""

    time: int
    side: int
    flags: int
    payload: bytes
    seq: int
    ack: int
    echo: int


class Flow:
    """A TCP connection (or a UDP exchange) being written; times are microseconds."""

    def __init__(
        self, rng: Random, client: tuple[bytes, int], server: tuple[bytes, int], start: int
    ) -> None:
        self.rng = rng
        self.client, self.server = client, server
        self.start = self.now = start
        self.v6 = len(client[0]) == 16
        self.udp = False
        self.timestamps = rng.random() < 0.85
        self.isn = rng.getrandbits(32), rng.getrandbits(32)
        self.rtt = int(rng.lognormvariate(10.3, 0.8))  # median 30 ms
        self.hops = rng.randrange(5, 20)
        self.segment = (MSS_V6 if self.v6 else MSS_V4) - TIMESTAMP_OPTION * self.timestamps
        self.packets: list[Packet] = []
        self.sequence = [0, 0]
        self.acknowledged = [0, 0]
        self.last = [start, start]

    def emit(self, side: int, flags: int, payload: bytes, gap: int) -> None:
        """One packet, `gap` after the one before, that acknowledges all the tap has seen."""
        now = self.now = self.now + gap
        sequence, other = self.sequence, 1 - side
        ack = sequence[other] if flags & ACK else 0
        packet = Packet(now, side, flags, payload, sequence[side], ack, self.last[other])
        self.packets.append(packet)
        sequence[side] += len(payload) + (1 if flags & (SYN | FIN) else 0)
        self.acknowledged[side] = ack
        self.last[side] = now

    def acknowledge(self, side: int, gap: int) -> None:
        """A pure ACK, unless there is nothing to acknowledge."""
        if self.acknowledged[side] != self.sequence[1 - side]:
            self.emit(side, ACK, b"", gap)

    def connect(self) -> None:
        self.emit(CLIENT, SYN, b"", 0)
        self.emit(SERVER, SYN | ACK, b"", 30)
        self.emit(CLIENT, ACK, b"", self.rtt)

    def command(self, data: bytes) -> None:
        """The client speaks a round trip after it was answered."""
        self.emit(CLIENT, PSH | ACK, data, self.rtt // 3 + self.rng.randrange(100, 3000))
        if self.rng.random() < 0.2:
            self.acknowledge(SERVER, 40)

    def reply(self, data: bytes, think: int) -> None:
        """The server speaks; its answer is mostly acknowledged before anything else is said."""
        self.emit(SERVER, PSH | ACK, data, think)
        if self.rng.random() < 0.75:
            self.acknowledge(CLIENT, self.rtt)
        else:
            self.now += self.rtt

    def bulk(self, side: int, data: bytes, pace: int) -> None:
        """Full segments, an ACK after every two."""
        size, end = self.segment, len(data)
        for number, at in enumerate(range(0, end, size)):
            last = at + size >= end
            flags = PSH | ACK if last else ACK
            self.emit(side, flags, data[at : at + size], pace if number else self.rtt // 3 + 100)
            if number & 1 or (last and self.rng.random() < 0.5):
                self.acknowledge(1 - side, 15)

    def close(self, first: int) -> None:
        gap = [self.rtt, 60]
        self.emit(first, FIN | ACK, b"", 50 + gap[first] // 2)
        self.emit(1 - first, FIN | ACK, b"", gap[1 - first])
        self.emit(first, ACK, b"", gap[first])

    def datagram(self, side: int, payload: bytes, gap: int) -> None:
        self.udp = True
        self.emit(side, 0, payload, gap)

    def disturb(self, share: float) -> None:
        """Repeats some data segments later, and swaps some neighbours that travel together."""
        packets, rng = self.packets, self.rng
        end = packets[-4].time  # before the FINs
        for at in range(len(packets) - 1):
            here, after = packets[at], packets[at + 1]
            if not here.payload or rng.random() > share:
                continue
            if after.payload and after.side == here.side and rng.random() < 0.7:
                packets[at] = here._replace(time=after.time)
                packets[at + 1] = after._replace(time=here.time)
            elif (again := here.time + rng.randrange(200, 300_000)) < end:
                packets.append(here._replace(time=again))

    def bytes(self) -> int:
        """What it takes in the file, nearly: record header, Ethernet, IP, TCP, payload."""
        headers = 30 + (40 if self.v6 else 20) + (8 if self.udp else 20 + 12 * self.timestamps)
        return sum(len(packet.payload) for packet in self.packets) + headers * len(self.packets)
