"""What can be wrong with a capture: unreadable from the start, or damaged on the way."""

from __future__ import annotations

from dataclasses import dataclass

STANDARD_INPUT = "-"


def shown(path: str) -> str:
    """The name of a file for people."""
    return "standard input" if path == STANDARD_INPUT else path


class CaptureError(Exception):
    """A capture that cannot be read at all; `str()` is one line for people."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{shown(path)}: {reason}")
        self.path = path
        self.reason = reason

    def __reduce__(self) -> tuple[type[CaptureError], tuple[str, str]]:
        """Pickle by the two arguments, so that the error survives a process boundary."""
        return type(self), (self.path, self.reason)


@dataclass(frozen=True, slots=True)
class Damage:
    """Where a capture stopped making sense; everything before was delivered.

    `offset` counts bytes from the start of the file or, for a compressed file, of the
    uncompressed stream; `reason` says so then.
    """

    path: str
    offset: int
    reason: str

    def __str__(self) -> str:
        return f"{shown(self.path)}: damaged at byte {self.offset}: {self.reason}"
