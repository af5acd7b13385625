#!/usr/bin/env python3
# ruff: noqa: T201
"""A day of traffic at speed through a pipe: does memory stay flat?

    python tests/benchmark/soak.py                       # 24 hours of a spam run
    python tests/benchmark/soak.py --way read            # with stories, as `smtpsniff - --json`
    python tests/benchmark/soak.py --kind mail --size 20 --hours 48

A generated capture for each hour into `smtpsniff.read("-")`: what a live capture runs through,
without its socket. Each hour is cut in its last tenth, so that some sessions stay open until they
are given up. Stories remember mails of days, up to bounds of their own: with `--way read` memory
grows until these are reached.
Prints resident memory after each hour; at the end the growth from the third hour to the last.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from generate import generate

API = """
import collections, json, smtpsniff
sessions = collections.Counter(session.verdict.outcome for session in smtpsniff.read("-"))
print(json.dumps({"sessions": sum(sessions.values()), "outcomes": sessions}))
"""
HEADER = 24  # of a pcap file
HOUR = 3600


def shifted(path: Path, hour: int) -> tuple[bytes, bytes]:
    """The file's header, and nine tenths of its records, so many hours later."""
    data = np.fromfile(path, np.uint8)
    head, body = data[:HEADER].tobytes(), data[HEADER:]
    found, position, end = [], 0, len(body) * 9 // 10
    while position < end:
        found.append(position)
        position += 16 + int.from_bytes(body[position + 8 : position + 12].tobytes(), "little")
    places = np.array(found)[:, None] + np.arange(4)
    seconds = body[places].view("<u4") + np.uint32(hour * HOUR)
    body[places] = seconds.astype("<u4").view(np.uint8)
    return head, body[:position].tobytes()


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kind", default="spam")
    parser.add_argument("--size", type=int, default=4, help="megabytes an hour")
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--way", choices=("api", "read"), default="api")
    args = parser.parse_args()
    command = [sys.executable, "-c", API]
    if args.way == "read":
        command = [sys.executable, "-m", "smtpsniff", "-", "--json", "--fail-on", "never"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    last = [b""]

    def drain() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            last[0] = line

    reader = threading.Thread(target=drain)
    reader.start()
    began, sizes = time.perf_counter(), []
    with tempfile.TemporaryDirectory() as folder:
        for hour in range(args.hours):
            path = Path(folder) / "hour.pcap"
            generate(args.kind, args.size, path, seed=hour)
            head, body = shifted(path, hour)
            process.stdin.write(body if hour else head + body)
            process.stdin.flush()
            time.sleep(0.3)  # for what it still reads of this hour
            sizes.append(resident(process.pid))
            passed = time.perf_counter() - began
            print(f"hour {hour + 1:3}  {passed:6.1f} s  {sizes[-1] / 1e6:7.1f} MB", flush=True)
    process.stdin.close()
    process.wait()
    reader.join()
    run = json.loads(last[0])
    print(f"{run['sessions']:,} sessions: {run['outcomes']}")
    print(f"growth from hour 3 to the last: {(sizes[-1] - sizes[2]) / 1e6:+.1f} MB")


if __name__ == "__main__":
    main()
