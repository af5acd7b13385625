"""Real captures in every link layer, tunnel and kind of fragments: the same sessions as without.

A record must be equal but for `encapsulation` and, where packets are in pieces, frame numbers.
Each capture is put into `SHARE` wrappings, in turn, so that all are used; with
SMTPSNIFF_WRAPPINGS=all, into every one (a few minutes).
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

import smtpsniff
from corpus.corpus_files import Record, files, records, write

sys.path.insert(0, str(Path(__file__).parents[1] / "net"))
from wrapping import SPLITS, WRAPPINGS, Inner, Part

if TYPE_CHECKING:
    from collections.abc import Callable

CORPUS = os.environ.get("SMTPSNIFF_CORPUS", "")
SHARE = 3
LARGEST = 300_000  # bytes: larger captures are put into one wrapping each
TUNNELS = [*WRAPPINGS, *SPLITS]
# Read otherwise, plain or in pieces, when the border of a window falls elsewhere: its replies
# acknowledge nothing, and which command they answer is anybody's guess.
ODD = "suricata-verify__smtp-bug-5989.pcap"
FRAME_KEYS = ("frame", "frames", "first_frame", "last_frame")
ETHERNET = 1


def _captures() -> list[Path]:
    """Plain files of Ethernet."""
    return [path for path in files(Path(CORPUS), "smtp") if records(path)] if CORPUS else []


def _cases() -> list[tuple[Path, str]]:
    found = []
    for number, path in enumerate(_captures()):
        share = SHARE if path.stat().st_size < LARGEST else 1
        chosen = [TUNNELS[(number * SHARE + n) % len(TUNNELS)] for n in range(share)]
        if os.environ.get("SMTPSNIFF_WRAPPINGS") == "all":
            chosen = TUNNELS
        found += [(path, name) for name in chosen if path.name != ODD or name in WRAPPINGS]
    return found


def _wrap(name: str, record: Record, number: int) -> list[Part]:
    """The packets that carry one packet; foreign ones keep their place, empty."""
    missing = record.length - len(record.data)
    inner = Inner.of_frame(record.data, missing)
    if inner is None:
        return [Part(b"\0", 0)]
    if name in SPLITS:
        return SPLITS[name](inner, number)
    return [Part(WRAPPINGS[name].wrap(inner), missing)]


def _wrapped(path: Path, name: str, target: Path) -> dict[int, int]:
    """Write the capture anew; the frame that now completes each old one."""
    read = records(path)
    assert read is not None
    header, order, packets = read
    out: list[Record] = []
    now = {}
    for number, record in enumerate(packets, 1):
        for data, missing in _wrap(name, record, number):
            out.append(Record(record.time, len(data) + missing, data))
        now[number] = len(out)
    link = WRAPPINGS[name].link if name in WRAPPINGS else ETHERNET
    header = header[:20] + link.to_bytes(4, "little" if order == "<" else "big")
    target.write_bytes(write(header, order, out))
    return now


def _moved(value: Any, frame: Callable[[int], int], key: str = "") -> Any:  # noqa: ANN401 (JSON)
    """A record with its frame numbers changed, in sentences, too."""
    if isinstance(value, dict):
        return {k: _moved(v, frame, k) for k, v in value.items() if k != "encapsulation"}
    if isinstance(value, list | tuple):
        return [_moved(v, frame, key) for v in value]
    if isinstance(value, int) and key in FRAME_KEYS:
        return frame(value)
    if isinstance(value, str):
        return re.sub(
            r"(?<=[Ff]rame )\d+|(?<=packet )\d+|(?<=frame.number [<>]= )\d+",
            lambda m: str(frame(int(m[0]))),
            value,
        )
    return value


def _sessions(path: Path, frame: Callable[[int], int]) -> list[Any]:
    found = [msgspec.to_builtins(session, enc_hook=int) for session in smtpsniff.read(path)]
    return [_moved(session, frame) for session in sorted(found, key=lambda s: s["number"])]


@pytest.mark.parametrize(
    ("path", "name"), _cases(), ids=lambda value: getattr(value, "name", value)
)
def test_same_sessions(path: Path, name: str, tmp_path: Path) -> None:
    target = tmp_path / "wrapped.pcap"
    now = _wrapped(path, name, target)
    assert _sessions(target, int) == _sessions(path, lambda frame: now.get(frame, frame))
