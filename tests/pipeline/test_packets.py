"""Several files as one capture: rotated, overlapping, in any order, compressed or not."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import subprocess
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from dialogue import compile_text, in_order, need, pcap
from dialogue.capture import pcapng

import smtpsniff
from smtpsniff.pipeline import packets as room
from smtpsniff.pipeline.packets import Packets
from smtpsniff.records import encoder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from dialogue.packet import Packet

    from smtpsniff.records import Session

MAIL = "@T\n@D\n@H\n@X\n@Q"
PACKERS: list[Callable[[bytes], bytes]] = [bytes, gzip.compress, bz2.compress, lzma.compress]
FORMS = [pcap, pcapng]


@pytest.fixture
def traffic() -> list[Packet]:
    """Twelve mails that overlap in time."""
    start = compile_text("@G")[0].time
    packets: list[Packet] = []
    for index in range(12):
        packets += compile_text(
            MAIL, client=("192.0.2.1", 40_000 + index), start=start + index * 50_000_000
        )
    return in_order(packets)


def write(folder: Path, parts: Sequence[Sequence[Packet]]) -> list[str]:
    """Each part as a file, in turn plain and compressed, pcap and pcapng."""
    paths = []
    for index, part in enumerate(parts):
        path = folder / f"{index}.cap"
        path.write_bytes(PACKERS[index % 4](FORMS[index % 2](part)))
        paths.append(str(path))
    return paths


def facts(session: Session) -> Any:  # noqa: ANN401
    """What does not name frames or files."""
    return (
        session.number, session.client.port, session.packets, session.start, session.end,
        session.verdict.outcome, [(e.time, e.kind, e.text) for e in session.timeline],
        [f.check for f in session.findings], str(session.tcp), str(session.delays),
    )  # fmt: skip


def sessions(paths: Sequence[str]) -> list[Session]:
    return sorted(smtpsniff.read(*paths), key=lambda session: session.number)


def check(folder: Path, traffic: list[Packet], parts: list[list[Packet]]) -> None:
    """The same sessions as in one file, and every frame is where the record says."""
    paths = write(folder, parts)
    one = folder / "one.pcap"
    one.write_bytes(pcap(traffic, nanosecond=True))
    found = sessions(random.Random(3).sample(paths, len(paths)))
    assert list(map(facts, found)) == list(map(facts, sessions([str(one)])))
    ordered = sorted(parts, key=lambda part: part[0].time)
    for session in found:
        places = [(session.start, session.file, session.first_frame)]
        places += [(session.end, session.last_file, session.last_frame)]
        places += [(entry.time, entry.file, entry.frame) for entry in session.timeline]
        for time, file, frame in places:
            assert file is not None
            assert ordered[file][frame - 1].time == time


def test_rotated_files_in_any_order(tmp_path: Path, traffic: list[Packet]) -> None:
    cuts = [0, 31, 32, 90, 140, len(traffic)]
    parts = [traffic[a:b] for a, b in pairwise(cuts)]
    check(tmp_path, traffic, parts)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_files_that_overlap_in_time(tmp_path: Path, traffic: list[Packet], count: int) -> None:
    """As of several interfaces, or of both directions captured apart: packets dealt out."""
    dice = random.Random(count)
    parts: list[list[Packet]] = [[] for _ in range(count)]
    for packet in traffic:
        parts[dice.randrange(count)].append(packet)
    check(tmp_path, traffic, parts)


def test_each_direction_in_a_file_of_its_own(tmp_path: Path, traffic: list[Packet]) -> None:
    check(tmp_path, traffic, [[p for p in traffic if p.direction == d] for d in "CS"])


def test_what_two_files_hold_both_counts_once(tmp_path: Path, traffic: list[Packet]) -> None:
    third = len(traffic) // 3
    check(tmp_path, traffic, [traffic[: 2 * third], traffic[third:]])


def test_a_file_named_twice_is_one(tmp_path: Path, traffic: list[Packet]) -> None:
    (path,) = write(tmp_path, [traffic])
    assert list(map(facts, sessions([path, path]))) == list(map(facts, sessions([path])))


def test_small_windows_make_no_difference(tmp_path: Path, traffic: list[Packet]) -> None:
    parts = [traffic[0::3], traffic[1::3], traffic[2::3]]
    paths = write(tmp_path, parts)
    whole = [packet for batch in Packets(paths) for packet in map(batch.packet, range(len(batch)))]
    small = Packets(paths, window=500)
    frames: list[int] = []
    found = []
    for batch in small:
        frames += batch.frame.tolist()
        found += map(batch.packet, range(len(batch)))
    assert found == whole
    assert frames == list(range(1, len(traffic) + 1))
    places = [small.localiser.split(frame) for frame in frames]
    assert sorted(places) == [(f, n) for f in range(3) for n in range(1, len(parts[f]) + 1)]


def test_many_files_are_not_all_open_at_once(
    tmp_path: Path, traffic: list[Packet], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "KEPT_OPEN", 2)
    cuts = [*range(0, len(traffic), 20), len(traffic)]
    check(tmp_path, traffic, [traffic[a:b] for a, b in pairwise(cuts)])


def test_a_file_that_goes_away_is_damage(
    tmp_path: Path, traffic: list[Packet], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "KEPT_OPEN", 1)
    paths = write(tmp_path, [traffic[:50], traffic[50:]])
    packets = Packets(paths)
    (tmp_path / "1.cap").unlink()
    assert sum(map(len, packets)) == 50
    damage = packets.captures[1].damage
    assert damage is not None
    assert "no such file" in damage.reason


def test_files_without_packets_come_last(tmp_path: Path, traffic: list[Packet]) -> None:
    paths = write(tmp_path, [[], traffic, []])
    found = sessions(paths)
    assert len(found) == 12
    assert {session.file for session in found} == {0}


def test_interfaces_of_all_files(tmp_path: Path, traffic: list[Packet]) -> None:
    paths = write(tmp_path, [traffic[0::2], traffic[1::2]])
    packets = Packets(paths)
    seen = {
        (packets.localiser.split(frame)[0], which)
        for batch in packets
        for frame, which in zip(batch.frame.tolist(), batch.interface.tolist(), strict=True)
    }
    assert seen == {(0, 0), (1, 1)}
    assert [interface.digits for interface in packets.interfaces] == [6, 9]


def test_the_order_is_that_of_mergecap(tmp_path: Path, traffic: list[Packet]) -> None:
    dice = random.Random(5)
    parts: list[list[Packet]] = [[], [], []]
    for packet in traffic:
        parts[dice.randrange(3)].append(packet)
    paths = []
    for index, part in enumerate(parts):
        path = tmp_path / f"{index}.pcap"
        path.write_bytes(pcap(part))
        paths.append(str(path))
    merged = tmp_path / "merged.pcapng"
    subprocess.run([need("mergecap"), "-w", merged, *paths], check=True)
    ours, theirs = sessions(paths), sessions([str(merged)])
    assert list(map(facts, ours)) == list(map(facts, theirs))


def test_a_corpus_capture_cut_in_pieces(tmp_path: Path, corpus: Path) -> None:
    """editcap cuts it, as a rotating capture would; nothing but frames and files changes."""
    for name in ("zeek__smtp.pcap", "whinc__smtp.pcap", "bruteshark__SMTP_-_Auth_Login.pcapng"):
        source = corpus / "captures" / name
        folder = tmp_path / name
        folder.mkdir()
        subprocess.run([need("editcap"), "-c", "7", source, folder / "x.pcapng"], check=True)
        pieces = sorted(map(str, folder.iterdir()), reverse=True)
        assert len(pieces) > 5
        assert list(map(facts, sessions(pieces))) == list(map(facts, sessions([str(source)])))


def test_json_says_the_file_of_the_last_frame(tmp_path: Path, traffic: list[Packet]) -> None:
    (record,) = smtpsniff.read(*write(tmp_path, [traffic[:9], traffic[9:]]), where="number == 1")
    assert b'"last_file":1' in encoder().encode(record)
