"""The whole text of one line, with its frame, time and findings; beside or below the ladder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import VerticalScroll

from smtpsniff.output.units import span
from smtpsniff.tui.screens.parts import Plain

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from smtpsniff.output.account import Line
    from smtpsniff.tui.style import Piece

__all__ = ["Raw", "heading", "text"]

# What a screen can hold many times over; a session's line may be megabytes of an attack.
MOST_LINES = 2000
MOST_LETTERS = 100_000


class Raw(VerticalScroll, can_focus=False):
    """Text of the selected line. The mouse wheel moves it."""

    DEFAULT_CSS = """
    Raw { height: 6; width: 1fr; border-top: solid ansi_bright_black; scrollbar-size-vertical: 1; }
    .beside Raw { height: 1fr; width: 40%; border-top: none; border-left: solid ansi_bright_black;
                  padding-left: 1; }
    """

    def compose(self) -> ComposeResult:
        """The text."""
        yield Plain()

    def tell(self, line: Line, time: str) -> None:
        """Show a line."""
        self.show((heading(line, time) + "\n", "dim"), (text(line), line.tone or line.party))

    def show(self, *pieces: Piece) -> None:
        """Show these."""
        self.scroll_home(animate=False)
        self.query_one(Plain).show(*pieces)

    def clear(self) -> None:
        """Show nothing."""
        self.query_one(Plain).show()


def heading(line: Line, time: str) -> str:
    """``client, command, frame 12, at 0.123, after 12 ms``."""
    wait = "" if line.wait is None else f", after {span(line.wait)}"
    return f"{line.party}, {line.kind}, frame {line.frame}, at {time}{wait}"


def text(line: Line) -> str:
    """All of it, up to a bound."""
    whole = "\n".join(line.text[:MOST_LINES])
    more = len(line.text) > MOST_LINES or len(whole) > MOST_LETTERS
    return whole[:MOST_LETTERS] + ("\n… (smtpsniff show has all of it)" if more else "")
