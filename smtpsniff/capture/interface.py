"""Interfaces of a capture and their clocks (draft-ietf-opsawg-pcapng, section 4.2)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SECOND = 1_000_000_000  # nanoseconds
MICROSECONDS = 6  # the default of if_tsresol
NANOSECONDS = 9
BINARY = 0x80  # if_tsresol: this bit set means a power of two instead of ten
FINEST_BINARY = BINARY | 29  # the last whose ticks are longer than a nanosecond

# Together they fit int64, so that ticks and offset can be added without overflow:
# times up to the year 2189 are exact, later ones (always damage) are clipped.
LATEST = 3 * 2**61 - 1
LARGEST_OFFSET = 2**61


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface of a capture, with the clock its packets are stamped by."""

    name: str  # "" when the file does not say
    link: int  # LINKTYPE_ value
    snaplen: int  # 0 means unlimited
    resolution: int = MICROSECONDS  # if_tsresol: 10^-n, or 2^-n when bit 7 is set
    offset: int = 0  # if_tsoffset: seconds to add
    description: str = ""
    filter: str = ""  # what libpcap was told to capture
    hardware: str = ""
    os: str = ""

    @property
    def digits(self) -> int:
        """Decimal digits of a second, 6 or 9, that show all of this clock's precision (or most)."""
        exponent = self.resolution & ~BINARY
        decimals = math.ceil(exponent * math.log10(2)) if self.resolution & BINARY else exponent
        return MICROSECONDS if decimals <= MICROSECONDS else NANOSECONDS

    @property
    def written_resolution(self) -> int:
        """The if_tsresol to write times in: its own, or nanoseconds where it is finer."""
        finest = FINEST_BINARY if self.resolution & BINARY else NANOSECONDS
        return self.resolution if self.resolution <= finest else NANOSECONDS

    def ticks(self, time: int) -> int:
        """Nanoseconds since 1970 UTC in `written_resolution`: what `nanoseconds` came from."""
        time = max(time - max(-LARGEST_OFFSET, min(self.offset * SECOND, LARGEST_OFFSET)), 0)
        resolution = self.written_resolution
        if resolution & BINARY:
            # `nanoseconds` rounds down, so the tick is the first that is not earlier.
            return -(-(time << (resolution & ~BINARY)) // SECOND)
        return int(time // 10 ** (NANOSECONDS - resolution))

    def nanoseconds(self, ticks: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Ticks of this clock as nanoseconds since 1970 UTC."""
        exponent = self.resolution & ~BINARY
        convert = _from_binary if self.resolution & BINARY else _from_decimal
        time = convert(ticks, exponent)
        time += max(-LARGEST_OFFSET, min(self.offset * SECOND, LARGEST_OFFSET))
        return time


def _from_decimal(ticks: NDArray[np.uint64], exponent: int) -> NDArray[np.int64]:
    """Nanoseconds of ticks of 10^-exponent seconds."""
    if exponent <= NANOSECONDS:
        scale = 10 ** (NANOSECONDS - exponent)
        time: NDArray[np.uint64] = np.minimum(ticks, np.uint64(LATEST // scale)) * np.uint64(scale)
        return time.astype(np.int64)
    divisor = 10 ** (exponent - NANOSECONDS)
    if divisor >= 2**64:  # all the ticks there can be are less than a nanosecond
        return np.zeros(len(ticks), np.int64)
    time = np.minimum(ticks // np.uint64(divisor), np.uint64(LATEST))
    return time.astype(np.int64)


def _from_binary(ticks: NDArray[np.uint64], exponent: int) -> NDArray[np.int64]:
    """Nanoseconds of ticks of 2^-exponent seconds."""
    # 34 binary digits are finer than a nanosecond and leave room for the multiplication.
    surplus = max(0, exponent - 34)
    ticks = ticks >> np.uint64(surplus) if surplus < 64 else np.zeros_like(ticks)
    exponent -= surplus
    seconds = np.minimum(ticks >> np.uint64(exponent), np.uint64(LATEST // SECOND - 1))
    fraction = ticks & np.uint64((1 << exponent) - 1)
    nanoseconds = (fraction * np.uint64(SECOND)) >> np.uint64(exponent)
    time = seconds * np.uint64(SECOND) + nanoseconds
    return np.asarray(time, np.int64)
