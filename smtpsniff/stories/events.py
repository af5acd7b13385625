"""What one client, or one server, has done lately: the matter of patterns over sessions."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smtpsniff.records import Confidence, Severity
    from smtpsniff.stories.facts import Event, Facts

__all__ = ["Caller", "Happening", "Sighting"]

# Events of a kind that are looked at; thresholds beyond it cannot be reached.
KEPT = 1000
# Things that a client or server did already, and that are not looked at again.
MAX_MET = 5000
SECOND = 1_000_000_000
MINUTE = 60 * SECOND


class Happening(NamedTuple):
    """One event, and the session it was in."""

    time: int
    session: int
    frame: int
    file: int | None
    client: str
    server: str
    port: int
    what: str
    detail: str


class Sighting(Struct):
    """A pattern that was seen: by what it shows, between whom, in which sessions.

    `of` tells apart several patterns of one check and caller; `counts` is the kind of event that
    only makes it longer.
    """

    text: str
    seen: list[Happening]
    counts: str = ""
    of: str = ""
    severity: Severity | None = None
    confidence: Confidence = "certain"


class Caller:
    """One client, or one server where many clients matter: its notable events, by kind."""

    __slots__ = ("_events", "accepted", "calls", "met", "name", "refused")

    def __init__(self, name: str) -> None:
        self.name = name
        self._events: dict[str, deque[Happening]] | None = None
        # Every session of the last minute: start, recipients accepted, number, frame.
        self.calls: list[tuple[int, int, int, int]] = []
        self.accepted = self.refused = 0
        self.met: dict[object, int] | None = None  # what came before, and how often

    def first_times(self, key: object, most: int) -> bool:
        """Whether this came no more than so often. Bounded: what is forgotten is new again."""
        if self.met is None:
            self.met = {}
        count = self.met.get(key, 0)
        if count >= most:
            return False
        if len(self.met) >= MAX_MET:
            self.met.clear()
        self.met[key] = count + 1
        return True

    def happened(self, event: Event, facts: Facts) -> None:
        """One more event."""
        if self._events is None:
            self._events = {}
        events = self._events.get(event.kind)
        if events is None:
            self._events[event.kind] = events = deque(maxlen=KEPT)
        events.append(
            Happening(
                facts.start, facts.number, event.frame, facts.file, facts.client, facts.server,
                facts.port, event.what, event.detail,
            )
        )  # fmt: skip

    def called(self, facts: Facts) -> int:
        """One more session, of whatever kind; how many there were in the last minute."""
        calls = self.calls
        start = facts.start
        self.accepted += facts.accepted
        self.refused += facts.refused
        calls.append((start, facts.accepted, facts.number, facts.frame))
        if start - calls[0][0] > MINUTE or len(calls) > KEPT:
            calls[:] = [call for call in calls[-KEPT:] if start - call[0] <= MINUTE]
        return len(calls)

    def recent(self, kind: str, seconds: float, server: str | None = None) -> list[Happening]:
        """Events of a kind within so many seconds of the last one of them."""
        events = self._events.get(kind) if self._events else None
        if not events:
            return []
        oldest = events[-1].time - seconds * SECOND
        return [e for e in events if e.time >= oldest and server in (None, e.server)]

    def last(self, kind: str) -> Happening | None:
        """The last event of a kind."""
        events = self._events.get(kind) if self._events else None
        return events[-1] if events else None


def names(events: Iterable[Happening]) -> list[str]:
    """What the events were about, each once, in order."""
    return list(dict.fromkeys(event.what for event in events))
