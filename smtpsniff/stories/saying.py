"""Words that stories share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.records import Endpoint, rfc3339
from smtpsniff.text import safe, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["at", "clock", "elapsed", "known", "people", "times"]

WIDEST = 120  # characters of wire text in a sentence
NAMED = 3  # recipients in a sentence


def elapsed(nanoseconds: int) -> str:
    """``0.25 s``, ``42 s``, ``5 min 7 s``, ``3 h 12 min``, ``2 days 4 h``."""
    seconds = nanoseconds / 1e9
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    unit, size, smaller, part = next(row[1:] for row in _UNITS if seconds < row[0])
    whole, rest = divmod(int(seconds), size)
    return f"{whole} {unit}" + (f" {rest // part} {smaller}" if rest // part else "")


# Below so many seconds: unit, its seconds, the next smaller one, its seconds.
_UNITS = (
    (3600, "min", 60, "s", 1),
    (48 * 3600, "h", 3600, "min", 60),
    (float("inf"), "days", 86_400, "h", 3600),
)


def clock(time: int) -> str:
    """``22:58:45``, UTC."""
    return rfc3339(time, 0)[11:19]


def known(text: str) -> str:
    """Wire text without quotes, short and harmless."""
    return shorten(safe(text), WIDEST)


def people(addresses: Iterable[str]) -> str:
    """``<a@example>``, ``<a@example> and 2 more``."""
    names = list(addresses)
    shown = ", ".join(f"<{known(name)}>" for name in names[:NAMED])
    return shown + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def at(server: str, port: int) -> str:
    """``192.0.2.9:25`` or ``[2001:db8::9]:25``."""
    return str(Endpoint(server, port))


def times(number: int) -> str:
    """``once``, ``twice``, ``5 times``."""
    return {1: "once", 2: "twice"}.get(number, f"{number:,} times")
