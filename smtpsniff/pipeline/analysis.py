"""One pass over capture files: windows, connections, dialogues, findings, verdicts."""

from __future__ import annotations

import heapq
import logging
import os
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from smtpsniff.capture.bpf import PacketFilter
from smtpsniff.capture.scapy_door import slow_decode
from smtpsniff.checks.choice import EVERYTHING, Choice
from smtpsniff.checks.run import Examiner, internal_error
from smtpsniff.net import Fragments, decode
from smtpsniff.output.redact import Redactor
from smtpsniff.pipeline.census import Census
from smtpsniff.pipeline.examine import Work, examine
from smtpsniff.pipeline.keeping import AttachmentReader
from smtpsniff.pipeline.keys import keys_of
from smtpsniff.pipeline.packets import Packets
from smtpsniff.pipeline.recognition import Recognition
from smtpsniff.pipeline.summary import Summary
from smtpsniff.pipeline.watching import Watching
from smtpsniff.select import Where
from smtpsniff.smtp.dialogue import Dialogue
from smtpsniff.smtp.recognise import client_of
from smtpsniff.stories import STORY_CHECKS, Chronicle, facts_of
from smtpsniff.tls.opening import Opener

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from smtpsniff.capture import Capture, PacketBatch
    from smtpsniff.capture.live import LiveCapture
    from smtpsniff.net import SegmentBatch
    from smtpsniff.pipeline.keeping import Keeper
    from smtpsniff.records import Session, Story
    from smtpsniff.smtp.glimpse import News
    from smtpsniff.stories import Facts
    from smtpsniff.tcp import Connection

__all__ = ["Analysis", "Settings", "read", "read_stories"]

# A connection with more than this in memory is read on at the end of a window, and let go of
# what was read; smaller ones are read once, when they end, which is cheaper.
GROWN = 1 << 18
# Packets of a window that are taken at once: each may open a connection, as in a flood, and those
# are let go of, where there are too many, only when all have been looked at.
MOST_TOGETHER = 1 << 15


# Sessions examined together: enough for the cache to pay, few enough to be shown at once.
TOGETHER = 32

_log = logging.getLogger("smtpsniff")


@dataclass(frozen=True, slots=True)
class Settings:
    """What to read and how. `shard` is (index, count): one process's part of the connections."""

    ports: frozenset[int] = frozenset()
    verify_checksums: bool = False
    shard: tuple[int, int] = (0, 1)
    key: bytes | None = None  # of endpoint identities; processes that compare them share it
    window: int | None = None  # bytes of a file that are mapped at once; None: the default
    choice: Choice = EVERYTHING  # checks that are on, and their thresholds
    keeper: Keeper | None = None  # of messages
    stories: bool = False  # whether facts for stories are wanted with each session
    hash_input: bool = False  # the digest of what can be read only once
    show_secrets: bool = False  # passwords and tokens of logins
    follow: bool = False  # go on at the end of the file: another program is still writing
    packet_filter: tuple[str, ...] = ()  # words of tcpdump's language; none lets all packets pass
    where: str = ""  # an expression that sessions must fulfil; none lets all pass
    keylog: tuple[str, ...] = ()  # files with the secrets of TLS sessions
    redact: bytes | None = None  # a key: names in records become tokens under it
    watch: bool = False  # tell the news of sessions that run


@dataclass(slots=True)
class Step:
    """What one window brought: sessions that began, those that ended, how far order is known."""

    began: list[int] = field(default_factory=list)  # global frame of each one's first packet
    ended: list[tuple[int, Session]] = field(default_factory=list)  # with its first frame
    passed_over: list[int] = field(default_factory=list)  # first frames of those not wanted
    facts: list[Facts | None] = field(default_factory=list)  # of each that ended, if wanted
    settled: int = 0  # no session with a lower first frame can come any more
    news: list[News] = field(default_factory=list)  # of sessions that run, if asked for


