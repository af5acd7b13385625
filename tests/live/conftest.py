"""Networks of the tests' own: namespaces that nothing else is in, and that go when the test ends."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from dialogue import lacking
from networks import Network, sweep

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def may_capture() -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("network namespaces are Linux's")
    if os.geteuid() != 0:
        pytest.skip("only root can make networks and capture")
    if not shutil.which("ip"):
        lacking("not installed: ip")
    probe = subprocess.run(["unshare", "--net", "true"], capture_output=True, text=True)
    if probe.returncode:
        pytest.skip(f"no namespaces to be had here: {probe.stderr.strip()}")
    sweep()


@pytest.fixture
def network(may_capture: None) -> Iterator[Network]:
    """Two hosts and a cable."""
    with Network() as network:
        yield network
