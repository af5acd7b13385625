"""The screen in this process, with real keys and without a terminal."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from smtpsniff.cli import tui
from smtpsniff.cli.options import Parser
from smtpsniff.cli.running import Reading
from smtpsniff.cli.tui_sources import FileSource
from smtpsniff.tui.app import Sniffer
from smtpsniff.tui.item import ItemRenderer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from textual.pilot import Pilot

    from smtpsniff.tui.source import Source

LONGEST = 60.0  # seconds that anything may take to come


class Desk:
    """A user in front of the screen: presses keys, reads what stands there."""

    def __init__(self, sniffer: Sniffer, pilot: Pilot[None]) -> None:
        self.sniffer = sniffer
        self.pilot = pilot

    @property
    def rows(self) -> list[str]:
        """What stands on the screen now, row by row."""
        strips = self.sniffer.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip).rstrip() for strip in strips]

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(self.rows)

    async def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, words: str) -> None:
        """Type letters."""
        for letter in words:
            await self.pilot.press({" ": "space"}.get(letter, letter))
        await self.pilot.pause()

    async def sees(self, *words: str) -> str:
        """Wait until all these words stand there; the text of the screen."""
        return await self.until(lambda: all(word in self.text for word in words), str(words))

    async def until(self, true: Callable[[], bool], what: str) -> str:
        """Wait for something."""
        end = time.monotonic() + LONGEST
        while not true():
            assert time.monotonic() < end, f"{what} never came:\n{self.text}"
            await self.pilot.pause(0.02)
        return self.text


Act = "Callable[[Desk], Coroutine[Any, Any, None]]"


def source(*words: object) -> FileSource:
    """Files, as the command hands them to the screen."""
    parser = Parser("tui", "")
    tui.add_arguments(parser)
    args = parser.parse([str(word) for word in words])
    args.command, args.jobs = "smtpsniff tui", 1
    return FileSource(Reading(args.words, args, ItemRenderer()), args.words)


def sit(
    source: Source,
    act: Callable[[Desk], Coroutine[Any, Any, None]],
    size: tuple[int, int] = (80, 24),
) -> Sniffer:
    """Open the screen, act, leave."""

    async def main() -> Sniffer:
        sniffer = Sniffer(source)
        async with sniffer.run_test(size=size, notifications=True) as pilot:
            await act(Desk(sniffer, pilot))
        return sniffer

    sniffer = asyncio.run(main())
    sniffer.end()
    assert sniffer.fault is None
    return sniffer


def shipped() -> list[Path]:
    """The recorded lessons that every test of the screen looks at."""
    from pathlib import Path

    folder = Path(__file__).parents[2] / "captures"
    return [folder / "accepted.pcapng", folder / "refused-recipient.pcapng"]
