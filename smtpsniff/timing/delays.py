"""Where the time went (E.1 to E.4), by a walk over the timeline.

Every stretch between two entries belongs to one part. A round trip on the tap's far side is
taken off the wait for a server, one on its near side off the wait for a client, as the
handshake measured them; where no handshake was seen nothing is taken off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smtpsniff.records import Session

__all__ = ["delays"]

PARTS = ("connect", "greeting", "tls", "server", "client", "network", "loss", "transfer",
         "after_dot", "unknown")  # fmt: skip

_BY_KIND = {
    "connect": "connect", "greeting": "greeting", "tls": "tls", "command": "client",
    "auth": "client", "data": "transfer", "end-of-data": "transfer", "chunk": "transfer",
    "reply": "server",
}  # fmt: skip
_BODY_ENDS = frozenset({"end-of-data", "chunk"})


def delays(session: Session) -> dict[str, float]:
    """Seconds of each part; their sum is the session's duration."""
    spent = dict.fromkeys(PARTS, 0)
    rtt = session.tcp.rtt
    far = int((rtt.server or 0) * 1e9)
    near = int((rtt.client or 0) * 1e9)
    timeline = session.timeline
    now: int = session.start
    previous = ""
    for entry in timeline:
        kind = entry.kind
        passed = entry.time - now
        if passed > 0:
            now = entry.time
            part = _BY_KIND.get(kind, "unknown")
            trip = 0
            if part == "client":
                if previous == "reply" or previous == "greeting":
                    trip = min(near, passed)
            elif part == "greeting":
                trip = min(far, passed)
            elif part == "server":
                if entry.answers is None:
                    part = "unknown"
                else:
                    trip = min(far, passed)
                    if timeline[entry.answers].kind in _BODY_ENDS:
                        part = "after_dot"
            spent["network"] += trip
            spent[part] += passed - trip
        previous = kind
    spent["unknown"] += max(session.end - now, 0)
    return {part: value / 1e9 for part, value in spent.items()}
