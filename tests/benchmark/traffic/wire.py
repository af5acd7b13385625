"""From flows to a pcap file: headers and checksums of a whole batch at once, by numpy."""

from __future__ import annotations

import struct
from typing import IO, TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from traffic.flow import ACK, CLIENT, MSS_V4, MSS_V6, SYN, Flow

if TYPE_CHECKING:
    from collections.abc import Iterable

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
EPOCH = 1_750_000_000  # the second the capture starts
RECORD, ETHERNET, MINIMUM_FRAME = 16, 14, 60
BATCH_PACKETS, BATCH_BYTES = 150_000, 24_000_000
MAC = bytes.fromhex("02005e000001"), bytes.fromhex("02005e000002")

NOTHING, STAMPED, SYN_PLAIN, SYN_STAMPED, UDP = range(5)  # what follows the fixed TCP header
TRANSPORT_LENGTH = 20, 32, 32, 40, 8
OPTIONS = {
    STAMPED: (bytes.fromhex("0101080a"), 4),  # the bytes, and where the time stamps begin
    SYN_PLAIN: (bytes.fromhex("020405b40103030801010402"), None),
    SYN_STAMPED: (bytes.fromhex("020405b40402080a000000000000000001030307"), 8),
}


def put(rows: Bytes, offset: int, values: npt.ArrayLike, width: int, order: str = ">") -> None:
    """Writes one integer column into the header rows."""
    column = np.broadcast_to(np.asarray(values), (len(rows),)).astype(f"{order}u{width}")
    rows[:, offset : offset + width] = column.view(np.uint8).reshape(-1, width)


def fold(sums: Ints) -> Ints:
    """The Internet checksum of sums of 16-bit words."""
    for _ in range(3):
        sums = (sums & 0xFFFF) + (sums >> 16)
    return ~sums & 0xFFFF


