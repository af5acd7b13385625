"""Rows as Arrow record batches, of which Parquet files and SQL tables are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from smtpsniff.output.tables.columns import SESSION, TABLES, Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtpsniff.output.tables.rows import Numbered

__all__ = ["Batches", "schema_of"]

# Rows that are gathered: a row group of Parquet. Enough for it to pay, few enough to be held:
# 64 Ki rows of the widest table are some 30 MB as Python objects.
ROWS = 1 << 16

_KINDS = {
    "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(), "text": pa.string(),
    "time": pa.timestamp("ns", tz="UTC"),
}  # fmt: skip
_FEWEST, _MOST = -(1 << 63), (1 << 63) - 1  # of a 64-bit integer


def schema_of(table: Table) -> pa.Schema:
    """The table's columns with their types; what they mean is in each field's metadata."""
    return pa.schema(
        [
            pa.field(column.name, _KINDS[column.kind], metadata={"about": column.about})
            for column in (SESSION, *table.columns)
        ],
        metadata={"smtpsniff": f"table/1 {table.name}", "about": table.about},
    )


class Batches:
    """Gathers rows, and hands each table's batches to `emit(table, batch)`."""

    def __init__(self, emit: Callable[[str, pa.RecordBatch], None]) -> None:
        self._emit = emit
        self._rows: list[list[tuple[Any, ...]]] = [[] for _ in TABLES]
        self._schemas = [schema_of(table) for table in TABLES]

    def add(self, numbered: Numbered) -> None:
        """The rows of one session."""
        number, rendered = numbered
        for index, rows in enumerate(rendered):
            held = self._rows[index]
            held += [(number, *row) for row in rows]
            if len(held) >= ROWS:
                self._flush(index)

    def finish(self) -> None:
        """What is left."""
        for index in range(len(TABLES)):
            self._flush(index)

    def _flush(self, index: int) -> None:
        rows, self._rows[index] = self._rows[index], []
        schema = self._schemas[index]
        for start in range(0, len(rows), ROWS):  # one session can have more
            columns = zip(*rows[start : start + ROWS], strict=True)
            arrays = [
                _array(values, field.type) for values, field in zip(columns, schema, strict=True)
            ]
            self._emit(TABLES[index].name, pa.RecordBatch.from_arrays(arrays, schema=schema))


def _array(values: tuple[Any, ...], kind: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, kind)
    except (UnicodeEncodeError, OverflowError, pa.ArrowInvalid):
        # The wire can say anything: half a surrogate pair, a number beyond 64 bits.
        return pa.array([_representable(value) for value in values], kind)


def _representable(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, int) and not _FEWEST <= value <= _MOST:
        return None
    return value