class Analysis:
    """Reads files and yields steps. Frames are global (files one after the other) until the end."""

    def __init__(
        self,
        paths: Iterable[str | os.PathLike[str]],
        settings: Settings | None = None,
        live: LiveCapture | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.summary = Summary()
        self._live = live
        self._packets = Packets(
            paths, self.settings.window, self.settings.follow, live, self.settings.hash_input
        )
        self.packets = 0
        self.read = 0  # before a packet filter
        ports, shard = self.settings.ports, self.settings.shard
        self._known = Recognition(ports, shard, verify=self.settings.verify_checksums)
        self.watching = Watching(self._known) if self.settings.watch else None
        self._run_checks = Examiner(self.settings.choice)
        self.where = Where(self.settings.where) if self.settings.where else None
        self.redactor = Redactor(self.settings.redact) if self.settings.redact else None
        self._filter: PacketFilter | None = None
        # Those of the packets that are chosen, and those of all, where there is a filter.
        self._fragments, self._all_fragments = Fragments(), Fragments()
        self._census: Census | None = None
        if self.settings.packet_filter:
            self._filter = PacketFilter(self.settings.packet_filter)
            self._census = Census(ports, shard)
        keeper = self.settings.keeper
        self._new_dialogue = partial(
            Dialogue,
            new_sink=keeper.begin if keeper is not None else None,
            show_secrets=self.settings.show_secrets,
            new_opener=self._new_opener,
        )
        self._keys = keys_of(self._packets.captures, self.settings.keylog)

    def _new_opener(self) -> Opener | None:
        """Who opens a session's TLS; nobody where no key of any session is known."""
        self._keys.refresh()
        if not self._keys.size and not self.settings.keylog:
            return None
        return Opener(self._keys)

    @property
    def captures(self) -> list[Capture | LiveCapture]:
        """The files, in order of time."""
        return self._packets.captures

    @property
    def running(self) -> int:
        """Sessions that are open."""
        return len(self._known.sessions)

    @property
    def digits(self) -> int:
        """Decimals of the finest time stamps among the files."""
        return max((c.digits for c in self.captures), default=6)

    @property
    def streamed(self) -> bool:
        """Whether packets come as they come, with pauses between."""
        return any(capture.streamed for capture in self.captures)

    def place(self, file: int, frame: int) -> int:
        """A frame of a file as counted through all."""
        return self._packets.localiser.join(file, frame)

    def stop(self) -> None:
        """End what may go on for ever: `steps` comes to its end with what is known."""
        for capture in self.captures:
            capture.stop()

    def steps(self) -> Iterator[Step]:
        """Go through all files, a window at a time."""
        table = self._known.table
        last = 0
        for batch, now in self._windows():
            if not len(batch):  # nothing came, but time went by
                if self._census is not None:
                    self._census.wait(now, last)
                yield from self._steps(table.wait(now), last)
                continue
            last = int(batch.frame[-1])
            self.read += len(batch)
            if self._filter is not None:
                batch = self._chosen(batch, now, last)
            segments = self._segments(batch, self._fragments)
            ended = table.feed(segments, batch.file, now)
            self.packets += len(batch)
            del segments, batch
            yield from self._steps(ended, last)
        if self._census is not None:
            self._census.finish()
        ended = table.finish()
        self._sum_up()
        yield from self._steps(ended, -1)

    def _windows(self) -> Iterator[tuple[PacketBatch, int]]:
        """Packets, and the capture's time behind them, which those of any kind move on."""
        for batch in self._packets:
            if len(batch) <= MOST_TOGETHER:
                yield batch, self._packets.now
                continue
            for first in range(0, len(batch), MOST_TOGETHER):
                part = batch.take(slice(first, first + MOST_TOGETHER))
                yield part, int(part.time.max())
                del part

    def _segments(self, batch: PacketBatch, fragments: Fragments) -> SegmentBatch:
        key = {} if self.settings.key is None else {"key": self.settings.key}
        segments = decode(batch, slow_decode, fragments=fragments, **key)
        self.summary.limits |= segments.limits
        return segments

    def _chosen(self, batch: PacketBatch, now: int, last: int) -> PacketBatch:
        """The packets that the filter lets through; the census takes note of all."""
        assert self._filter is not None
        assert self._census is not None
        everything = self._segments(batch, self._all_fragments)
        self._census.feed(everything, batch.file, now, last)
        return batch.take(self._filter.matches(batch))

    def _sum_up(self) -> None:
        table = self._known.table
        self.summary.connections = table.connections
        self.summary.limits |= table.limits | self._keys.full
        if self._filter is not None:
            self.summary.limits |= {
                f"packets of link type {link}, which the packet filter cannot judge"
                for link in self._filter.refused
            }

    def _steps(self, ended: list[Connection], last: int) -> Iterator[Step]:
        """What a window brought: first what began, then what ended, a few at a time."""
        known, census = self._known, self._census
        step = Step(began=[connection.first_frame for connection in known.began(ended)])
        self._read_on()
        if self.watching is not None:
            step.news = self.watching.news()
            self.watching.forget(ended)
        step.settled = known.settled(last)
        known.table.opened = []
        if census is not None:
            step.began, census.began, step.settled = census.began, [], census.settled
        yield step
        ended.reverse()  # each is let go of when its session is told
        popped = (ended.pop() for _ in range(len(ended)))
        sessions = (known.sessions.pop(id(connection), None) for connection in popped)
        works = (Work(*session) for session in sessions if session is not None)
        while few := list(islice(works, TOGETHER)):
            examined = Step(settled=step.settled)
            self._select(few, self._examine(few), examined)
            if census is not None:
                examined.began, census.began = census.began, []
            yield examined

    def _select(self, works: list[Work], sessions: list[Session], step: Step) -> None:
        """Count those that are wanted. Who asks for numbers waits until there are numbers."""
        late = self.where is not None and self.where.by_number
        for work, session in zip(works, sessions, strict=True):
            first = work.connection.first_frame  # counted through all files
            if self._census is not None:
                first = self._census.first_frame(session, first)
            if late or self.where is None or self.where(session):
                step.facts.append(self._facts(work, session))
                if self.redactor is not None and not late:  # chosen by what it was
                    self.redactor.session(session)
                step.ended.append((first, session))
                if not late:
                    self.summary.add(session)
            else:
                step.passed_over.append(first)
                self.summary.passed_over += 1
                if self.settings.keeper is not None:
                    self.settings.keeper.forget(session)

    def _examine(self, works: list[Work]) -> list[Session]:
        if self._live is not None:
            for work in works:
                connection = work.connection
                connection.dropped = self._live.drops.during(connection.start, connection.end)
        settings, localiser = self.settings, self._packets.localiser
        sessions = examine(
            works,
            settings.ports,
            self._run_checks,
            localiser.apply,
            self._new_dialogue,
            settings.keeper,
        )
        for work in works:
            self.summary.limits.update(work.connection.notes)
            if work.dialogue is not None:
                self.summary.limits.update(work.dialogue.notes)
        for session in sessions:
            localiser.name_file(session)
        return sessions

    def _facts(self, work: Work, session: Session) -> Facts | None:
        """What stories need of a session."""
        if not self.settings.stories:
            return None
        try:
            facts = facts_of(session, work.dialogue)
            if self.redactor is not None:
                self.redactor.facts(session, facts)
            return facts
        except Exception as fault:  # a fault of ours: told, and the run goes on
            _log.debug("frame %d", session.first_frame, exc_info=True)
            session.findings.append(internal_error(session, "the facts for stories", fault))
            return None

    def _read_on(self) -> None:
        """Long ones are read while they grow, so that memory does not follow the message."""
        sessions = self._known.sessions
        for connection in self._known.table.touched:
            if connection.buffered > GROWN and id(connection) in sessions:
                _, dialogue = sessions[id(connection)]
                if dialogue is None:
                    client = client_of(connection, self.settings.ports)
                    dialogue = self._new_dialogue(connection, client)
                    sessions[id(connection)] = (connection, dialogue)
                try:
                    dialogue.advance()
                    dialogue.release()
                except Exception:  # a fault of ours: met again, and told, when the session ends
                    _log.debug("frame %d", connection.first_frame, exc_info=True)


class Numbering:
    """Numbers sessions 1, 2, 3 … in order of first packet, as soon as that order is known."""

    def __init__(self) -> None:
        self._waiting: list[int] = []
        self._numbers: dict[int, int] = {}
        self._next = 1

    def began(self, first_frames: Iterable[int]) -> None:
        """Sessions that have begun."""
        for frame in first_frames:
            heapq.heappush(self._waiting, frame)

    def settle(self, settled: int) -> None:
        """No session can begin below `settled` any more."""
        while self._waiting and self._waiting[0] < settled:
            self._numbers[heapq.heappop(self._waiting)] = self._next
            self._next += 1

    def take(self, first_frame: int) -> int:
        """The number of a session that has ended; 0 while it is not known."""
        return self._numbers.pop(first_frame, 0)


class Queue:
    """Sessions that have ended, until their numbers are known."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._numbering = Numbering()
        self._held: list[tuple[int, Session | None, Facts | None]] = []

    def pass_on(self, step: Step) -> Iterator[tuple[Session, Facts | None]]:
        """Those that can be numbered now, and are wanted, with their facts if these are."""
        analysis, numbering = self._analysis, self._numbering
        late = analysis.where if analysis.where is not None and analysis.where.by_number else None
        numbering.began(step.began)
        numbering.settle(step.settled)
        held = self._held
        held += [
            (first, session, facts)
            for (first, session), facts in zip(step.ended, step.facts, strict=True)
        ]
        held += [(first, None, None) for first in step.passed_over]
        self._held = []
        for first, session, facts in held:
            number = numbering.take(first)
            if not number:
                self._held.append((first, session, facts))
            elif session is not None:
                session.number = number
                if facts is not None:
                    facts.number = number
                if late is None:
                    yield session, facts
                elif late(session):
                    if analysis.redactor is not None:
                        analysis.redactor.session(session)
                    yield session, facts


def with_facts(analysis: Analysis) -> Iterator[tuple[Session, Facts | None]]:
    """Sessions as they end, numbered, with their facts if those are wanted."""
    queue = Queue(analysis)
    for step in analysis.steps():
        yield from queue.pass_on(step)


def sessions_of(analysis: Analysis) -> Iterator[Session]:
    """Sessions as they end, numbered."""
    for session, _ in with_facts(analysis):
        yield session


def read(
    *paths: str | os.PathLike[str],
    ports: Iterable[int] = (),
    verify_checksums: bool = False,
    choice: Choice = EVERYTHING,
    packet_filter: str = "",
    where: str = "",
    attachments: bool = False,
    show_secrets: bool = False,
    keylog: str | os.PathLike[str] | None = None,
    redact: bytes | None = None,
) -> Iterator[Session]:
    """Sessions of capture files, as they end.

    Several files are one capture, ordered by time. `ports` are mail ports besides 25, 465,
    587, 2525 and 24; on other ports sessions are recognised by content. `choice` says which
    checks are on, and sets thresholds (`smtpsniff.checks.choice.choose`). `packet_filter` is an
    expression as tcpdump takes it, `where` one over the records' own keys (`WhereError` when it
    cannot be understood). Numbers stay those of the whole capture. `attachments` adds those of
    each message, with their digests; `show_secrets` what logins say. `keylog` is a file
    with the secrets of TLS sessions (SSLKEYLOGFILE), besides those that a pcapng file has itself.
    `redact` is a key (at most 64 octets): under it names, addresses and texts become tokens, the
    same ones in every call.

    Raises `CaptureError` for a file that cannot be read at all; a damaged one gives every
    session up to the damage.
    """
    settings = Settings(
        frozenset(ports),
        verify_checksums,
        choice=choice,
        packet_filter=(packet_filter,) if packet_filter else (),
        where=where,
        keeper=AttachmentReader() if attachments else None,
        show_secrets=show_secrets,
        keylog=() if keylog is None else (os.fspath(keylog),),
        redact=redact,
    )
    yield from sessions_of(Analysis(paths, settings))


def read_stories(
    *paths: str | os.PathLike[str],
    ports: Iterable[int] = (),
    choice: Choice = EVERYTHING,
    packet_filter: str = "",
    every: bool = False,
    redact: bytes | None = None,
) -> Iterator[Story]:
    """What became of each mail over all its attempts, and what only several sessions show.

    `every` tells mails with a single attempt, too; the rest is as in `read`.
    """
    settings = Settings(
        frozenset(ports),
        choice=choice,
        stories=True,
        packet_filter=(packet_filter,) if packet_filter else (),
        redact=redact,
    )
    chronicle = Chronicle(STORY_CHECKS, choice, every=every)
    for session, facts in with_facts(Analysis(paths, settings)):
        chronicle.add(session.number, facts)
        yield from chronicle.told()
    yield from chronicle.finish()
