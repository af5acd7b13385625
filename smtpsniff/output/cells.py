"""Cells of tables that spreadsheets open."""

from __future__ import annotations

__all__ = ["no_formula"]

_FORMULA = ("=", "+", "-", "@")


def no_formula(text: str) -> str:
    """Text that a spreadsheet takes for text: an apostrophe stands before what begins a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
