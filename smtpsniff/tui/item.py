"""What is kept of a session on its way to the screen: its row, its longest wait, and all of it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smtpsniff.output.digest import Wait
from smtpsniff.output.packing import pack, unpack
from smtpsniff.output.row import Row, RowRenderer
from smtpsniff.text import safe, shorten

if TYPE_CHECKING:
    from smtpsniff.records import Entry, Session

__all__ = ["Item", "ItemRenderer"]

# Nobody waits for a connection to be closed.
AWAITED = frozenset(("greeting", "command", "reply", "auth", "data", "chunk", "end-of-data"))
LONGEST = 120  # of the words that a wait ended with


@dataclass(slots=True)
class Item:
    """One session. `packed` is its record, a quarter to a tenth of its size in memory."""

    row: Row
    wait: Wait | None
    packed: bytes

    def session(self) -> Session:
        """The whole record."""
        session = unpack(zlib.decompress(self.packed))
        session.number = self.row.number
        return session


class ItemRenderer:
    """Makes items where the sessions are."""

    def __init__(self) -> None:
        self._rows = RowRenderer()

    def render(self, session: Session) -> Item:
        """The item of a session whose number may not be known yet."""
        packed = zlib.compress(pack(session), 1)
        return Item(self._rows.render(session), _longest(session.timeline), packed)

    def number(self, item: Item, number: int) -> Item:
        """The item with its number, which its row has."""
        item.row.number = number
        return item


def _longest(timeline: list[Entry]) -> Wait | None:
    """What was waited for longest."""
    longest: Entry | None = None
    most = 0.0
    for entry in timeline:
        if entry.delay is not None and entry.delay > most and entry.kind in AWAITED:
            longest, most = entry, entry.delay
    if longest is None:
        return None
    said = shorten(safe(longest.text.partition("\n")[0]), LONGEST)
    text = f"{longest.code} {said}" if longest.code else said
    return Wait(most, longest.from_, text, str(longest.frame))
