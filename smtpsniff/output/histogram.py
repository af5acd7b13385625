"""How sessions spread over time, in bounded memory, whatever the span."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from smtpsniff.output.units import clock, date, moment, span

__all__ = ["Bin", "Histogram", "period", "sparkline"]

MOST = 2048  # bins that are held while sessions come; more are joined in pairs
SECOND = 1_000_000_000
# Widths that people count in, in seconds: up to a week.
_WIDTHS = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
    172_800, 604_800,
)  # fmt: skip


class Bin(NamedTuple):
    """`start` in nanoseconds since 1970, `width` in seconds, sessions by outcome."""

    start: int
    width: int
    counts: Counter[str]


class Histogram:
    """Counts sessions by the second, or coarser where the capture is long."""

    def __init__(self) -> None:
        self._width = 1
        self._bins: dict[int, Counter[str]] = {}

    def add(self, time: int, outcome: str) -> None:
        """A session began at `time`, nanoseconds since 1970."""
        self._bins.setdefault(time // SECOND // self._width, Counter())[outcome] += 1
        while len(self._bins) > MOST:
            self._widen(self._width * 2)

    def bins(self, most: int) -> list[Bin]:
        """At most so many bins without a hole between them, of a width that people count in."""
        if not self._bins:
            return []
        first, last = min(self._bins) * self._width, max(self._bins) * self._width
        width = next(
            (w for w in _WIDTHS if w >= self._width and last // w - first // w < most),
            max(self._width, (last - first) // most + 1),
        )
        joined = self._joined(width)
        return [
            Bin(index * width * SECOND, width, joined.get(index, Counter()))
            for index in range(min(joined), max(joined) + 1)
        ]

    def _widen(self, width: int) -> None:
        self._bins = self._joined(width)
        self._width = width

    def _joined(self, width: int) -> dict[int, Counter[str]]:
        joined: dict[int, Counter[str]] = {}
        for index, counts in self._bins.items():
            joined.setdefault(index * self._width // width, Counter()).update(counts)
        return joined


def period(bins: list[Bin]) -> str:
    """What the bins stand for: ``2026-11-23 22:58:45 to 23:10:15 UTC, a column is 15 s``."""
    if not bins:
        return ""
    first, last = bins[0].start, bins[-1].start + bins[-1].width * SECOND
    end = clock(last) if date(first) == date(last) else moment(last)
    width = span(bins[0].width).replace(".0 ", " ")
    return f"{moment(first)} to {end} UTC, a column is {width}"


BARS = "▁▂▃▄▅▆▇█"


def sparkline(bins: list[Bin]) -> tuple[str, str]:
    """A bar for each bin, its height that of its sessions among the bins, and what they are of."""
    heights = [sum(one.counts.values()) for one in bins]
    most = max(heights, default=0) or 1
    bars = (BARS[-(-height * len(BARS) // most) - 1] if height else " " for height in heights)
    return "".join(bars), period(bins)
