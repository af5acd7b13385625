"""One transformation of a session's record, before anything is made of it."""

from __future__ import annotations

import re
from copy import copy
from typing import TYPE_CHECKING

from smtpsniff.output.redact.tokens import Tokens
from smtpsniff.output.redact.wording import ADDRESS, Wording
from smtpsniff.records import Endpoint
from smtpsniff.smtp.extensions import LEGACY_VERBS
from smtpsniff.smtp.session import community_id
from smtpsniff.smtp.verbs import VERBS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.records import (
        Entry,
        Finding,
        Message,
        MessageReply,
        Run,
        Session,
        TlsFacts,
    )
    from smtpsniff.stories import Facts

__all__ = ["Redactor"]

_PEOPLE = frozenset(
    ("from", "to", "cc", "bcc", "reply-to", "sender", "return-path", "delivered-to", "errors-to",
     "x-original-to", "resent-from", "resent-to", "resent-cc", "resent-sender", "envelope-to",
     "apparently-to", "disposition-notification-to", "return-receipt-to")
)  # fmt: skip
_KEPT = frozenset(
    ("mime-version", "content-transfer-encoding", "importance", "x-priority", "priority",
     "precedence", "auto-submitted", "date", "resent-date")
)  # fmt: skip
_IDS = frozenset(("message-id", "in-reply-to", "references", "resent-message-id", "content-id"))
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,40}")
_MEDIA = re.compile(r"[A-Za-z]+/[A-Za-z0-9.+-]+")
_AUTH = re.compile(r"\(\d+ octets, masked\)|\*?")
# What servers ask for with LOGIN: "Username:" and "Password:".
_PROMPTS = frozenset(("", "VXNlcm5hbWU6", "UGFzc3dvcmQ6", "VXNlciBOYW1lAA==", "UGFzc3dvcmQA"))


