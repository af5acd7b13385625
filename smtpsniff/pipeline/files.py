"""Several files as one capture: whose frame a frame is."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from smtpsniff.records import Finding, MessageReply, Session

    Column = NDArray[np.int64]

__all__ = ["Localiser"]


class Localiser:
    """Frames are counted through all files; a record names the file and the frame in it."""

    def __init__(self, files: int) -> None:
        self._many = files > 1
        # Stretches of frames that follow each other in one file too: the first of each.
        self._first, self._file, self._local = array("q"), array("q"), array("q")
        self._next = (-1, -1)  # file and frame that would go on the last stretch

    def add(self, frame: Column, file: Column, local: Column) -> None:
        """Frames counted through, the file of each, and their numbers there."""
        goes_on = np.empty(len(frame), np.bool_)
        goes_on[0] = (int(file[0]), int(local[0])) == self._next
        goes_on[1:] = (np.diff(file) == 0) & (np.diff(local) == 1)
        rows = np.flatnonzero(~goes_on)
        self._first.extend(frame[rows].tolist())
        self._file.extend(file[rows].tolist())
        self._local.extend(local[rows].tolist())
        self._next = int(file[-1]), int(local[-1]) + 1

    def split(self, frame: int) -> tuple[int, int]:
        """(file, frame in it) of a frame counted through."""
        if not self._many:
            return 0, frame
        at = max(bisect_right(self._first, frame) - 1, 0)
        return self._file[at], self._local[at] + frame - self._first[at]

    def join(self, file: int, frame: int) -> int:
        """The number, counted through all files, of a frame in one of them."""
        if not self._many:
            return frame
        there = np.frombuffer(self._file, np.int64) == file
        there &= np.frombuffer(self._local, np.int64) <= frame
        at = int(np.flatnonzero(there)[-1])
        return self._first[at] + frame - self._local[at]

    def apply(self, session: Session) -> None:
        """Make all frames of a record local to their files. Nothing to do for a single file."""
        if not self._many:
            return
        session.file, session.first_frame = self.split(session.first_frame)
        session.last_file, session.last_frame = self.split(session.last_frame)
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
