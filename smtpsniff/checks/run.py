"""Runs the checks on a session, counts what they found, folds consequences under roots."""

from __future__ import annotations

import traceback
from collections import defaultdict
from typing import TYPE_CHECKING

from smtpsniff.checks import CATALOGUE
from smtpsniff.checks.folding import fold
from smtpsniff.checks.topics import topics_of
from smtpsniff.checks.view import View
from smtpsniff.records import SEVERITIES, Finding, Timestamp

if TYPE_CHECKING:
    from smtpsniff.checks.registry import Check, Hit
    from smtpsniff.records import Session
    from smtpsniff.smtp.dialogue import Dialogue

__all__ = ["examine", "internal_error"]

# Evidence of a finding: the first five places (PROTOCOL D), each with a few frames.
EVIDENCES = 5
_RANK = {severity: rank for rank, severity in enumerate(SEVERITIES)}


def _by_topic() -> tuple[dict[str, list[int]], list[int]]:
    wakes: dict[str, list[int]] = defaultdict(list)
    always = [i for i, check in enumerate(CATALOGUE) if not check.wakes]
    for i, check in enumerate(CATALOGUE):
        for topic in check.wakes:
            wakes[topic].append(i)
    return dict(wakes), always


_WAKES, _ALWAYS = _by_topic()
_plans: dict[frozenset[str], list[Check]] = {}  # sessions of a kind wake the same checks
MAX_PLANS = 4096


def _awake(topics: set[str]) -> list[Check]:
    """The checks that these topics wake, in the catalogue's order."""
    key = frozenset(topics)
    plan = _plans.get(key)
    if plan is None:
        chosen = set(_ALWAYS)
        for topic in topics:
            chosen.update(_WAKES.get(topic, ()))
        plan = [CATALOGUE[i] for i in sorted(chosen)]
        if len(_plans) < MAX_PLANS:
            _plans[key] = plan
    return plan


def examine(session: Session, dialogue: Dialogue) -> list[Finding]:
    """Findings of all checks on one session, worst first, consequences folded (D.14)."""
    view = View(session, dialogue)
    view.topics = topics_of(view)
    findings: list[Finding] = []
    index: dict[int, int] | None = None
    for check in _awake(view.topics):
        try:
            hits = list(check.run(view))
        except Exception as fault:  # a fault of ours: told, and the run goes on
            findings.append(internal_error(session, f"check {check.id}", fault))
            continue
        if hits:
            if index is None:
                index = {id(entry): i for i, entry in enumerate(session.timeline)}
            findings += _count(check, hits, index)
    if len(findings) > 1:
        findings = fold(findings)
        findings.sort(key=lambda f: (_RANK[f.severity], f.frames[:1]))
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
