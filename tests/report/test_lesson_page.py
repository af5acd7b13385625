"""A lesson as a page: all of it there, nothing runs, nothing is fetched."""

from __future__ import annotations

import base64
import hashlib
import html
import re
import shutil
from pathlib import Path

import pytest
from dialogue import lacking, sessions

import smtpsniff
from report.browser import Browser
from smtpsniff.output.lesson import Hint, Lesson, Question, lessons
from smtpsniff.output.report.lesson import lesson_page

CAPTURES = Path(__file__).parents[2] / "captures"
HOSTILE = r"""
    @G ; C "EHLO <script>alert(1)</script>\r\n" ; S "250 \x1b[31m</style><img src=x>\r\n" ; @Q
"""


def _page(name: str) -> str:
    lesson = next(one for one in lessons() if one.name == name)
    found = smtpsniff.read(CAPTURES / f"{name}.pcapng")
    return lesson_page(lesson, sorted(found, key=lambda session: session.number))


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)
def test_all_of_it_is_there(lesson: Lesson) -> None:
    page = _page(lesson.name)
    assert page.count("<details>") == len(lesson.questions)
    text = html.unescape(re.sub(r"<[^>]+>", "", page))
    for question in lesson.questions:
        assert question.answer.replace("`", "") in text
    for hint in lesson.hints:
        assert (hint.rest or hint.text).replace("`", "") in text


def test_nothing_may_run_and_only_its_own_style_counts() -> None:
    page = _page("accepted")
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    rules = html.unescape(policy[1])
    assert rules.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; ")
    assert "script" not in rules
    assert "<script" not in page


def test_nothing_from_the_wire_is_markup() -> None:
    lesson = Lesson("x", 1, "A <b>", "x", ["`<i>`"], [Hint("<u>")], [Question("<q>?", "<a>")])
    page = lesson_page(lesson, list(sessions(HOSTILE)))
    assert "<script" not in page
    assert "<img" not in page
    assert page.count("</style>") == 1
    assert "\x1b" not in page
    assert "<code>&lt;i&gt;</code>" in page


def test_in_a_browser(tmp_path: Path) -> None:
    if shutil.which("chromium") is None:
        lacking("chromium is not installed")
    file = tmp_path / "page.html"
    file.write_text(_page("smuggled"), "utf-8")
    with Browser() as browser:
        browser.call("Page.navigate", url=file.as_uri())
        browser.until("document.readyState === 'complete' && document.querySelector('details')")
        assert browser.run("getComputedStyle(document.querySelector('main p')).maxWidth") == "736px"
        assert browser.complaints == []
        assert {request.partition(":")[0] for request in browser.requests} <= {"file", "about"}
