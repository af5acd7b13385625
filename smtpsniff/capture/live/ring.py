"""Linux's packet ring (TPACKET_V3): packets from the kernel without a system call for each.

Every `recv` gives the interpreter's lock away and must wait for it, up to 5 ms, while the analysis
is busy: a reader that asks for packets one by one gets a few hundred a second just when many come.
(scapy's `recv_raw` in a thread dropped packets at 20,000 a second; tests/benchmark/README.md has
the numbers.) Here the kernel fills blocks of memory that both sides see, and a block is copied out
at once, its headers read as columns. What the analysis cannot take in time waits in the ring.

Layouts are those of <linux/if_packet.h>.
"""

from __future__ import annotations

import mmap
import struct
from typing import TYPE_CHECKING

import numpy as np

from smtpsniff.capture.batch import PacketBatch, gather

if TYPE_CHECKING:
    import socket

    from numpy.typing import NDArray

SOL_PACKET = 263
PACKET_RX_RING, PACKET_VERSION, TPACKET_V3 = 5, 10, 2

BLOCK = 1 << 18  # bytes: four of the largest packets that offloading makes, 64 KiB
FRAME = 1 << 11  # has no meaning in version 3, but must divide the block
RETIRE = 100  # milliseconds after which a block that is not full is handed over

USER, KERNEL = 1, 0  # whose a block is
HEAD = struct.Struct("=8xIII")  # of a block: whose it is, packets, offset of the first
NEXT = struct.Struct("=I")  # of a packet: distance to the next; 0 in the last one

VLAN_VALID, VLAN_TPID_VALID = 1 << 4, 1 << 6
OUTGOING = 4  # packet type: sent by this machine
ETHERNET_VLAN = 0x8100

# struct tpacket3_hdr, and behind it struct sockaddr_ll.
PACKET = np.dtype(
    [
        ("next", "u4"), ("seconds", "u4"), ("nanoseconds", "u4"), ("captured", "u4"),
        ("length", "u4"), ("status", "u4"), ("mac", "u2"), ("net", "u2"), ("hash", "u4"),
        ("vlan", "u4"), ("tpid", "u2"), ("padding", "u2"), ("padding2", "u8"),
        ("family", "u2"), ("protocol", ">u2"), ("index", "i4"), ("hardware", "u2"),
        ("kind", "u1"), ("size", "u1"),
    ]
)  # fmt: skip

ETHERNET, LOOPBACK = 1, 772  # ARPHRD_
LINK_ETHERNET, LINK_RAW = 1, 101  # LINKTYPE_
IP_TYPES = (0x0800, 0x86DD)


def link_of(hardware: int) -> int:
    """LINKTYPE_ of the packets of an interface: of any but Ethernet and loopback, plain IP."""
    return LINK_ETHERNET if hardware in (ETHERNET, LOOPBACK) else LINK_RAW


class Ring:
    """The ring of one socket, `size` bytes of memory in blocks."""

    def __init__(self, packets: socket.socket, size: int) -> None:
        """OSError where the kernel has no such ring or no such memory."""
        self._blocks = max(size // BLOCK, 4)
        self._next = 0
        packets.setsockopt(SOL_PACKET, PACKET_VERSION, struct.pack("I", TPACKET_V3))
        frames = self._blocks * (BLOCK // FRAME)
        request = struct.pack("7I", BLOCK, self._blocks, FRAME, frames, RETIRE, 0, 0)
        packets.setsockopt(SOL_PACKET, PACKET_RX_RING, request)
        self._memory = mmap.mmap(packets.fileno(), BLOCK * self._blocks)

    def take(self) -> bytes | None:
        """A copy of the next block that the kernel has filled, which gets it back at once."""
        start = self._next * BLOCK
        whose, _, _ = HEAD.unpack_from(self._memory, start)
        if not whose & USER:
            return None
        (size,) = NEXT.unpack_from(self._memory, start + 20)
        block = self._memory[start : start + min(size, BLOCK)]
        # Four aligned bytes at once, written after the copy was made: the kernel's side of the
        # bargain needs no more where writes keep their order (x86), and elsewhere the calls
        # between two blocks are barriers enough.
        self._memory[start + 8 : start + 12] = NEXT.pack(KERNEL)
        self._next = (self._next + 1) % self._blocks
        return block

    def close(self) -> None:
        """Let go of the memory."""
        self._memory.close()


def packets_in(block: bytes, hardware: int, interface: int, *, loopback: bool) -> PacketBatch:
    """The packets of a block; frames are for the caller to number.

    On loopback each packet is seen twice, as it leaves and as it arrives: once is enough.
    """
    offset = _offsets(block)
    header = gather(block, offset, PACKET)
    keep = np.ones(len(offset), np.bool_)
    if loopback:
        keep = header["kind"] != OUTGOING
    link = link_of(hardware)
    if link == LINK_RAW:
        keep &= np.isin(header["protocol"], IP_TYPES)
    offset, header = offset[keep], header[keep]
    mac = header["mac"].astype(np.int64)
    skip = header["net"].astype(np.int64) - mac if link == LINK_RAW else np.zeros_like(mac)
    count = len(offset)
    batch = PacketBatch(
        buffer=block,
        offset=offset + mac + skip,
        captured=np.maximum(header["captured"] - skip, 0),
        length=np.maximum(header["length"] - skip, 0),
        time=header["seconds"].astype(np.int64) * 1_000_000_000 + header["nanoseconds"],
        frame=np.zeros(count, np.int64),
        link=np.full(count, link, np.uint16),
        interface=np.full(count, interface, np.int32),
        file=0,
    )
    tagged = np.flatnonzero(header["status"] & VLAN_VALID)
    return _tag(batch, header, tagged) if tagged.size and link == LINK_ETHERNET else batch


def _offsets(block: bytes) -> NDArray[np.int64]:
    """Where the packets' headers are."""
    _, count, position = HEAD.unpack_from(block)
    found = []
    unpack = NEXT.unpack_from
    for _ in range(count):
        found.append(position)
        (step,) = unpack(block, position)
        position += step
    return np.array(found, np.int64)


def _tag(batch: PacketBatch, header: NDArray[np.void], rows: NDArray[np.intp]) -> PacketBatch:
    """Put back the VLAN tags that the network card or the kernel took out of the packets."""
    parts, size = [batch.buffer], len(batch.buffer)
    for row in rows.tolist():
        head = header[row]
        known = head["status"] & VLAN_TPID_VALID
        tpid = int(head["tpid"]) if known else ETHERNET_VLAN
        packet = batch.packet(row)
        tagged = packet[:12] + struct.pack(">HH", tpid, int(head["vlan"]) & 0xFFFF) + packet[12:]
        batch.offset[row] = size
        batch.captured[row] += 4
        batch.length[row] += 4
        parts.append(tagged)
        size += len(tagged)
    batch.buffer = b"".join(parts)
    return batch
