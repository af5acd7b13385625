"""Our records, turned to what other tools state of a session."""

from __future__ import annotations

import hashlib
import re
from email.utils import getaddresses
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import smtpsniff
from smtpsniff.mail.contents import Contents
from smtpsniff.output.extract.keeping import Extractor
from smtpsniff.pipeline import Runner, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.output.extract.keeping import Extracted
    from smtpsniff.records import Session

ADDRESS = re.compile(r"[^\s<>\",;]+@[^\s<>\",;]+")
COMMANDS = ("command", "auth", "end-of-data")
REPLIES = ("greeting", "reply")


class Event(NamedTuple):
    """One mail of a session, as other tools log it; a session without mail is one event too.

    `replies` are those from its first command to the next mail, without the answer to QUIT.
    """

    session: Any
    transaction: Any | None
    index: int
    replies: list[str]


@lru_cache
def sessions_in(path: Path) -> tuple[Any, ...]:
    """All sessions of a capture, ordered by number; none where it cannot be read."""
    try:
        return tuple(sorted(smtpsniff.read(path), key=lambda session: session.number))
    except smtpsniff.CaptureError:
        return ()


def events_of(session: Session) -> list[Event]:
    """The mails of a session."""
    if not session.transactions:
        return [Event(session, None, 0, _replies(session, 0, 1 << 30))]
    begins = [i for i, e in enumerate(session.timeline) if e.verb == "MAIL"]
    if len(begins) != len(session.transactions):
        begins = [0] * len(session.transactions)
    ends = [*begins[1:], 1 << 30]
    return [
        Event(session, transaction, index, _replies(session, begin, end))
        for index, (transaction, begin, end) in enumerate(
            zip(session.transactions, begins, ends, strict=True)
        )
    ]


def _replies(session: Session, begin: int, end: int) -> list[str]:
    found = []
    for entry in session.timeline:
        if entry.kind not in REPLIES or not entry.code:
            continue
        asked = entry.answers if entry.answers is not None else begin
        if begin <= asked < end and session.timeline[asked].verb != "QUIT":
            found.append(
                f"{entry.code} {entry.text.splitlines()[-1] if entry.text else ''}".strip()
            )
    return found


def fields_of(event: Event) -> list[tuple[str, str]]:
    """Header fields of the message, if there is one."""
    message = event.transaction.message if event.transaction is not None else None
    return message.headers if message is not None else []


def header(event: Event, name: str) -> list[str]:
    """Values of a header field."""
    return [value for field, value in fields_of(event) if field.lower() == name]


def addresses(texts: list[str]) -> set[str]:
    """Address of each mailbox in address lists, in lower case."""
    found = {address.lower() for _, address in getaddresses(texts) if "@" in address}
    return found or {address.lower() for text in texts for address in ADDRESS.findall(text)}


def dialogue(session: Session, both: bool) -> list[tuple[str, ...]]:
    """(C, verb, argument) and (S, code, line) in order; only the client's where not `both`."""
    lines: list[tuple[str, ...]] = []
    for entry in session.timeline:
        if entry.kind in COMMANDS:
            verb = {"auth": "**", "end-of-data": "."}.get(entry.kind, entry.verb)
            argument = entry.text[len(entry.verb) :].strip() if entry.kind == "command" else ""
            lines.append(("C", verb, argument))
        elif both and entry.kind in REPLIES:
            lines += [("S", entry.code, text) for text in (entry.text.split("\n"))]
    return lines


def count(session: Session, what: str) -> int:
    """Commands of a verb (``n_mail_commands``), replies of a class (``replies_2xx``)."""
    if what.startswith("replies_"):
        return sum(e.kind in REPLIES and e.code[0] == what[8] for e in session.timeline)
    verb = what.split("_")[1].upper()
    return sum(e.verb == verb for e in session.timeline)


def md5(text: str) -> str:
    """Hex digest of a text."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class Piece(NamedTuple):
    """A part of a message, decoded, or the message itself (`content_type` is None)."""

    client_port: int
    filename: str | None
    content_type: str | None
    size: int
    digests: dict[str, str]
    sniffed: str | None
    urls: tuple[str, ...] = ()  # of the whole message


@lru_cache
def pieces_in(path: Path) -> tuple[Piece, ...]:
    """Every part of every message of a capture, and the messages themselves."""
    with TemporaryDirectory(prefix="pieces-") as work:
        extractor = Extractor(work, frozenset())
        try:
            runner = Runner([str(path)], Settings(keeper=extractor), extractor, 1)
        except smtpsniff.CaptureError:
            return ()
        found = [piece for extracted in runner for piece in _pieces(extracted)]
    return tuple(found)


def _pieces(extracted: Extracted) -> Iterator[Piece]:
    port = extracted.session.client.port
    for message in extracted.messages:
        if message.kept is None:
            continue
        path = message.kept.path
        raw = message.kept.data if path is None else Path(path).read_bytes()
        digests = {name: hashlib.new(name, raw).hexdigest() for name in ("md5", "sha1", "sha256")}
        contents = Contents(everything=True, urls=True)
        contents.feed(raw, 0, len(raw))
        contents.close()
        urls = tuple(contents.urls.found) if contents.urls is not None else ()
        yield Piece(port, None, None, len(raw), digests, "message/rfc822", urls)
        for part in contents.found:
            digests = {name: digest.hexdigest() for name, digest in part.digests.items()}
            yield Piece(
                port, part.part.filename, part.part.content_type, part.size, digests, part.sniffed
            )
