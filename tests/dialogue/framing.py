"""The same dialogue as other networks, stacks and taps would have shown it.

A framing takes packets and returns packets. Those in `SAME` change nothing that a reader of
the dialogue may notice; those in `LOSSY` take something away, and nothing may break.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from .packet import (
    ACK,
    CLIENT,
    FIN,
    MICROSECOND,
    OTHER,
    PSH,
    RST,
    SECOND,
    SEQUENCE,
    SERVER,
    SYN,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .packet import Flow, Packet

    Framing = Callable[[Sequence[Packet]], list[Packet]]

OFFLOAD = 60_000  # octets that offload puts into one segment
NEARBY = SECOND // 10  # segments further apart are not merged
SPAN = SECOND  # a frame is never delayed across a silence of this length


def whole(packets: Sequence[Packet]) -> list[Packet]:
    """As written."""
    return list(packets)


def one_byte(packets: Sequence[Packet]) -> list[Packet]:
    """Every octet in a segment of its own."""
    return _split(packets, lambda payload: [payload[i : i + 1] for i in range(len(payload))])


def split_crlf(packets: Sequence[Packet]) -> list[Packet]:
    """A segment ends behind every CRLF."""
    return _split(packets, _lines)


def _lines(payload: bytes) -> list[bytes]:
    pieces = payload.split(b"\r\n")
    return [piece + b"\r\n" for piece in pieces[:-1]] + [piece for piece in pieces[-1:] if piece]


def _split(packets: Sequence[Packet], cut: Callable[[bytes], list[bytes]]) -> list[Packet]:
    """Cut payloads, the pieces spread over at most a microsecond each before the next packet."""
    out: list[Packet] = []
    for number, packet in enumerate(packets):
        pieces = cut(packet.payload) if packet.direction in OTHER and packet.captured else []
        if len(pieces) < 2:
            out.append(packet)
            continue
        later = packets[number + 1].time if number + 1 < len(packets) else packet.time + SECOND
        step = min(MICROSECOND, max(0, later - packet.time) // len(pieces))
        seq, last = packet.seq, len(pieces) - 1
        for turn, piece in enumerate(pieces):
            flags = packet.flags if turn == last else packet.flags & ~(FIN | PSH)
            time, ident = packet.time + turn * step, packet.ident + 512 * turn
            out.append(packet.copy(time, seq=seq, flags=flags, payload=piece, ident=ident))
            seq += len(piece)
    return out


def duplicated(packets: Sequence[Packet]) -> list[Packet]:
    """Every frame twice, as a mirror port of two switch ports gives them."""
    copies = [packet.copy(packet.time + 20 * MICROSECOND) for packet in packets]
    both = [twin for pair in zip(packets, copies, strict=True) for twin in pair]
    return sorted(both, key=lambda packet: packet.time)


def reordered(packets: Sequence[Packet], seed: int = 0, direction: str = SERVER) -> list[Packet]:
    """Frames of one direction up to three positions late, as a tap of two cards gives them."""
    random = Random(seed)
    places: list[tuple[float, int]] = []
    for number, packet in enumerate(packets):
        wanted = random.randrange(4) if packet.direction == direction else 0
        places.append((number + _room(packets, number, wanted) + (wanted > 0) / 2, number))
    order = [number for _, number in sorted(places)]
    return [packets[old].copy(packets[new].time) for new, old in enumerate(order)]


def reordered_client(packets: Sequence[Packet], seed: int = 0) -> list[Packet]:
    """`reordered`, the frames of the client late."""
    return reordered(packets, seed, CLIENT)


def _room(packets: Sequence[Packet], number: int, wanted: int) -> int:
    """How many of the wanted positions lie before the next silence."""
    for step in range(1, wanted + 1):
        at = number + step
        if at >= len(packets) or packets[at].time - packets[at - 1].time >= SPAN:
            return step - 1
    return wanted


def retransmitted(packets: Sequence[Packet], seed: int = 0) -> list[Packet]:
    """Segments sent again a little later, cut elsewhere."""
    random = Random(seed)
    added: dict[int, list[Packet]] = {}
    sent: dict[tuple[Flow, str], tuple[int, bytes]] = {}  # where what was sent begins, and it
    for number, packet in enumerate(packets):
        key = packet.flow, packet.direction
        if not packet.captured:
            sent.pop(key, None)  # nobody may fill the gap
        elif packet.payload and packet.direction in OTHER:
            sent[key] = start, data = _append(sent.get(key), packet)
            first = random.randrange(max(0, len(data) - 2 * len(packet.payload)), len(data))
            piece = data[first : random.randint(first + 1, len(data))]
            after = _after(packets, number, random.randrange(3))
            copy = _resent(packets, number, after, start + first, piece)
            added.setdefault(after, []).append(copy)
    return [
        each for number, packet in enumerate(packets) for each in (packet, *added.get(number, ()))
    ]


def _append(before: tuple[int, bytes] | None, packet: Packet) -> tuple[int, bytes]:
    """Join a segment to those just before it, as far as a sender would keep them."""
    start, data = before or (packet.seq, b"")
    if (start + len(data)) & SEQUENCE != packet.seq:
        start, data = packet.seq, b""
    data = (data + packet.payload)[-4000:]
    return (packet.seq + len(packet.payload) - len(data)) & SEQUENCE, data


def _after(packets: Sequence[Packet], number: int, wanted: int) -> int:
    """Return the place behind which a segment may come again: before a silence and the end."""
    after = number
    for at in range(number + 1, number + 1 + _room(packets, number, wanted)):
        if packets[at].flags & (SYN | FIN | RST):
            break
        after = at
    return after


def _resent(packets: Sequence[Packet], number: int, after: int, seq: int, piece: bytes) -> Packet:
    """Return a retransmission, with the acknowledgement that its sender would give by then."""
    packet = packets[number]
    latest = max(
        at
        for at in range(number, after + 1)
        if packets[at].flow == packet.flow and packets[at].direction == packet.direction
    )
    time = packets[after].time + 2 * MICROSECOND
    if after + 1 < len(packets):
        time = min(time, packets[after + 1].time)
    ident = packet.ident + 0x4000
    return packets[latest].copy(time, seq=seq, flags=ACK | PSH, payload=piece, ident=ident)


def merged(packets: Sequence[Packet]) -> list[Packet]:
    """Neighbouring segments of one direction in one, as receive offload hands them up."""
    out: list[Packet] = []
    for packet in packets:
        last = out[-1] if out else None
        if last is not None and _mergeable(last, packet):
            both = last.payload + packet.payload
            out[-1] = packet.copy(seq=last.seq, payload=both)
        else:
            out.append(packet)
    return out


def _mergeable(last: Packet, packet: Packet) -> bool:
    return (
        bool(last.payload and packet.payload and last.captured and packet.captured)
        and last.direction == packet.direction
        and packet.direction in OTHER
        and last.flow == packet.flow
        and last.ack == packet.ack
        and (last.seq + len(last.payload)) & SEQUENCE == packet.seq
        and not (last.flags | packet.flags) & (SYN | FIN | RST)
        and packet.time - last.time <= NEARBY
        and len(last.payload) + len(packet.payload) <= OFFLOAD
    )


def without_client(packets: Sequence[Packet]) -> list[Packet]:
    """Only what the server sent."""
    return [packet for packet in packets if packet.direction != CLIENT]


def without_server(packets: Sequence[Packet]) -> list[Packet]:
    """Only what the client sent."""
    return [packet for packet in packets if packet.direction != SERVER]


def without_syn(packets: Sequence[Packet]) -> list[Packet]:
    """The capture began behind the handshake."""
    out: list[Packet] = []
    opening: set[Flow] = set()
    for packet in packets:
        if packet.flags & SYN:
            opening.add(packet.flow)
        elif packet.flow in opening and packet.direction == CLIENT:
            opening.remove(packet.flow)
            if packet.payload or packet.flags & (FIN | RST):
                out.append(packet)
        else:
            out.append(packet)
    return out


def with_gap(packets: Sequence[Packet], seed: int = 0) -> list[Packet]:
    """One segment with data, chosen by the seed, was never captured."""
    places = [
        number
        for number, packet in enumerate(packets)
        if packet.payload and packet.captured and packet.direction in OTHER
    ]
    lost = places[Random(seed).randrange(len(places))] if places else -1
    return [packet for number, packet in enumerate(packets) if number != lost]


def prefixes(packets: Sequence[Packet]) -> Iterator[list[Packet]]:
    """Yield the capture as it was after no packet, one packet, two ... all."""
    for end in range(len(packets) + 1):
        yield list(packets[:end])


SAME: dict[str, Framing] = {
    framing.__name__: framing
    for framing in (
        one_byte,
        split_crlf,
        duplicated,
        reordered,
        reordered_client,
        retransmitted,
        merged,
    )
}
LOSSY: dict[str, Framing] = {
    framing.__name__: framing for framing in (without_client, without_server, without_syn, with_gap)
}
FRAMINGS: dict[str, Framing] = {"whole": whole, **SAME, **LOSSY}
