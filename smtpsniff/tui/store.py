"""The sessions that have come, in bounded memory. The reader's thread adds, the screen's reads."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smtpsniff.tui.item import Item

__all__ = ["Store"]

# A live capture may go on for weeks: then the oldest sessions leave. About 400 MB with their rows.
MOST = 200_000
MOST_OCTETS = 1 << 28


class Store:
    """Items by a key that counts up as they come."""

    def __init__(self, most: int = MOST, octets: int = MOST_OCTETS) -> None:
        self._items: dict[int, Item] = {}
        self._lock = Lock()
        self._most = most
        self._most_octets = octets
        self._octets = 0
        self.next = 0  # key of the next one
        self.first = 0  # key of the oldest that is still there

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, key: int) -> Item:
        return self._items[key]

    def get(self, key: int) -> Item | None:
        """The item, unless it has left."""
        return self._items.get(key)

    def add(self, item: Item) -> None:
        """Keep one more; the oldest leave for it where there are too many."""
        with self._lock:
            self._items[self.next] = item
            self._octets += len(item.packed)
            self.next += 1
            # The newest stays, however large it is.
            while len(self._items) > 1 and (
                len(self._items) > self._most or self._octets > self._most_octets
            ):
                self._octets -= len(self._items.pop(self.first).packed)
                self.first += 1
