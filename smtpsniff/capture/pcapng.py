"""The pcapng format (draft-ietf-opsawg-pcapng): sections of typed blocks."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from smtpsniff.capture import pcapng_blocks as blocks
from smtpsniff.capture.batch import PacketBatch, gather
from smtpsniff.capture.notes import Notes
from smtpsniff.capture.reader import MAX_BLOCK, MAX_RECORD, Step

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from smtpsniff.capture.batch import Buffer
    from smtpsniff.capture.interface import Interface
    from smtpsniff.capture.source import Window

    Columns = NDArray[np.int64]
    Check = tuple[Columns | slice, NDArray[np.bool_], str]


@dataclass(slots=True)
class Packets:
    """Packet blocks as columns, in file order."""

    block: Columns  # index into the blocks of this run
    offset: Columns  # of the data in the buffer
    captured: Columns
    length: Columns
    room: Columns  # bytes the block has for the data
    interface: Columns  # index within the section
    ticks: NDArray[np.uint64]
    timed: NDArray[np.bool_]  # Simple Packet Blocks have no time

    def __getitem__(self, rows: Columns | NDArray[np.bool_]) -> Packets:
        return Packets(*(getattr(self, name)[rows] for name in self.__slots__))


class PcapngReader:
    """Reads pcapng; a step ends where a section ends, as the byte order may change there."""

    format = "pcapng"

    def __init__(self, file: int) -> None:
        self.interfaces: list[Interface] = []
        self.notes = Notes()
        self._file = file
        self._section = 0  # the first of this section's interfaces
        self._layouts = blocks.Layouts.of("<")
        self._frames = 0
        self._time = 0

    def read(self, window: Window) -> Step:
        """Whole blocks from the window's start on, at most to the end of the section."""
        buffer, start = window.buffer, window.start
        if buffer[start : start + 4] == blocks.SECTION_MAGIC:
            try:
                start = self._enter(buffer, start, window.end)
            except ValueError as error:
                return Step(None, start, str(error))
            if start == window.start:
                return Step(None, start)
        found, end, fault = self._walk(buffer, start, window.end)
        if not found:
            return Step(None, end, fault)
        offset = np.fromiter(found, np.int64, len(found))
        block = gather(buffer, offset, self._layouts.block)
        size = block["size"].astype(np.int64)
        whole = len(offset) - (end > window.end)
        checks: list[Check] = [(slice(None), size > MAX_BLOCK, "a block of impossible length")]
        checks += self._check_blocks(buffer, offset[:whole], block["kind"][:whole], size[:whole])
        sound, reason = _first(checks, whole)
        packets = self._packets(buffer, offset[:sound], block["kind"][:sound], size[:sound])
        described = np.flatnonzero(block["kind"][:sound] == blocks.INTERFACE)
        good, worse = _first(self._check_packets(packets, described), sound)
        for row in described[described < good].tolist():
            raw = buffer[found[row] : found[row] + int(size[row])]
            self.interfaces.append(blocks.parse_interface(raw, self._layouts.order))
        for row in np.flatnonzero(np.isin(block["kind"][:good], list(blocks.NOTES))).tolist():
            self._note(int(block["kind"][row]), buffer[found[row] : found[row] + int(size[row])])
        batch = self._batch(buffer, packets[packets.block < good], block["kind"][:good])
        if good < len(found):
            return Step(batch, found[good], worse or reason)
        return Step(batch, end, fault)

    def _note(self, kind: int, raw: bytes) -> None:
        """Take what a block tells of the packets."""
        order = self._layouts.order
        if len(raw) < blocks.NOTES[kind]:
            return
        if kind == blocks.NAMES:
            self.notes.name(raw[8:-4], order)
        elif kind == blocks.STATISTICS:
            (which,) = struct.unpack_from(order + "I", raw, 8)
            if which < len(self.interfaces) - self._section:
                self.notes.counted(which + self._section, raw[20:-4], order)
        else:
            secret, size = struct.unpack_from(order + "II", raw, 8)
            self.notes.secret(secret, raw[16 : min(16 + size, len(raw) - 4)])

    def _remark(self, buffer: Buffer, packets: Packets, frame: Columns) -> None:
        """Take the comments of packets; few have options, and of these few have comments."""
        at = packets.captured + (-packets.captured & 3)
        rows = np.flatnonzero(packets.timed & (at + 4 <= packets.room))
        if not rows.size:
            return
        at, end = (packets.offset + at)[rows], (packets.offset + packets.room)[rows]
        here = at.copy()
        active = np.arange(len(rows))
        commented: list[int] = []
        for _ in range(blocks.MAX_OPTIONS):
            option = gather(buffer, here[active], self._layouts.option)
            commented += active[option["code"] == blocks.OPTION_COMMENT].tolist()
            size = option["size"].astype(np.int64)
            here[active] += 4 + size + (-size & 3)
            goes_on = option["code"] > blocks.OPTION_COMMENT
            active = active[goes_on & (here[active] + 4 <= end[active])]
            if not active.size:
                break
        for row in sorted(commented):
            found = blocks.options(buffer[int(at[row]) : int(end[row])], self._layouts.order)
            texts = [value for code, value in found if code == blocks.OPTION_COMMENT]
            if texts:
                told = [blocks.text_of(text, blocks.MAX_TEXT) for text in texts]
                self.notes.comment(int(frame[rows[row]]), told)

    def _enter(self, buffer: Buffer, start: int, end: int) -> int:
        """Take a Section Header Block; its end, or `start` when it is not there yet."""
        if end - start < blocks.SHORTEST[blocks.SECTION]:
            return start
        order, size = blocks.parse_section(buffer[start : start + 16])
        if end - start < size:
            return start
        if struct.unpack_from(order + "I", buffer, start + size - 4) != (size,):
            raise ValueError("a section header whose two lengths differ")
        self._section = len(self.interfaces)
        self._layouts = blocks.Layouts.of(order)
        self.notes.section(buffer[start + 24 : start + size - 4], order)
        return start + size

    def _walk(self, buffer: Buffer, position: int, end: int) -> tuple[list[int], int, str | None]:
        """Where each block starts, where the one after the last would, and what stopped it."""
        found: list[int] = []
        append, unpack = found.append, struct.Struct(self._layouts.order + "II").unpack_from
        section, frame = blocks.SECTION, blocks.FRAME
        last = end - frame
        for _ in range(end // frame + 1):
            if position > last:
                break
            kind, size = unpack(buffer, position)
            if kind == section:
                break
            if size < frame:
                return found, position, f"a block that claims {size} bytes"
            append(position)
            position += size
        return found, position, None

    def _check_blocks(
        self, buffer: Buffer, offset: Columns, kind: NDArray[np.uint32], size: Columns
    ) -> list[Check]:
        """Tests of whole blocks: the rows tested, where they fail, and what that means."""
        end = np.minimum(offset + size, len(buffer))
        again = gather(buffer, end - 4, self._layouts.word)
        checks: list[Check] = [
            (slice(None), again != size, "a block whose two lengths differ"),
            (slice(None), (size & 3) != 0, "a block whose length is no multiple of four"),
        ]
        for number, least in blocks.SHORTEST.items():
            checks.append((slice(None), (kind == number) & (size < least), "a block too short"))
        return checks

    def _packets(
        self, buffer: Buffer, offset: Columns, kind: NDArray[np.uint32], size: Columns
    ) -> Packets:
        obsolete = kind == blocks.PACKET
        timed = self._timed(
            buffer, offset, size, np.flatnonzero((kind == blocks.ENHANCED) | obsolete), obsolete
        )
        rows = np.flatnonzero(kind == blocks.SIMPLE)
        if not rows.size:
            return timed
        header = gather(buffer, offset[rows], self._layouts.simple)
        room = size[rows] - blocks.SHORTEST[blocks.SIMPLE]
        length = header["length"].astype(np.int64)
        zero = np.zeros_like(rows)
        simple = Packets(
            rows, offset[rows] + 12, np.minimum(length, room), length, room, zero,
            zero.astype(np.uint64), zero.astype(np.bool_),
        )  # fmt: skip
        both = Packets(
            *(
                np.concatenate((getattr(timed, name), getattr(simple, name)))
                for name in Packets.__slots__
            )
        )
        return both[np.argsort(both.block, kind="stable")]

    def _timed(
        self, buffer: Buffer, offset: Columns, size: Columns, rows: Columns,
        obsolete: NDArray[np.bool_],
    ) -> Packets:  # fmt: skip
        header = gather(buffer, offset[rows], self._layouts.timed)
        interface = header["interface"].astype(np.int64)
        if obsolete.any():
            interface = np.where(obsolete[rows], header["short_interface"], interface)
        return Packets(
            block=rows,
            offset=offset[rows] + 28,
            captured=header["captured"].astype(np.int64),
            length=header["length"].astype(np.int64),
            room=size[rows] - blocks.SHORTEST[blocks.ENHANCED],
            interface=interface,
            ticks=header["high"].astype(np.uint64) << np.uint64(32) | header["low"],
            timed=np.ones(len(rows), np.bool_),
        )

    def _check_packets(self, packets: Packets, described: Columns) -> list[Check]:
        """Tests of packet blocks; `described` are the interface blocks of this run."""
        before = len(self.interfaces) - self._section
        known = before + np.searchsorted(described, packets.block)
        too_many = described[max(0, blocks.MAX_INTERFACES - len(self.interfaces)) :]
        return [
            (packets.block, packets.interface >= known, "a packet of an unknown interface"),
            (packets.block, packets.captured > packets.room, "a packet longer than its block"),
            (
                packets.block,
                packets.captured > MAX_RECORD,
                f"a packet longer than the {MAX_RECORD} bytes that are believed",
            ),
            (too_many, np.ones(len(too_many), np.bool_), "too many interfaces"),
        ]

    def _batch(
        self, buffer: Buffer, packets: Packets, kind: NDArray[np.uint32]
    ) -> PacketBatch | None:
        frame = self._number(packets.block, kind)
        if not len(packets.block):
            return None
        self._remark(buffer, packets, frame)
        captured = packets.captured
        if not packets.timed.all():  # a Simple Packet Block leaves its snap length to the interface
            snaplen = self.interfaces[self._section].snaplen or MAX_RECORD
            captured = np.where(packets.timed, captured, np.minimum(captured, snaplen))
        time, link = self._by_interface(packets)
        return PacketBatch(
            buffer=buffer,
            offset=packets.offset,
            captured=captured,
            length=np.clip(packets.length, captured, MAX_RECORD),
            time=self._fill(time, packets.timed),
            frame=frame,
            link=link,
            interface=(packets.interface + self._section).astype(np.int32),
            file=self._file,
        )

    def _number(self, packet: Columns, kind: NDArray[np.uint32]) -> Columns:
        """Frame numbers of the packet blocks, as Wireshark gives them."""
        counted = np.zeros(len(kind), np.bool_)
        counted[packet] = True
        if len(packet) < len(kind):
            for number in blocks.RECORDS:
                counted |= kind == number
        numbers = np.cumsum(counted) + self._frames
        self._frames = int(numbers[-1]) if len(numbers) else self._frames
        return numbers[packet]

    def _by_interface(self, packets: Packets) -> tuple[Columns, NDArray[np.uint16]]:
        """Time and link type of each packet, which its interface decides."""
        count = len(packets.block)
        time, link = np.empty(count, np.int64), np.empty(count, np.uint16)
        groups: list[Any] = [slice(None)]
        if packets.interface.min() != packets.interface.max():
            order = np.argsort(packets.interface, kind="stable")
            groups = np.split(order, np.flatnonzero(np.diff(packets.interface[order])) + 1)
        for rows in groups:
            which = int(packets.interface[rows][0])
            interface = self.interfaces[self._section + which]
            time[rows] = interface.nanoseconds(packets.ticks[rows])
            link[rows] = interface.link
        return time, link

    def _fill(self, time: Columns, timed: NDArray[np.bool_]) -> Columns:
        """Give each packet without a time that of the one before, so that order survives."""
        if not timed.all():
            latest = np.maximum.accumulate(np.where(timed, np.arange(len(time)), -1))
            time = np.where(latest >= 0, time[latest], self._time)
        self._time = int(time[-1])
        return time


def _first(checks: list[Check], count: int) -> tuple[int, str | None]:
    """The first of `count` rows that fails a check and why; `count` when none does."""
    first, reason = count, None
    for rows, failed, text in checks:
        where = np.flatnonzero(failed)
        if where.size:
            row = int(where[0] if isinstance(rows, slice) else rows[where[0]])
            if row < first or (row == first and reason is None):
                first, reason = row, text
    return first, reason
