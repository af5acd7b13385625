"""How a session ended: one label (A.14)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.tcp.errors import refuses
from smtpsniff.tcp.injection import forged
from smtpsniff.tcp.stream import MODULUS, covers

if TYPE_CHECKING:
    from smtpsniff.smtp.dialogue import Dialogue
    from smtpsniff.smtp.model import Exchange
    from smtpsniff.tcp import Side

__all__ = ["how_it_ended"]

# Silence after which a session is called expired rather than cut by the end of the capture.
IDLE_SECONDS = 360


def how_it_ended(dialogue: Dialogue) -> str:
    """One label of A.14. What became of the mail is another matter (RFC 5321 §4.1.1.10)."""
    connection = dialogue.connection
    client, server = connection.sides[dialogue.client], connection.sides[1 - dialogue.client]
    if client.syn is not None and server.syn is None and not client.stream.starts:
        if server.rst is not None:
            return "refused"
        given_up = client.rst is not None or client.fin is not None
        if server.packets == 0 and (not given_up or any(map(refuses, connection.errors))):
            return "unreachable"
    quit_ = next((e for e in reversed(dialogue.exchanges) if e.verb == "QUIT"), None)
    reset = _reset(dialogue, quit_)
    if reset:
        return reset
    if quit_ is not None and quit_.reply is not None and quit_.reply.kind == 2:
        return "quit-clean"
    if dialogue.last_reply is not None and dialogue.last_reply.code == 421 and connection.closed:
        return "server-421"
    if quit_ is not None and connection.closed and not _was_gone(server, quit_, client):
        return "quit-no-221"
    if client.fin is not None and (server.fin is None or _before(client, server)):
        return "client-close"
    if server.fin is not None:
        return "server-close"
    return "idle-expired" if connection.idle >= IDLE_SECONDS else "capture-ended"


def _was_gone(server: Side, quit_: Exchange, client: Side) -> bool:
    """Whether the server had closed its side before it got the QUIT."""
    end = client.stream.after(quit_.end)
    return server.fin is not None and server.fin.ack >= 0 and not covers(server.fin.ack, end)


def _before(first: Side, second: Side) -> bool:
    """Whether `first` said FIN before `second`: by what the FINs acknowledge, else by frames."""
    assert first.fin is not None
    assert second.fin is not None
    for one, other, answer in ((first, second, True), (second, first, False)):
        end = one.stream.top() if one.stream.end else one.stream.first
        if covers(other.fin.ack, (end + 1) & MODULUS):  # type: ignore[union-attr]
            return answer
    return first.fin.frame < second.fin.frame


def _reset(dialogue: Dialogue, quit_: Exchange | None) -> str:
    """Who reset, where a reset is what ended it: not one that follows a close or a goodbye."""
    connection = dialogue.connection
    client, server = connection.sides[dialogue.client], connection.sides[1 - dialogue.client]
    resets = [
        (side.rst.frame, label, side)
        for side, label in ((client, "rst-by-client"), (server, "rst-by-server"))
        if side.rst is not None
    ]
    if not resets:
        return ""
    frame, label, side = min(resets, key=lambda r: r[0])
    if quit_ is not None and quit_.reply is not None and quit_.reply.frame < frame:
        return ""
    if side.fin is not None and side.fin.frame < frame:
        return ""
    other = server if side is client else client
    return "rst-suspect-injected" if forged(side, other) is not None else label
