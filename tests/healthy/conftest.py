"""The servers, each started once, and their ports, which all have from the beginning."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from healthy.servers import aiosmtpd, dovecot, postfix, root_only
from healthy.unpacked import exim, opensmtpd
from healthy.wire import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = ("aiosmtpd", "postfix", "exim", "opensmtpd", "dovecot")


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    """The servers' folders, open to the users that they change to; pytest's own are not."""
    with TemporaryDirectory(prefix="smtpsniff-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


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


@pytest.fixture(scope="session")
def exim_port(ports: dict[str, int], home: Path) -> Iterator[int]:
    with exim(home, ports):
        yield ports["exim"]


@pytest.fixture(scope="session")
def opensmtpd_port(ports: dict[str, int], home: Path) -> Iterator[int]:
    with opensmtpd(home, ports):
        yield ports["opensmtpd"]


@pytest.fixture(scope="session")
def dovecot_port(ports: dict[str, int], home: Path) -> Iterator[int]:
    with dovecot(home, ports):
        yield ports["dovecot"]
