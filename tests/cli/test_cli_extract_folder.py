"""`extract`: the folder, which is safe; which sessions, how many processes, an mbox."""

from __future__ import annotations

import hashlib
import json
import mailbox
import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from cli_extract import HEAD, attached, extract, multipart, sent
from dialogue import capture

if TYPE_CHECKING:
    from pathlib import Path

    from cli_console import Cli, Shipped, Write


def test_files_are_private(cli: Cli, write: Write, tmp_path: Path) -> None:
    path = write(capture(sent(multipart(attached(b"a.bin")))))
    before = os.umask(0)
    try:
        cli("extract", path, "-d", tmp_path / "out", "--attachments", "--mbox")
    finally:
        os.umask(before)
    modes = {
        str(found.relative_to(tmp_path / "out")): stat.S_IMODE(found.stat().st_mode)
        for found in [tmp_path / "out", *(tmp_path / "out").rglob("*")]
    }
    assert modes == {
        ".": 0o700,
        "index.json": 0o600,
        "messages.mbox": 0o600,
        "session-0001-mail-1": 0o700,
        "session-0001-mail-1.eml": 0o600,
        "session-0001-mail-1/a.bin": 0o600,
    }


def test_nothing_is_overwritten_unasked(cli: Cli, shipped: Shipped, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert cli("extract", shipped("accepted"), "-d", out).status == 0
    again = cli("extract", shipped("accepted"), "-d", out)
    assert again.status == 2
    assert "index.json" in again.said
    (out / "index.json").unlink()
    (out / "session-0001-mail-1.eml").write_bytes(b"mine")
    assert cli("extract", shipped("accepted"), "-d", out).status == 2
    assert (out / "session-0001-mail-1.eml").read_bytes() == b"mine"
    assert sorted(path.name for path in out.iterdir()) == ["session-0001-mail-1.eml"]
    assert cli("extract", shipped("accepted"), "-d", out, "--force").status == 0
    assert (out / "session-0001-mail-1.eml").read_bytes() != b"mine"


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="there are no links here")
def test_links_are_not_followed(cli: Cli, write: Write, tmp_path: Path) -> None:
    path = write(capture(sent(multipart(attached(b"a.bin")))))
    victim, elsewhere = tmp_path / "victim", tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name, target in (("session-0001-mail-1.eml", victim), ("session-0001-mail-1", elsewhere)):
        out = tmp_path / f"out-{name}"
        out.mkdir()
        (out / name).symlink_to(target)
        assert cli("extract", path, "-d", out, "--attachments").status == 2
        cli("extract", path, "-d", out, "--attachments", "--force")
    assert not victim.exists()
    assert list(elsewhere.iterdir()) == []


def test_a_folder_that_cannot_be_made(cli: Cli, shipped: Shipped, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    result = cli("extract", shipped("accepted"), "-d", tmp_path / "file")
    assert result.status == 2
    assert str(tmp_path / "file") in result.said
    assert "-d DIR" in cli("extract", shipped("accepted")).said


# -- which sessions, how many processes, an mbox -------------------------------------------


def two_sessions() -> bytes:
    texts = [
        sent(HEAD + b"\r\none\r\n"), "SESSION port=40001 at=60\n" + sent(HEAD + b"\r\ntwo\r\n"),
    ]  # fmt: skip
    return capture("\n".join(texts))


def test_selected_sessions(cli: Cli, write: Write, tmp_path: Path) -> None:
    path = write(two_sessions())
    for words in (("2",), ("--session", "2")):
        out = tmp_path / "-".join(words)
        result = cli("extract", path, *words, "-d", out)
        assert result.status == 0
        assert sorted(p.name for p in out.iterdir()) == ["index.json", "session-0002-mail-1.eml"]
        assert (out / "session-0002-mail-1.eml").read_bytes().endswith(b"two\r\n")
    for number, where in enumerate(("number == 2", "client.port == 40001")):
        out = tmp_path / str(number)
        cli("extract", path, "-d", out, "--where", where)
        assert sorted(p.name for p in out.iterdir()) == ["index.json", "session-0002-mail-1.eml"]
    both = cli("extract", path, "1", "2", "-d", tmp_path / "both")
    assert both.out.count(".eml") == 2


def test_processes_make_no_difference(cli: Cli, write: Write, tmp_path: Path) -> None:
    path = write(two_sessions())
    found = []
    for jobs in (1, 3):
        out = tmp_path / str(jobs)
        cli("extract", path, "-d", out, "--jobs", jobs)
        index = json.loads((out / "index.json").read_text())
        found.append(sorted((entry["file"], entry["sha256"]) for entry in index["messages"]))
        assert len(list(out.iterdir())) == 3
    assert found[0] == found[1]


def test_an_mbox_holds_them_all(cli: Cli, write: Write, tmp_path: Path) -> None:
    message = HEAD + b"\r\nFrom here\r\n>From there\r\nend\r\n"
    text = sent(message) + "\nSESSION port=40001 at=60\n" + sent(HEAD + b"\r\ntwo\r\n")
    extract(cli, write, tmp_path / "out", capture(text), "--mbox")
    raw = (tmp_path / "out" / "messages.mbox").read_bytes()
    assert raw.startswith(b"From s@a.example.net Mon Nov 23 10:00:00 2026\n")
    assert b"\n>From here\n>>From there\nend\n\nFrom s@a.example.net " in raw
    assert b"\r" not in raw
    box = mailbox.mbox(tmp_path / "out" / "messages.mbox")
    assert [str(mail["Subject"]) for mail in box] == ["t", "t"]
    box.close()


def test_the_digest_of_a_pipe(cli: Cli, shipped: Shipped, tmp_path: Path) -> None:
    octets = shipped("accepted").read_bytes()
    command = [
        sys.executable, "-m", "smtpsniff", "extract", "-", "-d", tmp_path / "out", "--fail-on",
        "never",
    ]  # fmt: skip
    subprocess.run(command, input=octets, check=True, capture_output=True)
    (file,) = json.loads((tmp_path / "out" / "index.json").read_text())["run"]["files"]
    assert file["sha256"] == hashlib.sha256(octets).hexdigest()


def test_without_a_message(cli: Cli, write: Write, tmp_path: Path) -> None:
    result = cli("extract", write(capture("@G\n@E\n@Q")), "-d", tmp_path / "out")
    assert result.status == 0
    assert result.said == "no message in the capture"
    assert json.loads((tmp_path / "out" / "index.json").read_text())["messages"] == []
