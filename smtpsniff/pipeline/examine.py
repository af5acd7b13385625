"""One connection, start to verdict. Faults of ours stay inside (DESIGN.md §4)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smtpsniff.checks.run import internal_error
from smtpsniff.pipeline.keeping import hand_over
from smtpsniff.records import (
    Complete,
    Endpoint,
    Gaps,
    Session,
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
    from collections.abc import Callable, Iterable, Sequence

    from smtpsniff.checks.run import Examiner
    from smtpsniff.pipeline.keeping import Keeper
    from smtpsniff.tcp import Connection
    from smtpsniff.timing import Wait

__all__ = ["Work", "examine"]

_log = logging.getLogger("smtpsniff")


@dataclass(slots=True)
class Work:
    """One connection on its way to a record. `dialogue` may have read part of it already."""

    connection: Connection
    dialogue: Dialogue | None
    client: int = 0
    session: Session | None = None
    fault: Exception | None = None
    waits: Sequence[Wait] = ()


def examine(
    works: Iterable[Work],
    ports: frozenset[int],
    run_checks: Examiner,
    localise: Callable[[Session], None],
    new_dialogue: Callable[[Connection, int], Dialogue] = Dialogue,
    keeper: Keeper | None = None,
) -> list[Session]:
    """The finished records of some connections.

    `localise` makes frame numbers those of their files, before any sentence names them. Stage
    by stage over a few connections at a time: that keeps each stage's code and data in the
    processor's cache, and takes a fifth less time than each connection start to end.
    """

    def read(work: Work) -> None:
        work.client = client_of(work.connection, ports)
        if work.dialogue is None:
            work.dialogue = new_dialogue(work.connection, work.client)
        work.dialogue.advance(final=True)

    def check(work: Work) -> None:
        assert work.dialogue is not None
        if keeper is not None:
            hand_over(keeper, _of(work), work.dialogue)
        session = _of(work)
        session.findings = run_checks(session, work.dialogue, work.waits)
        work.dialogue.close()

    works = list(works)
    for stage in (read, _build, _time, check):
        _each(works, stage)
    _each(works, lambda work: localise(_of(work)))
    _each(works, _judge)
    return [_record(work, localise) for work in works]


def _each(works: list[Work], stage: Callable[[Work], None]) -> None:
    """Take all works through one stage; a fault of ours ends one connection, not the run."""
    for work in works:
        if work.fault is None:
            try:
                stage(work)
            except Exception as fault:
                _log.debug("frame %d", work.connection.first_frame, exc_info=True)
                work.fault = fault


def _of(work: Work) -> Session:
    assert work.session is not None
    return work.session


def _build(work: Work) -> None:
    assert work.dialogue is not None
    work.session = build(work.dialogue)


def _time(work: Work) -> None:
    session = _of(work)
    sides = work.connection.sides
    spent = delays(session, sides[work.client], sides[1 - work.client])
    session.delays, work.waits = spent.delays, spent.waits


def _judge(work: Work) -> None:
    session = _of(work)
    session.verdict = judge(session)


def _record(work: Work, localise: Callable[[Session], None]) -> Session:
    if work.fault is None:
        return _of(work)
    session = _bare(work.connection, work.client)
    session.findings = [internal_error(session, "the dialogue", work.fault)]
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
        tcp=TcpFacts(),
    )
