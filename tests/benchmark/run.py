# ruff: noqa: T201
"""Times `smtpsniff read --json` against tshark on generated captures, in turn, best of N."""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import measure
from traffic.truth import truth_path

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS = "spam", "mail", "large", "mixed"
HEADS = (
    *("kind", "packets", "sessions", "tshark s", "ours s", "ratio", "one job s", "ratio"),
    *("packets/s", "µs/session", "ours MB", "tshark MB"),
)


@dataclass
class Result:
    """One kind: the best seconds of each contender, peak memory in bytes, and what was wrong."""

    kind: str
    truth: Mapping[str, Any]
    seconds: dict[str, float] = field(default_factory=dict)
    memory: dict[str, measure.Memory] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def ratio(self, contender: str) -> str:
        ours, theirs = self.seconds.get(contender), self.seconds.get("tshark")
        if self.faults:
            return "wrong"
        return f"{theirs / ours:.1f}" if ours and theirs else "-"

    def cells(self) -> list[str]:
        ours = self.seconds.get("ours", math.nan)
        times = {name: f"{seconds:.2f}" for name, seconds in self.seconds.items()}
        peaks = {name: f"{peak(memory) / 1e6:.0f}" for name, memory in self.memory.items()}
        truth = self.truth
        return [
            *(self.kind, f"{truth['packets']}", f"{truth['sessions']}"),
            *(times.get("tshark", "-"), times.get("ours", "-"), self.ratio("ours")),
            *(times.get("one job", "-"), self.ratio("one job")),
            *(f"{truth['packets'] / ours:.0f}", f"{ours / truth['sessions'] * 1e6:.0f}"),
            *(peaks.get("ours", "-"), peaks.get("tshark", "-")),
        ]


def peak(memory: measure.Memory) -> int:
    return memory.tree or memory.single


def contenders(capture: Path) -> dict[str, list[str]]:
    commands = {
        "ours": measure.smtpsniff("read", "--json", str(capture)),
        "one job": measure.smtpsniff("read", "--json", "--jobs", "1", str(capture)),
    }
    if (command := measure.tshark(capture)) is not None:
        commands["tshark"] = command
    return commands


def race(kind: str, capture: Path, rounds: int) -> Result:
    """Timed rounds in turn, then one run of each for memory and answer."""
    result = Result(kind, json.loads(truth_path(capture).read_text()))
    commands = contenders(capture)
    measure.warm(capture)
    for _ in range(rounds):
        for name, command in commands.items():
            seconds, status = measure.timed(command)
            if name != "tshark" and status >= measure.USAGE:
                result.faults.append(f"{name} ended with status {status}")
            result.seconds[name] = min(seconds, result.seconds.get(name, math.inf))
    for name, command in commands.items():
        answer = None if name == "tshark" else measure.Answer.empty()
        result.memory[name] = measure.observed(command, answer)
        if answer is not None:
            result.faults += [f"{name}: {fault}" for fault in answer.faults(result.truth)]
    result.faults = list(dict.fromkeys(result.faults))
    return result


def show(results: list[Result]) -> None:
    rows = [list(HEADS), *(result.cells() for result in results)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEADS))]
    for row in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))
    sampled = any(memory.tree for result in results for memory in result.memory.values())
    print("memory:", "sampled PSS of all processes" if sampled else "ru_maxrss, largest process")
    for result in results:
        for fault in result.faults:
            print(f"WRONG {result.kind}: {fault}")


def save(results: list[Result], path: Path) -> None:
    about = {"python": platform.python_version(), "cores": os.cpu_count()}
    path.write_text(json.dumps({"about": about, "results": list(map(asdict, results))}, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--size", type=int, default=100, help="megabytes of each capture")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=measure.FOLDER, help="keeps the captures")
    parser.add_argument("--json", type=Path, help="writes the results there")
    options = parser.parse_args()
    results = list[Result]()
    for kind in options.kinds:
        capture = measure.capture(kind, options.size, options.folder)
        results.append(race(kind, capture, options.rounds))
    show(results)
    if options.json:
        save(results, options.json)


if __name__ == "__main__":
    main()
