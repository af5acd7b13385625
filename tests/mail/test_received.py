"""The way a message says it came."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from smtpsniff.mail.received import MAX_HOPS, hops

GOOGLE = (
    "by 2002:a05:6a10:1a4:b0:2a6 with SMTP id bk4csp1;        Mon, 23 Nov 2026 02:00:01 -0800 (PST)"
)
POSTFIX = (
    "from mail.example.net (mail.example.net [IPv6:2001:db8::1])\n\t(using TLSv1.3 (with a comment))"
    " by mx.example.com (Postfix) with ESMTPS id 4F2; Mon, 23 Nov 2026 10:00:00 +0000 (UTC)"
)


def test_two_hops_oldest_first() -> None:
    first, second = hops([("Received", GOOGLE), ("Subject", "x"), ("received", POSTFIX)])
    assert (first.from_, first.ip, first.by) == (
        "mail.example.net",
        "2001:db8::1",
        "mx.example.com",
    )
    assert (first.with_, first.id, first.date) == ("ESMTPS", "4F2", "2026-11-23T10:00:00Z")
    assert (second.from_, second.by, second.delay) == (None, "2002:a05:6a10:1a4:b0:2a6", 1.0)


def test_clocks_that_differ() -> None:
    later = POSTFIX.replace("10:00:00", "10:00:09")
    _, hop = hops([("Received", POSTFIX), ("Received", later)])
    assert hop.delay == -9.0


def test_what_is_no_date_gives_no_delay() -> None:
    found = hops([("Received", "from a by b; yesterday"), ("Received", POSTFIX)])
    assert [(hop.date, hop.delay) for hop in found] == [
        ("2026-11-23T10:00:00Z", None),
        (None, None),
    ]


def test_many_and_long_ones_are_bounded() -> None:
    began = time.perf_counter()
    for text in ("(" * 100_000, "from " * 100_000, "()" * 50_000, "[" * 100_000, "a;" * 50_000):
        assert len(hops([("Received", text)] * 1000)) == MAX_HOPS
    assert time.perf_counter() - began < 20


@given(st.text(max_size=300))
def test_nothing_raises(text: str) -> None:
    hops([("Received", text), ("Received", f"from {text} by x; {text}")])
