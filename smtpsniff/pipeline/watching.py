"""Sessions looked at while they run: how they stand, and what is new in them.

Each is read a second time for this. Its record must not depend on who watched, and so is made, as
that of a session in a file, when all of it is there.
"""

from __future__ import annotations

import heapq
import logging
from typing import TYPE_CHECKING

from smtpsniff.smtp.dialogue import Dialogue
from smtpsniff.smtp.glimpse import Glimpse, News, Watch, glimpse
from smtpsniff.smtp.recognise import client_of

if TYPE_CHECKING:
    from smtpsniff.pipeline.recognition import Recognition
    from smtpsniff.tcp import Connection

__all__ = ["Watching"]

_log = logging.getLogger("smtpsniff")


class Watching:
    """Watches the sessions that `known` knows of."""

    def __init__(self, known: Recognition) -> None:
        self._known = known
        self._watched: dict[int, tuple[Dialogue, Watch]] = {}

    def news(self) -> list[News]:
        """What the last window brought, in order of time."""
        news: list[News] = []
        for connection in self._known.table.touched:
            known = self._known.sessions.get(id(connection))
            if known is not None:
                news += self._news(*known)
        news.sort(key=lambda one: (one.entry.time, one.entry.frame))
        return news

    def _news(self, connection: Connection, reader: Dialogue | None) -> list[News]:
        """Of one session; `reader` is its record's dialogue, where that has begun to read."""
        watched = self._watched.get(id(connection))
        if watched is None:
            dialogue = Dialogue(connection, client_of(connection, self._known.ports))
            watched = self._watched[id(connection)] = (dialogue, Watch())
        dialogue, watch = watched
        if reader is not None:  # what it read is gone, and it knows the rest
            return watch.news(reader)
        try:
            dialogue.advance()
        except Exception:  # a fault of ours: met again, and told, when the session ends
            _log.debug("frame %d", connection.first_frame, exc_info=True)
        return watch.news(dialogue)

    def forget(self, ended: list[Connection]) -> None:
        """These are over."""
        for connection in ended:
            watched = self._watched.pop(id(connection), None)
            if watched is not None:
                watched[0].close()

    def glimpses(self, most: int) -> list[Glimpse]:
        """How at most so many stand, those that something happened in last; the oldest first."""
        sessions = self._known.sessions.values()
        known = heapq.nlargest(most, sessions, key=lambda session: session[0].end)
        known.sort(key=lambda session: session[0].first_frame)
        found = []
        for connection, reader in known:
            watched = self._watched.get(id(connection))
            dialogue = reader or (watched[0] if watched is not None else None)
            found.append(glimpse(connection, dialogue, client_of(connection, self._known.ports)))
        return found
