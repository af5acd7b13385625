"""The packets of chosen sessions, byte for byte, as a capture of their own.

Packets are found by going through the capture once more: those whose segments are of a session,
with whatever tunnel is around them; all fragments of a packet that was put together; errors that
routers sent about it. Then they are written in the order in which the capture has them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from ipaddress import ip_address
from itertools import permutations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from smtpsniff.capture.scapy_door import slow_decode
from smtpsniff.net import Fragments, decode, endpoints
from smtpsniff.net.fragments import MAX_DATAGRAMS, MAX_PIECES
from smtpsniff.pipeline.packets import Packets

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from smtpsniff.capture import PacketBatch
    from smtpsniff.capture.writer import PcapngWriter
    from smtpsniff.net import SegmentBatch
    from smtpsniff.net.fragments import Piece, Whole

    End = tuple[str, int]
    Came = tuple[int, bytes, bytes]  # time, addresses and bytes of a fragment

__all__ = ["Span", "write_slice"]

V6_KEY = 32  # bytes that the key of an IPv6 packet's fragments has at least: its addresses


class Span(NamedTuple):
    """Where a session is: its ends, its first and last frame as counted through all files."""

    client: End
    server: End
    first: int
    last: int


def write_slice(
    paths: list[str], spans: Iterable[Span], writer: PcapngWriter, window: int | None = None
) -> None:
    """Write the packets of these sessions. `OSError` when writing fails."""
    found = _Found(spans)
    fragments = _Traced()
    for batch in Packets(paths, window):
        if len(batch):
            found.look(batch, decode(batch, slow_decode, fragments=fragments), fragments)
    frames, times = found.frames(), np.array(sorted(found.pieces), np.int64)
    packets = Packets(paths, window)
    for batch in packets:
        wanted = np.isin(batch.frame, frames)
        for row in np.flatnonzero(np.isin(batch.time, times)).tolist():
            packet = batch.packet(row)
            pieces = found.pieces[int(batch.time[row])]
            wanted[row] |= any(ends in packet and data in packet for ends, data in pieces)
        rows = np.flatnonzero(wanted)
        writer.batch(batch, packets.interfaces, rows.tolist(), packets.comments(batch, rows))


class _Found:
    """Frames that belong to the sessions, found so far."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._spans: dict[frozenset[End], list[Span]] = {}
        for span in sorted(spans, key=lambda span: span.first):
            self._spans.setdefault(frozenset((span.client, span.server)), []).append(span)
        ports = {port for pair in self._spans for _, port in pair}
        self._ports = np.array(sorted(ports), np.uint16)
        self._frames: list[NDArray[np.int64]] = []
        # Addresses and bytes of fragments, by their time.
        self.pieces: dict[int, list[tuple[bytes, bytes]]] = {}
        self._hosts = {
            ip_address(a).packed + ip_address(b).packed
            for pair in self._spans
            for (a, _), (b, _) in permutations(pair, 2)
        }

    def frames(self) -> NDArray[np.int64]:
        """All of them."""
        return np.unique(np.concatenate([np.zeros(0, np.int64), *self._frames]))

    def look(self, batch: PacketBatch, segments: SegmentBatch, fragments: _Traced) -> None:
        """Take note of what of a window belongs to the sessions."""
        ours = np.isin(segments.sport, self._ports) & np.isin(segments.dport, self._ports)
        frames = []
        for row in np.flatnonzero(ours).tolist():
            source, sport, target, dport = endpoints(segments, row)
            frame = int(segments.frame[row])
            span = self._span((source, sport), (target, dport), frame)
            if span is not None and frame <= span.last:
                frames.append(frame)
        for error in segments.unreachable:
            ends = (error.source, error.sport), (error.destination, error.dport)
            if self._span(*ends, error.frame) is not None:
                frames.append(error.frame)
        self._frames.append(np.array(frames, np.int64))
        if fragments.completed:
            whole = fragments.completed
            rows = np.flatnonzero(np.isin(batch.frame, frames))
            for time in batch.time[rows].tolist():
                # Others may have been completed at that time. Of a tunnel that was cut itself,
                # whose hosts are others, only the last piece is known to be ours.
                for pieces in whole.get(time, []):
                    for moment, hosts, data in pieces if pieces[0][1] in self._hosts else ():
                        self.pieces.setdefault(moment, []).append((hosts, data))
            fragments.completed = {}

    def _span(self, one: End, other: End, frame: int) -> Span | None:
        """The session between these ends that has begun at that frame."""
        spans = self._spans.get(frozenset((one, other)), [])
        at = bisect_right(spans, frame, key=lambda span: span.first)
        return spans[at - 1] if at else None


class _Traced(Fragments):
    """Fragments that know when each piece came: that is how their packets are found again."""

    def __init__(self) -> None:
        super().__init__()
        self._came: OrderedDict[bytes, list[Came]] = OrderedDict()
        # Time of the piece that completed a packet -> all pieces of each such packet.
        self.completed: dict[int, list[list[Came]]] = {}

    def add(self, part: Piece, time: int) -> Whole | None:
        """Take a fragment, and note it."""
        came = self._came.setdefault(part.key, [])
        if len(came) < MAX_PIECES:
            came.append((time, part.key[: 8 if len(part.key) < V6_KEY else 32], part.data))
        whole = super().add(part, time)
        if whole is not None:
            self.completed.setdefault(time, []).append(self._came.pop(part.key))
        elif len(self._came) > MAX_DATAGRAMS:
            self._came.popitem(last=False)
        return whole
