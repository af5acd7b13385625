"""The list of sessions: its columns, and what stands in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from smtpsniff.output.labels import OUTCOMES
from smtpsniff.output.units import clock, moment
from smtpsniff.tui.style import fill

if TYPE_CHECKING:
    from smtpsniff.output.row import Row
    from smtpsniff.tui.style import Piece

__all__ = ["Columns", "Widths", "text_of"]

MARK = "●"  # of a session that was chosen with the space bar
LEAST_MAIL = 20
DAY = 86_400 * 1_000_000_000


class Widths(NamedTuple):
    """Columns that each part of a line takes, in order of `SORTS`."""

    number: int
    outcome: int
    time: int
    client: int
    server: int
    mail: int


class Columns:
    """Grows with what comes, so that columns stand still while one looks."""

    def __init__(self) -> None:
        self._number = 3
        self._client, self._server = len("client"), len("server")
        self._day: int | None = None
        self.dated = False  # sessions of several days: times with their date

    def see(self, row: Row) -> None:
        """Make room for a row."""
        self._number = max(self._number, len(str(row.number)))
        self._client = max(self._client, len(row.client))
        self._server = max(self._server, len(row.server))
        day = row.start // DAY
        self.dated |= self._day is not None and day != self._day
        self._day = day

    def widths(self, width: int) -> Widths:
        """Of a line so wide. Where it is narrow, addresses give way to the mail."""
        time = 14 if self.dated else 8
        room = max(width - 2 - self._number - 11 - time - 5, 12)
        ends = max(room - LEAST_MAIL, 12)
        client, server = self._client, self._server
        if client + server > ends:
            client = min(client, max(ends - server, ends * 2 // 5))
            server = min(server, ends - client)
        return Widths(self._number, 11, time, client, server, max(room - client - server, 0))

    def head(self, width: int, sort: str, backwards: bool) -> list[tuple[str, str, int]]:
        """Name of the column, its words, and its width with the blank behind it."""
        arrow = "↓" if backwards else "↑"
        parts = []
        for name, wide in zip(Widths._fields, self.widths(width), strict=True):
            word = "#" if name == "number" else name
            word = word + arrow if name == sort else word
            parts.append((name, fill(word, wide, right=name == "number"), wide + 1))
        return parts

    def line(self, row: Row, marked: bool, width: int) -> list[Piece]:
        """One session."""
        wide = self.widths(width)
        when = moment(row.start)[5:] if self.dated else clock(row.start)
        return [
            (MARK + " " if marked else "  ", "head"),
            (fill(str(row.number), wide.number, right=True) + " ", ""),
            (fill(row.outcome, wide.outcome) + " ", OUTCOMES[row.outcome].style),
            (fill(when, wide.time) + " ", "dim"),
            (fill(row.client, wide.client) + " ", "client"),
            (fill(row.server, wide.server) + " ", "server"),
            (fill(row.mail, wide.mail), ""),
        ]


def text_of(row: Row) -> str:
    """What a search looks at, in small letters."""
    found = " ".join(f"{s.check} {s.text}" for s in row.spotted)
    return (
        f"{row.number} {row.outcome} {moment(row.start)} {row.client} {row.server} {row.mail} "
        f"{row.verdict} {found}"
    ).lower()
