"""`smtpsniff report`: the file it writes, and what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from report.pages import unpacked

if TYPE_CHECKING:
    from pathlib import Path

    from cli_console import Cli, Shipped


def test_a_report_is_written(cli: Cli, shipped: Shipped, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    result = cli("report", shipped("refused-recipient"), "-o", page)
    assert result.status == 1
    assert result.out == ""
    assert "1 session: 1 rejected." in result.said
    text = page.read_text("utf-8")
    assert unpacked(text)[0][0][1] == "rejected"
    assert f"-o {page}" in text


def test_nothing_is_written_over(cli: Cli, shipped: Shipped, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text("precious")
    result = cli("report", shipped("accepted"), "-o", page)
    assert (result.status, page.read_text()) == (2, "precious")
    assert "--force" in result.said
    assert cli("report", shipped("accepted"), "-o", page, "--force").status == 0
    assert page.read_text("utf-8").startswith("<!DOCTYPE html>")


def test_a_capture_is_never_the_page(cli: Cli, shipped: Shipped) -> None:
    capture = shipped("accepted")
    before = capture.read_bytes()
    result = cli("report", capture, "-o", capture, "--force")
    assert (result.status, capture.read_bytes()) == (2, before)
    assert "is one of the captures" in result.said


def test_where_nothing_can_be_written(cli: Cli, shipped: Shipped, tmp_path: Path) -> None:
    result = cli("report", shipped("accepted"), "-o", tmp_path / "absent" / "report.html")
    assert result.status == 2
    assert "cannot write" in result.said


def test_no_sessions_no_page(cli: Cli, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pcap"
    empty.write_bytes(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))
    page = tmp_path / "report.html"
    assert cli("report", empty, "-o", page).status == 3
    assert not page.exists()
