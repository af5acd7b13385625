"""The first column of a session's lines: the time, as tshark's ``-t`` names its forms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.output.units import moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtpsniff.output.account import Account, Line

__all__ = ["FORMS", "clock_of"]

FORMS: dict[str, str] = {
    "a": "time of day, UTC",
    "ad": "date and time of day, UTC",
    "r": "seconds since the session began",
    "d": "seconds since the line before",
    "e": "seconds since 1970",
}


def clock_of(told: Account, form: str) -> list[str]:
    """The time of each line of the account, all of one width."""
    texts = _FORMS[form](told)
    width = max([5, *map(len, texts)])
    return [text.rjust(width) for text in texts]


def _relative(told: Account) -> list[str]:
    return [f"{line.at:.3f}" for line in told.lines]


def _delta(told: Account) -> list[str]:
    """In the order of time, in which a reply may stand below a later command."""
    texts = [""] * len(told.lines)
    before = told.start
    for index, line in sorted(enumerate(told.lines), key=lambda pair: pair[1].time):
        texts[index] = f"{(line.time - before) / 1e9:.6f}"
        before = line.time
    return texts


def _absolute(line: Line, digits: int) -> str:
    return moment(line.time, digits)


def _with_date(told: Account) -> list[str]:
    return [_absolute(line, told.digits) for line in told.lines]


def _of_day(told: Account) -> list[str]:
    return [_absolute(line, told.digits).partition(" ")[2] for line in told.lines]


def _epoch(told: Account) -> list[str]:
    digits = told.digits
    return [
        f"{line.time // 1_000_000_000}.{line.time % 1_000_000_000:09d}"[: digits - 9 or None]
        for line in told.lines
    ]


_FORMS: dict[str, Callable[[Account], list[str]]] = {
    "a": _of_day, "ad": _with_date, "r": _relative, "d": _delta, "e": _epoch,
}  # fmt: skip
