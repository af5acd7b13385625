"""A list of any length with a cursor in it. Only the lines on the screen are ever drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from smtpsniff.tui.style import segment

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events
    from textual.binding import BindingType

    from smtpsniff.tui.style import Piece

__all__ = ["Lines"]

Draw = "Callable[[int, int], list[Piece]]"
CURSOR = Style(reverse=True)


class Lines(ScrollView, can_focus=True):
    """`draw(index, width)` gives the pieces of a line. Keys are those of sngrep, less and vi."""

    DEFAULT_CSS = """
    Lines { height: 1fr; width: 1fr; overflow-x: hidden; overflow-y: scroll;
            scrollbar-size-vertical: 1; scrollbar-background: ansi_default;
            scrollbar-color: ansi_bright_black; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup,ctrl+b", "page(-1)", show=False),
        Binding("pagedown,ctrl+f", "page(1)", show=False),
        Binding("ctrl+u", "page(-0.5)", show=False),
        Binding("ctrl+d", "page(0.5)", show=False),
        Binding("home,g", "go(0)", show=False),
        Binding("end,G", "go(-1)", show=False),
    ]

    class Moved(Message):
        """The cursor is on another line."""

        def __init__(self, lines: Lines) -> None:
            super().__init__()
            self.lines = lines

        @property
        def control(self) -> Lines:
            return self.lines

    class Chosen(Moved):
        """A line was clicked twice."""

    def __init__(self, draw: Callable[[int, int], list[Piece]], *, id: str | None = None) -> None:  # noqa: A002 (textual's name)
        super().__init__(id=id)
        self._pieces = draw
        self.count = 0
        self.cursor = 0

    @property
    def room(self) -> int:
        """Columns of a line."""
        return self.scrollable_content_region.width

    def reset(self, count: int, cursor: int | None = None) -> None:
        """There are so many lines now; they may have changed."""
        self.count = count
        self.virtual_size = Size(0, count)
        self.refresh()
        self.go(self.cursor if cursor is None else cursor, always=cursor is not None)

    def go(self, index: int, *, always: bool = True) -> None:
        """Put the cursor on a line, or on the nearest there is."""
        index = max(0, min(index, self.count - 1))
        moved = index != self.cursor
        self.cursor = index
        if moved or always:
            self._show_cursor()
            self.refresh()
            self.post_message(self.Moved(self))

    def _show_cursor(self) -> None:
        height = max(self.size.height, 1)
        top = self.scroll_offset.y
        if self.cursor < top:
            top = self.cursor
        elif self.cursor >= top + height:
            top = self.cursor - height + 1
        else:
            return
        # The range of scrolling is brought up to date only with the next layout.
        self.call_after_refresh(self.scroll_to, y=top, animate=False, force=True)
        self.scroll_to(y=top, animate=False, force=True)

    def action_move(self, lines: int) -> None:
        """Up or down."""
        self.go(self.cursor + lines)

    def action_page(self, pages: float) -> None:
        """Up or down by pages."""
        self.go(self.cursor + int(pages * max(self.size.height - 1, 2)))

    def action_go(self, index: int) -> None:
        """To the first line or the last."""
        self.go(index if index >= 0 else self.count - 1)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where it was clicked; a double click chooses."""
        index = self.scroll_offset.y + event.y
        if index >= self.count:
            return
        self.go(index)
        if event.chain > 1:
            self.post_message(self.Chosen(self))

    def on_resize(self) -> None:
        """Lines may have become more or fewer on the screen."""
        self._show_cursor()

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        width = self.room
        index = self.scroll_offset.y + y
        if index >= self.count:
            return Strip.blank(width, self.rich_style)
        strip = Strip(map(segment, self._pieces(index, width))).adjust_cell_length(width)
        return strip.apply_style(CURSOR) if index == self.cursor else strip
