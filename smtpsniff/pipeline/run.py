"""A run over capture files in one process or in several, with the same result.

Each process reads all packets as columns, which is cheap, and takes the connections of its
shard, which is where the work is. So no packet travels between processes: only finished
sessions do, rendered where they were made. Numbers are given here, in order of first packet,
as soon as all processes have passed that packet.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, Protocol, cast

from smtpsniff.capture import Capture
from smtpsniff.capture.notes import Statistics
from smtpsniff.pipeline.analysis import Analysis, Numbering, Settings, Step
from smtpsniff.pipeline.summary import Summary
from smtpsniff.records import Dropped, FileInfo, Interface, Run, Selected, Timestamp
from smtpsniff.stories import pack, unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from smtpsniff.capture.live import LiveCapture
    from smtpsniff.output.redact import Redactor
    from smtpsniff.pipeline.keeping import Keeper
    from smtpsniff.records import Session, Story
    from smtpsniff.select import Where
    from smtpsniff.stories import Chronicle, Facts

__all__ = ["Renderer", "Runner"]

# Below this many bytes a second process costs more (its start, a second reading of the headers)
# than it saves.
WORTH_A_PROCESS = 24 << 20
MAX_JOBS = 8  # every process reads all headers: more of them mostly read the same


class Renderer(Protocol):
    """Turns sessions into what will be printed. Runs in worker processes: must be picklable."""

    def render(self, session: Session) -> Any:  # noqa: ANN401
        """The output of one session; its number may still be 0."""

    def number(self, rendered: Any, number: int) -> Any:  # noqa: ANN401
        """The same output with the session's number filled in."""


@dataclass(slots=True)
class Totals:
    """What a run knows at its end."""

    summary: Summary = field(default_factory=Summary)
    packets: int = 0
    read: int = 0  # packets before a filter
    files: list[FileInfo] = field(default_factory=list)
    interfaces: list[Interface] = field(default_factory=list)
    dropped: Dropped = field(default_factory=Dropped)


def totals_of(analysis: Analysis) -> Totals:
    """The counts of an analysis that has come to its end."""
    files = []
    interfaces: list[Interface] = []
    dropped = Dropped()
    for capture in analysis.captures:
        if isinstance(capture, Capture):
            files.append(_file_info(capture))
            for statistics in capture.notes.statistics.values():
                if statistics.lost is not None:
                    dropped.kernel = (dropped.kernel or 0) + statistics.lost
            analysis.summary.limits |= capture.notes.full
        else:
            dropped = Dropped(capture.drops.kernel, capture.drops.queue)
        many = len(analysis.captures) > 1
        interfaces += _interfaces(capture, capture.file if many else None)
    return Totals(analysis.summary, analysis.packets, analysis.read, files, interfaces, dropped)


def _interfaces(capture: Capture | LiveCapture, file: int | None) -> Iterator[Interface]:
    """Those of a capture, with what is told of them."""
    statistics = capture.notes.statistics if isinstance(capture, Capture) else {}
    for index, known in enumerate(capture.interfaces):
        counted = statistics.get(index, Statistics())
        yield Interface(
            known.link,
            known.name or None,
            file,
            known.description or None,
            known.filter or None,
            known.hardware or None,
            known.os or None,
            known.snaplen or None,
            counted.received,
            counted.lost,
        )


def _file_info(capture: Capture) -> FileInfo:
    damage = capture.damage
    return FileInfo(
        path=capture.path,
        size=capture.size,
        format=capture.format,
        packets=capture.packets,
        first=Timestamp(capture.first) if capture.first is not None else None,
        last=Timestamp(capture.last) if capture.last is not None else None,
        damaged_at=damage.offset if damage else None,
        damage=damage.reason if damage else None,
        sha256=capture.sha256,
    )


def record_of(totals: Totals, settings: Settings, version: str) -> Run:
    """The run record: the last line of NDJSON."""
    summary = totals.summary
    return Run(
        version=version,
        files=totals.files,
        interfaces=totals.interfaces,
        dropped=totals.dropped,
        packets=totals.packets,
        tcp_connections=summary.connections,
        sessions=summary.sessions,
        outcomes=_ranked(summary.outcomes),
        findings=_ranked(summary.findings),
        limits_hit=sorted(summary.limits),
        selected=_selected(totals, settings),
    )


def _selected(totals: Totals, settings: Settings) -> Selected | None:
    words, where = settings.packet_filter, settings.where
    if not words and not where:
        return None
    summary = totals.summary
    return Selected(
        filter=" ".join(words) or None,
        where=where or None,
        of_packets=totals.read if words else None,
        of_sessions=summary.sessions + summary.passed_over if where else None,
    )


