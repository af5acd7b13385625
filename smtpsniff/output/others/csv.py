"""CSV (RFC 4180): a row for each recipient, one for a session or mail without any.

A cell that a spreadsheet would take for a formula gets an apostrophe in front, which makes text
of it there.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from smtpsniff.output.cells import no_formula
from smtpsniff.records import rfc3339
from smtpsniff.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.records import Recipient, Session, Transaction

__all__ = ["Csv"]

COLUMNS = (
    "session", "start", "duration", "client_ip", "client_port", "server_ip", "server_port",
    "community_id", "helo", "starttls", "user", "session_outcome", "cause", "ended", "mail",
    "mail_from", "outcome", "recipient", "recipient_outcome", "reason", "code", "enhanced",
    "reply", "frame", "subject", "message_id", "size", "sha256", "queue_id", "verdict",
)  # fmt: skip


def _cell(value: object) -> str:
    """Text that is only text."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return str(value)
    return no_formula(safe(value))


class Csv:
    """The rows."""

    def head(self) -> bytes:
        """The names of the columns."""
        return (",".join(COLUMNS) + "\r\n").encode()

    def end(self) -> bytes:
        """Nothing."""
        return b""

    def render(self, session: Session) -> bytes:
        """Rows without their first cell, which is the session's number."""
        text = io.StringIO()
        writer = csv.writer(text)
        for cells in _rows(session):
            writer.writerow(map(_cell, cells))
        return text.getvalue().encode()

    def number(self, rendered: bytes, number: int) -> bytes:
        """The same rows, with the number in front; no cell has a line end in it."""
        return b"".join(b"%d,%b" % (number, row) for row in rendered.splitlines(keepends=True))


def _rows(session: Session) -> Iterator[list[object]]:
    before = _of_session(session)
    verdict = session.verdict.text
    if not session.transactions:
        yield [*before, *[None] * (len(COLUMNS) - len(before) - 2), verdict]
    for index, mail in enumerate(session.transactions, 1):
        message = mail.message
        after = [
            message.subject if message else None, message.message_id if message else None,
            message.size if message else None, message.sha256 if message else None,
            mail.reply.queue_id if mail.reply else None, verdict,
        ]  # fmt: skip
        people: list[Recipient | None] = [*mail.recipients]
        for person in people or [None]:
            yield [*before, index, mail.mail_from, mail.outcome, *_of(person, mail), *after]


def _of_session(session: Session) -> list[object]:
    client, server = session.client, session.server
    users = ", ".join(auth.user for auth in session.auth or () if auth.user)
    return [
        rfc3339(session.start), f"{session.duration:.6f}", client.ip, client.port, server.ip,
        server.port, session.community_id, session.helo.name if session.helo else None,
        session.starttls, users or None, session.verdict.outcome, session.verdict.cause,
        session.ended,
    ]  # fmt: skip


def _of(person: Recipient | None, mail: Transaction) -> list[object]:
    """A recipient, and the reply that settled it."""
    if person is None:
        reply = mail.reply
        if reply is None:
            return [None] * 7
        return [None, None, None, reply.code, reply.enhanced, reply.text, reply.frame]
    final = person.final
    if final is not None:
        settled = [final.code, final.enhanced, final.text, final.frame]
    else:
        settled = [person.code, person.enhanced, person.text, person.frame]
    return [person.address, person.outcome, person.reason, *settled]
