"""A run as a whole: numbers, several files, several processes, and faults of ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from dialogue import compile_text, in_order, pcap, sessions

import smtpsniff
from smtpsniff.output.json import JsonRenderer
from smtpsniff.pipeline import Runner, Settings
from smtpsniff.pipeline import examine as examining
from smtpsniff.records import encoder
from smtpsniff.smtp import commands

if TYPE_CHECKING:
    from collections.abc import Callable

MAIL = "@T\n@D\n@H\n@X\n@Q"
SECOND = 1_000_000_000
LESSONS = sorted(Path(__file__).parents[2].glob("captures/*.pcapng"))


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, list[Any]], str]:
    def to(name: str, packets: list[Any]) -> str:
        path = tmp_path / name
        path.write_bytes(pcap(in_order(packets)))
        return str(path)

    return to


def at(seconds: int, port: int, server: int = 25) -> list[Any]:
    start = compile_text("@G")[0].time + seconds * SECOND
    return compile_text(MAIL, client=("192.0.2.1", port), server=("192.0.2.9", server), start=start)


def test_numbers_follow_the_first_packet(write: Callable[[str, list[Any]], str]) -> None:
    """Even where a session off the mail ports is only recognised by what is said later."""
    odd = at(0, 40001, server=10777)
    path = write("a.pcap", [*odd, *at(1, 40002), *at(2, 40003)])
    found = {s.client.port: s.number for s in smtpsniff.read(path)}
    assert found == {40001: 1, 40002: 2, 40003: 3}


def test_files_are_ordered_by_time_and_frames_by_file(
    write: Callable[[str, list[Any]], str],
) -> None:
    late, early = write("late.pcap", at(60, 40002)), write("early.pcap", at(0, 40001))
    first, second = sorted(smtpsniff.read(late, early), key=lambda s: s.number)
    assert (first.client.port, first.file, first.first_frame) == (40001, 0, 1)
    assert (second.client.port, second.file, second.first_frame) == (40002, 1, 1)
    assert all(entry.file == 1 for entry in second.timeline)
    assert f"(frame {second.verdict.frames[0]})" in second.verdict.text
    assert second.verdict.frames == first.verdict.frames


def test_a_session_may_cross_from_file_to_file(write: Callable[[str, list[Any]], str]) -> None:
    packets = at(0, 40001)
    half = len(packets) // 2
    paths = write("1.pcap", packets[:half]), write("2.pcap", packets[half:])
    (session,) = smtpsniff.read(*paths)
    assert session.verdict.outcome == "delivered"
    assert {entry.file for entry in session.timeline} == {0, 1}


def test_processes_make_no_difference(write: Callable[[str, list[Any]], str]) -> None:
    path = write("a.pcap", [p for i in range(40) for p in at(i, 40000 + i, 25 if i % 3 else 9925)])
    alone, together = (sorted(Runner([path], Settings(), JsonRenderer(), jobs)) for jobs in (1, 3))
    assert len(alone) == 40
    assert alone == together


def test_the_run_record_counts_in_one_order() -> None:
    def run(names: list[str]) -> bytes:
        runner = Runner([str(LESSONS[0])], Settings(), JsonRenderer(), 1)
        list(runner)
        runner.totals.summary.outcomes.clear()
        runner.totals.summary.outcomes.update(names)
        return encoder().encode(runner.record("1"))

    assert run(["unknown", "delivered", "no-mail", "no-mail"]) == run(
        ["no-mail", "delivered", "no-mail", "unknown"]
    )


def test_no_sender_seen_is_no_sender_told() -> None:
    (session,) = sessions(r'@G ; @EN ; C "DATA\r\n" ; S "354 go\r\n" ; @H ; @X ; @Q')
    told = encoder().encode(session)
    assert b'"mail_from"' not in told
    assert session.transactions[0].mail_from is None


def test_our_own_faults_are_told_and_stop_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no such luck")

    monkeypatch.setattr(examining, "delays", fail)
    found = list(smtpsniff.read(*map(str, LESSONS)))
    assert sorted(s.number for s in found) == list(range(1, len(found) + 1))
    assert len(found) >= len(LESSONS)
    for session in found:
        (finding,) = session.findings
        assert finding.check == "internal-error"
        assert "no such luck" in finding.text


def test_a_bound_that_was_hit_is_told(
    monkeypatch: pytest.MonkeyPatch, write: Callable[[str, list[Any]], str]
) -> None:
    monkeypatch.setattr(commands, "MAX_EXCHANGES", 4)
    runner = Runner([write("a.pcap", at(0, 40001))], Settings(), JsonRenderer(), 1)
    assert len(list(runner)) == 1
    assert runner.record("test").limits_hit == ["exchanges of one session: 4"]
