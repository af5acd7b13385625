"""Runs the checks on a session, counts what they found, folds consequences under roots."""

from __future__ import annotations

import traceback
from collections import defaultdict
from typing import TYPE_CHECKING

from smtpsniff.checks import CATALOGUE
from smtpsniff.checks.choice import EVERYTHING
from smtpsniff.checks.folding import fold
from smtpsniff.checks.topics import topics_of
from smtpsniff.checks.view import View
from smtpsniff.records import SEVERITIES, Finding, Timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smtpsniff.checks.choice import Choice
    from smtpsniff.checks.registry import Check, Hit, Rule
    from smtpsniff.records import Session
    from smtpsniff.smtp.dialogue import Dialogue
    from smtpsniff.timing import Wait

__all__ = ["Examiner", "internal_error"]

# Evidence of a finding: the first five places (PROTOCOL D), each with a few frames.
EVIDENCES = 5
_RANK = {severity: rank for rank, severity in enumerate(SEVERITIES)}
# Among findings of one severity these groups come first: what became of the mail heads a session.
_FIRST = {"delivery": 0, "security": 1}
_TIES = {check.id: _FIRST.get(check.group, 2) for check in CATALOGUE}


MAX_PLANS = 4096  # kinds of sessions; more of them are planned anew each time


class Examiner:
    """Runs the checks that are on, with the thresholds of a run."""

    def __init__(self, choice: Choice = EVERYTHING) -> None:
        self._rules: list[tuple[Check, Rule]] = [
            (check, choice.run(check)) for check in CATALOGUE if check.id not in choice.off
        ]
        self._wakes: dict[str, list[int]] = defaultdict(list)
        self._always = [i for i, (check, _) in enumerate(self._rules) if not check.wakes]
        for i, (check, _) in enumerate(self._rules):
            for topic in check.wakes:
                self._wakes[topic].append(i)
        # Sessions of a kind wake the same checks.
        self._plans: dict[frozenset[str], list[tuple[Check, Rule]]] = {}

    def _awake(self, topics: set[str]) -> list[tuple[Check, Rule]]:
        """The checks that these topics wake, in the catalogue's order."""
        key = frozenset(topics)
        plan = self._plans.get(key)
        if plan is None:
            chosen = set(self._always)
            for topic in topics:
                chosen.update(self._wakes.get(topic, ()))
            plan = [self._rules[i] for i in sorted(chosen)]
            if len(self._plans) < MAX_PLANS:
                self._plans[key] = plan
        return plan

    def __call__(
        self, session: Session, dialogue: Dialogue, waits: Sequence[Wait] = ()
    ) -> list[Finding]:
        """Findings of all checks on one session, worst first, consequences folded (D.14)."""
        view = View(session, dialogue, waits)
        view.topics = topics_of(view)
        findings: list[Finding] = []
        index: dict[int, int] | None = None
        for check, rule in self._awake(view.topics):
            try:
                hits = list(rule(view))
            except Exception as fault:  # a fault of ours: told, and the run goes on
                findings.append(internal_error(session, f"check {check.id}", fault))
                continue
            if hits:
                if index is None:
                    index = {id(entry): i for i, entry in enumerate(session.timeline)}
                findings += _count(check, hits, index)
        if len(findings) > 1:
            findings = fold(findings)
            findings.sort(key=lambda f: (_RANK[f.severity], _TIES.get(f.check, 2), f.frames[:1]))
        return findings


def _count(check: Check, hits: list[Hit], index: dict[int, int]) -> list[Finding]:
    """One finding for each key, with an occurrence counter and the first evidences."""
    if len(hits) == 1:
        return [_finding(check, hits, index)]
    by_key: dict[str, list[Hit]] = {}
    for hit in hits:
        by_key.setdefault(hit.key, []).append(hit)
    return [_finding(check, same, index) for same in by_key.values()]


def _finding(check: Check, hits: list[Hit], index: dict[int, int]) -> Finding:
    worst = hits[0]
    if len(hits) > 1:
        worst = min(hits, key=lambda h: _RANK[h.severity or check.severity])
        frames = {f for hit in hits[:EVIDENCES] for f in hit.frames}
    else:
        frames = set(worst.frames)
    frames.discard(0)
    return Finding(
        check.id, worst.severity or check.severity, worst.confidence, sorted(frames),
        Timestamp(worst.time), worst.text, len(hits), [],
        index.get(id(worst.entry)) if worst.entry is not None else None,
    )  # fmt: skip


def internal_error(session: Session, where: str, fault: BaseException) -> Finding:
    """A fault of smtpsniff's own, on record so that nobody takes silence for health."""
    last = traceback.extract_tb(fault.__traceback__)[-1:]
    place = f" ({last[0].name}, line {last[0].lineno})" if last else ""
    return Finding(
        check="internal-error",
        severity="warning",
        confidence="certain",
        frames=[session.first_frame],
        time=session.start,
        text=f"smtpsniff itself failed in {where}: {type(fault).__name__}: {fault}{place}",
        count=1,
        related=[],
    )
