"""Zeek's smtp.log and files.log, as tab-separated values and as JSON.

Fields and types are those of Zeek's own scripts (base/protocols/smtp/main.zeek,
base/frameworks/files/main.zeek); `community_id` is the last column, as Zeek's policy of that name
adds it to conn.log, so that the logs join with real ones. A field that is not known is unset.
"""

from __future__ import annotations

import re
from functools import cached_property
from ipaddress import ip_address
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from smtpsniff.output.others.ids import file_id, uid
from smtpsniff.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.records import Attachment, Message, Session, Transaction

__all__ = ["FILES", "SMTP", "FilesLog", "JsonLogs", "SmtpLog"]

SMTP: dict[str, str] = {
    "ts": "time", "uid": "string", "id.orig_h": "addr", "id.orig_p": "port", "id.resp_h": "addr",
    "id.resp_p": "port", "trans_depth": "count", "helo": "string", "mailfrom": "string",
    "rcptto": "set[string]", "date": "string", "from": "string", "to": "set[string]",
    "cc": "set[string]", "reply_to": "string", "msg_id": "string", "in_reply_to": "string",
    "subject": "string", "x_originating_ip": "addr", "first_received": "string",
    "second_received": "string", "last_reply": "string", "path": "vector[addr]",
    "user_agent": "string", "tls": "bool", "fuids": "vector[string]", "community_id": "string",
}  # fmt: skip
FILES: dict[str, str] = {
    "ts": "time", "fuid": "string", "uid": "string", "id.orig_h": "addr", "id.orig_p": "port",
    "id.resp_h": "addr", "id.resp_p": "port", "source": "string", "depth": "count",
    "analyzers": "set[string]", "mime_type": "string", "filename": "string",
    "duration": "interval", "local_orig": "bool", "is_orig": "bool", "seen_bytes": "count",
    "total_bytes": "count", "missing_bytes": "count", "overflow_bytes": "count",
    "timedout": "bool", "parent_fuid": "string", "md5": "string", "sha1": "string",
    "sha256": "string", "extracted": "string", "extracted_cutoff": "bool",
    "extracted_size": "count", "community_id": "string",
}  # fmt: skip
_ADDRESS = re.compile(r"\[(?:IPv6:)?((?:\d{1,3}\.){3}\d{1,3}|[0-9a-f:]*:[0-9a-f:.]+)\]", re.I)
MOST_ADDRESSES = 100  # of a header, and of the path


class Event(NamedTuple):
    """One line of a log: its fields by name, those that are set."""

    path: str
    fields: dict[str, Any]


# -- what the fields hold ------------------------------------------------------------------


def events(session: Session) -> Iterator[Event]:
    """The lines of both logs for one session: one for each mail, or one for a session without."""
    if session.protocol not in ("smtp", "lmtp"):
        return
    for depth, mail in enumerate(session.transactions or [None], 1):
        files = list(_files(session, mail, depth)) if mail is not None else []
        yield Event("smtp", _smtp(session, mail, depth, [f.fields["fuid"] for f in files]))
        yield from files


def _connection(session: Session) -> dict[str, Any]:
    return {
        "uid": uid(session), "id.orig_h": session.client.ip, "id.orig_p": session.client.port,
        "id.resp_h": session.server.ip, "id.resp_p": session.server.port,
        "community_id": session.community_id,
    }  # fmt: skip


def _smtp(
    session: Session, mail: Transaction | None, depth: int, fuids: list[str]
) -> dict[str, Any]:
    fields = {
        "ts": _seconds(_began(session, depth)), **_connection(session), "trans_depth": depth,
        "helo": session.helo.name if session.helo is not None else None,
        "path": [session.server.ip, session.client.ip],
        "last_reply": _last_reply(session, mail),
        "tls": session.starttls in ("completed", "completed-in-clear"),
        "fuids": fuids,
    }  # fmt: skip
    if mail is not None:
        fields["mailfrom"] = mail.mail_from
        fields["rcptto"] = list(dict.fromkeys(person.address for person in mail.recipients))
        if mail.message is not None:
            fields |= _message(mail.message)
            fields["path"] += fields.pop("hops")
    return fields


def _began(session: Session, depth: int) -> int:
    """The first mail's line begins with the dialogue, the others' with their MAIL."""
    mails = [e.time for e in session.timeline if e.verb in ("MAIL", "SEND", "SOML", "SAML")]
    said = (e.time for e in session.timeline if e.kind in ("greeting", "command", "reply"))
    if depth > 1 and len(mails) >= depth:
        return mails[depth - 1]
    return next(said, session.start)


def _seconds(time: int) -> float:
    """As Zeek has times: seconds, six decimals."""
    return round(time / 1e9, 6)


def _last_reply(session: Session, mail: Transaction | None) -> str | None:
    """The reply to the mail; without one, the last that was not to QUIT."""
    if mail is not None and mail.reply is not None:
        return f"{mail.reply.code} {mail.reply.text}"
    if mail is not None and mail is not session.transactions[-1]:
        return None
    for entry in reversed(session.timeline):
        if entry.kind == "reply" and entry.code and entry.code != "221":
            return f"{entry.code} {entry.text}"
    return None


