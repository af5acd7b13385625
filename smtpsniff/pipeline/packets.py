"""Several captures as one: their packets in order of time, numbered through.

Files that follow each other, as a rotating capture writes them, are handed on window by window as
they are. Only where they overlap are packets of several files put into one batch; what two of them
hold with the same time and the same bytes was captured twice, and counts once.
"""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

from smtpsniff.capture import Capture, CaptureError, Damage, PacketBatch, open_capture
from smtpsniff.capture.batch import nothing
from smtpsniff.pipeline.files import Localiser

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from smtpsniff.capture import Interface
    from smtpsniff.capture.live import LiveCapture

__all__ = ["Packets"]

KEPT_OPEN = 64
"""Files that stay open from the start; of more, as rotating captures leave them, each is opened
again when its turn comes: systems allow 256 to 1024 open files."""

MOST_AT_ONCE = 1 << 20
"""Packets of a file that are held to put those of one moment in order: a clock that stands still
must not fill memory."""


class Packets:
    """Iterate once for the packets of all files, or of a live capture.

    Frames of the batches are counted through all files; `localiser` knows which file each is of,
    `interfaces` are those that `batch.interface` means. A batch is empty where for a moment
    nothing came; `now` is then the capture's time.
    Raises `CaptureError` at once for the first file that cannot be read at all.
    """

    def __init__(
        self,
        paths: Iterable[str | os.PathLike[str]],
        window: int | None = None,
        follow: bool = False,
        live: LiveCapture | None = None,
        digest: bool = False,
    ) -> None:
        self._options: dict[str, Any] = {"follow": follow, "digest": digest}
        if window is not None:
            self._options["window"] = window
        self.captures: list[Capture | LiveCapture] = [live] if live is not None else []
        self.captures += self._open([os.fspath(path) for path in paths])
        self.localiser = Localiser(len(self.captures))
        self.interfaces: list[Interface] = []
        self._numbers: list[list[int]] = [[] for _ in self.captures]  # of theirs, in `interfaces`
        self._last = 0  # frame
        self.now = 0

    def _open(self, paths: list[str]) -> list[Capture]:
        """The files, ordered by the time of their first packet; those without any come last."""
        captures: list[Capture] = []
        for path in paths:
            try:
                capture = open_capture(path, **self._options)
            except CaptureError:
                for other in captures:
                    other.close()
                raise
            if len(captures) >= KEPT_OPEN and not capture.streamed:
                capture.close()
            captures.append(capture)
        captures.sort(key=lambda c: 1 << 62 if c.begins is None else c.begins)
        for index, capture in enumerate(captures):
            capture.file = index
        return captures

    def __iter__(self) -> Iterator[PacketBatch]:
        try:
            yield from self._batches()
        finally:
            self.close()

    def comments(self, batch: PacketBatch, rows: NDArray[np.int64]) -> dict[int, list[str]]:
        """What is remarked of these packets, by frame."""
        remarks = [c.notes.comments if isinstance(c, Capture) else {} for c in self.captures]
        found = {}
        for frame in batch.frame[rows].tolist() if any(remarks) else ():
            file, local = self.localiser.split(frame)
            if local in remarks[file]:
                found[frame] = remarks[file][local]
        return found

    def close(self) -> None:
        """Close all files; batches that are out stay valid."""
        for capture in self.captures:
            capture.close()

    def _batches(self) -> Iterator[PacketBatch]:
        waiting = deque(self.captures)
        active: list[_Feed] = []
        while waiting or active:
            if not active:
                active.append(self._begin(waiting.popleft()))
            dry = [feed for feed in active if not feed.fill()]
            active = [feed for feed in active if not feed.ended]
            if dry and active:
                self.now = max(feed.capture.now for feed in active)
                yield nothing(0)
                continue
            if not active:
                continue
            begins = _begins(waiting[0]) if waiting else None
            if begins is not None and begins <= min(feed.reach for feed in active):
                active.append(self._begin(waiting.popleft()))
                continue
            parts = [part for part in _parts(active) if len(part)]
            if parts:
                batch = self._number(parts)
                self.now = int(batch.time.max())
                del parts
                yield batch
                del batch

    def _begin(self, capture: Capture | LiveCapture) -> _Feed:
        """The capture's turn has come."""
        if isinstance(capture, Capture) and capture.closed:
            try:
                again = open_capture(capture.path, capture.file, **self._options)
            except CaptureError as error:  # it is gone: the others are still worth reading
                capture.damage = Damage(capture.path, 0, error.reason)
            else:
                capture = self.captures[capture.file] = again
        return _Feed(capture)

    def _number(self, parts: list[PacketBatch]) -> PacketBatch:
        """One batch of the parts, its frames counted through all files."""
        if len(self.captures) == 1:
            self.interfaces = self.captures[0].interfaces
            return parts[0]
        for part in parts:
            part.interface = self._interfaces(part)
        if len(parts) == 1:
            batch = parts[0]
            files = np.full(len(batch), batch.file, np.int64)
        else:
            batch, files = _merge(parts)
        local = batch.frame
        batch.frame = np.arange(self._last + 1, self._last + 1 + len(batch), dtype=np.int64)
        self._last += len(batch)
        self.localiser.add(batch.frame, files, local)
        return batch

    def _interfaces(self, part: PacketBatch) -> NDArray[np.int32]:
        """The interfaces of a part as indices into those of all files."""
        numbers, theirs = self._numbers[part.file], self.captures[part.file].interfaces
        for interface in theirs[len(numbers) :]:
            numbers.append(len(self.interfaces))
            self.interfaces.append(interface)
        return np.array(numbers, np.int32)[part.interface]


