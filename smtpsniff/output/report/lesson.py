"""Writes a lesson as a page: story, dialogue with what each line means, questions to unfold.

The page has no script, fetches nothing, and looks as the page of a report does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.output.account import account
from smtpsniff.output.lesson import places
from smtpsniff.output.report.parts import part, policy, template
from smtpsniff.output.teaching import Teacher

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smtpsniff.output.account import Account, Line
    from smtpsniff.output.lesson import Lesson
    from smtpsniff.records import Session

__all__ = ["lesson_page"]


def lesson_page(lesson: Lesson, sessions: Sequence[Session]) -> str:
    """The whole page."""
    style = part("page.css") + part("lesson.css")
    told = [account(session, [], 6) for session in sessions]
    under, left = places(lesson.hints, told)
    teacher = Teacher()
    return template("lesson.html").render(
        lesson=lesson, style=style, policy=policy(style), left=left,
        told=[(one, list(_rows(one, teacher, under, i))) for i, one in enumerate(told)],
    )  # fmt: skip


def _rows(
    told: Account, teacher: Teacher, under: dict[tuple[int, int], list[str]], session: int
) -> Iterator[tuple[Line, list[str], list[str]]]:
    """Each line, what it means, what the lesson says of it."""
    for index, line in enumerate(told.lines):
        yield line, teacher.teach(line), under.get((session, index), [])
