"""What a capture says besides its packets: remarks, counts of losses, names, keys.

Kept in bounded room, for whoever asks: a file of nothing else must not fill memory.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from smtpsniff.capture import pcapng_blocks as blocks

MAX_COMMENTS = 10_000  # packets with comments; a person writes a few, a script perhaps one a packet
MAX_REMARKS = 1000  # comments on sections
MAX_NAMES = 10_000  # addresses with names
MAX_SECRETS = 1 << 24  # bytes: as long as the longest block

TLS_KEY_LOG = 0x544C534B  # "TLSK": lines of an NSS key log
IPV4_RECORD, IPV6_RECORD = 1, 2
ADDRESS_SIZES = {IPV4_RECORD: 4, IPV6_RECORD: 16}


@dataclass(slots=True)
class Statistics:
    """What one interface counted, as far as the file says."""

    received: int | None = None
    dropped: int | None = None  # by the interface, for want of room
    dropped_by_system: int | None = None

    @property
    def lost(self) -> int | None:
        """Packets that came, but were not captured; None where nobody counted."""
        if self.dropped is None and self.dropped_by_system is None:
            return None
        return (self.dropped or 0) + (self.dropped_by_system or 0)


@dataclass(slots=True)
class Notes:
    """Of one capture; `comments` are by frame, `statistics` by interface."""

    comments: dict[int, list[str]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    statistics: dict[int, Statistics] = field(default_factory=dict)
    names: dict[bytes, list[str]] = field(default_factory=dict)  # by address, 4 or 16 bytes
    key_log: bytes = b""
    full: set[str] = field(default_factory=set)  # bounds that were hit

    def comment(self, frame: int, texts: list[str]) -> None:
        """Take the comments of a packet."""
        if len(self.comments) < MAX_COMMENTS:
            self.comments[frame] = texts
        else:
            self.full.add(f"packets with comments: {MAX_COMMENTS}")

    def section(self, options: bytes, order: str) -> None:
        """Take the comments of a section."""
        for code, value in blocks.options(options, order):
            if code == blocks.OPTION_COMMENT and len(self.remarks) < MAX_REMARKS:
                self.remarks.append(blocks.text_of(value, blocks.MAX_TEXT))

    def counted(self, interface: int, options: bytes, order: str) -> None:
        """Take the options of an Interface Statistics Block; the last one counts."""
        found = self.statistics.setdefault(interface, Statistics())
        for code, value in blocks.options(options, order):
            name = COUNTS.get(code)
            if name is not None and len(value) == 8:
                setattr(found, name, struct.unpack(order + "Q", value)[0])

    def name(self, records: bytes, order: str) -> None:
        """Take the records of a Name Resolution Block (section 4.5)."""
        for kind, value in blocks.options(records, order):
            size = ADDRESS_SIZES.get(kind)
            if size is None or len(value) <= size:
                continue
            if len(self.names) >= MAX_NAMES:
                self.full.add(f"addresses with names: {MAX_NAMES}")
                return
            texts = value[size:].rstrip(b"\0").split(b"\0")
            self.names[value[:size]] = [blocks.text_of(t, blocks.MAX_NAME) for t in texts]

    def secret(self, kind: int, data: bytes) -> None:
        """Take the payload of a Decryption Secrets Block (section 4.7)."""
        if kind != TLS_KEY_LOG:
            return
        if len(self.key_log) + len(data) > MAX_SECRETS:
            self.full.add(f"bytes of TLS secrets: {MAX_SECRETS}")
            return
        self.key_log += data if data.endswith(b"\n") else data + b"\n"


COUNTS = {
    blocks.OPTION_RECEIVED: "received",
    blocks.OPTION_DROPPED: "dropped",
    blocks.OPTION_DROPPED_BY_SYSTEM: "dropped_by_system",
}
