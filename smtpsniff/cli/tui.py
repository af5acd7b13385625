"""Walk through sessions on a screen: list, dialogue, filter, comparison; of files, or live.

The keys are those of sngrep where it has one; ? shows them all. In a pipe, the same as
smtpsniff read, or with -i as smtpsniff live. Needs textual: pip install 'smtpsniff[tui]'.

Examples:
  smtpsniff tui mail.pcap
  smtpsniff tui monday.pcap tuesday.pcap --where 'verdict.outcome != delivered'
  sudo smtpsniff tui -i eth0 -w mail.pcapng
  tcpdump -U -w - port 25 | smtpsniff tui -
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from smtpsniff.cli import status
from smtpsniff.cli.errors import UsageError
from smtpsniff.cli.live import add_listening
from smtpsniff.cli.options import Parser, add_reading, take_filter
from smtpsniff.cli.streams import is_terminal

if TYPE_CHECKING:
    import argparse
    from types import ModuleType

    from smtpsniff.cli.listening import Listening
    from smtpsniff.tui.source import Source


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Files or interfaces, and the options of reading."""
    parser.add_argument(
        "words", nargs="*", metavar="FILE", help="a capture file; with -i, a packet filter"
    )
    parser.add_argument(
        "-r", dest="more", action="append", default=[], metavar="FILE", help="a capture file"
    )
    parser.add_argument(
        "--follow", action="store_true", help="go on at the end of a file that is still growing"
    )
    add_listening(parser)
    add_reading(parser)
    parser.set_defaults(format="text")


def run(args: argparse.Namespace) -> int:
    """Open the screen; in a pipe, do what the plain commands do."""
    from smtpsniff.cli import live, read

    wanted = is_terminal(sys.stdout) and os.environ.get("TERM") != "dumb"
    if wanted and find_spec("textual") is None:
        raise UsageError("the screen needs textual: pip install 'smtpsniff[tui]'")
    if args.interfaces:
        if args.more or args.follow:
            raise UsageError("-i listens; it does not go with files")
        return live.listen(args, _listen) if wanted else live.run(_as("live", live, args))
    _refuse_live(args)
    args.files = args.words
    return _read(args) if wanted else read.run(_as("read", read, args))


def _as(name: str, command: ModuleType, args: argparse.Namespace) -> argparse.Namespace:
    """The options as another command has them: its own ones have their defaults."""
    parser = Parser(name, "")
    command.add_arguments(parser)
    return Namespace(**{**vars(parser.parse([])), **vars(args)})


def _refuse_live(args: argparse.Namespace) -> None:
    """Options that would be of no use with files."""
    if args.write or args.count or args.until or args.ring or args.user:
        raise UsageError("-w, -c, -a, -b and -Z are about listening, which -i INTERFACE asks for")


def _read(args: argparse.Namespace) -> int:
    from smtpsniff.cli.running import Reading
    from smtpsniff.cli.tui_sources import FileSource
    from smtpsniff.tui.item import ItemRenderer

    files = [*take_filter(args.files, args), *args.more]
    if not files:
        raise UsageError("no capture file is named (smtpsniff tui FILE, or -i INTERFACE)")
    if "-" in files:
        _keyboard()
    args.jobs = 1  # frames are counted here: saving needs them
    reading = Reading(files, args, ItemRenderer())
    source = FileSource(reading, files, redacted=args.redact)
    _screen(source)
    if source.cut_short:
        return status.FINE
    code = reading.finish()
    return status.FINE if code == status.FINDINGS else code  # they have been looked at


def _listen(listening: Listening, args: argparse.Namespace) -> None:
    from smtpsniff.cli.tui_sources import LiveSource

    # Where packets go into a ring of files, early ones may be gone.
    _screen(LiveSource(listening, None if args.ring else args.write))


def _screen(source: Source) -> None:
    from smtpsniff.tui.app import Sniffer

    if not is_terminal(sys.__stderr__):  # textual draws there, which may be a log
        sys.__stderr__ = sys.__stdout__  # type: ignore[misc]
    sniffer = Sniffer(source)
    try:
        sniffer.run()
    finally:
        sniffer.end()
    if sniffer.fault is not None:
        raise sniffer.fault


def _keyboard() -> None:
    """The capture comes through standard input: keys come from the terminal itself."""
    if is_terminal(sys.stdin):
        raise UsageError("- is standard input, and nothing is piped into it")
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY)
    except OSError:
        raise UsageError("there is no terminal to read keys from") from None
    sys.stdin = os.fdopen(os.dup(0))
    os.dup2(terminal, 0)
    os.close(terminal)
