"""A recorded lesson as steps: its story, its dialogue line by line with what lines mean, questions.

The stories beside the recordings are Markdown of a fixed form (captures/README.md): a head with
`title`, `shows` and `number`, and the parts Story, What to look for, Questions.
"""

from __future__ import annotations

import re
from importlib.resources import files as resources
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from smtpsniff.output.account import account
from smtpsniff.output.paint import Paint, cells, pad, wrap
from smtpsniff.output.teaching import Teacher
from smtpsniff.output.timeline import finding_lines, steps

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smtpsniff.output.account import Account, Line
    from smtpsniff.records import Session

__all__ = [
    "Hint", "Lesson", "Question", "Step", "answers", "lesson_of", "lessons", "listed",
    "places", "play", "questions", "shelf",
]  # fmt: skip

ENOUGH = 100  # columns of prose, where there is no terminal to fit
NAME = 19  # columns of a lesson's name in the list


class Question(Struct, frozen=True):
    """A question and its answer."""

    asked: str
    answer: str


class Hint(Struct, frozen=True):
    """What to look for, and where it begins with a frame and words in it: these, and the rest."""

    text: str
    frame: int | None = None
    quoted: str = ""
    rest: str = ""


class Lesson(Struct, frozen=True):
    """A story, and the capture it is about. `shows` is a line; texts are without line breaks.

    In texts, what stands between two backticks is as on the wire.
    """

    name: str
    number: int
    title: str
    shows: str
    story: list[str]
    hints: list[Hint]
    questions: list[Question]


class Step(Struct, frozen=True):
    """Lines that are shown together, so many seconds after the step before was recorded."""

    lines: list[str]
    wait: float = 0.0


# -- the stories -----------------------------------------------------------------------------


def shelf() -> Path:
    """The folder of the recordings: within the package where it is installed, else beside it."""
    package = Path(str(resources("smtpsniff")))
    inside = package / "captures"
    return inside if inside.is_dir() else package.parent / "captures"


def lessons() -> list[Lesson]:
    """All of them, in the order in which they build upon each other."""
    found = [
        lesson_of(path.stem, path.read_text("utf-8"))
        for path in shelf().glob("*.md")
        if path.with_suffix(".pcapng").exists()
    ]
    return sorted(found, key=lambda lesson: lesson.number)


def lesson_of(name: str, text: str) -> Lesson:
    """A lesson out of its story. ValueError where it has not the form."""
    _, head, body = text.split("---\n", 2)
    facts = dict(re.findall(r"^(\w+): (.*)$", head, re.MULTILINE))
    parts = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n?)*)", body, re.MULTILINE))
    try:
        asked = parts["Questions"].split("### ")[1:]
        return Lesson(
            name, int(facts["number"]), facts["title"], facts["shows"],
            [_flat(paragraph) for paragraph in parts["Story"].strip().split("\n\n")],
            [_hint(_flat(item)) for item in parts["What to look for"].split("\n- ")[1:]],
            [Question(*map(_flat, block.split("\n", 1))) for block in asked],
        )  # fmt: skip
    except (KeyError, TypeError) as lacking:
        raise ValueError(f"the lesson {name} has no {lacking}") from None


def _flat(text: str) -> str:
    return " ".join(text.split())


_FRAME = re.compile(r"Frame (\d+)(?:: `([^`]*)`\. (.*))?")


def _hint(item: str) -> Hint:
    """``Frame 12: `550 5.1.1`. The 5 means...``: what is quoted is shown by its line already."""
    found = _FRAME.match(item)
    if found is None:
        return Hint(item)
    frame, quoted, rest = found.groups(default="")
    return Hint(item, int(frame), quoted, rest)


# -- the steps -------------------------------------------------------------------------------


def listed(found: Sequence[Lesson], paint: Paint) -> Iterator[str]:
    """A line or two for each lesson."""
    for lesson in found:
        start = f"{lesson.number:>2}  {pad(lesson.name, NAME)}"
        width = None if paint.width is None else paint.width - cells(start)
        colon = "" if lesson.title.endswith("?") else ":"
        for index, text in enumerate(wrap(f"{lesson.title}{colon} {lesson.shows}", width)):
            yield (paint(start, "head") if not index else " " * cells(start)) + text


