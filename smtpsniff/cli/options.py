"""What commands have in common: the parser, and the options on every command that reads."""

from __future__ import annotations

import argparse
from typing import NoReturn

from smtpsniff.cli.config import add_choosing
from smtpsniff.cli.errors import UsageError, not_yet
from smtpsniff.cli.words import LATER_FORMATS

FORMATS = ("text", "json", "ndjson")


class Parser(argparse.ArgumentParser):
    """A parser of one command's words. Faults are one line, help is the module's docstring."""

    def __init__(self, command: str, about: str) -> None:
        description, _, examples = about.partition("\n\nExamples:\n")
        super().__init__(
            prog=f"smtpsniff {command}",
            description=description.strip(),
            epilog=f"examples:\n{examples.rstrip()}" if examples else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """Argparse would print the usage in front; the line alone says it."""
        raise UsageError(f"{message} ({self.prog} --help says more)")


def port(word: str) -> int:
    """A TCP port number."""
    if not word.isdecimal() or not 0 < int(word) < 65536:
        raise argparse.ArgumentTypeError(f"{word!r} is not a port number")
    return int(word)


def jobs(word: str) -> int:
    """A number of processes."""
    if not word.isdecimal() or not 0 < int(word) <= 1024:
        raise argparse.ArgumentTypeError(f"{word!r} is not a number of processes")
    return int(word)


def output_format(word: str) -> str:
    """A name of a format; those of later versions are told apart from mistakes."""
    if word in LATER_FORMATS:
        raise not_yet(f"--format {word}", f" ({', '.join(FORMATS)} are)")
    if word not in FORMATS:
        raise argparse.ArgumentTypeError(f"{word!r} is none of {', '.join(FORMATS)}")
    return word


def add_format(parser: argparse.ArgumentParser, what: str) -> None:
    """`--format` and its short form."""
    parser.add_argument(
        "--json",
        dest="format",
        action="store_const",
        const="ndjson",
        default="text",
        help=f"{what}, one JSON object a line (short for --format ndjson)",
    )
    parser.add_argument(
        "--format",
        type=output_format,
        default="text",
        metavar="FORMAT",
        help="text, ndjson, or json: one document with all of it",
    )


def add_color(parser: argparse.ArgumentParser) -> None:
    """`--color`."""
    parser.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="colour, by default on a terminal only; NO_COLOR is honoured",
    )


def add_reading(parser: argparse.ArgumentParser) -> None:
    """The options of every command that reads captures."""
    parser.add_argument(
        "--port",
        type=port,
        action="append",
        default=[],
        metavar="N",
        help="a mail port besides 25, 465, 587, 2525 and 24; may be repeated",
    )
    parser.add_argument(
        "--fail-on",
        choices=("error", "warning", "note", "never"),
        default="error",
        help="findings that make the exit status 1",
    )
    parser.add_argument(
        "--jobs", type=jobs, default=None, metavar="N", help="processes to share the work"
    )
    parser.add_argument(
        "--verify-checksums", action="store_true", help="count packets with bad checksums"
    )
    add_choosing(parser)
    add_color(parser)
    parser.add_argument(
        "--debug", action="store_true", help="say on standard error where smtpsniff itself failed"
    )
