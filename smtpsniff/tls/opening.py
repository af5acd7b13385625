"""Opens the records of a session whose keys are known. Sans-I/O; nothing here raises.

Each direction is fed its bytes and its holes, with their places in the stream; out come the
contents of its application data, and holes in them. Which record it is counts in the seal: behind
a hole that hides more than one record, the next that opens says how many were lost.
"""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from smtpsniff.tls.hellos import read_server_hello
from smtpsniff.tls.protection import TLS_1_3, Lock, both_locks, suite_of, traffic_lock
from smtpsniff.tls.records import (
    ALERT,
    APPLICATION_DATA,
    CERTIFICATE,
    CHANGE_CIPHER_SPEC,
    CLIENT_HELLO,
    HANDSHAKE,
    MAX_MESSAGE,
    SERVER_HELLO,
    SHORTEST_HELLO,
    certificates_of,
)
from smtpsniff.tls.suites import suite_name

if TYPE_CHECKING:
    from smtpsniff.tls.hellos import ServerHello
    from smtpsniff.tls.keylog import KeyRing

__all__ = ["Content", "Direction", "Hole", "Opener"]

# A record's content has at most 2^14 octets, its seal adds at most 2048 (RFC 5246 §6.2.3).
LONGEST = (1 << 14) + 2048
# Octets of a direction that wait for keys: those of a live session come a moment late.
MAX_WAITING = 1 << 20
# Records behind a hole that are tried, and numbers that each is tried with: a lost packet hides
# one or two records, a packet that looks like one by chance comes once in a megabyte.
MAX_TRIES, MAX_NUMBERS = 16, 64

END_OF_EARLY_DATA, FINISHED, KEY_UPDATE = 5, 20, 24
ENCRYPT_THEN_MAC = 22
_HEADER = re.compile(rb"[\x14-\x18]\x03[\x00-\x04][\x00-\x48].", re.DOTALL)
_STAGES = {
    True: ("CLIENT_EARLY_TRAFFIC_SECRET", "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
           "CLIENT_TRAFFIC_SECRET_0"),
    False: ("SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"),
}  # fmt: skip


class Content(NamedTuple):
    """Application data of one record, which lay from `start` to `end` in the stream."""

    start: int
    end: int
    data: bytes


class Hole(NamedTuple):
    """Octets of the wire behind `at` whose content is not known: why ``lost``, ``cut`` (as in
    a stream), or ``sealed``: no key opens it."""

    at: int
    size: int
    why: str


class _Gap(NamedTuple):
    at: int
    size: int
    why: str


