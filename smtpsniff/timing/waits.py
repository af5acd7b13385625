"""What is known of one stretch of time that was long enough to ask about."""

from __future__ import annotations

from msgspec import Struct

__all__ = ["LONG", "Wait"]

# Shorter stretches (ns) are counted, but not kept one by one. Thresholds of checks lie above.
LONG = 500_000_000


class Wait(Struct, frozen=True, gc=False):
    """A stretch of the timeline that ends with entry `entry`; `asked` is what it answers.

    `low` to `high` are the seconds of it that are surely, and at most, `part`'s own; what the
    network took or lost is taken off. Times are nanoseconds.
    """

    entry: int
    asked: int
    part: str
    start: int
    end: int
    low: float
    high: float
    lost: float
