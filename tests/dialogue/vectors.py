"""The vectors: for each check, dialogues in which it must speak and some in which it must not.

A file of `tests/vectors` is named after the check. A line `TRIGGER` or `NEAR` begins a
dialogue; `TRIGGER also ID ...` names further checks that must speak in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "vectors"
_HEADER = re.compile(r"(TRIGGER|NEAR)(?:[ ]+also((?:[ ]+[\w-]+)+))?[ ]*$")


@dataclass(frozen=True, slots=True)
class Vector:
    """One dialogue: `kind` is TRIGGER or NEAR; `number` counts them within id and kind."""

    id: str
    kind: str
    text: str
    number: int = 1
    also: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the name of the test case."""
        return f"{self.id}-{self.kind.lower()}" + (f"-{self.number}" if self.number > 1 else "")


@cache
def vectors() -> tuple[Vector, ...]:
    """Return all vectors, ordered by id."""
    files = sorted(FOLDER.glob("*.txt"))
    return tuple(
        vector
        for path in files
        if path.stem != "macros"
        for vector in split_vectors(path.stem, path.read_text(encoding="utf-8"))
    )


def split_vectors(name: str, text: str) -> list[Vector]:
    """Read the vectors of one file; what stands before the first header is a comment."""
    found: list[Vector] = []
    counts = {"TRIGGER": 0, "NEAR": 0}
    header: re.Match[str] | None = None
    lines: list[str] = []
    for line in [*text.splitlines(), "NEAR"]:
        match = _HEADER.match(line)
        if not match:
            lines.append(line)
            continue
        if header:
            counts[header[1]] += 1
            also = tuple((header[2] or "").split())
            body = "\n".join(lines).strip("\n") + "\n"
            found.append(Vector(name, header[1], body, counts[header[1]], also))
        header, lines = match, []
    return found
