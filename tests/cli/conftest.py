"""The command line in this process: arguments in; status, output and errors out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cli_console import Result

from smtpsniff.cli.main import main

if TYPE_CHECKING:
    from cli_console import Cli, Shipped, Write

SHIPPED = Path(__file__).parents[2] / "captures"


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's configuration file would be: not the file of whoever runs the tests."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    return tmp_path / "settings" / "smtpsniff" / "config.toml"


@pytest.fixture
def cli(capsysbinary: pytest.CaptureFixture[bytes]) -> Cli:
    """`cli("show", path, 1)`."""

    def run(*words: object) -> Result:
        capsysbinary.readouterr()
        status = main([str(word) for word in words])
        out, err = capsysbinary.readouterr()
        assert b"Traceback" not in out + err
        return Result(status, out, err.decode())

    return run


@pytest.fixture
def shipped() -> Shipped:
    """The path of a recorded lesson."""
    return lambda name: SHIPPED / f"{name}.pcapng"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A file of these octets."""

    def to_file(octets: bytes, name: str = "mail.pcap") -> Path:
        path = tmp_path / name
        path.write_bytes(octets)
        return path

    return to_file
