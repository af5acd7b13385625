"""One session: the verdict on top, what was said as arrows, the whole text of a line beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import Container
from textual.worker import get_current_worker

from smtpsniff.output.account import account
from smtpsniff.output.clock import FORMS
from smtpsniff.output.labels import OUTCOMES
from smtpsniff.output.units import span
from smtpsniff.tui.keys import bindings
from smtpsniff.tui.lines import Lines
from smtpsniff.tui.rungs import Rungs
from smtpsniff.tui.screens.base import Base
from smtpsniff.tui.screens.parts import Bar, Plain
from smtpsniff.tui.screens.raw import Raw

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from smtpsniff.output.account import Account
    from smtpsniff.tui.style import Piece

__all__ = ["SessionScreen"]

BESIDE = 110  # columns from which on the text stands beside the ladder, below it otherwise


class SessionScreen(Base):
    """`key` is that of the store."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("session")
    CSS = """
    #verdict { max-height: 9; border-bottom: solid ansi_bright_black; }
    #both { layout: vertical; height: 1fr; }
    #both.beside { layout: horizontal; }
    #left { height: 1fr; width: 1fr; }
    """

    def __init__(self, key: int) -> None:
        super().__init__()
        self._key = key
        self._told: Account | None = None
        self._rungs: Rungs | None = None
        self._asked = 0  # layouts begun: only the last of them is shown

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield Plain(id="verdict")
        with Container(id="both"):
            with Container(id="left"):
                yield Plain(id="parties")
                self.lines = Lines(self._draw, id="ladder")
                yield self.lines
            yield Raw()
        yield Bar("session")
        yield self.search_prompt()

    def on_mount(self) -> None:
        """Show it."""
        self._open(self._key)

    def _open(self, key: int) -> None:
        """Show this session, once its account is made: of a long one that takes a moment."""
        self._key, self._told, self._rungs = key, None, None
        self.query_one("#verdict", Plain).show(("a moment ...", "dim"))
        self.lines.reset(0, 0)
        self.run_worker(lambda: self._tell(key), thread=True)

    def _tell(self, key: int) -> None:
        """In a thread: the account of the session."""
        item = self.sniffer.store.get(key)
        told = None
        if item is not None:
            told = account(item.session(), self.sniffer.source.files, self.sniffer.source.digits)
        if not get_current_worker().is_cancelled:
            self.app.call_from_thread(self._have, told, key)

    def _have(self, told: Account | None, key: int) -> None:
        if key != self._key:
            return  # another one was asked for since
        self._told = told
        verdict = self.query_one("#verdict", Plain)
        if told is None:
            verdict.show(("This session was let go of: too many have come since.", "warning"))
            return
        mark = "● " if self._key in self.sniffer.marks else ""
        style = OUTCOMES[told.outcome].style
        where = f" ({told.file})" if told.file else ""
        verdict.show(
            (f"{mark}session {told.number}: ", "head"), (told.outcome, style),
            (f"{where}, {span(told.duration)}\n", "dim"), (told.verdict, ""),
        )  # fmt: skip
        self._lay_out()

    def on_resize(self) -> None:
        """Rungs are as long as the screen is wide."""
        self.query_one("#both").set_class(self.size.width >= BESIDE, "beside")
        self.call_after_refresh(self._lay_out)

    def _lay_out(self) -> None:
        """In a thread, too: a rung for each line takes its time."""
        told, form, width = self._told, self.sniffer.form, self.lines.room
        if told is None or not width:
            return
        self._asked += 1
        asked = self._asked
        line = self._rungs.rows[self.lines.cursor].line if self._rungs and self._rungs.rows else -1

        def lay_out() -> None:
            rungs = Rungs(told, form, width)
            if not get_current_worker().is_cancelled:
                self.app.call_from_thread(self._laid_out, rungs, line, asked)

        self.run_worker(lay_out, thread=True)

    def _laid_out(self, rungs: Rungs, line: int, asked: int) -> None:
        if asked != self._asked:
            return  # the width or the form of times has changed since
        self._rungs = rungs
        self.query_one("#parties", Plain).show(*rungs.head())
        self.lines.reset(len(rungs.rows), rungs.row_of(line) if line >= 0 else 0)

    def _draw(self, index: int, width: int) -> list[Piece]:
        return self._rungs.draw(index) if self._rungs is not None else []

    def text_at(self, index: int) -> str:
        """The words of a row."""
        return self._rungs.text_at(index).lower() if self._rungs is not None else ""

    def on_lines_moved(self) -> None:
        """Show the whole text of the line."""
        rungs, raw = self._rungs, self.query_one(Raw)
        if rungs is None or not rungs.rows:
            raw.clear()
            return
        line = rungs.line_at(self.lines.cursor)
        if line is None:
            raw.clear()
        else:
            raw.tell(line, rungs.time_at(self.lines.cursor))

    # -- keys ------------------------------------------------------------------------------

    def action_raw(self) -> None:
        """The text beside the ladder, or not."""
        raw = self.query_one(Raw)
        raw.display = not raw.display
        self.call_after_refresh(self._lay_out)

    def action_time(self) -> None:
        """The next form of times."""
        self.sniffer.next_form()
        self.say(f"times: {FORMS[self.sniffer.form]}", wrong=False)
        self._lay_out()

    def action_finding(self, step: int) -> None:
        """The next row that begins a finding."""
        rungs = self._rungs
        if rungs is None:
            return
        index = self.lines.cursor + step
        while 0 <= index < len(rungs.rows):
            if rungs.begins_finding(index):
                self.lines.go(index)
                return
            index += step
        self.say("no more findings" if step > 0 else "no findings before this")

    def action_step(self, step: int) -> None:
        """The session before or behind it in the list."""
        keys = self.sniffer.view.keys
        at = keys.index(self._key) + step if self._key in keys else -1
        if 0 <= at < len(keys):
            self._open(keys[at])
        else:
            self.say("that was the last one" if step > 0 else "that was the first one")

    def action_details(self) -> None:
        """Everything else about it."""
        from smtpsniff.tui.screens.text import DetailsScreen

        self.app.push_screen(DetailsScreen(self._key))

    def action_mark(self) -> None:
        """Mark it, or not any more."""
        self.sniffer.marks ^= {self._key}
        if self._told is not None:
            self._have(self._told, self._key)

    def action_compare(self) -> None:
        """With the one that is marked."""
        self.sniffer.compare(self._key)

    def action_save(self) -> None:
        """This one, or those that are marked."""
        self.sniffer.save(self._key)
