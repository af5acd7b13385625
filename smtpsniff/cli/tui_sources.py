"""Files and interfaces as the screen wants them: sessions from a thread, packets when asked for."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from smtpsniff.capture.errors import STANDARD_INPUT, CaptureError
from smtpsniff.capture.writer import create
from smtpsniff.cli.slice import write_packets
from smtpsniff.output.live import Counts
from smtpsniff.tui.item import ItemRenderer
from smtpsniff.tui.source import CannotSave, Running

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtpsniff.cli.listening import Listening
    from smtpsniff.cli.running import Reading
    from smtpsniff.cli.slice import Place
    from smtpsniff.records import Session
    from smtpsniff.tui.item import Item

__all__ = ["FileSource", "LiveSource"]

EVERY = 0.25  # seconds between two looks at the sessions that run
GLIMPSES = 10  # of them


class Enough(Exception):
    """Nobody wants the rest of the file."""


class FileSource:
    """Capture files."""

    live = False

    def __init__(self, reading: Reading, files: list[str], *, redacted: bool = False) -> None:
        self._reading = reading
        self._stopped = False
        self._ended = False
        more = f" and {len(files) - 1} more" if len(files) > 1 else ""
        self.name = (os.path.basename(files[0]) or files[0]) + more
        self.files = reading.runner.files
        self.digits = reading.runner.digits
        self._redacted = redacted
        self.packets_kept = (
            not redacted
            and STANDARD_INPUT not in files
            and not any(os.path.exists(file) and not os.path.isfile(file) for file in files)
        )
        reading.progress.stop()  # it would draw across the screen
        reading.progress.also = self._go_on

    @property
    def cut_short(self) -> bool:
        """Whether the program was left before the end of a file."""
        return self._stopped and not self._ended

    def _go_on(self) -> None:
        if self._stopped and not self._reading.runner.streamed:
            raise Enough

    def run(self, take: Callable[[Item], None]) -> None:
        """Read the files."""
        try:
            for item in self._reading:
                take(item)
                self._go_on()
            self._ended = True
        except Enough:
            pass

    def stop(self) -> None:
        """Leave the rest."""
        if not self._ended:
            self._stopped = True
            if self._reading.runner.streamed:
                self._reading.runner.stop()

    def progress(self) -> str:
        """How much of the files was read."""
        if self._reading.runner.streamed:
            return "reading"
        return f"reading, {self._reading.progress.part:.0%}"

    def running(self) -> None:
        """Nothing goes on in a file."""

    def save(self, sessions: list[Session], path: str) -> int:
        """Write the packets of sessions."""
        if self._redacted:
            raise CannotSave("packets cannot be redacted: only text can be saved (.txt)")
        if not self.packets_kept:
            raise CannotSave("what came through a pipe is gone: only text can be saved (.txt)")
        return _save(self.files, self._reading.runner.place, sessions, path)


class LiveSource:
    """A capture that goes on. `kept` is the file that its packets go to."""

    live = True

    def __init__(self, listening: Listening, kept: str | None) -> None:
        self._listening = listening
        self._live = listening.live
        self._kept = kept
        self._running: Running | None = None
        self._next = 0.0
        self.name = listening.live.capture.path
        self.files = [kept] if kept is not None else []
        self.digits = 9
        self.packets_kept = kept is not None

    def run(self, take: Callable[[Item], None]) -> None:
        """Listen."""
        renderer = ItemRenderer()
        for moment in self._listening:
            for session in moment.ended:
                take(renderer.render(session))
            self._look()

    def _look(self) -> None:
        """Take note of what runs, in the thread to which it belongs."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + EVERY
        live, drops = self._live, self._live.drops
        summary = live.analysis.summary
        counts = Counts(
            live.capture.path, live.analysis.running, summary.sessions, live.capture.packets,
            drops.kernel + drops.queue, dict(summary.outcomes.most_common()),
        )  # fmt: skip
        self._running = Running(live.glimpses(GLIMPSES), counts, live.capture.now)

    def stop(self) -> None:
        """End the capture."""
        self._live.stop()

    def progress(self) -> str:
        """It has no end."""
        return "listening"

    def running(self) -> Running | None:
        """What goes on."""
        return self._running

    def save(self, sessions: list[Session], path: str) -> int:
        """Write the packets of sessions, out of the file that keeps all."""
        if self._kept is None:
            raise CannotSave("packets are kept only with -w FILE (without -b): save text (.txt)")
        return _save([self._kept], lambda file, frame: frame, sessions, path)


def _save(files: list[str], place: Place, sessions: list[Session], path: str) -> int:
    try:
        with create(path) as file:
            return write_packets(files, place, sessions, file)
    except CaptureError as error:
        raise CannotSave(str(error).replace(" (--force writes over it)", "")) from None
    except OSError as error:
        raise CannotSave(f"{path} cannot be written: {error.strerror or error}") from None
