"""Redacted, no output has in it what the session named: on every capture of the corpus."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import smtpsniff
from corpus.corpus_files import files
from smtpsniff.checks import CATALOGUE
from smtpsniff.output.json import JsonRenderer
from smtpsniff.output.ladder import ladder
from smtpsniff.output.others import format_of
from smtpsniff.output.paint import Paint
from smtpsniff.output.redact import Redactor
from smtpsniff.output.report.entry import EntryRenderer
from smtpsniff.output.story import story as lines_of
from smtpsniff.output.tables import TableRenderer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.records import Session

SHORT = 5  # a shorter value is found in any output, by chance
# Words that any output may have: those of the checks and of our own pages.
ROOT = Path(__file__).parents[2]
OURS = frozenset(
    re.findall(
        r"\w+",
        "\n".join([
            *((ROOT / page).read_text(encoding="utf-8") for page in ("README.md", "CHANGELOG.md")),
            *(repr(check) for check in CATALOGUE),
        ]).casefold(),
    )
)  # fmt: skip


def _values(session: Session) -> Iterator[str | None]:
    """What is to be found nowhere."""
    yield from (session.client.ip, session.server.ip)
    if session.helo is not None:
        yield session.helo.name.strip("[]")
    for layer in session.encapsulation or ():
        yield from (layer.source, layer.destination, layer.host)
    for login in session.auth or ():
        yield from (login.user, login.authzid)
    for mail in session.transactions:
        for address in (mail.mail_from, *(person.address for person in mail.recipients)):
            yield address
            yield (address or "").rpartition("@")[2]
            yield (address or "").rpartition("@")[0]
        replies = (mail.reply, *(person.final for person in mail.recipients))
        yield from (reply.queue_id for reply in replies if reply is not None)
        if mail.message is not None:
            message = mail.message
            yield from (message.subject, message.message_id, message.sha256)
            for people in (message.from_, message.to, message.cc):
                yield from re.findall(r"[^\s<>\",;]+@[^\s<>\",;]+", people or "")
                yield from re.findall(r"^\"?([^<>\",;@]+)\"? <", people or "")
            for attachment in message.attachments or ():
                yield from (attachment.filename, attachment.md5, attachment.sha256)
    if session.tls is not None:
        yield session.tls.sni
        for certificate in session.tls.certificates or ():
            yield from certificate.names


def originals(session: Session) -> set[str]:
    """Those that can be told from words of the protocol and of ours."""
    found = {(value or "").strip().casefold() for value in _values(session)}
    return {
        value
        for value in found
        if len(value) >= SHORT and value not in OURS
    }  # fmt: skip


def views(session: Session) -> Iterator[str]:
    """All that is made of a session."""
    yield JsonRenderer().render(session).decode()
    yield "\n".join(lines_of(session, ["a capture"], 6, Paint(None)))
    yield "\n".join(lines_of(session, ["a capture"], 6, Paint(80), ladder))
    yield EntryRenderer(["a capture"]).render(session).data.decode()
    yield repr(TableRenderer().render(session))
    for name in ("csv", "zeek", "eve"):
        yield repr(format_of(name).render(session))


def _appears(value: str, text: str) -> bool:
    """Whole: 10.0.0.1 is not in 10.0.0.12."""
    return value in text and bool(re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text))


@pytest.mark.timeout(600)
def test_nothing_that_was_named_is_told(corpus: Path) -> None:
    redactor = Redactor(b"a key of this test")
    leaks = []
    looked = 0
    for path in files(corpus):
        try:
            for session in smtpsniff.read(path, attachments=True):
                values = originals(session)
                looked += len(values)
                redactor.session(session)
                for index, view in enumerate(views(session)):
                    folded = view.casefold()
                    leaks += [
                        (path.name, session.number, index, v) for v in values if _appears(v, folded)
                    ]
        except smtpsniff.CaptureError:
            continue
    assert looked > 1000
    assert not leaks, leaks[:40]


def test_neither_do_stories_tell(corpus: Path) -> None:
    leaks = []
    told = 0
    for path in files(corpus):
        try:
            values = {v for session in smtpsniff.read(path) for v in originals(session)}
            for story in smtpsniff.read_stories(path, every=True, redact=b"a key of this test"):
                told += 1
                text = JsonRenderer().story(story).decode().casefold()
                leaks += [(path.name, value) for value in values if _appears(value, text)]
        except smtpsniff.CaptureError:
            continue
    assert told > 50
    assert not leaks, leaks[:40]
