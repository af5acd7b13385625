"""Every check in its own words: what it must see, what it must not, in every framing."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from dialogue import (
    LOSSY,
    SAME,
    Vector,
    compile_text,
    pcap,
    prefixes,
    read_capture,
    stories,
    vectors,
)  # fmt: skip
from dialogue import sessions as read

from smtpsniff.records import encoder
from smtpsniff.stories import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Iterator

Record = dict[str, Any]

KNOWN = frozenset(check.id for check in CATALOGUE)
JUDGED = [vector for vector in vectors() if vector.id in KNOWN]
# What TCP's own packets show changes with them; everything else must not.
OF_PACKETS = frozenset(check.id for check in CATALOGUE if check.group == "tcp")
OF_FRAMES = frozenset({"frame", "frames", "file", "time", "delay"})  # what framing itself means


def records(found: list[Any]) -> list[Record]:
    """Return records as a script sees them, with the keys of the contract."""
    encode = encoder(9).encode
    return [msgspec.json.decode(encode(record)) for record in found]


def findings(found: list[Record], key: str = "findings") -> Iterator[Record]:
    """Yield all findings, the consequences behind the root that they are folded under."""
    for record in found:
        for finding in record.get(key) or []:
            yield finding
            yield from findings([finding], "related")


def ids(found: list[Record]) -> list[str]:
    """Return the ids of all findings."""
    return [finding["check"] for finding in findings(found)]


def without_frames(value: Any) -> Any:  # noqa: ANN401 (any part of a record)
    """Leave out frames and times."""
    if isinstance(value, dict):
        return {key: without_frames(one) for key, one in value.items() if key not in OF_FRAMES}
    if isinstance(value, list):
        return [without_frames(one) for one in value]
    return value


def essence(found: list[Any]) -> list[Record]:
    """Return of each session what no framing may change."""
    keys = ("from", "kind", "text", "verb", "code")
    return [
        {
            "dialogue": [
                tuple(entry.get(key) for key in keys)
                for entry in record.get("timeline") or []
                if entry["kind"] != "note"
            ],
            "helo": without_frames(record.get("helo")),
            "transactions": without_frames(record.get("transactions")),
        }
        for record in records(found)
        if "timeline" in record
    ]


@cache
def essence_of_whole(text: str) -> list[Record]:
    """Return what every framing is compared with."""
    return essence(read(text))


@pytest.mark.parametrize("vector", JUDGED, ids=str)
def test_check(vector: Vector) -> None:
    found = ids(records([*read(vector.text), *stories(vector.text)]))
    assert "internal-error" not in found
    if vector.kind == "TRIGGER":
        wanted = {vector.id, *KNOWN.intersection(vector.also)}
        assert wanted <= set(found)
    else:
        assert vector.id not in found


@pytest.mark.parametrize("framing", SAME)
@pytest.mark.parametrize("vector", [v for v in JUDGED if v.id not in OF_PACKETS], ids=str)
def test_check_in_any_framing(vector: Vector, framing: str) -> None:
    found = ids(records([*read(vector.text, framing), *stories(vector.text, framing)]))
    assert (vector.id in found) == (vector.kind == "TRIGGER")


@pytest.mark.parametrize("framing", SAME)
@pytest.mark.parametrize("vector", vectors(), ids=str)
def test_framing_makes_no_difference(vector: Vector, framing: str) -> None:
    assert essence(read(vector.text, framing)) == essence_of_whole(vector.text)


@pytest.mark.parametrize("framing", LOSSY)
@pytest.mark.parametrize("vector", vectors(), ids=str)
def test_what_is_missing_breaks_nothing(vector: Vector, framing: str) -> None:
    assert "internal-error" not in ids(records(read(vector.text, framing)))


@pytest.mark.parametrize("vector", vectors(), ids=str)
def test_every_prefix_can_be_read(vector: Vector) -> None:
    for packets in prefixes(compile_text(vector.text)):
        assert "internal-error" not in ids(records(read_capture(pcap(packets)))), len(packets)