class Direction:
    """What one side sent."""

    def __init__(self, opener: Opener, *, client: bool) -> None:
        self._opener, self._client = opener, client
        self._buffer = b""
        self._pos = 0  # in the buffer, of the first byte that is not read
        self._at = 0  # and its place in the stream
        self._gaps: deque[_Gap] = deque()
        self._lock: Lock | None = None
        self._coming: list[Lock] = []  # of what follows in the handshake
        self._number = 0  # of the next record under this lock
        self._skip = 0  # octets of a record that has a hole
        self._adrift = 0  # octets that may have been records, since it was known where one begins
        self._hole: Hole | None = None  # in the making
        self._message = b""
        self._fits = False  # a lock has opened something
        self.out: list[Content | Hole] = []
        self.alerts: list[tuple[int, int]] = []  # under a seal
        self.certificates: list[bytes] = []
        self.finished = 0  # place behind the record that ended this side's handshake

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands; changes with everything it does."""
        return self._at, len(self._gaps)

    @property
    def waiting(self) -> int:
        """Octets that are not read yet."""
        return len(self._buffer) - self._pos

    def feed(self, data: bytes, at: int) -> None:
        """Take what follows in the stream; `at` is the place of its first byte."""
        if not self.waiting and not self._gaps:
            self._at = at
        self._buffer += data

    def lose(self, size: int, why: str) -> None:
        """So many octets are missing here."""
        self._gaps.append(_Gap(self._at + self.waiting, size, why))

    def drop(self) -> None:
        """Let go of what waits: it will not be read."""
        self._at += self.waiting
        self._buffer, self._pos = b"", 0
        self._gaps.clear()

    def expect(self, locks: list[Lock]) -> None:
        """The keys are known."""
        self._coming = locks

    def advance(self, final: bool) -> None:
        """Read as far as can be read."""
        while self._step(final):
            pass
        self._buffer, self._pos = self._buffer[self._pos :], 0
        if final:
            self._end_hole()

    # -- where records begin and end ---------------------------------------------------

    def _step(self, final: bool) -> bool:
        limit = self._gaps[0].at - self._at if self._gaps else self.waiting
        if self._skip:
            return self._pass(limit)
        kind = self._buffer[self._pos] if limit else 0
        if self._opener.must_wait(kind, client=self._client):
            return False
        if self._adrift:
            return self._search(limit, final)
        size = -1
        if limit >= 5:
            if not _HEADER.match(self._buffer, self._pos):
                self._note_hole(self._at, 1, "sealed")  # these are no records
                self._take(1)
                self._adrift = 1
                return True
            size = self._size(self._pos)
            if limit >= size:
                self._record(self._take(size))
                return True
        if not self._gaps:
            return False
        self._fall(limit, size)
        return True

    def _size(self, pos: int) -> int:
        """Octets of a record with its header."""
        return 5 + int.from_bytes(self._buffer[pos + 3 : pos + 5], "big")

    def _take(self, size: int) -> bytes:
        begin, self._pos = self._pos, self._pos + size
        self._at += size
        return self._buffer[begin : self._pos]

    def _fall(self, limit: int, size: int) -> None:
        """A record, if `size` says how long one is, has a hole at `limit`."""
        gap = self._gaps[0]
        self._note_hole(self._at, limit, gap.why)
        self._take(limit)
        self._message = b""
        if size >= 0:
            self._number += 1
            self._skip = size - limit
        if not self._skip:
            self._swallow()

    def _pass(self, limit: int) -> bool:
        """Go on to the end of a record that has a hole."""
        taken = min(self._skip, limit)
        if taken:
            self._note_hole(self._at, taken, "lost")
            self._take(taken)
            self._skip -= taken
            return True
        if not self._gaps:
            return False
        if self._gaps[0].size > self._skip:
            self._swallow()
            return True
        gap = self._gaps.popleft()
        self._note_hole(self._at, gap.size, gap.why)
        self._skip -= gap.size
        return True

    def _swallow(self) -> None:
        """A hole that hides where the next record begins."""
        gap = self._gaps.popleft()
        self._note_hole(self._at, gap.size, gap.why)
        self._adrift += max(gap.size - self._skip, 1)
        self._skip = 0

    def _search(self, limit: int, final: bool) -> bool:
        """Find a record that a key opens; it says which it is."""
        base, tries = self._pos, 0
        for match in _HEADER.finditer(self._buffer, base, base + limit):
            at = match.start()
            end = at + self._size(at)
            if end > base + limit:
                if not self._gaps and not final:
                    return False  # the rest of it may come
                continue
            tries += 1
            if tries > MAX_TRIES:
                break
            if self._found(self._buffer[at : at + 5], self._buffer[at + 5 : end]):
                self._note_hole(self._at, at - base, "lost")
                self._take(at - base)
                self._adrift = 0
                return True
        left = limit if self._gaps or final or tries > MAX_TRIES else max(limit - 4, 0)
        self._note_hole(self._at, left, "lost")
        self._take(left)
        self._adrift += left
        if self._gaps:
            self._swallow()
            return True
        return False

    def _found(self, header: bytes, body: bytes) -> bool:
        """Whether this is a record, and then take note of its number."""
        most = min(self._adrift // 22 + 1, MAX_NUMBERS)  # the shortest record has a tag
        for at, lock in enumerate([self._lock, *self._coming]):
            if lock is None:
                continue
            first = self._number if at == 0 else 0
            for number in range(first, first + most + 1):
                if lock.open(number, header, body) is not None:
                    self._lock, self._number = lock, number
                    del self._coming[:at]
                    return True
            lock.passed(body)
        return False

    # -- what is in them ---------------------------------------------------------------

    def _record(self, record: bytes) -> None:
        header, body = record[:5], record[5:]
        kind = header[0]
        modern = self._opener.version >= TLS_1_3
        if kind == CHANGE_CIPHER_SPEC:
            if not modern and self._coming:
                self._lock, self._number = self._coming.pop(0), 0
            return
        in_clear = kind != APPLICATION_DATA if modern else self._lock is None
        if in_clear:
            if kind == HANDSHAKE:
                self._messages(body)
            return
        found = self._open(header, body)
        if self._lock is not None:
            self._lock.passed(body)
        start = self._at - len(record)
        if found is None:
            self._number += self._lock is not None
            if self._fits:
                self._opener.sealed += 1
                self._note_hole(start, len(record), "sealed")
            return
        self._end_hole()
        self._fits = self._opener.fits = True
        kind, content = found
        if kind == APPLICATION_DATA and content:
            self.out.append(Content(start, self._at, content))
        elif kind == HANDSHAKE:
            self._messages(content)
        elif kind == ALERT and len(content) == 2:
            self.alerts.append((content[0], content[1]))

    def _open(self, header: bytes, body: bytes) -> tuple[int, bytes] | None:
        """By this lock or, where a message in the handshake was not seen, by one that follows."""
        if self._lock is not None:
            found = self._lock.open(self._number, header, body)
            if found is not None:
                self._number += 1
                return found
        for at, lock in enumerate(self._coming if self._opener.version >= TLS_1_3 else ()):
            found = lock.open(0, header, body)
            if found is not None:
                self._lock, self._number = lock, 1
                del self._coming[: at + 1]
                return found
        return None

    def _messages(self, data: bytes) -> None:
        """Handshake messages, which may lie over several records."""
        data = self._message + data
        pos = 0
        while pos + 4 <= len(data):
            end = pos + 4 + int.from_bytes(data[pos + 1 : pos + 4], "big")
            if end > len(data):
                break
            self._handshake(data[pos], data[pos + 4 : end])
            pos = end
        self._message = data[pos:] if len(data) - pos <= MAX_MESSAGE else b""

    def _handshake(self, kind: int, body: bytes) -> None:
        opener = self._opener
        if kind == FINISHED:
            self.finished = self._at
        if kind == CLIENT_HELLO and self._client and len(body) >= SHORTEST_HELLO:
            opener.random = opener.random or body[2:34]
        elif kind == SERVER_HELLO and not self._client and len(body) >= SHORTEST_HELLO:
            opener.begin(read_server_hello(body))
        elif opener.version < TLS_1_3 or self._lock is None:
            return
        elif kind == CERTIFICATE and not self.certificates:
            self.certificates = certificates_of(body)
        elif kind == KEY_UPDATE:
            self._lock, self._number = self._lock.next(), 0
        elif kind in (FINISHED, END_OF_EARLY_DATA) and self._coming:
            self._lock, self._number = self._coming.pop(0), 0

    def _note_hole(self, at: int, size: int, why: str) -> None:
        if size <= 0:
            return
        if self._hole is None:
            self._hole = Hole(at, size, why)
        else:
            self._hole = self._hole._replace(size=self._hole.size + size)

    def _end_hole(self) -> None:
        """Tell of a hole; one in the handshake hides nothing that was said."""
        if self._hole is not None and self._fits:
            self.out.append(self._hole)
        self._hole = None


class Opener:
    """One session. `fits`: something was opened; `why`: why nothing was, as the end of a sentence.

    `sealed` counts records that should have opened and did not.
    """

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys
        self.client = Direction(self, client=True)
        self.server = Direction(self, client=False)
        self.random = b""  # of the client
        self.hello: ServerHello | None = None
        self.version = 0
        self.fits = False
        self.sealed = 0
        self._ready = False
        self._given_up = ""

    @property
    def why(self) -> str:
        """Why nothing was opened."""
        if self._given_up or self.fits:
            return self._given_up
        if not self.random or self.hello is None:
            return "its handshake was not captured"
        if not self._ready:
            return "no key of it is among those given"
        return "the keys given for it do not fit"

    def must_wait(self, kind: int, *, client: bool) -> bool:
        """Whether a record of this kind can be read only when more is known."""
        if client and self.hello is None:
            return bool(self.random) and kind != HANDSHAKE
        if not client and not self.random:
            return True
        return self.hello is not None and not self._ready

    def begin(self, hello: ServerHello) -> None:
        """The server has chosen."""
        if hello.retry or self.hello is not None:
            return
        self.hello, self.version = hello, hello.version
        self._prepare()

    def advance(self, final: bool) -> None:
        """Read what can be read."""
        if self._given_up:
            self._drop()
            return
        if self.hello is not None and not self._ready:
            self._prepare()
        place = None
        while place != (self.client.place, self.server.place, self._ready):
            place = (self.client.place, self.server.place, self._ready)
            self.server.advance(final)
            self.client.advance(final)
        if not self._ready and max(self.client.waiting, self.server.waiting) > MAX_WAITING:
            self._given_up = self._given_up or self.why

    def _drop(self) -> None:
        self.client.drop()
        self.server.drop()

    def _prepare(self) -> None:
        """Make keys of secrets, if there are any."""
        hello = self.hello
        secrets = self._keys.secrets(self.random)
        if hello is None or not secrets:
            return
        mac_last = any(kind == ENCRYPT_THEN_MAC for kind, _ in hello.extensions)
        suite = suite_of(hello.cipher, hello.version, mac_last)
        if suite is None:
            self._given_up = f"smtpsniff does not open {suite_name(hello.cipher)}"
            return
        try:
            if hello.version >= TLS_1_3:
                for side, direction in ((True, self.client), (False, self.server)):
                    known = (secrets[label] for label in _STAGES[side] if label in secrets)
                    direction.expect([traffic_lock(suite, secret) for secret in known])
            elif "CLIENT_RANDOM" in secrets:
                master = secrets["CLIENT_RANDOM"]
                locks = both_locks(suite, hello.version, master, self.random, hello.random)
                self.client.expect([locks[0]])
                self.server.expect([locks[1]])
        except ImportError:
            self._given_up = (
                "its keys are there, but the package cryptography is not: "
                "pip install 'smtpsniff[tls]'"
            )
            return
        self._ready = True
