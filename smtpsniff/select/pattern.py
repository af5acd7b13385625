"""Regular expressions of people, applied to text of strangers: they must come to an end.

Python's `re` tries every way to share a text out between repeats. Where one repeat is inside
an endless one the ways double with each character; such patterns are refused, as are alternatives
inside that may begin alike. What is left takes at worst a power of the text's length, of which
only the first part is looked at.
"""

from __future__ import annotations

import re
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_PATTERN = 500  # characters
LONGEST_TEXT = 4096  # characters that are looked at: eight times the longest reply line
MOST_REPEATS = 10  # that may take more or less of the text, one behind the other

REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT)
ONE_WAY = (codes.POSSESSIVE_REPEAT, codes.ATOMIC_GROUP)


def compile_pattern(text: str) -> re.Pattern[str]:
    """The compiled pattern; ValueError says what is wrong with it."""
    if len(text) > LONGEST_PATTERN:
        raise ValueError(f"a pattern is at most {LONGEST_PATTERN} characters long")
    try:
        tree = parser.parse(text)
        pattern = re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"this is no regular expression: {error}") from None
    if _choices(tree, inside=False) > MOST_REPEATS:
        raise ValueError(f"more than {MOST_REPEATS} repeats in a row can take too long")
    return pattern


def _choices(tree: Any, *, inside: bool) -> int:  # noqa: ANN401
    """How many repeats may take more or less; ValueError where one is inside an endless one."""
    found = 0
    for code, argument in tree:
        if code in ONE_WAY:
            continue  # it never tries another way
        if code in REPEATS:
            least, most, part = argument
            if inside and least != most:
                raise ValueError(
                    "a repeat inside a repeat can take for ever; "
                    "make the inner one possessive: ++, *+ or ?+"
                )
            endless = most is codes.MAXREPEAT
            within = _choices(part, inside=inside or endless)
            found += (least != most) + (within if endless else within * int(most))
        elif code is codes.BRANCH:
            if inside and not _begin_differently(argument[1]):
                raise ValueError("alternatives in a repeat must begin with different characters")
            found += sum(_choices(part, inside=inside) for part in argument[1])
        else:
            found += sum(_choices(part, inside=inside) for part in _parts(argument))
    return found


def _parts(argument: Any) -> Iterator[Any]:  # noqa: ANN401
    """The patterns inside an argument of any code."""
    if isinstance(argument, parser.SubPattern):
        yield argument
    elif isinstance(argument, tuple | list):
        for part in argument:
            yield from _parts(part)


def _begin_differently(alternatives: Any) -> bool:  # noqa: ANN401
    heads = [part[0] if len(part) else None for part in alternatives]
    literals = {head[1] for head in heads if head is not None and head[0] is codes.LITERAL}
    return len(literals) == len(heads)
