"""The recorded lessons are complete, small, and tell what is in their packets."""

from __future__ import annotations

import os
import re
import subprocess

import pytest
from dialogue import need
from lessons import CAPTURES, LESSONS, SAYS, check_packets, check_session, packets, shipped, story

import smtpsniff

each_lesson = pytest.mark.parametrize("lesson", LESSONS)


def test_every_lesson_is_judged() -> None:
    assert set(LESSONS) == set(SAYS)


@each_lesson
def test_three_files(lesson: str) -> None:
    assert os.access(CAPTURES / f"{lesson}.py", os.X_OK)
    assert 0 < shipped(lesson).stat().st_size <= 60_000


@each_lesson
def test_story_has_title_and_sections(lesson: str) -> None:
    sections = (
        r"---\ntitle: \S.*\nshows: \S.*\nnumber: \d+\n---\n\n## Story\n\n\w[^#]+\n\n"
        r"## What to look for\n\n- [^#]+\n\n## Questions\n(\n### \S.*\?\n\n\w[^#]+){2,4}"
    )
    assert re.fullmatch(sections, story(lesson))


def test_the_list_has_them_in_their_order() -> None:
    """README.md names the lessons as their stories do, numbered from one."""
    heads = {}
    for lesson in LESSONS:
        shows, number = re.findall(r"^(?:shows|number): (.*)$", story(lesson), re.M)
        heads[int(number)] = f"| [{lesson}]({lesson}.md) | {shows} | "
    assert sorted(heads) == list(range(1, len(LESSONS) + 1))
    rows = re.findall(r"^\| \[.*\| ", (CAPTURES / "README.md").read_text("utf-8"), re.M)
    assert rows == [heads[number] for number in sorted(heads)]


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


def test_the_keys_open_the_encrypted_session() -> None:
    """What tshark reads with the key log that lies beside it."""
    need("tshark")
    keys = CAPTURES / "starttls.keys"
    command = [
        "tshark",
        "-r",
        shipped("starttls"),
        "-o",
        f"tls.keylog_file:{keys}",
        "-Y",
        "smtp.req",
    ]
    fields = ["-T", "fields", "-e", "frame.number", "-e", "smtp.req.command"]
    said = subprocess.run([*command, *fields], capture_output=True, text=True, check=True).stdout
    assert "36\tehlo" in said
    assert "38\tmail" in said
