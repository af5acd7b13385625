"""One connection, start to verdict. Faults of ours stay inside (DESIGN.md §4)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from smtpsniff.checks.run import examine as run_checks
from smtpsniff.checks.run import internal_error
from smtpsniff.records import (
    Complete,
    Endpoint,
    Gaps,
    Session,
    Sides,
    TcpFacts,
    Timestamp,
    Verdict,
)  # fmt: skip
from smtpsniff.smtp.dialogue import Dialogue
from smtpsniff.smtp.recognise import client_of
from smtpsniff.smtp.session import build, community_id
from smtpsniff.timing import delays
from smtpsniff.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtpsniff.tcp import Connection

__all__ = ["examine"]

_log = logging.getLogger("smtpsniff")


def examine(
    connection: Connection,
    dialogue: Dialogue | None,
    ports: frozenset[int] = frozenset(),
    localise: Callable[[Session], None] | None = None,
) -> Session:
    """The finished record of one connection.

    `localise` makes frame numbers those of their files, before any sentence names them.
    """
    client = 0
    try:
        client = client_of(connection, ports)
        if dialogue is None:
            dialogue = Dialogue(connection, client)
        dialogue.advance(final=True)
        session = build(dialogue)
        session.findings = run_checks(session, dialogue)
        session.delays = delays(session)
        if localise is not None:
            localise(session)
        session.verdict = judge(session)
        dialogue.close()
    except Exception as fault:  # never let one connection stop the run
        _log.debug("fault in connection at frame %d", connection.first_frame, exc_info=True)
        session = _bare(connection, client)
        session.findings = [internal_error(session, "the dialogue", fault)]
        if localise is not None:
            localise(session)
    return session


def _bare(connection: Connection, client: int) -> Session:
    """What can be said of a connection without reading a byte of it."""
    c, s = Endpoint(*connection.endpoints[client]), Endpoint(*connection.endpoints[1 - client])
    return Session(
        number=0,
        protocol="unknown",
        client=c,
        server=s,
        community_id=community_id(c.ip, s.ip, c.port, s.port),
        display_filter="",
        first_frame=connection.first_frame,
        last_frame=connection.last_frame,
        packets=connection.packets,
        start=Timestamp(connection.start),
        end=Timestamp(connection.end),
        duration=(connection.end - connection.start) / 1e9,
        complete=Complete(False, connection.closed, Gaps()),
        ended="capture-ended",
        timeline=[],
        transactions=[],
        findings=[],
        verdict=Verdict("unknown", "smtpsniff could not analyse this session.", []),
        tcp=TcpFacts(Sides(), Sides(), Sides(), Sides(), Sides(), Sides()),
    )