def _begins(capture: Capture | LiveCapture) -> int | None:
    return capture.begins if isinstance(capture, Capture) else None


class _Feed:
    """A capture, and what of its last batch has not been taken yet."""

    def __init__(self, capture: Capture | LiveCapture) -> None:
        self.capture = capture
        self.ended = False
        self.batch: PacketBatch | None = None
        self._clock: NDArray[np.int64] = np.zeros(0, np.int64)
        self._last = False  # nothing follows the batch

    def fill(self) -> bool:
        """Have something to take, or be ended; false where nothing has come for a moment."""
        if self.batch is not None and len(self.batch):
            return True
        self.batch = next(self.capture, None)
        self.ended = self.batch is None
        if self.batch is None:
            return True
        self._take_in(self.batch)
        return len(self.batch) > 0

    def more(self) -> None:
        """Have more to take than there was."""
        assert self.batch is not None
        following = next(self.capture, None)
        if following is None:
            self._last = True
        elif len(following):
            size = len(self.batch.buffer)
            following.offset = following.offset + size
            both = b"".join((memoryview(self.batch.buffer), memoryview(following.buffer)))
            self._take_in(PacketBatch.join(both, [self.batch, following]))

    def _take_in(self, batch: PacketBatch) -> None:
        self.batch = batch
        batch.file = self.capture.file
        # Packets whose time goes backwards stay where they are in their file.
        self._clock = np.maximum.accumulate(batch.time)

    @property
    def reach(self) -> int:
        """The time of the last packet that can be taken."""
        return int(self._clock[-1])

    @property
    def horizon(self) -> int:
        """Before this time everything is known."""
        full = self._last or len(self._clock) >= MOST_AT_ONCE
        return self.reach + 1 if full else self.reach

    def take(self, horizon: int) -> PacketBatch:
        """The packets before that time."""
        assert self.batch is not None
        count = int(np.searchsorted(self._clock, horizon))
        batch = self.batch
        if count == len(batch):
            self.batch = None
            return batch
        self.batch, self._clock = batch.take(slice(count, None)), self._clock[count:]
        return batch.take(slice(count))


def _parts(feeds: list[_Feed]) -> list[PacketBatch]:
    """What of each is the next in time; nothing yet where more of one had to be read for that."""
    if len(feeds) == 1:
        return [feeds[0].take(feeds[0].reach + 1)]
    horizon = min(feed.horizon for feed in feeds)
    parts = [feed.take(horizon) for feed in feeds]
    if not any(map(len, parts)):
        for feed in feeds:
            if feed.horizon == horizon:
                feed.more()
    return parts


def _merge(parts: list[PacketBatch]) -> tuple[PacketBatch, NDArray[np.int64]]:
    """Packets of several files in order of time, and the file of each."""
    lows = [int(part.offset.min()) for part in parts]
    highs = [int((part.offset + part.captured).max()) for part in parts]
    pieces = [part.buffer[low:high] for part, low, high in zip(parts, lows, highs, strict=True)]
    starts = np.cumsum([0, *map(len, pieces[:-1])])
    for part, low, start in zip(parts, lows, starts.tolist(), strict=True):
        part.offset = part.offset - low + start
    clock = np.concatenate([np.maximum.accumulate(part.time) for part in parts])
    files = np.concatenate([np.full(len(part), part.file, np.int64) for part in parts])
    order = np.argsort(clock, kind="stable")
    whole = PacketBatch.join(b"".join(pieces), parts).take(order)
    files = files[order]
    once = ~_twice(whole, files)
    return (whole, files) if once.all() else (whole.take(once), files[once])


def _twice(batch: PacketBatch, files: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Packets that another file brought just before, with the same time and the same bytes."""
    found = np.zeros(len(batch), np.bool_)
    same = np.diff(batch.time) == 0
    seen: dict[bytes, set[int]] = {}
    last = -2
    for row in (np.flatnonzero(same) + 1).tolist():
        if row != last + 1:  # another moment
            seen = {batch.packet(row - 1): {int(files[row - 1])}}
        packet, file, last = batch.packet(row), int(files[row]), row
        before = seen.setdefault(packet, set())
        if before and file not in before:
            found[row] = True
        before.add(file)
    return found
