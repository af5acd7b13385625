"""Slices: the packets of a session, and nothing about it changes."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from dialogue import compile_text, in_order, need, pcap, pcapng

from smtpsniff.capture import open_capture

if TYPE_CHECKING:
    from pathlib import Path

    from cli_console import Cli, Write

MAIL = "@T\n@D\n@H\n@X\n@Q"
PLACES = {"frame", "frames", "first_frame", "last_frame", "number", "display_filter", "file"}
# What a session that ends the capture cannot show: that nothing followed for long.
SILENCE = {"ended", "findings", "verdict", "delays"}


@pytest.fixture
def five(write: Write) -> Path:
    """Five mails that overlap in time."""
    packets = []
    for number in range(1, 6):
        start = compile_text("@G")[0].time + number * 30_000_000
        packets += compile_text(MAIL, client=(f"192.0.2.{number}", 40_000), start=start)
    return write(pcap(in_order(packets)))


def sessions(cli: Cli, *words: object) -> list[dict[str, Any]]:
    records = map(json.loads, cli(*words, "--json").out.splitlines())
    found = [record for record in records if record["schema"] == "smtpsniff.session/1"]
    return sorted(found, key=lambda record: record["number"])


def facts(value: Any) -> Any:  # noqa: ANN401
    """A record without what names frames and files."""
    if isinstance(value, dict):
        return {k: facts(v) for k, v in value.items() if k not in PLACES | {"last_file"}}
    if isinstance(value, list):
        return [facts(v) for v in value]
    return re.sub(r"frames? [0-9, -]+", "frame", value) if isinstance(value, str) else value


def test_chosen_by_numbers_and_ranges(cli: Cli, five: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.pcapng"
    for words, numbers in (
        (("2",), [2]), (("1", "4-5"), [1, 4, 5]), (("--session", "3-4"), [3, 4]),
        (("--where", "client.ip in {192.0.2.2, 192.0.2.5}"), [2, 5]),
        (("2-5", "--where", "number != 3"), [2, 4, 5]), (("host", "192.0.2.4"), [4]),
        (("4", "host", "192.0.2.4"), [4]),
    ):  # fmt: skip
        behind = [w for w in words if w != "host" and not w.startswith("192")]
        words = (*behind, "-w", out, "--force", *(w for w in words if w not in behind))
        result = cli("slice", five, *words)
        assert result.status == 0, result.err
        assert result.said.endswith(f"written to {out}")
        expected = [s for s in sessions(cli, five) if s["number"] in numbers]
        assert facts(sessions(cli, out)) == facts(expected)


def test_bytes_times_lengths_interfaces_and_comments_survive(cli: Cli, tmp_path: Path) -> None:
    source, out = tmp_path / "source.pcapng", tmp_path / "out.pcapng"
    plain = tmp_path / "plain.pcapng"
    plain.write_bytes(pcapng(compile_text(MAIL)))
    subprocess.run([need("editcap"), "-a", "4:the greeting", "-s", "90", plain, source], check=True)
    assert cli("slice", source, 1, "-w", out).status == 0
    with open_capture(source) as before, open_capture(out) as after:
        (first,), (second,) = before, after
        rows = range(len(first))
        assert [first.packet(r) for r in rows] == [second.packet(r) for r in rows]
        assert (first.time == second.time).all()
        assert (first.length == second.length).all()
        assert before.interfaces == after.interfaces
        assert after.notes.comments == {4: ["the greeting"]}


def test_over_many_captures_nothing_about_a_session_changes(
    cli: Cli, corpus: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.pcapng"
    compared = whole = 0
    for path in sorted((corpus / "captures").iterdir())[::2]:
        if path.stat().st_size > 200_000 or "smtp" not in path.name.lower():
            continue
        result = cli(path, "--json")
        if result.status not in (0, 1):
            continue
        for record in sessions(cli, path)[:2]:
            done = cli("slice", path, record["number"], "-w", out, "--force")
            assert done.status in (0, 1), done.err
            (again,) = sessions(cli, out)
            before, after = facts(record), facts(again)
            differs = {key for key in before if before[key] != after.get(key)}
            assert differs <= SILENCE, (path.name, differs)
            compared += 1
            whole += not differs
    assert compared > 30
    assert whole > compared * 0.9


@pytest.mark.parametrize(
    "name", ["arkime__socks5-smtp-503.pcap", "zeek__smtp.pcap", "zeek__smtp-one-side-only.pcap"]
)
def test_tshark_finds_every_packet_and_no_fault(
    cli: Cli, corpus: Path, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out.pcapng"
    (record, *_) = sessions(cli, corpus / "captures" / name)
    assert cli("slice", corpus / "captures" / name, 1, "-w", out).status in (0, 1)
    words = [need("tshark"), "-r", out, "-T", "fields", "-e", "frame.len"]
    done = subprocess.run(words, capture_output=True, check=True, text=True)
    assert len(done.stdout.split()) >= record["packets"]


def test_several_files_as_one(cli: Cli, tmp_path: Path) -> None:
    other = compile_text(
        MAIL, client=("192.0.2.7", 41_000), start=compile_text("@G")[0].time + 1000
    )
    packets = in_order(compile_text(MAIL) + other)
    paths = [tmp_path / name for name in ("a.pcap", "b.pcap")]
    for path, part in zip(paths, (packets[0::2], packets[1::2]), strict=True):
        path.write_bytes(pcap(part))
    out = tmp_path / "out.pcapng"
    assert cli("slice", *reversed(paths), "--session", 2, "-w", out).status == 0
    assert facts(sessions(cli, out)) == facts(sessions(cli, *paths)[1:])


def test_all_fragments_of_a_packet_go_along(cli: Cli, five: Path, tmp_path: Path) -> None:
    from scapy.layers.inet import fragment
    from scapy.utils import rdpcap, wrpcap

    pieces = []
    for number, packet in enumerate(rdpcap(str(five)), 1):
        packet["IP"].flags, packet["IP"].id = 0, number
        del packet["IP"].chksum
        for piece in fragment(packet, fragsize=40):
            piece.time = packet.time
            pieces.append(piece)
    source, out = tmp_path / "fragments.pcap", tmp_path / "out.pcapng"
    wrpcap(str(source), pieces)
    assert cli("slice", source, 2, "-w", out).status == 0
    assert facts(sessions(cli, out)) == facts(sessions(cli, source)[1:2])
    assert len(pieces) > len(rdpcap(str(five)))


def test_what_routers_said_goes_along(cli: Cli, corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.pcapng"
    path = corpus / "captures" / "ipfixprobe__smtp.pcap"
    (record,) = sessions(cli, path)[:1]
    assert any(entry["from"] == "network" for entry in record["timeline"])
    cli("slice", path, 1, "-w", out)
    assert facts(sessions(cli, out)) == facts([record])


def test_mistakes_are_one_line_and_write_nothing(
    cli: Cli, five: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.pcapng"
    for words, said in (
        ((five, "1"), "where to?"),
        ((five, "-w", out), "which sessions?"),
        (("-w", out), "no capture file"),
        ((five, "9", "-w", out), "no such session; there are 5 in all"),
        ((five, "--session", "x", "-w", out), "'x' is no number"),
        ((five, "7-3", "-w", out), "'7-3' is no number"),
        ((five, "1", "-w", five, "--force"), "is one of the captures that are read"),
        (("-", "1", "-w", out), "reads its input more than once"),
        ((five, "1", "-w", tmp_path / "no" / "where"), "cannot be written"),
    ):
        result = cli("slice", *words)
        assert result.status == 2
        assert said in result.said
    assert not out.exists()
    out.write_bytes(b"precious")
    assert "exists already (--force" in cli("slice", five, 1, "-w", out).said
    assert out.read_bytes() == b"precious"
    assert cli("slice", five, 1, "-w", out, "--force").status == 0


def test_standard_output_is_a_pipe_for_wireshark(cli: Cli, five: Path, tmp_path: Path) -> None:
    result = cli("slice", five, 3, "-w", "-")
    path = tmp_path / "x"
    path.write_bytes(result.raw)
    assert facts(sessions(cli, path)) == facts(sessions(cli, five)[2:3])
