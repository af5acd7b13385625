"""`query`: SQL on the tables of a capture, and on nothing else."""

from __future__ import annotations

import csv
import io
import json
import sys
from typing import TYPE_CHECKING

import pytest
from dialogue import capture

if TYPE_CHECKING:
    from pathlib import Path

    from cli_console import Cli, Shipped, Write

REFUSED = "refused-recipient"


def test_a_table_for_people(cli: Cli, shipped: Shipped) -> None:
    found = cli(
        "query", shipped(REFUSED), "--fail-on", "never",
        "SELECT transaction, address, outcome FROM recipients ORDER BY transaction",
    )  # fmt: skip
    assert found.status == 0
    assert found.out.splitlines() == [
        "transaction  address           outcome",
        "          1  bne@example.com   rejected",
        "          2  anna@example.com  accepted",
    ]


def test_findings_count_for_the_status_as_everywhere(cli: Cli, shipped: Shipped) -> None:
    assert cli("query", shipped(REFUSED), "SELECT 1").status == 1


@pytest.mark.parametrize("form", ["ndjson", "json", "csv"])
def test_for_programs(form: str, cli: Cli, shipped: Shipped) -> None:
    sql = "SELECT start_time, server_port, complete, mail_from FROM sessions JOIN transactions USING (session) LIMIT 1"
    out = cli("query", shipped(REFUSED), sql, "--format", form).out
    if form == "csv":
        (row,) = csv.DictReader(io.StringIO(out))
        assert (row["server_port"], row["mail_from"]) == ("25", "billing@example.net")
    else:
        row = json.loads(out)[0] if form == "json" else json.loads(out)
        assert (row["server_port"], row["complete"]) == (25, None)
    assert row["start_time"] == "2026-11-23T22:58:45.849814Z"


def test_names_that_are_there_twice_keep_both_values(cli: Cli, shipped: Shipped) -> None:
    out = cli("query", shipped(REFUSED), "SELECT 1 AS a, 2 AS a", "--json").out
    assert json.loads(out) == {"a": 1, "a_2": 2}


@pytest.mark.parametrize(
    ("sql", "said", "place"),
    [
        ("SELECT outcom FROM sessions", "outcom", "outcom FROM"),
        ("SELECT * FRM sessions", "syntax error", "sessions"),
        ("SELECT * FROM nowhere", "nowhere", "nowhere"),
    ],
)
def test_a_mistake_is_shown_where_it_is(
    sql: str, said: str, place: str, cli: Cli, shipped: Shipped
) -> None:
    found = cli("query", shipped(REFUSED), sql)
    assert (found.status, found.out) == (2, "")
    line, text, mark = found.err.splitlines()
    assert said in line
    assert text[mark.index("^") :].startswith(place)


def test_mistakes_are_told_before_anything_is_read(cli: Cli, tmp_path: Path) -> None:
    assert "nowhere" in cli("query", tmp_path / "absent.pcap", "SELECT * FROM nowhere").err


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('{secret}')", "SELECT * FROM '{secret}'",
        "SELECT * FROM read_csv('{secret}')", "SELECT * FROM glob('{folder}/*')",
        "SELECT * FROM read_blob('{folder}/*')", "SELECT * FROM sniff_csv('{secret}')",
        "SELECT * FROM pragma_storage_info('x'); SELECT 1", "SELECT getenv('HOME')",
        "COPY sessions TO '{folder}/out.csv'", "EXPORT DATABASE '{folder}/out'",
        "ATTACH '{folder}/out.db'", "INSTALL httpfs", "LOAD httpfs",
        "SET enable_external_access = true", "PRAGMA enable_profiling", "CREATE TABLE x (a INT)",
        "DROP TABLE sessions", "SELECT * FROM batch", "SELECT * FROM TABLES",
        "EXPLAIN ANALYZE COPY sessions TO '{folder}/out.csv'", "EXPLAIN ANALYZE SET threads = 1",
    ],
)  # fmt: skip
def test_nothing_outside_can_be_reached(
    sql: str, cli: Cli, shipped: Shipped, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("do not tell")
    found = cli("query", shipped(REFUSED), sql.format(secret=secret, folder=tmp_path))
    assert (found.status, found.out) == (2, "")
    assert "do not tell" not in found.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret.txt"]


def test_wire_text_cannot_drive_a_terminal_or_a_spreadsheet(cli: Cli, write: Write) -> None:
    path = write(capture('S "220 \\x1b[2Jmx\\r\\n"\nC "EHLO =1+1\\r\\n"\nS "250 ok\\r\\n"\n@Q'))
    sql = "SELECT greeting_text, helo FROM sessions"
    for form in ("text", "csv"):
        out = cli("query", path, sql, "--format", form).out
        assert "\x1b" not in out
        assert "\\x1b[2Jmx" in out
    assert "'=1+1" in out


def test_selecting_sessions_and_packets(cli: Cli, shipped: Shipped) -> None:
    path = shipped(REFUSED)
    sql = "SELECT count(*) AS n FROM sessions"
    assert json.loads(cli("query", path, sql, "--json", "--where", "number == 9").out) == {"n": 0}
    assert json.loads(cli("query", path, sql, "--json", "port", 26).out) == {"n": 0}
    assert json.loads(cli("query", path, sql, "--json").out) == {"n": 1}


def test_the_schema(cli: Cli) -> None:
    out = cli("query", "--tables").out
    assert "recipients: one row a RCPT" in out
    rows = [json.loads(line) for line in cli("query", "--tables", "--json").out.splitlines()]
    assert {"table": "events", "column": "entry"}.items() <= rows[
        next(i for i, row in enumerate(rows) if row["column"] == "entry")
    ].items()


def test_what_is_missing_is_said(
    cli: Cli, shipped: Shipped, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "FILE" in cli("query").said
    assert "FILE" in cli("query", shipped(REFUSED)).said
    monkeypatch.setattr("smtpsniff.cli.extras.find_spec", lambda name: None)
    said = cli("query", shipped(REFUSED), "SELECT 1").said
    assert said.endswith("needs duckdb and pyarrow: pip install 'smtpsniff[query]'")


def test_examples_of_the_help_run(cli: Cli, shipped: Shipped) -> None:
    import re

    import smtpsniff.cli.query as module

    queries = re.findall(r'mail\.pcap "([^"]+)"', module.__doc__ or "")
    assert len(queries) >= 5
    for sql in queries:
        found = cli("query", shipped(REFUSED), "--fail-on", "never", sql)
        assert (found.status, found.err) == (0, "")


def test_other_commands_do_without_the_engine(cli: Cli, shipped: Shipped) -> None:
    import subprocess

    code = (
        "import sys; from smtpsniff.cli.main import main; main(['read', sys.argv[1]]);"
        "sys.exit('duckdb' in sys.modules or 'pyarrow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, shipped(REFUSED)], capture_output=True)
    assert done.returncode == 0
