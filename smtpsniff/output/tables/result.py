"""What a query brought, as lines: an aligned table, CSV, or JSON."""

from __future__ import annotations

import csv
import datetime
import io
from decimal import Decimal
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import msgspec

from smtpsniff.output.cells import no_formula
from smtpsniff.output.paint import cells, fit, pad
from smtpsniff.text import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from smtpsniff.output.paint import Paint

__all__ = ["FORMS"]

MEASURED = 500  # rows that decide the widths
NARROWEST = 8  # columns that a cut value keeps
GAP = "  "


def _plain(value: Any) -> Any:  # noqa: ANN401
    """The value as JSON can have it. Times are UTC, as in the records."""
    if isinstance(value, datetime.datetime):
        return f"{value.replace(tzinfo=None).isoformat()}Z"
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, float) and value != value:
        return None
    if value is None or isinstance(value, (str, int, float)):
        return value
    return str(value)


def _word(value: Any) -> str:  # noqa: ANN401
    """The value in a cell."""
    value = _plain(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return msgspec.json.encode(value).decode() if isinstance(value, (list, dict)) else str(value)


def _table(
    names: list[str], rows: Iterator[tuple[Any, ...]], paint: Paint, terminal: bool
) -> Iterator[str]:
    """Numbers to the right, the rest to the left; on a terminal cut to its width."""
    first = list(islice(rows, MEASURED))
    right = [
        any(row[i] is not None for row in first)
        and all(_is_number(row[i]) or row[i] is None for row in first)
        for i in range(len(names))
    ]
    head = [safe(name) for name in names]
    shown = [[safe(_word(value)) for value in row] for row in first]
    widths = [max(map(cells, column)) for column in zip(head, *shown, strict=True)]
    if paint.width is not None:
        _narrow(widths, paint.width - len(GAP) * (len(widths) - 1))

    def line(values: list[str]) -> str:
        return GAP.join(
            _laid(value, width, right=side, cut=paint.width is not None)
            for value, width, side in zip(values, widths, right, strict=True)
        ).rstrip()

    yield paint(line(head), "head")
    for values in chain(shown, ([safe(_word(value)) for value in row] for row in rows)):
        yield line(values)


def _is_number(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _laid(value: str, width: int, *, right: bool, cut: bool) -> str:
    if cut:
        value = fit(value, width)
    return " " * (width - cells(value)) + value if right else pad(value, width)


def _narrow(widths: list[int], room: int) -> None:
    """Take from the widest until all fit, or none can give more."""
    while sum(widths) > room:
        widest = max(range(len(widths)), key=widths.__getitem__)
        if widths[widest] <= NARROWEST:
            return
        second = max((w for i, w in enumerate(widths) if i != widest), default=0)
        spare = sum(widths) - room
        widths[widest] = max(widths[widest] - spare, NARROWEST, min(second, widths[widest] - 1))


def _csv(
    names: list[str], rows: Iterable[tuple[Any, ...]], paint: Paint, terminal: bool
) -> Iterator[str]:
    """RFC 4180 with LF; what could drive a terminal or a spreadsheet is made mere text."""
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="")
    for row in chain([tuple(names)], rows):
        writer.writerow(map(_cell, row))
        yield held.getvalue()
        held.seek(0)
        held.truncate()


def _cell(value: Any) -> str:  # noqa: ANN401
    """A cell; what begins like a formula gets an apostrophe in front."""
    text = safe(_word(value))
    return no_formula(text) if isinstance(value, str) else text


def _object(names: list[str], row: tuple[Any, ...], terminal: bool) -> str:
    record = msgspec.json.encode(dict(zip(names, map(_plain, row), strict=True)))
    if terminal:
        from smtpsniff.output.json import harmless

        record = harmless(record)
    return record.decode()


def _unique(names: list[str]) -> list[str]:
    """Names as keys: ``count``, ``count_2`` ..."""
    keys: list[str] = []
    for name in names:
        key, n = name, 1
        while key in keys:
            n += 1
            key = f"{name}_{n}"
        keys.append(key)
    return keys


def _ndjson(
    names: list[str], rows: Iterable[tuple[Any, ...]], paint: Paint, terminal: bool
) -> Iterator[str]:
    keys = _unique(names)
    for row in rows:
        yield _object(keys, row, terminal)


def _json(
    names: list[str], rows: Iterable[tuple[Any, ...]], paint: Paint, terminal: bool
) -> Iterator[str]:
    before = "["
    for record in _ndjson(names, rows, paint, terminal):
        yield before + record
        before = ","
    yield "]" if before == "," else "[]"


FORMS: dict[
    str, Callable[[list[str], Iterator[tuple[Any, ...]], Paint, bool], Iterator[str]]
] = {"text": _table, "csv": _csv, "ndjson": _ndjson, "json": _json}  # fmt: skip
