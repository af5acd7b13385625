"""When a connection stood still because the network had lost something."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smtpsniff.tcp import Side

__all__ = ["losses", "overlap"]

Interval = tuple[int, int]


def losses(client: Side, server: Side) -> list[Interval]:
    """Stretches (ns) from a first copy, or a hole, to the copy that came for it; apart, in order.

    What was acknowledged before it came again, or only overtaken, cost no time.
    """
    found = [
        (again.since, again.time)
        for side in (client, server)
        if side.trouble is not None
        for again in side.trouble.again
        if not again.spurious and not again.disordered
    ]
    found.sort()
    apart: list[Interval] = []
    for start, end in found:
        if apart and start <= apart[-1][1]:
            apart[-1] = (apart[-1][0], max(apart[-1][1], end))
        else:
            apart.append((start, end))
    return apart


def overlap(intervals: list[Interval], start: int, end: int, latest: int) -> int:
    """Nanoseconds between `start` and `end` that belong to the intervals that end by `latest`."""
    return sum(
        max(min(until, end) - max(since, start), 0)
        for since, until in intervals
        if until <= latest and until > start
    )
