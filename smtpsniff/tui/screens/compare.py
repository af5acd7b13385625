"""Two sessions side by side, what differs marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.worker import get_current_worker

from smtpsniff.output.account import account
from smtpsniff.output.clock import FORMS, clock_of
from smtpsniff.output.labels import OUTCOMES
from smtpsniff.output.paint import cells, fit
from smtpsniff.output.timeline import GLYPHS, LONGEST_LINE, MOST_LINES
from smtpsniff.output.units import count
from smtpsniff.text import shorten
from smtpsniff.tui.align import MOST, Pair, align, differs
from smtpsniff.tui.keys import bindings
from smtpsniff.tui.lines import Lines
from smtpsniff.tui.screens.base import Base
from smtpsniff.tui.screens.parts import Bar, Plain
from smtpsniff.tui.screens.raw import Raw, heading, text
from smtpsniff.tui.style import fill

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from smtpsniff.output.account import Account, Line
    from smtpsniff.tui.style import Piece

__all__ = ["CompareScreen"]

CHANGED = "reverse"  # what differs within two lines


class _Row(NamedTuple):
    """A row of the screen: a part of the text of a pair."""

    pair: int
    part: int


class CompareScreen(Base):
    """Keys of the store."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("compare")
    CSS = """
    #heads { border-bottom: solid ansi_bright_black; }
    """

    def __init__(self, left: int, right: int) -> None:
        super().__init__()
        self._keys = left, right
        self._told: tuple[Account, ...] = ()
        self._times: tuple[list[str], ...] = ()
        self._pairs: list[Pair] = []
        self._rows: list[_Row] = []

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield Plain(id="heads")
        self.lines = Lines(self._draw, id="pairs")
        yield self.lines
        yield Raw()
        yield Bar("compare")

    def on_mount(self) -> None:
        """Compare, in a thread."""
        self.query_one("#heads", Plain).show(("a moment ...", "dim"))
        self.run_worker(self._compare, thread=True, exclusive=True)

    def _compare(self) -> None:
        source = self.sniffer.source
        items = [item for key in self._keys if (item := self.sniffer.store.get(key)) is not None]
        told = tuple(account(i.session(), source.files, source.digits) for i in items)
        pairs = align(told[0].lines, told[1].lines) if len(told) == 2 else []
        if not get_current_worker().is_cancelled:
            self.app.call_from_thread(self._have, told, pairs)

    def _have(self, told: tuple[Account, ...], pairs: list[Pair]) -> None:
        if len(told) < 2:
            self.query_one("#heads", Plain).show(("One of them was let go of.", "warning"))
            return
        self._told, self._pairs = told, pairs
        self._times = tuple(clock_of(one, self.sniffer.form) for one in told)
        self._rows = [
            _Row(at, part) for at, pair in enumerate(pairs) for part in range(self._height(pair))
        ]
        self._head()
        self.lines.reset(len(self._rows), 0)

    def _sides(self, pair: Pair) -> tuple[Line | None, Line | None]:
        left, right = self._told
        return (
            left.lines[pair.left] if pair.left is not None else None,
            right.lines[pair.right] if pair.right is not None else None,
        )

    def _height(self, pair: Pair) -> int:
        most = max(len(line.text) for line in self._sides(pair) if line is not None)
        return max(min(most, MOST_LINES), 1)

    def _head(self) -> None:
        """Which sessions, and how many lines differ."""
        different = sum(not pair.same for pair in self._pairs)
        told = f"{count(different, 'difference')} in {count(len(self._pairs), 'line')}"
        if any(len(one.lines) > MOST for one in self._told):
            told += f" (the first {MOST:,} of each session)"
        half = self._half(self.size.width)
        pieces: list[Piece] = []
        for one in self._told:
            start = f"session {one.number}: "
            outcome = fill(one.outcome, half - len(start))
            pieces += [(start, "head"), (outcome, OUTCOMES[one.outcome].style), ("   ", "")]
        pieces[-1] = ("\n", "")
        for one in self._told:
            pieces += [(fill(f"{one.client} → {one.server}", half), "dim"), ("   ", "")]
        pieces[-1] = (f"\n{told}", "head" if different else "good")
        self.query_one("#heads", Plain).show(*pieces)

    def on_resize(self) -> None:
        """Heads by the new width."""
        if self._told:
            self._head()

    @staticmethod
    def _half(width: int) -> int:
        return max((width - 3) // 2, 10)

    def _draw(self, index: int, width: int) -> list[Piece]:
        row = self._rows[index]
        pair = self._pairs[row.pair]
        half = self._half(width)
        left, right = self._sides(pair)
        middle = " " if pair.same else "≠" if left and right else "<" if left else ">"
        one, other = _part(left, row.part), _part(right, row.part)
        both = left is not None and right is not None
        return [
            *self._side(0, pair.left, row.part, one, other if both else one, half),
            (f" {middle} ", "" if pair.same else "warning"),
            *self._side(1, pair.right, row.part, other, one if both else other, half),
        ]

    def _side(
        self, side: int, at: int | None, part: int, mine: str, yours: str, width: int
    ) -> list[Piece]:
        """Half a line: time, who, and the words, with what the other side says otherwise."""
        if at is None:
            return [(" " * width, "")]
        line = self._told[side].lines[at]
        time = self._times[side][at]
        start = f"{time} {GLYPHS[line.party]} " if not part else " " * (len(time) + 4)
        meaning = line.tone or line.party
        room = width - len(start)
        shown = fit(mine, room)
        begin, end, _ = differs(mine, yours)
        end = min(end, len(shown))
        begin = min(begin, end)
        pieces = [(start, "dim"), (shown[:begin], meaning), (shown[begin:end], CHANGED),
                  (shown[end:], meaning)]  # fmt: skip
        return [*pieces, (" " * (room - cells(shown)), "")]

    def text_at(self, index: int) -> str:
        """Both texts."""
        row = self._rows[index]
        return " ".join(
            _part(line, row.part) for line in self._sides(self._pairs[row.pair])
        ).lower()

    def on_lines_moved(self) -> None:
        """The whole text of both."""
        if not self._rows:
            return
        pair = self._pairs[self._rows[self.lines.cursor].pair]
        pieces: list[Piece] = []
        for side, (at, line) in enumerate(
            zip((pair.left, pair.right), self._sides(pair), strict=True)
        ):
            number = self._told[side].number
            if line is None or at is None:
                pieces.append((f"session {number}: nothing of this kind\n", "dim"))
                continue
            time = self._times[side][at].strip()
            pieces.append((f"session {number}: {heading(line, time)}\n", "dim"))
            pieces.append((text(line) + "\n", line.tone or line.party))
        self.query_one(Raw).show(*pieces)

    # -- keys ------------------------------------------------------------------------------

    def action_raw(self) -> None:
        """The text below, or not."""
        raw = self.query_one(Raw)
        raw.display = not raw.display

    def action_time(self) -> None:
        """The next form of times."""
        self.sniffer.next_form()
        self.say(f"times: {FORMS[self.sniffer.form]}", wrong=False)
        self._times = tuple(clock_of(one, self.sniffer.form) for one in self._told)
        self.lines.refresh()

    def action_difference(self, step: int) -> None:
        """The next pair that differs."""
        index = self.lines.cursor
        here = self._rows[index].pair if self._rows else 0
        while 0 <= (index := index + step) < len(self._rows):
            row = self._rows[index]
            if row.pair != here and not row.part and not self._pairs[row.pair].same:
                self.lines.go(index)
                return
        self.say("no more differences" if step > 0 else "no differences before this")


def _part(line: Line | None, part: int) -> str:
    if line is None or part >= len(line.text):
        return ""
    return shorten(line.text[part], LONGEST_LINE)
