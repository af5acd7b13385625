"""Ask a capture in SQL: five tables of sessions, mails, recipients, events and findings.

The tables are made anew for each query, and the query can reach nothing but them. Only those
that it names are filled. Times are UTC; smtpsniff query --tables has the columns.

Examples:
  smtpsniff query --tables
  smtpsniff query mail.pcap "SELECT outcome, count(*) FROM sessions GROUP BY 1"
  # failures by the recipients' domain
  smtpsniff query mail.pcap "SELECT domain, reason, count(*) AS failed
    FROM recipients WHERE outcome IN ('rejected', 'deferred')
    GROUP BY ALL ORDER BY failed DESC"
  # the slowest servers
  smtpsniff query mail.pcap "SELECT server_ip, count(*) AS sessions,
    round(median(delay_server), 3) AS median,
    round(max(delay_server), 3) AS longest
    FROM sessions GROUP BY ALL ORDER BY median DESC LIMIT 10"
  # put off, and accepted later
  smtpsniff query mail.pcap "SELECT late.address, early.session AS put_off,
    late.session AS accepted
    FROM recipients early JOIN recipients late USING (address)
    WHERE early.outcome = 'deferred' AND late.outcome = 'accepted'
    AND late.session > early.session"
  # what was said in the sessions that a check has something to say of
  smtpsniff query mail.pcap "SELECT session, entry, party, e.text, f.check_id
    FROM events e JOIN findings f USING (session, entry)" --format csv
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from smtpsniff.cli import status
from smtpsniff.cli.errors import UsageError
from smtpsniff.cli.extras import need
from smtpsniff.cli.options import add_format, add_reading, take_filter
from smtpsniff.cli.streams import Output, paint_for

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from smtpsniff.output.tables.sql import Database

# How a query begins, with what may stand before; a file may be called like any of these.
_QUERY = re.compile(
    r"\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*|\(\s*)*"
    r"(?:select|with|from|explain|describe|show|summarize|values|pivot|unpivot|table)\b.*\s",
    re.IGNORECASE | re.DOTALL,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Files, the query, and the options of reading."""
    parser.add_argument("words", nargs="*", metavar="FILE SQL", help="capture files; the query")
    parser.add_argument(
        "-r", dest="more", action="append", default=[], metavar="FILE", help="a capture file"
    )
    parser.add_argument("--tables", action="store_true", help="show the tables and their columns")
    add_format(parser, "a row of the result", ("csv",))
    add_reading(parser)


def run(args: argparse.Namespace) -> int:
    """Read the files, answer the query."""
    if args.tables:
        return _tables(args)
    files, sql = _what(args)
    need("query", "smtpsniff query")

    from smtpsniff.cli.running import Reading
    from smtpsniff.output.tables import TableRenderer
    from smtpsniff.output.tables.sql import Database, QueryError, tables_in

    try:
        database = Database(sql)
        reading = Reading(files, args, TableRenderer(tables_in(sql)))
        for rows in reading:
            database.add(rows)
        _answer(database, args)
    except QueryError as error:
        raise UsageError(str(error), *error.below) from None
    return reading.finish()


def _answer(database: Database, args: argparse.Namespace) -> None:
    from smtpsniff.output.tables.result import FORMS

    output = Output()
    names, rows = database.answer()
    paint = paint_for(output, args.color)
    for line in FORMS[args.format](names, rows, paint, output.terminal):
        output.line(line)
    output.flush()


def _what(args: argparse.Namespace) -> tuple[list[str], str]:
    """Files and the query; behind it there may be a packet filter."""
    words: list[str] = args.words
    at = next(
        (
            i
            for i, word in enumerate(words)
            if _QUERY.match(f"{word} ") and not os.path.exists(word)
        ),
        len(words) - 1,
    )
    files = [*words[: max(at, 0)], *args.more]
    if not words or not files:
        raise UsageError('what is asked of which file? smtpsniff query FILE "SELECT ..."')
    behind = take_filter(words[at + 1 :], args)
    if behind:
        raise UsageError(f"{behind[0]!r} behind the query is no packet filter")
    return files, words[at]


def _tables(args: argparse.Namespace) -> int:
    """The schema, for people or for programs."""
    from smtpsniff.output.tables import TABLES
    from smtpsniff.output.tables.columns import SESSION
    from smtpsniff.output.tables.result import FORMS

    output = Output()
    paint = paint_for(output, args.color)
    if args.format != "text":
        rows = (
            (table.name, column.name, column.kind, column.about)
            for table in TABLES
            for column in (SESSION, *table.columns)
        )
        names = ["table", "column", "type", "about"]
        for line in FORMS[args.format](names, rows, paint, output.terminal):
            output.line(line)
    else:
        for line in _schema(args, output):
            output.line(line)
    output.flush()
    return status.FINE


def _schema(args: argparse.Namespace, output: Output) -> Iterator[str]:
    from smtpsniff.output.paint import pad, wrap
    from smtpsniff.output.tables import TABLES
    from smtpsniff.output.tables.columns import SESSION

    paint = paint_for(output, args.color)
    for table in TABLES:
        yield f"{paint(table.name, 'head')}: {table.about}"
        columns = (SESSION, *table.columns)
        width = max(len(column.name) for column in columns)
        room = None if paint.width is None else paint.width - width - 11
        for column in columns:
            for index, line in enumerate(wrap(column.about, room)):
                name, kind = (column.name, column.kind) if not index else ("", "")
                yield f"  {pad(name, width)}  {pad(kind, 5)}  {line}".rstrip()
        yield ""
    yield "Rows of one session have its number; times are UTC, durations and delays seconds."
