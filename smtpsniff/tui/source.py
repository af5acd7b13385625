"""Where sessions come from: a capture that is read, or one that goes on. The command makes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from smtpsniff.output.live import Counts
    from smtpsniff.records import Session
    from smtpsniff.smtp.glimpse import Glimpse
    from smtpsniff.tui.item import Item

__all__ = ["CannotSave", "Running", "Source"]


class CannotSave(Exception):
    """Why packets cannot be written, in one line."""


@dataclass(frozen=True, slots=True)
class Running:
    """Sessions of a live capture that have not ended; `now` is nanoseconds since 1970."""

    glimpses: Sequence[Glimpse]
    counts: Counts
    now: int


class Source(Protocol):
    """Sessions, and what can be had of their capture. `run` is called once, in a thread."""

    name: str
    live: bool
    files: list[str]
    digits: int
    packets_kept: bool  # whether `save` can find packets

    def run(self, take: Callable[[Item], None]) -> None:
        """Hand over items until there are no more, or `stop` was called."""

    def stop(self) -> None:
        """End `run` soon. May be called from any thread."""

    def progress(self) -> str:
        """How far it is, in a word or two."""

    def running(self) -> Running | None:
        """What goes on now, of a live capture."""

    def save(self, sessions: list[Session], path: str) -> int:
        """Write the packets of sessions to a new file; how many. `CannotSave` says why not."""
