"""The list of checks: as a table, as Markdown, as records."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from smtpsniff.output.paint import wrap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smtpsniff.checks import Check
    from smtpsniff.output.paint import Paint

__all__ = ["as_markdown", "as_record", "as_text"]

_COLUMNS = ("id", "group", "severity", "reference", "sentence", "trigger", "advice", "traps")


def _by_group(checks: Sequence[Check]) -> Iterator[tuple[str, list[Check]]]:
    from smtpsniff.checks.registry import GROUPS

    def place(check: Check) -> int:
        return GROUPS.index(check.group) if check.group in GROUPS else len(GROUPS)

    for group, members in groupby(sorted(checks, key=place), key=lambda check: check.group):
        yield group, sorted(members, key=lambda check: check.id)


def as_record(check: Check) -> dict[str, str]:
    """All that is told of a check."""
    return {name: getattr(check, name) for name in _COLUMNS}


def as_text(checks: Sequence[Check], paint: Paint) -> Iterator[str]:
    """A section for each group, a line or two for each check."""
    widest = max((len(check.id) for check in checks), default=0)
    # Beside the id where there is room, under it where there is not.
    beside = paint.width is None or paint.width >= widest + 12 + 40
    indent = " " * (widest + 13 if beside else 11)
    for number, (group, members) in enumerate(_by_group(checks)):
        if number:
            yield ""
        yield paint(group, "head")
        for check in members:
            severity = paint(f"{check.severity:<7}", check.severity)
            width = None if paint.width is None else paint.width - len(indent)
            rows = wrap(check.sentence, width)
            if beside:
                yield f"  {severity}  {check.id:<{widest}}  {rows.pop(0)}"
            else:
                yield f"  {severity}  {check.id}"
            for row in rows:
                yield indent + row
    yield ""
    yield f"{len(checks)} checks; smtpsniff explain ID says more of each"


def as_markdown(checks: Sequence[Check]) -> Iterator[str]:
    """A table for each group."""
    for group, members in _by_group(checks):
        yield f"## {group}"
        yield ""
        yield "| check | severity | finds | reference |"
        yield "| --- | --- | --- | --- |"
        for check in members:
            cells = (f"`{check.id}`", check.severity, check.sentence, check.reference)
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
        yield ""
