"""Where the time went (PROTOCOL E.1 to E.4), by one walk over the timeline.

Every stretch between two entries belongs to one part, less what of it was the network's: the
round trip on the tap's far side while the server is waited for, that on its near side while the
client is, and the time until something lost came again. Nothing is counted twice, and nothing
left out: the parts add up to the session's duration to the nanosecond.

What the tap cannot know has bounds. A server that acknowledged a command and answered later had
it at least from then on; where the round trip was never measured, it is at most as long as the
quickest answer. Where only one side was captured, or octets are missing, the time is `unknown`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from smtpsniff.tcp.stream import covers
from smtpsniff.timing.losses import losses, overlap
from smtpsniff.timing.waits import LONG, Wait

if TYPE_CHECKING:
    from smtpsniff.records import Entry, Session
    from smtpsniff.tcp import Side
    from smtpsniff.timing.losses import Interval

__all__ = ["PARTS", "Spent", "delays"]

PARTS = ("connect", "greeting", "tls", "server", "client", "network", "loss", "transfer",
         "after_dot", "unknown")  # fmt: skip
(CONNECT, GREETING, TLS, SERVER, CLIENT, NETWORK, LOSS, TRANSFER, AFTER_DOT,
 UNKNOWN) = range(len(PARTS))  # fmt: skip
CLOSING = len(PARTS)  # whoever was waited for

_BY_KIND = {
    "connect": CONNECT, "greeting": GREETING, "tls": TLS, "command": CLIENT, "auth": CLIENT,
    "data": TRANSFER, "end-of-data": TRANSFER, "chunk": TRANSFER, "reply": SERVER,
    "gap": UNKNOWN, "note": UNKNOWN, "close": CLOSING, "reset": CLOSING,
}  # fmt: skip
_ASKS = frozenset({"command", "auth", "end-of-data", "chunk"})
_BODY_ENDS = frozenset({"end-of-data", "chunk"})
_WAITS_FOR = frozenset({GREETING, SERVER, AFTER_DOT})
_TURNS = frozenset({GREETING, SERVER, AFTER_DOT, CLIENT, TLS})  # not seen from one side alone
# Bounds closer together (ns) than this say nothing that anybody could use.
APART = 1_000_000


class Spent(Struct):
    """What `delays` finds: the record's parts, and the stretches that were long."""

    delays: dict[str, Any]
    waits: list[Wait]


def delays(session: Session, client: Side, server: Side) -> Spent:
    """Seconds of each part; their sum is the session's duration."""
    walk = _Walk(session, client, server)
    timeline, spent = session.timeline, walk.spent
    near, far, simple = walk.near, walk.far, walk.simple
    now: int = session.start
    for index, entry in enumerate(timeline):
        kind, time = entry.kind, entry.time
        passed = time - now
        if passed > 0 and entry.from_ != "network":  # whose words are no turn of either side's
            asked, trip = walk.asked, 0
            if kind == "reply":
                asked = -1 if entry.answers is None else entry.answers
                part = walk.of_reply(entry)
            else:
                part = _BY_KIND[kind]
                if part == CLOSING:
                    part = walk.of_closing(entry)
            if part == CLIENT:
                trip = walk.heard + near - now
            elif part == GREETING:
                trip = far
            elif asked >= 0 and part in _WAITS_FOR:
                trip = timeline[asked].time + far - now
            trip = 0 if trip <= 0 else passed if trip > passed else trip
            if simple and passed < LONG and part != TRANSFER and part != CONNECT:
                spent[part] += passed - trip
                spent[NETWORK] += trip
            else:
                walk.book(part, index, asked, now, time, trip)
            now = time
        if kind in _ASKS:
            walk.asked, walk.verb = index, entry.verb
        elif kind == "reply" or kind == "greeting":
            walk.heard = time
            if entry.answers == walk.asked or kind == "greeting":
                walk.asked = -1
        elif kind == "close" and entry.from_ == "server":
            walk.heard = time
        walk.previous = kind
    walk.rest(now, session.end)
    return Spent(walk.told(), walk.waits)