class Redactor:
    """Redacts under `key`. Everything of a session comes from one `Wording` of its own."""

    def __init__(self, key: bytes) -> None:
        self.tokens = Tokens(key)

    def facts(self, session: Session, facts: Facts) -> None:
        """The facts that stories are told of, before `session` is redacted."""
        wording, tokens = self._wording(session), self.tokens
        facts.client, facts.server = tokens.ip(facts.client), tokens.ip(facts.server)
        facts.failed = wording.free(facts.failed)
        for attempt in facts.tries:
            attempt.client, attempt.server = tokens.ip(attempt.client), tokens.ip(attempt.server)
            attempt.sender = tokens.address(attempt.sender)
            attempt.reply = wording.free(attempt.reply)
            attempt.message_id = self._ids(attempt.message_id)
            attempt.digest = tokens.digest(attempt.digest)
            for person in attempt.recipients:
                person.address = tokens.address(person.address)
        for event in facts.events:
            if event.kind in ("login-failed", "login-accepted"):
                event.what = self._user(event.what)
            elif event.kind in ("unknown-user", "notice", "callout"):
                event.what = tokens.address(event.what)
            elif event.kind == "question":
                event.what = wording.words(event.what)

    def session(self, session: Session) -> None:
        """The record, in place."""
        wording, tokens = self._wording(session), self.tokens
        client, server = session.client, session.server
        session.client = Endpoint(tokens.ip(client.ip), client.port)
        session.server = Endpoint(tokens.ip(server.ip), server.port)
        session.community_id = community_id(
            session.client.ip, session.server.ip, client.port, server.port
        )
        for end in (client.ip, server.ip):
            session.display_filter = session.display_filter.replace(
                f" == {end} ", f" == {tokens.ip(end)} "
            )
        if session.greeting is not None:
            session.greeting.text = wording.free(session.greeting.text)
        if session.helo is not None:
            session.helo.name = self._host(session.helo.name)
        for extension in session.extensions or ():
            extension.keyword = wording.words(extension.keyword)
            extension.params = [wording.words(param) for param in extension.params]
        for entry in session.timeline:
            self._entry(entry, wording)
        self._logins(session)
        self._mails(session, wording)
        if session.tls is not None:
            self._tls(session.tls)
        for layer in session.encapsulation or ():
            layer.source = layer.source and tokens.ip(layer.source)
            layer.destination = layer.destination and tokens.ip(layer.destination)
            layer.host = layer.host and self._host(layer.host)
        for finding in _all(session.findings):
            finding.text = wording.sentence(finding.text)
        session.verdict.text = wording.sentence(session.verdict.text)

    def run(self, run: Run) -> None:
        """The run record, in place: paths and what was asked for name people, too."""
        wording = Wording(self.tokens)
        # The run itself goes on to tell its user of the files by name.
        run.files = [copy(file) for file in run.files]
        for number, file in enumerate(run.files, 1):
            file.path = f"capture {number}"
            file.sha256 = None
        for interface in run.interfaces:
            interface.description = interface.description and wording.words(interface.description)
            interface.hardware = interface.os = None
            interface.filter = interface.filter and wording.free(interface.filter)
        if run.selected is not None:
            run.selected.filter = run.selected.filter and wording.free(run.selected.filter)
            run.selected.where = run.selected.where and "(not told)"

    # -- what a session names --------------------------------------------------------------

    def _wording(self, session: Session) -> Wording:
        """All that is to be hidden in the session's free texts."""
        wording, tokens = Wording(self.tokens), self.tokens
        if session.helo is not None:
            wording.know(session.helo.name, self._host(session.helo.name))
        for entry in session.timeline:
            self._know_entry(entry, wording)
        for login in session.auth or ():
            for name in (login.user, login.authzid, login.realm):
                wording.know(name, self._user(name or ""))
        for mail in session.transactions:
            people = [mail.mail_from or "", *(person.address for person in mail.recipients)]
            for address in people:
                wording.know(address, tokens.address(address))
                local, _, domain = address.rpartition("@")
                wording.know(local.strip('"'), tokens.user(local))
                if not domain.startswith("["):
                    wording.know(domain, tokens.host(domain))
            for reply in (mail.reply, *(person.final for person in mail.recipients)):
                if reply is not None and reply.queue_id:
                    wording.know(reply.queue_id, self._queue_id(reply.queue_id))
            if mail.message is not None:
                self._know_message(mail.message, wording)
        for certificate in (session.tls and session.tls.certificates) or ():
            for name in (certificate.subject, certificate.issuer):
                wording.know(name, self._distinguished(name))
                for part in re.findall(r"=([^,+]+)", name):
                    wording.know(part, self._host_or("Name", part))
            for name in certificate.names:
                wording.know(name, self._host(name))
            wording.know(certificate.serial, tokens.named("Id", certificate.serial))
        if session.tls is not None and session.tls.sni:
            wording.know(session.tls.sni, self._host(session.tls.sni))
        return wording

    def _know_entry(self, entry: Entry, wording: Wording) -> None:
        """A name that stands where names stand, and what a client said that is no command."""
        if entry.kind == "greeting":
            name = next(iter(entry.text.split(None, 1)), "")
            if any(c.isalpha() for c in name):  # no enhanced code, no asterisks
                wording.know(name, self._host(name))
        elif entry.kind == "command":
            parts = re.split(r"[\s<>:;,=\"'()\[\]]+", entry.text)
            verb = parts[0].upper()
            if verb in ("EHLO", "HELO", "LHLO"):
                for name in parts[1:2]:
                    wording.know(name, self._host(name))
            elif verb not in ("MAIL", "RCPT", "AUTH"):
                if verb not in VERBS:
                    wording.know(entry.text, wording.words(entry.text))
                for word in parts if verb not in VERBS else parts[1:]:
                    wording.know(word, wording.words(word))

    def _know_message(self, message: Message, wording: Wording) -> None:
        tokens = self.tokens
        wording.know(message.subject, tokens.named("Subject", message.subject or ""))
        wording.know(message.message_id, self._ids(message.message_id or ""))
        for people in (message.from_, message.to, message.cc):
            for name in _names(people or ""):
                wording.know(name, tokens.named("Name", name))
        for name, value in message.headers:
            lower = name.lower()
            if lower not in _KEPT and lower != "content-type":
                wording.know(value, self._header(name, value, wording))
            if lower in _PEOPLE:
                for person in _names(value):
                    wording.know(person, tokens.named("Name", person))
        for attachment in message.attachments or ():
            wording.know(attachment.filename, _file(tokens, attachment.filename or ""))

    # -- parts of a record -----------------------------------------------------------------

    def _entry(self, entry: Entry, wording: Wording) -> None:
        if entry.kind == "command":
            entry.text = wording.words(entry.text)
            if entry.verb and entry.verb not in VERBS and entry.verb not in LEGACY_VERBS:
                entry.verb = wording.words(entry.verb).upper()
        elif entry.kind == "auth":
            if not _AUTH.fullmatch(entry.text):
                entry.text = self.tokens.named("Text", entry.text)
        elif entry.code == "334":
            if entry.text.strip() not in _PROMPTS:
                entry.text = self.tokens.named("Text", entry.text)
        else:
            entry.text = wording.free(entry.text)
        entry.recipient = entry.recipient and self.tokens.address(entry.recipient)

    def _logins(self, session: Session) -> None:
        for login in session.auth or ():
            login.user = login.user and self._user(login.user)
            login.authzid = login.authzid and self._user(login.authzid)
            login.realm = login.realm and self._host(login.realm)
            login.secrets = None

    def _mails(self, session: Session, wording: Wording) -> None:
        tokens = self.tokens
        for mail in session.transactions:
            mail.mail_from = mail.mail_from and tokens.address(mail.mail_from)
            mail.params = [wording.words(param) for param in mail.params]
            for person in mail.recipients:
                person.address = tokens.address(person.address)
                person.text = person.text and wording.free(person.text)
                self._reply(person.final, wording)
            self._reply(mail.reply, wording)
            if mail.message is not None:
                self._message(mail.message, wording)

    def _reply(self, reply: MessageReply | None, wording: Wording) -> None:
        if reply is not None:
            reply.text = wording.free(reply.text)
            reply.queue_id = reply.queue_id and self._queue_id(reply.queue_id)

    def _message(self, message: Message, wording: Wording) -> None:
        tokens = self.tokens
        message.headers = [
            (name if _NAME.fullmatch(name) else wording.words(name),
             self._header(name, value, wording))
            for name, value in message.headers
        ]  # fmt: skip
        message.sha256 = message.sha256 and tokens.digest(message.sha256)
        message.subject = message.subject and tokens.named("Subject", message.subject)
        message.from_ = message.from_ and self._people(message.from_)
        message.to = message.to and self._people(message.to)
        message.cc = message.cc and self._people(message.cc)
        message.date = message.date and wording.free(message.date)
        message.message_id = message.message_id and self._ids(message.message_id)
        for attachment in message.attachments or ():
            media = _MEDIA.match(attachment.content_type)
            attachment.content_type = media[0] if media else "unknown/unknown"
            attachment.filename = attachment.filename and _file(tokens, attachment.filename)
            attachment.md5 = attachment.md5 and tokens.digest(attachment.md5)
            attachment.sha1 = attachment.sha1 and tokens.digest(attachment.sha1)
            attachment.sha256 = attachment.sha256 and tokens.digest(attachment.sha256)

    def _header(self, name: str, value: str, wording: Wording) -> str:
        """What a field says, as far as it says nothing of anybody."""
        lower = name.lower()
        if lower in _PEOPLE:
            return self._people(value)
        if lower in _KEPT:
            return wording.free(value)
        if lower in _IDS:
            return self._ids(value)
        if lower == "subject":
            return self.tokens.named("Subject", value)
        if lower == "content-type":
            media = _MEDIA.match(value.strip())
            return media[0] if media else "unknown/unknown"
        if lower == "received":
            clauses, semicolon, date = value.rpartition(";")
            return f"{wording.words(clauses)}{semicolon}{wording.free(date)}"
        return self.tokens.named("Text", value)

    def _people(self, value: str) -> str:
        """``Name-1a2b3c4d <u5e6f@n7.example>``: addresses and, as one, each name beside them."""
        parts: list[str] = []
        at = 0
        for match in ADDRESS.finditer(value):
            parts += (self._beside(value[at : match.start()]), self.tokens.address(match[0]))
            at = match.end()
        return "".join((*parts, self._beside(value[at:])))

    def _beside(self, text: str) -> str:
        name = text.strip(" \t\r\n<>,;\"'()")
        if not name:
            return text
        before, _, after = text.partition(name)
        return f"{before}{self.tokens.named('Name', name)}{after}"

    def _ids(self, value: str) -> str:
        """Message-IDs; what is none becomes a token as a whole."""
        left = ADDRESS.sub("", value).strip(" \t\r\n<>,")
        if left:
            return self.tokens.named("Id", value)
        return ADDRESS.sub(lambda match: self.tokens.address(match[0]), value)

    def _queue_id(self, value: str) -> str:
        return f"Q{self.tokens.hash('queue', value).upper()}"

    def _user(self, name: str) -> str:
        return self.tokens.address(name) if "@" in name else self.tokens.user(name) if name else ""

    def _host(self, name: str) -> str:
        """A name, or an address as it is written where a name may be."""
        bare = name.strip().strip("[]")
        tag = bare[:5] if bare[:5].upper() == "IPV6:" else ""
        if ":" in bare[len(tag) :] or re.fullmatch(r"[\d.]+", bare):
            return name.replace(bare, tag + self.tokens.ip(bare[len(tag) :]))
        if any(not (c.isalnum() or c in "-._*") for c in bare):
            return self.tokens.named("Text", bare)
        return self.tokens.host(bare)

    def _host_or(self, kind: str, text: str) -> str:
        return (
            self._host(text) if "." in text and " " not in text else self.tokens.named(kind, text)
        )

    def _distinguished(self, name: str) -> str:
        """``CN=n1a2b3c4d.example,O=Name-5e6f7a8b``."""
        return re.sub(r"=([^,+]+)", lambda m: "=" + self._host_or("Name", m[1]), name)

    def _tls(self, tls: TlsFacts) -> None:
        tls.sni = tls.sni and self._host(tls.sni)
        for certificate in tls.certificates or ():
            certificate.subject = self._distinguished(certificate.subject)
            certificate.issuer = self._distinguished(certificate.issuer)
            certificate.names = [self._host(name) for name in certificate.names]
            certificate.serial = self.tokens.digest(certificate.serial)
            certificate.sha256 = self.tokens.digest(certificate.sha256)


def _names(people: str) -> Iterator[str]:
    """Names beside addresses."""
    for part in re.split(r"[<>,;\"()]", ADDRESS.sub(",", people)):
        if part.strip():
            yield part.strip()


def _file(tokens: Tokens, name: str) -> str:
    """A file name with its ending, which says what it is."""
    ending = re.search(r"\.[A-Za-z0-9]{1,5}$", name)
    return tokens.named("File", name) + (ending[0] if ending else "")


def _all(findings: list[Finding]) -> Iterator[Finding]:
    """Findings and what follows from them, however deep."""
    pending = list(findings)
    while pending:
        finding = pending.pop()
        yield finding
        pending += finding.related
