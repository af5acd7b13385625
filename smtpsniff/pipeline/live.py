"""A live capture from start to end: sessions as they end, news as they come, counts at any time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from smtpsniff.capture.live import Limits, LiveCapture, choose
from smtpsniff.pipeline.analysis import Analysis, Queue, Settings
from smtpsniff.pipeline.run import record_of, totals_of
from smtpsniff.smtp.recognise import MAIL_PORTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from smtpsniff.capture import PacketBatch
    from smtpsniff.capture.live.listener import Drops
    from smtpsniff.records import Run, Session
    from smtpsniff.smtp.glimpse import Glimpse, News

__all__ = ["Live", "Moment", "sniff"]


@dataclass(slots=True)
class Moment:
    """What a fraction of a second brought; often nothing."""

    news: list[News] = field(default_factory=list)
    ended: list[Session] = field(default_factory=list)


class Live:
    """Listens from the moment it is made; iterate for what happens, until `stop`.

    `CaptureDenied` without permission, `CaptureError` for what cannot be listened to.
    """

    def __init__(self, interfaces: Iterable[str], limits: Limits, settings: Settings) -> None:
        self.capture = LiveCapture(choose(interfaces), limits)
        self.analysis = Analysis([], settings, self.capture)

    @property
    def drops(self) -> Drops:
        """Packets that this machine lost."""
        return self.capture.drops

    def keep(self, keep: Callable[[PacketBatch], None]) -> None:
        """From now on, hand every batch to `keep` before it is looked at."""
        self.capture.keep = keep

    def stop(self) -> None:
        """End with what is known; the iteration goes on to its end."""
        self.analysis.stop()

    def glimpses(self, most: int) -> list[Glimpse]:
        """How at most so many of the running sessions stand."""
        watching = self.analysis.watching
        return [] if watching is None else watching.glimpses(most)

    def __iter__(self) -> Iterator[Moment]:
        queue = Queue(self.analysis)
        for step in self.analysis.steps():
            yield Moment(step.news, [session for session, _ in queue.pass_on(step)])

    def record(self, version: str) -> Run:
        """The run record, once the iteration has ended."""
        return record_of(totals_of(self.analysis), self.analysis.settings, version)


def sniff(
    *interfaces: str, ports: Iterable[int] = (), bpf: str = "", seconds: float | None = None
) -> Iterator[Session]:
    """Sessions on network interfaces, as they end; for ever, unless `seconds` says how long.

    Without a name, or with "any", all interfaces that are up. `ports` are mail ports besides 25,
    465, 587, 2525 and 24; `bpf` is a packet filter in tcpdump's language, by default the mail
    ports and what explains why mail does not arrive. When the iterator is closed, listening ends.

    Raises `CaptureError` for an interface that is not there, and its kind `CaptureDenied` without
    the right to capture.
    """
    mail = frozenset(ports)
    limits = Limits(tuple(bpf.split()), MAIL_PORTS | mail, seconds=seconds)
    live = Live(interfaces or ("any",), limits, Settings(mail))
    try:
        for moment in live:
            yield from moment.ended
    finally:
        live.capture.close()
