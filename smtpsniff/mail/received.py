"""The way a message says it came: its Received fields, oldest first (RFC 5321 §4.4).

Every server adds its field on top. What servers before the captured one wrote is their word, or a
forger's; it is shown as it stands and nothing is looked up.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from smtpsniff.mail.dates import read_date
from smtpsniff.records import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Hop", "hops"]

# Fields that are looked at: RFC 5321 §6.3 wants loops told at 100 or more.
MAX_HOPS = 200
# Octets of one field that are looked at.
MAX_FIELD = 4096

_COMMENT = re.compile(r"\([^()]*\)")
_CLAUSE = re.compile(
    r"\b(from|by|via|with|id|for)\s+(<[^>\s]*>|\[[^\]\s]*\]|[^\s;<>()]+)", re.IGNORECASE
)
_ADDRESS = re.compile(r"\[(?:IPv6:)?([0-9A-Fa-f:.]+)\]|\(([0-9]+(?:\.[0-9]+){3})\)")


class Hop(Struct, omit_defaults=True, rename={"from_": "from", "with_": "with", "for_": "for"}):
    """One Received field. `ip`: the address its writer saw; `delay`: seconds since the hop before,
    negative where clocks differ."""

    from_: str | None = None
    ip: str | None = None
    by: str | None = None
    with_: str | None = None
    id: str | None = None
    for_: str | None = None
    date: str | None = None
    delay: float | None = None


def hops(fields: Iterable[tuple[str, str]]) -> list[Hop]:
    """The hops of a header, oldest first."""
    received = [value for name, value in fields if name.lower() == "received"][:MAX_HOPS]
    found: list[Hop] = []
    before: int | None = None
    for value in reversed(received):
        hop, when = _hop(value[:MAX_FIELD])
        if when is not None and before is not None:
            hop.delay = float(when - before)
        before = when if when is not None else before
        found.append(hop)
    return found


def _hop(value: str) -> tuple[Hop, int | None]:
    """One field, and when its writer says that was, in seconds since 1970."""
    clauses, _, date = value.rpartition(";")
    when = read_date(_COMMENT.sub(" ", date))
    if not clauses:
        clauses = value
    hop = Hop()
    address = _ADDRESS.search(clauses.partition(" by ")[0])
    if address is not None:
        hop.ip = address[1] or address[2]
    plain = clauses
    for _ in range(3):  # comments in comments
        plain = _COMMENT.sub(" ", plain)
    words: dict[str, str] = {}
    for match in _CLAUSE.finditer(plain):
        words.setdefault(match[1].lower(), match[2].strip("<>"))
    hop.from_, hop.by = words.get("from"), words.get("by")
    hop.with_, hop.id, hop.for_ = words.get("with"), words.get("id"), words.get("for")
    if when is not None:
        hop.date = rfc3339(when * 1_000_000_000, 0)
    return hop, when
