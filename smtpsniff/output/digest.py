"""What is told of all sessions together: counts, times, causes, the longest waits."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from smtpsniff.output.histogram import Histogram
from smtpsniff.output.row import FAILED
from smtpsniff.output.units import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from smtpsniff.output.row import Row

__all__ = ["ORDER", "Cause", "Count", "Digest", "Slow", "Wait"]

NAMED = 5  # sessions named for a finding
CAUSES = 10
SLOWEST = 10
# The worst first.
ORDER = (
    "unreachable", "refused", "rejected", "deferred", "ambiguous", "aborted", "partial",
    "unknown", "no-mail", "opaque", "delivered",
)  # fmt: skip


@dataclass(slots=True)
class Count:
    """How many sessions, and the first of them by number."""

    sessions: int = 0
    named: list[int] = field(default_factory=list)
    severity: str = "note"

    def add(self, number: int) -> None:
        self.sessions += 1
        if len(self.named) < NAMED or number < self.named[-1]:
            self.named = sorted([*self.named, number])[:NAMED]

    def where(self) -> str:
        """``sessions 1, 4, 7, …``"""
        more = ", …" if self.sessions > len(self.named) else ""
        return f"session{'' if self.sessions == 1 else 's'} {', '.join(map(str, self.named))}{more}"


class Wait(NamedTuple):
    """Somebody took his time: seconds, who, what he then said, in which frame."""

    seconds: float
    party: str
    text: str
    frame: str


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

    def add(self, row: Row, waits: Iterable[Wait] = ()) -> None:
        """One session more, with its longest waits."""
        self.outcomes.setdefault(row.outcome, Count()).add(row.number)
        self.histogram.add(row.start, row.outcome)
        if row.cause and row.outcome in FAILED:
            self._causes.setdefault(row.cause, Count()).add(row.number)
        for wait in waits:
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
