"""What a run amounted to: counts that add up over processes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from smtpsniff.records import SEVERITIES

if TYPE_CHECKING:
    from smtpsniff.records import Session, Story

__all__ = ["Summary"]


@dataclass(slots=True)
class Summary:
    """Counts over sessions; `worst` is the worst severity of any finding, or ""."""

    sessions: int = 0
    passed_over: int = 0  # sessions that were not asked for
    outcomes: Counter[str] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)
    worst: str = ""
    connections: int = 0
    limits: set[str] = field(default_factory=set)

    def add(self, session: Session) -> None:
        """Count one session."""
        self.sessions += 1
        self.outcomes[session.verdict.outcome] += 1
        for finding in session.findings:
            self.findings[finding.check] += finding.count
            self._worsen(finding.severity)

    def add_story(self, story: Story) -> None:
        """Count the findings that live in a story."""
        for finding in story.findings:
            self.findings[finding.check] += finding.count
            self._worsen(finding.severity)

    def merge(self, other: Summary) -> None:
        """Add another process's counts."""
        self.sessions += other.sessions
        self.passed_over += other.passed_over
        self.outcomes += other.outcomes
        self.findings += other.findings
        self.connections += other.connections
        self.limits |= other.limits
        if other.worst:
            self._worsen(other.worst)

    def _worsen(self, severity: str) -> None:
        if severity == self.worst:
            return
        if not self.worst or SEVERITIES.index(severity) < SEVERITIES.index(self.worst):
            self.worst = severity

    def reaches(self, severity: str) -> bool:
        """Whether any finding is at `severity` or worse."""
        if not self.worst or severity not in SEVERITIES:
            return False
        return SEVERITIES.index(self.worst) <= SEVERITIES.index(severity)
