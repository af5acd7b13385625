"""The screen of a live capture: rich draws the running part, the rest is lines above it."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from smtpsniff.output.live import Counts, room, running_lines

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType
    from typing import Self

    from smtpsniff.output.paint import Paint
    from smtpsniff.pipeline.live import Live

EVERY = 0.25  # seconds between two pictures


class Screen:
    """Draws while it is entered; `above` prints lines that stay."""

    def __init__(self, live: Live, paint: Paint) -> None:
        from rich.console import Console
        from rich.live import Live as Picture

        self._live = live
        self._paint = paint
        self._console = Console(file=sys.stdout, highlight=False, markup=False)
        self._picture = Picture(console=self._console, auto_refresh=False, transient=True)
        self._next = 0.0

    def __enter__(self) -> Self:
        self._picture.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._picture.__exit__(kind, error, traceback)

    def above(self, lines: Iterable[str]) -> None:
        """Print lines over the picture."""
        for line in lines:
            self._console.print(self._text(line), soft_wrap=True)

    def draw(self) -> None:
        """Draw the running sessions, if it is time to."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + EVERY
        live, size = self._live, self._console.size
        summary = live.analysis.summary
        drops = live.drops
        counts = Counts(
            live.capture.path, live.analysis.running, summary.sessions, live.capture.packets,
            drops.kernel + drops.queue, dict(summary.outcomes.most_common()),
        )  # fmt: skip
        glimpses = live.glimpses(room(size.height))
        lines = running_lines(glimpses, counts, live.capture.now, self._paint, size.width)
        self._picture.update(self._text("\n".join(lines)), refresh=True)

    @staticmethod
    def _text(painted: str):  # type: ignore[no-untyped-def]  # noqa: ANN205
        """What was made safe, and painted by us, as rich draws it."""
        from rich.text import Text

        return Text.from_ansi(painted, no_wrap=True, overflow="crop", end="")
