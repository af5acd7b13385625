"""`show --ladder` and `-t`: the same account as the story's, between two columns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from dialogue import sessions

import smtpsniff
from smtpsniff.output.account import account
from smtpsniff.output.clock import FORMS, clock_of
from smtpsniff.output.ladder import ladder
from smtpsniff.output.paint import Paint, cells

if TYPE_CHECKING:
    from smtpsniff.records import Session

CAPTURES = Path(__file__).parents[2] / "captures"


def _session(name: str) -> Session:
    (session,) = smtpsniff.read(CAPTURES / f"{name}.pcapng")
    return session


def _ladder(session: Session, width: int | None = 80) -> list[str]:
    return list(ladder(account(session, ["mail.pcapng"], 6), Paint(width)))


def _rungs(lines: list[str]) -> list[str]:
    return [line for line in lines if line.endswith("|")]


def test_rungs_of_a_recorded_lesson_at_eighty_columns() -> None:
    lines = _ladder(_session("refused-recipient"))
    assert lines[0] == (
        " time frame client 192.0.2.1:41020                          server 192.0.2.25:25"
    )
    assert " " * 12 + "|" + " mail 1 ".center(66, ".") + "|" in lines
    said = "0.024     6 |-- ehlo client.example.net "
    assert said + "-" * (80 - len(said) - 2) + ">|" in lines
    refusal = next(line for line in lines if " 550 5.1.1" in line and "|<" in line)
    assert refusal.startswith("0.029    12 |<")
    assert refusal.endswith("--|")


@pytest.mark.parametrize("width", [None, 80, 60, 200])
def test_every_rung_is_as_wide_as_every_other(width: int | None) -> None:
    for name in ("accepted", "refused-recipient", "typed-by-hand"):
        rungs = _rungs(_ladder(_session(name), width))
        assert len({cells(rung) for rung in rungs}) == 1
        assert cells(rungs[0]) == (width or 100)


def test_the_ladder_says_what_the_account_says() -> None:
    session = _session("refused-recipient")
    told = account(session, [], 6)
    lines = _rungs(list(ladder(told, Paint(2000))))
    for line in told.lines:
        for text in line.text:
            assert any(f" {text} " in rung for rung in lines)


def test_wide_and_hostile_text_keeps_the_columns() -> None:
    text = r"""
        @G ; C "EHLO \xe6\x97\xa5\xe6\x9c\xac.example\r\n" ; S "250 \x1b[31mred\xe2\x80\xae\r\n"
        C "NOOP xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n"
        S "250 ok\r\n" ; @Q
    """
    (session,) = sessions(text)
    rungs = _rungs(_ladder(session))
    assert {cells(rung) for rung in rungs} == {80}
    assert not any("\x1b" in rung or "\u202e" in rung for rung in rungs)
    assert any("\\x1b[31mred" in rung for rung in rungs)


def test_a_long_wait_is_a_rung() -> None:
    (session,) = sessions(r'@G ; @E ; +12 C "NOOP\r\n" ; S "250 ok\r\n" ; @Q')
    assert any("12 s of silence" in line for line in _ladder(session))


def test_phases_are_marked_once_each() -> None:
    marks = [
        line.strip(" |.") for line in _ladder(_session("refused-recipient")) if ".... " in line
    ]
    assert marks == ["connection", "introduction", "mail 1", "mail 2", "message", "goodbye", "end"]


def test_times_in_every_form() -> None:
    session = _session("accepted")
    told = account(session, [], 6)
    first = {form: clock_of(told, form)[0].strip() for form in FORMS}
    assert first == {
        "a": "22:58:42.910184",
        "ad": "2026-11-23 22:58:42.910184",
        "r": "0.002",
        "d": "0.001562",
        "e": "1795474722.910184",
    }
    deltas = [float(text) for text in clock_of(told, "d")]
    assert sum(deltas) == pytest.approx(max(line.at for line in told.lines), abs=1e-4)
