"""What the tests of the command line pass around."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass
class Result:
    """What a command came to."""

    status: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        """Standard output as text."""
        return self.raw.decode()

    @property
    def said(self) -> str:
        """The one line on standard error."""
        assert self.err.startswith("smtpsniff: "), self.err
        assert self.err.count("\n") == 1, self.err
        assert self.err.endswith("\n")
        return self.err[len("smtpsniff: ") : -1]


class Cli(Protocol):
    """Runs a command: `cli("show", path, 1)`."""

    def __call__(self, *words: object) -> Result: ...


class Write(Protocol):
    """Makes a file of octets."""

    def __call__(self, octets: bytes, name: str = ...) -> Path: ...


Shipped = Callable[[str], Path]
