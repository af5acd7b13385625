"""What stands in the page of a report, before any browser."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dialogue import sessions

import smtpsniff
from report.pages import entries_of, page_of, unpacked, words
from smtpsniff.output.account import account
from smtpsniff.output.histogram import MOST, SECOND, Histogram
from smtpsniff.output.report import page as page_module

if TYPE_CHECKING:
    import pytest

    from smtpsniff.records import Session

CAPTURES = Path(__file__).parents[2] / "captures"
HOSTILE = r"""
    @G ; C "EHLO <script>alert(1)</script>\r\n" ; S "250 \x1b[31m</script><img src=x>\r\n"
    @M ; C "RCPT TO:<\xe2\x80\xae{{7*7}}@mx.example>\r\n" ; S "550 5.1.1 <b>no</b>\r\n" ; @Q
"""


def _lessons() -> list[Session]:
    found = []
    for name in ("accepted", "refused-recipient", "typed-by-hand"):
        found += smtpsniff.read(CAPTURES / f"{name}.pcapng")
    return found


def test_the_page_holds_the_account_of_each_session() -> None:
    found = _lessons()
    rows, accounts = unpacked(page_of(entries_of(found)))
    assert [row[0] for row in rows] == [1, 2, 3]
    assert [row[1] for row in rows] == [session.verdict.outcome for session in found]
    for session in found:
        told = account(session, ["mail.pcap"], 6)
        held = accounts[session.number]
        assert held["verdict"] == told.verdict
        assert [line["text"] for line in held["lines"]] == [line.text for line in told.lines]
        assert [line["frame"] for line in held["lines"]] == [line.frame for line in told.lines]


def test_nothing_from_the_wire_is_markup() -> None:
    found = sessions(HOSTILE)
    page = page_of(entries_of(found), "<script>alert(2)</script>.pcap")
    assert "<script>alert(1)" not in page
    assert "<script>alert(2)" not in page
    assert "{{7*7}}" not in page
    assert "\x1b" not in page
    assert page.count("<script>") == 1
    _, accounts = unpacked(page)
    text = str(accounts)
    assert "<script>alert(1)</script>" in text  # there to be shown as it is
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_the_policy_names_the_only_script_and_style() -> None:
    page = page_of(entries_of(_lessons()))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    text = policy[1].replace("&#39;", "'")
    assert text.startswith("default-src 'none'; ")
    assert "unsafe" not in text
    for name in ("script", "style"):
        (inline,) = re.findall(rf"<{name}>(.*?)</{name}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in text
    assert not re.search(r'\sstyle="', page)
    assert not re.search(r"\son[a-z]+=", page)


def test_the_page_names_no_other_place() -> None:
    page = page_of(entries_of(_lessons()))
    outside = re.sub(r'<script type="text/plain".*?</script>', "", page, flags=re.DOTALL)
    assert re.findall(r"https?://[^\s\"']+", outside) == ["http://www.w3.org/2000/svg"]


def test_the_summary_counts_all_even_those_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    (entry,) = entries_of(smtpsniff.read(CAPTURES / "accepted.pcapng"))
    monkeypatch.setattr(page_module, "LISTED", 5)
    page = page_of(replace(entry, row=replace(entry.row, number=n)) for n in range(1, 9))
    assert "8 sessions: 8 delivered." in words(page)
    assert "the first 5 of 8 sessions" in words(page)
    assert len(unpacked(page)[0]) == 5


def test_causes_and_waits() -> None:
    page = words(page_of(entries_of(_lessons())))
    assert "rcpt-unknown-user" in page
    assert "The most frequent cause of failure is rcpt-unknown-user, in 1 session" in page
    assert "The longest waits" in page


def test_a_histogram_joins_bins_rather_than_grow() -> None:
    histogram = Histogram()
    for second in range(0, 10 * MOST * 60, 60):
        histogram.add(second * SECOND, "delivered")
    bins = histogram.bins(60)
    assert len(bins) <= 60
    assert sum((b.counts for b in bins), Counter())["delivered"] == 10 * MOST
    assert [b.start for b in bins] == sorted(b.start for b in bins)
    assert len({b.width for b in bins}) == 1


def test_a_histogram_of_one_second() -> None:
    histogram = Histogram()
    histogram.add(5 * SECOND, "rejected")
    (only,) = histogram.bins(60)
    assert (only.start, only.width, only.counts) == (5 * SECOND, 1, {"rejected": 1})
    assert Histogram().bins(60) == []
