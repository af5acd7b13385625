"""`smtpsniff`: finds the command, runs it, and turns every end into a line and a status.

Only the standard library's cheapest parts are imported here: help must come at once.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from smtpsniff.cli import status
from smtpsniff.cli.errors import UsageError
from smtpsniff.cli.streams import Output, abandon_output, tell
from smtpsniff.cli.words import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(words)
    except UsageError as error:
        tell(str(error), *error.below)
        return status.USAGE
    except KeyboardInterrupt:
        tell("interrupted")
        return status.INTERRUPTED
    except BrokenPipeError:
        abandon_output()
        return status.BROKEN_PIPE
    except Exception as fault:
        return _fault(fault, "--debug" in words)


def _fault(fault: Exception, debug: bool) -> int:
    """A fault of ours, or of the machine: a line, and a traceback for who asks for it."""
    if debug:
        import traceback

        traceback.print_exc()
    if isinstance(fault, OSError):  # a full disk behind standard output
        tell(f"cannot go on: {fault.strerror or fault}")
    else:
        where = "" if debug else " (--debug shows where)"
        tell(f"internal error, please report it: {type(fault).__name__}: {fault}{where}")
    return status.USAGE


def _run(words: list[str]) -> int:
    if not words or words == ["-h"]:
        return _print_help("SHORT", status.USAGE if not words else status.FINE)
    if words[0] in ("--help", "help"):
        return _print_help("LONG", status.FINE)
    if words[0] in ("--version", "-V"):
        from smtpsniff import __version__

        return _print(f"smtpsniff {__version__}\n")
    name = words[0]
    if name in COMMANDS:
        words = words[1:]
    elif name.startswith("-") and any(map(_is_live, words)):
        name = "live"
    elif name.startswith("-") or os.path.exists(name):
        name = "read"
    else:
        raise UsageError(_unknown(name))
    return _command(name, words)


def _is_live(word: str) -> bool:
    """Whether an option asks for interfaces: ``-i eth0``, ``-ieth0``, ``-D``."""
    return word == "-D" or word.startswith("-i")


def _command(name: str, words: list[str]) -> int:
    import shlex
    from importlib import import_module

    from smtpsniff.cli.options import Parser

    module: Any = import_module(f"smtpsniff.cli.{name}")
    parser = Parser(name, module.__doc__ or "")
    module.add_arguments(parser)
    try:
        args = parser.parse(words)
    except SystemExit as done:  # --help
        return int(done.code or 0)
    if getattr(args, "debug", False):
        import logging

        logging.basicConfig(level=logging.DEBUG, stream=sys.stderr, format="%(message)s")
    args.command = shlex.join(["smtpsniff", name, *words])
    code: int = module.run(args)
    return code


def _unknown(name: str) -> str:
    """The first word is neither a command nor a file."""
    from difflib import get_close_matches

    near = get_close_matches(name.lower(), COMMANDS, n=1)
    if near and os.sep not in name:
        return f"{name}: no such file, and no such command; did you mean {near[0]}?"
    return f"{name}: no such file (smtpsniff --help lists the commands)"


def _print_help(which: str, code: int) -> int:
    from smtpsniff.cli import help as pages

    _print(getattr(pages, which))
    return code


def _print(text: str) -> int:
    output = Output()
    output.text(text)
    output.flush()
    return status.FINE
