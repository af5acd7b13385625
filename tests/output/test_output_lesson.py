"""A lesson as steps: every hint in its place, nothing lost, at eighty columns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from dialogue import sessions

import smtpsniff
from smtpsniff.output.account import account
from smtpsniff.output.lesson import (
    Hint,
    Lesson,
    answers,
    lesson_of,
    lessons,
    listed,
    places,
    play,
    questions,
    shelf,
)
from smtpsniff.output.paint import Paint, cells

if TYPE_CHECKING:
    from smtpsniff.records import Session

CAPTURES = Path(__file__).parents[2] / "captures"
each_lesson = pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)
STORY = """\
---
title: A mail
shows: a mail
number: 3
---

## Story

Once upon
a time.

And then.

## What to look for

- Frame 2: `220 mx`. The server
  speaks.
- Look around.

## Questions

### Who speaks?

The server
does.
"""


def _sessions(lesson: Lesson) -> list[Session]:
    found = smtpsniff.read(CAPTURES / f"{lesson.name}.pcapng")
    return sorted(found, key=lambda session: session.number)


def test_a_story_is_read() -> None:
    lesson = lesson_of("mail", STORY)
    assert (lesson.number, lesson.title, lesson.shows) == (3, "A mail", "a mail")
    assert lesson.story == ["Once upon a time.", "And then."]
    assert lesson.hints == [
        Hint("Frame 2: `220 mx`. The server speaks.", 2, "220 mx", "The server speaks."),
        Hint("Look around."),
    ]
    assert [(one.asked, one.answer) for one in lesson.questions] == [
        ("Who speaks?", "The server does.")
    ]


def test_a_story_without_its_parts_is_no_lesson() -> None:
    with pytest.raises(ValueError, match="Questions"):
        lesson_of("mail", STORY.replace("## Questions", "## Quiz"))


def test_every_recording_on_the_shelf_is_a_lesson() -> None:
    assert shelf() == CAPTURES
    assert {one.name for one in lessons()} == {path.stem for path in CAPTURES.glob("*.pcapng")}
    assert [one.number for one in lessons()] == list(range(1, len(lessons()) + 1))


def test_hints_stand_where_they_belong() -> None:
    (session,) = sessions("@G ; @M ; @R ; @D ; @Q")
    told = account(session, ["mail.pcap"], 6)
    mail = next(i for i, line in enumerate(told.lines) if line.verb == "MAIL")
    frame = int(told.lines[mail].frame)
    hints = [
        Hint("shown", frame, "MAIL FROM", "rest"),
        Hint("not shown", frame, "no such words", "rest"),
        Hint("long after", 10_000, "x", "rest"),
        Hint("anywhere"),
    ]
    under, left = places(hints, [told])
    assert under == {(0, mail): ["rest", "not shown"]}
    assert left == ["long after", "anywhere"]


@each_lesson
def test_each_hint_is_told_once_and_all_fits(lesson: Lesson) -> None:
    paint = Paint(80)
    steps = list(play(lesson, _sessions(lesson), paint))
    lines = [line for step in steps for line in step.lines]
    lines += [line for block in questions(lesson, paint) + answers(lesson, paint) for line in block]
    assert max(map(cells, lines)) <= 80
    assert all(step.wait >= 0 for step in steps)
    wide = [line for step in play(lesson, _sessions(lesson), Paint(None)) for line in step.lines]
    text = " ".join(" ".join(wide).split())
    for hint in lesson.hints:
        assert text.count(hint.rest or hint.text) == 1, hint.text


def test_the_waits_are_those_of_the_recording() -> None:
    lesson = next(one for one in lessons() if one.name == "greylisted")
    waits = [step.wait for step in play(lesson, _sessions(lesson), Paint(80))]
    assert 6 < max(waits) < 10  # between the two attempts
    assert sum(waits) < 15


def test_the_list_fits() -> None:
    lines = list(listed(lessons(), Paint(80)))
    assert max(map(cells, lines)) <= 80
    assert lines[0].startswith(" 1  accepted ")
