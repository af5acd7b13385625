"""What the page holds of one session: its row, its account, its longest waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from smtpsniff.output.account import account
from smtpsniff.output.digest import Wait
from smtpsniff.output.row import Row, RowRenderer
from smtpsniff.text import shorten

if TYPE_CHECKING:
    from smtpsniff.output.account import Account, Line
    from smtpsniff.records import Session

__all__ = ["Entry", "EntryRenderer"]

# What is longer is an attack, and would make the browser slow; the record has all of it.
LONGEST_LINE = 4000
MOST_LINES = 2000
# Nobody waits for a connection to be closed.
AWAITED = frozenset(("greeting", "command", "reply", "auth", "data", "chunk", "end-of-data"))
WAITS = 3  # the longest waits of a session that are candidates for those of the whole


@dataclass(slots=True)
class Entry:
    """One session. `data` is its account as JSON."""

    row: Row
    data: bytes
    waits: list[Wait]


class EntryRenderer:
    """Makes entries. `files` and `digits` are those of the run, set before it begins."""

    def __init__(self, files: list[str] | None = None, digits: int = 6) -> None:
        self.files = files or []
        self.digits = digits
        self._rows = RowRenderer()

    def render(self, session: Session) -> Entry:
        """The entry of a session whose number is not known yet."""
        told = account(session, self.files, self.digits)
        waits = [
            Wait(line.wait, line.party, shorten(line.text[0] if line.text else "", 120), line.frame)
            for line in told.lines
            if line.wait and line.kind in AWAITED
        ]
        waits.sort(key=lambda wait: wait.seconds, reverse=True)
        return Entry(
            self._rows.render(session), msgspec.json.encode(_bounded(told)), waits[:WAITS],
        )  # fmt: skip

    def number(self, entry: Entry, number: int) -> Entry:
        """The entry with its number, which its row has."""
        entry.row.number = number
        return entry


def _bounded(told: Account) -> Account:
    for line in told.lines:
        line.text = _cut(line)
    return told


def _cut(line: Line) -> list[str]:
    text = [shorten(part, LONGEST_LINE) for part in line.text[:MOST_LINES]]
    if len(line.text) > MOST_LINES:
        text.append(f"… {len(line.text) - MOST_LINES} more lines")
    return text
