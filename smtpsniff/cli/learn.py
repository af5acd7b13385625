"""Learn SMTP from recorded lessons: the list of them, or one, line by line.

On a terminal a line comes at the press of a key, with what it means; q ends. Into a pipe or a file
goes a handout: everything, with the answers to the questions at the end.

Examples:
  smtpsniff learn
  smtpsniff learn greylisted
  smtpsniff learn 6 --speed 1
  smtpsniff learn starttls > handout.txt
  smtpsniff learn smuggled --html smuggled.html
"""

from __future__ import annotations

import os
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

from smtpsniff.cli import keys, status
from smtpsniff.cli.errors import UsageError
from smtpsniff.cli.options import add_color
from smtpsniff.cli.streams import Output, paint_for, tell
from smtpsniff.output.lesson import answers, lessons, listed, play, questions, shelf

if TYPE_CHECKING:
    import argparse

    from smtpsniff.output.lesson import Lesson
    from smtpsniff.output.paint import Paint
    from smtpsniff.records import Session

NEXT = "(a key: go on; q: end)"
ANSWER = "(a key: the answer)"
HANDOUT = 80  # columns where there is no terminal to fit: it may be printed
FASTEST, SLOWEST = 1000.0, 0.01  # of --speed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which lesson, and how."""
    parser.add_argument(
        "lesson", nargs="?", default="", metavar="LESSON", help="its name or number in the list"
    )
    parser.add_argument(
        "--speed", type=_speed, metavar="N",
        help="lines come by themselves: 1 as fast as recorded, 10 ten times as fast",
    )  # fmt: skip
    parser.add_argument(
        "--html", default="", metavar="PAGE", help="write the lesson as a page for a browser"
    )
    parser.add_argument("--force", action="store_true", help="write over a page that exists")
    add_color(parser)


def _speed(word: str) -> float:
    import argparse

    try:
        speed = float(word)
    except ValueError:
        speed = 0.0
    if not SLOWEST <= speed <= FASTEST:
        raise argparse.ArgumentTypeError(f"{word!r} is no speed from {SLOWEST} to {FASTEST:g}")
    return speed


def run(args: argparse.Namespace) -> int:
    """List the lessons, or play one."""
    found = lessons()
    output = Output()
    paint = paint_for(output, args.color)
    if not args.lesson:
        if args.html:
            raise UsageError("which lesson shall be the page? smtpsniff learn lists them")
        for line in listed(found, paint):
            output.line(line)
        output.flush()
        return status.FINE
    lesson = _chosen(args.lesson, found)
    sessions = _sessions(lesson)
    paint.width = paint.width or HANDOUT
    if args.html:
        _write(lesson, sessions, args.html, args.force)
        return status.FINE
    _Classroom(output, paint, args.speed).give(lesson, sessions)
    return status.FINE


def _chosen(word: str, found: list[Lesson]) -> Lesson:
    for lesson in found:
        if word.lower().removesuffix(".pcapng") in (lesson.name, str(lesson.number)):
            return lesson
    from difflib import get_close_matches

    near = get_close_matches(word.lower(), [lesson.name for lesson in found], n=1)
    hint = f"did you mean {near[0]}?" if near else "smtpsniff learn lists them"
    raise UsageError(f"there is no lesson {word!r}; {hint}")


def _sessions(lesson: Lesson) -> list[Session]:
    import smtpsniff

    found = smtpsniff.read(shelf() / f"{lesson.name}.pcapng")
    return sorted(found, key=lambda session: session.number)


def _write(lesson: Lesson, sessions: list[Session], page: str, force: bool) -> None:
    from smtpsniff.output.report.lesson import lesson_page

    if os.path.exists(page) and not force:
        raise UsageError(f"{page} exists already (--force writes over it)")
    html = lesson_page(lesson, sessions)
    try:
        with open(page, "w" if force else "x", encoding="utf-8") as file:
            file.write(html)
    except OSError as error:
        raise UsageError(f"cannot write {page}: {error.strerror}") from None
    tell(f"{page}: {lesson.title}")


class _Classroom:
    """Where a lesson is given: at a terminal with keys, by the clock, or as a handout."""

    def __init__(self, output: Output, paint: Paint, speed: float | None) -> None:
        self._output = output
        self._paint = paint
        self._speed = speed
        self._keys = output.terminal and keys.has_keys()

    def give(self, lesson: Lesson, sessions: list[Session]) -> None:
        """The whole of it, or up to where somebody has had enough."""
        with keys.listening() if self._keys else nullcontext():
            self._give(lesson, sessions)

    def _give(self, lesson: Lesson, sessions: list[Session]) -> None:
        for step in play(lesson, sessions, self._paint):
            if self._speed is not None:
                self._output.flush()
                time.sleep(step.wait / self._speed)
            self._show(step.lines)
            if self._keys and self._speed is None and not self._pause(NEXT):
                return
        self._ask(lesson)
        self._output.flush()

    def _ask(self, lesson: Lesson) -> None:
        asked, answered = questions(lesson, self._paint), answers(lesson, self._paint)
        self._show(["", self._paint("Questions", "head")])
        if not self._keys:
            for lines in asked:
                self._show(["", *lines])
            self._show(["", self._paint("Answers", "head")])
            for lines in answered:
                self._show(["", *lines])
            return
        for question, answer in zip(asked, answered, strict=True):
            self._show(["", *question])
            if not self._pause(ANSWER):
                return
            self._show(answer)
            if not self._pause(NEXT):
                return

    def _show(self, lines: list[str]) -> None:
        for line in lines:
            self._output.line(line)

    def _pause(self, words: str) -> bool:
        """Wait for a key; the words that ask for it go away again."""
        self._output.text(self._paint(words, "dim"))
        self._output.flush()
        try:
            return keys.goes_on()
        finally:
            self._output.text("\r" + " " * len(words) + "\r")
            self._output.flush()
