"""Show one session: the verdict, who said what and when, what was wrong with which line.

Examples:
  smtpsniff show mail.pcap 3
  smtpsniff show monday.pcap tuesday.pcap --session 12
  smtpsniff show mail.pcap 3 --ladder -t a
  smtpsniff show mail.pcap 3 --explain
  smtpsniff show mail.pcap 3 -v
  smtpsniff show mail.pcap 3 --json | jq .timeline
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.cli import status
from smtpsniff.cli.errors import UsageError
from smtpsniff.cli.options import add_format, add_reading, take_filter
from smtpsniff.cli.streams import Output, paint_for, tell
from smtpsniff.output.clock import FORMS

if TYPE_CHECKING:
    import argparse

    from smtpsniff.cli.running import Reading
    from smtpsniff.output.bodies import Bodies
    from smtpsniff.records import Run, Session


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Files and a number, and the options of reading."""
    parser.add_argument(
        "words", nargs="*", metavar="FILE [N]", help="a capture file; N: which session"
    )
    parser.add_argument(
        "-r", dest="more", action="append", default=[], metavar="FILE", help="a capture file"
    )
    parser.add_argument(
        "--session", type=int, metavar="N", help="which session, with several files"
    )
    parser.add_argument(
        "-t",
        dest="time",
        choices=tuple(FORMS),
        default="r",
        help="times as tshark names them: "
        + ", ".join(f"{form}: {meaning}" for form, meaning in FORMS.items()),
    )
    parser.add_argument(
        "--ladder",
        dest="format",
        action="store_const",
        const="ladder",
        default="text",
        help="client and server as two columns, arrows between (short for --format ladder)",
    )
    parser.add_argument(
        "--explain", action="store_true", help="under each line what it means, for who learns SMTP"
    )
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="unfold messages: every line that was sent"
    )
    add_format(parser, "the session's record", ("ladder",))
    add_reading(parser)


def run(args: argparse.Namespace) -> int:
    """Read the files, find the session, show it."""
    files, number = _what(args)
    if (args.explain or args.verbose) and args.format != "text":
        option = "--explain" if args.explain else "-v"
        raise UsageError(f"{option} adds to the lines of the text; leave the other form away")

    from tempfile import TemporaryDirectory

    from smtpsniff.cli.running import Reading
    from smtpsniff.output.bodies import Bodies
    from smtpsniff.output.extract.keeping import Extractor

    with TemporaryDirectory(prefix="smtpsniff-") as work:
        keeper = Extractor(work, frozenset((number,))) if args.verbose else None
        reading = Reading(files, args, keeper or Picker(number), keeper=keeper)
        found = None
        for one in reading:
            found = one or found
        if found is None:
            return _absent(number, reading.record(), reading.finish())
        session, messages = found if args.verbose else (found, [])
        _print(session, reading, args, Bodies(messages))
    code = reading.finish()
    return code if code == status.USAGE else _status(session, args.fail_on)


def _print(session: Session, reading: Reading, args: argparse.Namespace, bodies: Bodies) -> None:
    output = Output()
    digits = reading.runner.digits
    if args.format not in ("text", "ladder"):
        from smtpsniff.output.json import harmless
        from smtpsniff.records import encoder

        record = encoder(digits).encode(session) + b"\n"
        output.write(harmless(record) if output.terminal else record)
    else:
        from functools import partial

        from smtpsniff.output.ladder import ladder
        from smtpsniff.output.story import story
        from smtpsniff.output.teaching import Teacher
        from smtpsniff.output.timeline import timeline

        names = reading.runner.files
        paint = paint_for(output, args.color)
        more = [Teacher().beside] if args.explain else []
        if args.verbose:
            more.append(bodies.beside)
        dialogue = ladder if args.format == "ladder" else partial(timeline, beside=more)
        for line in story(session, names, digits, paint, dialogue, args.time):
            output.line(line)
    output.flush()


def _status(session: Session, fail_on: str) -> int:
    """The status that this session's own findings earn."""
    from smtpsniff.pipeline import Summary

    summary = Summary()
    summary.add(session)
    return status.FINDINGS if summary.reaches(fail_on) else status.FINE


class Picker:
    """A renderer that keeps one session.

    Sessions are rendered, perhaps in another process, before their number is known; packed they
    are small and cheap to send, and only the one that was asked for is unpacked.
    """

    def __init__(self, number: int) -> None:
        self._number = number

    def render(self, session: Session) -> bytes:
        """The session, packed."""
        from smtpsniff.output.packing import pack

        return pack(session)

    def number(self, rendered: bytes, number: int) -> Session | None:
        """The session, if it is the one."""
        if number != self._number:
            return None
        from smtpsniff.output.packing import unpack

        session = unpack(rendered)
        session.number = number
        return session


def _what(args: argparse.Namespace) -> tuple[list[str], int]:
    """Files and number."""
    words = take_filter(args.words, args)
    files = [*words, *args.more]
    number = args.session
    if number is None:
        word = words[-1] if words else ""
        if not word.isdecimal() or len(files) < 2 or len(word) > 12:
            raise UsageError("which session? smtpsniff show FILE N, with N from the session table")
        number = int(word)
        files = [*words[:-1], *args.more]
    if not files:
        raise UsageError("no capture file is named (smtpsniff show FILE N)")
    return files, number


def _absent(number: int, record: Run, code: int) -> int:
    """No such session: say which there are."""
    sessions = record.sessions
    if record.selected is not None:
        if sessions:
            tell(f"session {number} is not among those selected (there are {sessions:,})")
        return status.USAGE
    if not sessions:
        return code  # it has been said that there are none
    tell(
        f"there is no session {number}; there {'is' if sessions == 1 else 'are'} "
        f"{'only session 1' if sessions == 1 else f'sessions 1 to {sessions}'}"
    )
    return status.USAGE