class _Walk:
    """Where the walk stands: what is still to be answered (`asked`, its `verb`), when the client
    last heard something (`heard`); and whatever is not simple about a stretch.
    """

    __slots__ = (
        "asked", "client", "far", "heard", "known", "less", "lost", "near", "previous",
        "quickest", "server", "simple", "spent", "timeline", "two_sided", "verb", "waits",
    )  # fmt: skip

    def __init__(self, session: Session, client: Side, server: Side) -> None:
        rtt = session.tcp.rtt
        self.known = rtt.server is not None
        self.far = round((rtt.server or 0) * 1e9)
        self.near = round((rtt.client or 0) * 1e9)
        self.timeline = session.timeline
        self.client, self.server = client, server
        self.two_sided = client.packets > 0 and server.packets > 0
        self.heard = 0
        self.asked = -1
        self.verb: str | None = None
        self.previous = ""
        self.spent = [0] * len(PARTS)
        self.less: dict[int, int] = {}  # by how much a part may be smaller
        self.waits: list[Wait] = []
        self.lost: list[Interval] = []
        self.quickest = 0
        # Whether every stretch is just what it looks like.
        whole = self.two_sided and not client.stream.gaps and not server.stream.gaps
        quiet = client.trouble is None and server.trouble is None
        self.simple = whole and quiet and self.known
        if not self.simple:
            self.lost = losses(client, server)
            self.quickest = 0 if self.known else self._quickest()

    def _quickest(self) -> int:
        """The shortest time in which anything was answered: no round trip was longer."""
        answered = [e.delay for e in self.timeline if e.kind == "reply" and e.delay is not None]
        return round(min(answered, default=0) * 1e9)

    def of_reply(self, entry: Entry) -> int:
        """The part of a reply's stretch."""
        if entry.answers is None:
            # The server spoke unasked: of its own accord it tires of waiting for the client.
            return CLIENT if entry.code == "421" and self.asked < 0 and self.heard else UNKNOWN
        return AFTER_DOT if self.timeline[entry.answers].kind in _BODY_ENDS else SERVER

    def book(self, part: int, index: int, asked: int, now: int, end: int, trip: int) -> None:
        """Give a stretch that is long, or not simple, to its parts."""
        entry = self.timeline[index]
        if entry.kind == "data" and entry.delay is not None:
            self._prepare(index, entry, now, end)
            return
        if self.previous == "gap" or (part in _TURNS and not self.two_sided):
            part, trip = UNKNOWN, 0
        passed = end - now
        lost = self._lost(part, entry.kind, now, end) if self.lost or part == CONNECT else 0
        trip = min(trip, passed - lost)
        own = passed - trip - lost
        spent = self.spent
        spent[NETWORK] += trip
        spent[LOSS] += lost
        spent[part] += own
        self._bound(part, index, asked, now, end, own)

    def of_closing(self, entry: Entry) -> int:
        """Who was waited for when one side closed."""
        client = entry.from_ == "client"
        if self.previous == "tls":
            return UNKNOWN
        if self.previous in ("close", "reset"):
            return CLIENT if client else SERVER
        if self.asked >= 0:
            return AFTER_DOT if self.timeline[self.asked].kind in _BODY_ENDS else SERVER
        if not self.heard:
            return GREETING if self.client.syn is not None else UNKNOWN
        return CLIENT if client or self.verb != "QUIT" else SERVER

    def _prepare(self, index: int, entry: Entry, now: int, end: int) -> None:
        """A message: the client had to fetch it first, then it was on its way."""
        begun = max(min(self.heard + round((entry.delay or 0) * 1e9), end), now)
        trip = min(max(min(begun, self.heard + self.near) - now, 0), begun - now)
        lost = overlap(self.lost, begun, end, end) if self.lost else 0
        spent = self.spent
        spent[LOSS] += lost
        spent[TRANSFER] += end - begun - lost
        if self.two_sided:
            spent[NETWORK] += trip
            spent[CLIENT] += begun - now - trip
        else:
            spent[UNKNOWN] += begun - now
        if end - begun >= LONG:
            own, name = (end - begun - lost) / 1e9, PARTS[TRANSFER]
            self.waits.append(Wait(index, self.asked, name, begun, end, own, own, lost / 1e9))

    def _lost(self, part: int, kind: str, now: int, end: int) -> int:
        """What of a stretch passed until something lost came again."""
        if part == CONNECT:
            return min(self._lost_at_first(end), end - now)
        latest = end
        if kind == "reply" or kind == "greeting":
            # An answer that comes sooner than a round trip after the copy answers the first one.
            latest = end - self.far // 2
        return overlap(self.lost, now, end, latest)

    def _lost_at_first(self, end: int) -> int:
        """From the first SYN to the one that was answered."""
        client, answer = self.client, self.server.syn
        if len(client.syns) < 2 or answer is None or not self.known:
            return 0
        return max(min(answer.time - self.far, end) - client.syns[0].time, 0)

    def _bound(self, part: int, index: int, asked: int, now: int, end: int, own: int) -> None:
        """What of the part's own time is beyond doubt; the stretch itself, if it was long."""
        low = own
        if part in _WAITS_FOR:
            since = self.timeline[asked].time if asked >= 0 else now
            had = _alone(self.server, self.client, since, end)
            if had:
                low = min(own, end - had)
            elif not self.known:
                low = max(own - self.quickest, 0)
        elif part == CLIENT and self.heard:
            had = _alone(self.client, self.server, self.heard, end)
            low = min(own, end - had) if had else own
        if low < own:
            self.less[part] = self.less.get(part, 0) + own - low
        if end - now >= LONG:
            lost = overlap(self.lost, now, end, end) / 1e9 if self.lost else 0.0
            name = PARTS[part]
            self.waits.append(Wait(index, asked, name, now, end, low / 1e9, own / 1e9, lost))

    def rest(self, now: int, end: int) -> None:
        """What follows the last entry: acknowledgements, or copies that nobody answered."""
        passed = end - now
        if passed <= 0:
            return
        lost = overlap(self.lost, now, end, end) if self.lost else 0
        trip = 0
        if self.previous in ("close", "reset") and self.two_sided:
            trip = min(self.near + self.far, passed - lost)
        spent = self.spent
        spent[NETWORK] += trip
        spent[LOSS] += lost
        spent[UNKNOWN] += passed - trip - lost

    def told(self) -> dict[str, Any]:
        """The record's parts in seconds, and bounds where there are any."""
        spent = self.spent
        parts: dict[str, Any] = {name: spent[i] / 1e9 for i, name in enumerate(PARTS)}
        if self.less:
            bounds = {
                PARTS[part]: [(spent[part] - less) / 1e9, spent[part] / 1e9]
                for part, less in self.less.items()
                if less >= APART
            }
            if bounds:
                parts["bounds"] = bounds
        return parts


def _alone(side: Side, other: Side, since: int, end: int) -> int:
    """When `side` had let it be known that it had all that `other` said before; 0: never."""
    for mark in side.trouble.lone if side.trouble is not None else ():
        if since <= mark.time < end and covers(mark.ack, _sent(other, mark.time)):
            return mark.time
    return 0


def _sent(side: Side, time: int) -> int:
    """Sequence number behind what a side had sent by `time`, as far as is still known."""
    stream = side.stream
    for piece in range(len(stream.times) - 1, -1, -1):
        if stream.times[piece] <= time:
            last = piece + 1 == len(stream.starts)
            return stream.after(stream.end if last else stream.starts[piece + 1])
    return stream.first
