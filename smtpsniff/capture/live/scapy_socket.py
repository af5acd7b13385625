"""Listening through scapy: where there is no Linux packet ring (macOS, BSD, odd kernels).

Slower than the ring, and no better than the machine it runs on: packets that come faster than they
can be taken are dropped, and counted where the system counts them. scapy is GPL-2.0-only and takes
half a second to load: it is imported when this is used, and not before.
"""

from __future__ import annotations

import contextlib
import select
import struct
import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from smtpsniff.capture.batch import PacketBatch
from smtpsniff.capture.live.interfaces import ETHERNET, Nic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smtpsniff.capture.bpf import Instruction

TOGETHER = 2000  # packets of a batch at most
RECEIVE_BUFFER = 32 << 20  # bytes that the kernel may hold for us, where it lets us ask
IFF_UP, IFF_LOOPBACK = 0x1, 0x8
SOL_PACKET, PACKET_STATISTICS = 263, 6
OUTGOING = 4


class ScapyTap:
    """Packets of one interface from scapy's `L2listen`, the way each system has."""

    def __init__(
        self, nic: Nic, index: int, expression: str | None, *, promiscuous: bool, snaplen: int,
        program: Sequence[Instruction] = (),
    ) -> None:  # fmt: skip
        """`program` is a filter for Linux's kernel, in place of an `expression` for libpcap.

        OSError: no permission, no such interface.
        """
        config = _scapy()
        self._index = index
        self._snaplen = snaplen
        self._loopback = nic.loopback
        self._last = 0
        self._listener = config.L2listen(
            iface=nic.name, promisc=promiscuous, filter=expression or None
        )
        if program:
            from smtpsniff.capture.live.tap import attach

            attach(self._listener.ins, program)
            for _ in self._rows():  # what came before the filter did
                pass
        with contextlib.suppress(OSError, AttributeError):
            import socket

            self._listener.ins.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self.link = int(config.l2types.layer2num.get(self._listener.LL, 1))

    def fileno(self) -> int:
        """What to poll."""
        return int(self._listener.fileno())

    def take(self) -> Iterator[PacketBatch]:
        """What has come."""
        while rows := list(self._rows()):
            yield self._batch(rows)

    def _rows(self) -> Iterator[tuple[bytes, int]]:
        """Packets and their times, while there are any."""
        for _ in range(TOGETHER):
            if not select.select([self._listener], [], [], 0)[0]:
                return
            try:
                _, packet, stamp = self._listener.recv_raw()
            except OSError:  # the interface went away
                return
            if packet and not self._seen_leaving(packet):
                yield packet, int((stamp or time.time()) * 1e9)

    def _seen_leaving(self, packet: bytes) -> bool:
        """Loopback on Linux shows each packet twice, one behind the other: once is enough."""
        if not self._loopback:
            return False
        mark = hash(packet)
        twice = mark == self._last
        self._last = 0 if twice else mark
        return twice

    def _batch(self, rows: list[tuple[bytes, int]]) -> PacketBatch:
        length = np.fromiter((len(packet) for packet, _ in rows), np.int64, len(rows))
        captured = np.minimum(length, self._snaplen)
        return PacketBatch(
            buffer=b"".join(packet for packet, _ in rows),
            offset=np.cumsum(length) - length,
            captured=captured,
            length=length,
            time=np.fromiter((stamp for _, stamp in rows), np.int64, len(rows)),
            frame=np.zeros(len(rows), np.int64),
            link=np.full(len(rows), self.link, np.uint16),
            interface=np.full(len(rows), self._index, np.int32),
            file=0,
        )

    def went_down(self) -> bool:
        """Whether the interface has gone down: reading says so, and goes on."""
        return False

    def dropped(self) -> int:
        """Packets that the kernel had to drop since this was asked last, where it says so."""
        try:
            counts = self._listener.ins.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
            return int(struct.unpack("II", counts)[1])
        except (OSError, AttributeError, struct.error):
            return 0

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()


def interfaces() -> list[Nic]:
    """The interfaces that scapy knows."""
    found = []
    for nic in _scapy().ifaces.values():
        addresses = tuple(ip for version in (4, 6) for ip in nic.ips.get(version, ()))
        flags = int(nic.flags or 0)
        found.append(
            Nic(nic.name, bool(flags & IFF_UP), bool(flags & IFF_LOOPBACK), ETHERNET, addresses)
        )
    return found


def _scapy() -> Any:  # noqa: ANN401
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import scapy.all  # noqa: F401  # fills `conf` with this system's sockets
        from scapy.config import conf
    return conf
