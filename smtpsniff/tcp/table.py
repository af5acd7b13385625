"""All connections of a capture, fed window by window.

A window is grouped in columns (`columns.group`). A run whose sequence numbers are all the
expected ones joins its payload slices; only the others go through `reassembly`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from smtpsniff.net import encapsulation, endpoints, first_bytes
from smtpsniff.tcp.columns import Runs, group, pair_key, pair_keys
from smtpsniff.tcp.connection import SYN, Connection
from smtpsniff.tcp.copies import Copies
from smtpsniff.tcp.errors import deliver
from smtpsniff.tcp.joining import count_bad, extend, is_next
from smtpsniff.tcp.patience import replay
from smtpsniff.tcp.reassembly import finish, settle
from smtpsniff.tcp.soundness import remember_damage
from smtpsniff.tcp.windows import count_full, may_fill

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from smtpsniff.net import SegmentBatch

__all__ = ["Table"]

# A closed connection is kept this long (nanoseconds of capture) for its stragglers: the last
# ACK, a retransmitted FIN, a RST that answers late data.
LINGER = 5_000_000_000
# Off the mail ports a connection that has not said a word for this long is not waited for.
UNDECIDED = 10_000_000_000
# Silent connections off the mail ports that are remembered from window to window: enough for
# any real traffic, and a port scan cannot fill memory with them.
MAX_UNDECIDED = 20_000
# No packet for this long ends a connection: twice the longest SMTP timeout (10 minutes,
# RFC 5321 §4.5.3.2.6), and more than any NAT or firewall keeps state for idle ports.
IDLE = 1_200_000_000_000
# Open connections at most; the longest idle are given up first, and the run record says so.
MAX_OPEN = 200_000
# Connections of which no more than the first SYN was seen: a server under a flood keeps a few
# thousand (net.ipv4.tcp_max_syn_backlog); the oldest are given up first, and that is told.
MAX_UNANSWERED = 20_000
# Connections of other protocols that are counted one by one; at 60 bytes each.
MAX_OTHERS = 500_000
# Closed four-tuples whose stragglers are not taken for new connections, in two generations.
RECENT = 20_000

Key = tuple[int, int]


class Table:
    """The open connections. Feed it batches; it hands back connections as they end.

    `ports` are taken whole; elsewhere `starts` names the first four payload bytes (big
    endian, letters in lower case) that make a connection worth a look. `shard` is (index, count):
    this table takes the connections of one shard only. `verify` counts bad checksums.
    """

    def __init__(
        self,
        ports: Collection[int],
        starts: Collection[int],
        *,
        shard: tuple[int, int] = (0, 1),
        verify: bool = False,
    ) -> None:
        self._mail = np.zeros(65536, dtype=bool)
        self._mail[list(ports)] = True
        self._starts = np.array(sorted(starts), dtype=np.uint32)
        self._shard = shard
        self._verify = verify
        self._tracked: dict[int, None] = {}  # pair keys off the mail ports that are followed
        self._ignored: set[int] = set()
        self.open: dict[Key, Connection] = {}
        self.undecided: dict[Key, Connection] = {}  # followed, not yet known to be mail
        self._unanswered: dict[Key, None] = {}  # a lone SYN so far
        self._recent: tuple[set[Key], set[Key]] = (set(), set())  # younger, older
        self.now = self.latest = 0
        self.touched: list[Connection] = []  # by the last batch
        self.opened: list[Connection] = []  # in the last batch
        self._followed = 0
        self._others: set[int] = set()  # pair keys of connections that were never followed
        self._copies = Copies()
        self.limits: set[str] = set()

    # -- which rows matter ------------------------------------------------------------

    def _select(self, batch: SegmentBatch) -> NDArray[np.int64]:
        """Rows of connections that are, or may turn out to be, mail."""
        mail = self._mail[batch.sport] | self._mail[batch.dport]
        if mail.all() and self._shard[1] == 1:
            return np.arange(len(mail))
        keys = pair_keys(batch)
        other = np.flatnonzero(~mail)
        if len(other):
            wanted = self._wanted(batch, other, keys[other])
            if len(wanted):
                mail = mail | np.isin(keys, wanted)
        index, count = self._shard
        if count > 1:
            mine = ((keys >> np.uint64(33)) % np.uint64(count)) == np.uint64(index)
            self._count(keys[mine & ~mail])
            mail = mail & mine
        else:
            self._count(keys[~mail])
        return np.flatnonzero(mail)

    def _count(self, keys: NDArray[np.uint64]) -> None:
        """Connections that are not followed count, too, each four-tuple once."""
        if len(keys) and len(self._others) < MAX_OTHERS:
            self._others.update(np.unique(keys).tolist())
            self._others -= self._ignored  # these were followed for a while
            if len(self._others) >= MAX_OTHERS:
                self.limits.add(f"other connections counted: {MAX_OTHERS}")

    @property
    def connections(self) -> int:
        """TCP connections seen, of any kind."""
        return self._followed + len(self._others)

    def _wanted(
        self, batch: SegmentBatch, rows: NDArray[np.int64], keys: NDArray[np.uint64]
    ) -> NDArray[np.uint64]:
        """Pair keys off the mail ports that are worth following."""
        speaks = batch.captured[rows] > 0
        head = first_bytes(batch, rows[speaks])
        # 0x20 lowers letters and leaves digits, blank and minus as they are.
        hot = np.isin(head | np.uint32(0x20202020), self._starts) | (
            batch.captured[rows[speaks]] < 4
        )
        talking = keys[speaks]
        found = set(np.unique(talking[hot]).tolist())
        is_syn = batch.flags[rows] & SYN != 0
        recent = batch.time[rows] > int(batch.time[-1]) - UNDECIDED
        silent = np.setdiff1d(keys[is_syn & recent], talking)
        if len(silent) > MAX_UNDECIDED:
            self.limits.add(f"silent connections off the mail ports: {MAX_UNDECIDED}")
            silent = silent[:MAX_UNDECIDED]
        found.update(silent.tolist())
        found -= self._ignored
        self._others -= found
        self._tracked.update(dict.fromkeys(found))
        return np.array(list(self._tracked), dtype=np.uint64)

    def forget(self, connection: Connection, key: Key) -> None:
        """This connection off the mail ports carries no mail: follow it no longer."""
        pair = pair_key(key)
        self._tracked.pop(pair, None)
        self._ignored.add(pair)
        if len(self._ignored) > MAX_UNDECIDED:
            self._ignored.clear()
        self.open.pop(key, None)
        self.undecided.pop(key, None)
        self._unanswered.pop(key, None)

    # -- feeding ----------------------------------------------------------------------

    def feed(self, batch: SegmentBatch, file: int = 0, now: int = 0) -> list[Connection]:
        """Take one window's segments; returns the connections that ended.

        `now` is the latest time of the window's packets of any kind, in nanoseconds.
        """
        self.touched, self.opened = [], []
        ended: list[Connection] = []
        last = int(batch.time[-1]) if len(batch.frame) else now
        self.latest = max(self.latest, now, last)
        # Captures put one behind the other may begin anew, days before where they were.
        self.now = max(self.now, now, last)
        if last < self.now - IDLE:
            self.now = last
        if len(batch.frame):
            rows = self._select(batch)
            if len(rows):
                self._feed_rows(batch, rows, file, ended)
        if batch.unreachable:
            deliver(batch.unreachable, [*ended, *self.open.values()])
        self._expire(ended)
        return ended

    def wait(self, now: int) -> list[Connection]:
        """No packet has come up to `now` (nanoseconds): what ended by that alone."""
        self.touched, self.opened = [], []
        self.now, self.latest = max(self.now, now), max(self.latest, now)
        ended: list[Connection] = []
        self._expire(ended)
        return ended

    def _feed_rows(
        self, batch: SegmentBatch, rows: NDArray[np.int64], file: int, ended: list[Connection]
    ) -> None:
        runs = group(batch, rows)
        count = len(runs.low)
        low, high = runs.low, runs.high
        i = 0
        while i < count:
            both = i + 1 < count and low[i] == low[i + 1] and high[i] == high[i + 1]
            self._feed_connection(batch, runs, i, i + 1 if both else -1, file, ended)
            i += 2 if both else 1
        self._copies.remember(batch, rows)

    def _feed_connection(
        self, batch: SegmentBatch, runs: Runs, i: int, j: int, file: int, ended: list[Connection]
    ) -> None:
        """One connection's one or two runs of this window."""
        key = (runs.low[i], runs.high[i])
        connection = self.open.get(key)
        if connection is None:
            if self._was_open(key) and self._straggler(runs, i, j):
                return
            connection = self._open(batch, runs, i, j, key, file)
            if j < 0 and runs.flags[i] == SYN and runs.last[i] - runs.first[i] == 1:
                self._unanswered[key] = None
        elif self._unanswered:
            self._unanswered.pop(key, None)
        if self._verify:
            for run in (i, j) if j >= 0 else (i,):
                count_bad(connection.sides[runs.side[run]], batch, runs, run)
        clean = runs.clean[i] and is_next(connection, runs, i)
        if j >= 0 and clean:
            clean = runs.clean[j] and is_next(connection, runs, j)
        one, other = connection.sides
        connection.sides[runs.side[i]].widen(runs.hops[i])
        if j >= 0:
            connection.sides[runs.side[j]].widen(runs.hops[j])
        if clean:
            if may_fill(connection, runs, i, j):
                count_full(connection, batch, runs, i, j)
            if j >= 0 and may_fill(connection, runs, j, i):
                count_full(connection, batch, runs, j, i)
            extend(connection, batch, runs, i)
            if j >= 0:
                extend(connection, batch, runs, j)
            if one.next != other.ack or other.next != one.ack:
                remember_damage(connection, batch)
            self.touched.append(connection)
            return
        stop = runs.last[j] if j >= 0 else runs.last[i]
        rows = np.sort(runs.rows[runs.first[i] : stop])
        for old, fresh in replay(connection, batch, rows, runs.low[i], runs.high[i], self._copies):
            finish_connection(old)
            ended.append(old)
            self.open[key] = fresh
            self._followed += 1
            self.opened.append(fresh)
            connection = fresh
        remember_damage(connection, batch)
        self.touched.append(connection)

    def _was_open(self, key: Key) -> bool:
        """Whether this four-tuple carried another connection not long ago."""
        return key in self._recent[0] or key in self._recent[1]

    @staticmethod
    def _straggler(runs: Runs, i: int, j: int) -> bool:
        """Packets without SYN or payload of a connection that is over: nothing new."""
        both = (i, j) if j >= 0 else (i,)
        return not any(
            runs.flags[run] & SYN or runs.payload_last[run] > runs.payload_first[run]
            for run in both
        )

    def _open(
        self, batch: SegmentBatch, runs: Runs, i: int, j: int, key: Key, file: int
    ) -> Connection:
        head = i
        if j >= 0 and runs.first_frame[j] < runs.first_frame[i]:
            head = j
        row = int(runs.rows[runs.first[head]])
        source, sport, target, dport = endpoints(batch, row)
        ends = ((source, sport), (target, dport))
        if runs.side[head]:
            ends = (ends[1], ends[0])
        connection = Connection(
            endpoints=ends,
            first_frame=runs.first_frame[head],
            start=runs.first_time[head],
            file=file,
            encapsulation=encapsulation(batch, row),
        )
        connection.reused = self._was_open(key)
        self.open[key] = connection
        if not (self._mail[sport] or self._mail[dport]):
            self.undecided[key] = connection
        self._followed += 1
        self.opened.append(connection)
        return connection

    def waits(self, connection: Connection) -> bool:
        """Whether an undecided connection is young enough to wait for its first word."""
        return self.now - connection.end <= UNDECIDED

    # -- ending -----------------------------------------------------------------------

    def _expire(self, ended: list[Connection]) -> None:
        """Hand back what is over; settle holes of what goes on."""
        now = self.now
        for key, connection in list(self.open.items()):
            idle = now - connection.end
            if (connection.closed and idle > LINGER) or idle > IDLE:
                self._end(key, connection, ended)
            elif connection.sides[0].pending or connection.sides[1].pending:
                a, b = connection.sides
                settle(a, b, now)
                settle(b, a, now)
        too_many = len(self._unanswered) - MAX_UNANSWERED
        if too_many > 0:
            self.limits.add(f"connections of which only a SYN was seen: {MAX_UNANSWERED}")
            oldest_first = sorted(self._unanswered, key=lambda key: self.open[key].first_frame)
            for key in oldest_first[:too_many]:
                self._end(key, self.open[key], ended)
        if len(self.open) > MAX_OPEN:
            self.limits.add(f"open connections: {MAX_OPEN}")
            oldest = sorted(self.open.items(), key=lambda item: item[1].end)
            for key, connection in oldest[: len(self.open) - MAX_OPEN]:
                connection.notes.append("given up to bound memory")
                self._end(key, connection, ended)

    def _end(self, key: Key, connection: Connection, ended: list[Connection]) -> None:
        del self.open[key]
        self.undecided.pop(key, None)
        self._unanswered.pop(key, None)
        if self._tracked:
            self._tracked.pop(pair_key(key), None)
        self._recent[0].add(key)
        if len(self._recent[0]) > RECENT:
            self._recent = (set(), self._recent[0])
        # When it is given up depends on the windows, and so would a longer time than the bound.
        connection.idle = min(max(self.latest - connection.end, 0), IDLE) / 1e9
        finish_connection(connection)
        ended.append(connection)

    def finish(self) -> list[Connection]:
        """The capture is over: everything still open ends here."""
        ended: list[Connection] = []
        for key, connection in list(self.open.items()):
            self._end(key, connection, ended)
        return ended


def finish_connection(connection: Connection) -> None:
    """Settle for good what is missing in both streams."""
    a, b = connection.sides
    finish(a, b)
    finish(b, a)
