"""Show the sessions of capture files: what became of each mail, and what went wrong.

Files are pcap or pcapng, plain or compressed with gzip, bzip2, xz or zstd. Several files are
one capture, ordered by time.
"-" is standard input: what another program captures is told as it becomes known. Ctrl-C ends
with what is known.

Examples:
  smtpsniff mail.pcap
  smtpsniff mail.pcap --by domain
  smtpsniff read mail.pcap --json | jq .verdict.text
  tcpdump -U -w - port 25 | smtpsniff -
  smtpsniff mail.pcap host 192.0.2.1 and not port 465
  smtpsniff read --follow growing.pcap
  smtpsniff read mail.pcap --format parquet -d tables
  smtpsniff read -r monday.pcap -r tuesday.pcap.gz --port 10025
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.cli.errors import UsageError
from smtpsniff.cli.options import add_format, add_reading, take_filter
from smtpsniff.cli.streams import Output, paint_for
from smtpsniff.output.others import FORMATS, format_of

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Files, and the options of reading."""
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="a capture file; behind them, after -- where a word could be a file, a packet filter",
    )
    parser.add_argument(
        "-r",
        dest="more",
        action="append",
        default=[],
        metavar="FILE",
        help="a capture file, as tcpdump and tshark name it; may be repeated",
    )
    parser.add_argument(
        "--follow",
        action="store_true",
        help="go on at the end of the file, which another program writes, until Ctrl-C",
    )
    parser.add_argument(
        "--by",
        choices=("outcome", "client", "server", "domain", "cause"),
        help="instead of sessions, what they have in common, the most failures first; domain: "
        "of recipients",
    )
    parser.add_argument(
        "--sort",
        choices=("number", "duration", "outcome", "client", "server"),
        default="number",
        help="order of the table; all but number show it at the end only",
    )
    add_format(parser, "a record for each session and one for the run", (*FORMATS, "parquet"))
    parser.add_argument(
        "-d", dest="folder", metavar="DIR",
        help="with --format parquet: where to; made if it is not there",
    )  # fmt: skip
    parser.add_argument(
        "--force", action="store_true", help="with --format parquet: replace earlier files"
    )
    add_reading(parser)


def run(args: argparse.Namespace) -> int:
    """Read the files, write what was asked for."""
    files = [*take_filter(args.files, args), *args.more]
    if not files:
        raise UsageError("no capture file is named (smtpsniff read --help says more)")
    if args.format == "parquet":
        from smtpsniff.cli.parquet import write

        return write(files, args)
    if args.folder or args.force:
        raise UsageError("-d and --force are of use only with --format parquet")
    if args.format == "text":
        return _text(files, args)
    return _json(files, args) if args.format in ("json", "ndjson") else _other(files, args)


def _other(files: list[str], args: argparse.Namespace) -> int:
    """Records as other tools write them."""
    from smtpsniff.cli.running import Reading
    from smtpsniff.output.json import harmless

    if args.format == "zeek-files":
        args.attachments = True
    form = format_of(args.format)
    reading = Reading(files, args, form)
    output = Output()
    if output.terminal:
        reading.progress.stop()
    output.eager = output.terminal or reading.runner.streamed
    reading.progress.also = output.pause
    output.write(form.head())
    for record in reading:
        output.write(harmless(record) if output.terminal else record)
    output.write(form.end())
    output.flush()
    return reading.finish()


def _json(files: list[str], args: argparse.Namespace) -> int:
    from smtpsniff.cli.running import Reading
    from smtpsniff.output.json import JsonRenderer, Ndjson, SingleDocument, harmless

    renderer = JsonRenderer()
    reading = Reading(files, args, renderer, stories=True)
    renderer.digits = reading.runner.digits
    shape = Ndjson() if args.format == "ndjson" else SingleDocument()
    output = Output()
    if output.terminal:
        reading.progress.stop()
    output.eager = output.terminal or reading.runner.streamed
    reading.progress.also = output.pause

    def emit(data: bytes) -> None:
        output.write(harmless(data) if output.terminal else data)

    for record in reading:
        emit(shape.session(record))
        for story in reading.stories():
            emit(shape.story(renderer.story(story)))
    for story in reading.stories():
        emit(shape.story(renderer.story(story)))
    output.write(shape.end(renderer.run(reading.record())))
    output.flush()
    return reading.finish()


def _text(files: list[str], args: argparse.Namespace) -> int:
    from smtpsniff.cli.running import Reading
    from smtpsniff.output.groups import Groups
    from smtpsniff.output.row import RowRenderer
    from smtpsniff.output.table import Table
    from smtpsniff.output.totals import Totals
    from smtpsniff.stories import CATALOGUE

    reading = Reading(files, args, RowRenderer(), stories=True)
    output = Output()
    output.eager = output.terminal or reading.runner.streamed
    reading.progress.also = output.pause

    def emit(line: str) -> None:
        if output.terminal:
            reading.progress.stop()
        output.line(line)

    paint = paint_for(output, args.color)
    table = Table(paint, emit, at_once=reading.runner.streamed, sort=args.sort)
    groups = Groups(args.by) if args.by else None
    totals = Totals()
    for row in reading:
        totals.add(row)
        (groups or table).add(row)
        for story in reading.stories():
            totals.add_story(story)
    table.end()
    for line in groups.lines(paint) if groups is not None else ():
        output.line(line)
    for story in reading.stories():
        totals.add_story(story)
    run_record = reading.record()
    if run_record.sessions:
        sentences = {check.id: check.sentence for check in CATALOGUE}
        for line in totals.lines(run_record, sentences, paint):
            output.line(line)
    output.flush()
    return reading.finish()
