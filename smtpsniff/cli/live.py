"""Show sessions on network interfaces while they happen, and what went wrong.

On a terminal: the sessions that run, and those that have ended. In a pipe: a line for each thing
that happens, or with --json a record for each session as it ends. Ctrl-C ends with what is known.

FILTER is a packet filter as of tcpdump. Without one, the mail ports are captured, with fragments,
VLAN tags and the ICMP errors that explain why mail does not arrive.

Examples:
  sudo smtpsniff -i eth0
  sudo smtpsniff live -i eth0 -w mail.pcapng --json
  sudo smtpsniff live -i any host 192.0.2.25
  sudo smtpsniff live -i eth0 -w ring.pcapng -b filesize:10000 -b files:10
  smtpsniff -D
"""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any

from smtpsniff.cli import status
from smtpsniff.cli.errors import UsageError
from smtpsniff.cli.options import add_format, add_reading
from smtpsniff.cli.redacting import refuse_redaction
from smtpsniff.cli.streams import Output, paint_for, tell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from smtpsniff.cli.listening import Listening
    from smtpsniff.output.paint import Paint

    Show = Callable[[Listening, argparse.Namespace], None]


def number(word: str) -> int:
    """A whole number above 0."""
    if not word.isdecimal() or len(word) > 12 or not int(word):
        raise argparse.ArgumentTypeError(f"{word!r} is not a number above 0")
    return int(word)


def snaplen(word: str) -> int:
    """Bytes of each packet; 0 is all."""
    if not word.isdecimal() or int(word) > 262_144:
        raise argparse.ArgumentTypeError(f"{word!r} is not a number of bytes (0 is all)")
    return int(word) or 262_144


def measure(word: str) -> tuple[str, int]:
    """``duration:60``, ``filesize:1000``, ``files:5``, as of dumpcap."""
    name, _, value = word.partition(":")
    if name not in ("duration", "filesize", "files") or not value.isdecimal() or not int(value):
        raise argparse.ArgumentTypeError(
            f"{word!r} is none of duration:SECONDS, filesize:KILOBYTES, files:NUMBER"
        )
    return name, int(value)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Interfaces, filter, limits, the file to keep, and the options of reading."""
    parser.add_argument("words", nargs="*", metavar="FILTER", help="a packet filter, as of tcpdump")
    parser.add_argument("-D", dest="list", action="store_true", help="list the interfaces")
    add_listening(parser)
    add_format(parser, "a record for each session as it ends, and one for the run")
    add_reading(parser)


def add_listening(parser: argparse.ArgumentParser) -> None:
    """Where to listen, how long, and what to keep."""
    add = parser.add_argument
    add("-i", dest="interfaces", action="append", default=[], metavar="INTERFACE",
        help="where to listen; may be repeated; any: all that are up (the default)")  # fmt: skip
    add("-c", dest="count", type=number, metavar="N", help="end after so many packets")
    add("-a", dest="until", type=measure, metavar="duration:S", help="end after so many seconds")
    add("-w", dest="write", metavar="FILE", help="keep the packets, as pcapng")
    add("--force", action="store_true", help="write over a file that exists")
    add("-b", dest="ring", type=measure, action="append", default=[], metavar="MEASURE",
        help="several files: filesize:KB, duration:S; and files:N keeps the newest N")  # fmt: skip
    add("-s", dest="snaplen", type=snaplen, default=262_144, metavar="BYTES",
        help="keep so many bytes of each packet; 0, the default: all")  # fmt: skip
    add("-p", dest="modest", action="store_true", help="no promiscuous mode")
    add("-Z", dest="user", metavar="USER", help="be this user as soon as listening has begun")


def run(args: argparse.Namespace) -> int:
    """Listen, and show what happens."""
    return _list() if args.list else listen(args, _show)


def listen(args: argparse.Namespace, show: Show) -> int:
    """Listen, and let `show` show it; the exit status."""
    refuse_redaction(args, "what happens is told as it was said; redact what -w keeps")
    if args.until is not None and args.until[0] != "duration":
        raise UsageError("-a knows duration:SECONDS; -b has the measures of files")
    if args.write == "-":
        raise UsageError("-w - would mix packets with what is shown (tcpdump -U -w - does that)")
    if args.ring and args.write is None:
        raise UsageError("-b is about the file of -w, and there is none")

    from smtpsniff.capture import CaptureError
    from smtpsniff.capture.live import CaptureDenied
    from smtpsniff.cli.listening import Listening

    try:
        listening = Listening(args)
    except CaptureDenied as error:
        tell(str(error))
        return status.DENIED
    except CaptureError as error:
        raise UsageError(str(error)) from None
    with listening:
        show(listening, args)
    return listening.finish()


def _show(listening: Listening, args: argparse.Namespace) -> None:
    (_json if args.format != "text" else _text)(listening, args)


def _list() -> int:
    """The interfaces, one a line: a table for people that is easy to cut for scripts."""
    from smtpsniff.capture.live import interfaces
    from smtpsniff.text import safe

    output = Output()
    nics = interfaces()
    width = max((len(nic.name) for nic in nics), default=3)
    for nic in nics:
        state = "up" if nic.up else "down"
        what = ", ".join((*(("loopback",) if nic.loopback else ()), *nic.addresses))
        output.line(f"{safe(nic.name):{width}}  {state:4}  {what}".rstrip())
    output.line(f"{'any':{width}}  up    all that are up")
    output.flush()
    return status.FINE


def _json(listening: Listening, args: argparse.Namespace) -> None:
    from smtpsniff.output.json import JsonRenderer, Ndjson, SingleDocument, harmless

    renderer = JsonRenderer(9)
    shape: Any = Ndjson() if args.format == "ndjson" else SingleDocument()
    output = Output()
    for moment in listening:
        for session in moment.ended:
            data = shape.session(renderer.render(session))
            output.write(harmless(data) if output.terminal else data)
        output.flush_if_any()
    output.write(shape.end(renderer.run(listening.record())))
    output.flush()


def _text(listening: Listening, args: argparse.Namespace) -> None:
    output = Output()
    paint = paint_for(output, args.color)
    if output.terminal and os.environ.get("TERM") != "dumb":
        _screen(listening, paint)
    else:
        _events(listening, output, paint)


def _screen(listening: Listening, paint: Paint) -> None:
    """On a terminal: those that run, below those that have ended."""
    from smtpsniff.cli.screen import Screen
    from smtpsniff.output.row import RowRenderer
    from smtpsniff.output.table import Table

    rows = RowRenderer()
    with Screen(listening.live, paint) as screen:
        table = Table(paint, lambda line: screen.above([line]), at_once=True)
        for moment in listening:
            for session in moment.ended:
                table.add(rows.render(session))
            screen.draw()


def _events(listening: Listening, output: Output, paint: Paint) -> None:
    """In a pipe: what happens, as it happens."""
    from smtpsniff.output.events import Events

    events = Events(paint)

    def emit(lines: Iterable[str]) -> None:
        for line in lines:
            output.line(line)

    for moment in listening:
        for news in moment.news:
            emit(events.news(news))
        for session in moment.ended:
            emit(events.ended(session))
        output.flush_if_any()
