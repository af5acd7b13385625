"""Several files as one capture: their order, and whose frame a frame is."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from smtpsniff.capture import Capture, open_capture

if TYPE_CHECKING:
    from smtpsniff.capture.live import LiveCapture
    from smtpsniff.records import Finding, MessageReply, Session

__all__ = ["Localiser", "order_by_time"]


def order_by_time(
    paths: list[str], window: int | None = None, follow: bool = False
) -> list[Capture]:
    """Open the files, ordered by the time of their first packet.

    Raises `CaptureError` for the first that cannot be read at all.
    """
    options: dict[str, Any] = {} if window is None else {"window": window}
    captures = [
        open_capture(path, index, follow=follow, **options) for index, path in enumerate(paths)
    ]
    if len(captures) > 1:
        # Files without any packets come last.
        captures.sort(key=lambda c: 1 << 62 if c.begins is None else c.begins)
        for index, capture in enumerate(captures):
            capture.file = index
    return captures


class Localiser:
    """Frames are counted through all files; a record names the file and the frame in it."""

    def __init__(self, files: int) -> None:
        self._many = files > 1
        self._bases: list[int] = []
        self._frames = 0

    def begin(self, capture: Capture | LiveCapture) -> int:
        """The next file begins: how many frames came before it."""
        self._bases.append(self._frames)
        return self._frames

    def end(self, capture: Capture | LiveCapture) -> None:
        """The file is read."""
        self._frames += capture.packets

    def split(self, frame: int) -> tuple[int, int]:
        """(file, frame in it) of a global frame number."""
        file = max(bisect_right(self._bases, frame - 1) - 1, 0)
        return file, frame - self._bases[file]

    def global_first(self, session: Session) -> int:
        """The global number of a session's first frame."""
        return session.first_frame + (self._bases[session.file] if session.file else 0)

    def apply(self, session: Session) -> None:
        """Make all frames of a record local to their files. Nothing to do for a single file."""
        if not self._many:
            return
        session.file, session.first_frame = self.split(session.first_frame)
        session.last_frame = self.split(session.last_frame)[1]
        for entry in session.timeline:
            first = self.split(entry.frames[0])[1]
            entry.file, entry.frame = self.split(entry.frame)
            entry.frames = (first, self.split(entry.frames[1])[1])
        for thing in (session.greeting, session.tls, *(session.auth or ())):
            if thing is not None:
                thing.file, thing.frame = self.split(thing.frame)
        for transaction in session.transactions:
            for recipient in transaction.recipients:
                if recipient.frame:
                    recipient.file, recipient.frame = self.split(recipient.frame)
                self._reply(recipient.final)
            self._reply(transaction.reply)
        for finding in session.findings:
            self._finding(finding)

    def name_file(self, session: Session) -> None:
        """Say which file the frames of the verdict are in: that of the lines it speaks of."""
        verdict = session.verdict
        if self._many and verdict.frames:
            lines = (e.file for e in session.timeline if e.frame == verdict.frames[0])
            verdict.file = next(lines, session.file)

    def _reply(self, reply: MessageReply | None) -> None:
        if reply is not None and reply.file is None:
            reply.file, reply.frame = self.split(reply.frame)

    def _finding(self, finding: Finding) -> None:
        self._list(finding)
        for related in finding.related:
            self._finding(related)

    def _list(self, thing: Finding) -> None:
        if thing.frames:
            thing.file = self.split(thing.frames[0])[0]
            thing.frames = [self.split(f)[1] for f in thing.frames]
