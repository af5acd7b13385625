"""The program: reads in a thread, holds what the screens share."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, ClassVar

from textual.app import App

from smtpsniff.output.clock import FORMS
from smtpsniff.tui.screens.sessions import SessionsScreen
from smtpsniff.tui.store import Store
from smtpsniff.tui.view import View

if TYPE_CHECKING:
    from textual.binding import BindingType

    from smtpsniff.tui.source import Source

__all__ = ["Sniffer"]

LAST_WORDS = 5.0  # seconds that the reader gets to end once it was told to


class Sniffer(App[None]):
    """`fault` is what ended the reading before its time."""

    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = []
    TITLE = "smtpsniff"

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.source = source
        self.store = Store()
        self.view = View(self.store)
        self.marks: set[int] = set()
        self.form = "r"  # of times, one of `clock.FORMS`
        self.fault: Exception | None = None
        self.theme = "ansi-dark"  # the terminal's own background, light or dark
        self._reader = Thread(target=self._read, name="reader", daemon=True)

    def on_mount(self) -> None:
        """Begin to read."""
        with suppress(NotImplementedError, RuntimeError, ValueError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.exit)
        self._reader.start()
        self.push_screen(SessionsScreen())

    def _read(self) -> None:
        try:
            self.source.run(self.store.add)
        except Exception as fault:
            self.fault = fault

    @property
    def reading(self) -> bool:
        """Whether more may come."""
        return self._reader.is_alive()

    def state(self) -> str:
        """How far the reading is."""
        if self.reading:
            return self.source.progress()
        return f"reading failed: {self.fault}" if self.fault is not None else ""

    def action_leave(self) -> None:
        """Leave the program."""
        self.exit()

    def end(self) -> None:
        """The screen is gone: end the reading, too."""
        self.source.stop()
        if self._reader.ident is not None:
            self._reader.join(LAST_WORDS)

    def next_form(self) -> None:
        """The next form of times."""
        forms = list(FORMS)
        self.form = forms[(forms.index(self.form) + 1) % len(forms)]

    # -- what can be done with sessions ------------------------------------------------------

    def compare(self, key: int | None) -> None:
        """Two that are marked; or the one that is, and another one."""
        from smtpsniff.tui.screens.compare import CompareScreen

        both = sorted(self.marks)
        if len(both) == 1 and key is not None and key not in both:
            both.append(key)
        if len(both) != 2:
            self.notify(
                "mark two sessions with Space, then c compares them", severity="warning",
                markup=False,
            )  # fmt: skip
            return
        self.push_screen(CompareScreen(both[0], both[1]))

    def save(self, key: int | None) -> None:
        """Those that are marked; else this one."""
        from smtpsniff.tui.screens.save import SaveScreen

        keys = sorted(self.marks) or ([key] if key is not None else [])
        if keys:
            self.push_screen(SaveScreen(keys))
