#!/usr/bin/env python3
# ruff: noqa: T201
"""Packets a second that a live capture keeps up with, side by side with tcpdump.

    python tests/benchmark/live.py                       # 20,000 a second, 30 s of a spam run
    python tests/benchmark/live.py --kind mail --size 60 --rates 20000 40000 80000
    python tests/benchmark/live.py --way scapy           # scapy's recv_raw in place of the ring

Two network namespaces and a cable between them, made for this and taken away afterwards: needs
root. One side sends the packets of a generated capture at an even pace, the other one listens with
both programs at once. What counts is that nothing was dropped and that each session is whole.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generate import generate

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = f"smtpsniff-bench-{os.getpid()}"
NEAR, FAR = f"{MARK}-near", f"{MARK}-far"
TICK = 0.002  # seconds between two handfuls of packets

SEND = """
import socket, sys, time
from smtpsniff.capture import open_capture
path, rate, tick = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
packets = [batch.packet(row) for batch in open_capture(path) for row in range(len(batch))]
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
out.setsockopt(263, 20, 1)  # PACKET_QDISC_BYPASS
out.bind(("eth0", 0))
began = time.perf_counter()
sent = 0
while sent < len(packets):
    due = min(int((time.perf_counter() - began) * rate) + 1, len(packets))
    for packet in packets[sent:due]:
        out.send(packet)
    sent = due
    time.sleep(tick)
print(len(packets), time.perf_counter() - began)
"""

SCAPY = """
from smtpsniff.capture.live import tap
def no_ring(*_):
    raise OSError("none wanted")
tap.Ring = no_ring
import sys
from smtpsniff.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@contextmanager
def cable() -> Iterator[None]:
    """Two hosts without addresses: they send nothing of their own."""
    try:
        for name in (NEAR, FAR):
            ip("netns", "add", name)
        ip(
            "link",
            "add",
            "eth0",
            "netns",
            NEAR,
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            FAR,
        )
        for name in (NEAR, FAR):
            inside = [
                "ip",
                "netns",
                "exec",
                name,
                "sysctl",
                "-qw",
                "net.ipv6.conf.all.disable_ipv6=1",
            ]
            subprocess.run(inside, check=False)
            ip("-n", name, "link", "set", "eth0", "up")
        yield
    finally:
        for name in (NEAR, FAR):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def inside(name: str, *words: object) -> subprocess.Popen[bytes]:
    command = ["ip", "netns", "exec", name, *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def measure(capture: Path, rate: int, folder: Path, way: str) -> dict[str, Any]:
    """One run at one rate: what was sent, and what each program saw of it."""
    out = folder / "records.ndjson"
    ours_command = ["live", "-i", "eth0", "--json"]
    program = (
        [sys.executable, "-c", SCAPY] if way == "scapy" else [sys.executable, "-m", "smtpsniff"]
    )
    words = [] if way == "ring" else ["tcp"]
    shell = ["sh", "-c", 'exec "$@" >"$0"', out, *program, *ours_command, *words]
    ours = inside(NEAR, *shell)
    theirs = inside(NEAR, "tcpdump", "-i", "eth0", "-w", "/dev/null", "-Z", "root", "tcp")
    for process in (ours, theirs):
        assert process.stderr is not None
        said = b""
        while b"istening on" not in said:
            said = process.stderr.readline()
            assert said, "it does not listen"
    sender = inside(FAR, sys.executable, "-c", SEND, capture, rate, TICK)
    answer, fault = sender.communicate()
    assert sender.returncode == 0, fault.decode()
    sent, took = answer.split()
    time.sleep(1)
    before = time.perf_counter()
    for process in (ours, theirs):
        process.send_signal(signal.SIGINT)
    _, told = ours.communicate()
    behind = time.perf_counter() - before
    _, counted = theirs.communicate()
    records = [json.loads(line) for line in out.read_bytes().splitlines()]
    run = records[-1]
    gaps = [r for r in records[:-1] if r["complete"]["gaps"] != {"client": 0, "server": 0}]
    print(told.decode().splitlines()[-1], file=sys.stderr)
    return {
        "rate": round(int(sent) / float(took)), "sent": int(sent), "seen": run["packets"],
        "dropped": sum(run["dropped"].values()), "with_gaps": len(gaps), "behind": behind,
        "sessions": run["sessions"], "outcomes": run["outcomes"],
        "tcpdump": [int(n) for n in re.findall(rb"(\d+) packets? (?:captured|dropped)", counted)],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kind", default="spam")
    parser.add_argument(
        "--size", type=float, default=72, help="megabytes of capture; of spam, 600,000 packets"
    )
    parser.add_argument("--rates", type=int, nargs="+", default=[20_000])
    parser.add_argument("--way", choices=("ring", "scapy"), default="ring")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, cable():
        folder = Path(name)
        capture = folder / "traffic.pcap"
        truth = generate(args.kind, args.size, capture, seed=1)
        print(
            "| sent/s | sent | seen | dropped | sessions, whole | seconds behind | tcpdump seen, dropped |"
        )
        for rate in args.rates:
            found = measure(capture, rate, folder, args.way)
            whole = found["sessions"] - found["with_gaps"]
            right = "" if found["outcomes"] == truth.outcomes else " (wrong outcomes)"
            print(
                f"| {found['rate']:,} | {found['sent']:,} | {found['seen']:,} | {found['dropped']:,} "
                f"| {found['sessions']:,} of {truth.sessions:,}, {whole:,}{right} | {found['behind']:.1f} "
                f"| {', '.join(f'{n:,}' for n in found['tcpdump'])} |",
                flush=True,
            )  # fmt: skip


if __name__ == "__main__":
    main()
