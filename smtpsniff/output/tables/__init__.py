"""The records as five flat tables, for Parquet and for SQL: one definition of both."""

from __future__ import annotations

from smtpsniff.output.tables.columns import TABLES, Column, Table
from smtpsniff.output.tables.rows import TableRenderer

__all__ = ["TABLES", "Column", "Table", "TableRenderer"]
