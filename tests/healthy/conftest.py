"""The servers, each started once, and their ports, which all have from the beginning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from healthy.servers import aiosmtpd, postfix, root_only
from healthy.wire import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = ("aiosmtpd", "postfix", "exim", "opensmtpd", "dovecot")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="session")
def ports() -> dict[str, int]:
    root_only()
    return {name: free_port() for name in NAMES}


@pytest.fixture(scope="session")
def aiosmtpd_port(ports: dict[str, int]) -> Iterator[int]:
    with aiosmtpd(ports["aiosmtpd"], auth_require_tls=False):
        yield ports["aiosmtpd"]


@pytest.fixture(scope="session")
def postfix_port(ports: dict[str, int], home: Path) -> Iterator[int]:
    with postfix(home, ports):
        yield ports["postfix"]
