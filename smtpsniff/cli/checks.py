"""List everything that smtpsniff looks for, by group, with the thresholds that can be set.

Examples:
  smtpsniff checks
  smtpsniff checks --checks 'tls,greeting-*'
  smtpsniff checks --json | jq -r 'select(.severity == "error") | .id'
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from smtpsniff.cli import status
from smtpsniff.cli.config import add_choosing, choice_of
from smtpsniff.cli.options import add_color
from smtpsniff.cli.streams import Output, paint_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks import Check
    from smtpsniff.checks.choice import Choice

FORMATS = ("text", "json", "ndjson", "markdown")


def _format(word: str) -> str:
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
    add_choosing(parser)
    add_color(parser)


def run(args: argparse.Namespace) -> int:
    """Print the catalogue."""
    from smtpsniff.stories import CATALOGUE

    choice = choice_of(args)
    output = Output()
    for line in _lines(CATALOGUE, choice, args, output):
        output.line(line)
    output.flush()
    return status.FINE


def _lines(
    catalogue: tuple[Check, ...], choice: Choice, args: argparse.Namespace, output: Output
) -> Iterator[str]:
    from smtpsniff.output.catalogue import as_markdown, as_record, as_text

    checks = [check for check in catalogue if check.id not in choice.off]
    if args.format == "text":
        yield from as_text(checks, paint_for(output, args.color), choice)
        if choice.off:
            yield f"{len(choice.off)} more are switched off"
    elif args.format == "markdown":
        yield from as_markdown(checks, choice)
    elif args.format == "ndjson":
        for check in checks:
            yield json.dumps(as_record(check, choice), ensure_ascii=False)
    else:
        records = [as_record(check, choice) for check in checks]
        yield json.dumps(records, indent=1, ensure_ascii=False)
