"""Which checks are on, and the thresholds that somebody set: chosen once for a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from smtpsniff.checks.registry import Check, Number, Threshold

__all__ = ["EVERYTHING", "Choice", "ChoiceError", "choose"]


class ChoiceError(ValueError):
    """A name that nothing has, or a value that cannot be; `str()` is one line."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Checks that are off, and thresholds by id where they are not the default. Picklable."""

    off: frozenset[str] = frozenset()
    values: Mapping[str, Number] = field(default_factory=dict)

    def value(self, threshold: Threshold) -> Number:
        """The present value of a threshold."""
        return self.values.get(threshold.id, threshold.default)

    def run(self, check: Check) -> Any:  # noqa: ANN401  # a rule, of whatever this check reads
        """The check's rule with the thresholds that were set."""
        changed = {t.name: self.values[t.id] for t in check.thresholds if t.id in self.values}
        return partial(check.run, **changed) if changed else check.run


EVERYTHING = Choice()


def choose(
    catalogue: Sequence[Check],
    *,
    only: Iterable[str] = (),
    disable: Iterable[str] = (),
    values: Mapping[str, object] | None = None,
) -> Choice:
    """A choice from words of users: ids and groups with `*`, `?` and `[…]`; thresholds by id.

    Raises `ChoiceError` for a name that fits nothing, and for a value that cannot be.
    """
    off = set()
    wanted = set().union(*(_matching(catalogue, word) for word in only))
    if wanted:
        off = {check.id for check in catalogue} - wanted
    for word in disable:
        off |= _matching(catalogue, word)
    known = {t.id: t for check in catalogue for t in check.thresholds}
    checked = {name: _value(known, name, value) for name, value in (values or {}).items()}
    return Choice(frozenset(off), checked)


def _matching(catalogue: Sequence[Check], word: str) -> set[str]:
    """Ids of the checks that a word means: by id, by group, or by a pattern of either."""
    from fnmatch import fnmatchcase

    low = word.strip().lower()
    found = {c.id for c in catalogue if fnmatchcase(c.id, low) or fnmatchcase(c.group, low)}
    if not found:
        names = [*(c.id for c in catalogue), *dict.fromkeys(c.group for c in catalogue)]
        raise ChoiceError(f"no check and no group is called {word!r}{_nearest(low, names)}")
    return found


def _value(known: Mapping[str, Threshold], name: str, value: object) -> Number:
    """The value of a threshold, if it can have it."""
    threshold = known.get(name)
    if threshold is None:
        raise ChoiceError(_unknown(known, name))
    whole = type(threshold.default) is int
    if type(value) is not int and (whole or type(value) is not float):
        raise ChoiceError(f"{name} is {'a whole' if whole else 'a'} number, not {value!r}")
    assert isinstance(value, int | float)
    if not threshold.least <= value < float("inf"):  # NaN is not either
        raise ChoiceError(f"{name} is {threshold.least:g} or more, not {value!r}")
    return value


def _unknown(known: Mapping[str, Threshold], name: str) -> str:
    """Why there is no such threshold."""
    check = name.partition(".")[0]
    own = [t.id for t in known.values() if t.id.partition(".")[0] == check]
    if own:
        return f"no threshold is called {name!r}; {check} has {', '.join(own)}"
    return f"no threshold is called {name!r}{_nearest(name, list(known))}"


def _nearest(word: str, names: list[str]) -> str:
    """Names that somebody may have meant, as the end of a sentence."""
    from difflib import get_close_matches

    stem = word.strip("*?")
    # Of a pattern only the beginning is known.
    starts = {name[: len(stem)] if stem != word else name: name for name in names}
    near = [starts[start] for start in get_close_matches(stem, starts, n=3)]
    near = near or sorted(name for name in names if stem and stem in name)[:3]
    return f"; perhaps {', '.join(near)}" if near else " (smtpsniff checks lists them)"
