"""Attempts at the same mail, joined.

Attempts belong together if the client's network, the server's port, the sender and a recipient
are the same (RFC 5321 §4.5.4.1: the sender keeps the mail and tries again; a pool of senders
shares a network). Relays and content filters hand the same mail on with another client or
another port: that is the mail's next hop, no second attempt. Message-ID, or the size announced
with MAIL, tells apart several mails between the same two people; where neither is seen, an
attempt follows the last one that left the mail with its sender.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from smtpsniff.addresses import network
from smtpsniff.stories.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.stories.facts import Facts, Rcpt, Try

__all__ = ["Mail", "Mails", "network"]

DAY = 86_400 * 1_000_000_000
# Attempts further apart are two mails (C.3: greylisting forgets after 24 h; queues try again
# every few hours at least).
JOINED_WITHIN = DAY
# Without anything that tells mails apart, a refusal is repeated within the hour or is another.
REPEATED_WITHIN = 3600 * 1_000_000_000
# Recipients of mails that are remembered, about 1 KB each with their attempts.
MAX_REMEMBERED = 50_000
# Attempts at one mail that are told one by one; a loop can make thousands.
MAX_ATTEMPTS = 100
# Mails that one sender may have under way to one recipient at the same time.
MAX_UNDER_WAY = 8

_OPEN = frozenset({"deferred", "unknown", "abandoned"})
_PRVS = re.compile(r"^(?:prvs=[^=]*=|btv1==[^=]*==)", re.IGNORECASE)
_DIGITS = re.compile(r"[0-9]+")


@lru_cache(4096)
def normal(sender: str) -> str:
    """A sender without what changes with each attempt: BATV tags, VERP's and SRS' numbers."""
    sender = _PRVS.sub("", sender)
    return _DIGITS.sub("0", sender) if "=" in sender or "+" in sender else sender


class Mail:
    """One mail: its attempts in the order in which their sessions began."""

    __slots__ = ("attempts", "failed", "last", "more", "told")

    def __init__(self, first: Try) -> None:
        self.attempts = [first]
        # Connections of the client that failed right before, and how long before (ns).
        self.failed: list[tuple[Facts, int]] = []
        self.last = first.time
        self.more = 0  # attempts beyond `MAX_ATTEMPTS`
        self.told = False  # its story has been told: whatever comes is another

    def add(self, attempt: Try) -> None:
        """One more attempt; once, however many of its recipients lead here."""
        if attempt is self.attempts[-1]:
            return
        self.last = max(self.last, attempt.time)
        if len(self.attempts) < MAX_ATTEMPTS:
            self.attempts.append(attempt)
        else:
            self.more += 1
            self.attempts[-1] = attempt  # the last one says what became of it


class Mails:
    """Takes attempts in order of their sessions, and gives finished mails."""

    def __init__(self, most: int = MAX_REMEMBERED) -> None:
        self._known: Memory[int, list[Mail] | Mail] = Memory(most, JOINED_WITHIN)
        self.crowded = False  # some mail had too many attempts, or too many were under way

    @property
    def full(self) -> bool:
        """Whether mails were forgotten before their time."""
        return self._known.full

    def add(self, attempt: Try) -> Mail:
        """The mail that this is an attempt at."""
        found: Mail | None = None
        known = self._known
        young = known.young
        where = (network(attempt.client), attempt.port, normal(attempt.sender))
        fresh: list[int] = []
        met: list[int] = []
        for person in attempt.recipients:
            key = hash((where, person.address.lower()))
            entry = young.get(key)
            if entry is None and known.old:
                entry = known.get(key)
            if entry is None:
                fresh.append(key)
                continue
            met.append(key)
            if found is None:
                found = self._same(entry, attempt, person)
        if found is None:
            found = Mail(attempt)
        else:
            found.add(attempt)
            self.crowded |= found.more > 0
        for key in fresh:
            young[key] = found
        for key in met:
            self._remember(key, found)
        return found

    def _same(self, entry: list[Mail] | Mail, attempt: Try, person: Rcpt) -> Mail | None:
        """The mail among those under way that this attempt is at, the newest first."""
        for mail in reversed(entry) if isinstance(entry, list) else (entry,):
            if not mail.told and same(mail, attempt, person):
                return mail
        return None

    def _remember(self, key: int, mail: Mail) -> None:
        entry = self._known.get(key)
        if entry is mail:
            return
        if entry is None:
            self._known[key] = mail
        elif isinstance(entry, Mail):
            self._known[key] = [entry, mail]
        elif mail not in entry:
            entry.append(mail)
            if len(entry) > MAX_UNDER_WAY:
                del entry[0]  # it is lost unless another recipient leads to it
                self.crowded = True

    def forgotten(self, now: int) -> Iterator[Mail]:
        """Mails that no attempt will be joined to any more."""
        for mail in _each(self._known.turn(now)):
            if not mail.told and (now - mail.last >= JOINED_WITHIN or self.full):
                mail.told = True
                yield mail

    def drain(self) -> Iterator[Mail]:
        """All that is left."""
        yield from (mail for mail in _each(self._known.drain()) if not mail.told)


def _each(entries: list[list[Mail] | Mail]) -> Iterator[Mail]:
    """Each mail once, in order of its first attempt."""
    found: dict[int, Mail] = {}
    for entry in entries:
        for mail in entry if isinstance(entry, list) else (entry,):
            found[id(mail)] = mail
    yield from sorted(found.values(), key=lambda mail: mail.attempts[0].session)


def same(mail: Mail, attempt: Try, person: Rcpt) -> bool:
    """Whether an attempt, of which `person` is one recipient, is at this mail."""
    last = mail.attempts[-1]
    gap = attempt.time - last.time
    # Without the server's side nobody knows what became of an attempt, or why there is another.
    if gap > JOINED_WITHIN or not attempt.heard or not last.heard:
        return False
    if attempt.message_id:
        for earlier in mail.attempts:
            if earlier.message_id:
                return earlier.message_id == attempt.message_id
    was = fate(mail, person.address)
    if was == "accepted":  # done
        return False
    # A client that only asks, or thinks better of it, has sent nothing that could be repeated.
    if was == "abandoned" and (not last.sender or last.session == attempt.session):
        return False
    if attempt.size and last.size:
        return attempt.size == last.size
    return was in _OPEN or (gap <= REPEATED_WITHIN and person.outcome == "rejected")


def fate(mail: Mail, address: str) -> str:
    """What became of a recipient at the last attempt that named it."""
    low = address.lower()
    for attempt in reversed(mail.attempts):
        for person in attempt.recipients:
            if person.address.lower() == low:
                return person.outcome
    return ""
