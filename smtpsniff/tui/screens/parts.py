"""What screens are made of, besides lines: the bar of keys, the prompt, text that stands still."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from rich.text import Text
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Static

from smtpsniff.tui.keys import SCREENS
from smtpsniff.tui.style import style

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from smtpsniff.tui.style import Piece

__all__ = ["Bar", "Plain", "Prompt", "painted"]


def painted(pieces: Iterable[Piece]) -> Text:
    """Pieces in one text; nothing in them is markup."""
    text = Text()
    for words, meaning in pieces:
        text.append(words, style(meaning))
    return text


class Plain(Static):
    """Text that stands still; `show` takes pieces."""

    DEFAULT_CSS = "Plain { height: auto; width: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (textual's name)
        super().__init__("", id=id, markup=False)

    def show(self, *pieces: Piece) -> None:
        """Show these."""
        self.update(painted(pieces))


class Bar(Static):
    """The keys of a screen. A click on one presses it."""

    DEFAULT_CSS = """
    Bar { height: auto; max-height: 3; dock: bottom; width: 1fr;
          link-style: none; link-color: ansi_default; }
    """

    def __init__(self, screen: str) -> None:
        super().__init__("", markup=False)
        self._keys = [key for key in SCREENS[screen] if key.label]

    def on_resize(self) -> None:
        """As many lines as they need; a key and its word stay together."""
        text, room = Text(), self.size.width
        for key in self._keys:
            shown = key.shown.partition(" ")[0]
            if text and room < len(shown) + 1 + len(key.label):
                text.append("\n")
                room = self.size.width
            action = key.action if "." in key.action else f"screen.{key.action}"
            click = Style(meta={"@click": action})
            text.append(shown, style("head") + click)
            text.append(f" {key.label}", click)
            text.append("  ")
            room -= len(shown) + len(key.label) + 3
        self.update(text)


class Prompt(Vertical):
    """One line to type in, and a line below it for what is wrong with it.

    `check` says that, or is silent; it is asked at every letter.
    """

    DEFAULT_CSS = """
    Prompt { height: auto; dock: bottom; display: none; }
    Prompt Input { height: 1; border: none; padding: 0; width: 1fr; background: transparent; }
    Prompt Input:focus { border: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [("escape", "cancel", "")]

    class Said(Message):
        """What was typed, at Enter; None at Escape."""

        def __init__(self, prompt: Prompt, words: str | None) -> None:
            super().__init__()
            self.prompt = prompt
            self.words = words

        @property
        def control(self) -> Prompt:
            return self.prompt

    def __init__(
        self,
        label: str,
        check: Callable[[str], list[Piece]] | None = None,
        *,
        id: str,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self._label = label
        self._check = check
        self._input = Input(compact=True, select_on_focus=False)
        self._below = Plain()

    def compose(self) -> ComposeResult:
        """The label, the line, and what is wrong."""
        above = Plain()
        above.show((self._label, "head"))
        yield above
        yield self._input
        yield self._below

    def ask(self, words: str) -> None:
        """Let it be typed."""
        self.display = True
        self._input.value = words
        self._input.cursor_position = len(words)
        self._judge(words)
        self._input.focus()

    def tell(self, *pieces: Piece) -> None:
        """Say what is wrong."""
        self._below.display = bool(pieces)
        self._below.show(*pieces)

    def _judge(self, words: str) -> bool:
        wrong = self._check(words) if self._check is not None and words.strip() else []
        self.tell(*wrong)
        return not wrong

    def on_input_changed(self, event: Input.Changed) -> None:
        """A letter more or less."""
        event.stop()
        self._judge(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter; what is wrong stays where it is."""
        event.stop()
        if self._judge(event.value):
            self.post_message(self.Said(self, event.value))

    def action_cancel(self) -> None:
        """Escape."""
        self.post_message(self.Said(self, None))

    def close(self) -> None:
        """Take it away."""
        self.display = False

    def on_key(self, event: events.Key) -> None:
        """Letters are for the line, not for the screen."""
        if event.is_printable:
            event.stop()
