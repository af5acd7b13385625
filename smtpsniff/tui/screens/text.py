"""Screens of lines that only stand there: the details of a session, the figures, the help."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from smtpsniff.output.paint import Paint, wrap
from smtpsniff.output.story import story
from smtpsniff.tui.figures import figures
from smtpsniff.tui.keys import MOVING, SCREENS, bindings
from smtpsniff.tui.lines import Lines
from smtpsniff.tui.screens.base import Base
from smtpsniff.tui.screens.parts import Bar, Plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from smtpsniff.output.account import Account
    from smtpsniff.tui.style import Piece

__all__ = ["DetailsScreen", "FiguresScreen", "HelpScreen"]


class TextScreen(Base):
    """Lines made for the width of the screen."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("text")
    heading = ""

    def compose(self) -> ComposeResult:
        """A heading, the lines, the keys."""
        self._written: list[list[Piece]] = []
        head = Plain()
        head.show((self.heading, "head"))
        yield head
        self.lines = Lines(lambda index, width: self._written[index])
        yield self.lines
        yield Bar("text")
        yield self.search_prompt()

    def written(self, width: int) -> Iterable[list[Piece]]:
        """The lines for a width."""
        raise NotImplementedError

    def on_resize(self) -> None:
        """Write them."""
        self.call_after_refresh(self._write)

    def _write(self) -> None:
        self._written = list(self.written(self.lines.room))
        self.lines.reset(len(self._written))

    def text_at(self, index: int) -> str:
        """The line's words."""
        return "".join(words for words, _ in self._written[index]).lower()


class HelpScreen(TextScreen):
    """All keys of all screens."""

    heading = "smtpsniff tui: keys"
    _TITLES: ClassVar[dict[str, str]] = {
        "sessions": "in the list of sessions", "session": "in a session",
        "compare": "comparing two sessions", "text": "here, in the details and the figures",
    }  # fmt: skip

    def written(self, width: int) -> Iterator[list[Piece]]:
        """A line for each key."""
        yield [("", "")]
        yield [("everywhere", "head")]
        for keys, meaning in MOVING:
            yield [(f"  {keys:12} ", "client"), (meaning, "")]
        for screen, title in self._TITLES.items():
            yield [("", "")]
            yield [(title, "head")]
            for key in SCREENS[screen]:
                yield [(f"  {key.shown:12} ", "client"), (key.meaning, "")]


class FiguresScreen(TextScreen):
    """Counts of the sessions that are shown in the list."""

    heading = "the sessions shown in the list"

    def written(self, width: int) -> Iterator[list[Piece]]:
        """Counted when it is opened."""
        store = self.sniffer.store
        items = [item for key in self.sniffer.view.keys if (item := store.get(key)) is not None]
        yield from figures(items, width)


class DetailsScreen(TextScreen):
    """What `show` tells of a session, but for what was said."""

    def __init__(self, key: int) -> None:
        super().__init__()
        self._key = key

    def written(self, width: int) -> Iterator[list[Piece]]:
        """Its story without the dialogue."""
        item = self.sniffer.store.get(self._key)
        if item is None:
            return
        source = self.sniffer.source
        for line in story(item.session(), source.files, source.digits, Paint(width), _silent):
            for part in wrap(line, width):  # some lines are meant to be copied in one piece
                yield [(part, "")]


def _silent(told: Account, paint: Paint, form: str) -> Iterator[str]:
    return iter(())
