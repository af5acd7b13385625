"""Every check over sessions, whoever wrote it: documented, and true to its own examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from dialogue import stories

from smtpsniff.checks.registry import GROUPS
from smtpsniff.records import SEVERITIES
from smtpsniff.stories import CATALOGUE, STORY_CHECKS

if TYPE_CHECKING:
    from smtpsniff.checks import Check
    from smtpsniff.records import Finding


def findings(text: str, **options: object) -> list[Finding]:
    """All findings that live in stories."""
    return [f for story in stories(text, **options) for f in story.findings]  # type: ignore[arg-type]


def test_ids_are_unique() -> None:
    assert len({check.id for check in CATALOGUE}) == len(CATALOGUE)


@pytest.mark.parametrize("check", STORY_CHECKS, ids=lambda c: c.id)
def test_documented(check: Check) -> None:
    assert check.group in GROUPS
    assert check.severity in SEVERITIES
    for text in (check.sentence, check.trigger, check.advice, check.traps):
        assert text.endswith(".")
    assert check.reference
    assert check.wakes


@pytest.mark.parametrize("check", STORY_CHECKS, ids=lambda c: c.id)
def test_example(check: Check) -> None:
    (finding,) = [f for f in findings(check.fires) if f.check == check.id]
    assert finding.text.endswith(".")
    assert finding.frames
    assert finding.time
    assert check.id not in {f.check for f in findings(check.silent)}


@pytest.mark.parametrize("check", STORY_CHECKS, ids=lambda c: c.id)
def test_can_be_switched_off(check: Check) -> None:
    from smtpsniff.checks.choice import choose

    choice = choose(CATALOGUE, disable=[check.id])
    assert check.id not in {f.check for f in findings(check.fires, read={"choice": choice})}


# One question is enough for it, however far the next.
UNBOUNDED = {"callout-probe"}


@pytest.mark.parametrize(
    "check",
    [c for c in STORY_CHECKS if c.thresholds and c.id not in UNBOUNDED],
    ids=lambda c: c.id,
)
def test_thresholds_matter(check: Check) -> None:
    """With the first of them out of reach, the example is silent."""
    from smtpsniff.checks.choice import choose

    first = check.thresholds[0]
    choice = choose(CATALOGUE, values={first.id: 0.001 if first.name == "within" else 10_000})
    assert check.id not in {f.check for f in findings(check.fires, read={"choice": choice})}
