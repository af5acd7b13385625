"""Packet filters behind file names: what tcpdump would leave, numbered as without a filter."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from dialogue import compile_text, in_order, need, pcap

if TYPE_CHECKING:
    from pathlib import Path

    from cli_console import Cli, Result, Write

SECOND = 1_000_000_000
FRAMES = {"frame", "frames", "first_frame", "last_frame", "number", "display_filter"}


@pytest.fixture
def three(write: Write) -> Path:
    """Three mails of three clients, the second off the mail ports."""
    packets = []
    for index, server in enumerate((25, 2599, 587), 1):
        start = compile_text("@G")[0].time + index * SECOND // 100
        packets += compile_text(
            "@T\n@D\n@H\n@X\n@Q", start=start,
            client=(f"192.0.2.{index}", 40_000), server=("198.51.100.9", server),
        )  # fmt: skip
    return write(pcap(in_order(packets)))


def records(result: Result) -> list[dict[str, Any]]:
    """Sessions by number, the run last; no stories."""
    found = [json.loads(line) for line in result.out.splitlines()]
    found = [record for record in found if not record["schema"].startswith("smtpsniff.story")]
    return sorted(found, key=lambda record: record.get("number", len(found)))


def without_frames(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {k: without_frames(v) for k, v in value.items() if k not in FRAMES}
    if isinstance(value, list):
        return [without_frames(v) for v in value]
    return re.sub(r"frames? [0-9, -]+", "frame", value) if isinstance(value, str) else value


FORMS = [
    ("--", "host", "192.0.2.2"),
    ("host", "192.0.2.2"),
    ("host 192.0.2.2",),
    ("--", "net 192.0.2.2/31 and not port", "587"),
    ("tcp[2:2] = 2599 or tcp[0:2] = 2599",),
    ("!", "host", "192.0.2.1", "and", "not", "(host 192.0.2.3)"),
    ("(port 2599)",),
]


@pytest.mark.parametrize("words", FORMS)
def test_a_filter_follows_the_file_and_leaves_numbers_alone(
    cli: Cli, three: Path, words: tuple[str, ...]
) -> None:
    before = records(cli(three, "--json"))
    after = records(cli(three, "--json", *words) if "--" in words else cli(three, *words, "--json"))
    assert [r["number"] for r in before[:-1]] == [1, 2, 3]
    assert after[0] == before[1]
    assert after[-1]["sessions"] == 1
    assert after[-1]["packets"] == before[1]["packets"]
    assert after[-1]["selected"] == {
        "filter": " ".join(w for w in words if w != "--"),
        "of_packets": before[-1]["packets"],
    }


def test_what_is_left_is_what_tcpdump_leaves(cli: Cli, three: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.pcap"
    for words in (["tcp", "port", "25"], ["src", "host", "192.0.2.1"], ["len", ">", "60"]):
        subprocess.run([need("tcpdump"), "-r", three, "-w", copy, *words], check=True)
        ours, theirs = records(cli(three, "--json", "--", *words)), records(cli(copy, "--json"))
        assert without_frames(ours[:-1]) == without_frames(theirs[:-1])
        assert [ours[-1][k] for k in ("packets", "sessions", "tcp_connections", "outcomes")] == [
            theirs[-1][k] for k in ("packets", "sessions", "tcp_connections", "outcomes")
        ]


def test_totals_say_that_it_is_not_all(cli: Cli, three: Path) -> None:
    result = cli(three, "port", "587")
    assert (
        "\n1 session in 19 packets\n  only packets that match port 587 (of 57 packets)\n"
        in result.out
    )
    assert "\n  3  delivered" in result.out


def test_show_takes_the_number_of_the_table(cli: Cli, three: Path) -> None:
    assert "session 3: delivered" in cli("show", three, 3, "--", "port", "587").out
    assert "session 3: delivered" in cli("show", three, 3, "port", "587").out
    assert (
        "session 1 is not among those selected (there are 1)"
        in cli("show", three, 1, "port", "587").err
    )


def test_a_filter_that_leaves_nothing(cli: Cli, three: Path) -> None:
    result = cli(three, "udp")
    assert (result.status, result.out) == (3, "")
    assert result.said == (f"no SMTP found in the packets of {three} that the filter lets through")


@pytest.mark.parametrize("words", [("host",), ("--", "nonsense"), ("port 25 and",)])
def test_libpcap_says_what_is_wrong(cli: Cli, three: Path, words: tuple[str, ...]) -> None:
    result = cli(three, *words)
    assert (result.status, result.out) == (2, "")
    assert result.said.startswith("packet filter '")


def test_a_file_may_be_called_like_a_filter(
    cli: Cli, three: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "host").write_bytes(three.read_bytes())
    assert records(cli("read", "host", "--json"))[-1]["sessions"] == 3
    assert records(cli("host", "--json", "--", "host", "192.0.2.2"))[-1]["sessions"] == 1
    assert "no such file" in cli(three, "host.pcap").err
    assert "after --" in cli(three, "port", "25", "--", "host", "192.0.2.2").said
    assert "only where packets are read" in cli("explain", "550", "--", "tcp").said


def test_processes_make_no_difference(cli: Cli, three: Path) -> None:
    alone, shared = (cli(three, "--json", "--jobs", n, "port", "587").out for n in (1, 3))
    assert sorted(alone.splitlines()) == sorted(shared.splitlines())


def test_packets_the_filter_cannot_judge_are_told(cli: Cli, write: Write) -> None:
    raw = bytearray(pcap(compile_text("@G")))
    raw[20] = 147  # a link type for private use
    result = cli(write(bytes(raw)), "--json", "port", "25")
    (run,) = records(result)
    assert run["limits_hit"] == ["packets of link type 147, which the packet filter cannot judge"]


def test_sessions_of_other_projects_are_the_same_alone(cli: Cli, corpus: Path) -> None:
    """Both ends and ports choose all packets of a session: nothing about it changes."""
    compared = 0
    for path in sorted((corpus / "captures").glob("*smtp*.pcap"))[::4]:
        before = records(cli(path, "--json"))[:-1]
        for record in before[:3]:
            ends = [record[side] for side in ("client", "server")]
            words = " and ".join(f"host {e['ip']} and port {e['port']}" for e in ends)
            if sum([r["client"], r["server"]] == ends for r in before) == 1:
                after = records(cli(path, "--json", "--", f"({words}) or icmp"))[:-1]
                if "vlan" not in str(record) and after:
                    assert after == [record], path.name
                    compared += 1
    assert compared > 10
