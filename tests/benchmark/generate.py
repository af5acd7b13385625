# ruff: noqa: T201
"""Writes a synthetic capture: python tests/benchmark/generate.py KIND SIZE_MB OUT.pcap [--seed N].

The same kind, size and seed give the same bytes. What a reader must find in it goes to
OUT.truth.json beside it.
"""

from __future__ import annotations

import argparse
import gc
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Protocol

from traffic import mail, mixed, spam, wire
from traffic.names import Pools
from traffic.truth import Truth, truth_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from traffic.flow import Flow

MEGABYTE = 1_000_000


class Session(Protocol):
    def __call__(self, pools: Pools, start: int, truth: Truth) -> Flow: ...


KINDS: dict[str, tuple[Callable[[], Session], int]] = {  # sessions, and microseconds between two
    "spam": (lambda: spam.session, spam.STEP),
    "mail": (lambda: mail.session, mail.STEP),
    "large": (lambda: mail.large_session, mail.LARGE_STEP),
    "mixed": (mixed.Mixed, mixed.STEP),
}


def flows(kind: str, size: int, pools: Pools, truth: Truth) -> Iterator[Flow]:
    """Flows in the order of their start until they fill so many bytes."""
    make, step = KINDS[kind]
    session = make()
    start = written = 0
    while written < size:
        start += 1 + int(pools.rng.expovariate(1 / step))
        flow = session(pools, start, truth)
        written += flow.bytes()
        yield flow


def generate(kind: str, megabytes: int, path: Path, seed: int = 1) -> Truth:
    truth = Truth(kind, seed)
    pools = Pools(Random(seed))
    gc.disable()  # a million tuples, no cycles
    with path.open("wb") as file:
        filling = flows(kind, megabytes * MEGABYTE, pools, truth)
        truth.packets, truth.bytes = wire.write(filling, file)
    truth.save(truth_path(path))
    return truth


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("megabytes", type=int)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(generate(options.kind, options.megabytes, options.out, options.seed))


if __name__ == "__main__":
    main()
