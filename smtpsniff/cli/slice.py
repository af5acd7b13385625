"""Write the packets of chosen sessions as a capture of their own (pcapng), byte for byte.

Sessions are chosen by their numbers in the session table, by --where, or both. All packets
between the ends go along: handshake, tunnels, fragments, errors of routers about them. Times,
interfaces and comments stay as they are.

Examples:
  smtpsniff slice mail.pcap 3 -w three.pcapng
  smtpsniff slice mail.pcap 1 4-7 -w - | wireshark -k -i -
  smtpsniff slice monday.pcap tuesday.pcap --session 12 -w twelve.pcapng
  smtpsniff slice mail.pcap --where 'verdict.outcome == rejected' -w no.pcapng
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, BinaryIO

from smtpsniff.cli import status
from smtpsniff.cli.errors import UsageError
from smtpsniff.cli.options import add_reading, take_filter
from smtpsniff.cli.redacting import refuse_redaction
from smtpsniff.cli.streams import is_terminal, tell

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable

    from smtpsniff.cli.running import Reading
    from smtpsniff.records import Session

    Place = Callable[[int, int], int]

_NUMBERS = re.compile(r"([0-9]{1,12})(?:-([0-9]{1,12}))?", re.ASCII)

Ranges = list[tuple[int, int]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Files, numbers, and the options of reading."""
    parser.add_argument(
        "words",
        nargs="*",
        metavar="FILE... [N...]",
        help="capture files; numbers of sessions, or ranges of them such as 3-7",
    )
    parser.add_argument(
        "-r", dest="more", action="append", default=[], metavar="FILE", help="a capture file"
    )
    parser.add_argument(
        "--session",
        action="append",
        default=[],
        metavar="N",
        help="a number or a range, where a file could be meant; may be repeated",
    )
    parser.add_argument("-w", dest="output", metavar="FILE", help="where to; - is standard output")
    parser.add_argument("--force", action="store_true", help="write over a file that is there")
    add_reading(parser)


def run(args: argparse.Namespace) -> int:
    """Find the sessions, then write their packets."""
    refuse_redaction(args, "packets are written as they were")
    files, ranges = _what(args)

    from smtpsniff.capture.errors import STANDARD_INPUT, CaptureError
    from smtpsniff.capture.writer import STANDARD_OUTPUT, create
    from smtpsniff.cli.running import Reading

    if STANDARD_INPUT in files or any(os.path.exists(f) and not os.path.isfile(f) for f in files):
        raise UsageError("slice reads its input more than once; save what comes through a pipe")
    _check_output(args.output, files)
    args.jobs = 1  # frames are counted here
    reading = Reading(files, args, _Chooser(ranges))
    chosen: list[Session] = list(reading)
    code = reading.finish()
    if not chosen:
        return _none(reading, code)
    runner = reading.runner
    try:
        file = create(args.output, force=args.force)
        with nullcontext(file) if args.output == STANDARD_OUTPUT else file:
            packets = write_packets(runner.files, runner.place, chosen, file)
    except CaptureError as error:
        raise UsageError(str(error)) from None
    sessions = f"{len(chosen):,} session{'' if len(chosen) == 1 else 's'}"
    tell(f"{packets:,} packets of {sessions} written to {args.output}")
    return code if code == status.USAGE else _status(chosen, args.fail_on)


def _what(args: argparse.Namespace) -> tuple[list[str], Ranges]:
    """Files, and the numbers of sessions that are wanted; none for all."""
    words = take_filter(args.words, args)
    numbers = list(args.session)
    while words and _NUMBERS.fullmatch(words[-1]) and not os.path.exists(words[-1]):
        numbers.append(words.pop())
    files = [*words, *args.more]
    if not files:
        raise UsageError("no capture file is named (smtpsniff slice FILE N -w out.pcapng)")
    if not numbers and not args.where and not args.packet_filter:
        raise UsageError("which sessions? Numbers (3 5-7) behind the file, or --where EXPR")
    return files, [_range(word) for word in numbers]


def _range(word: str) -> tuple[int, int]:
    match = _NUMBERS.fullmatch(word)
    if match is None or int(match[2] or match[1]) < int(match[1]):
        raise UsageError(f"{word!r} is no number of a session, and no range such as 3-7")
    return int(match[1]), int(match[2] or match[1])


def _check_output(output: str | None, files: list[str]) -> None:
    if not output:
        raise UsageError("where to? smtpsniff slice FILE N -w out.pcapng (- is standard output)")
    if output == "-" and is_terminal(sys.stdout):
        raise UsageError("packets are nothing for a terminal; -w FILE, or a pipe behind -w -")
    if any(os.path.exists(f) and os.path.exists(output) and os.path.samefile(f, output)
           for f in files):  # fmt: skip
        raise UsageError(f"{output} is one of the captures that are read; write to another file")


class _Chooser:
    """A renderer that lets sessions through by their number."""

    def __init__(self, ranges: Ranges) -> None:
        self._ranges = ranges

    def render(self, session: Session) -> Session:
        return session

    def number(self, session: Session, number: int) -> Any:  # noqa: ANN401
        session.number = number
        wanted = not self._ranges or any(low <= number <= high for low, high in self._ranges)
        return session if wanted else None


def write_packets(
    paths: list[str], place: Place, sessions: Iterable[Session], file: BinaryIO
) -> int:
    """Write the packets of sessions of these files; how many.

    `place` gives the frame of a file as counted through all of them.
    """
    from smtpsniff import __version__
    from smtpsniff.capture.writer import PcapngWriter
    from smtpsniff.pipeline.slicing import Span, write_slice

    spans = [
        Span(
            (session.client.ip, session.client.port),
            (session.server.ip, session.server.port),
            place(session.file or 0, session.first_frame),
            place(session.last_file or 0, session.last_frame),
        )
        for session in sessions
    ]
    writer = PcapngWriter(file, application=f"smtpsniff {__version__}")
    write_slice(paths, spans, writer)
    file.flush()
    return writer.packets


def _none(reading: Reading, code: int) -> int:
    record = reading.record()
    if record.sessions:
        few = record.sessions == 1
        tell(f"no such session; there {'is' if few else 'are'} {record.sessions:,} in all")
    return status.USAGE if record.sessions or record.selected is not None else code


def _status(sessions: list[Session], fail_on: str) -> int:
    """The status that the findings of these sessions earn."""
    from smtpsniff.pipeline import Summary

    summary = Summary()
    for session in sessions:
        summary.add(session)
    return status.FINDINGS if summary.reaches(fail_on) else status.FINE
