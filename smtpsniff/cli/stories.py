"""What became of each mail over all its attempts, and what only several sessions show.

Attempts at one mail are joined by sender, recipient, Message-ID or size, and the client's
network: put off and tried again, sent to the next server, sent twice. Patterns are told too:
passwords guessed, addresses harvested, encryption given up.

Examples:
  smtpsniff stories mail.pcap
  smtpsniff stories monday.pcap tuesday.pcap --all
  smtpsniff stories mail.pcap --json | jq -r 'select(.kind == "retry") | .text'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.cli.errors import UsageError
from smtpsniff.cli.options import add_format, add_reading, take_filter
from smtpsniff.cli.streams import Output, paint_for

if TYPE_CHECKING:
    import argparse

    from smtpsniff.cli.running import Reading
    from smtpsniff.records import Session, Story


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Files, and the options of reading."""
    parser.add_argument("files", nargs="*", metavar="FILE", help="a capture file")
    parser.add_argument(
        "-r", dest="more", action="append", default=[], metavar="FILE", help="a capture file"
    )
    parser.add_argument("--all", action="store_true", help="mails with a single attempt, too")
    add_format(parser, "a record for each story and one for the run")
    add_reading(parser)


class Silent:
    """A renderer for whoever wants nothing of the sessions themselves."""

    def render(self, session: Session) -> str:
        """Nothing to show."""
        return ""

    def number(self, rendered: str, number: int) -> str:
        """Nothing to show."""
        return rendered


def run(args: argparse.Namespace) -> int:
    """Read the files, tell the stories."""
    files = [*take_filter(args.files, args), *args.more]
    if not files:
        raise UsageError("no capture file is named (smtpsniff stories --help says more)")
    from smtpsniff.cli.running import Reading

    reading = Reading(files, args, Silent(), stories=True, every=args.all)
    return _json(reading, args) if args.format != "text" else _text(reading, args)


def _json(reading: Reading, args: argparse.Namespace) -> int:
    from smtpsniff.output.json import JsonRenderer, Ndjson, SingleDocument, harmless

    renderer = JsonRenderer(reading.runner.digits)
    shape = Ndjson() if args.format == "ndjson" else SingleDocument()
    output = Output()
    output.eager = output.terminal or reading.runner.streamed

    def emit(story: Story) -> None:
        data = shape.story(renderer.story(story))
        output.write(harmless(data) if output.terminal else data)

    for _ in reading:
        for story in reading.stories():
            emit(story)
    for story in reading.stories():
        emit(story)
    output.write(shape.end(renderer.run(reading.record())))
    output.flush()
    return reading.finish()


def _text(reading: Reading, args: argparse.Namespace) -> int:
    from smtpsniff.output.stories import lines, tally

    output = Output()
    output.eager = output.terminal or reading.runner.streamed
    paint = paint_for(output, args.color)
    told = 0

    def emit(story: Story) -> None:
        nonlocal told
        told += 1
        for line in lines(story, paint):
            output.line(line)
        output.line()

    for _ in reading:
        for story in reading.stories():
            emit(story)
    for story in reading.stories():
        emit(story)
    record = reading.record()
    assert reading.chronicle is not None
    rest = tally(told, reading.chronicle.singles)
    if rest:
        output.line(rest)
    elif not told and record.sessions:
        output.line("No mail was sent, and nothing links the sessions.")
    if record.limits_hit:
        output.line(f"limits reached: {', '.join(record.limits_hit)}")
    output.flush()
    return reading.finish()