def payload_sums(payloads: list[bytes]) -> Ints:
    """The sum of the 16-bit words of each payload."""
    sums = np.zeros(len(payloads), np.int64)
    lengths = np.array([len(payload) for payload in payloads], np.int64)
    full = np.flatnonzero(lengths)
    if len(full):
        joined = b"".join([p + b"\0" if len(p) & 1 else p for p in payloads])
        ends = np.cumsum((lengths[full] + 1) // 2)
        words = np.frombuffer(joined, ">u2").astype(np.uint32)
        sums[full] = np.add.reduceat(words, np.concatenate(([0], ends[:-1])))
    return sums


class Batch:
    """The packets of some flows as columns."""

    def __init__(self, flows: list[Flow]) -> None:
        rows = [packet for flow in flows for packet in flow.packets]
        time, side, flags, payloads, seq, ack, echo = zip(*rows, strict=True)
        self.payloads: list[bytes] = list(payloads)
        self.time, self.side, self.flags = np.array(time), np.array(side), np.array(flags)
        self.echo = np.array(echo)
        counts = [len(flow.packets) for flow in flows]
        self.flow = np.repeat(np.arange(len(flows)), counts)
        isn = np.array([flow.isn for flow in flows], np.int64)[self.flow]
        self.seq = self.pick(isn, self.side) + np.array(seq)
        acks = (self.flags & ACK) > 0
        self.ack = np.where(acks, self.pick(isn, 1 - self.side) + np.array(ack), 0)
        ports = np.array([(flow.client[1], flow.server[1]) for flow in flows])[self.flow]
        self.source, self.target = self.pick(ports, self.side), self.pick(ports, 1 - self.side)
        self.clock = isn >> 4  # where each side's time stamps begin
        self.hops = np.array([flow.hops for flow in flows])[self.flow]
        self.v6 = np.array([flow.v6 for flow in flows])[self.flow]
        udp = np.array([flow.udp for flow in flows])[self.flow]
        stamped = np.array([flow.timestamps for flow in flows])[self.flow]
        self.shape = np.where(udp, UDP, 2 * ((self.flags & SYN) > 0) + stamped)
        self.length = np.array([len(payload) for payload in payloads])
        self.sums = payload_sums(self.payloads)
        self.addresses = [flow.client[0] + flow.server[0] for flow in flows]

    @staticmethod
    def pick(pairs: Ints, side: Ints) -> Ints:
        return np.where(side == CLIENT, pairs[:, 0], pairs[:, 1])

    def records(self) -> list[bytes]:
        """The pcap record of each packet."""
        records = [b""] * len(self.payloads)
        for v6 in (False, True):
            for shape, transport in enumerate(TRANSPORT_LENGTH):
                chosen = np.flatnonzero((self.v6 == v6) & (self.shape == shape))
                if not len(chosen):
                    continue
                rows, padding = self.headers(chosen, v6, shape, transport)
                width, heads = rows.shape[1], rows.tobytes()
                for number, (at, pad) in enumerate(zip(chosen.tolist(), padding, strict=True)):
                    head = heads[number * width : (number + 1) * width]
                    records[at] = head + self.payloads[at] + bytes(pad)
        return records

    def headers(
        self, chosen: Ints, v6: bool, shape: int, transport: int
    ) -> tuple[Bytes, list[int]]:
        """Record header to TCP options of the chosen packets, and the Ethernet padding of each."""
        network = 40 if v6 else 20
        start = RECORD + ETHERNET
        rows: Bytes = np.zeros((len(chosen), start + network + transport), np.uint8)
        outgoing = self.side[chosen] != CLIENT
        wire = ETHERNET + network + transport + self.length[chosen]
        padding = np.where(outgoing, 0, np.maximum(MINIMUM_FRAME - wire, 0))
        put(rows, 0, EPOCH + self.time[chosen] // 1_000_000, 4, "<")
        put(rows, 4, self.time[chosen] % 1_000_000, 4, "<")
        put(rows, 8, wire + padding, 4, "<")
        put(rows, 12, wire + padding, 4, "<")
        macs = np.frombuffer(MAC[1] + MAC[0] + MAC[1], np.uint8)
        rows[:, 16:28] = np.where(outgoing[:, None], macs[6:18], macs[0:12])
        put(rows, 28, 0x86DD if v6 else 0x0800, 2)
        self.network(rows, chosen, v6, shape)
        if shape == UDP:
            self.udp(rows[:, start + network :], chosen)
        else:
            self.tcp(rows[:, start + network :], chosen, shape)
        self.checksums(rows, chosen, network, shape)
        return rows, padding.tolist()

    def network(self, rows: Bytes, chosen: Ints, v6: bool, shape: int) -> None:
        """The IP header without its checksum."""
        start, size, protocol = RECORD + ETHERNET, 16 if v6 else 4, 17 if shape == UDP else 6
        transport = TRANSPORT_LENGTH[shape] + self.length[chosen]
        outgoing = self.side[chosen] != CLIENT
        ttl = np.where(outgoing, 64, 64 - self.hops[chosen])
        if v6:
            put(rows, start, 0x60000000, 4)
            put(rows, start + 4, transport, 2)
            rows[:, start + 6] = protocol
            rows[:, start + 7] = ttl
        else:
            put(rows, start, 0x4500, 2)
            put(rows, start + 2, transport + 20, 2)
            put(rows, start + 4, (self.seq[chosen] + chosen) & 0xFFFF, 2)
            put(rows, start + 6, 0x4000, 2)
            rows[:, start + 8] = ttl
            rows[:, start + 9] = protocol
        used, where = np.unique(self.flow[chosen], return_inverse=True)
        joined = b"".join([self.addresses[flow] for flow in used.tolist()])
        pairs = np.frombuffer(joined, np.uint8).reshape(-1, 2 * size)[where]
        at = start + (8 if v6 else 12)
        turned = np.concatenate((pairs[:, size:], pairs[:, :size]), axis=1)
        rows[:, at : at + 2 * size] = np.where(outgoing[:, None], turned, pairs)

    def udp(self, rows: Bytes, chosen: Ints) -> None:
        put(rows, 0, self.source[chosen], 2)
        put(rows, 2, self.target[chosen], 2)
        put(rows, 4, self.length[chosen] + 8, 2)

    def tcp(self, rows: Bytes, chosen: Ints, shape: int) -> None:
        """The TCP header without its checksum."""
        put(rows, 0, self.source[chosen], 2)
        put(rows, 2, self.target[chosen], 2)
        put(rows, 4, self.seq[chosen] & 0xFFFFFFFF, 4)
        put(rows, 8, self.ack[chosen] & 0xFFFFFFFF, 4)
        rows[:, 12] = rows.shape[1] // 4 << 4
        rows[:, 13] = self.flags[chosen]
        put(rows, 14, 64240 if shape in (SYN_PLAIN, SYN_STAMPED) else 502, 2)
        if shape == NOTHING:
            return
        options, stamps = OPTIONS[shape]
        rows[:, 20 : 20 + len(options)] = np.frombuffer(options, np.uint8)
        if shape != STAMPED:
            put(rows, 22, MSS_V6 if self.v6[chosen[0]] else MSS_V4, 2)
        if stamps is not None:
            own, other = self.pick(self.clock, self.side), self.pick(self.clock, 1 - self.side)
            acks = (self.flags[chosen] & ACK) > 0
            echo = np.where(acks, other[chosen] + self.echo[chosen] // 1000, 0)
            put(rows, 20 + stamps, own[chosen] + self.time[chosen] // 1000, 4)
            put(rows, 24 + stamps, echo, 4)

    def checksums(self, rows: Bytes, chosen: Ints, network: int, shape: int) -> None:
        start = RECORD + ETHERNET
        words = rows.view(">u2")
        address = (start + (8 if network == 40 else 12)) // 2
        first = (start + network) // 2
        if network == 20:
            header = words[:, start // 2 : first].sum(axis=1, dtype=np.int64)
            put(rows, start + 10, fold(header), 2)
        transport = TRANSPORT_LENGTH[shape] + self.length[chosen]
        pseudo = words[:, address:first].sum(axis=1, dtype=np.int64) + transport
        total = pseudo + (17 if shape == UDP else 6) + self.sums[chosen]
        total += words[:, first:].sum(axis=1, dtype=np.int64)
        value = fold(total)
        if shape == UDP:
            value = np.where(value == 0, 0xFFFF, value)
        put(rows, start + network + (6 if shape == UDP else 16), value, 2)


def write(flows: Iterable[Flow], file: IO[bytes]) -> tuple[int, int]:
    """Writes flows, given in the order of their start, packets in the order of their time.

    Memory follows the batch and the flows still open, not the size of the file. Returns the number
    of packets and of bytes.
    """
    file.write(PCAP_HEADER)
    packets, size = 0, len(PCAP_HEADER)
    times, waiting = np.zeros(0, np.int64), list[bytes]()
    batch, rows, content = list[Flow](), 0, 0

    def flush(horizon: int | None) -> None:
        nonlocal times, waiting, packets, size
        if batch:
            columns = Batch(batch)
            times, waiting = np.concatenate((times, columns.time)), waiting + columns.records()
        order = np.argsort(times, kind="stable")
        times = times[order]
        ripe = len(times) if horizon is None else int(np.searchsorted(times, horizon))
        ordered = [waiting[at] for at in order.tolist()]
        size += file.write(b"".join(ordered[:ripe]))
        packets += ripe
        times, waiting = times[ripe:], ordered[ripe:]

    for flow in flows:
        if rows > BATCH_PACKETS or content > BATCH_BYTES:
            flush(flow.start)
            batch, rows, content = [], 0, 0
        batch.append(flow)
        rows += len(flow.packets)
        content += flow.bytes()
    flush(None)
    return packets, size
