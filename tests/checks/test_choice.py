"""Which checks are on, and what their thresholds are."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import pytest
from judging import found, one

from smtpsniff.checks import CATALOGUE
from smtpsniff.checks.choice import EVERYTHING, Choice, ChoiceError, choose
from smtpsniff.checks.registry import Hit, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View

SLOW = '''
    OPEN
    +6.0 S "220 mx.example ESMTP\\r\\n"
    @EN
    @Q
'''  # fmt: skip
IDS = {entry.id for entry in CATALOGUE}


def _with(**words: object) -> dict[str, object]:
    return {"choice": choose(CATALOGUE, **words)}  # type: ignore[arg-type]


def test_a_threshold_moves_the_line() -> None:
    assert one("greeting-slow", SLOW).severity == "warning"
    later = _with(values={"greeting-slow.after": 20})
    assert one("greeting-slow", SLOW, read=later).severity == "note"
    never = _with(values={"greeting-slow.after": 20, "greeting-slow.note": 6.5})
    assert not found("greeting-slow", SLOW, read=never)


def test_what_was_set_for_one_run_is_not_set_for_the_next() -> None:
    found("greeting-slow", SLOW, read=_with(values={"greeting-slow.after": 20}))
    assert one("greeting-slow", SLOW).severity == "warning"


def test_checks_can_be_switched_off_and_on() -> None:
    assert not found("greeting-slow", SLOW, read=_with(disable=["greeting-slow"]))
    assert not found("greeting-slow", SLOW, read=_with(disable=["TIMING"]))
    assert not found("greeting-slow", SLOW, read=_with(only=["tls", "greeting-m*"]))
    assert found("greeting-slow", SLOW, read=_with(only=["greeting-*"]))


@pytest.mark.parametrize(
    ("words", "off"),
    [
        ({"only": ["greeting-slow"]}, IDS - {"greeting-slow"}),
        ({"only": ["greeting-*"], "disable": ["greeting-slow"]}, None),
        ({"disable": ["tls"]}, {entry.id for entry in CATALOGUE if entry.group == "tls"}),
        ({"disable": ["tls-[ao]*"]}, {i for i in IDS if i.startswith(("tls-a", "tls-o"))}),
        ({}, set()),
    ],
)
def test_names_groups_and_patterns(words: dict[str, list[str]], off: set[str] | None) -> None:
    chosen = choose(CATALOGUE, **words)  # type: ignore[arg-type]
    if off is None:
        off = IDS - {i for i in IDS if i.startswith("greeting-") and i != "greeting-slow"}
    assert chosen.off == off


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"disable": ["greeting-slwo"]}, "perhaps greeting-slow"),
        ({"disable": ["tsl-*"]}, "perhaps tls"),
        ({"only": ["\x1b["]}, "no check and no group is called '\\x1b['"),
        ({"values": {"greeting-slow.aftr": 1}}, "greeting-slow has greeting-slow.note"),
        ({"values": {"greting-slow.after": 1}}, "perhaps greeting-slow.after"),
        ({"values": {"greeting-slow.after": "20"}}, "is a number, not '20'"),
        ({"values": {"greeting-slow.after": True}}, "is a number, not True"),
        ({"values": {"greeting-slow.after": float("nan")}}, "is 1 or more"),
        ({"values": {"greeting-slow.after": float("inf")}}, "is 1 or more"),
        ({"values": {"greeting-slow.after": 0.5}}, "is 1 or more, not 0.5"),
        ({"values": {"body-lines-as-commands.lines": 2.5}}, "is a whole number, not 2.5"),
        ({"values": {"tcp-syn-unanswered.patience": -1}}, "is 0 or more, not -1"),
    ],
)
def test_mistakes_are_told(words: dict[str, object], said: str) -> None:
    with pytest.raises(ChoiceError) as error:
        choose(CATALOGUE, **words)  # type: ignore[arg-type]
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_choice_goes_to_other_processes() -> None:
    choice = choose(CATALOGUE, disable=["tls"], values={"greeting-slow.after": 20})
    assert pickle.loads(pickle.dumps(choice)) == choice
    assert Choice() == EVERYTHING


def test_every_threshold_is_documented() -> None:
    thresholds = [t for entry in CATALOGUE for t in entry.thresholds]
    assert len({t.id for t in thresholds}) == len(thresholds)
    for threshold in thresholds:
        assert threshold.meaning.endswith(".")
        assert "least" not in threshold.unit  # it is a number of its own
        assert threshold.default >= threshold.least


def test_a_threshold_without_words_is_no_threshold() -> None:
    def rule(view: View, *, after: float = 1.0) -> Iterator[Hit]:
        """A sentence.

        Trigger: x.
        Thresholds:
            later (s): not its name.
        """
        yield from ()

    make = check("a-b", group="tcp", severity="note", reference="x", fires="", silent="")
    with pytest.raises(TypeError, match=r"a-b: its thresholds are \['after'\]"):
        make(rule)
