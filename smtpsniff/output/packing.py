"""Sessions small and cheap to send to another process, and back."""

from __future__ import annotations

from typing import Any

from msgspec import msgpack

from smtpsniff.records import Session, Timestamp

__all__ = ["pack", "unpack"]


def pack(session: Session) -> bytes:
    """The session in bytes."""
    return msgpack.encode(session, enc_hook=_plain)


def unpack(packed: bytes) -> Session:
    """What `pack` packed."""
    return msgpack.decode(packed, type=Session, dec_hook=lambda kind, value: kind(value))


def _plain(value: Any) -> int:  # noqa: ANN401 (as msgspec has it)
    return {Timestamp: int}[type(value)](value)
