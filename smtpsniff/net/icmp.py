"""ICMP and ICMPv6 errors that quote a TCP header (RFC 792, RFC 4443)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from smtpsniff.capture.batch import gather
from smtpsniff.net.batch import Unreachable
from smtpsniff.net.endpoint import addresses
from smtpsniff.net.headers import ICMP, ICMP_V4, ICMP_V6, IPV4, IPV6, TCP_PROTOCOL

if TYPE_CHECKING:
    from smtpsniff.capture.batch import PacketBatch
    from smtpsniff.net.ip import Datagrams

# Destination unreachable, source quench, time exceeded, parameter problem; for ICMPv6
# destination unreachable, packet too big, time exceeded, parameter problem.
ERRORS = {ICMP_V4: (3, 4, 11, 12), ICMP_V6: (1, 2, 3, 4)}
TOO_BIG = {ICMP_V4: (3, 4), ICMP_V6: (2, 0)}  # type and code whose last word is an MTU
MTU_MASK = {ICMP_V4: 0xFFFF, ICMP_V6: 0xFFFFFFFF}  # RFC 1191, 4 and RFC 4443, 3.2
VERSIONS = {ICMP_V4: 4, ICMP_V6: 6}

PORTS_AND_SEQ = struct.Struct("!HHI")  # the eight bytes every error quotes (RFC 792)
FRAGMENT_OFFSET = 0x1FFF  # RFC 791, 3.1


def unreachable(batch: PacketBatch, part: Datagrams, protocol: int) -> list[Unreachable]:
    """The errors about TCP among ICMP packets of one version (`protocol` 1 or 58)."""
    header = gather(batch.buffer, part.transport, ICMP)
    wanted = np.isin(header["type"], ERRORS[protocol])
    # Of the bytes behind, at least an IPv4 header and what PORTS_AND_SEQ takes.
    wanted &= part.transport + ICMP.itemsize + IPV4.itemsize + PORTS_AND_SEQ.size <= part.stop
    found = []
    for row in np.flatnonzero(wanted).tolist():
        start, stop = int(part.transport[row]), int(part.stop[row])
        quoted = _quoted(batch.buffer[start + ICMP.itemsize : stop])
        if quoted is None:
            continue
        at = int(part.network[row])
        router, _ = addresses(batch.buffer[at : at + IPV6.itemsize])
        kind, code, _, rest = header[row].item()
        mtu = rest & MTU_MASK[protocol] if (kind, code) == TOO_BIG[protocol] else 0
        packet = int(part.row[row])
        found.append(
            Unreachable(
                int(batch.frame[packet]), int(batch.time[packet]), router, VERSIONS[protocol],
                kind, code, *quoted, mtu,
            )
        )  # fmt: skip
    return found


def _quoted(packet: bytes) -> tuple[str, int, str, int, int] | None:
    """Source, port, destination, port and sequence number of a quoted TCP packet."""
    if packet[0] >> 4 == 4:
        size = (packet[0] & 15) * 4
        (fragment,) = struct.unpack_from("!H", packet, 6)
        carried = packet[9] == TCP_PROTOCOL and not fragment & FRAGMENT_OFFSET
        whole = IPV4.itemsize <= size
    else:
        size = IPV6.itemsize
        carried = packet[0] >> 4 == 6 and packet[6] == TCP_PROTOCOL
        whole = True
    if not (carried and whole) or len(packet) < size + PORTS_AND_SEQ.size:
        return None
    source, destination = addresses(packet)
    sport, dport, seq = PORTS_AND_SEQ.unpack_from(packet, size)
    return source, sport, destination, dport, seq
