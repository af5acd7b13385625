"""The list of checks: as a table, as Markdown, as records."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from smtpsniff.checks.choice import EVERYTHING
from smtpsniff.output.paint import wrap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smtpsniff.checks import Check
    from smtpsniff.checks.choice import Choice
    from smtpsniff.checks.registry import Threshold
    from smtpsniff.output.paint import Paint

__all__ = ["as_markdown", "as_record", "as_text", "setting"]

_COLUMNS = ("id", "group", "severity", "reference", "sentence", "trigger", "advice", "traps")


def _by_group(checks: Sequence[Check]) -> Iterator[tuple[str, list[Check]]]:
    from smtpsniff.checks.registry import GROUPS

    def place(check: Check) -> int:
        return GROUPS.index(check.group) if check.group in GROUPS else len(GROUPS)

    for group, members in groupby(sorted(checks, key=place), key=lambda check: check.group):
        yield group, sorted(members, key=lambda check: check.id)


def as_record(check: Check, choice: Choice = EVERYTHING) -> dict[str, object]:
    """All that is told of a check."""
    record: dict[str, object] = {name: getattr(check, name) for name in _COLUMNS}
    record["thresholds"] = [
        {
            "name": t.id, "value": choice.value(t), "default": t.default, "unit": t.unit,
            "least": t.least, "meaning": t.meaning,
        }
        for t in check.thresholds
    ]  # fmt: skip
    return record


def setting(threshold: Threshold, choice: Choice) -> str:
    """``greeting-slow.after = 20 s (default 5)``: the default where it is not in force."""
    value, default = choice.value(threshold), threshold.default
    changed = f" (default {default:g})" if value != default else ""
    unit = f" {threshold.unit}" if threshold.unit else ""
    return f"{threshold.id} = {value:g}{unit}{changed}"


def as_text(checks: Sequence[Check], paint: Paint, choice: Choice = EVERYTHING) -> Iterator[str]:
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
            for threshold in check.thresholds:
                yield indent + paint(setting(threshold, choice), "dim")
    yield ""
    yield f"{len(checks)} checks; smtpsniff explain ID says more of each"


def as_markdown(checks: Sequence[Check], choice: Choice = EVERYTHING) -> Iterator[str]:
    """A table for each group."""
    for group, members in _by_group(checks):
        yield f"## {group}"
        yield ""
        yield "| check | severity | finds | thresholds | reference |"
        yield "| --- | --- | --- | --- | --- |"
        for check in members:
            thresholds = "; ".join(setting(t, choice) for t in check.thresholds)
            cells = (f"`{check.id}`", check.severity, check.sentence, thresholds, check.reference)
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
        yield ""
