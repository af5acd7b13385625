"""Dates of mail headers, against the standard library's reading of them."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime, mktime_tz, parsedate_tz

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpsniff.mail.dates import is_near, read_date

NOON = 1_795_435_200  # 2026-11-23 12:00:00 UTC


@pytest.mark.parametrize(
    "text",
    [
        "Mon, 23 Nov 2026 10:00:00 +0000",
        "Mon,23 Nov 2026 10:00:00 -0830",
        "23 Nov 2026 10:00 GMT",
        "Mon, 3 Nov 2026 10:00:00 EST (comment)",
        " Monday, 23-Nov-26 10:00:00 PDT",
        "23 nov 99 10:00:00 +0100",
        "23 November 2026 10:00:00",
    ],
)
def test_as_the_standard_library(text: str) -> None:
    known = parsedate_tz(text.replace("November", "Nov"))
    assert known is not None
    known = known if known[9] is not None else (*known[:9], 0)
    assert read_date(text) == mktime_tz(known)


@pytest.mark.parametrize(
    "text", ["", "now", "31 Feb 2026 10:00:00", "1 Foo 2026 10:00", "23 Nov 2026", "²3 Nov 2026 10:00",
             "Mon, 23 Nov 2026 25:00:00 +0000", "1 Jan 0000 00:00"],
)  # fmt: skip
def test_no_date(text: str) -> None:
    assert read_date(text) is None


@given(st.text())
def test_any_text(text: str) -> None:
    read_date(text)
    is_near(text, NOON * 10**9)


@given(st.datetimes(datetime(2026, 11, 1), datetime(2026, 12, 15)))
def test_near_is_never_far(written: datetime) -> None:
    text = format_datetime(written.replace(tzinfo=UTC))
    assert read_date(text) == int(written.replace(tzinfo=UTC).timestamp())
    if is_near(text, NOON * 10**9):
        assert -86_400 <= NOON - int(written.replace(tzinfo=UTC).timestamp()) <= 7 * 86_400


def test_the_same_day_is_near() -> None:
    assert is_near("Mon, 23 Nov 2026 10:00:00 +0000", NOON * 10**9)
    assert is_near("Sun, 1 Nov 2026 10:00:00 +0000", (NOON - 22 * 86_400) * 10**9)
    assert is_near("Sun, 01 Nov 2026 10:00:00 +0000", (NOON - 22 * 86_400) * 10**9)
    assert not is_near("Mon, 23 Nov 2026 10:00:00 +0000", 10**60)
