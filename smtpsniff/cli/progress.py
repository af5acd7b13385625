"""How far reading is: one line on a terminal's standard error, for runs that take a while."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from smtpsniff.cli.streams import is_terminal

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 0.5  # seconds that nobody needs a progress bar for
EVERY = 0.1
WIDTH = 30


class Progress:
    """Call it with bytes done and in all; `clear()` before anything else is written."""

    def __init__(self, wanted: bool = True) -> None:
        import os

        # A dumb terminal cannot go back to the start of its line.
        dumb = os.environ.get("TERM") == "dumb"
        self._wanted = wanted and not dumb and is_terminal(sys.stderr)
        self._next = time.monotonic() + PATIENCE
        self._shown = False
        self.part = 0.0  # of the input that was read
        self.also: Callable[[], None] | None = None  # called whenever there is progress

    def __call__(self, done: int, total: int) -> None:
        """Show it, if it is time to."""
        self.part = min(done / total, 1.0) if total > 0 else 0.0
        if self.also is not None:
            self.also()
        now = time.monotonic()
        if not self._wanted or now < self._next or total <= 0:
            return
        self._next = now + EVERY
        bar = "#" * round(self.part * WIDTH)
        self._write(f"\r  {bar:.<{WIDTH}} {self.part:4.0%} of {total / 1e6:,.0f} MB")
        self._shown = True

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            self._write("\r\x1b[K")
            self._shown = False

    def stop(self) -> None:
        """Take it away for good: from now on lines are written."""
        self.clear()
        self._wanted = False

    def _write(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except (OSError, ValueError):
            self._wanted = False
