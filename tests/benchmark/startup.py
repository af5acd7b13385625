# ruff: noqa: T201
"""How much longer than a bare interpreter `smtpsniff --help` and `explain` take to answer."""

from __future__ import annotations

import argparse
import math
import sys

import measure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    commands = {
        "bare interpreter": [sys.executable, "-c", "pass"],
        "smtpsniff --help": measure.smtpsniff("--help"),
        "smtpsniff explain 550": measure.smtpsniff("explain", "550"),
    }
    best = dict.fromkeys(commands, math.inf)
    statuses = dict.fromkeys(commands, 0)
    for _ in range(rounds):
        for name, command in commands.items():
            seconds, statuses[name] = measure.timed(command)
            best[name] = min(best[name], seconds)
    for name, seconds in best.items():
        more = seconds - best["bare interpreter"]
        failed = f"  FAILED with status {statuses[name]}" if statuses[name] else ""
        print(f"{name:22} {seconds * 1000:7.1f} ms  {more * 1000:+7.1f} ms{failed}")


if __name__ == "__main__":
    main()
