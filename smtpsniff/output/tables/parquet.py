"""A folder with one Parquet file for each table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from smtpsniff.output.tables.arrow import Batches, schema_of
from smtpsniff.output.tables.columns import TABLES

if TYPE_CHECKING:
    import pyarrow as pa

    from smtpsniff.output.extract.folder import Folder
    from smtpsniff.output.tables.rows import Numbered

__all__ = ["FILES", "ParquetTables"]

FILES = {table.name: f"{table.name}.parquet" for table in TABLES}


class ParquetTables:
    """Writes rows as they come; the files get their names in `finish`, all of them whole."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._files = {name: folder.new(file) for name, file in FILES.items()}
        self._writers = {
            table.name: pq.ParquetWriter(
                self._files[table.name], schema_of(table), compression="zstd"
            )
            for table in TABLES
        }
        self._batches = Batches(self._write)
        self.rows = dict.fromkeys(FILES, 0)

    def __enter__(self) -> ParquetTables:
        return self

    def __exit__(self, *_: object) -> None:
        """Writers that are let go open would write to files that are closed."""
        for writer in self._writers.values():
            writer.close()

    def add(self, numbered: Numbered) -> None:
        """The rows of one session."""
        self._batches.add(numbered)

    def finish(self) -> None:
        """Write what is left, and give the files their names."""
        self._batches.finish()
        for name, file in FILES.items():
            self._writers[name].close()
            self._files[name].close()
            self._folder.publish(self._files[name].name, file)

    def _write(self, table: str, batch: pa.RecordBatch) -> None:
        self._writers[table].write_batch(batch)
        self.rows[table] += len(batch)
