"""The timeline: what the log holds, in order, as entries of the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.records import Entry, Timestamp
from smtpsniff.smtp.delivery import address_of
from smtpsniff.smtp.model import Exchange, Reply
from smtpsniff.smtp.secrets import masked_command, masked_stray, without
from smtpsniff.smtp.verbs import VERBS
from smtpsniff.tcp.errors import says
from smtpsniff.text import decode

if TYPE_CHECKING:
    from smtpsniff.net import Unreachable
    from smtpsniff.records import Kind
    from smtpsniff.smtp.dialogue import Dialogue
    from smtpsniff.tcp import Side

__all__ = ["entry_of", "timeline"]

# A mechanism of SASL (RFC 4422 §3.1) as people write it; what else follows AUTH may be a secret.
_KINDS: dict[str, Kind] = {"<auth-response>": "auth", "<eom>": "end-of-data"}


def timeline(dialogue: Dialogue, client: Side, server: Side) -> list[Entry]:
    """Entries in order, with delays and the answers' indices.

    `delay`: from the last byte of what an entry follows upon to its own first byte.
    """
    entries = _opening(client, server)
    heard: int | None = client.handshake.time if client.handshake else None
    dialogue.log.closing()
    for line in dialogue.log.merged():
        if type(line) is Reply:
            entry = _of_reply(line)
            heard = line.time
        else:
            if type(line) is Exchange:
                entry = _of_exchange(dialogue, line)
                line.place = len(entries)
            else:
                entry = line.entry  # type: ignore[assignment]  # an Item has one
            # What was sent before the reply was heard follows upon something else.
            if heard is not None and heard <= line.first_time and entry.kind != "gap":
                entry.delay = (line.first_time - heard) / 1e9
        entries.append(entry)
    _unshown(dialogue)
    _name_recipients(dialogue)
    for error in dialogue.connection.errors:
        _insert(entries, error)
    return entries


def _insert(entries: list[Entry], error: Unreachable) -> None:
    """What a router said, where it said it."""
    after = (
        i
        for i, entry in enumerate(entries)
        if entry.frame > error.frame and entry.kind != "connect"
    )
    at = next(after, len(entries))
    for entry in entries[at:]:
        if entry.answers is not None and entry.answers >= at:
            entry.answers += 1
    frames = (error.frame, error.frame)
    text = f"{error.router} says of a packet to {error.destination}: {says(error)}"
    entries.insert(
        at, Entry(Timestamp(error.time), error.frame, frames, "network", "note", text, False)
    )


def entry_of(dialogue: Dialogue, line: Exchange | Reply) -> Entry:
    """The entry of one line while the dialogue goes on; nothing is changed by it."""
    before = line.entry
    if isinstance(line, Reply):
        asked = line.answers
        others = asked.entry if asked is not None else None
        entry = _of_reply(line)
        entry.answers = None  # places are known at the end
        if asked is not None:
            asked.entry = others
    else:
        entry = _of_exchange(dialogue, line)
    line.entry = before
    return entry


def _of_reply(reply: Reply) -> Entry:
    """A reply under the command it answers."""
    said, asked, frame = reply.said, reply.answers, reply.frame
    kind: Kind = "reply"
    answers = delay = None
    if asked is not None:
        answers = asked.place
        if 0 < asked.time <= reply.first_time:  # a reply may come before the end of what it answers
            delay = (reply.first_time - asked.time) / 1e9
        if asked.verb == "<greeting>":
            kind = "greeting"
    entry = Entry(
        Timestamp(reply.time), frame, (reply.first_frame, frame), reply.by, kind, said.text,
        reply.in_tls, delay, None, said.number, said.enhanced, len(said.lines), answers,
    )  # fmt: skip
    reply.entry = entry
    if kind == "greeting" and asked is not None:
        asked.entry = entry
    return entry


def _of_exchange(dialogue: Dialogue, exchange: Exchange) -> Entry:
    """A command, a line of AUTH, or the end of a message."""
    verb: str | None = exchange.verb
    kind = _KINDS.get(exchange.verb, "command")
    if kind == "command":
        text = decode(exchange.line.rstrip(b"\r\n"))
        if not dialogue.show_secrets:
            text, verb = _masked(dialogue, exchange, text)
    elif kind == "auth":
        verb = None
        # Its length, never its content (RFC 4954 §4).
        word = exchange.line.strip()
        clear = dialogue.show_secrets or word in (b"", b"*", b"=")
        text = decode(word) if clear else f"({len(word)} octets, masked)"
    else:
        verb, text = None, "."
    frame = exchange.frame
    entry = Entry(
        Timestamp(exchange.time), frame, (exchange.first_frame, frame), exchange.by, kind, text,
        exchange.in_tls, None, verb,
    )  # fmt: skip
    exchange.entry = entry
    return entry


def _masked(dialogue: Dialogue, exchange: Exchange, text: str) -> tuple[str, str | None]:
    """A command's text and verb, without the payload of a login; that may be all of it."""
    verb = exchange.verb
    if verb in ("AUTH", "X-EXPS"):
        return masked_command(text), verb
    if verb in VERBS:
        return text, verb
    masked = masked_stray(text, after_auth=bool(dialogue.auths))
    if masked == text and dialogue.secrets:
        masked = decode(without(exchange.line.rstrip(b"\r\n"), dialogue.secrets))
    hidden = masked != text and not masked.upper().startswith(verb)
    return masked, None if hidden else verb


def _opening(client: Side, server: Side) -> list[Entry]:
    """The handshake, or the attempt at one."""
    syn = client.syn
    if syn is None:
        return []
    if server.syn is None:
        tries = len(client.syns)
        text = "tried to connect" + (f", {tries} times" if tries > 1 else "")
        last = client.syns[-1]
    else:
        text = "connected"
        last = client.handshake or server.syn
    frames = (syn.frame, max(last.frame, syn.frame))
    delay = (last.time - syn.time) / 1e9
    return [Entry(Timestamp(last.time), frames[1], frames, "client", "connect", text, False, delay)]


def _unshown(dialogue: Dialogue) -> None:
    """Ends of data that fell into a gap have no line: their verdict stands for them."""
    for exchange in dialogue.exchanges:
        if exchange.entry is None and exchange.reply is not None:
            exchange.entry = exchange.reply.entry


def _name_recipients(dialogue: Dialogue) -> None:
    """Several replies to one message (LMTP, PRDR): say for whom each is."""
    for letter in dialogue.letters:
        eom = letter.eom
        if eom is None or (len(eom.replies) < 2 and not dialogue.lmtp):
            continue
        replies = eom.replies[1:] if eom.replies and eom.replies[0].code == 353 else eom.replies
        accepted = [r for r in letter.recipients if r.accepted]
        for rcpt, reply in zip(accepted, replies, strict=False):
            if reply.entry is not None:
                reply.entry.recipient = address_of(rcpt.argument)[0]
