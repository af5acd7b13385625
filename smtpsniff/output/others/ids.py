"""Identifiers of other tools, made from what a connection is: the same capture gives the same."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smtpsniff.records import Session

__all__ = ["file_id", "flow_id", "uid"]

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LENGTH = 17  # of Zeek's identifiers, behind the letter


def _number(session: Session, *more: object) -> int:
    """A number of a connection: its Community ID says which, its start which of these."""
    text = repr((session.community_id, int(session.start), *more))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")


def _base62(number: int) -> str:
    digits = []
    for _ in range(_LENGTH):
        number, digit = divmod(number, 62)
        digits.append(_BASE62[digit])
    return "".join(digits)


def uid(session: Session) -> str:
    """Zeek's identifier of a connection: C and 17 letters."""
    return "C" + _base62(_number(session))


def file_id(session: Session, transaction: int, part: int) -> str:
    """Zeek's identifier of a file: F and 17 letters."""
    return "F" + _base62(_number(session, transaction, part))


def flow_id(session: Session) -> int:
    """Suricata's identifier of a flow: a whole number that JavaScript can hold."""
    return _number(session) >> 77
