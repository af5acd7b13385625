"""Fragments of IP packets, put together again (RFC 791, 3.2; RFC 8200, 4.5; RFC 5722).

In any order. Where copies of IPv4 bytes differ, the first counts; IPv6 fragments that overlap
are an attack, and nothing of their packet is believed. Time is the capture's.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from smtpsniff.net.headers import ICMP_V4, ICMP_V6, IPV6, MORE, OFFSET, TCP_PROTOCOL, UDP
from smtpsniff.net.tunnels import PORTS

if TYPE_CHECKING:
    from smtpsniff.capture.batch import Buffer

__all__ = ["Fragments", "Piece", "piece"]

TIMEOUT = 60_000_000_000
"""Nanoseconds that a fragment waits for the rest: RFC 8200, 4.5, and the least RFC 1122 allows."""

MAX_BYTES = 1 << 24
"""Bytes held over all unfinished packets: four times what Linux allows a host by default."""

MAX_DATAGRAMS = 4096
"""Unfinished packets held: with the smallest fragments, MAX_BYTES alone would let in a million."""

MAX_PIECES = 512
"""Pieces of one packet: enough for the largest one in pieces of 128 bytes; the smallest MTU
that IPv4 knows is 68, IPv6's is 1280."""

LARGEST = 0xFFFF  # what the length field of an IP header holds

WANTED = frozenset({TCP_PROTOCOL, UDP, ICMP_V4, ICMP_V6, 4, 41, 47, 97, 137})
"""Protocols whose fragments are kept: TCP, errors about it, and those that may carry it."""

OVERLAP_V4 = "IPv4 fragments that overlap: the first copy of each byte was taken"
OVERLAP_V6 = "IPv6 fragments that overlap: their packets were dropped (RFC 5722)"
TOO_LARGE = f"IP fragments beyond the largest packet: {LARGEST}"
TWO_ENDS = "IP fragments that contradict each other about the packet's end"
TOO_MANY = f"pieces of one IP packet: {MAX_PIECES}"
TOO_MANY_PACKETS = f"IP packets waiting for fragments: {MAX_DATAGRAMS}"
TOO_MANY_BYTES = f"bytes of IP fragments: {MAX_BYTES}"


class Piece(NamedTuple):
    """One fragment."""

    key: bytes  # addresses, identification and protocol
    fixed: bytes  # the IP header, without IPv6's extension headers
    protocol: int
    start: int  # where in the packet's payload it belongs
    length: int  # its bytes on the wire; `data` is shorter where the snap length cut it
    more: bool  # it is not the last
    data: bytes


_Mark = tuple[int, int, int]


class Whole(NamedTuple):
    """A packet put together; `missing` bytes at its end were never captured."""

    packet: bytes
    missing: int


def piece(buffer: Buffer, network: int, transport: int, end: int, stop: int) -> Piece:
    """The fragment whose headers stand at these offsets (net/ip.py has looked at them)."""
    head = buffer[network : network + IPV6.itemsize]
    if head[0] >> 4 == 4:
        fragment = int.from_bytes(head[6:8])
        start, more = (fragment & OFFSET) * 8, bool(fragment & MORE)
        key, protocol = head[12:20] + head[4:6] + head[9:10], head[9]
        fixed, at = buffer[network:transport], transport
    else:
        header = buffer[transport : transport + 8]
        fragment = int.from_bytes(header[2:4])
        start, more = fragment & 0xFFF8, bool(fragment & 1)
        key, protocol = head[8:40] + header[4:8] + header[:1], header[0]
        fixed, at = head, transport + 8
    return Piece(key, fixed, protocol, start, end - at, more, buffer[at : max(stop, at)])


@dataclass(slots=True)
class _Datagram:
    """What is there of one packet: pieces that do not overlap, in order of their place."""

    time: int  # of the fragment that came first
    starts: list[int] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    held: int = 0  # bytes
    covered: int = 0
    total: int = -1  # of payload bytes; -1 before the last fragment is there
    dropped: bool = False  # nothing of it is wanted any more

    def drop(self, part: Piece) -> None:
        """Nothing of it is wanted: keep no byte, only count until its end."""
        self.starts, self.pieces, self.held, self.dropped = [], [], 0, True
        self.skip(part)

    def skip(self, part: Piece) -> None:
        """Count a piece of a packet that is not wanted."""
        self.covered += part.length
        if not part.more:
            self.total = part.start + part.length


