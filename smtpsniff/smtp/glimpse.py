"""What can be said of a session that is still going on: a glimpse, and the news since the last.

The record of a session is made when it is over. Until then its dialogue is read as it grows, and
this looks at it without changing it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from smtpsniff.records import Endpoint, Entry, Timestamp
from smtpsniff.smtp.delivery import address_of
from smtpsniff.smtp.model import Exchange, Mode, Phase, Reply
from smtpsniff.smtp.timeline import entry_of

if TYPE_CHECKING:
    from smtpsniff.records import Kind, Party
    from smtpsniff.smtp.dialogue import Dialogue
    from smtpsniff.smtp.log import Line
    from smtpsniff.tcp import Connection, Mark

__all__ = ["Glimpse", "News", "Watch", "glimpse"]

_NAMES = {"<greeting>": "the greeting", "<eom>": "the answer to the message"}
_IDLE = {
    Phase.PRE_EHLO: "client: to say EHLO",
    Phase.READY: "client: next command",
    Phase.ENVELOPE: "client: recipients",
    Phase.RECIPIENTS: "client: more, or DATA",
    Phase.CHUNKS: "client: next chunk",
    Phase.AUTH: "client: to log in",
    Phase.CLOSING: "the connection to close",
    Phase.REFUSED: "client: to leave",
}


@dataclass(frozen=True, slots=True)
class Glimpse:
    """A running session. `waiting` is whom or what it waits for, since `since` (nanoseconds)."""

    client: Endpoint
    server: Endpoint
    first_frame: int
    start: int
    since: int
    doing: str  # what is under way, or waited for
    reply: str  # the server's last words, as on the wire
    code: int  # of that reply; 0 before the first
    sender: str | None
    recipients: int
    mails: int  # begun so far


@dataclass(frozen=True, slots=True)
class News:
    """Something that happened in a running session."""

    client: Endpoint
    server: Endpoint
    entry: Entry


def glimpse(connection: Connection, dialogue: Dialogue | None, client: int) -> Glimpse:
    """How a session stands."""
    reply, letter, mails = None, None, 0
    if dialogue is not None:
        client, reply = dialogue.client, dialogue.last_reply
        mails = len(dialogue.letters)
        letter = dialogue.letters[-1] if dialogue.letters else None
    words = f"{reply.code:03d} {reply.lines[-1] if reply.lines else ''}" if reply else ""
    sender = letter.mail.argument if letter is not None and letter.mail is not None else None
    return Glimpse(
        client=Endpoint(*connection.endpoints[client]),
        server=Endpoint(*connection.endpoints[1 - client]),
        first_frame=connection.first_frame,
        start=connection.start,
        since=connection.end,
        doing=_doing(connection, dialogue, client),
        reply=words,
        code=reply.code if reply else 0,
        sender=address_of(sender)[0] if sender is not None else None,
        recipients=len(letter.recipients) if letter is not None else 0,
        mails=mails,
    )


def _doing(connection: Connection, dialogue: Dialogue | None, client: int) -> str:
    """What is under way, in a few words."""
    ours, theirs = connection.sides[client], connection.sides[1 - client]
    if connection.closed:
        return "closed"
    if ours.syn is not None and theirs.syn is None:
        return "server: to answer the call"
    if dialogue is None:
        return "connected"
    if dialogue.mode is Mode.OPAQUE:
        return "inside TLS"
    if dialogue.mode is Mode.CHUNK or (dialogue.mode is Mode.BODY and dialogue.hold is None):
        return "message under way"
    if dialogue.queue:
        verb = dialogue.queue[0].verb
        return f"server: {_NAMES.get(verb, f'answer to {verb}')}"
    return _IDLE.get(dialogue.phase, "next words")


class Watch:
    """Tells what is new in one session each time it is asked."""

    __slots__ = ("_client", "_connected", "_marks", "_server")

    def __init__(self) -> None:
        self._client = self._server = 0  # lines told
        self._connected = False
        self._marks: set[tuple[Party, Kind]] = set()

    def news(self, dialogue: Dialogue) -> list[News]:
        """In order of time."""
        connection, log = dialogue.connection, dialogue.log
        client = Endpoint(*connection.endpoints[dialogue.client])
        server = Endpoint(*connection.endpoints[1 - dialogue.client])
        lines: list[Line] = [*log.client[self._client :], *log.server[self._server :]]
        # Lines that were taken back make the lists shorter.
        self._client, self._server = len(log.client), len(log.server)
        entries = self._opening(dialogue)
        entries += [_entry(dialogue, line) for line in lines]
        entries += self._closing(dialogue)
        entries.sort(key=lambda entry: (entry.time, entry.frame))
        return [News(client, server, entry) for entry in entries]

    def _opening(self, dialogue: Dialogue) -> list[Entry]:
        """The handshake, once it is there."""
        ours = dialogue.connection.sides[dialogue.client]
        theirs = dialogue.connection.sides[1 - dialogue.client]
        if self._connected:
            return []
        if theirs.syn is not None:
            mark, text = ours.handshake or theirs.syn, "connected"
        elif ours.syn is not None and dialogue.connection.closed:
            mark, text = ours.syn, "tried to connect"
        else:
            return []
        self._connected = True
        return [_mark("client", "connect", mark, text)]

    def _closing(self, dialogue: Dialogue) -> list[Entry]:
        """FIN and RST of both sides, once each."""
        sides = dialogue.connection.sides
        found = []
        parties: tuple[tuple[Party, int], ...] = (
            ("client", dialogue.client), ("server", 1 - dialogue.client),
        )  # fmt: skip
        for who, index in parties:
            ends: tuple[tuple[Kind, Mark | None, str], ...] = (
                ("close", sides[index].fin, "closed its side"),
                ("reset", sides[index].rst, "reset the connection"),
            )
            for kind, mark, text in ends:
                if mark is not None and (who, kind) not in self._marks:
                    self._marks.add((who, kind))
                    found.append(_mark(who, kind, mark, text))
        return found


def _mark(who: Party, kind: Kind, mark: Mark, text: str) -> Entry:
    frames = (mark.frame, mark.frame)
    return Entry(Timestamp(mark.time), mark.frame, frames, who, kind, text, False)


def _entry(dialogue: Dialogue, line: Line) -> Entry:
    """A line of the log as an entry of the timeline, the log left as it is."""
    if isinstance(line, Exchange | Reply):
        return entry_of(dialogue, line)
    return line.entry
