"""The list of sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.widgets import Static

from smtpsniff.output.labels import OUTCOMES
from smtpsniff.output.paint import Paint, cells
from smtpsniff.output.units import count
from smtpsniff.select import Where, WhereError
from smtpsniff.text import safe
from smtpsniff.tui.keys import bindings
from smtpsniff.tui.lines import Lines
from smtpsniff.tui.listing import Columns, text_of
from smtpsniff.tui.screens.base import Base
from smtpsniff.tui.screens.parts import Bar, Plain, Prompt
from smtpsniff.tui.view import SORTS

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from smtpsniff.output.row import Row
    from smtpsniff.tui.style import Piece

__all__ = ["SessionsScreen"]

TICK = 0.05  # seconds between two looks at what has come
RUNNING = 3  # sessions of a live capture shown while they run


class Head(Plain):
    """The names of the columns; a click sorts."""

    def __init__(self, columns: Columns) -> None:
        super().__init__(id="head")
        self._columns = columns
        self._ends: list[tuple[int, str]] = []

    def draw(self, sort: str, backwards: bool) -> None:
        """Show them for the width there is."""
        parts = self._columns.head(self.size.width - 1, sort, backwards)
        self._ends, at = [], 2
        for name, _, width in parts:
            at += width
            self._ends.append((at, name))
        self.show(("  ", ""), *((words + " ", "head") for _, words, _ in parts))

    def on_click(self, event: events.Click) -> None:
        """Sort by the column, or turn it round."""
        for end, name in self._ends:
            if event.x < end:
                screen = self.screen
                assert isinstance(screen, SessionsScreen)
                screen.sort_by(name)
                return


class SessionsScreen(Base):
    """Sessions as they come."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("sessions")
    CSS = """
    #about { height: 6; border-top: solid ansi_bright_black; }
    #running { height: auto; display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._columns = Columns()
        self._seen = 0  # keys of the store whose rows have been measured
        self._paused = False
        self._follow = False
        self._told = ""
        self._filter = ""

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield Plain(id="status")
        yield Head(self._columns)
        self.lines = Lines(self._draw, id="sessions")
        yield self.lines
        yield Plain(id="about")
        yield Static("", id="running", markup=False)
        yield Bar("sessions")
        yield self.search_prompt()
        yield Prompt(
            "filter, as of --where (empty: all sessions), as in verdict.outcome == rejected",
            _wrong, id="filter",
        )  # fmt: skip

    def on_mount(self) -> None:
        """Look at once for what has come."""
        self._follow = self.sniffer.source.live
        self.set_interval(TICK, self._tick)

    # -- what comes ------------------------------------------------------------------------

    def _tick(self) -> None:
        """Take in what has come."""
        sniffer = self.sniffer
        if not self._paused and (sniffer.view.pending or sniffer.view.stale):
            key = self.key
            if sniffer.view.advance():
                self._measure()
                self._refresh(key)
        self._status()
        self._show_running()

    def _measure(self) -> None:
        store = self.sniffer.store
        for key in range(max(self._seen, store.first), store.next):
            item = store.get(key)
            if item is not None:
                self._columns.see(item.row)
        self._seen = store.next

    def _refresh(self, key: int | None) -> None:
        """The cursor stays with its session, or with the newest."""
        keys = self.sniffer.view.keys
        cursor = self.lines.cursor
        if self._follow:
            cursor = keys.index(max(keys)) if keys else 0
        elif key is not None and not (cursor < len(keys) and keys[cursor] == key):
            cursor = keys.index(key) if key in keys else cursor
        if cursor != self.lines.cursor or self._follow:
            self.lines.reset(len(keys), cursor)
        else:
            self.lines.reset(len(keys))
        self._heads()
        self._about()

    def _heads(self) -> None:
        view = self.sniffer.view
        self.query_one(Head).draw(view.sort, view.backwards)

    def on_resize(self) -> None:
        """Heads and lines by the new width."""
        self.call_after_refresh(self._heads)

    def _status(self) -> None:
        sniffer = self.sniffer
        view, store = sniffer.view, sniffer.store
        words = [sniffer.state()]
        shown = f"{len(view.keys):,} of " if view.where is not None else ""
        words.insert(0, f"{shown}{count(len(store), 'session')}")
        if store.first:
            words.append(f"the oldest {store.first:,} were let go")
        if sniffer.marks:
            words.append(f"{len(sniffer.marks)} marked")
        if self._paused:
            words.append(f"PAUSED, {store.next - self._seen:,} more")
        if self._follow:
            words.append("following")
        if self._filter:
            words.append(f"filter: {safe(self._filter)}")
        told = "; ".join(word for word in words if word)
        if told != self._told:
            self._told = told
            self.query_one("#status", Plain).show(
                (safe(sniffer.source.name), "head"), (f"  {told}", "")
            )

    def _show_running(self) -> None:
        from smtpsniff.output.live import running_lines

        running = self.sniffer.source.running()
        if running is None:
            return
        lines = running_lines(
            running.glimpses[:RUNNING], running.counts, running.now, Paint(), self.size.width
        )
        area = self.query_one("#running", Static)
        area.display = True
        area.update(Text("\n".join(lines), no_wrap=True))

    # -- what stands there -----------------------------------------------------------------

    @property
    def key(self) -> int | None:
        """The session under the cursor."""
        keys = self.sniffer.view.keys
        return keys[self.lines.cursor] if self.lines.cursor < len(keys) else None

    def _row(self, index: int) -> Row | None:
        keys = self.sniffer.view.keys
        item = self.sniffer.store.get(keys[index]) if index < len(keys) else None
        return item.row if item is not None else None

    def _draw(self, index: int, width: int) -> list[Piece]:
        row = self._row(index)
        if row is None:
            return []
        marked = self.sniffer.view.keys[index] in self.sniffer.marks
        return self._columns.line(row, marked, width)

    def text_at(self, index: int) -> str:
        """All that is known of a session."""
        row = self._row(index)
        return text_of(row) if row is not None else ""

    def on_lines_moved(self) -> None:
        """Tell of the session under the cursor."""
        self._about()

    def _about(self) -> None:
        """The whole of what the line may cut: ends, mail, verdict."""
        row = self._row(self.lines.cursor)
        about = self.query_one("#about", Plain)
        if row is None:
            about.show()
            return
        told = row.verdict or f"{row.client} → {row.server}  {row.mail}"
        about.show((row.outcome, OUTCOMES[row.outcome].style), (f": {told}", ""))

    # -- keys ------------------------------------------------------------------------------

    def on_lines_chosen(self) -> None:
        """A double click."""
        self.action_show()

    def action_show(self) -> None:
        """The session, line by line; on one of two that are marked, both."""
        from smtpsniff.tui.screens.session import SessionScreen

        if self.key in self.sniffer.marks and len(self.sniffer.marks) == 2:
            self.action_compare()
        elif self.key is not None:
            self.app.push_screen(SessionScreen(self.key))

    def action_mark(self) -> None:
        """Mark it, and go on to the next."""
        if self.key is not None:
            self.sniffer.marks ^= {self.key}
            self.lines.refresh()
            self.lines.action_move(1)

    def action_unmark(self) -> None:
        """No marks."""
        self.sniffer.marks.clear()
        self.lines.refresh()

    def action_compare(self) -> None:
        """The two that are marked; or the one that is, and the one under the cursor."""
        self.sniffer.compare(self.key)

    def action_save(self) -> None:
        """Those that are marked, or the one under the cursor."""
        self.sniffer.save(self.key)

    def action_figures(self) -> None:
        """Counts of those that are shown."""
        from smtpsniff.tui.screens.text import FiguresScreen

        self.app.push_screen(FiguresScreen())

    def action_sort(self, step: int) -> None:
        """The next column."""
        names = list(SORTS)
        view = self.sniffer.view
        self.sort_by(names[(names.index(view.sort) + step) % len(names)])

    def sort_by(self, name: str) -> None:
        """By a column; by the same again, backwards."""
        view, key = self.sniffer.view, self.key
        view.order(name, not view.backwards if name == view.sort else False)
        self._refresh(key)

    def action_turn(self) -> None:
        """The other way round."""
        self.sort_by(self.sniffer.view.sort)

    def action_pause(self) -> None:
        """Stand still, or go on."""
        self._paused = not self._paused

    def action_follow(self) -> None:
        """Stay with the newest, or not."""
        self._follow = not self._follow
        self._refresh(self.key)

    # -- the filter ------------------------------------------------------------------------

    def action_filter(self) -> None:
        """Ask for an expression."""
        self.query_one("#filter", Prompt).ask(self._filter)

    def action_clear(self) -> None:
        """No filter."""
        if self._filter:
            self._choose("")
        else:
            self.say("q leaves the program", wrong=False)

    def on_prompt_said(self, event: Prompt.Said) -> None:
        """What was typed."""
        super().on_prompt_said(event)
        if event.prompt.id == "filter" and event.words is not None:
            self._choose(event.words.strip())

    def _choose(self, words: str) -> None:
        self._filter = words
        key = self.key
        self.sniffer.view.choose(Where(words) if words else None)
        self.sniffer.view.advance()
        self._refresh(key)


def _wrong(words: str) -> list[Piece]:
    """What is wrong with an expression, and where."""
    try:
        Where(words)
    except WhereError as error:
        before = " " * cells(safe(words[: error.at]))
        return [(f"{before}^ ", "error"), (safe(str(error)), "error")]
    return []