def _message(message: Message) -> dict[str, Any]:
    headers = [(name.lower(), value) for name, value in message.headers]
    first = dict(reversed(headers))
    received = [value for name, value in headers if name == "received"]
    origin = _address(f"[{first.get('x-originating-ip', '').strip('[] ')}]")
    hops = [hop for hop in map(_address, received[:MOST_ADDRESSES]) if hop is not None]
    return {
        "date": message.date, "from": message.from_, "to": _people(message.to),
        "cc": _people(message.cc), "reply_to": first.get("reply-to"),
        "msg_id": message.message_id, "in_reply_to": first.get("in-reply-to"),
        "subject": message.subject, "x_originating_ip": origin,
        "first_received": received[-1] if received else None,
        "second_received": received[-2] if len(received) > 1 else None,
        "user_agent": first.get("user-agent") or first.get("x-mailer"),
        "hops": hops,
    }  # fmt: skip


def _address(text: str) -> str | None:
    """The first IP address in brackets, if it is one."""
    match = _ADDRESS.search(text)
    try:
        return None if match is None else str(ip_address(match[1]))
    except ValueError:
        return None


# Up to a comma that stands neither in quotes nor in brackets.
_ONE_OF_LIST = re.compile(r'(?:"(?:[^"\\]|\\.)*"|<[^>]*>|[^,])+')


def _people(header: str | None) -> list[str] | None:
    """The mailboxes of a header as they are written, names and brackets included."""
    if header is None:
        return None
    found = (m[0].strip() for m in islice(_ONE_OF_LIST.finditer(header), MOST_ADDRESSES))
    return list(dict.fromkeys(filter(None, found)))


def _files(session: Session, mail: Transaction, depth: int) -> Iterator[Event]:
    """Attachments, where they were asked for."""
    message = mail.message
    for part, file in enumerate(message.attachments or () if message is not None else (), 1):
        yield Event("files", _file(session, file, depth, part))


def _file(session: Session, file: Attachment, depth: int, part: int) -> dict[str, Any]:
    return {
        "ts": _seconds(_began(session, depth)), "fuid": file_id(session, depth, part),
        **_connection(session), "source": "SMTP", "depth": part, "analyzers": [
            name.upper() for name in ("md5", "sha1", "sha256") if getattr(file, name) is not None
        ],
        "mime_type": file.content_type, "filename": file.filename, "is_orig": True,
        "seen_bytes": file.size, "missing_bytes": 0, "overflow_bytes": 0, "timedout": False,
        "md5": file.md5, "sha1": file.sha1, "sha256": file.sha256,
    }  # fmt: skip


# -- how they are written ------------------------------------------------------------------


class _Log:
    """Tab-separated values, as Zeek's ASCII writer makes them."""

    def __init__(self, path: str, fields: dict[str, str]) -> None:
        self._path = path
        self._fields = fields

    def head(self) -> bytes:
        """Separators, names and types."""
        lines = (
            "#separator \\x09", "#set_separator\t,", "#empty_field\t(empty)", "#unset_field\t-",
            f"#path\t{self._path}", "\t".join(["#fields", *self._fields]),
            "\t".join(["#types", *self._fields.values()]),
        )  # fmt: skip
        return "".join(f"{line}\n" for line in lines).encode()

    def end(self) -> bytes:
        """Nothing: Zeek writes when it closed the log, and this log is not of now."""
        return b""

    def render(self, session: Session) -> bytes:
        """The lines."""
        return "".join(
            "\t".join(_value(event.fields.get(name), kind) for name, kind in self._fields.items())
            + "\n"
            for event in events(session)
            if event.path == self._path
        ).encode()

    def number(self, rendered: bytes, number: int) -> bytes:
        """The same: Zeek knows no such number."""
        return rendered


class SmtpLog(_Log):
    """smtp.log"""

    def __init__(self) -> None:
        super().__init__("smtp", SMTP)


class FilesLog(_Log):
    """files.log"""

    def __init__(self) -> None:
        super().__init__("files", FILES)


def _folded(text: str) -> str:
    """One line, safe to show: the line ends and tabs of a folded header are blanks."""
    return safe(re.sub(r"[\r\n\t]+ *", " ", text))


def _value(value: Any, kind: str) -> str:  # noqa: ANN401
    """One field. What would be taken for a separator or for no value is escaped."""
    if value is None:
        return "-"
    if kind == "bool":
        return "T" if value else "F"
    if kind in ("time", "interval"):
        return f"{value:.6f}"
    if isinstance(value, list):
        return ",".join(_text(item).replace(",", "\\x2c") for item in value) or "(empty)"
    return _text(value)


def _text(value: object) -> str:
    text = _folded(str(value))
    return {"": "(empty)", "-": "\\x2d", "(empty)": "\\x28empty)"}.get(text, text)


class JsonLogs:
    """Both logs, an object a line; `_path` says which log it is of, as Zeek's add-on does."""

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
        """The lines. Unset fields are absent, as in Zeek's."""
        return b"".join(
            self._encoder.encode(
                {"_path": event.path, **{k: _plain(v) for k, v in event.fields.items()
                                         if v is not None}}
            ) + b"\n"
            for event in events(session)
        )  # fmt: skip

    def number(self, rendered: bytes, number: int) -> bytes:
        """The same: Zeek knows no such number."""
        return rendered


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Text that is safe to show."""
    if isinstance(value, str):
        return _folded(value)
    return [_folded(item) for item in value] if isinstance(value, list) else value
