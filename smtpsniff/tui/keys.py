"""The keys of every screen: one table for what they do, the bar at the bottom, and the help.

Where sngrep has a key for it, it is the same key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from textual.binding import Binding

if TYPE_CHECKING:
    from textual.binding import BindingType

__all__ = ["MOVING", "SCREENS", "Key", "bindings"]


class Key(NamedTuple):
    """`keys` as textual names them, `shown` as people do; `label` is for the bar, if not empty."""

    keys: str
    shown: str
    action: str
    label: str
    meaning: str


_SEARCH = (
    Key("slash", "/", "search", "search", "look for words; Enter goes there"),
    Key("n", "n", "again(1)", "", "the next line with these words"),
    Key("N", "N", "again(-1)", "", "the one before"),
)
_EVERYWHERE = (
    Key("question_mark,f1", "? F1", "help", "help", "all keys"),
    Key("Q,ctrl+c", "Q Ctrl-C", "app.leave", "", "leave the program"),
)
_BACK = Key("escape,q,backspace", "Esc q", "back", "back", "back to the screen before")
_SAVE = Key("f2,s", "s F2", "save", "save", "save as packets (.pcapng) or text (.txt)")
_RAW = Key("r", "r", "raw", "raw", "the text of the line beside it, or not")
_TIME = Key("t,w", "t w", "time", "time", "the next form of times: since the start, of day ...")

SCREENS: dict[str, tuple[Key, ...]] = {
    "sessions": (
        Key("enter", "Enter", "show", "show", "open the session; on two marked ones: compare"),
        *_SEARCH,
        Key("f7,f", "f F7", "filter", "filter", "only sessions as an expression wants them"),
        Key("space", "Space", "mark", "mark", "mark the session, to compare or save"),
        Key("c", "c", "compare", "compare", "the two that are marked, side by side"),
        _SAVE,
        Key("i", "i", "figures", "figures", "counts, causes, waits of the sessions shown"),
        Key("less_than_sign", "<", "sort(-1)", "", "sort by the column to the left (or click it)"),
        Key("greater_than_sign", ">", "sort(1)", "sort", "sort by the column to the right"),
        Key("z", "z", "turn", "", "turn the order round"),
        Key("p", "p", "pause", "", "let the list stand still while more sessions come"),
        Key("A", "A", "follow", "", "stay with the newest session"),
        Key("u", "u", "unmark", "", "take away all marks"),
        Key("escape", "Esc", "clear", "", "take away the filter"),
        *_EVERYWHERE,
        Key("q", "q", "app.leave", "quit", "leave the program"),
    ),
    "session": (
        _RAW,
        Key("d", "d", "details", "details", "addresses, TLS, envelope, digests, times"),
        Key("e", "e", "finding(1)", "finding", "the next finding"),
        Key("E", "E", "finding(-1)", "", "the finding before"),
        *_SEARCH,
        _TIME,
        Key("left,h,left_parenthesis", "← h", "step(-1)", "", "the session above in the list"),
        Key("right,l,right_parenthesis", "→ l", "step(1)", "next", "the session below in the list"),
        Key("space", "Space", "mark", "mark", "mark the session, to compare or save"),
        Key("c", "c", "compare", "", "with the one that is marked"),
        _SAVE,
        *_EVERYWHERE,
        _BACK,
    ),
    "compare": (
        _RAW,
        Key("n,e", "n e", "difference(1)", "next", "the next difference"),
        Key("N,E", "N E", "difference(-1)", "before", "the difference before"),
        _TIME,
        *_EVERYWHERE,
        _BACK,
    ),
    "text": (*_SEARCH, *_EVERYWHERE, _BACK),
}  # fmt: skip

MOVING = (
    ("↑ ↓ k j", "a line up, down"),
    ("PgUp PgDn", "a page up, down (Ctrl-B Ctrl-F; half of one: Ctrl-U Ctrl-D)"),
    ("Home End g G", "to the first, the last line"),
    ("mouse", "click: go there; twice: open; heads: sort; keys below: press"),
)


def bindings(screen: str) -> list[BindingType]:
    """What textual needs to know."""
    return [Binding(key.keys, key.action, show=False) for key in SCREENS[screen]]
