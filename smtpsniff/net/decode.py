"""Packets to segments: headers are taken off in columns, all packets a layer at a time.

Nearly always that is one look at the link layer and one at IP. What has more layers goes round
until TCP is reached or nothing that could lead there (net/steps.py). Link layers that no table
knows leave by the side door, one packet at a time.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from smtpsniff.net import link
from smtpsniff.net.batch import COLUMNS, SegmentBatch
from smtpsniff.net.endpoint import KEY
from smtpsniff.net.fragments import Fragments, piece
from smtpsniff.net.headers import (
    FRAGMENT,
    ICMP_V4,
    ICMP_V6,
    IP_V4,
    IP_V6,
    LONGEST_802_3,
    TCP_PROTOCOL,
    UDP,
)
from smtpsniff.net.icmp import unreachable
from smtpsniff.net.ip import Datagrams, ipv4, ipv6
from smtpsniff.net.outside import IP, Outside
from smtpsniff.net.place import LINK, LLC, NOTHING, PROTOCOL, VERSION, Places, kinds_of, together
from smtpsniff.net.steps import ALIASES, STEPS
from smtpsniff.net.tcp import segments
from smtpsniff.net.tunnels import udp

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from smtpsniff.capture.batch import Buffer, PacketBatch
    from smtpsniff.net.place import Columns

    Door = Callable[[int, bytes], list[bytes]]

MAX_LAYERS = 32
"""Headers taken off one packet: real ones have a dozen, a packet of tags or tunnels within
tunnels is an attack (fragments of tunnels of fragments count on)."""

TOO_DEEP = f"layers of one packet: {MAX_LAYERS}"

_PARSERS = {IP_V4: ipv4, IP_V6: ipv6}
_KNOWN = {*STEPS, *ALIASES, *_PARSERS}
_TUNNELS = np.zeros(256, np.bool_)  # IP protocols that may carry more
_TUNNELS[[UDP, *(kind - PROTOCOL for kind in _KNOWN if PROTOCOL <= kind < PROTOCOL + 256)]] = True
_TYPES = np.zeros(65536, np.bool_)  # what a link layer says that may lead to TCP
_TYPES[[kind for kind in _KNOWN if kind < 65536]] = True
_TYPES[: LONGEST_802_3 + 1] = _TYPES[link.UNKNOWN] = True


def decode(
    batch: PacketBatch,
    door: Door | None = None,
    key: bytes = KEY,
    fragments: Fragments | None = None,
) -> SegmentBatch:
    """The TCP segments of a window.

    `door(link type, packet)` takes apart link layers that no table knows and returns the IP
    packets inside; without it, such packets count as others. `key` seeds IPv6 endpoint ids.
    `fragments` holds those that wait for the next window; without it, none does.
    """
    network, kind = link.network_headers(batch)
    walk = _Walk(batch, key)
    walk.undecoded = int(np.count_nonzero(kind == link.CUT))
    wire, stop = batch.offset + batch.length, batch.offset + batch.captured
    left = np.ones(len(batch), np.bool_)
    for version in (IP_V4, IP_V6):
        mask = kind == version
        rows = np.flatnonzero(mask)
        if len(rows) == len(batch):
            walk.ip(version, Places(rows, network, wire, stop))
            left = ~mask
        elif rows.size:
            walk.ip(version, Places(rows, network[rows], wire[rows], stop[rows]))
            left &= ~mask
    if left.any():
        rows = np.flatnonzero(left & _TYPES[kind])
        walk.begin(Places(rows, network[rows], wire[rows], stop[rows]), kind[rows], door)
    if fragments is None:
        fragments = Fragments()
    elif len(fragments) and len(batch):
        fragments.expire(int(batch.time[0]))
    walk.go_on(fragments)
    return walk.result()


class _Walk:
    """The headers of one window that are yet to be read, and the segments found so far."""

    def __init__(self, batch: PacketBatch, key: bytes) -> None:
        self.batch = batch
        self.key = key
        self.undecoded = 0
        self.limits: set[str] = set()
        self.parts: list[SegmentBatch] = []
        self.todo: dict[int, list[Places]] = {}
        self.cut: list[Datagrams] = []  # fragments
        self.outside = Outside.of(batch)

    def ip(self, version: int, part: Places) -> None:
        """Read IP headers: segments and errors are taken, other layers left to do."""
        batch = self.batch
        found = _PARSERS[version](batch.buffer, part)
        sound = found.pick(found.sound)
        self.undecoded += len(found.row) - len(sound.row)
        tcp = sound.protocol == TCP_PROTOCOL
        carried = segments(batch, sound.pick(tcp), self.key)
        self.undecoded += carried.undecoded
        self.parts.append(carried)
        if tcp.all():
            return
        for protocol in (ICMP_V4, ICMP_V6):
            errors = sound.protocol == protocol
            if errors.any():
                carried.unreachable += unreachable(batch, sound.pick(errors), protocol)
        parted = sound.protocol == FRAGMENT
        if parted.any():
            self.cut.append(sound.pick(parted))
        inner = _TUNNELS[sound.protocol]
        if inner.any():
            self._tunnels(sound.pick(inner))

    def _tunnels(self, part: Datagrams) -> None:
        """Leave to do what IP carries; of UDP, only what goes where a tunnel listens."""
        places = Places(part.row, part.transport, part.end, part.stop)
        kind = part.protocol.astype(np.int64) + PROTOCOL
        over_udp = np.flatnonzero(part.protocol == UDP)
        if over_udp.size:
            at, port = udp(self.batch.buffer, places.pick(over_udp))
            places.at = places.at.copy()
            places.at[over_udp], kind[over_udp] = at, port
        leads = kind != NOTHING
        if leads.any():
            self._leave_to_do(places.pick(leads), kind[leads])
            self.outside.steps.append((IP, part.row[leads], part.network[leads]))

    def begin(self, part: Places, kind: NDArray[np.uint16], door: Door | None) -> None:
        """Take what is neither IPv4 nor IPv6 behind its link header."""
        kinds = kind.astype(np.int64)
        kinds[kind <= LONGEST_802_3] = LLC
        unknown = np.flatnonzero(kind == link.UNKNOWN)
        if unknown.size:
            links = self.batch.link[part.row[unknown]].astype(np.int64) + LINK
            kinds[unknown] = links
            foreign = ~np.isin(links, list(_KNOWN))
            if door is not None and foreign.any():
                self._through_door(part.row[unknown[foreign]].tolist(), door)
        self._leave_to_do(part, kinds)

    def go_on(self, fragments: Fragments) -> None:
        """Take off layer by layer, and put fragments together, until nothing is left to do."""
        for _ in range(MAX_LAYERS):
            if not self.todo:
                self._put_together(fragments)
            if not self.todo:
                return
            todo, self.todo = self.todo, {}
            for kind, parts in todo.items():
                self._take(kind, together(parts))
        if self.todo or self.cut:
            self.limits.add(TOO_DEEP)

    def result(self) -> SegmentBatch:
        """All segments in frame order."""
        if not self.parts:
            none = np.zeros(0, np.int64)
            self.ip(IP_V4, Places(none, none, none, none))
        result = _join(self.batch.buffer, self.parts)
        result.undecoded += self.undecoded
        result.limits = self.limits
        if self.outside.steps or self.outside.added_row:
            result.outside = self.outside
            result.others = len(self.batch) - len(np.unique(result.frame))
        else:
            result.others = len(self.batch) - len(result)
        return result

    def _take(self, kind: int, part: Places) -> None:
        """Read the headers of one kind."""
        if kind in _PARSERS:
            self.ip(kind, part)
            return
        step = STEPS[kind]
        whole = part.at + step.size <= part.stop
        if not whole.all():
            self.undecoded += int(np.count_nonzero(~whole))
            part = part.pick(whole)
        if len(part):
            at, kinds = step.read(self.batch.buffer, part)
            if step.layer is not None:
                self.outside.steps.append((step.layer, part.row, part.at))
            self._leave_to_do(Places(part.row, at, part.end, part.stop), kinds)

    def _leave_to_do(self, part: Places, kind: Columns) -> None:
        """Sort headers by kind; those that lead nowhere, or begin where nothing is, are let go."""
        kind = np.where(part.at < part.stop, kind, NOTHING)
        for number in kinds_of(kind):
            if number in _KNOWN:
                chosen = kind == number
                same = part if chosen.all() else part.pick(chosen)
                self.todo.setdefault(ALIASES.get(number, number), []).append(same)

    def _put_together(self, fragments: Fragments) -> None:
        """Hand fragments over in order of their packets; go on with what they complete."""
        places = [
            (*place, index)
            for index, part in enumerate(self.cut)
            for place in zip(
                part.row.tolist(), part.network.tolist(), part.transport.tolist(),
                part.end.tolist(), part.stop.tolist(), strict=True,
            )
        ]  # fmt: skip
        self.cut = []
        if not places:
            return
        found, origin, missing = [], [], []
        for row, network, transport, end, stop, _ in sorted(places):
            part = piece(self.batch.buffer, network, transport, end, stop)
            whole = fragments.add(part, int(self.batch.time[row]))
            if whole is not None:
                found.append(whole.packet)
                origin.append(row)
                missing.append(whole.missing)
        self.limits |= fragments.limits
        self._add(found, origin, missing)

    def _through_door(self, rows: list[int], door: Door) -> None:
        """Go on with what the side door finds in these packets."""
        found: list[bytes] = []
        origin: list[int] = []
        for row in rows:
            inner = door(int(self.batch.link[row]), self.batch.packet(row))
            found += inner
            origin += [row] * len(inner)
        cut = (self.batch.length - self.batch.captured)[origin].tolist()  # by the snap length
        self._add(found, origin, cut)

    def _add(self, packets: list[bytes], origin: list[int], missing: list[int]) -> None:
        """Append IP packets to the window; `missing` bytes at their ends were not captured."""
        if not packets:
            return
        size = len(self.batch.buffer)
        captured = np.fromiter(map(len, packets), np.int64, len(packets))
        buffer = b"".join((memoryview(self.batch.buffer), *packets))
        self.batch = replace(self.batch, buffer=buffer)
        stop = size + np.cumsum(captured)
        at = stop - captured
        self.outside.added_at += at.tolist()
        self.outside.added_row += origin
        part = Places(np.array(origin, np.int64), at, stop + np.array(missing, np.int64), stop)
        self._leave_to_do(part, np.full(len(packets), VERSION, np.int64))


def _join(buffer: Buffer, parts: list[SegmentBatch]) -> SegmentBatch:
    """Batches as one, in frame order; their offsets are into `buffer`."""
    filled = [part for part in parts if len(part)] or parts[:1]
    columns = {name: getattr(filled[0], name) for name in COLUMNS}
    if len(filled) > 1:
        frames = np.concatenate([part.frame for part in filled])
        order = np.argsort(frames, kind="stable")
        for name in COLUMNS:
            columns[name] = np.concatenate([getattr(part, name) for part in filled])[order]
    return SegmentBatch(
        buffer=buffer,
        **columns,
        unreachable=sorted(
            (error for part in parts for error in part.unreachable), key=lambda error: error.frame
        ),
    )
