"""Messages kept while sessions are read, and what is known of both when a session is over."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from smtpsniff.output.extract.spool import Kept, Spool
from smtpsniff.output.packing import pack, unpack

if TYPE_CHECKING:
    from smtpsniff.records import Session

__all__ = ["Extracted", "Extractor", "Message"]


class Message(NamedTuple):
    """The octets of a transaction's message, and the entries of the timeline that brought them."""

    kept: Kept | None
    lines: tuple[int, int]


class Extracted(NamedTuple):
    """A session and the message of each of its transactions."""

    session: Session
    messages: list[Message]


class Extractor:
    """Keeper of messages and renderer of sessions in one: it knows what belongs together.

    `work` is where spools lie; `wanted` has the numbers of the sessions that are asked for, none
    for all of them.
    """

    def __init__(self, work: str, wanted: frozenset[int]) -> None:
        self._work = work
        self._wanted = wanted
        self._done: dict[int, tuple[Session, list[Message]]] = {}

    def begin(self) -> Spool:
        """A message begins."""
        return Spool(self._work)

    def done(self, session: Session, held: list[Any]) -> list[str]:
        """A session is over; bounds that its messages hit."""
        whole = [Message(spool and spool.close(), lines) for spool, lines in held]
        self._done[id(session)] = (session, whole)  # held, so that no other gets its identity
        return [bound for message in whole if message.kept for bound in message.kept.limits]

    def forget(self, session: Session) -> None:
        """A session is not asked for."""
        _, messages = self._done.pop(id(session), (session, []))
        _unlink(messages)

    def render(self, session: Session) -> tuple[bytes, list[Message]]:
        """Session and messages, as they travel between processes."""
        _, messages = self._done.pop(id(session), (session, []))
        return pack(session), messages

    def number(self, rendered: tuple[bytes, list[Message]], number: int) -> Extracted | None:
        """Session and messages, if they were asked for."""
        packed, messages = rendered
        if self._wanted and number not in self._wanted:
            _unlink(messages)
            return None
        session = unpack(packed)
        session.number = number
        return Extracted(session, messages)


def _unlink(messages: list[Message]) -> None:
    for message in messages:
        if message.kept is not None and message.kept.path is not None:
            os.unlink(message.kept.path)
