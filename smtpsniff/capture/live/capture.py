"""A live capture with the shape of a file: iterate over its batches, look at its counts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from smtpsniff.capture.batch import PacketBatch, nothing
from smtpsniff.capture.inflow import PATIENCE
from smtpsniff.capture.interface import NANOSECONDS, Interface
from smtpsniff.capture.live.listener import Listener, needs_columns, open_taps
from smtpsniff.capture.live.ring import RETIRE, link_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType
    from typing import Self

    from smtpsniff.capture.errors import Damage
    from smtpsniff.capture.live.interfaces import Nic
    from smtpsniff.capture.live.listener import Drops

WHOLE = 262_144  # bytes of a packet: all of it, as for tcpdump and its `-s 0`
MOST = 16 << 20  # bytes of a batch

HOLD = 3 * RETIRE * 1_000_000
"""Nanoseconds that packets of several interfaces wait for each other, so that a question on one
and its answer on another come in order."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is captured, and when it ends."""

    words: tuple[str, ...] = ()  # a packet filter; without one, mail and what explains it
    ports: frozenset[int] = frozenset()
    snaplen: int = WHOLE
    promiscuous: bool = True
    packets: int | None = None
    seconds: float | None = None


class LiveCapture:
    """Packets as they come, in batches; an empty one where for a moment none came.

    `keep`, if any, gets every batch before anybody else sees it.
    """

    format = "live"
    compression: str | None = None
    streamed = True
    size = position = 0
    file = 0
    begins: int | None = None

    def __init__(self, nics: Sequence[Nic], limits: Limits) -> None:
        """CaptureDenied without permission; CaptureError when an interface cannot be had."""
        self.path = ",".join(nic.name for nic in nics)
        self.packets = 0
        self.first: int | None = None
        self.last: int | None = None
        self.damage: Damage | None = None
        self.keep: Callable[[PacketBatch], None] | None = None
        self._limits = limits
        said = " ".join(limits.words)
        self.interfaces = [
            Interface(n.name, link_of(n.hardware), limits.snaplen, NANOSECONDS, filter=said)
            for n in nics
        ]
        self._filter = _column_filter(limits.words)
        taps = open_taps(
            nics, limits.words, limits.ports, limits.snaplen, promiscuous=limits.promiscuous
        )
        self._hold = HOLD if len(nics) > 1 else 0
        self._held: list[PacketBatch] = []
        self._listener = Listener(taps)
        self._since = time.monotonic()
        self._stopping = False

    @property
    def drops(self) -> Drops:
        """What was lost on this machine."""
        return self._listener.drops

    @property
    def fault(self) -> Exception | None:
        """Why listening ended, if nobody asked for it."""
        return self._listener.fault

    @property
    def down(self) -> list[str]:
        """Interfaces that went down, or away, while they were listened to."""
        return [self.interfaces[index].name for index in sorted(self._listener.down)]

    @property
    def digits(self) -> int:
        """The kernel stamps in nanoseconds."""
        return NANOSECONDS

    @property
    def now(self) -> int:
        """The time, as the kernel stamps packets, less what may still be on its way to us."""
        return max(self.last or 0, time.time_ns() - HOLD - int(PATIENCE * 1e9))

    def stop(self) -> None:
        """End, with what has come."""
        self._stopping = True
        self._listener.stop()

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> PacketBatch:
        seconds, packets = self._limits.seconds, self._limits.packets
        if packets is not None and self.packets >= packets:
            raise StopIteration
        if seconds is not None and time.monotonic() - self._since >= seconds:
            self.stop()
        parts = self._arrived()
        if not parts and not self._listener.running and not self._held:
            raise StopIteration
        batch = self._in_order(parts)
        if self._filter is not None and len(batch):
            batch = _rows(batch, np.flatnonzero(self._filter(batch)))
        if packets is not None and self.packets + len(batch) > packets:
            batch = _rows(batch, np.arange(packets - self.packets))
        if len(batch):
            self._number(batch)
        if self.keep is not None:
            self.keep(batch)
        return batch

    def _arrived(self) -> list[PacketBatch]:
        """What has come, or comes within a moment."""
        part = self._listener.get(PATIENCE)
        parts: list[PacketBatch] = []
        size = 0
        while part is not None:
            parts.append(part)
            size += len(part.buffer)
            part = self._listener.get(0) if size < MOST else None
        return parts

    def _in_order(self, parts: list[PacketBatch]) -> PacketBatch:
        """One batch in order of time, of what no interface can have anything before."""
        if not self._hold:
            return _join(parts)
        batch = _join([*self._held, *parts])
        batch = _rows(batch, np.argsort(batch.time, kind="stable"))
        ripe = len(batch)
        if self._listener.running:
            ripe = int(np.searchsorted(batch.time, time.time_ns() - self._hold))
        rest = np.arange(ripe, len(batch))
        self._held = [_rows(batch, rest)] if len(rest) else []
        return _rows(batch, np.arange(ripe))

    def _number(self, batch: PacketBatch) -> None:
        first = self.packets + 1
        self.packets += len(batch)
        batch.frame = np.arange(first, self.packets + 1, dtype=np.int64)
        earliest, latest = int(batch.time.min()), int(batch.time.max())
        self.first = earliest if self.first is None else min(earliest, self.first)
        self.last = latest if self.last is None else max(latest, self.last)


def _column_filter(
    words: Iterable[str],
) -> Callable[[PacketBatch], np.typing.NDArray[np.bool_]] | None:
    """The filter that runs here rather than in the kernel, for words that only it can judge."""
    if not needs_columns(words):
        return None
    from smtpsniff.capture.bpf import PacketFilter

    return PacketFilter(words).matches


COLUMNS = ("offset", "captured", "length", "time", "frame", "link", "interface")


def _rows(batch: PacketBatch, rows: np.typing.NDArray[np.int64]) -> PacketBatch:
    columns = {name: getattr(batch, name)[rows] for name in COLUMNS}
    return PacketBatch(buffer=batch.buffer, file=0, **columns)


def _join(parts: list[PacketBatch]) -> PacketBatch:
    if not parts:
        return nothing(0)
    if len(parts) == 1:
        return parts[0]
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS}
    sizes = np.array([len(part.buffer) for part in parts])
    bases = np.repeat(np.cumsum(sizes) - sizes, [len(part) for part in parts])
    columns["offset"] = columns["offset"] + bases
    return PacketBatch(buffer=b"".join(bytes(part.buffer) for part in parts), file=0, **columns)
