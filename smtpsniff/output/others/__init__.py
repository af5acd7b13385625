"""Records in the shapes of other tools: CSV, Zeek's logs, Suricata's EVE.

Each format is a renderer, which may work in another process (`render`, `number`), with the bytes
that stand before and after all records (`head`, `end`). Text is safe to show in all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from smtpsniff.records import Session

    class Format(Protocol):
        """What `read` needs of a format."""

        def render(self, session: Session) -> bytes:
            """The lines of a session whose number is not known yet."""

        def number(self, rendered: bytes, number: int) -> bytes:
            """The same lines, with the number."""

        def head(self) -> bytes:
            """What stands before all sessions."""

        def end(self) -> bytes:
            """What stands after them."""


__all__ = ["FORMATS", "format_of"]

FORMATS: dict[str, str] = {
    "csv": "a row for each recipient, for spreadsheets",
    "zeek": "Zeek's smtp.log",
    "zeek-files": "Zeek's files.log of attachments",
    "zeek-json": "both of Zeek's logs, a JSON object a line",
    "eve": "Suricata's events: smtp, tls, and with --attachments fileinfo",
}


def format_of(name: str) -> Format:
    """The renderer of one of `FORMATS`."""
    from smtpsniff.output.others import csv, eve, zeek

    makers: dict[str, Callable[[], Format]] = {
        "csv": csv.Csv, "zeek": zeek.SmtpLog, "zeek-files": zeek.FilesLog,
        "zeek-json": zeek.JsonLogs, "eve": eve.Eve,
    }  # fmt: skip
    return makers[name]()
