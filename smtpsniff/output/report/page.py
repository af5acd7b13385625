"""Writes the page: what all sessions come to as HTML, the sessions themselves as blocks.

A block is the accounts of some sessions, a line of JSON each, compressed, in base64; the index is
one more. The page unpacks a block when somebody opens a session of it, so that ten thousand
sessions cost little until they are looked at.
"""

from __future__ import annotations

import base64
import os
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from smtpsniff.output.digest import Digest
from smtpsniff.output.histogram import period
from smtpsniff.output.labels import OUTCOMES
from smtpsniff.output.report.parts import part, policy, template
from smtpsniff.output.units import clock, count, moment, span
from smtpsniff.text import safe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smtpsniff.output.histogram import Bin
    from smtpsniff.output.report.entry import Entry
    from smtpsniff.records import Run

__all__ = ["Page"]

BLOCK = 200  # sessions of a block: enough to compress well, few enough to unpack at once
# Sessions listed. More make a page that no browser opens gladly; their counts are of all.
LISTED = 50_000
NAMED = 3  # files in the title
BINS = 60  # columns of the chart
CHART = (600, 120)  # its size, in units of its own


class Page:
    """Takes entries in any order, as they come; `html` is the page."""

    def __init__(self) -> None:
        self.digest = Digest()
        self._rows: list[list[Any]] = []
        self._blocks: list[str] = []
        self._pending: list[bytes] = []

    def add(self, entry: Entry) -> None:
        """One session more."""
        self.digest.add(entry.row, entry.waits)
        if len(self._rows) >= LISTED:
            return
        self._rows.append(_row(entry, len(self._blocks), len(self._pending)))
        self._pending.append(entry.data)
        if len(self._pending) == BLOCK:
            self._pack()

    def _pack(self) -> None:
        if self._pending:
            self._blocks.append(_packed(b"\n".join(self._pending)))
            self._pending = []

    def html(self, run: Run, command: str, sentences: Mapping[str, str]) -> str:
        """The whole page. `command` is the command line, `sentences` those of the checks."""
        self._pack()
        self._rows.sort(key=lambda row: row[0])
        style, script = part("page.css"), part("page.js")
        digest = self.digest
        bins = digest.histogram.bins(BINS)
        return template("page.html").render(
            style=style, script=script, policy=policy(style, script),
            title=_title(run), run=run, command=safe(command),
            paths=[safe(file.path) for file in run.files],
            sentence=digest.sentence(sentences), counted=digest.counted(), outcomes=OUTCOMES,
            chart=_chart(bins), chart_size=CHART, bins=bins, period=period(bins),
            causes=digest.causes(sentences), slowest=digest.slowest(), span=span, count=count,
            moment=moment, listed=len(self._rows), blocks=self._blocks,
            index=_packed(msgspec.json.encode(self._rows)), safe=safe,
        )  # fmt: skip


def _title(run: Run) -> str:
    """The files' names, a few of them."""
    names = [safe(os.path.basename(file.path) or file.path) for file in run.files]
    more = f" and {count(len(names) - NAMED, 'more file')}" if len(names) > NAMED else ""
    return f"Mail in {', '.join(names[:NAMED])}{more}"


def _row(entry: Entry, block: int, line: int) -> list[Any]:
    row = entry.row
    checks = list(dict.fromkeys(f"{s.severity} {s.check}" for s in row.spotted))
    return [
        row.number, row.outcome, moment(row.start), row.start // 1_000_000, span(row.duration),
        row.duration, row.client, row.server, row.mail, row.verdict, checks, row.cause,
        block, line,
    ]  # fmt: skip


def _packed(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, 6)).decode()


# -- the chart -----------------------------------------------------------------------------


class Bar(NamedTuple):
    """A piece of a column: its outcome, where it stands, what it says."""

    outcome: str
    x: float
    y: float
    width: float
    height: float
    title: str


def _chart(bins: list[Bin]) -> list[Bar]:
    """Sessions over time, one column a bin, the worst outcomes at the bottom."""
    most = max((sum(b.counts.values()) for b in bins), default=0)
    if not most:
        return []
    across, high = CHART
    width = across / len(bins)
    bars = []
    for index, one in enumerate(bins):
        y = float(high)
        for outcome in OUTCOMES_BY_RANK:
            number = one.counts.get(outcome, 0)
            if not number:
                continue
            height = number / most * high
            y -= height
            title = f"{clock(one.start)}: {number:,} {outcome}"
            bars.append(Bar(outcome, index * width, y, max(width - 1, 0.5), height, title))
    return bars


OUTCOMES_BY_RANK = tuple(sorted(OUTCOMES, key=lambda o: ("error", "warning", "note", "good").index(
    OUTCOMES[o].style)))  # fmt: skip
