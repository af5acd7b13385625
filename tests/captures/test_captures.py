"""The recorded lessons are complete, small, and tell what is in their packets."""

from __future__ import annotations

import os
import re

import pytest
from lessons import CAPTURES, LESSONS, SAYS, check_packets, check_session, packets, shipped, story

import smtpsniff

each_lesson = pytest.mark.parametrize("lesson", LESSONS)


def test_every_lesson_is_judged() -> None:
    assert set(LESSONS) == set(SAYS)


@each_lesson
def test_three_files(lesson: str) -> None:
    assert os.access(CAPTURES / f"{lesson}.py", os.X_OK)
    assert 0 < shipped(lesson).stat().st_size < 200_000
    assert f"({lesson}.md)" in (CAPTURES / "README.md").read_text(encoding="utf-8")


@each_lesson
def test_story_has_title_and_sections(lesson: str) -> None:
    sections = r"---\ntitle: \S.*\n---\n\n## Story\n\n\w[^#]+\n\n## What to look for\n\n- [^#]+"
    assert re.fullmatch(sections, story(lesson))


@each_lesson
def test_story_quotes_its_frames(lesson: str) -> None:
    """Where a story says "Frame 12: `550 5.1.1`", frame 12 carries these words."""
    quotes = re.findall(r"[Ff]rame (\d+): `([^`]+)`", story(lesson))
    assert quotes
    frames = packets(shipped(lesson))
    for number, words in quotes:
        assert words.encode() in bytes(frames[int(number) - 1]), f"frame {number}"


@each_lesson
def test_packets(lesson: str) -> None:
    check_packets(lesson, shipped(lesson))


@each_lesson
def test_session(lesson: str) -> None:
    check_session(lesson, shipped(lesson))


def test_a_line_of_many_packets_is_one_command() -> None:
    (session,) = smtpsniff.read(shipped("typed-by-hand"))
    (mail,) = (entry for entry in session.timeline if entry.verb == "MAIL")
    first, last = mail.frames
    assert last - first >= len("MAIL FROM:<carla@example.net>")  # and one packet for Enter
