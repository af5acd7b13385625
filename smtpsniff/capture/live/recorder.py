"""Keeps the packets of a live capture in pcapng files: one, or a ring of the newest."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smtpsniff.capture.writer import PcapngWriter, create

if TYPE_CHECKING:
    from typing import BinaryIO

    from smtpsniff.capture.batch import PacketBatch
    from smtpsniff.capture.interface import Interface


@dataclass(frozen=True, slots=True)
class Rotation:
    """When the next file begins, and how many are kept; 0 means no such limit."""

    kilobytes: int = 0
    seconds: float = 0.0
    files: int = 0

    def __bool__(self) -> bool:
        return bool(self.kilobytes or self.seconds or self.files)


class Recorder:
    """Call it with every batch. After each call the packets are in the system's hands.

    What a crash of this program can lose is thus less than a second of packets. With a
    `rotation`, files are called NAME_00001_20261124093000.pcapng and so on, as dumpcap does.
    """

    def __init__(
        self, path: str, interfaces: list[Interface], rotation: Rotation, application: str,
        *, force: bool = False,
    ) -> None:  # fmt: skip
        """CaptureError when the file is there already, or cannot be made."""
        self.packets = 0
        self._path = path
        self._interfaces = interfaces
        self._rotation = rotation
        self._application = application
        self._force = force
        self._made: list[str] = []
        self._number = 0
        self._begin()

    @property
    def path(self) -> str:
        """The file being written."""
        return self._made[-1]

    def __call__(self, batch: PacketBatch) -> None:
        """Write and flush. OSError when the disk is full."""
        if len(batch):
            if self._rotation and self._is_over():
                self._file.close()
                self._begin()
            self._writer.batch(batch, self._interfaces)
            self.packets += len(batch)
            self._file.flush()

    def dropped(self, counts: int) -> None:
        """Put on record, at the end, what the kernel dropped, where one interface did."""
        if self._writer.packets and len(self._interfaces) == 1:
            self._writer.statistics(0, time.time_ns(), dropped=counts)

    def close(self) -> None:
        """The last file is whole."""
        self._file.close()

    def _is_over(self) -> bool:
        rotation = self._rotation
        return bool(
            (rotation.kilobytes and self._file.tell() >= rotation.kilobytes * 1000)
            or (rotation.seconds and time.monotonic() - self._began >= rotation.seconds)
        )

    def _begin(self) -> None:
        self._number += 1
        self._began = time.monotonic()
        path = self._path
        if self._rotation:
            stem, ending = os.path.splitext(path)
            stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime())
            path = f"{stem}_{self._number:05d}_{stamp}{ending}"
        self._file: BinaryIO = create(path, force=self._force)
        self._writer = PcapngWriter(self._file, application=self._application)
        self._file.flush()
        self._made.append(path)
        if self._rotation.files and len(self._made) > self._rotation.files:
            os.unlink(self._made.pop(0))
