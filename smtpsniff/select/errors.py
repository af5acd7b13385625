"""What is wrong with an expression, and where."""

from __future__ import annotations


class WhereError(Exception):
    """`str()` is one line; `text` is the expression, `at` the place in it."""

    def __init__(self, reason: str, text: str, at: int) -> None:
        super().__init__(reason)
        self.text = text
        self.at = at
