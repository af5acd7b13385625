"""`read --format parquet`: a file for each table, as other tools read them."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from smtpsniff import read
from smtpsniff.output.tables import TABLES

if TYPE_CHECKING:
    from pathlib import Path

    from cli_console import Cli, Shipped

REFUSED = "refused-recipient"


def _write(cli: Cli, path: Path, folder: Path, *words: str) -> str:
    found = cli("read", path, "--format", "parquet", "-d", folder, "--fail-on", "never", *words)
    assert found.status == 0, found.err
    return found.out


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_files_have_what_the_records_have(
    jobs: str, cli: Cli, shipped: Shipped, tmp_path: Path
) -> None:
    out = _write(cli, shipped(REFUSED), tmp_path / "out", "--jobs", jobs)
    (session,) = read(shipped(REFUSED))
    tables = {table.name: pq.read_table(tmp_path / "out" / f"{table.name}.parquet") for table in TABLES}  # fmt: skip
    assert out.splitlines()[0] == "sessions.parquet  1 row"
    assert tables["events"]["text"].to_pylist() == [entry.text for entry in session.timeline]
    (row,) = tables["sessions"].to_pylist()
    assert row["session"] == 1
    start = datetime.datetime.fromtimestamp(session.start / 1e9, datetime.UTC)
    assert abs(row["start_time"] - start) < datetime.timedelta(microseconds=2)
    assert {s for table in tables.values() for s in table["session"].to_pylist()} == {1}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        f"{table.name}.parquet" for table in TABLES
    )


def test_nothing_is_overwritten_unasked(cli: Cli, shipped: Shipped, tmp_path: Path) -> None:
    out = tmp_path / "out"
    _write(cli, shipped(REFUSED), out)
    before = (out / "sessions.parquet").read_bytes()
    again = ("read", shipped("accepted"), "--format", "parquet", "-d", out)
    found = cli(*again)
    assert (found.status, found.out) == (2, "")
    assert "--force" in found.said
    assert (out / "sessions.parquet").read_bytes() == before
    _write(cli, shipped("accepted"), out, "--force")
    assert pq.read_table(out / "sessions.parquet")["outcome"].to_pylist() == ["delivered"]


def test_a_file_in_the_way_of_another_table_is_left_alone(
    cli: Cli, shipped: Shipped, tmp_path: Path
) -> None:
    (tmp_path / "events.parquet").write_text("mine")
    found = cli("read", shipped(REFUSED), "--format", "parquet", "-d", tmp_path)
    assert found.status == 2
    assert (tmp_path / "events.parquet").read_text() == "mine"


def test_what_is_missing_is_said(
    cli: Cli, shipped: Shipped, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "-d DIR" in cli("read", shipped(REFUSED), "--format", "parquet").said
    assert "--format parquet" in cli("read", shipped(REFUSED), "-d", tmp_path).said
    monkeypatch.setattr("smtpsniff.cli.extras.find_spec", lambda name: None)
    said = cli("read", shipped(REFUSED), "--format", "parquet", "-d", tmp_path).said
    assert said == "--format parquet needs pyarrow: pip install 'smtpsniff[parquet]'"
