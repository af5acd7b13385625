"""A window of a capture as columns: one row a packet, no object a packet."""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Buffer = bytes | mmap.mmap
"""Read-only bytes whose slices are `bytes` and that `numpy.frombuffer` accepts."""


COLUMNS = ("offset", "captured", "length", "time", "frame", "link", "interface")


@dataclass(slots=True)
class PacketBatch:
    """The packets of one window of a file, in file order; every column has one row a packet.

    A mapped window stays in memory for as long as its `buffer` is referred to: copy out
    what must outlive it, and let the batch go before asking for many more.
    """

    buffer: Buffer
    offset: NDArray[np.int64]  # of the packet's first byte in `buffer`
    captured: NDArray[np.int64]  # bytes in the file
    length: NDArray[np.int64]  # bytes on the wire: captured or more, MAX_RECORD at most
    time: NDArray[np.int64]  # nanoseconds since 1970 UTC
    frame: NDArray[np.int64]  # position in the file, from 1, as Wireshark counts
    link: NDArray[np.uint16]  # LINKTYPE_ value
    interface: NDArray[np.int32]  # index into the file's interfaces
    file: int  # index of the file

    def __len__(self) -> int:
        return len(self.offset)

    def packet(self, row: int) -> bytes:
        """The captured bytes of one packet."""
        start = int(self.offset[row])
        return self.buffer[start : start + int(self.captured[row])]

    @classmethod
    def join(cls, buffer: Buffer, parts: list[PacketBatch]) -> PacketBatch:
        """Packets of several batches, whose offsets are into one buffer."""
        columns = {name: np.concatenate([getattr(p, name) for p in parts]) for name in COLUMNS}
        return cls(buffer=buffer, file=parts[0].file, **columns)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64] | slice) -> PacketBatch:
        """Some of the packets, in the same buffer."""
        columns = {name: getattr(self, name)[rows] for name in COLUMNS}
        return PacketBatch(buffer=self.buffer, file=self.file, **columns)


def nothing(file: int) -> PacketBatch:
    """A batch without a packet: what a source that is still open gives when nothing has come."""
    column = np.zeros(0, np.int64)
    return PacketBatch(
        b"", column, column, column, column, column,
        column.astype(np.uint16), column.astype(np.int32), file,
    )  # fmt: skip


def gather(buffer: Buffer, offset: NDArray[np.int64], layout: np.dtype[Any]) -> NDArray[Any]:
    """One record of `layout` from each offset, as a contiguous array.

    Reading whole headers costs one cache miss a packet instead of one a field, and going
    through an opaque type of the same size is three times faster than through the
    structured one. An offset too near to the end reads the last whole record instead:
    never outside the buffer, but the caller has to know that such a row means nothing.
    """
    positions = len(buffer) - layout.itemsize + 1
    if positions <= 0:
        return np.zeros(offset.shape, layout)
    opaque = np.dtype(f"V{layout.itemsize}")
    cells: NDArray[np.void] = np.ndarray((positions,), opaque, buffer, strides=(1,))
    return cells[np.minimum(offset, positions - 1)].view(layout)
