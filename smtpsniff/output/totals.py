"""What a run came to, under the session table: outcomes, findings, and where to look next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.output.digest import ORDER, Count, Digest
from smtpsniff.output.histogram import sparkline
from smtpsniff.output.labels import OUTCOMES
from smtpsniff.output.paint import wrap
from smtpsniff.output.row import FAILED
from smtpsniff.output.units import count
from smtpsniff.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.output.paint import Paint
    from smtpsniff.output.row import Row
    from smtpsniff.records import Run, Story

__all__ = ["Totals"]

MANY = 20  # sessions: with fewer, the table itself is easily surveyed
COLUMNS = 40  # of the line of bars
LISTED = 12  # findings listed
TOLD = 5  # stories told
LONG = 200  # characters of file names that nobody wants to read again
_RANK = {"error": 0, "warning": 1, "note": 2}


def _selected(run: Run) -> Iterator[str]:
    """That there is more, and what of it was asked for."""
    selected = run.selected
    if selected is not None and selected.where is not None:
        whole = count(selected.of_sessions or 0, "session")
        yield f"  only sessions where {safe(selected.where)} (of {whole})"
    if selected is not None and selected.filter is not None:
        whole = count(selected.of_packets or 0, "packet")
        yield f"  only packets that match {safe(selected.filter)} (of {whole})"


def _worth(story: Story) -> tuple[int, int]:
    """Which stories to tell first: the worst, then the earliest."""
    return min((_RANK[f.severity] for f in story.findings), default=2), story.start


def _lost(run: Run) -> Iterator[str]:
    """Packets that the capture itself says it has not: gaps may be its own doing."""
    for interface in run.interfaces:
        if interface.dropped:
            where = f" on {safe(interface.name)}" if interface.name else ""
            yield f"  {count(interface.dropped, 'packet')} dropped while capturing{where}"


class Totals:
    """Counts rows as they come."""

    def __init__(self) -> None:
        self._digest = Digest()
        self._checks: dict[str, Count] = {}
        self._stories: list[Story] = []  # the first few worth telling
        self._more = 0  # stories

    def add(self, row: Row) -> None:
        """Count one row."""
        self._digest.add(row)
        for check in {spotted.check: spotted for spotted in row.spotted}.values():
            known = self._checks.setdefault(check.check, Count())
            known.severity = min(known.severity, check.severity, key=_RANK.__getitem__)
            known.add(row.number)

    def add_story(self, story: Story) -> None:
        """Count a story's findings, and keep it if it is one of the first."""
        for finding in story.findings:
            known = self._checks.setdefault(finding.check, Count())
            known.severity = min(known.severity, finding.severity, key=_RANK.__getitem__)
            known.add(story.sessions[0])
        self._stories.append(story)
        if len(self._stories) > TOLD:
            self._stories.sort(key=_worth)
            self._stories.pop()
            self._more += 1

    def lines(self, run: Run, sentences: dict[str, str], paint: Paint) -> Iterator[str]:
        """The lines under the table."""
        yield ""
        yield f"{count(run.sessions, 'session')} in {count(run.packets, 'packet')}"
        yield from _selected(run)
        yield from _lost(run)
        yield from self._counted(paint)
        yield from self._over_time(paint)
        if len(run.files) > 1:
            for index, file in enumerate(run.files):
                yield f"  file {index + 1}: {file.path}"
        yield from self._causes(sentences, paint)
        yield from self._found(sentences, paint)
        yield from self._told(paint)
        if run.limits_hit:
            yield f"limits reached: {', '.join(run.limits_hit)}"
        yield from self._hints(run, paint)

    def _counted(self, paint: Paint) -> Iterator[str]:
        """Outcomes, the worst first, and where to find those that failed."""
        most = max((count.sessions for count in self._digest.outcomes.values()), default=0)
        for outcome in ORDER:
            if outcome in self._digest.outcomes:
                counted = self._digest.outcomes[outcome]
                where = f"  {counted.where()}" if outcome in FAILED else ""
                word = paint(outcome, OUTCOMES[outcome].style)
                blanks = " " * (11 - len(outcome)) if where else ""
                yield f"  {counted.sessions:{len(f'{most:,}')},} {word}{blanks}{where}"

    def _over_time(self, paint: Paint) -> Iterator[str]:
        """Many sessions as a line of bars."""
        bins = self._digest.histogram.bins(COLUMNS)
        if sum(sum(one.counts.values()) for one in bins) < MANY or len(bins) < 2:
            return
        bars, period = sparkline(bins)
        yield f"  {paint(bars, 'dim')}  {period}"

    def _causes(self, sentences: dict[str, str], paint: Paint) -> Iterator[str]:
        """Why mails failed, where enough did for it to be worth a list of its own."""
        causes = self._digest.causes(sentences)
        failed = sum(n for outcome, n in self._digest.counted() if outcome in FAILED)
        if failed < MANY or not causes:
            return
        yield ""
        yield paint(f"why {failed:,} sessions failed", "head")
        most = len(f"{causes[0].sessions:,}")
        for cause in causes:
            text = f"{cause.sentence} ({cause.check}, e.g. session {cause.named[0]})"
            lines = wrap(text, None if paint.width is None else paint.width - most - 6)
            yield f"  {cause.sessions:{most},} ×  {lines[0]}"
            for line in lines[1:]:
                yield " " * (most + 6) + line

    def _found(self, sentences: dict[str, str], paint: Paint) -> Iterator[str]:
        """Checks that found something."""
        found = self._worst_first()
        if found:
            yield ""
            yield paint("findings", "head")
        many = max((len(f"{check.sessions:,}") for _, check in found), default=0)
        for name, check in found[:LISTED]:
            severity = paint(f"{check.severity:<7}", check.severity)
            text = f"{name} ({check.where()}): {sentences.get(name, '')}".rstrip(": ")
            indent = 2 + 7 + 2 + many + 4
            lines = wrap(text, None if paint.width is None else paint.width - indent)
            yield f"  {severity}  {check.sessions:{many},} ×  {lines[0]}"
            for line in lines[1:]:
                yield " " * indent + line
        if len(found) > LISTED:
            yield f"  and {len(found) - LISTED} more kinds; --json has all of them"

    def _told(self, paint: Paint) -> Iterator[str]:
        """Stories over several sessions."""
        if self._stories:
            yield ""
            yield paint("stories over several sessions", "head")
        for story in sorted(self._stories, key=_worth):
            width = None if paint.width is None else paint.width - 13
            rows = wrap(safe(story.text), width)
            yield f"  {story.kind:<9}  {rows[0]}"
            for row in rows[1:]:
                yield " " * 13 + row
        if self._more:
            yield f"  and {self._more:,} more; smtpsniff stories has all of them"

    def _worst_first(self) -> list[tuple[str, Count]]:
        """Checks: the worst first, then the most frequent."""
        return sorted(self._checks.items(), key=lambda c: (_RANK[c[1].severity], -c[1].sessions))

    def _hints(self, run: Run, paint: Paint) -> Iterator[str]:
        """What to type next."""
        if paint.width is None or not self._digest.outcomes:
            return  # a pipe is read by a program, or pasted
        import shlex

        files = " ".join(shlex.quote(file.path) for file in run.files)
        if len(files) > LONG:
            files = "FILE..."
        example = next(
            self._digest.outcomes[o].named[0] for o in ORDER if o in self._digest.outcomes
        )
        which = f"--session {example}" if len(run.files) > 1 else str(example)
        yield ""
        yield paint(f"smtpsniff show {files} {which}", "dim")
        if self._stories:
            yield paint(f"smtpsniff stories {files}", "dim")
        for name, _ in self._worst_first()[:1]:
            yield paint(f"smtpsniff explain {name}", "dim")
