"""SQL over the tables, in an engine that can reach nothing else.

DuckDB holds the tables in memory. No statement can read or write a file, load an extension,
see a Python object, or undo any of this: the configuration is locked before a query is run.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from smtpsniff.output.tables.arrow import Batches
from smtpsniff.output.tables.columns import SESSION, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.output.tables.columns import Table
    from smtpsniff.output.tables.rows import Numbered

__all__ = ["Database", "QueryError", "create", "tables_in"]

_CLOSED = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "temp_directory": "",  # what does not fit into memory is an error: nothing goes to a disk
    "python_enable_replacements": "false",
}
SQL_KINDS = {
    "int": "BIGINT", "float": "DOUBLE", "bool": "BOOLEAN", "text": "VARCHAR",
    "time": "TIMESTAMP",  # UTC, microseconds: what the engine's functions of time take
}  # fmt: skip
_TIME = pa.timestamp("us")
_READS = frozenset({"SELECT", "EXPLAIN"})
_AT_ONCE = 1000  # rows that are fetched together
_LINE = re.compile(r"\n\nLINE \d+: (?P<line>.*)\n(?P<before> *)\^", re.DOTALL)


class QueryError(Exception):
    """A query that cannot be run; `str()` is one line, `below` shows the place, if it is known."""

    def __init__(self, message: str, *below: str) -> None:
        super().__init__(message)
        self.below = below


def create(table: Table) -> str:
    """The table as a statement of SQL."""
    columns = ", ".join(f'"{c.name}" {SQL_KINDS[c.kind]}' for c in (SESSION, *table.columns))
    return f'CREATE TABLE "{table.name}" ({columns})'


def tables_in(sql: str) -> frozenset[str]:
    """The tables that a query can mean: those whose name is in it. Others need not be filled."""
    words = set(re.findall(r"\w+", sql.lower()))
    return frozenset(table.name for table in TABLES if table.name in words)


class Database:
    """The tables and one query. Raises `QueryError`, before any row is there if it can be."""

    def __init__(self, sql: str) -> None:
        self._sql = sql.strip().rstrip(";")
        self._connection = duckdb.connect(":memory:", config=dict(_CLOSED))
        for table in TABLES:
            self._connection.execute(create(table))
        self._connection.execute("SET lock_configuration = true")
        self._batches = Batches(self._insert)
        self._check()

    def _check(self) -> None:
        """Find what is wrong with the query while that costs nothing."""
        try:
            statements = self._connection.extract_statements(self._sql)
        except duckdb.Error as error:
            raise _told(error) from None
        if len(statements) != 1:
            raise QueryError(f"a query is one statement; this is {len(statements) or 'none'}")
        kind = statements[0].type.name
        if kind not in _READS:
            raise QueryError(f"only SELECT is answered; this is {kind.replace('_', ' ')}")
        if kind == "SELECT":
            try:
                self._connection.execute(f"EXPLAIN {self._sql}")
            except duckdb.Error as error:
                raise _told(error, len("EXPLAIN ")) from None

    def add(self, numbered: Numbered) -> None:
        """The rows of one session."""
        self._batches.add(numbered)

    def _insert(self, table: str, batch: pa.RecordBatch) -> None:
        columns = [
            column.cast(_TIME, safe=False) if pa.types.is_timestamp(column.type) else column
            for column in batch.columns
        ]
        self._connection.register("batch", pa.table(columns, names=batch.schema.names))
        self._connection.execute(f'INSERT INTO "{table}" SELECT * FROM batch')
        self._connection.unregister("batch")

    def answer(self) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
        """The names of the result's columns, and its rows."""
        self._batches.finish()
        try:
            cursor = self._connection.execute(self._sql)
        except duckdb.Error as error:
            raise _told(error) from None
        return [column[0] for column in cursor.description or ()], _rows(cursor)


def _rows(cursor: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    try:
        while rows := cursor.fetchmany(_AT_ONCE):
            yield from rows
    except duckdb.Error as error:
        raise _told(error) from None


def _told(error: duckdb.Error, ahead: int = 0) -> QueryError:
    """The engine's error as a line; the query's own line and a mark below it."""
    text = str(error)
    place = _LINE.search(text)
    head = text[: place.start()] if place else text
    message = " ".join(line.strip() for line in head.splitlines() if line.strip())
    if place is None:
        return QueryError(message)
    line, before = place["line"], len(place["before"]) - len("LINE 1: ")
    if ahead and line.startswith("EXPLAIN "):
        line, before = line[ahead:], before - ahead
    return QueryError(message, line, " " * max(before, 0) + "^")
