"""Where the time went (E.1 to E.4), by a walk over the timeline.

Every stretch between two entries belongs to one part. A round trip on the tap's far side is
taken off the wait for a server, one on its near side off the wait for a client, as the
handshake measured them; where no handshake was seen nothing is taken off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smtpsniff.records import Entry, Session

__all__ = ["delays"]

PARTS = ("connect", "greeting", "tls", "server", "client", "network", "loss", "transfer",
         "after_dot", "unknown")  # fmt: skip

_BY_KIND = {
    "connect": "connect", "greeting": "greeting", "tls": "tls", "command": "client",
    "auth": "client", "data": "transfer", "end-of-data": "transfer", "chunk": "transfer",
}  # fmt: skip


def delays(session: Session) -> dict[str, float]:
    """Seconds of each part; their sum is the session's duration."""
    spent = dict.fromkeys(PARTS, 0)
    rtt = session.tcp.rtt
    far = int((rtt.server or 0) * 1e9)
    near = int((rtt.client or 0) * 1e9)
    now = int(session.start)
    previous = ""
    for entry in session.timeline:
        passed = entry.time - now
        if passed <= 0:
            previous = entry.kind
            continue
        now = int(entry.time)
        part = _part(session, entry)
        if part in ("server", "after_dot", "greeting"):
            trip = min(far, passed)
        elif part == "client" and previous in ("reply", "greeting"):
            trip = min(near, passed)
        else:
            trip = 0
        spent["network"] += trip
        spent[part] += passed - trip
        previous = entry.kind
    spent["unknown"] += max(int(session.end) - now, 0)
    return {part: value / 1e9 for part, value in spent.items()}


def _part(session: Session, entry: Entry) -> str:
    """The part that the time before an entry belongs to."""
    if entry.kind != "reply":
        return _BY_KIND.get(entry.kind, "unknown")
    if entry.answers is None:
        return "unknown"
    asked = session.timeline[entry.answers]
    return "after_dot" if asked.kind in ("end-of-data", "chunk") else "server"
