"""Makes pages, and reads back what is packed in them."""

from __future__ import annotations

import base64
import html
import json
import re
import zlib
from typing import TYPE_CHECKING, Any

from smtpsniff.output.report.entry import Entry, EntryRenderer
from smtpsniff.output.report.page import Page
from smtpsniff.records import Dropped, FileInfo, Run, Timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smtpsniff.records import Session

_PACKED = re.compile(r'<script type="text/plain" id="(index|block-\d+)">([A-Za-z0-9+/=]*)</script>')


def run_record(sessions: int, path: str = "mail.pcap") -> Run:
    """The run record of a made-up run over one file."""
    file = FileInfo(path, 1000, "pcap", 10, Timestamp(0), Timestamp(1))
    return Run("1.0", [file], [], Dropped(), 10, sessions, sessions, {}, {}, [])


def page_of(entries: Iterable[Entry], path: str = "mail.pcap") -> str:
    """The page that has these entries."""
    page = Page()
    number = 0
    for entry in entries:
        number += 1
        page.add(entry)
    return page.html(run_record(number, path), "smtpsniff report mail.pcap", {})


def entries_of(sessions: Iterable[Session], files: list[str] | None = None) -> list[Entry]:
    """The entries of sessions, numbered."""
    renderer = EntryRenderer(files or ["mail.pcap"])
    entries = []
    for number, session in enumerate(sessions, 1):
        session.number = number
        entries.append(renderer.number(renderer.render(session), number))
    return entries


def unpacked(page: str) -> tuple[list[list[Any]], dict[int, dict[str, Any]]]:
    """The rows of a page's list, and each session's account by its number."""
    parts = {
        name: zlib.decompress(base64.b64decode(data)).decode()
        for name, data in _PACKED.findall(page)
    }
    rows = json.loads(parts["index"])
    accounts = {row[0]: json.loads(parts[f"block-{row[-2]}"].split("\n")[row[-1]]) for row in rows}
    return rows, accounts


def words(page: str) -> str:
    """The page's own HTML as text, without scripts and styles."""
    page = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]*>", " ", page))
