"""What commands have in common: the parser, and the options on every command that reads."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import textwrap
from typing import TYPE_CHECKING, NoReturn

from smtpsniff.cli.config import add_choosing
from smtpsniff.cli.errors import UsageError
from smtpsniff.cli.words import FILTER_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# The first word of a packet filter, also in one argument with the rest or of an expression.
FIRST_WORD = re.compile(r"[a-z0-9]+(?=[\s\[]|$)|[(!]")

FORMATS = ("text", "json", "ndjson")


class Parser(argparse.ArgumentParser):
    """A parser of one command's words. Faults are one line, help is the module's docstring."""

    def __init__(self, command: str, about: str) -> None:
        description, _, examples = about.partition("\n\nExamples:\n")
        super().__init__(
            prog=f"smtpsniff {command}",
            description=_filled(description),
            epilog=f"examples:\n{examples.rstrip()}" if examples else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """All words: what follows "--" is a packet filter, for commands that read."""
        words, behind = split_at_dashes(words)
        args = self.parse_intermixed_args(words)
        if behind and not hasattr(args, "packet_filter"):
            self.error("a packet filter (--) is of use only where packets are read")
        args.packet_filter = behind
        return args

    def error(self, message: str) -> NoReturn:
        """Argparse would print the usage in front; the line alone says it."""
        raise UsageError(f"{message} ({self.prog} --help says more)")


def _filled(description: str) -> str:
    """Paragraphs as wide as the terminal, as argparse makes those of the options."""
    width = shutil.get_terminal_size().columns - 2
    return "\n\n".join(textwrap.fill(part, width) for part in description.strip().split("\n\n"))


def split_at_dashes(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """What comes before the first "--", and what follows it."""
    words = list(words)
    at = words.index("--") if "--" in words else len(words)
    return words[:at], words[at + 1 :]


def take_filter(words: list[str], args: argparse.Namespace) -> list[str]:
    """The words without a packet filter that follows them, which is put where it belongs.

    As with tcpdump it needs no "--", unless a file is called like its first word.
    """
    at = next((at for at, word in enumerate(words) if begins_filter(word)), len(words))
    if words[at:] and args.packet_filter:
        raise UsageError(f"{words[at]!r} is no file, and there is a packet filter after --")
    args.packet_filter = words[at:] or args.packet_filter
    return words[:at]


def begins_filter(word: str) -> bool:
    """Whether a word that is no file is how a packet filter begins."""
    head = FIRST_WORD.match(word)
    return head is not None and head[0] in FILTER_WORDS and not os.path.exists(word)


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


def output_format(own: tuple[str, ...] = ()) -> Callable[[str], str]:
    """Takes the name of a format, `own` ones of a command among them."""
    formats = FORMATS + own

    def check(word: str) -> str:
        if word not in formats:
            raise argparse.ArgumentTypeError(f"{word!r} is none of {', '.join(formats)}")
        return word

    return check


def add_format(parser: argparse.ArgumentParser, what: str, own: tuple[str, ...] = ()) -> None:
    """`--format` and its short form; `own` are formats of this command alone."""
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
        type=output_format(own),
        default="text",
        metavar="FORMAT",
        help=f"{', '.join(('text', *own))}, ndjson, or json: one document with all of it",
    )


def add_color(parser: argparse.ArgumentParser) -> None:
    """`--color`."""
    parser.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="colour, by default on a terminal only; NO_COLOR is honoured",
    )


def add_reading(
    parser: argparse.ArgumentParser,
    attachments: str = "attachments of each message in the records, with their digests",
) -> None:
    """The options of every command that reads captures."""
    parser.set_defaults(packet_filter=[])
    parser.add_argument(
        "--where",
        default="",
        metavar="EXPR",
        help="only sessions whose record fulfils EXPR, as in "
        "'verdict.outcome == rejected and client.ip == 10.0.0.0/8'",
    )
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
    parser.add_argument(
        "--keylog",
        action="append",
        default=[],
        metavar="FILE",
        help="open TLS with the keys in FILE, which the client or the server wrote "
        "('smtpsniff explain keylog' says how); may be repeated",
    )
    parser.add_argument("--attachments", action="store_true", help=attachments)
    parser.add_argument(
        "--show-secrets",
        action="store_true",
        help="show passwords and tokens of logins, which are masked otherwise",
    )
    parser.add_argument(
        "--redact",
        action="store_true",
        help="addresses, names, subjects and other texts of people as tokens, to show to others",
    )
    parser.add_argument(
        "--redact-key",
        metavar="FILE|env",
        help="with --redact: the key is in FILE, or in SMTPSNIFF_REDACT_KEY; the same key makes "
        "the same tokens (else a new one for each run)",
    )
    parser.add_argument(
        "--hash-input",
        action="store_true",
        help="the SHA-256 of each input, and the command line, in the run record",
    )
    add_choosing(parser)
    add_color(parser)
    parser.add_argument(
        "--debug", action="store_true", help="say on standard error where smtpsniff itself failed"
    )