class Runner:
    """Goes through the files once; `totals` holds once the iteration has ended.

    `on_progress(done, total)` is told bytes of input after every window.
    Raises `CaptureError` at once for a file that cannot be read at all.
    """

    def __init__(
        self,
        paths: list[str],
        settings: Settings,
        renderer: Renderer,
        jobs: int | None = None,
        on_progress: Callable[[int, int], None] | None = None,
        chronicle: Chronicle | None = None,
    ) -> None:
        settings = replace(settings, stories=chronicle is not None)
        self._chronicle = chronicle
        self._analysis = Analysis(paths, settings)
        self._paths = paths
        self._settings = settings
        self._renderer = renderer
        self._on_progress = on_progress
        self.digits = self._analysis.digits
        self.totals = Totals()
        self._told = Summary()  # of the findings in stories
        self._ended = False
        self.streamed = self._analysis.streamed
        self.jobs = self._worthwhile() if jobs is None or self.streamed else max(jobs, 1)
        where = self._analysis.where
        if where is not None and where.by_number:
            self.jobs = 1  # only here numbers are known

    def _worthwhile(self) -> int:
        """As many processes as processors, where the input is worth it."""
        captures = self._analysis.captures
        # Each process would have to decompress or convert all of it.
        plain = all(c.compression is None for c in captures) and not any(
            isinstance(c, Capture) and c.converted for c in captures
        )
        # What comes through a pipe can be read only once.
        if self.streamed or not plain or sum(c.size for c in captures) < WORTH_A_PROCESS:
            return 1
        return min(os.cpu_count() or 1, MAX_JOBS)

    def __iter__(self) -> Iterator[Any]:
        """Rendered sessions as they end, numbered."""
        if self.streamed:  # it may run for weeks
            yield from self._alone()
            return
        with quiet_collector():
            yield from self._alone() if self.jobs == 1 else self._together()

    def stories(self) -> Iterator[Story]:
        """Stories that are over and were not given yet; once the iteration has ended, the rest."""
        chronicle = self._chronicle
        if chronicle is None:
            return
        for story in chronicle.finish() if self._ended else chronicle.told():
            self._told.add_story(story)
            yield story
        if self._ended:
            self._told.limits |= chronicle.limits
            self.totals.summary.merge(self._told)
            self._told = Summary()

    @property
    def files(self) -> list[str]:
        """The files in the order in which records count them, as they may be told."""
        if self._settings.redact:
            return [f"capture {n}" for n in range(1, len(self._analysis.captures) + 1)]
        return [capture.path for capture in self._analysis.captures]

    def place(self, file: int, frame: int) -> int:
        """A frame of a file as counted through all; known when this process has read them."""
        return self._analysis.place(file, frame)

    def stop(self) -> None:
        """End a stream; the iteration goes on with what has arrived, and with what is open."""
        self._analysis.stop()

    def _alone(self) -> Iterator[Any]:
        analysis, renderer = self._analysis, self._renderer
        if analysis.where is not None and analysis.where.by_number:
            keeper = analysis.settings.keeper
            renderer = _Late(renderer, analysis.where, analysis.summary, keeper, analysis.redactor)
        total = sum(c.size for c in analysis.captures)
        done = 0
        numbering = Numbering()
        held: Held = []
        for step in analysis.steps():
            held += _rendered(step, renderer)
            held = yield from self._numbered(numbering, step.began, step.settled, held, renderer)
            if self._on_progress is not None:
                done = max(done, sum(c.position for c in analysis.captures))
                self._on_progress(min(done, total), total)
        self.totals = totals_of(analysis)
        self._ended = True

    def _together(self) -> Iterator[Any]:
        context = multiprocessing.get_context()
        key = os.urandom(16)
        pipes: list[Pipe] = []
        workers = []
        for index in range(self.jobs):
            mine, theirs = context.Pipe(duplex=False)
            shard = replace(self._settings, shard=(index, self.jobs), key=key)
            worker = context.Process(
                target=_work, args=(self._paths, shard, self._renderer, theirs), daemon=True
            )
            worker.start()
            theirs.close()
            pipes.append(mine)
            workers.append(worker)
        for capture in self._analysis.captures:
            capture.close()  # the workers read
        try:
            yield from self._collect(pipes)
        finally:
            for worker in workers:
                worker.terminate()
                worker.join()

    def _collect(self, pipes: list[Pipe]) -> Iterator[Any]:
        """Merge what the workers send: order of numbers is settled when all agree."""
        total = sum(c.size for c in self._analysis.captures)
        numbering = Numbering()
        settled = [0] * len(pipes)
        positions = [0] * len(pipes)
        held: Held = []
        totals: list[Totals] = []
        running = {pipe: i for i, pipe in enumerate(pipes)}
        while running:
            for pipe in cast("list[Pipe]", wait(list(running))):
                index = running[pipe]
                try:
                    message = pipe.recv()
                except EOFError:
                    raise RuntimeError("a worker process ended before its work was done") from None
                if isinstance(message, BaseException):
                    raise message
                if isinstance(message, Totals):
                    totals.append(message)
                    del running[pipe]
                    continue
                began, settled[index], ended, positions[index] = message
                held += [
                    (first, rendered, None if facts is None else unpack(facts))
                    for first, rendered, facts in ended
                ]
                held = yield from self._numbered(
                    numbering, began, min(settled), held, self._renderer
                )
                if self._on_progress is not None:
                    self._on_progress(min(min(positions), total), total)
        self.totals = totals[0]
        for other in totals[1:]:
            self.totals.summary.merge(other.summary)
        self._ended = True

    def _numbered(
        self,
        numbering: Numbering,
        began: list[int],
        settled: int,
        held: Held,
        renderer: Renderer,
    ) -> Generator[Any, None, Held]:
        """Yields what can be numbered now; returns what must wait."""
        numbering.began(began)
        numbering.settle(settled)
        chronicle = self._chronicle
        waiting = []
        for first_frame, rendered, facts in held:
            number = numbering.take(first_frame)
            if not number:
                waiting.append((first_frame, rendered, facts))
                continue
            wanted = rendered is not _UNWANTED
            if wanted:
                numbered = renderer.number(rendered, number)
                wanted = numbered is not _UNWANTED
            if chronicle is not None:
                chronicle.add(number, facts if wanted else None)
            if wanted:
                yield numbered
        return waiting

    def record(self, version: str) -> Run:
        """The run record."""
        record = record_of(self.totals, self._settings, version)
        if self._analysis.redactor is not None:
            self._analysis.redactor.run(record)
        return record


