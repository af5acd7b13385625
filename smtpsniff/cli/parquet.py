"""`read --format parquet`: the tables as files, one each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.cli.errors import UsageError
from smtpsniff.cli.extras import need
from smtpsniff.cli.streams import Output

if TYPE_CHECKING:
    import argparse


def write(files: list[str], args: argparse.Namespace) -> int:
    """Read the files, write the tables, say what was written."""
    if not args.folder:
        raise UsageError("where to? smtpsniff read FILE --format parquet -d DIR")
    need("parquet", "--format parquet")

    from smtpsniff.cli.running import Reading
    from smtpsniff.output.extract.folder import Folder, FolderError
    from smtpsniff.output.tables import TableRenderer
    from smtpsniff.output.tables.parquet import FILES, ParquetTables
    from smtpsniff.output.units import count

    output = Output()
    try:
        with (
            Folder(args.folder, force=args.force, own=FILES.values()) as folder,
            ParquetTables(folder) as tables,
        ):
            reading = Reading(files, args, TableRenderer())
            reading.progress.also = output.pause
            for rows in reading:
                tables.add(rows)
            tables.finish()
    except FolderError as error:
        raise UsageError(str(error)) from None
    for name, file in FILES.items():
        output.line(f"{file}  {count(tables.rows[name], 'row')}")
    output.flush()
    return reading.finish()
