"""Two sessions side by side: which line of one stands beside which of the other."""

from __future__ import annotations

from difflib import SequenceMatcher
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from smtpsniff.output.account import Line

__all__ = ["MOST", "Pair", "align", "differs"]

# Lines of each session that are compared: the time it takes grows with their product.
MOST = 2000


class Pair(NamedTuple):
    """A line of each session, or of one of them; `same` if they say the same."""

    left: int | None
    right: int | None
    same: bool


def align(left: Sequence[Line], right: Sequence[Line]) -> list[Pair]:
    """The lines of both in their order. Times and frames do not count, words do."""
    left, right = left[:MOST], right[:MOST]
    words = [_words(line) for line in left], [_words(line) for line in right]
    pairs: list[Pair] = []
    for tag, a, b, c, d in SequenceMatcher(None, *words, autojunk=False).get_opcodes():
        if tag == "equal":
            pairs += [Pair(a + at, c + at, True) for at in range(b - a)]
        else:
            pairs += _changed(left, right, range(a, b), range(c, d))
    return pairs


def _words(line: Line) -> tuple[str, ...]:
    return (line.party, line.kind, *line.text)


def _changed(
    left: Sequence[Line], right: Sequence[Line], here: range, there: range
) -> Iterator[Pair]:
    """Lines that differ: those of the same kind and party beside each other, in their order."""
    kinds = (
        [(left[i].party, left[i].kind) for i in here],
        [(right[i].party, right[i].kind) for i in there],
    )
    for tag, a, b, c, d in SequenceMatcher(None, *kinds, autojunk=False).get_opcodes():
        if tag == "equal":
            for one, other in zip(here[a:b], there[c:d], strict=True):
                yield Pair(one, other, False)
        else:
            for first, second in zip_longest(here[a:b], ()):
                yield Pair(first, second, False)
            for first, second in zip_longest((), there[c:d]):
                yield Pair(first, second, False)


def differs(one: str, other: str) -> tuple[int, int, int]:
    """Letters that are the same at the start of both; where the rest that is the same begins, in
    one and in the other."""
    least = min(len(one), len(other))
    start = next((i for i in range(least) if one[i] != other[i]), least)
    end = 0
    while end < least - start and one[-1 - end] == other[-1 - end]:
        end += 1
    return start, len(one) - end, len(other) - end
