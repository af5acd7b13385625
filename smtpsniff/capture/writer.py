"""Writes packets as pcapng (draft-ietf-opsawg-pcapng): what a slice and a live capture keep.

Bytes, lengths, comments and clocks stay as they were: each source interface gets its own
Interface Description Block with its own resolution. A clock finer than a nanosecond is written
in nanoseconds, as no more is known of it here.
"""

from __future__ import annotations

import struct
import sys
from typing import TYPE_CHECKING, BinaryIO

from smtpsniff.capture import pcapng_blocks as blocks
from smtpsniff.capture.errors import CaptureError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from smtpsniff.capture.batch import PacketBatch
    from smtpsniff.capture.interface import Interface

STANDARD_OUTPUT = "-"
LONGEST_OPTION = 0xFFFF  # what the length field of an option holds
LATEST_TICKS = 2**64 - 1
UNKNOWN_LENGTH = 2**64 - 1  # of a section
BYTE_ORDER_MAGIC = 0x1A2B3C4D


def create(path: str, *, force: bool = False) -> BinaryIO:
    """Open a file for writing; "-" is standard output. CaptureError when that cannot be.

    What exists is only written over with `force`.
    """
    if path == STANDARD_OUTPUT:
        return sys.stdout.buffer
    try:
        return open(path, "wb" if force else "xb")
    except FileExistsError:
        raise CaptureError(path, "exists already (--force writes over it)") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CaptureError(path, f"cannot be written: {reason[:1].lower()}{reason[1:]}") from None


class PcapngWriter:
    """One section, in which interfaces may come at any time before their packets.

    Nothing is held back: what was written is in `file`, whose buffering and closing are the
    caller's. `OSError` is whatever the file says.
    """

    def __init__(self, file: BinaryIO, *, application: str = "", comment: str = "") -> None:
        self._file = file
        self._interfaces: list[Interface] = []
        self._known: dict[int, dict[int, int]] = {}  # file -> its interface -> the one here
        self.packets = 0  # written so far
        options = _texts((blocks.OPTION_COMMENT, comment), (blocks.OPTION_APPLICATION, application))
        head = struct.pack("<IHHQ", BYTE_ORDER_MAGIC, 1, 0, UNKNOWN_LENGTH)
        file.write(_block(blocks.SECTION, head + _ended(options)))

    def add(self, interface: Interface) -> int:
        """Describe an interface; the number that its packets carry here."""
        options = _texts(
            (blocks.OPTION_NAME, interface.name),
            (blocks.OPTION_DESCRIPTION, interface.description),
            (blocks.OPTION_FILTER, interface.filter and blocks.FILTER_IS_TEXT + interface.filter),
            (blocks.OPTION_HARDWARE, interface.hardware),
            (blocks.OPTION_OS, interface.os),
        )
        options += _option(blocks.OPTION_RESOLUTION, bytes([interface.written_resolution]))
        if interface.offset:
            options += _option(blocks.OPTION_OFFSET, struct.pack("<q", interface.offset))
        head = struct.pack("<HHI", interface.link, 0, interface.snaplen)
        self._file.write(_block(blocks.INTERFACE, head + _ended(options)))
        self._interfaces.append(interface)
        return len(self._interfaces) - 1

    def packet(
        self, interface: int, time: int, data: bytes, length: int, comments: Iterable[str] = ()
    ) -> None:
        """One packet: nanoseconds since 1970 UTC, captured bytes, and their number on the wire."""
        ticks = self._interfaces[interface].ticks(time)
        head = struct.pack(
            "<IIIII", interface, ticks >> 32, ticks & 0xFFFFFFFF, len(data), max(length, len(data))
        )
        options = _texts(*((blocks.OPTION_COMMENT, comment) for comment in comments))
        body = head + data + b"\0" * (-len(data) % 4) + _ended(options)
        self._file.write(_block(blocks.ENHANCED, body))
        self.packets += 1

    def batch(
        self,
        batch: PacketBatch,
        interfaces: Sequence[Interface],
        rows: Iterable[int] | None = None,
        comments: dict[int, list[str]] | None = None,
    ) -> None:
        """Packets of a batch: those of `rows`, or all.

        `interfaces` are those of the batch's file, described here when their first packet
        comes; `comments` are by frame.
        """
        known = self._known.setdefault(batch.file, {})
        comments = comments or {}
        for row in range(len(batch)) if rows is None else rows:
            source = int(batch.interface[row])
            if source not in known:
                known[source] = self.add(interfaces[source])
            self.packet(
                known[source],
                int(batch.time[row]),
                batch.packet(row),
                int(batch.length[row]),
                comments.get(int(batch.frame[row]), ()) if comments else (),
            )

    def statistics(
        self, interface: int, time: int, *, received: int | None = None, dropped: int | None = None
    ) -> None:
        """What an interface counted up to `time` (Interface Statistics Block, section 4.6)."""
        ticks = self._interfaces[interface].ticks(time)
        options = b"".join(
            _option(code, struct.pack("<Q", count))
            for code, count in (
                (blocks.OPTION_RECEIVED, received), (blocks.OPTION_DROPPED, dropped),
            )
            if count is not None
        )  # fmt: skip
        head = struct.pack("<III", interface, ticks >> 32, ticks & 0xFFFFFFFF)
        self._file.write(_block(blocks.STATISTICS, head + _ended(options)))


def _block(kind: int, body: bytes) -> bytes:
    size = len(body) + blocks.FRAME
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)


def _texts(*texts: tuple[int, str]) -> bytes:
    """Options of text; those that are empty are left out."""
    return b"".join(
        _option(code, text.encode("utf-8", "backslashreplace")) for code, text in texts if text
    )


def _ended(options: bytes) -> bytes:
    """Options with the end of options, where there are any."""
    return options and options + _option(blocks.OPTION_END, b"")


def _option(code: int, value: bytes) -> bytes:
    value = value[:LONGEST_OPTION]
    return struct.pack("<HH", code, len(value)) + value + b"\0" * (-len(value) % 4)
