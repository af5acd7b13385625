"""Digests made beside other work: hashing lets go of the interpreter, so a thread for each kind
of digest works while the parts of the message are looked for."""

from __future__ import annotations

import hashlib
import queue
import threading

__all__ = ["ALGORITHMS", "Digest", "Hashers"]

ALGORITHMS = ("md5", "sha1", "sha256")
# Blocks that wait for a thread: enough to keep it busy, few enough to be no burden on memory.
WAITING = 16
# What is smaller is hashed at once; handing it over would cost more.
LARGE = 1 << 16


class Hashers:
    """The threads, which begin with the first large block and end with `close`."""

    def __init__(self) -> None:
        self._lanes: dict[str, queue.Queue[_Block | None]] = {}
        self._threads: list[threading.Thread] = []

    def new(self, algorithm: str) -> Digest:
        """A digest of one of ALGORITHMS."""
        return Digest(self, algorithm)

    def lane(self, algorithm: str) -> queue.Queue[_Block | None]:
        """Where blocks wait for the thread of this algorithm."""
        lane = self._lanes.get(algorithm)
        if lane is None:
            lane = self._lanes[algorithm] = queue.Queue(WAITING)
            self._threads.append(threading.Thread(target=_work, args=(lane,), daemon=True))
            self._threads[-1].start()
        return lane

    def close(self) -> None:
        """There is nothing more to do."""
        for lane in self._lanes.values():
            lane.put(None)
        for thread in self._threads:
            thread.join()
        self._lanes, self._threads = {}, []


class Digest:
    """Like an object of hashlib."""

    __slots__ = ("_algorithm", "_hash", "_hashers", "_lane")

    def __init__(self, hashers: Hashers, algorithm: str) -> None:
        # MD5 and SHA-1 name files to other tools; they guard nothing here.
        self._hash = hashlib.new(algorithm, usedforsecurity=False)
        self._hashers = hashers
        self._algorithm = algorithm
        self._lane: queue.Queue[_Block | None] | None = None

    def update(self, data: bytes) -> None:
        """The next octets, which must not change."""
        if self._lane is None:
            if len(data) < LARGE:
                self._hash.update(data)
                return
            self._lane = self._hashers.lane(self._algorithm)
        self._lane.put((self, data))

    def take(self, data: bytes) -> None:
        """In the thread."""
        self._hash.update(data)

    def hexdigest(self) -> str:
        """The digest, once all of it was taken."""
        if self._lane is not None:
            self._lane.join()
            self._lane = None
        return self._hash.hexdigest()


_Block = tuple[Digest, bytes]


def _work(lane: queue.Queue[_Block | None]) -> None:
    while (block := lane.get()) is not None:
        digest, data = block
        digest.take(data)
        lane.task_done()
