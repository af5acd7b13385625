"""Colours of the screen: those of the lines that other commands print (output/paint.py)."""

from __future__ import annotations

from functools import cache

from rich.segment import Segment
from rich.style import Style

from smtpsniff.output.paint import STYLES, cells, fit, pad

__all__ = ["Piece", "fill", "segment", "style"]

Piece = tuple[str, str]  # text that is safe to show, and its meaning in `STYLES`, or ""


@cache
def style(meaning: str) -> Style:
    """The colour of a meaning; also ``reverse`` and the like, as rich names them."""
    return Style.parse(STYLES.get(meaning, meaning)) if meaning else Style.null()


def segment(piece: Piece) -> Segment:
    """A piece as the screen draws it."""
    return Segment(piece[0], style(piece[1]))


def fill(text: str, width: int, right: bool = False) -> str:
    """Text in exactly so many columns, cut with an ellipsis or filled up."""
    if width <= 0:
        return ""
    text = fit(text, width)
    return " " * (width - cells(text)) + text if right else pad(text, width)
