"""A tap: one interface listened to through Linux's packet socket (`man 7 packet`)."""

from __future__ import annotations

import contextlib
import ctypes
import socket
import struct
from typing import TYPE_CHECKING

from smtpsniff.capture.live.ring import SOL_PACKET, Ring, packets_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smtpsniff.capture.batch import PacketBatch
    from smtpsniff.capture.bpf import Instruction
    from smtpsniff.capture.live.interfaces import Nic

ETH_P_ALL = 0x0003
SO_ATTACH_FILTER = 26
PACKET_ADD_MEMBERSHIP, PACKET_STATISTICS, PACKET_IGNORE_OUTGOING = 1, 6, 23
PACKET_MR_PROMISC = 1


class Tap:
    """Packets of one interface from its ring; `index` is the interface's number in the capture.

    Nothing is captured before filter and ring are in place: the socket is bound last.
    """

    def __init__(
        self, nic: Nic, index: int, program: Sequence[Instruction], ring: int, *, promiscuous: bool
    ) -> None:
        """OSError: no permission, no such interface, no ring."""
        self._nic = nic
        self._index = index
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            attach(self._socket, program)
            self._ring = Ring(self._socket, ring)
            if nic.loopback:
                self._ignore_outgoing()
            self._socket.bind((nic.name, ETH_P_ALL))
            if promiscuous and not nic.loopback:
                number = socket.if_nametoindex(nic.name)
                membership = struct.pack("IHH8s", number, PACKET_MR_PROMISC, 0, b"")
                self._socket.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership)
        except BaseException:
            self._socket.close()
            raise

    def _ignore_outgoing(self) -> None:
        """The kernel leaves out the copy that loopback shows on the way out, where it can."""
        with contextlib.suppress(OSError):  # before Linux 4.20: `packets_in` does it
            self._socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)

    def fileno(self) -> int:
        """What to poll: readable when a block is full or old."""
        return self._socket.fileno()

    def take(self) -> Iterator[PacketBatch]:
        """What has come, block by block."""
        nic = self._nic
        while (block := self._ring.take()) is not None:
            yield packets_in(block, nic.hardware, self._index, loopback=nic.loopback)

    def went_down(self) -> bool:
        """Whether the interface has gone down or away since this was asked last.

        Asking clears the error, which else would make the socket look readable for ever.
        """
        return self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0

    def dropped(self) -> int:
        """Packets that the kernel had to drop since this was asked last."""
        try:
            counts = self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 12)
        except OSError:  # the interface went away
            return 0
        return int(struct.unpack_from("II", counts)[1])

    def close(self) -> None:
        """Stop listening."""
        self._ring.close()
        self._socket.close()


def attach(packets: socket.socket, program: Sequence[Instruction]) -> None:
    """Give a socket its filter; the kernel refuses one that could loop or read its own memory."""
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    memory = ctypes.create_string_buffer(code, len(code))
    packed = struct.pack("HL", len(program), ctypes.addressof(memory))
    packets.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, packed)
