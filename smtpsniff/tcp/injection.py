"""Whether a reset came from who it claims to come from (RFC 5961 §3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from smtpsniff.tcp.stream import MODULUS

if TYPE_CHECKING:
    from smtpsniff.tcp.connection import Side

__all__ = ["HOPS", "Forged", "forged"]

# Routes change by a hop or two; a box in between is further away from where the host is.
HOPS = 3
# Boxes that cut a connection reset both ends in one go.
TOGETHER = 50_000_000
# What hosts start the time to live with.
INITIAL = (32, 64, 128, 255)


class Forged(Struct, frozen=True):
    """Why a reset is not believed. `plain`: a stack that marks its resets otherwise explains it."""

    ttl: int
    others: int
    why: str
    plain: bool


def forged(side: Side, other: Side, hops: int = HOPS) -> Forged | None:
    """Why the reset of `side` seems to come from somebody else; None where nothing says so.

    It must have come over another number of hops, and one thing more must be odd about it.
    """
    rst = side.rst
    if rst is None or side.hops is None or rst.ttl < 0:
        return None
    nearest = min(max(rst.ttl, side.hops[0]), side.hops[1])
    if abs(rst.ttl - nearest) < hops:
        return None
    why = _odd(side, other)
    if not why:
        return None
    return Forged(rst.ttl, nearest, why, _distance(rst.ttl) == _distance(nearest))


def _odd(side: Side, other: Side) -> str:
    rst, stream = side.rst, side.stream
    assert rst is not None
    last = stream.frames[-1] if stream.frames else 0
    if last > rst.frame or (side.fin is not None and side.fin.frame > rst.frame):
        return "the sender went on after it"
    if other.rst is not None and abs(other.rst.time - rst.time) <= TOGETHER:
        return "both ends were reset at once"
    expected = stream.after(stream.end) if stream.end else stream.first
    if side.fin is not None:
        expected += 1
    if side.next >= 0 and (rst.seq - expected) & MODULUS:
        return "its number is not the next one"
    return ""


def _distance(ttl: int) -> int:
    """Hops that a packet has come, as far as its start can be guessed."""
    return next(start for start in INITIAL if start >= ttl) - ttl
