"""Runs commands and measures them; makes the captures they read; checks the answers."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traffic.truth import truth_path

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent
FOLDER = Path(tempfile.gettempdir()) / "smtpsniff-benchmark"
SAMPLE_EVERY = 0.02  # seconds between two looks at the memory
USAGE = 2  # from this exit status on, smtpsniff read nothing useful
FIELDS = (
    "frame.number",
    "tcp.stream",
    "smtp.req.command",
    "smtp.req.parameter",
    "smtp.response.code",
    "smtp.rsp.parameter",
)


def smtpsniff(*arguments: str) -> list[str]:
    """The installed script of this interpreter, else the module."""
    script = shutil.which("smtpsniff", path=str(Path(sys.executable).parent))
    return [script, *arguments] if script else [sys.executable, "-m", "smtpsniff", *arguments]


def tshark(capture: Path) -> list[str] | None:
    program = shutil.which("tshark")
    if program is None:
        return None
    fields = [word for field in FIELDS for word in ("-e", field)]
    return [program, "-r", str(capture), "-Y", "smtp", "-T", "fields", *fields]


def capture(kind: str, megabytes: int, folder: Path, seed: int = 1) -> Path:
    """Such a capture, made now unless the same generator has made it before."""
    sources = sorted([HERE / "generate.py", *(HERE / "traffic").glob("*.py")])
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    path = folder / f"{kind}-{megabytes}-{seed}-{digest[:8]}.pcap"
    if not truth_path(path).exists():  # it is written last
        folder.mkdir(parents=True, exist_ok=True)
        words = [kind, str(megabytes), str(path), "--seed", str(seed)]
        command = [sys.executable, str(HERE / "generate.py"), *words]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return path


def warm(path: Path) -> None:
    """Reads the file once, so that the disk plays no part."""
    with path.open("rb") as file:
        while file.read(1 << 22):
            pass


def timed(command: list[str]) -> tuple[float, int]:
    """Wall-clock seconds and exit status, the output thrown away."""
    begin = time.perf_counter()
    null = subprocess.DEVNULL
    status = subprocess.run(command, check=False, stdout=null, stderr=null).returncode
    return time.perf_counter() - begin, status


@dataclass
class Answer:
    """What smtpsniff said of a capture: its run record, and a count over the sessions."""

    run: dict[str, Any]
    counts: Counter[str]
    outcomes: Counter[str]

    @classmethod
    def empty(cls) -> Answer:
        return cls({}, Counter(), Counter())

    def take(self, line: bytes) -> None:
        try:
            record = json.loads(line)
        except ValueError:
            self.counts["lines that are not JSON"] += 1
            return
        if record["schema"].startswith("smtpsniff.run/"):
            self.run = record
        if not record["schema"].startswith("smtpsniff.session/"):
            return
        self.counts["sessions"] += 1
        self.outcomes[record.get("verdict", {}).get("outcome", "none")] += 1
        for transaction in record.get("transactions", ()):
            self.counts["transactions"] += 1
            self.counts["recipients"] += len(transaction.get("recipients", ()))
            self.counts["mails"] += transaction.get("outcome") in ("delivered", "partial")

    def faults(self, truth: Mapping[str, Any]) -> list[str]:
        """Where it differs from the truth; a fast wrong answer is not fast."""
        if not self.run:
            return ["no run record"]
        said: dict[str, Any] = {key: self.counts[key] for key in sorted(self.counts)}
        said |= {key: self.run.get(key) for key in ("packets", "tcp_connections")}
        said["sessions of the run record"] = self.run.get("sessions")
        told = {**truth, "sessions of the run record": truth["sessions"]}
        keys = "sessions", "transactions", "recipients", "mails", *said
        faults = [
            f"{key} {said.get(key, 0)}, not {told.get(key, 0)}"
            for key in dict.fromkeys(keys)
            if said.get(key, 0) != told.get(key, 0)
        ]
        labels = sorted(self.outcomes | Counter(truth["outcomes"]))
        for label in labels:
            found, true = self.outcomes[label], truth["outcomes"].get(label, 0)
            if found != true:
                faults.append(f"{label} {found}, not {true}")
        return faults


def descendants(process: int) -> list[int]:
    """The process and all below it."""
    found, at = [process], 0
    while at < len(found):
        for children in Path(f"/proc/{found[at]}/task").glob("*/children"):
            try:
                found.extend(map(int, children.read_text().split()))
            except OSError:
                continue  # it ended meanwhile
        at += 1
    return found


def proportional(process: int) -> int:
    """The memory of a process in bytes, shared pages divided among those who share them."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


@dataclass
class Memory:
    """Peaks in bytes: `tree` is the sampled sum of PSS over all processes (Linux only, 0
    elsewhere), `single` the highest resident set of one process, mapped file pages included."""

    tree: int = 0
    single: int = 0
    status: int = 0


def observed(command: list[str], answer: Answer | None = None) -> Memory:
    """Runs it for its memory and its answer, not for its time."""
    memory = Memory()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    done = threading.Event()

    def sample() -> None:
        while not done.wait(SAMPLE_EVERY):
            memory.tree = max(memory.tree, sum(map(proportional, descendants(process.pid))))

    sampler = threading.Thread(target=sample)
    sampler.start()
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            if answer is not None:
                answer.take(line)
    if hasattr(os, "wait4"):
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        memory.single = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    memory.status = process.wait()
    done.set()
    sampler.join()
    return memory
