"""The scripts beside the recorded lessons still record the same."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from dialogue import lacking
from lessons import CAPTURES, LESSONS, check_packets, check_session

if TYPE_CHECKING:
    from pathlib import Path

# How a lesson's stage is built; without the right to it, these programs say so themselves.
PROBE = (
    *("unshare", "--mount", "--net", "--uts", "--pid", "--fork", "--mount-proc"),
    *("ip", "link", "add", "name", "eth0", "type", "veth"),
)


@pytest.fixture(scope="module")
def stage() -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("lessons are recorded on Linux")
    if os.geteuid() != 0:
        pytest.skip("only root can record lessons")
    for program in ("unshare", "ip"):
        if not shutil.which(program):
            lacking(f"not installed: {program}")
    probe = subprocess.run(PROBE, capture_output=True, text=True)
    if probe.returncode:
        pytest.skip(f"no namespaces to be had here: {probe.stderr.strip()}")


@pytest.mark.usefixtures("stage")
@pytest.mark.timeout(150)
@pytest.mark.parametrize("lesson", LESSONS)
def test_script(lesson: str, tmp_path: Path) -> None:
    file = tmp_path / "again.pcapng"
    done = subprocess.run(
        [sys.executable, CAPTURES / f"{lesson}.py", file],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
    )
    if "not installed:" in done.stderr:
        lacking(done.stderr)
    assert done.returncode == 0, done.stderr
    check_packets(lesson, file)
    check_session(lesson, file)
