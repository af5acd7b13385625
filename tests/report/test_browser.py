"""The page in a real browser: it opens, filters, expands and prints, and runs nothing else."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from dialogue import lacking, sessions

import smtpsniff
from report.browser import Browser
from report.pages import entries_of, page_of
from smtpsniff.output.account import Account

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from smtpsniff.output.report.entry import Entry

CAPTURES = Path(__file__).parents[2] / "captures"
LESSONS = ("accepted", "refused-recipient", "typed-by-hand")
HOSTILE = r"""
    @G ; C "EHLO <img src=x onerror=alert(1)>\r\n" ; S "250 <script>document.title=1</script>\r\n"
    @M ; C "RCPT TO:<\"</script><script>alert(1)</script>\"@mx.example>\r\n"
    S "550 5.1.1 <a href=javascript:alert(1)>no</a> \x1b[2J\xe2\x80\xae\r\n" ; @Q
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if shutil.which("chromium") is None:
        lacking("chromium is not installed")
    with Browser() as one:
        yield one


@pytest.fixture
def shown(browser: Browser, tmp_path: Path) -> Iterator[Browser]:
    """The lessons' page, open."""
    _open(browser, tmp_path, _lessons())
    yield browser
    assert browser.complaints == []
    assert {request.partition(":")[0] for request in browser.requests} <= {"file", "about"}
    assert not [r for r in browser.requests if not r.endswith(("page.html", "about:blank"))]


def _lessons() -> list[Entry]:
    found = []
    for name in LESSONS:
        found += smtpsniff.read(CAPTURES / f"{name}.pcapng")
    return entries_of(found)


def _open(browser: Browser, folder: Path, entries: Iterable[Entry], fragment: str = "") -> None:
    browser.requests.clear()
    browser.complaints.clear()
    page = folder / "page.html"
    page.write_text(page_of(entries), encoding="utf-8")
    browser.size(1200)
    browser.open(page, fragment)


def _numbers(browser: Browser) -> list[str]:
    got: list[str] = browser.run(
        "[...document.querySelectorAll('#list tr.row td:first-child')].map(e => e.textContent)"
    )
    return got


