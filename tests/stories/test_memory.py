"""Bounds: what is forgotten, and that it is told."""

from __future__ import annotations

import random

from smtpsniff.stories import STORY_CHECKS, Chronicle, pack, unpack
from smtpsniff.stories.facts import Event, Facts, Rcpt, Try
from smtpsniff.stories.mails import MAX_ATTEMPTS, Mails
from smtpsniff.stories.memory import Memory
from smtpsniff.stories.saying import elapsed

SECOND = 1_000_000_000
HOUR = 3600 * SECOND


def attempt(session: int, time: int, rcpt: str = "r@mx.example", outcome: str = "deferred") -> Try:
    """One transaction with one recipient."""
    return Try(
        session, time, session, None, "192.0.2.1", 40000, "192.0.2.9", 25, "s@a.example.net",
        outcome, "451 4.7.1 later", [Rcpt(rcpt, outcome, "451", "greylist")],
    )  # fmt: skip


def facts(number: int, time: int, *tries: Try, events: tuple[Event, ...] = ()) -> Facts:
    """One session."""
    return Facts(
        number, time, time + SECOND, number, None, "192.0.2.1", "192.0.2.9", 25, "", "", 0,
        len(tries), list(tries), list(events),
    )  # fmt: skip


def test_what_is_used_is_remembered_and_the_rest_forgotten() -> None:
    memory: Memory[str, int] = Memory(4, HOUR)
    memory["a"], memory["b"] = 1, 2
    assert memory.turn(SECOND) == []
    assert memory.get("a") == 1
    memory["c"], memory["d"] = 3, 4
    assert memory.turn(2 * SECOND) == [2]
    assert memory.full
    assert memory.get("b") is None
    assert memory.drain() == [1, 3, 4]


def test_an_hour_ends_a_generation_without_being_a_limit() -> None:
    memory: Memory[str, int] = Memory(100, HOUR)
    memory.turn(SECOND)
    memory["a"] = 1
    assert memory.turn(2 * HOUR) == []
    assert memory.turn(4 * HOUR) == [1]
    assert not memory.full


def test_facts_survive_the_way_to_another_process() -> None:
    sent = facts(3, HOUR, attempt(3, HOUR), events=(Event("callout", "r@mx.example"),))
    assert unpack(pack(sent)) == sent


def test_a_run_of_many_mails_is_bounded_and_told() -> None:
    mails = Mails(most=1000)
    known = 0
    for number in range(5000):
        mails.add(attempt(number, number * SECOND, f"r{number}@mx.example"))
        known += 1 - sum(1 for _ in mails.forgotten(number * SECOND))
        assert known <= 1500
    assert mails.full


def test_a_loop_keeps_the_first_attempts_and_the_last() -> None:
    chronicle = Chronicle(STORY_CHECKS)
    for number in range(1, 301):
        time = number * 60 * SECOND
        chronicle.add(number, facts(number, time, attempt(number, time)))
    (story,) = (s for s in chronicle.finish() if s.attempts)
    assert story.attempts is not None
    assert len(story.attempts) == MAX_ATTEMPTS
    assert story.attempts[-1].session == 300
    assert chronicle.limits == {"story-attempts"}
    assert "299 times" not in story.text
    assert "tried 295 times more" in story.text


def test_weeks_of_capture_tell_what_is_over() -> None:
    chronicle = Chronicle(STORY_CHECKS)
    told = []
    for number in range(1, 2001):
        time = number * HOUR // 2  # six weeks
        pair = number // 2
        done = "accepted" if number % 2 else "deferred"
        chronicle.add(
            number, facts(number, time, attempt(number, time, f"r{pair}@mx.example", done))
        )
        told += chronicle.told()
    assert 900 < len(told) < 1000
    assert len(told) + len(list(chronicle.finish())) == 999
    assert not chronicle.limits


def test_the_order_of_arrival_makes_no_difference() -> None:
    sessions = []
    for number in range(1, 400):
        time = number * 10 * SECOND
        events = (Event("unknown-user", f"u{number}@mx.example", "", number),)
        sessions.append(
            facts(number, time, attempt(number, time, f"r{number % 40}@x.example"), events=events)
        )

    def tell(order: list[Facts]) -> list[object]:
        chronicle = Chronicle(STORY_CHECKS)
        for one in order:
            chronicle.add(one.number, unpack(pack(one)))
        return [(s.kind, s.sessions, s.text, s.start, s.end) for s in chronicle.finish()]

    shuffled = list(sessions)
    random.Random(7).shuffle(shuffled)
    assert tell(shuffled) == tell(sessions)
    assert tell(sessions)


def test_a_pattern_that_goes_on_is_one_story() -> None:
    chronicle = Chronicle(STORY_CHECKS)
    for number in range(1, 3001):
        events = (Event("unknown-user", f"u{number}@mx.example", "", number),)
        one = facts(number, number * 100 * SECOND, events=events)
        one.refused = 1
        chronicle.add(number, one)
    (story,) = (s for s in chronicle.finish() if s.findings[0].check == "directory-harvest")
    assert story.findings[0].count == 3000
    assert len(story.sessions) == 1000  # as many as anybody reads
    assert "3000 in all" in story.text


def test_times_for_reading() -> None:
    seconds = {0.012: "0.012 s", 3.21: "3.2 s", 42: "42 s", 307: "5 min 7 s", 3600: "1 h",
               11_520: "3 h 12 min", 200_000: "2 days 7 h"}  # fmt: skip
    assert {elapsed(int(s * SECOND)): text for s, text in seconds.items()} == {
        text: text for text in seconds.values()
    }
