"""The way from sessions to stories: in order, joined, told when they are over."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from smtpsniff.checks.choice import EVERYTHING
from smtpsniff.stories.mails import Mails
from smtpsniff.stories.memory import Memory
from smtpsniff.stories.patterns import Patterns
from smtpsniff.stories.telling import Teller

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from smtpsniff.checks.choice import Choice
    from smtpsniff.checks.registry import Check
    from smtpsniff.records import Story
    from smtpsniff.stories.facts import Facts
    from smtpsniff.stories.mails import Mail

__all__ = ["Chronicle"]

# Sessions that wait for one that began before them. A long one would hold up all; then the
# order is given up for it alone.
MAX_WAITING = 8192
# Sessions after which what is over is told and what is old forgotten.
HOUSEKEEPING = 64
# A client with more sessions in a minute has many mails under way: nobody can tell which of them
# a connection that failed was for.
BUSY = 5
# Clients whose last connection failed.
MAX_FAILED = 10_000
HOUR = 3600 * 1_000_000_000
LIMIT_MAILS = "stories-remembered"
LIMIT_ATTEMPTS = "story-attempts"
LIMIT_CALLERS = "clients-remembered"


class Chronicle:
    """Takes the facts of numbered sessions in any order; gives stories.

    `every`: mails with a single attempt are told, too. Memory is bounded, whatever comes:
    `limits` names the bounds that were hit.
    """

    def __init__(
        self, checks: Iterable[Check], choice: Choice = EVERYTHING, *, every: bool = False
    ) -> None:
        self._waiting: list[tuple[int, int, Facts | None]] = []
        self._next = 1
        self._every = every
        self._teller = Teller(choice)
        self._mails = Mails()
        self._patterns = Patterns((c for c in checks if "mail" not in c.wakes), choice)
        self._failed: Memory[str, list[Facts]] = Memory(MAX_FAILED, HOUR)
        self._told: list[Story] = []
        self.singles: dict[str, int] = {}  # mails with one attempt and nothing to tell, by outcome
        self._time = 0

    @property
    def limits(self) -> set[str]:
        """Bounds that were hit."""
        bounds = (
            (LIMIT_MAILS, self._mails.full),
            (LIMIT_ATTEMPTS, self._mails.crowded),
            (LIMIT_CALLERS, self._patterns.full),
        )
        return {name for name, hit in bounds if hit}

    def add(self, number: int, facts: Facts | None) -> None:
        """One more session; without facts, one that nobody asked for, but that has a number."""
        waiting = self._waiting
        if number != self._next or waiting:
            heapq.heappush(waiting, (number, id(facts), facts))
            if waiting[0][0] > self._next and len(waiting) <= MAX_WAITING:
                return
            number, _, facts = heapq.heappop(waiting)
        while True:
            self._next = max(self._next, number + 1)
            if facts is not None:
                facts.number = number
                self._take(facts)
            if not waiting or (waiting[0][0] > self._next and len(waiting) <= MAX_WAITING):
                return
            number, _, facts = heapq.heappop(waiting)

    def _take(self, facts: Facts) -> None:
        """The next session in order."""
        self._time = max(self._time, facts.start)
        failed = self._failures(facts)
        for attempt in facts.tries:
            if not attempt.recipients:
                continue
            attempt.session = facts.number
            mail = self._mails.add(attempt)
            if failed and mail.attempts[0] is attempt:
                mail.failed = failed
        self._patterns.add(facts)
        if facts.number % HOUSEKEEPING == 0:
            self._failed.turn(self._time)
            self._tell(self._mails.forgotten(self._time))
            for pattern in self._patterns.over(self._time):
                self._told.append(self._teller.pattern(pattern))

    def _failures(self, facts: Facts) -> list[tuple[Facts, int]]:
        """Connections of this client that failed right before, each with the pause behind it."""
        before = self._failed.get(facts.client)
        if before is None and not facts.failed:
            return []
        if before is not None:
            self._failed.pop(facts.client)
            if before[-1].end > facts.start or before[-1].port != facts.port:
                before = None
        if facts.failed:
            self._failed[facts.client] = [*(before or ())[-2:], facts]
            return []
        if before is None or self._patterns.busy(facts.client) > BUSY:
            return []
        starts = [f.start for f in before[1:]] + [facts.start]
        return [
            (f, start - f.end)
            for f, start in zip(before, starts, strict=True)
            if f.server != facts.server
        ]

    def _tell(self, mails: Iterable[Mail]) -> None:
        for mail in mails:
            story = self._story(mail)
            if story is not None:
                self._told.append(story)

    def _story(self, mail: Mail) -> Story | None:
        """A mail's story, if it has one."""
        if len(mail.attempts) == 1 and not mail.failed and not self._every:
            outcome = mail.attempts[0].outcome
            self.singles[outcome] = self.singles.get(outcome, 0) + 1
            return None
        story = self._teller.mail(mail)
        if story.kind == "single" and not self._every:
            self.singles[story.outcome or ""] = self.singles.get(story.outcome or "", 0) + 1
            return None
        return story

    def told(self) -> Iterator[Story]:
        """Stories that are over and were not given yet."""
        told, self._told = self._told, []
        yield from told

    def finish(self) -> Iterator[Story]:
        """All that is left: the capture is over."""
        while self._waiting:
            number, _, facts = heapq.heappop(self._waiting)
            if facts is not None:
                facts.number = number
                self._take(facts)
        self._tell(self._mails.drain())
        for pattern in self._patterns.drain():
            self._told.append(self._teller.pattern(pattern))
        yield from self.told()
