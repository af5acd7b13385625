"""Reads capture files for a command: which can be read, how far it is, what it came to."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

from smtpsniff import __version__
from smtpsniff.capture import CaptureError, open_capture
from smtpsniff.capture.errors import STANDARD_INPUT, shown
from smtpsniff.cli import status
from smtpsniff.cli.config import choice_of
from smtpsniff.cli.errors import UsageError
from smtpsniff.cli.interrupt import on_interrupt
from smtpsniff.cli.progress import Progress
from smtpsniff.cli.redacting import redaction_key
from smtpsniff.cli.streams import tell
from smtpsniff.cli.words import COMMANDS
from smtpsniff.output.units import count
from smtpsniff.pipeline import Settings
from smtpsniff.pipeline.keeping import AttachmentReader
from smtpsniff.pipeline.run import Runner
from smtpsniff.stories import STORY_CHECKS, Chronicle

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from smtpsniff.pipeline.keeping import Keeper
    from smtpsniff.pipeline.run import Renderer
    from smtpsniff.records import Run, Selected, Story


class Reading:
    """Iterate once for what the renderer makes of each session; then `record` and `finish`.

    With `stories`, ask for them too before `record`: their findings count. `every`: also mails
    with a single attempt.
    """

    def __init__(
        self,
        files: list[str],
        args: argparse.Namespace,
        renderer: Renderer,
        *,
        keeper: Keeper | None = None,
        stories: bool = False,
        every: bool = False,
    ) -> None:
        self._fail_on: str = args.fail_on
        self._command: str = args.command
        self._hash_input: bool = args.hash_input
        self._redacted: bool = args.redact
        self._record: Run | None = None
        choice = choice_of(args)  # before the files: mistakes in words are told first
        follow = getattr(args, "follow", False)
        if follow and len(files) != 1:
            raise UsageError("--follow goes on at the end of one file; there are more")
        words = packet_filter(args.packet_filter)
        check_where(args.where)
        paths = _readable(files, follow)
        self._some_unreadable = len(paths) < len(files)
        settings = Settings(
            frozenset(args.port),
            args.verify_checksums,
            choice=choice,
            show_secrets=args.show_secrets,
            hash_input=args.hash_input,
            keeper=keeper or (AttachmentReader() if args.attachments else None),
            follow=follow,
            packet_filter=words,
            where=args.where,
            keylog=key_logs(args.keylog),
            redact=redaction_key(args),
        )
        self.progress = Progress()
        self.chronicle = Chronicle(STORY_CHECKS, choice, every=every) if stories else None
        try:
            self.runner = Runner(
                paths, settings, renderer, args.jobs, self.progress, self.chronicle
            )
        except CaptureError as error:  # of a pipe or a device, which `_readable` leaves alone
            raise UsageError(str(error)) from None

    def __iter__(self) -> Iterator[Any]:
        """Rendered sessions, as they end. An interrupt ends a stream with what is known."""
        self.interrupted = False
        stop = self._stop if self.runner.streamed else None
        try:
            with on_interrupt(stop):
                yield from self.runner
        finally:
            self.progress.clear()

    def _stop(self) -> None:
        self.interrupted = True
        self.runner.stop()

    def stories(self) -> Iterator[Story]:
        """Stories that are over; those left once the iteration has ended, which ends them all."""
        yield from self.runner.stories()

    def record(self) -> Run:
        """The run record, once the iteration has ended."""
        if self._record is None:
            self._record = self.runner.record(__version__)
            if self._hash_input:
                if self._redacted:
                    return self._record  # either would tell which capture it is
                self._record.command = self._command
                for file in self._record.files:
                    file.sha256 = file.sha256 or _sha256(file.path)
        return self._record

    def finish(self) -> int:
        """Tell of an interrupt and of damage; the exit status."""
        if self.interrupted:
            record = self.record()
            tell(
                f"interrupted after {count(record.packets, 'packet')} and "
                f"{count(record.sessions, 'session')}; what was open is told as far as it went"
            )
        for file in self.runner.totals.files:
            if file.damaged_at is not None:
                tell(
                    f"{shown(file.path)}: damaged at byte {file.damaged_at}: {file.damage}; "
                    "what comes before it was analysed"
                )
        summary = self.runner.totals.summary
        if self._some_unreadable:
            return status.USAGE
        if summary.reaches(self._fail_on):
            return status.FINDINGS
        if not summary.sessions and summary.passed_over:
            tell(f"none of the {count(summary.passed_over, 'session')} is what --where asks for")
            return status.FINE
        if not summary.sessions:
            paths = [file.path for file in self.runner.totals.files]
            tell(_nothing_found(paths, self.record().selected))
            return status.NO_SMTP
        return status.FINE


def packet_filter(words: list[str]) -> tuple[str, ...]:
    """The words, if libpcap takes them for a packet filter."""
    if words:
        from smtpsniff.capture.bpf import FilterError, PacketFilter

        try:
            PacketFilter(words)
        except FilterError as error:
            raise UsageError(str(error)) from None
    return tuple(words)


def key_logs(paths: list[str]) -> tuple[str, ...]:
    """The files of `--keylog`, if they have keys and there is what opens TLS with them."""
    if not paths:
        return ()
    from importlib.util import find_spec

    from smtpsniff.capture.keylog import KeyLogFile
    from smtpsniff.tls.keylog import KeyRing

    if find_spec("cryptography") is None:
        raise UsageError(
            "--keylog needs the package cryptography: pip install 'smtpsniff[tls]' brings it"
        )
    for path in paths:
        try:
            ring = KeyRing(KeyLogFile(path).more)
        except CaptureError as error:
            raise UsageError(f"--keylog: {error}") from None
        ring.finish()
        if not ring.size:
            tell(f"{shown(path)} has no keys yet (smtpsniff explain keylog says how to get them)")
    return tuple(paths)


def check_where(text: str) -> None:
    """Show what is wrong with an expression, and where."""
    if not text:
        return
    from smtpsniff.output.paint import cells
    from smtpsniff.select import Where, WhereError
    from smtpsniff.text import safe

    try:
        Where(text)
    except WhereError as error:
        before = " " * cells(safe(error.text[: error.at]))
        raise UsageError(f"--where: {error}", error.text, f"{before}^") from None


def _sha256(path: str) -> str | None:
    """Digest of an input file; None for pipes, whose digest is made while they are read."""
    import hashlib

    if path == STANDARD_INPUT or _is_pipe(path):
        return None
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        tell(f"{shown(path)}: cannot be read again for its digest: {error.strerror or error}")
        return None


def _nothing_found(paths: list[str], words: Selected | None) -> str:
    where = shown(paths[0]) if len(paths) == 1 else f"these {len(paths)} files"
    if words is not None and words.filter is not None:
        return f"no SMTP found in the packets of {where} that the filter lets through"
    return f"no SMTP found in {where} (--port N adds a port)"


def _readable(files: list[str], follow: bool) -> list[str]:
    """Those that can be read; a line for each that cannot. An error if none can."""
    if files.count(STANDARD_INPUT) > 1:
        raise UsageError("standard input (-) can be read only once")
    faults = {}
    for file in files:
        try:
            # What was read of a pipe would be lost; what is followed need not have begun.
            if file != STANDARD_INPUT and not follow and not _is_pipe(file):
                open_capture(file).close()
        except CaptureError as error:
            faults[file] = f"{error}{_forgotten_command(file)}"
    lines = list(faults.values())
    paths = [file for file in files if file not in faults]
    # The last line is main's to write where nothing can be done.
    for line in lines if paths else lines[:-1]:
        tell(line)
    if not paths:
        raise UsageError(lines[-1])
    return paths


def _is_pipe(file: str) -> bool:
    try:
        return not stat.S_ISREG(os.stat(file).st_mode) and not os.path.isdir(file)
    except (OSError, ValueError):
        return False


def _forgotten_command(file: str) -> str:
    """Help for ``smtpsniff --json show FILE 1``."""
    if file in COMMANDS and not os.path.exists(file):
        return f" (to use the command {file}, put it first)"
    return ""
