# ruff: noqa: T201
"""Peak memory of `smtpsniff read --json` on ordinary mail, 1 GB and 3 GB."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import measure
from traffic.truth import truth_path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="+", type=int, default=[1000, 3000], help="megabytes")
    parser.add_argument("--kind", default="mail")
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--folder", type=Path, default=measure.FOLDER, help="keeps the captures")
    options = parser.parse_args()
    jobs = ["--jobs", str(options.jobs)] if options.jobs else []
    for size in options.sizes:
        capture = measure.capture(options.kind, size, options.folder)
        answer = measure.Answer.empty()
        command = measure.smtpsniff("read", "--json", *jobs, str(capture))
        memory = measure.observed(command, answer)
        faults = answer.faults(json.loads(truth_path(capture).read_text()))
        print(
            f"{size} MB of {options.kind}: {memory.tree / 1e6:.0f} MB (sampled PSS of all "
            f"processes), {memory.single / 1e6:.0f} MB (ru_maxrss of the largest), "
            f"status {memory.status}, {'; '.join(faults) or 'answers right'}"
        )


if __name__ == "__main__":
    main()
