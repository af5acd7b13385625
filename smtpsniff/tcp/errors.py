"""What ICMP says of a connection's packets: whose they were, and in words (RFC 792, RFC 4443)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.tcp.stream import HALF, MODULUS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smtpsniff.net import Unreachable
    from smtpsniff.tcp.connection import Connection, Side

__all__ = ["deliver", "refuses", "says", "too_big"]

# Of one connection; a router limits its errors (RFC 1812 §4.3.2.8), and whoever floods us with
# more has told us enough.
MOST_ERRORS = 64

# Version, type and code -> what it means to who sent the packet.
_WORDS = {
    (4, 3, 0): "no route to that network", (4, 3, 1): "that host cannot be reached",
    (4, 3, 2): "TCP is not spoken there", (4, 3, 3): "that port cannot be reached",
    (4, 3, 4): "the packet is too big, and must not be cut",
    (4, 3, 5): "source route failed", (4, 3, 6): "that network is not known",
    (4, 3, 7): "that host is not known", (4, 3, 9): "that network is forbidden",
    (4, 3, 10): "that host is forbidden", (4, 3, 11): "no route for this type of service",
    (4, 3, 12): "no route for this type of service", (4, 3, 13): "forbidden by a filter",
    (4, 3, 14): "forbidden by precedence", (4, 3, 15): "forbidden by precedence",
    (4, 4, 0): "slow down", (4, 11, 0): "too many hops, perhaps in a loop",
    (4, 11, 1): "fragments are missing",
    (6, 1, 0): "no route to that network", (6, 1, 1): "forbidden by a filter",
    (6, 1, 2): "that address is beyond reach from there", (6, 1, 3): "that host cannot be reached",
    (6, 1, 4): "that port cannot be reached", (6, 1, 5): "this sender is forbidden",
    (6, 1, 6): "that route is closed", (6, 2, 0): "the packet is too big",
    (6, 3, 0): "too many hops, perhaps in a loop", (6, 3, 1): "fragments are missing",
}  # fmt: skip
_UNREACHABLE = {4: 3, 6: 1}
_TOO_BIG = {(4, 3, 4), (6, 2, 0)}
_NO_HOPS = {(4, 11, 0), (6, 3, 0)}


def too_big(error: Unreachable) -> bool:
    """Whether the packet did not fit (RFC 1191, RFC 8201)."""
    return (error.version, error.type, error.code) in _TOO_BIG


def refuses(error: Unreachable) -> bool:
    """Whether the packet cannot get there at all: unreachable, forbidden, or out of hops."""
    if too_big(error):
        return False
    kind = (error.version, error.type, error.code)
    return error.type == _UNREACHABLE[error.version] or kind in _NO_HOPS


def says(error: Unreachable) -> str:
    """The error in words, with the MTU of the next hop where it names one."""
    kind = (error.version, error.type, error.code)
    words = _WORDS.get(kind, f"ICMP type {error.type} code {error.code}")
    return f"{words} (at most {error.mtu} octets)" if error.mtu else words


def deliver(errors: Iterable[Unreachable], connections: Iterable[Connection]) -> None:
    """Give each error to the connection whose packet it quotes; the last that fits gets it."""
    ends: dict[tuple[str, int, str, int], tuple[Connection, Side]] = {}
    for connection in connections:
        one, other = connection.endpoints
        ends[*one, *other] = connection, connection.sides[0]
        ends[*other, *one] = connection, connection.sides[1]
    for error in errors:
        found = ends.get((error.source, error.sport, error.destination, error.dport))
        if found is None:
            continue
        connection, side = found
        if _sent(side, error.seq) and len(connection.errors) < MOST_ERRORS:
            connection.errors += (error,)


def _sent(side: Side, seq: int) -> bool:
    """Whether the side sent this number: else the error is forged, or of another connection."""
    if any(syn.seq == seq for syn in side.syns):
        return True
    first = side.stream.first
    return side.next >= 0 and (seq - first) & MODULUS <= (side.next - first) & MODULUS < HALF
