"""Which sessions are shown, and in which order."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from smtpsniff.output.digest import ORDER

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtpsniff.output.row import Row
    from smtpsniff.select import Where
    from smtpsniff.tui.store import Store

__all__ = ["SORTS", "View"]

BUDGET = 0.02  # seconds that choosing may take before the keys are looked at again
SORT_EVERY = 0.5  # seconds between two sortings while sessions still come

# Columns of the list, in its order; the number decides between equals.
SORTS: dict[str, Callable[[Row], Any]] = {
    "number": lambda row: row.number,
    "outcome": lambda row: (ORDER.index(row.outcome), row.number),
    "time": lambda row: (row.start, row.number),
    "client": lambda row: (row.client, row.number),
    "server": lambda row: (row.server, row.number),
    "mail": lambda row: (row.mail.lower(), row.number),
}


class View:
    """`keys` of the store that are shown; `advance` takes in what has come since."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.keys: list[int] = []
        self.sort = "number"
        self.backwards = False
        self.where: Where | None = None
        self._looked = 0  # keys below this one have been judged
        self._sorted = True
        self._when = 0.0

    @property
    def pending(self) -> bool:
        """Whether there are sessions that were not judged yet."""
        return self._looked < self._store.next

    @property
    def stale(self) -> bool:
        """Whether what came last was not put in order yet."""
        return not self._sorted

    def choose(self, where: Where | None) -> None:
        """Show only those that fulfil it; all if None."""
        self.where = where
        self.keys = []
        self._looked = self._store.first

    def order(self, sort: str, backwards: bool) -> None:
        """Sort by a column of `SORTS`."""
        self.sort, self.backwards = sort, backwards
        self._arrange()

    def advance(self, budget: float = BUDGET) -> bool:
        """Judge what has come, for a while; whether anything has changed."""
        store = self._store
        self._looked = max(self._looked, store.first)
        found: list[int] = []
        end = time.monotonic() + budget
        while self._looked < store.next and time.monotonic() < end:
            key = self._looked
            self._looked += 1
            item = store.get(key)
            if item is not None and (self.where is None or self.where(item.session())):
                found.append(key)
        left = self._leave()
        if found:
            self._sorted = False
            self.keys += found
        changed = bool(found) or left
        if not self._sorted and (not self.pending or time.monotonic() > self._when):
            self._arrange()
            changed = True
        return changed

    def _leave(self) -> bool:
        """Let go of what the store has let go of."""
        first = self._store.first
        if not first or not self.keys or min(self.keys) >= first:
            return False
        self.keys = [key for key in self.keys if key >= first]
        return True

    def _arrange(self) -> None:
        get, key_of = self._store.get, SORTS[self.sort]
        rows = [(key, item.row) for key in self.keys if (item := get(key)) is not None]
        rows.sort(key=lambda pair: key_of(pair[1]), reverse=self.backwards)
        self.keys = [key for key, _ in rows]
        self._sorted = True
        self._when = time.monotonic() + SORT_EVERY
