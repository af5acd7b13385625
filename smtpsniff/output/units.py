"""Numbers for people."""

from __future__ import annotations

from smtpsniff.records import rfc3339

__all__ = ["clock", "count", "date", "moment", "span"]


def moment(nanoseconds: int, digits: int = 0) -> str:
    """``2026-11-23 22:58:45``, UTC."""
    return rfc3339(nanoseconds, digits).replace("T", " ").rstrip("Z")


def date(nanoseconds: int) -> str:
    """``2026-11-23``."""
    return moment(nanoseconds).partition(" ")[0]


def clock(nanoseconds: int) -> str:
    """``22:58:45``."""
    return moment(nanoseconds).partition(" ")[2]


def span(seconds: float) -> str:
    """A time that passed, two or three figures: ``46 µs``, ``17 ms``, ``1.2 s``, ``12 min``."""
    if seconds < 0.0009995:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 0.9995:
        return f"{seconds * 1e3:.{1 if seconds < 0.00995 else 0}f} ms"
    if seconds < 99.5:
        return f"{seconds:.{1 if seconds < 9.95 else 0}f} s"
    if seconds < 5999.5:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:,.0f} days"


def count(number: int, what: str) -> str:
    """``1 session``, ``2,000 sessions``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
