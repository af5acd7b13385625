"""Colour and width: what a line may look like where it goes.

Colours are of the middle of the 256: readable on black and on white, which neither yellow nor
cyan nor dark blue is. They repeat what a word or a glyph says, never more.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

__all__ = ["STYLES", "Paint", "cells", "fit", "pad", "wrap"]

STYLES = {
    "error": "bold color(160)",
    "warning": "bold color(130)",
    "note": "color(244)",
    "good": "color(28)",
    "head": "bold",
    "dim": "color(244)",
    "client": "color(32)",
    "server": "color(28)",
}


class Paint:
    """Colours text by meaning; `width` is that of the terminal, None where lines may be long."""

    def __init__(
        self, width: int | None = None, codes: dict[str, tuple[str, str]] | None = None
    ) -> None:
        self.width = width
        self._codes = codes or {}

    def __call__(self, text: str, meaning: str) -> str:
        before, after = self._codes.get(meaning, ("", ""))
        return f"{before}{text}{after}" if before and text else text

    @classmethod
    def coloured(cls, stream: TextIO, width: int | None) -> Paint:
        """The colours that `stream` can show: rich knows the terminals."""
        from rich.color import ColorSystem
        from rich.console import COLOR_SYSTEMS, Console
        from rich.style import Style

        console = Console(file=stream, force_terminal=True)
        if console.legacy_windows:  # it would print the codes
            return cls(width)
        system = COLOR_SYSTEMS.get(console.color_system or "", ColorSystem.STANDARD)
        codes = {}
        for meaning, style in STYLES.items():
            before, _, after = Style.parse(style).render("\0", color_system=system).partition("\0")
            codes[meaning] = (before, after)
        return cls(width, codes)


def cells(text: str) -> int:
    """Columns that text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(map(_cells_of, text))


def _cells_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def pad(text: str, width: int) -> str:
    """Text filled up with blanks to so many columns."""
    return text + " " * (width - cells(text))


def fit(text: str, width: int) -> str:
    """Text cut to so many columns, the cut shown by an ellipsis."""
    if cells(text) <= width:
        return text
    return _cut(text, width - 1)[0] + "…"


def _cut(text: str, width: int) -> tuple[str, str]:
    """Text in two, the first part at most so many columns wide, but never empty."""
    if text.isascii():
        return text[: max(width, 1)], text[max(width, 1) :]
    used = 0
    for index, character in enumerate(text):
        used += _cells_of(character)
        if used > width and index:
            return text[:index], text[index:]
    return text, ""


def wrap(text: str, width: int | None) -> list[str]:
    """Text in lines of at most so many columns, broken at blanks where there are any."""
    if width is None or cells(text) <= width:
        return [text]
    width = max(width, 8)
    lines = []
    line = ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if cells(joined) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        while cells(word) > width:
            head, word = _cut(word, width)
            lines.append(head)
        line = word
    if line:
        lines.append(line)
    return lines
