"""What becomes of each message: its file, its attachments, its place in the mbox and the index."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import json as msgjson

from smtpsniff.mail.contents import Contents
from smtpsniff.mail.received import hops
from smtpsniff.output.extract import mbox
from smtpsniff.output.extract.digests import ALGORITHMS, Hashers
from smtpsniff.output.extract.parts import PartFiles
from smtpsniff.output.json import harmless
from smtpsniff.records import encoder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.output.extract.folder import Folder
    from smtpsniff.output.extract.keeping import Extracted, Message
    from smtpsniff.output.extract.spool import Kept
    from smtpsniff.records import Run, Session, Transaction

__all__ = ["Options", "Placing"]

BLOCK = 1 << 19


class Options(NamedTuple):
    """What is wanted besides the messages."""

    attachments: bool = False
    urls: bool = False
    mbox: bool = False


class Placing:
    """Puts what was extracted into the folder; `messages` counts."""

    def __init__(self, folder: Folder, options: Options, digits: int) -> None:
        self._folder = folder
        self._options = options
        self._encode = encoder(digits).encode
        self._hashers = Hashers()
        self._limits: set[str] = set()
        self._index = folder.new("index.json")
        self._index.write(b'{"messages": [')
        self._between = b"\n"
        self._mbox = folder.new("messages.mbox") if options.mbox else None
        self.messages = 0

    def __call__(self, extracted: Extracted) -> Iterator[dict[str, Any]]:
        """Write a session's messages; yields what the index says of each."""
        session = extracted.session
        for number, (transaction, message) in enumerate(
            zip(session.transactions, extracted.messages, strict=True), 1
        ):
            if message.kept is not None and transaction.message is not None:
                yield self._place(session, number, transaction, message, message.kept)

    def finish(self, run: Run) -> None:
        """The run is over: the index is complete."""
        self._hashers.close()
        run.limits_hit = sorted({*run.limits_hit, *self._limits})
        record = msgjson.format(harmless(self._encode(run)), indent=1)
        self._index.write(b'\n],\n"run": ' + record + b"\n}\n")
        self._publish(self._index, "index.json")
        if self._mbox is not None:
            self._publish(self._mbox, "messages.mbox")

    def _publish(self, file: Any, name: str) -> None:  # noqa: ANN401 (a BinaryIO with a name)
        file.close()
        self._folder.publish(os.path.join(self._folder.work, name), name)

    # -- one message -------------------------------------------------------------------

    def _place(
        self,
        session: Session,
        number: int,
        transaction: Transaction,
        message: Message,
        kept: Kept,
    ) -> dict[str, Any]:
        assert transaction.message is not None
        complete = transaction.message.complete
        stem = f"session-{session.number:04d}-mail-{number}"
        name = stem + (".eml" if complete else ".partial.eml")
        path = self._own_file(kept, name)
        files = PartFiles(self._folder, stem) if self._options.attachments else None
        open_file = files.open if files is not None else None
        contents = Contents(ALGORITHMS, open_file, self._hashers.new, urls=self._options.urls)
        digests = self._read(path, kept, contents, whole=complete)
        if files is not None:
            files.publish(contents.found)
        lines = session.timeline[message.lines[0] : message.lines[1] + 1]
        entry: dict[str, Any] = {
            "session": session.number,
            "transaction": number,
            "file": name,
            "complete": complete,
            "size": kept.size,
            **digests,
            "gaps": [_gap(*gap) for gap in kept.gaps],
            **({} if complete else {"lacks": _lacks(transaction, kept)}),
            **_whence(session, lines),
            **_envelope(transaction),
            "received": hops(transaction.message.headers),
            **self._held(contents, kept, files),
        }
        if self._mbox is not None:
            when = lines[-1].time if lines else session.end
            mbox.append(self._mbox, transaction.mail_from, when, _blocks(path))
        self._folder.publish(path, name)
        self._write(entry)
        self.messages += 1
        return entry

    def _held(self, contents: Contents, kept: Kept, files: PartFiles | None) -> dict[str, Any]:
        """What the index says of a message's parts, and of bounds that it hit."""
        names = files.names if files is not None else {}
        told: dict[str, Any] = {
            "attachments": [_attachment(c, names.get(id(c))) for c in contents.attachments]
        }
        limits = {*kept.limits, *contents.limits}
        if contents.urls is not None:
            told["urls"] = list(contents.urls.found)
            if contents.urls.limited:
                limits.add("URLs of a message")
        if limits:
            told["limits_hit"] = sorted(limits)
            self._limits |= limits
        return told

    def _read(self, path: str, kept: Kept, contents: Contents, *, whole: bool) -> dict[str, str]:
        """Go through the message once: its digests as it stands in the file, and its parts.

        Filler is digested, but for the parts it is what it stands for: a gap.
        """
        digests = {name: self._hashers.new(name) for name in ALGORITHMS}
        gaps = iter(kept.gaps)
        gap = next(gaps, None)
        at = skip = short = 0  # offset in the file; filler still to pass; filler that is not there
        for block in _blocks(path) if kept.size else ():
            for digest in digests.values():
                digest.update(block)
            pos, end = 0, len(block)
            while pos < end or (gap is not None and gap.offset - short == at + pos and not skip):
                if skip:
                    step = min(skip, end - pos)
                    pos, skip = pos + step, skip - step
                    continue
                limit = end if gap is None else min(end, gap.offset - short - at)
                if limit > pos:
                    contents.feed(block, pos, limit)
                    pos = limit
                    continue
                assert gap is not None
                contents.gap(gap.length)
                skip, short = gap.filled, short + gap.length - gap.filled
                gap = next(gaps, None)
            at += end
        for left in (gap, *gaps):  # of which no filler was written
            if left is not None:
                contents.gap(left.length)
        # Beyond the gaps that are listed, filler cannot be told from what was sent.
        contents.close(whole=whole, sure=not kept.limits)
        return {name: digest.hexdigest() for name, digest in digests.items()}

    def _own_file(self, kept: Kept, name: str) -> str:
        if kept.path is not None:
            return kept.path
        with self._folder.new(name) as file:
            file.write(kept.data)
        return os.path.join(self._folder.work, name)

    def _write(self, entry: dict[str, Any]) -> None:
        text = msgjson.format(harmless(self._encode(entry)), indent=1)
        self._index.write(self._between + text)
        self._between = b",\n"


