"""The list of sessions, with real keys."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Any

import pytest
from dialogue import sessions
from tui_desk import Desk, shipped, sit, source

from smtpsniff.tui.item import ItemRenderer
from smtpsniff.tui.view import SORTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtpsniff.tui.item import Item


def test_all_that_a_line_cuts_stands_below_it() -> None:
    async def act(desk: Desk) -> None:
        await desk.sees("2 sessions", "delivered", "rejected")
        await desk.press("down")
        text = await desk.sees("(unknown-user, frame 12)")
        assert '"550 5.1.1' in text

    sit(source(*shipped()), act)


def test_search_goes_to_the_words_and_round() -> None:
    async def act(desk: Desk) -> None:
        await desk.sees("2 sessions")
        await desk.press("slash")
        await desk.type("unknown-user")
        await desk.press("enter")
        assert desk.sniffer.screen.lines.cursor == 1
        await desk.press("slash", *["backspace"] * 12)
        await desk.type("CARLA")
        await desk.press("enter")
        assert desk.sniffer.screen.lines.cursor == 0
        await desk.press("slash")
        await desk.type(" nowhere")
        await desk.press("enter")
        await desk.sees("CARLA nowhere: in no line")

    sit(source(*shipped()), act)


def test_filter_tells_mistakes_while_they_are_typed_and_then_chooses() -> None:
    async def act(desk: Desk) -> None:
        await desk.sees("2 sessions")
        await desk.press("f7")
        await desk.type("verdict.outcom")
        await desk.sees("there is no key 'verdict.outcom'")
        await desk.press("enter")  # what is wrong is not taken
        await desk.sees("there is no key")
        await desk.type("e == rejected")
        await desk.until(lambda: "there is no key" not in desk.text, "the end of the complaint")
        await desk.press("enter")
        await desk.sees("1 of 2 sessions", "filter: verdict.outcome == rejected")
        assert "carla" not in desk.text
        await desk.press("escape")
        await desk.until(lambda: "filter:" not in desk.text, "all sessions")
        assert "carla" in desk.text

    sit(source(*shipped()), act)


def test_sorted_by_keys_and_by_clicks() -> None:
    async def act(desk: Desk) -> None:
        await desk.sees("2 sessions")
        view = desk.sniffer.view

        def numbers() -> list[int]:
            return [desk.sniffer.store[key].row.number for key in view.keys]

        assert numbers() == [1, 2]
        await desk.press("z")
        assert numbers() == [2, 1]
        await desk.press("greater_than_sign")
        assert view.sort == "outcome"
        assert numbers() == [2, 1]  # the worst first
        await desk.press("less_than_sign", "less_than_sign")
        assert view.sort == "mail"
        await desk.sees("mail↑")
        await desk.pilot.click("#head", offset=(8, 0))
        assert view.sort == "outcome"
        await desk.pilot.click("#head", offset=(8, 0))
        assert view.backwards

    sit(source(*shipped()), act)


def test_mouse_goes_to_a_line_opens_it_and_presses_the_keys_below() -> None:
    async def act(desk: Desk) -> None:
        await desk.sees("2 sessions")
        await desk.pilot.click("#sessions", offset=(10, 1))
        assert desk.sniffer.screen.lines.cursor == 1
        await desk.pilot.click("#sessions", offset=(10, 1), times=2)
        await desk.sees("session 2: rejected")
        await desk.press("q")
        await desk.pilot.click("Bar", offset=(1, 0))
        await desk.sees("session 2: rejected")

    sit(source(*shipped()), act)


def test_the_help_has_every_key_of_the_bar() -> None:
    async def act(desk: Desk) -> None:
        await desk.sees("2 sessions")
        await desk.press("f1")
        text = await desk.sees("in the list of sessions", "Space", "F7")
        assert "mark the session" in text
        await desk.press("escape")
        await desk.sees("2 sessions")

    sit(source(*shipped()), act)


@pytest.mark.parametrize("keys", [("Q",), ("q",), ("ctrl+c",)])
def test_the_way_out(keys: tuple[str, ...]) -> None:
    async def act(desk: Desk) -> None:
        await desk.sees("2 sessions")
        await desk.press(*keys)
        await desk.until(lambda: not desk.sniffer.is_running, "the end")

    sit(source(*shipped()), act)


def test_a_pause_lets_the_list_stand_still() -> None:
    async def act(desk: Desk) -> None:
        await desk.sees("2 sessions")
        await desk.press("p")
        desk.sniffer.store.add(desk.sniffer.store[0])
        await desk.sees("PAUSED, 1 more")
        assert len(desk.sniffer.view.keys) == 2
        await desk.press("p", "A")
        await desk.sees("following")
        assert len(desk.sniffer.view.keys) == 3

    sit(source(*shipped()), act)


class Many:
    """A source of so many sessions like one, that differ in number and time."""

    name, live, packets_kept, digits = "many", False, False, 6
    files: list[str] = []  # noqa: RUF012

    def __init__(self, number: int) -> None:
        self._number = number

    def run(self, take: Callable[[Item], None]) -> None:
        [session] = sessions("@T\n@D\n@H\n@X\n@Q")
        item = ItemRenderer().render(session)
        for number in range(1, self._number + 1):
            row = dataclasses.replace(item.row, number=number, start=item.row.start + number)
            take(dataclasses.replace(item, row=row))

    def stop(self) -> None: ...

    def progress(self) -> str:
        return "reading"

    def running(self) -> None: ...

    def save(self, sessions: list[Any], path: str) -> int:
        raise NotImplementedError


# Seconds that nobody would bear, on the slowest machine: the work is a tenth of it on a usual one.
FREEZE = 20.0


def test_tens_of_thousands_of_rows_stay_quick() -> None:
    async def act(desk: Desk) -> None:
        await desk.sees("50,000 sessions")
        await desk.until(lambda: len(desk.sniffer.view.keys) == 50_000, "all rows")
        lines = desk.sniffer.screen.lines
        start = time.process_time()
        for _ in range(100):
            lines.action_page(1)
            for y in range(24):
                lines.render_line(y)
        assert time.process_time() - start < FREEZE
        await desk.press("end")
        await desk.sees("50000 delivered")
        for name in SORTS:
            start = time.process_time()
            desk.sniffer.screen.sort_by(name)
            assert time.process_time() - start < FREEZE

    sit(Many(50_000), act)
