"""`--keylog`, as people type it."""

from __future__ import annotations

import importlib.util
import json
from typing import TYPE_CHECKING

from dialogue import capture
from tls.sealed import seal

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from cli_console import Cli


def made(folder: Path) -> tuple[str, str]:
    """A capture and its keys."""
    sealed = seal()
    (folder / "x.pcap").write_bytes(capture(sealed.text()))
    (folder / "keys").write_bytes(sealed.keys)
    return str(folder / "x.pcap"), str(folder / "keys")


def test_records_and_extracts(cli: Cli, tmp_path: Path) -> None:
    path, keys = made(tmp_path)
    result = cli("read", path, "--keylog", keys, "--json")
    session = json.loads(result.out.splitlines()[0])
    assert session["verdict"]["outcome"] == "delivered"
    assert session["tls"]["decrypted"] is True
    assert next(e["text"] for e in session["timeline"] if e["in_tls"]) == "EHLO a.example"
    assert (
        cli("extract", path, "-d", str(tmp_path / "out"), f"--keylog={keys}").status
        == result.status
    )
    assert len(list((tmp_path / "out").glob("*.eml"))) == 1
    assert "EHLO a.example\n" in cli("show", path, "1", "--keylog", keys).out


def test_a_file_that_is_not_there(cli: Cli, tmp_path: Path) -> None:
    path, _ = made(tmp_path)
    result = cli("read", path, "--keylog", str(tmp_path / "none"))
    assert result.status == 2
    assert result.said.endswith("none: no such file or directory")


def test_a_file_without_keys(cli: Cli, tmp_path: Path) -> None:
    path, _ = made(tmp_path)
    result = cli("read", path, "--keylog", path)
    assert "has no keys yet" in result.said
    assert "no key of it is among those given" in cli("read", path, "--keylog", path, "--json").out


def test_without_the_package(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, keys = made(tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    result = cli("read", path, "--keylog", keys)
    assert result.status == 2
    assert "pip install 'smtpsniff[tls]'" in result.said