def _blocks(path: str) -> Iterator[bytes]:
    with open(path, "rb", buffering=0) as file:
        while block := file.read(BLOCK):
            yield block


# -- what the index says ---------------------------------------------------------------


def _gap(offset: int, length: int, filled: int) -> dict[str, int]:
    """Length is left out where nobody knows it, filler where it is as long as the gap."""
    gap = {"offset": offset}
    if length:
        gap["length"] = length
    if filled != length:
        gap["filled"] = filled
    return gap


def _whence(session: Session, lines: list[Any]) -> dict[str, Any]:
    """The packets and times that a message comes from, and between whom."""
    found: dict[str, Any] = {
        "client": session.client,
        "server": session.server,
        "community_id": session.community_id,
        "display_filter": session.display_filter,
    }
    if lines:
        found["frames"] = (min(e.frames[0] for e in lines), max(e.frame for e in lines))
        found["time"] = lines[-1].time
        if lines[-1].file is not None:
            found["captured_in"] = lines[-1].file
    found["session_start"], found["session_end"] = session.start, session.end
    if session.helo is not None:
        found["helo"] = session.helo.name
    if session.auth:
        found["auth"] = session.auth
    return found


def _envelope(transaction: Transaction) -> dict[str, Any]:
    """Envelope, reply and header, as the record has them; what is not known is left out."""
    message = transaction.message
    assert message is not None
    found = {
        "mail_from": transaction.mail_from,
        "params": transaction.params or None,
        "recipients": transaction.recipients,
        "reply": transaction.reply,
        "outcome": transaction.outcome,
        "framing": message.framing,
        "subject": message.subject,
        "from": message.from_,
        "to": message.to,
        "cc": message.cc,
        "date": message.date,
        "message_id": message.message_id,
    }
    return {name: value for name, value in found.items() if value is not None}


def _lacks(transaction: Transaction, kept: Kept) -> list[str]:
    """Why a message is not whole."""
    lacks = []
    if any(gap.length for gap in kept.gaps):
        lacks.append("octets that were never captured")
    if any(not gap.length for gap in kept.gaps):
        lacks.append("its beginning, which was never captured")
    if not lacks or transaction.reply is None:
        lacks.append("its end, which was never seen")
    return lacks


def _attachment(content: Any, name: str | None) -> dict[str, Any]:  # noqa: ANN401
    """A part as the index has it."""
    part = content.part
    found: dict[str, Any] = {
        "part": part.path,
        "filename": part.filename,
        "content_type": part.content_type,
        "sniffed_type": content.sniffed,
        "encoding": part.encoding or None,
        "disposition": part.disposition or None,
        "size": content.size,
        **{name: digest.hexdigest() for name, digest in content.digests.items()},
        "file": name,
        "complete": content.complete,
        "defects": sorted(content.defects) or None,
    }
    return {name: value for name, value in found.items() if value is not None}
