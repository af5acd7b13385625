"""Numbers of sessions before any selection: a packet filter must not change them.

Goes through all packets beside the analysis of the chosen ones, and takes note of where each
session begins; nobody reads what they say.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from smtpsniff.pipeline.recognition import Recognition

if TYPE_CHECKING:
    from smtpsniff.net import SegmentBatch
    from smtpsniff.records import Endpoint, Session
    from smtpsniff.tcp import Connection

    Pair = tuple[tuple[str, int], tuple[str, int]]

__all__ = ["Census"]


class Census:
    """Sessions of the whole capture: `began` since it was last emptied, and `settled`."""

    def __init__(self, ports: frozenset[int], shard: tuple[int, int]) -> None:
        self._known = Recognition(ports, shard)
        self._firsts: dict[Pair, list[int]] = {}
        self.began: list[int] = []
        self.settled = 0

    def feed(self, segments: SegmentBatch, file: int, now: int, last: int) -> None:
        """A window of all packets, the last of which is frame `last` of the whole capture."""
        self._note(self._known.table.feed(segments, file, now), last)
        for connection in self._known.table.touched:
            if id(connection) in self._known.sessions:
                for side in connection.sides:
                    side.stream.release(side.stream.end)

    def wait(self, now: int, last: int) -> None:
        """Nothing came, but time went by."""
        self._note(self._known.table.wait(now), last)

    def finish(self) -> None:
        """The capture is over."""
        self._note(self._known.table.finish(), -1)

    def _note(self, ended: list[Connection], last: int) -> None:
        for connection in self._known.began(ended):
            self._add(_pair(*connection.endpoints), connection.first_frame)
        for connection in ended:
            self._known.sessions.pop(id(connection), None)
        self._known.table.opened = []
        self.settled = self._known.settled(last)

    def _add(self, pair: Pair, first_frame: int) -> None:
        self._firsts.setdefault(pair, []).append(first_frame)
        self.began.append(first_frame)

    def first_frame(self, session: Session, seen: int) -> int:
        """Where this session begins, the chosen packets of which begin at `seen`.

        One that only the chosen packets show to be mail begins where it was seen.
        """
        pair = _pair(_end(session.client), _end(session.server))
        firsts = self._firsts.get(pair, ())
        at = bisect_right(firsts, seen)
        if at:
            return firsts[at - 1]
        self._add(pair, seen)
        return seen


def _end(endpoint: Endpoint) -> tuple[str, int]:
    return endpoint.ip, endpoint.port


def _pair(one: tuple[str, int], other: tuple[str, int]) -> Pair:
    """Both ends, in one order whoever is the client."""
    return (one, other) if one <= other else (other, one)
