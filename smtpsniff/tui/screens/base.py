"""What all screens have in common: lines that can be searched, the keys, the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.screen import Screen

from smtpsniff.tui.screens.parts import Prompt

if TYPE_CHECKING:
    from smtpsniff.tui.app import Sniffer
    from smtpsniff.tui.lines import Lines

__all__ = ["Base"]


class Base(Screen[None]):
    """A screen around `lines`. `name` is that of its keys in `SCREENS`."""

    AUTO_FOCUS = "Lines"
    CSS = """
    Base { background: ansi_default; color: ansi_default; }
    """
    lines: Lines
    _words = ""

    @property
    def sniffer(self) -> Sniffer:
        """The program."""
        return cast("Sniffer", self.app)

    # -- searching -------------------------------------------------------------------------

    def text_at(self, index: int) -> str:
        """What a search looks at in a line, in small letters."""
        raise NotImplementedError

    def search_prompt(self) -> Prompt:
        """Where the words are typed."""
        return Prompt("search for:", id="search")

    def action_search(self) -> None:
        """Ask for words."""
        self.query_one("#search", Prompt).ask(self._words)

    def on_prompt_said(self, event: Prompt.Said) -> None:
        """Go to the words; Escape leaves things as they are."""
        event.prompt.close()
        self.lines.focus()
        if event.prompt.id == "search" and event.words is not None:
            self._words = event.words
            self.action_again(1, here=True)

    def action_again(self, step: int, here: bool = False) -> None:
        """The next line with the words, or the one before; past the end, the first."""
        words = self._words.lower()
        if not words:
            return
        count = self.lines.count
        start = self.lines.cursor + (0 if here else step)
        for at in range(count):
            index = (start + at * step) % count
            if words in self.text_at(index):
                self.lines.go(index)
                return
        self.say(f"{self._words}: in no line")

    # -- the rest --------------------------------------------------------------------------

    def say(self, text: str, wrong: bool = True) -> None:
        """A note that goes away by itself."""
        self.notify(text, severity="warning" if wrong else "information", markup=False, timeout=4)

    def action_help(self) -> None:
        """All keys."""
        from smtpsniff.tui.screens.text import HelpScreen

        self.app.push_screen(HelpScreen())

    def action_back(self) -> None:
        """To the screen before."""
        self.app.pop_screen()
