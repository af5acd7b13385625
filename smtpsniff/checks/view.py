"""What a check sees of one session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.addresses import is_loopback, is_private
from smtpsniff.checks.registry import Hit
from smtpsniff.text import decode, safe, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smtpsniff.records import Confidence, Session, Severity
    from smtpsniff.smtp.dialogue import Dialogue
    from smtpsniff.smtp.model import Exchange, Reply
    from smtpsniff.tcp import Connection, Side
    from smtpsniff.timing import Wait

__all__ = ["View", "quote"]


# Wire bytes quoted in a finding (PROTOCOL: at most 120, escaped).
QUOTED = 120


def quote(raw: bytes | str) -> str:
    """Wire text for a finding's sentence: short, escaped, in double quotes."""
    text = decode(raw) if isinstance(raw, bytes) else raw
    return '"' + shorten(safe(text), QUOTED) + '"'


class View:
    """A session, its dialogue and its connection, with the questions that checks ask."""

    __slots__ = (
        "client", "connection", "dialogue", "server", "session", "topics", "two_sided", "waits",
    )  # fmt: skip

    def __init__(self, session: Session, dialogue: Dialogue, waits: Sequence[Wait] = ()) -> None:
        self.session = session
        self.dialogue = dialogue
        self.connection: Connection = dialogue.connection
        self.client: Side = self.connection.sides[dialogue.client]
        self.server: Side = self.connection.sides[1 - dialogue.client]
        self.topics: set[str] = set()
        # Whether both directions were captured.
        self.two_sided = self.client.packets > 0 and self.server.packets > 0
        self.waits = waits  # stretches of the timeline that were long, in order

    # -- honesty -----------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """Closure: FIN or RST seen in at least one direction (A.1)."""
        client, server = self.client, self.server
        return (client.fin or client.rst or server.fin or server.rst) is not None

    @property
    def started(self) -> bool:
        """Whether the connection's beginning was captured."""
        return self.dialogue.started

    @property
    def loopback(self) -> bool:
        """Whether both ends are on the same machine."""
        return is_loopback(self.session.client.ip) and is_loopback(self.session.server.ip)

    @property
    def private(self) -> bool:
        """Whether both ends have private addresses."""
        return is_private(self.session.client.ip) and is_private(self.session.server.ip)

    @property
    def submission(self) -> bool:
        """Port 587 or 465, or a login: a mail program talking to its own server."""
        return self.session.server.port in (587, 465) or bool(self.dialogue.auths)

    def clean(self, exchange: Exchange) -> bool:
        """Whether no gap or doubt touches this exchange (A.1, clean interval)."""
        return not exchange.tainted and not exchange.lost and self.two_sided

    def waited(self, since: int) -> float:
        """Seconds from `since` to the end of the connection, or of what the capture shows of it."""
        return (self.connection.end - since) / 1e9 + (0.0 if self.closed else self.connection.idle)

    # -- the dialogue ------------------------------------------------------------------

    def exchanges(self, *verbs: str) -> Iterator[Exchange]:
        """Exchanges in order; of these verbs only, where any are named."""
        for exchange in self.dialogue.exchanges:
            if not verbs or exchange.verb in verbs:
                yield exchange

    def answered(self, *verbs: str) -> Iterator[tuple[Exchange, Reply]]:
        """Exchanges that have a reply, in clean intervals."""
        for exchange in self.exchanges(*verbs):
            if exchange.reply is not None and self.clean(exchange):
                yield exchange, exchange.reply

    def offered(self, exchange: Exchange, keyword: str) -> bool | None:
        """Whether the server offered `keyword` when this was sent; None: nobody knows."""
        hello = exchange.hello
        if hello is None or hello.exchange is None:
            return None
        return keyword in hello.offered

    # -- hits --------------------------------------------------------------------------

    def at(
        self,
        text: str,
        exchange: Exchange | None = None,
        reply: Reply | None = None,
        *,
        severity: Severity | None = None,
        confidence: Confidence = "certain",
        key: str = "",
    ) -> Hit:
        """A hit at an exchange, with its reply as evidence, or at a reply alone."""
        frames: list[int] = []
        if exchange is not None:
            frames += [exchange.first_frame, exchange.frame]
            reply = reply if reply is not None else exchange.reply
        if reply is not None:
            frames += [reply.first_frame, reply.frame]
        time = exchange.time if exchange is not None else reply.time if reply is not None else 0
        entry = getattr(exchange, "entry", None)
        if entry is None:
            entry = getattr(reply, "entry", None)
        return Hit(text, frames, time, entry, severity, confidence, key)
