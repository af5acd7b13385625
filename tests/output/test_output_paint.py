"""Width and colour."""

from __future__ import annotations

import io

import pytest

from smtpsniff.output.paint import Paint, cells, fit, pad, wrap
from smtpsniff.output.units import count, moment, span


def test_cells_counts_columns() -> None:
    assert cells("abc") == 3
    assert cells("日本") == 4
    assert cells("e\u0301") == 1
    assert pad("日", 4) == "日  "
    assert fit("日本語", 4) == "日…"
    assert fit("abcd", 4) == "abcd"


@pytest.mark.parametrize("width", [8, 20, 79])
@pytest.mark.parametrize(
    "text", ["", "a b c", "x" * 100, "日本語 " * 30, "one " + "y" * 50 + " two"]
)
def test_wrap_keeps_to_the_width_and_loses_nothing(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert lines or not text
    assert all(cells(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_wrap_leaves_a_pipe_alone() -> None:
    assert wrap("x " * 500, None) == ["x " * 500]


def test_colour_is_around_the_text_and_only_if_wanted() -> None:
    assert Paint(80)("rejected", "error") == "rejected"
    coloured = Paint.coloured(io.StringIO(), 80)
    assert coloured("", "error") == ""
    assert coloured("x", "no such meaning") == "x"
    painted = coloured("rejected", "error")
    assert painted.startswith("\x1b[")
    assert painted.endswith("rejected\x1b[0m")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 µs"), (46e-6, "46 µs"), (0.0044, "4.4 ms"), (0.017, "17 ms"), (0.9999, "1.0 s"),
     (2.81, "2.8 s"), (28.7, "29 s"), (300, "5 min"), (7200, "2 h"), (864_000, "10 days")],
)  # fmt: skip
def test_spans(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_numbers() -> None:
    assert count(1, "session") == "1 session"
    assert count(2000, "session") == "2,000 sessions"
    assert moment(1_795_474_725_849_814_000, 6) == "2026-11-23 22:58:45.849814"
    assert moment(1_795_474_725_849_814_000) == "2026-11-23 22:58:45"