def play(lesson: Lesson, sessions: Sequence[Session], paint: Paint) -> Iterator[Step]:
    """The story and the dialogue, up to what is left to look for."""
    yield Step(
        [paint(f"{lesson.number}. {lesson.title}", "head"), "", *_prose(lesson.story, paint)]
    )
    told = [account(session, [], 6) for session in sessions]
    latest = min((one.start for one in told), default=0)
    under, left = places(lesson.hints, told)
    beside = _Beside(Teacher(), under)
    for index, one in enumerate(told, 1):
        beside.begin()
        yield Step(_opening(one, index, len(told), paint))
        for line, lines in steps(one, paint, "r", (beside,)):
            moment = latest if line is None else line.time
            yield Step(lines, max(moment - latest, 0) / 1e9)
            latest = max(latest, moment)
        loose = [text for finding in one.loose for text in finding_lines(finding, paint, 0)]
        yield Step(["", *wrap(one.verdict, _room(paint)), *loose])
    if left:
        head = paint("Look at this, too", "head")
        yield Step(["", head, *_prose(left, paint, "- ")])


def _opening(told: Account, index: int, count: int, paint: Paint) -> list[str]:
    name = f"Session {index} of {count}" if count > 1 else "The session"
    return ["", paint(f"{name}: {told.client} calls {told.server}", "head")]


def places(
    hints: Sequence[Hint], told: Sequence[Account]
) -> tuple[dict[tuple[int, int], list[str]], list[str]]:
    """Where hints stand: their words by session and line (indices), and those left over.

    A hint stands under the line of its frame, at best one that shows what it quotes; a frame that
    is no line of its own counts as part of what comes next.
    """
    where = [
        ((s, i), int(line.frame), line) for s, one in enumerate(told)
        for i, line in enumerate(one.lines)
    ]  # fmt: skip
    under: dict[tuple[int, int], list[str]] = {}
    left = []
    for hint in hints:
        later = [frame for _, frame, _ in where if hint.frame is not None and frame >= hint.frame]
        if not later:
            left.append(hint.text)
            continue
        there = [(place, line) for place, frame, line in where if frame == min(later)]
        quoting = [place for place, line in there if _shows(line, hint.quoted)]
        place = (quoting or [there[0][0]])[0]
        under.setdefault(place, []).append(hint.rest if quoting else hint.text)
    return under, left


def _shows(line: Line, quoted: str) -> bool:
    return bool(quoted) and any(quoted in text for text in line.text)


class _Beside:
    """What stands under lines in turn: what they mean, then what this lesson says of them."""

    def __init__(self, teacher: Teacher, under: dict[tuple[int, int], list[str]]) -> None:
        self._teacher = teacher
        self._under = under
        self._session, self._index = -1, -1

    def begin(self) -> None:
        """The next session."""
        self._session += 1
        self._index = -1

    def __call__(self, line: Line, paint: Paint, indent: int) -> Iterator[str]:
        self._index += 1
        yield from self._teacher.beside(line, paint, indent)
        width = None if paint.width is None else paint.width - indent - 2
        for hint in self._under.get((self._session, self._index), ()):
            for number, text in enumerate(wrap(hint, width)):
                yield " " * indent + paint(f"{'>' if not number else ' '} {text}", "head")


def questions(lesson: Lesson, paint: Paint) -> list[list[str]]:
    """Each question as lines."""
    return [_item(number, one.asked, paint, "head") for number, one in _numbered(lesson)]


def answers(lesson: Lesson, paint: Paint) -> list[list[str]]:
    """Each answer as lines, in the order of the questions."""
    return [_item(number, one.answer, paint, "") for number, one in _numbered(lesson)]


def _numbered(lesson: Lesson) -> Iterator[tuple[int, Question]]:
    yield from enumerate(lesson.questions, 1)


def _item(number: int, text: str, paint: Paint, style: str) -> list[str]:
    rows = wrap(text, _room(paint) - 3)
    return [paint(f"{number}. {rows[0]}", style), *(paint(f"   {row}", style) for row in rows[1:])]


def _prose(texts: Sequence[str], paint: Paint, bullet: str = "") -> list[str]:
    lines: list[str] = []
    for index, text in enumerate(texts):
        if index and not bullet:
            lines.append("")
        for number, row in enumerate(wrap(text, _room(paint) - len(bullet))):
            lines.append((bullet if not number else " " * len(bullet)) + row)
    return lines


def _room(paint: Paint) -> int:
    return min(paint.width or ENOUGH, ENOUGH)
