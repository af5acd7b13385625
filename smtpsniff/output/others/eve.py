"""Suricata's EVE: events of the types smtp, fileinfo and tls, a JSON object a line.

Names and types are those of Suricata's own schema (etc/schema.json). What it has no place for, the
verdict and the session's number, stands under `smtpsniff`.
"""

from __future__ import annotations

from email.utils import getaddresses
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from smtpsniff.output.others.ids import flow_id
from smtpsniff.records import rfc3339
from smtpsniff.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.records import Attachment, Certificate, Session, TlsFacts, Transaction

__all__ = ["Eve"]

# As in `JsonRenderer`: a number nobody else writes, replaced when it is known.
_UNNUMBERED = b'"session":0,'
MOST_ADDRESSES = 100  # of a header


class Eve:
    """The events."""

    def head(self) -> bytes:
        """Nothing."""
        return b""

    def end(self) -> bytes:
        """Nothing."""
        return b""

    def __getstate__(self) -> dict[str, Any]:
        return {}

    @cached_property
    def _encoder(self) -> msgspec.json.Encoder:
        return msgspec.json.Encoder()

    def render(self, session: Session) -> bytes:
        """The lines of a session whose number is not known yet."""
        return b"".join(self._encoder.encode(event) + b"\n" for event in events(session))

    def number(self, rendered: bytes, number: int) -> bytes:
        """The same lines, with the number."""
        return b"".join(
            line.replace(_UNNUMBERED, b'"session":%d,' % number, 1)
            for line in rendered.splitlines(keepends=True)
        )


def events(session: Session) -> Iterator[dict[str, Any]]:
    """TLS first, then for each mail the mail and its attachments; a session without mail is one."""
    if session.tls is not None:
        yield _event(session, "tls", session.start, session.tls.frame, tls=_tls(session.tls))
    if session.protocol not in ("smtp", "lmtp"):
        return
    helo = {"helo": safe(session.helo.name)} if session.helo is not None else {}
    if not session.transactions:
        yield _event(session, "smtp", session.end, session.last_frame, tx_id=0, smtp=helo)
    for index, mail in enumerate(session.transactions):
        frame, time = _settled(session, mail)
        smtp = helo | _envelope(mail)
        email = _email(mail)
        yield _event(session, "smtp", time, frame, tx_id=index, smtp=smtp, email=email)
        for file in (mail.message.attachments if mail.message is not None else None) or ():
            yield _event(
                session, "fileinfo", time, frame, smtp=smtp, email=email,
                fileinfo=_fileinfo(file, index),
            )  # fmt: skip


def _event(
    session: Session, kind: str, time: int, frame: int | None, **more: object
) -> dict[str, Any]:
    stamp = rfc3339(time)[:-1] + "+0000"
    event: dict[str, Any] = {
        "timestamp": stamp, "flow_id": flow_id(session), "event_type": kind,
        "src_ip": session.client.ip, "src_port": session.client.port,
        "dest_ip": session.server.ip, "dest_port": session.server.port, "proto": "TCP",
        "app_proto": "tls" if session.protocol == "tls" else "smtp",
        "community_id": session.community_id,
    }  # fmt: skip
    if frame:
        event["pcap_cnt"] = frame
    verdict = session.verdict
    return event | more | {
        "smtpsniff": {
            "session": 0, "outcome": verdict.outcome, "cause": verdict.cause,
            "verdict": safe(verdict.text),
        }
    }  # fmt: skip


def _settled(session: Session, mail: Transaction) -> tuple[int, int]:
    """Frame and time of the reply that ended a mail; else those of the session's end."""
    frame = mail.reply.frame if mail.reply is not None else 0
    for entry in session.timeline:
        if frame and entry.frame == frame:
            return frame, entry.time
    return session.last_frame, session.end


def _envelope(mail: Transaction) -> dict[str, Any]:
    """With brackets, as Suricata has them."""
    found: dict[str, Any] = {}
    if mail.mail_from is not None:
        found["mail_from"] = f"<{safe(mail.mail_from)}>"
    if mail.recipients:
        found["rcpt_to"] = [f"<{safe(person.address)}>" for person in mail.recipients]
    return found


def _email(mail: Transaction) -> dict[str, Any]:
    message = mail.message
    if message is None:
        return {"status": "PARSE_NONE"}
    email: dict[str, Any] = {"status": "PARSE_DONE" if message.complete else "PARSE_ERROR"}
    if message.from_ is not None:
        email["from"] = safe(message.from_)
    for name, header in (("to", message.to), ("cc", message.cc)):
        if header is not None:
            people = getaddresses([header])[:MOST_ADDRESSES]
            email[name] = [safe(_person(*person)) for person in people if any(person)]
    for name, value in (
        ("subject", message.subject), ("date", message.date), ("message_id", message.message_id)
    ):  # fmt: skip
        if value is not None:
            email[name] = safe(value)
    names = [safe(file.filename) for file in message.attachments or () if file.filename]
    return email | {"attachment": names} if names else email


def _person(name: str, address: str) -> str:
    return f"{name} <{address}>" if name and address else address or name


def _fileinfo(file: Attachment, index: int) -> dict[str, Any]:
    info: dict[str, Any] = {
        "filename": safe(file.filename or ""), "gaps": file.sha256 is None,
        "state": "CLOSED" if file.sha256 is not None else "TRUNCATED", "stored": False,
        "size": file.size, "tx_id": index,
    }  # fmt: skip
    digests = {"md5": file.md5, "sha1": file.sha1, "sha256": file.sha256}
    return info | {name: value for name, value in digests.items() if value is not None}


def _tls(tls: TlsFacts) -> dict[str, Any]:
    facts: dict[str, Any] = {"version": tls.version or "UNDETERMINED"}
    if tls.sni is not None:
        facts["sni"] = safe(tls.sni)
    if tls.resumed:
        facts["session_resumed"] = True
    if tls.ja3 is not None:
        facts["ja3"] = {"hash": tls.ja3}
    if tls.ja3s is not None:
        facts["ja3s"] = {"hash": tls.ja3s}
    if tls.ja4 is not None:
        facts["ja4"] = tls.ja4
    if tls.alpn:
        facts["server_alpns"] = [safe(name) for name in tls.alpn]
    return facts | (_certificate(tls.certificates[0]) if tls.certificates else {})


def _certificate(own: Certificate) -> dict[str, Any]:
    found: dict[str, Any] = {
        "subject": safe(own.subject), "issuerdn": safe(own.issuer), "serial": own.serial,
        "subjectaltname": [safe(name) for name in own.names],
    }  # fmt: skip
    for name, value in (("notbefore", own.not_before), ("notafter", own.not_after)):
        if value is not None:
            found[name] = rfc3339(value, 0)[:-1]
    return found