class Fragments:
    """All unfinished packets of a capture."""

    def __init__(self) -> None:
        self.limits: set[str] = set()
        self.held = 0  # bytes
        self._waiting: OrderedDict[bytes, _Datagram] = OrderedDict()  # oldest first
        self._done: OrderedDict[bytes, _Mark] = OrderedDict()  # the last piece of each

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, part: Piece, time: int) -> Whole | None:
        """Take a fragment; the packet, if it was the one that was still missing."""
        if part.protocol not in WANTED or part.length <= 0:
            return None
        key = part.key
        # A mirror port may show each packet twice: the copy of the last piece is no news.
        if key in self._done and self._done.pop(key) == _mark(part):
            return None
        datagram = self._waiting.get(key)
        if datagram is not None and time - datagram.time > TIMEOUT:
            self._let_go(key)  # the number is in use again
            datagram = None
        if datagram is None:
            datagram = self._waiting[key] = _Datagram(time)
        if datagram.dropped:
            datagram.skip(part)
        else:
            self.held -= datagram.held
            self._place(datagram, part)
            self.held += datagram.held
        if 0 <= datagram.total <= datagram.covered:
            self._let_go(key)
            self._done[key] = _mark(part)
            if len(self._done) > MAX_DATAGRAMS:
                self._done.popitem(last=False)
            return None if datagram.dropped else _whole(datagram)
        self._bound()
        return None

    def expire(self, time: int) -> None:
        """Let go of what has waited too long, as its receiver did.

        Asked once for each window, at its first time: within a window, fragments of outer
        packets are handed over before those of inner ones.
        """
        while self._waiting:
            key, datagram = next(iter(self._waiting.items()))
            if time - datagram.time <= TIMEOUT:
                return
            self._let_go(key)

    def _let_go(self, key: bytes) -> None:
        self.held -= self._waiting.pop(key).held

    def _bound(self) -> None:
        while len(self._waiting) > MAX_DATAGRAMS or self.held > MAX_BYTES:
            limit = TOO_MANY_BYTES if self.held > MAX_BYTES else TOO_MANY_PACKETS
            _, oldest = self._waiting.popitem(last=False)
            self.held -= oldest.held
            if not oldest.dropped:
                self.limits.add(limit)

    def _place(self, datagram: _Datagram, part: Piece) -> None:
        """Put a piece where it belongs, or drop the packet."""
        fault = _fault(datagram, part)
        if fault:
            self.limits.add(fault)
            datagram.drop(part)
            return
        if part.start == 0 and part.protocol == UDP and not _may_be_tunnel(part):
            datagram.drop(part)  # remembered, so that what follows is known to be of no interest
            return
        if not part.more:
            datagram.total = part.start + part.length
        free = _free(datagram, part)
        if free != [(part.start, part.start + part.length)] and not _is_copy(datagram, part):
            if part.fixed[0] >> 4 == 6:
                self.limits.add(OVERLAP_V6)
                datagram.drop(part)
                return
            self.limits.add(OVERLAP_V4)
        for start, end in free:
            data = part.data[start - part.start : end - part.start]
            at = bisect_right(datagram.starts, start)
            datagram.starts.insert(at, start)
            fresh = part._replace(start=start, length=end - start, data=data)
            datagram.pieces.insert(at, fresh)
            datagram.held += len(data) + len(part.fixed)
            datagram.covered += end - start


def _mark(part: Piece) -> _Mark:
    """What tells a copy of a piece from another one, in few bytes."""
    return part.start, part.length, hash(part.data)


def _fault(datagram: _Datagram, part: Piece) -> str | None:
    """Why this piece cannot be part of a packet that any host would accept."""
    end = part.start + part.length
    if end > LARGEST:
        return TOO_LARGE
    if len(datagram.pieces) >= MAX_PIECES:
        return TOO_MANY
    last = datagram.pieces[-1] if datagram.pieces else part
    beyond = datagram.total >= 0 and end > datagram.total
    if beyond or (not part.more and end < last.start + last.length):
        return TWO_ENDS
    return None


def _may_be_tunnel(first: Piece) -> bool:
    ports = (int.from_bytes(first.data[0:2]), int.from_bytes(first.data[2:4]))
    return ports[0] in PORTS or ports[1] in PORTS


def _free(datagram: _Datagram, part: Piece) -> list[tuple[int, int]]:
    """The stretches of a piece that no earlier one covers."""
    start, end = part.start, part.start + part.length
    found = []
    at = max(bisect_right(datagram.starts, start) - 1, 0)
    for other in datagram.pieces[at:]:
        if other.start >= end:
            break
        if other.start > start:
            found.append((start, other.start))
        start = max(start, other.start + other.length)
    if start < end:
        found.append((start, end))
    return found


def _is_copy(datagram: _Datagram, part: Piece) -> bool:
    """Whether the same piece is there already (RFC 8200, 4.5: exact duplicates may be ignored)."""
    at = bisect_right(datagram.starts, part.start) - 1
    known = datagram.pieces[at] if at >= 0 else None
    return known is not None and (known.start, known.length, known.data) == (
        part.start, part.length, part.data,
    )  # fmt: skip


def _whole(datagram: _Datagram) -> Whole:
    """The packet, up to the first byte that the snap length cut."""
    data = []
    for part in datagram.pieces:
        data.append(part.data)
        if len(part.data) < part.length:
            break
    payload = b"".join(data)[: datagram.total]
    first = datagram.pieces[0]
    return Whole(
        _header(first.fixed, datagram.total, first.protocol) + payload,
        datagram.total - len(payload),
    )


def _header(fixed: bytes, size: int, protocol: int) -> bytes:
    """The IP header of a packet with so many bytes of payload that was never cut."""
    if fixed[0] >> 4 == 6:
        return fixed[:4] + size.to_bytes(2) + bytes([protocol]) + fixed[7:]
    total = min(len(fixed) + size, LARGEST)
    head = fixed[:2] + total.to_bytes(2) + fixed[4:6] + bytes(2) + fixed[8:10] + bytes(2)
    head += fixed[12:]
    # The checksum makes the sum of all words a multiple of 2^16 - 1 (RFC 1071).
    value = -int.from_bytes(head) % 0xFFFF
    return head[:10] + value.to_bytes(2) + head[12:]
