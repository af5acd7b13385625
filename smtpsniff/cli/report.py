"""Write a report: one page with everything in it, to look at in a browser and to send around.

The page fetches nothing and runs nothing from the capture. It has addresses, subjects and the
servers' words in it, but no passwords and no message bodies.

Examples:
  smtpsniff report mail.pcap -o report.html
  smtpsniff report monday.pcap tuesday.pcap -o week.html --force
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from smtpsniff.cli.errors import UsageError
from smtpsniff.cli.options import add_reading
from smtpsniff.cli.streams import tell

if TYPE_CHECKING:
    import argparse

    from smtpsniff.cli.running import Reading
    from smtpsniff.output.report.page import Page


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Files, where to write, and the options of reading."""
    parser.add_argument("files", nargs="*", metavar="FILE", help="a capture file")
    parser.add_argument(
        "-r", dest="more", action="append", default=[], metavar="FILE", help="a capture file"
    )
    parser.add_argument(
        "-o", dest="page", default="report.html", metavar="PAGE",
        help="the page to write (report.html)",
    )  # fmt: skip
    parser.add_argument("--force", action="store_true", help="write over a page that exists")
    add_reading(parser)


def run(args: argparse.Namespace) -> int:
    """Read the files, write the page."""
    files = [*args.files, *args.more]
    if not files:
        raise UsageError("no capture file is named (smtpsniff report FILE -o report.html)")
    if os.path.exists(args.page) and not args.force:
        raise UsageError(f"{args.page} exists already (--force writes over it)")
    if any(os.path.exists(args.page) and os.path.samefile(args.page, f)
           for f in files if os.path.exists(f)):  # fmt: skip
        raise UsageError(f"{args.page} is one of the captures")

    from smtpsniff.cli.running import Reading
    from smtpsniff.output.report.entry import EntryRenderer
    from smtpsniff.output.report.page import Page

    args.attachments = True
    args.hash_input = True  # who gets the page must be able to tell which capture it is of
    renderer = EntryRenderer()
    reading = Reading(files, args, renderer)
    renderer.files = reading.runner.files
    renderer.digits = reading.runner.digits
    page = Page()
    for entry in reading:
        page.add(entry)
    if reading.record().sessions:
        _write(page, reading, args)
    return reading.finish()


def _write(page: Page, reading: Reading, args: argparse.Namespace) -> None:
    from smtpsniff.checks import CATALOGUE

    record = reading.record()
    sentences = {check.id: check.sentence for check in CATALOGUE}
    html = page.html(record, "" if args.redact else args.command, sentences)
    try:
        with open(args.page, "w" if args.force else "x", encoding="utf-8") as file:
            file.write(html)
    except OSError as error:
        raise UsageError(f"cannot write {args.page}: {error.strerror}") from None
    tell(f"{args.page}: {page.digest.sentence(sentences)}")
