"""Who talks to whom: endpoints as 64-bit ids for grouping, and as text for people.

An IPv4 endpoint is exact: address << 16 | port. An IPv6 endpoint does not fit, so it is a
hash with the top bit set. Nobody outside can make two endpoints collide, because the hash
is universal and keyed: multilinear over 32-bit words, the upper half of each sum kept
(Lemire and Kaser, "Strongly universal string hashing is fast", 2014), twice with
independent multipliers. Two given endpoints collide with a probability of 2^-63.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from smtpsniff.net.batch import SegmentBatch

KEY = os.urandom(16)
"""Of this process; processes that compare ids have to share one."""

IPV6_BIT = np.uint64(1 << 63)
WORDS = 5  # four of the address, one of the port


def ipv4_id(address: NDArray[Any], port: NDArray[Any]) -> NDArray[np.uint64]:
    """Exact ids from 32-bit addresses."""
    wide: NDArray[np.uint64] = address.astype(np.uint64) << np.uint64(16)
    wide |= port
    return wide


def ipv6_id(address: NDArray[Any], port: NDArray[Any], key: bytes) -> NDArray[np.uint64]:
    """Keyed ids from addresses of four 32-bit words."""
    words = [address[:, column].astype(np.uint64) for column in range(4)]
    words.append(port.astype(np.uint64))
    halves = []
    for constant, *factors in _multipliers(key):
        total = np.full(len(port), constant, np.uint64)
        for word, factor in zip(words, factors, strict=True):
            total += word * factor  # modulo 2^64, as the method wants it
        halves.append(total >> np.uint64(32))
    return halves[0] << np.uint64(32) | halves[1] | IPV6_BIT


@lru_cache(maxsize=8)
def _multipliers(key: bytes) -> list[list[np.uint64]]:
    """Two independent rows of a constant and a factor a word, drawn from the key."""
    stream = hashlib.shake_256(key).digest(2 * 8 * (WORDS + 1))
    return [list(row) for row in np.frombuffer(stream, np.uint64).reshape(2, WORDS + 1)]


def endpoints(batch: SegmentBatch, row: int) -> tuple[str, int, str, int]:
    """Source address and port, destination address and port of one segment as text."""
    start = int(batch.network[row])
    source, destination = addresses(batch.buffer[start : start + 40])
    return source, int(batch.sport[row]), destination, int(batch.dport[row])


def addresses(header: bytes) -> tuple[str, str]:
    """Source and destination in an IP header of either version, whole."""
    if header[0] >> 4 == 4:
        return ip_text(header[12:16]), ip_text(header[16:20])
    return ip_text(header[8:24]), ip_text(header[24:40])


def ip_text(address: bytes) -> str:
    """4 or 16 bytes as inet_ntop writes them (RFC 5952)."""
    if len(address) == 4:
        return ".".join(map(str, address))
    parsed = ipaddress.IPv6Address(address)
    # Python 3.11 and 3.12 write mapped addresses without dots.
    return f"::ffff:{parsed.ipv4_mapped}" if parsed.ipv4_mapped else str(parsed)