def _type(browser: Browser, box: str, text: str) -> None:
    browser.run(
        f"(() => {{ const box = document.getElementById('{box}'); box.value = {text!r};"
        " box.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )


def test_it_lists_filters_and_sorts(shown: Browser) -> None:
    assert _numbers(shown) == ["1", "2", "3"]
    _type(shown, "words", "bne@example.com REJECTED")
    assert _numbers(shown) == ["2"]
    assert shown.run("document.getElementById('status').textContent") == "1 of 3 session"
    _type(shown, "words", "nothing like it")
    assert _numbers(shown) == []
    shown.run("document.querySelector('form button[type=reset]').click()")
    shown.until("document.querySelectorAll('#list tr.row').length === 3")
    shown.run("document.querySelector('[data-outcome=rejected]').click()")
    assert _numbers(shown) == ["2"]
    shown.run("document.querySelector('[data-outcome=rejected]').click()")
    shown.run("document.querySelector('[data-sort=\"0\"]').click()")
    assert _numbers(shown) == ["3", "2", "1"]
    _type(shown, "check", "rcpt-unknown-user")
    assert _numbers(shown) == ["2"]


def test_a_session_opens_and_closes_by_its_button(shown: Browser) -> None:
    button = "document.querySelector('#session-2 button')"
    shown.run(f"{button}.click()")
    shown.until("document.querySelector('tr.opened')")
    assert shown.run(f"{button}.getAttribute('aria-expanded')") == "true"
    text = shown.run("document.querySelector('tr.opened').textContent")
    assert "rcpt TO:<bne@example.com>" in text
    assert "250-PIPELINING" in text
    assert "error rcpt-unknown-user: No such mailbox" in text
    assert "queued as D99EA29" in text
    shown.run(f"{button}.click()")
    assert not shown.run("!!document.querySelector('tr.opened')")
    assert shown.run(f"{button}.getAttribute('aria-expanded')") == "false"


def test_the_ladder_has_an_arrow_for_every_line(shown: Browser) -> None:
    shown.run("document.querySelector('#session-1 button').click()")
    shown.until("document.querySelector('tr.opened')")
    lines = shown.run("document.querySelectorAll('.timeline tbody tr:not(.phase)').length")
    shown.run("document.querySelectorAll('.views button')[1].click()")
    assert shown.run("document.querySelectorAll('.ladder .arrow').length") == lines
    said = shown.run("document.querySelector('.ladder').textContent")
    assert "MAIL FROM:<carla@example.net>" in said


def test_a_finding_leads_to_its_frame(shown: Browser, tmp_path: Path) -> None:
    _open(shown, tmp_path, _lessons(), "#session-2-frame-12")
    shown.until("document.querySelector('.aimed')")
    assert "550 5.1.1" in shown.run("document.querySelector('.aimed').textContent")
    shown.run(
        "[...document.querySelectorAll('.finding')].find(e => e.textContent.includes("
        "'rcpt-unknown-user')).querySelector('a').click()"
    )
    shown.until("document.querySelector('.aimed')?.id === 'session-2-frame-11'")


def test_it_prints(shown: Browser) -> None:
    shown.run("document.querySelector('#session-2 button').click()")
    shown.until("document.querySelector('tr.opened')")
    pdf = shown.pdf()
    assert pdf.startswith(b"%PDF")
    assert len(pdf) > 20_000


@pytest.mark.parametrize("width", [360, 1200])
def test_nothing_sticks_out(shown: Browser, width: int) -> None:
    shown.size(width)
    shown.run("document.querySelector('#session-2 button').click()")
    shown.until("document.querySelector('tr.opened')")
    for view in (0, 1):
        shown.run(f"document.querySelectorAll('.views button')[{view}].click()")
        assert shown.run("document.documentElement.scrollWidth") <= width


def test_everything_can_be_reached_by_keyboard(shown: Browser) -> None:
    assert shown.run(
        "[...document.querySelectorAll('tr.row')].every(r => r.querySelector('button'))"
    )
    unnamed = (
        "[...document.querySelectorAll('button, input, select, svg')]"
        ".filter(e => !(e.textContent.trim() || e.closest('label') || e.ariaLabel)).length"
    )
    assert shown.run(unnamed) == 0
    shown.run("document.dispatchEvent(new KeyboardEvent('keydown', {key: '/', bubbles: true}))")
    assert shown.run("document.activeElement.id") == "words"


def test_colours_stand_out_on_light_and_on_dark(shown: Browser) -> None:
    script = """(() => {
      const probe = document.createElement('span'); document.body.append(probe);
      const light = (c) => { const [r, g, b] = c.match(/\\d+/g).slice(0, 3).map((v) => {
        v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
      const paper = light(getComputedStyle(document.body).backgroundColor);
      return ['ink', 'faint', 'error', 'warning', 'good', 'client', 'server', 'link'].map((name) => {
        probe.style.color = `var(--${name})`;
        const ink = light(getComputedStyle(probe).color);
        return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05); });
    })()"""
    for dark in (False, True):
        shown.media(dark=dark)
        assert min(shown.run(script)) >= 4.5  # WCAG 2.1, AA
    shown.media()


def test_nothing_from_the_wire_runs(browser: Browser, tmp_path: Path) -> None:
    _open(browser, tmp_path, entries_of(sessions(HOSTILE)), "#session-1")
    browser.until("document.querySelector('tr.opened')")
    text = browser.run("document.querySelector('tr.opened').textContent")
    assert "<img src=x onerror=alert(1)>" in text
    assert browser.run("document.title") == "Mail in mail.pcap"
    assert browser.run("document.querySelectorAll('img, a[href^=javascript]').length") == 0
    assert browser.complaints == []
    assert all(r.startswith(("file:", "about:")) for r in browser.requests)


def test_a_script_that_came_in_all_the_same_would_not_run(browser: Browser, tmp_path: Path) -> None:
    _open(browser, tmp_path, _lessons())
    browser.run(
        "(() => { const s = document.createElement('script'); s.textContent = 'window.bad = 1';"
        " document.body.append(s); const i = new Image(); i.src = 'http://192.0.2.1/x';"
        " document.body.append(i); })()"
    )
    assert browser.run("window.bad === undefined")
    assert any("Content Security Policy" in complaint for complaint in browser.complaints)


def test_ten_thousand_sessions(browser: Browser, tmp_path: Path) -> None:
    lessons = _lessons()
    many = (
        replace(e, row=replace(e.row, number=n))
        for n in range(1, 10_001)
        for e in (lessons[n % 3],)
    )
    _open(browser, tmp_path, many, "#session-9002")
    browser.until("document.querySelector('tr.opened')")
    assert browser.run("document.querySelectorAll('#list tr.row').length") == 100
    _type(browser, "words", "bne@example.com")
    assert browser.run("document.getElementById('status').textContent").startswith("3,33")


def test_a_session_of_a_hundred_thousand_lines(browser: Browser, tmp_path: Path) -> None:
    (entry,) = entries_of(smtpsniff.read(CAPTURES / "accepted.pcapng"))
    told = msgspec.json.decode(entry.data, type=Account)
    told.lines = told.lines * (100_000 // len(told.lines) + 1)
    long = replace(entry, data=msgspec.json.encode(told))
    _open(browser, tmp_path, [long], "#session-1")
    browser.until("document.querySelector('tr.opened')")
    assert browser.run("document.querySelectorAll('.timeline tbody tr').length") < 1000
    browser.run("document.querySelector('.more').click()")
    assert browser.run("document.querySelectorAll('.timeline tbody tr').length") > 800
