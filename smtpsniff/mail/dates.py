"""Dates of mail headers (RFC 5322 §3.3, §4.3), read without raising and without a clock."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

__all__ = ["is_near", "read_date"]

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = {name.lower(): number for number, name in enumerate(_MONTHS, 1)}
# [day-of-week ,] day month year hour:minute[:second] zone; old years have two digits or three.
_DATE = re.compile(
    r"\s*(?:[A-Za-z]+\s*,\s*)?(\d{1,2})[\s-]+([A-Za-z]{3})[a-z]*[\s-]+(\d{2,4})\s+"
    r"(\d{1,2})\s*:\s*(\d{2})(?:\s*:\s*(\d{2}))?(?:\s+([+-]\d{4}|[A-Za-z]{1,5}))?"
)
# Zones by name (§4.3); any other name says nothing, and -0000 is what it counts as.
_ZONES = {"EDT": -4, "EST": -5, "CDT": -5, "CST": -6, "MDT": -6, "MST": -7, "PDT": -7, "PST": -8}
# Days around that of the capture that need no closer look, whatever the zone.
_NEAR = range(-1, 1)
_DAY = 86_400


def is_near(text: str, time: int) -> bool:
    """Whether a date is surely of the days before `time` (nanoseconds since 1970); cheap."""
    words = text.split(None, 4)
    return (" ".join(words[1:4]) if len(words) > 4 else "") in _days_before(time // 10**9 // _DAY)


@lru_cache(64)
def _days_before(day: int) -> frozenset[str]:
    """The days up to day number `day`, as headers write them."""
    days = (_of_day(day + k) for k in _NEAR)
    spelled = ((d, f"{_MONTHS[d.month - 1]} {d.year}") for d in days if d is not None)
    return frozenset(f"{d.day:{form}} {rest}" for d, rest in spelled for form in ("", "02"))


def _of_day(day: int) -> date | None:
    try:
        return date(1970, 1, 1) + timedelta(days=day)
    except OverflowError:
        return None


def read_date(text: str) -> int | None:
    """Seconds since 1970 of a Date field; None if it is none."""
    match = _DATE.match(text)
    if match is None or not text.isascii():
        return None
    day, name, year, hour, minute, second, zone = match.groups()
    month = _MONTH.get(name.lower())
    if month is None:
        return None
    number = int(year)
    if len(year) < 4:  # §4.3: of two digits up to 49 in this century, else in the last
        number += 2000 if len(year) == 2 and number < 50 else 1900
    try:  # a leap second counts as the one before
        at = datetime(number, month, int(day), int(hour), int(minute), min(int(second or 0), 59),
                      tzinfo=UTC)  # fmt: skip
    except ValueError:
        return None
    return int(at.timestamp()) - _offset(zone or "")


def _offset(zone: str) -> int:
    """Seconds east of UTC."""
    if zone[:1] in ("+", "-"):
        size = int(zone[1:3]) * 3600 + int(zone[3:5]) * 60
        return -size if zone[0] == "-" else size
    return _ZONES.get(zone.upper(), 0) * 3600
