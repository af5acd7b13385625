from __future__ import annotations

import pytest

from smtpsniff.smtp.codes import CODES, code_class
from smtpsniff.smtp.verbs import VERBS


@pytest.mark.parametrize(
    ("code", "name", "word"),
    [
        (120, "1yz", "preliminary"),
        (250, "2yz", "success"),
        (354, "3yz", "continue"),
        (421, "4yz", "temporary"),
        (598, "5yz", "permanent"),
        (99, "", "none"),
        (600, "", "none"),
        (-1, "", "none"),
    ],
)
def test_code_class(code: int, name: str, word: str) -> None:
    assert code_class(code)[:2] == (name, word)


def test_rows_are_complete() -> None:
    assert list(CODES) == sorted(CODES)
    for code, row in CODES.items():
        assert row.code == code
        assert row.meaning.endswith(".")
        assert row.where
        assert row.reference
        assert row.advice == "" or row.advice.endswith(".")


def test_refusals_say_what_to_do() -> None:
    standard_without = {453, 458, 502}
    for code, row in CODES.items():
        if code >= 400 and code not in standard_without:
            assert row.advice, code


def test_every_positive_reply_of_a_verb_is_explained() -> None:
    for verb in VERBS.values():
        assert verb.positive <= CODES.keys()


def test_every_listed_refusal_of_a_verb_is_explained() -> None:
    for verb in VERBS.values():
        assert verb.listed <= CODES.keys()
