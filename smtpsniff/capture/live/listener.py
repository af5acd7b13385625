"""The thread that empties the taps, and how many packets never got to it."""

from __future__ import annotations

import queue
import select
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from smtpsniff.capture.bpf import FilterError, Instruction, compile_filter
from smtpsniff.capture.errors import CaptureError
from smtpsniff.capture.live.mail_filter import RETURN, mail_filter
from smtpsniff.capture.live.ring import LINK_ETHERNET, link_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from smtpsniff.capture.batch import PacketBatch
    from smtpsniff.capture.live.interfaces import Nic

MEMORY = 64 << 20
"""Bytes of the rings together: at 20,000 small packets a second, ten seconds in which nobody
takes them."""

WAITING = 256  # blocks that may wait for the analysis: as many bytes again as the rings have
LOOK = 0.1  # seconds between two looks at what the kernel dropped
REMEMBERED = 1000  # spells of drops that are told apart; the oldest are forgotten first
CLOSE = 1_000_000_000  # nanoseconds: drops nearer to each other than this are one spell


class CaptureDenied(CaptureError):
    """The system does not let us listen; `str()` says what to do."""


class Source(Protocol):
    """A tap, by whatever means."""

    def fileno(self) -> int: ...
    def take(self) -> Iterator[PacketBatch]: ...
    def dropped(self) -> int: ...
    def went_down(self) -> bool: ...
    def close(self) -> None: ...


@dataclass(slots=True)
class Drops:
    """Packets that were lost on this machine, before anybody looked at them, and when."""

    kernel: int = 0  # the kernel had no room for them
    queue: int = 0  # the analysis was too far behind
    spells: deque[tuple[int, int, int]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def add(self, since: int, until: int, *, kernel: int = 0, queue: int = 0) -> None:
        """Some were lost between two times, in nanoseconds since 1970."""
        if not kernel + queue:
            return
        self.kernel += kernel
        self.queue += queue
        if self.spells and since - self.spells[-1][1] < CLOSE:
            first, _, count = self.spells.pop()
            self.spells.append((first, until, count + kernel + queue))
        else:
            self.spells.append((since, until, kernel + queue))

    def during(self, start: int, end: int) -> int:
        """How many were lost in spells that touch this time."""
        return sum(count for first, last, count in self.spells if first <= end and last >= start)


class Listener:
    """Takes packets off the taps as they come, in a thread of its own; `get` hands them on."""

    def __init__(self, taps: Sequence[Source]) -> None:
        self.drops = Drops()
        self.fault: Exception | None = None  # why it ended, if not by `stop`
        self.down: set[int] = set()  # numbers of taps whose interface went down
        self._taps = taps
        self._queue: queue.Queue[PacketBatch] = queue.Queue(WAITING)
        self._stop = threading.Event()
        self._looked = time.time_ns()
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self._thread.start()

    def get(self, seconds: float) -> PacketBatch | None:
        """The next packets; None when none come within `seconds`."""
        try:
            return self._queue.get(timeout=seconds) if seconds > 0 else self._queue.get_nowait()
        except queue.Empty:
            return None

    @property
    def running(self) -> bool:
        """Whether more may come."""
        return self._thread.is_alive() or not self._queue.empty()

    def stop(self) -> None:
        """Take what is in the taps, and no more. Go on with `get` while `running`."""
        self._stop.set()

    def close(self) -> None:
        """Stop, and let go of the taps."""
        self._stop.set()
        while self._thread.is_alive():  # it may wait for room
            self.get(0)
            self._thread.join(0.01)
        for tap in self._taps:
            tap.close()

    def _run(self) -> None:
        try:
            self._listen()
        except Exception as fault:  # a thread has nobody else to tell
            self.fault = fault

    def _listen(self) -> None:
        while not self._stop.is_set():
            ready = select.select(self._taps, [], [], LOOK)[0]
            for tap in ready:
                self._empty(tap)
            self._look()
        # What the kernel has not handed over yet comes when its block is old enough.
        time.sleep(2 * LOOK)
        for tap in self._taps:
            self._empty(tap)
        self._look()

    def _empty(self, tap: Source) -> None:
        for batch in tap.take():
            if len(batch):
                # A full queue keeps us here; the packets meanwhile wait in the ring.
                self._queue.put(batch)

    def _look(self) -> None:
        """Ask the kernel what it dropped."""
        now = time.time_ns()
        self.down.update(index for index, tap in enumerate(self._taps) if tap.went_down())
        lost = sum(tap.dropped() for tap in self._taps)
        self.drops.add(self._looked, now, kernel=lost)
        self._looked = now


def open_taps(
    nics: Sequence[Nic],
    words: Sequence[str],
    ports: Iterable[int],
    snaplen: int,
    *,
    promiscuous: bool,
) -> list[Source]:
    """A tap for each interface. CaptureDenied without permission, CaptureError for the rest."""
    taps: list[Source] = []
    ports = sorted(set(ports))
    try:
        for index, nic in enumerate(nics):
            taps.append(_open(nic, index, words, ports, snaplen, len(nics), promiscuous))
    except BaseException:
        for tap in taps:
            tap.close()
        raise
    return taps


def _open(
    nic: Nic, index: int, words: Sequence[str], ports: list[int], snaplen: int, count: int,
    promiscuous: bool,
) -> Source:  # fmt: skip
    from smtpsniff.capture.live.scapy_socket import ScapyTap

    slow: dict[str, Any] = {"promiscuous": promiscuous, "snaplen": snaplen}
    try:
        if not sys.platform.startswith("linux"):
            return ScapyTap(nic, index, " ".join(words), **slow)
        from smtpsniff.capture.live.tap import Tap

        program = _program(words, link_of(nic.hardware), ports, snaplen)
        try:
            return Tap(nic, index, program, MEMORY // count, promiscuous=promiscuous)
        except PermissionError:
            raise
        except OSError:  # no ring to be had: the slow way
            return ScapyTap(nic, index, None, program=program, **slow)
    except PermissionError:
        raise CaptureDenied(nic.name, denied()) from None
    except OSError as error:
        raise CaptureError(nic.name, f"cannot be listened to: {error.strerror or error}") from None


def _program(
    words: Sequence[str], link: int, ports: list[int], snaplen: int
) -> Sequence[Instruction]:
    """The kernel's filter. Words about VLANs and the like are for `needs_columns` to decide."""
    if not words:
        return mail_filter(ports, snaplen, ethernet=link == LINK_ETHERNET)
    if needs_columns(words):
        return [Instruction(RETURN, 0, 0, snaplen)]
    try:
        program = compile_filter(words, link).instructions
    except FilterError as error:
        raise CaptureError("filter", str(error)) from None
    # What it returns is how much to keep of a packet that matches.
    return [i._replace(k=snaplen) if i.code == RETURN and i.k else i for i in program]


def needs_columns(words: Iterable[str]) -> bool:
    """Whether an expression looks at what the kernel has taken out of the packets: VLAN tags."""
    return any("vlan" in word for word in words)


def denied() -> str:
    """What to do without permission."""
    if sys.platform.startswith("linux"):
        python = sys.executable
        return (
            "no permission to capture: use sudo, or give the right to do so to this Python once "
            f"(sudo setcap cap_net_raw,cap_net_admin=eip $(readlink -f {python}))"
        )
    return "no permission to capture: use sudo"
