"""Explain a word: a check, a reply code, an enhanced code, a command, an extension, a label.

Examples:
  smtpsniff explain 550
  smtpsniff explain 5.7.26
  smtpsniff explain rcpt to
  smtpsniff explain greylist
  smtpsniff explain greeting-slow
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.cli import status
from smtpsniff.cli.config import add_choosing, choice_of
from smtpsniff.cli.errors import UsageError
from smtpsniff.cli.options import add_color
from smtpsniff.cli.streams import Output, paint_for

if TYPE_CHECKING:
    import argparse

LONGEST_WORD = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The word, which may be several."""
    parser.add_argument("words", nargs="*", metavar="WORD", help="what to explain")
    add_choosing(parser)
    add_color(parser)


def run(args: argparse.Namespace) -> int:
    """Print every meaning of the word."""
    from smtpsniff.output.explain import explain, lines

    if not args.words:
        raise UsageError("explain what? For example: smtpsniff explain 550")
    word = " ".join(args.words)
    articles = explain(word, lambda: choice_of(args))
    if not articles:
        raise UsageError(_unknown(word[:LONGEST_WORD]))
    output = Output()
    paint = paint_for(output, args.color)
    for number, article in enumerate(articles):
        if number:
            output.line()
        for line in lines(article, paint):
            output.line(line)
    output.flush()
    return status.FINE


def _unknown(word: str) -> str:
    from difflib import get_close_matches

    from smtpsniff.output.explain import words

    # Compared without case: people type verbs small and ids as they come.
    known = {name.lower(): name for name in words()}
    near = [known[name] for name in get_close_matches(word.lower(), known, n=3, cutoff=0.6)]
    near = near or sorted(n for low, n in known.items() if word.lower() in low)[:5]
    hint = f"; perhaps {', '.join(near)}" if near else " (smtpsniff checks lists the checks)"
    return f"nothing is known of {word!r}{hint}"
