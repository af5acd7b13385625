"""A live capture for a command: opens, keeps packets, gives up rights, ends, and sums up."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from smtpsniff import __version__
from smtpsniff.capture import CaptureError
from smtpsniff.capture.live import Limits
from smtpsniff.capture.live.recorder import Recorder, Rotation
from smtpsniff.cli import status
from smtpsniff.cli.config import choice_of
from smtpsniff.cli.errors import UsageError
from smtpsniff.cli.interrupt import on_interrupt
from smtpsniff.cli.running import check_where, key_logs, packet_filter
from smtpsniff.cli.streams import tell
from smtpsniff.output.units import count
from smtpsniff.pipeline import Settings
from smtpsniff.pipeline.keeping import AttachmentReader
from smtpsniff.pipeline.live import Live
from smtpsniff.smtp.recognise import MAIL_PORTS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self

    from smtpsniff.capture import PacketBatch
    from smtpsniff.pipeline.live import Moment
    from smtpsniff.records import Run


LATER_USED = (
    "smtpsniff.output.json", "smtpsniff.output.events", "smtpsniff.output.row",
    "smtpsniff.output.table", "smtpsniff.cli.screen", "rich.console", "rich.live", "rich.text",
)  # fmt: skip


class Listening:
    """Listens from the start. Iterate once for what happens; then `record` and `finish`."""

    def __init__(self, args: argparse.Namespace) -> None:
        """CaptureError, CaptureDenied, or UsageError for a mistake in the words."""
        self._fail_on: str = args.fail_on
        ports = frozenset(args.port)
        watch = args.format == "text"
        choice = choice_of(args)
        check_where(args.where)
        settings = Settings(
            ports,
            args.verify_checksums,
            choice=choice,
            show_secrets=args.show_secrets,
            keeper=AttachmentReader() if args.attachments else None,
            where=args.where,
            keylog=key_logs(args.keylog),
            watch=watch,
        )
        limits = Limits(
            words=packet_filter([*args.words, *args.packet_filter]),
            ports=MAIL_PORTS | ports,
            snaplen=args.snaplen,
            promiscuous=not args.modest,
            packets=args.count,
            seconds=None if args.until is None else args.until[1],
        )
        user = None if args.user is None else _known(args.user)
        self.live = Live(args.interfaces or ["any"], limits, settings)
        self._recorder: Recorder | None = None
        try:
            if user is not None:
                load_all()
                become(user)
            if args.write is not None:
                self._recorder = self._record_to(args)
        except BaseException:
            self.live.capture.close()
            raise
        self._fault = ""
        what = " ".join(limits.words) or f"mail ports {', '.join(map(str, sorted(limits.ports)))}"
        tell(f"listening on {self.live.capture.path} ({what}); Ctrl-C ends")

    def _record_to(self, args: argparse.Namespace) -> Recorder:
        full: dict[str, int] = dict(args.ring)
        rotation = Rotation(full.get("filesize", 0), full.get("duration", 0), full.get("files", 0))
        if rotation.files and not (rotation.kilobytes or rotation.seconds):
            raise UsageError("-b files:N needs a size or time of a file (filesize:KB, duration:S)")
        application = f"smtpsniff {__version__}"
        interfaces = self.live.capture.interfaces
        recorder = Recorder(args.write, interfaces, rotation, application, force=args.force)
        self.live.keep(self._write)
        return recorder

    def _write(self, batch: PacketBatch) -> None:
        """Keep packets; a full disk ends the capture, but loses no verdict."""
        if self._fault or self._recorder is None:
            return
        try:
            self._recorder(batch)
        except (OSError, CaptureError) as error:
            self._fault = f"{self._recorder.path}: cannot be written: {error}"
            self.live.stop()

    def __iter__(self) -> Iterator[Moment]:
        with on_interrupt(self.live.stop):
            yield from self.live

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.live.capture.close()
        if self._recorder is not None:
            self._recorder.dropped(self.live.drops.kernel)
            self._recorder.close()

    def record(self) -> Run:
        """The run record, once the iteration has ended."""
        return self.live.record(__version__)

    def finish(self) -> int:
        """Sum up on standard error; the exit status."""
        run, drops = self.record(), self.live.drops
        outcomes = ", ".join(f"{number:,} {outcome}" for outcome, number in run.outcomes.items())
        sessions = f"{count(run.sessions, 'session')}{f' ({outcomes})' if outcomes else ''}"
        lost = count(drops.kernel + drops.queue, "packet")
        tell(f"{count(run.packets, 'packet')}, {sessions}; {lost} dropped by this machine")
        for name in self.live.capture.down:
            tell(f"{name} went down while it was listened to")
        if run.limits_hit:
            tell(f"limits reached: {', '.join(run.limits_hit)}")
        if self._recorder is not None:
            tell(f"{count(self._recorder.packets, 'packet')} kept in {self._recorder.path}")
        if self.live.capture.fault is not None:
            self._fault = f"listening ended: {self.live.capture.fault}"
        if self._fault:
            tell(self._fault)
            return status.USAGE
        if self.live.analysis.summary.reaches(self._fail_on):
            return status.FINDINGS
        return status.FINE if run.sessions else status.NO_SMTP


def _known(name: str) -> tuple[str, int, int]:
    """Name, number and group of a user."""
    try:
        import pwd

        entry = pwd.getpwnam(name)
    except (ImportError, KeyError):
        raise UsageError(f"-Z {name}: there is no such user") from None
    return name, entry.pw_uid, entry.pw_gid


def load_all() -> None:
    """Everything that is otherwise loaded when first used: a user may not read root's files."""
    from importlib import import_module

    from smtpsniff.capture.scapy_door import preload

    preload()
    for name in LATER_USED:
        import_module(name)


def become(user: tuple[str, int, int]) -> None:
    """Give up all rights but those of this user, for good. UsageError when that cannot be."""
    name, number, group = user
    try:
        os.initgroups(name, group)
        os.setgid(group)
        os.setuid(number)
    except OSError as error:
        raise UsageError(f"-Z {name}: {error.strerror}") from None
