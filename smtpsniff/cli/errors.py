"""What a person did wrong on the command line, told in one line."""

from __future__ import annotations


class UsageError(Exception):
    """The command line asks for something that cannot be done; `str()` is one line.

    `below` are lines that show what it speaks of.
    """

    def __init__(self, message: str, *below: str) -> None:
        super().__init__(message)
        self.below = below
