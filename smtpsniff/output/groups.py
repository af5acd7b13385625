"""Sessions put together by what they have in common: client, server, recipient domain, outcome."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from smtpsniff.output.digest import ORDER
from smtpsniff.output.labels import OUTCOMES
from smtpsniff.output.paint import wrap
from smtpsniff.output.row import FAILED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from smtpsniff.output.paint import Paint
    from smtpsniff.output.row import Row

__all__ = ["BY", "Groups"]

# Different groups that are held; a flood from made-up addresses has more than anybody reads.
MOST = 100_000
SHOWN = 50  # on a terminal, the worst first
CAUSES = 3  # named for each
_REST = "(others)"

BY: dict[str, Callable[[Row], tuple[str, ...]]] = {
    "outcome": lambda row: (row.outcome,),
    "client": lambda row: (row.client,),
    "server": lambda row: (row.server,),
    "domain": lambda row: row.domains or ("(no recipient)",),
    "cause": lambda row: (row.cause if row.outcome in FAILED and row.cause else "(none)",),
}


@dataclass(slots=True)
class _Group:
    """What the sessions of one group came to."""

    sessions: int = 0
    failed: int = 0
    first: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)

    def add(self, row: Row) -> None:
        self.sessions += 1
        self.outcomes[row.outcome] += 1
        if not self.first or row.number < self.first:
            self.first = row.number
        if row.outcome in FAILED:
            self.failed += 1
            if row.cause:
                self.causes[row.cause] += 1


class Groups:
    """Counts rows by one thing; a session with recipients in two domains counts for both."""

    def __init__(self, by: str) -> None:
        self._by = by
        self._keys = BY[by]
        self._groups: dict[str, _Group] = {}

    def add(self, row: Row) -> None:
        """One session more."""
        for key in self._keys(row):
            if key not in self._groups and len(self._groups) >= MOST:
                key = _REST
            self._groups.setdefault(key, _Group()).add(row)

    def lines(self, paint: Paint) -> Iterator[str]:
        """A table, the groups with the most failures first."""
        ranked = sorted(
            self._groups.items(), key=lambda g: (-g[1].failed, -g[1].sessions, g[1].first, g[0])
        )
        if not ranked:
            return
        yield paint(f"sessions  failed  {self._by}", "head")
        shown = ranked if paint.width is None else ranked[:SHOWN]
        for key, group in shown:
            failed = f"{group.failed:6,}"
            failed = paint(failed, "error") if group.failed else failed
            name = paint(key, OUTCOMES[key].style) if key in OUTCOMES else key
            yield f"{group.sessions:8,}  {failed}  {name}  (session {group.first}{_more(group)})"
            indent = " " * 18
            width = None if paint.width is None else paint.width - len(indent)
            for line in wrap(self._about(group), width):
                yield paint(indent + line, "dim") if line else ""
        if len(ranked) > len(shown):
            yield f"and {len(ranked) - len(shown):,} more; a pipe gets all of them"

    def _about(self, group: _Group) -> str:
        """Outcomes and the most frequent causes, as far as the group itself does not say them."""
        parts = []
        if self._by != "outcome":
            parts.append(
                ", ".join(f"{group.outcomes[o]:,} {o}" for o in ORDER if group.outcomes[o])
            )
        if self._by != "cause" and group.causes:
            parts.append(
                ", ".join(f"{check} {n:,} ×" for check, n in group.causes.most_common(CAUSES))
            )
        return "; ".join(parts)


def _more(group: _Group) -> str:
    return ", …" if group.sessions > 1 else ""
