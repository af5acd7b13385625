"""Ctrl-C as a wish: end here, and say what is known."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# SIGTERM is what service managers and `timeout` send.
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def on_interrupt(stop: Callable[[], None] | None) -> Iterator[None]:
    """Call `stop` at the first interrupt; the second one is an interrupt as ever.

    Without `stop`, and outside the main thread, where Python delivers none: nothing changes.
    """
    before: dict[int, object] = {}

    def handle(number: int, frame: object) -> None:
        restore()
        assert stop is not None
        stop()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        before.clear()

    if stop is not None:
        try:
            for number in SIGNALS:
                before[number] = signal.signal(number, handle)
        except ValueError:
            before.clear()
    try:
        yield
    finally:
        restore()
