"""Every check of the catalogue, whoever wrote it: documented, and true to its own examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from judging import every

from smtpsniff.checks import CATALOGUE
from smtpsniff.checks.registry import GROUPS
from smtpsniff.records import SEVERITIES

if TYPE_CHECKING:
    from smtpsniff.checks import Check

# A dialogue cannot cut packets: this one is tried with a snap length of its own.
NOT_IN_A_DIALOGUE = {"tcp-truncated-capture"}


def test_ids_are_unique() -> None:
    assert len({check.id for check in CATALOGUE}) == len(CATALOGUE)


@pytest.mark.parametrize("check", CATALOGUE, ids=lambda c: c.id)
def test_documented(check: Check) -> None:
    assert check.group in GROUPS
    assert check.severity in SEVERITIES
    for text in (check.sentence, check.trigger, check.advice, check.traps, check.reference):
        assert text


@pytest.mark.parametrize("check", CATALOGUE, ids=lambda c: c.id)
def test_example(check: Check) -> None:
    if check.id not in NOT_IN_A_DIALOGUE:
        assert check.id in {f.check for f in every(check.fires)}
    assert check.id not in {f.check for f in every(check.silent)}
