"""What the readers of the file formats have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from smtpsniff.capture.batch import PacketBatch
    from smtpsniff.capture.interface import Interface
    from smtpsniff.capture.notes import Notes
    from smtpsniff.capture.source import Window

ByteOrder = Literal["<", ">"]  # as struct and numpy write it
BYTE_ORDERS: tuple[ByteOrder, ...] = ("<", ">")

MAX_RECORD = 1 << 20
"""Longest packet believed: twice Linux's GSO_MAX_SIZE (8 * 65535), the largest frame that
segmentation offload hands to a capture. Wireshark and libpcap believe 256 KiB."""

MAX_BLOCK = 1 << 24
"""Longest pcapng block believed, as in Wireshark: key logs and name lists can be long."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a reader made of a window."""

    batch: PacketBatch | None  # its whole packets, if any
    end: int  # index in the window's buffer of the first byte not understood yet
    fault: str | None = None  # why it never will be


class Reader(Protocol):
    """A file format. Made for one file, fed its windows in order."""

    format: str
    interfaces: list[Interface]
    notes: Notes

    def read(self, window: Window) -> Step:
        """Take whole records off the window's start; never raises on any bytes."""
