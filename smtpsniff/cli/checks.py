"""List everything that smtpsniff looks for, by group.

Examples:
  smtpsniff checks
  smtpsniff checks --json | jq -r 'select(.severity == "error") | .id'
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from smtpsniff.cli import status
from smtpsniff.cli.errors import not_yet
from smtpsniff.cli.options import add_color
from smtpsniff.cli.streams import Output, paint_for
from smtpsniff.cli.words import LATER_FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks import Check

FORMATS = ("text", "json", "ndjson", "markdown")


def _format(word: str) -> str:
    if word in LATER_FORMATS:
        raise not_yet(f"--format {word}")
    if word not in FORMATS:
        raise argparse.ArgumentTypeError(f"{word!r} is none of {', '.join(FORMATS)}")
    return word


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How to print them."""
    parser.add_argument(
        "--json",
        dest="format",
        action="store_const",
        const="ndjson",
        default="text",
        help="one JSON object a line (short for --format ndjson)",
    )
    parser.add_argument(
        "--format",
        type=_format,
        default="text",
        metavar="FORMAT",
        help="text, ndjson, json (one array) or markdown",
    )
    add_color(parser)


def run(args: argparse.Namespace) -> int:
    """Print the catalogue."""
    from smtpsniff.checks import CATALOGUE

    output = Output()
    for line in _lines(CATALOGUE, args, output):
        output.line(line)
    output.flush()
    return status.FINE


def _lines(checks: tuple[Check, ...], args: argparse.Namespace, output: Output) -> Iterator[str]:
    from smtpsniff.output.catalogue import as_markdown, as_record, as_text

    if args.format == "text":
        yield from as_text(checks, paint_for(output, args.color))
    elif args.format == "markdown":
        yield from as_markdown(checks)
    elif args.format == "ndjson":
        for check in checks:
            yield json.dumps(as_record(check), ensure_ascii=False)
    else:
        yield json.dumps([as_record(check) for check in checks], indent=1, ensure_ascii=False)
