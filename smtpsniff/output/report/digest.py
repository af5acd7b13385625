"""What the page says of all sessions together: counts, times, causes, the longest waits."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from smtpsniff.output.histogram import Histogram
from smtpsniff.output.row import FAILED
from smtpsniff.output.totals import ORDER, Count
from smtpsniff.output.units import count

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smtpsniff.output.report.entry import Entry, Wait

__all__ = ["Cause", "Digest", "Slow"]

CAUSES = 10
SLOWEST = 10


class Slow(NamedTuple):
    """A long wait and the session it was in."""

    wait: Wait
    number: int


class Cause(NamedTuple):
    """Why mails failed: the check, how many sessions it heads, some of them, what it means."""

    check: str
    sessions: int
    named: list[int]
    sentence: str


@dataclass(slots=True)
class Digest:
    """Adds entries up as they come."""

    outcomes: dict[str, Count] = field(default_factory=dict)
    histogram: Histogram = field(default_factory=Histogram)
    _causes: dict[str, Count] = field(default_factory=dict)
    _slow: list[tuple[float, int, Slow]] = field(default_factory=list)
    _waits: int = 0

    def add(self, entry: Entry) -> None:
        """One session more."""
        row = entry.row
        self.outcomes.setdefault(row.outcome, Count()).add(row.number)
        self.histogram.add(row.start, row.outcome)
        if entry.cause and row.outcome in FAILED:
            self._causes.setdefault(entry.cause, Count()).add(row.number)
        for wait in entry.waits:
            self._waits += 1
            item = (wait.seconds, self._waits, Slow(wait, row.number))
            if len(self._slow) < SLOWEST:
                heapq.heappush(self._slow, item)
            else:
                heapq.heappushpop(self._slow, item)

    def counted(self) -> list[tuple[str, int]]:
        """Outcomes and their sessions, the worst first."""
        return [(o, self.outcomes[o].sessions) for o in ORDER if o in self.outcomes]

    def causes(self, sentences: Mapping[str, str]) -> list[Cause]:
        """The most frequent causes of failure."""
        ranked = sorted(self._causes.items(), key=lambda pair: (-pair[1].sessions, pair[0]))
        return [
            Cause(check, counted.sessions, counted.named, sentences.get(check, ""))
            for check, counted in ranked[:CAUSES]
        ]

    def slowest(self) -> list[Slow]:
        """The longest waits, the longest first."""
        return [slow for _, _, slow in sorted(self._slow, reverse=True)]

    def sentence(self, sentences: Mapping[str, str]) -> str:
        """The whole in a few words."""
        failed = sum(n for outcome, n in self.counted() if outcome in FAILED)
        parts = ", ".join(f"{n:,} {outcome}" for outcome, n in self.counted())
        text = f"{count(sum(n for _, n in self.counted()), 'session')}: {parts or 'none'}."
        causes = self.causes(sentences)
        if failed and causes:
            first = causes[0]
            text += (
                f" The most frequent cause of failure is {first.check}, in "
                f"{count(first.sessions, 'session')}: {first.sentence}"
            )
        return text