def _ranked(counts: dict[str, int]) -> dict[str, int]:
    """Most frequent first, equals by name: not in the order in which workers came to an end."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


# First frame, rendered session, and its facts: waiting for a number.
Held = list[tuple[int, Any, "Facts | None"]]
_UNWANTED = None  # in place of a rendered session: it has a number, but nobody asked for it


def _rendered(step: Step, renderer: Renderer) -> Held:
    """What ended in a step, with those that are not wanted but take a number."""
    wanted: Held = [
        (first, renderer.render(session), facts)
        for (first, session), facts in zip(step.ended, step.facts, strict=True)
    ]
    return wanted + [(first, _UNWANTED, None) for first in step.passed_over]


class _Late:
    """Renders sessions once they have their number, which decides whether they are wanted."""

    def __init__(
        self,
        renderer: Renderer,
        where: Where,
        summary: Summary,
        keeper: Keeper | None,
        redactor: Redactor | None,
    ) -> None:
        self._renderer = renderer
        self._keeper = keeper
        self._where = where
        self._summary = summary
        self._redactor = redactor

    def render(self, session: Session) -> Session:
        return session

    def number(self, session: Session, number: int) -> Any:  # noqa: ANN401
        session.number = number
        if not self._where(session):
            self._summary.passed_over += 1
            if self._keeper is not None:
                self._keeper.forget(session)
            return _UNWANTED
        self._summary.add(session)
        if self._redactor is not None:
            self._redactor.session(session)
        session.number = 0
        return self._renderer.number(self._renderer.render(session), number)


@contextmanager
def quiet_collector() -> Iterator[None]:
    """Without cyclic garbage collection, which would walk millions of live objects in vain.

    Dialogues cut their own circles (`Dialogue.close`); what a fault leaves behind is collected
    at the end.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _work(paths: list[str], settings: Settings, renderer: Renderer, pipe: Pipe) -> None:
    """One worker: its shard of the connections, rendered."""
    gc.disable()
    try:
        analysis = Analysis(paths, settings)
        for step in analysis.steps():
            ended = [
                (first, rendered, None if facts is None else pack(facts))
                for first, rendered, facts in _rendered(step, renderer)
            ]
            position = sum(c.position for c in analysis.captures)
            pipe.send((step.began, step.settled, ended, position))
        pipe.send(totals_of(analysis))
    except (KeyboardInterrupt, BrokenPipeError):
        pass
    except Exception as fault:
        pipe.send(fault)
    finally:
        pipe.close()
