"""Write the messages of captures into a folder, byte for byte, with an index.

Each message is a file session-0001-mail-1.eml: as it was sent, without the dots
that SMTP adds, line ends as they were. What the capture lacks is filled with
"[octets never captured]", told in the index, and the file is called .partial.eml.
DIR/index.json has, for each message, envelope, frames, times, digests of the
file, the way it came and the server's answer; and for the run the SHA-256 of the
inputs, the command line and the version.

Examples:
  smtpsniff extract mail.pcap -d evidence
  smtpsniff extract mail.pcap 3 -d evidence --attachments
  smtpsniff extract monday.pcap tuesday.pcap --session 3 -d evidence --urls
  smtpsniff extract mail.pcap -d out --mbox && mutt -f out/messages.mbox
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from smtpsniff.cli.errors import UsageError
from smtpsniff.cli.options import add_format, add_reading, take_filter
from smtpsniff.cli.redacting import refuse_redaction
from smtpsniff.cli.streams import Output, tell

if TYPE_CHECKING:
    import argparse

    from smtpsniff.cli.running import Reading
    from smtpsniff.output.extract.placing import Placing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Files, the folder, what is wanted, and the options of reading."""
    parser.add_argument(
        "words", nargs="*", metavar="FILE [N]", help="a capture file; N: only this session"
    )
    parser.add_argument(
        "-r", dest="more", action="append", default=[], metavar="FILE", help="a capture file"
    )
    parser.add_argument(
        "-d", dest="folder", metavar="DIR", help="where to; made if it is not there"
    )
    parser.add_argument(
        "--session",
        type=int,
        action="append",
        default=[],
        metavar="N",
        help="only this session; may be repeated",
    )
    parser.add_argument(
        "--mbox",
        action="store_true",
        help="also all messages as one messages.mbox with capture times (mboxrd: LF line ends, "
        "'From ' quoted as '>From ')",
    )
    parser.add_argument("--urls", action="store_true", help="URLs of the texts in the index")
    parser.add_argument("--force", action="store_true", help="replace files of an earlier run")
    add_format(parser, "what the index says of each message")
    add_reading(parser, attachments="decoded attachments, too, in a folder for each message")


def run(args: argparse.Namespace) -> int:
    """Read the files, write the messages."""
    refuse_redaction(args, "messages are written byte for byte")
    files, wanted = _what(args)
    if not args.folder:
        raise UsageError("where to? smtpsniff extract FILE -d DIR")

    from smtpsniff.cli.running import Reading
    from smtpsniff.output.extract.folder import Folder, FolderError
    from smtpsniff.output.extract.keeping import Extractor
    from smtpsniff.output.extract.placing import Options, Placing

    args.hash_input = True
    try:
        with Folder(args.folder, force=args.force) as folder:
            extractor = Extractor(folder.work, wanted)
            reading = Reading(files, args, extractor, keeper=extractor)
            options = Options(args.attachments, args.urls, args.mbox)
            placing = Placing(folder, options, reading.runner.digits)
            output = Output()
            reading.progress.also = output.pause
            _extract(reading, placing, args, output)
            record = reading.record()
            placing.finish(record)
            if args.format == "ndjson":
                _record(record, reading, output)
            elif args.format == "json":
                _copy(folder.at("index.json"), output)
            output.flush()
    except FolderError as error:
        raise UsageError(str(error)) from None
    if not placing.messages and record.sessions:
        tell(f"no message in {'these sessions' if wanted else 'the capture'}")
    return reading.finish()


def _extract(reading: Reading, placing: Placing, args: argparse.Namespace, output: Output) -> None:
    from smtpsniff.output.extract.listing import lines

    for extracted in reading:
        for entry in placing(extracted) if extracted is not None else ():
            if args.format == "text":
                for line in lines(entry):
                    output.line(line)
            elif args.format == "ndjson":
                _record(entry, reading, output)


def _record(what: object, reading: Reading, output: Output) -> None:
    from smtpsniff.output.json import harmless
    from smtpsniff.records import encoder

    record = encoder(reading.runner.digits).encode(what) + b"\n"
    output.write(harmless(record) if output.terminal else record)


def _copy(path: str, output: Output) -> None:
    with open(path, "rb") as index:
        for line in index:
            output.write(line)


def _what(args: argparse.Namespace) -> tuple[list[str], frozenset[int]]:
    """Files, and the numbers of the sessions that are wanted; none for all."""
    words = take_filter(args.words, args)
    numbers = list(args.session)
    # Behind a file a number is a session, unless there is a file of that name.
    while len(words) > 1 and words[-1].isdecimal() and not os.path.exists(words[-1]):
        numbers.append(int(words.pop()[:12]))
    files = [*words, *args.more]
    if not files:
        raise UsageError("no capture file is named (smtpsniff extract FILE -d DIR)")
    return files, frozenset(numbers)
