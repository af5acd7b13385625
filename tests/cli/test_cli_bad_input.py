"""Whatever the file is: one line or partial results, the right status, never a traceback."""

from __future__ import annotations

import os
import random
import struct
from typing import TYPE_CHECKING

import pytest
from dialogue import capture, pcap, pcapng

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli_console import Cli, Write


PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 1, 1, 8, 2, 0, 0, 0)
MAIL = "@T ; @D ; @H ; @X\n@Q"
COMMANDS = [(), ("--json",)]


@pytest.mark.parametrize(
    "octets", [b"", b"just a text\n", PNG, bytes(5000), b"\xd4\xc3\xb2\xa1", b"\x1f\x8b\x08"]
)
@pytest.mark.parametrize("words", COMMANDS)
def test_what_is_no_capture(cli: Cli, write: Write, octets: bytes, words: tuple[str, ...]) -> None:
    path = write(octets)
    result = cli(path, *words)
    assert (result.status, result.out) == (2, "")
    assert str(path) in result.said
    shown = cli("show", path, 1)
    assert (shown.status, shown.said) == (2, result.said)


def test_a_device_that_gives_nothing(cli: Cli) -> None:
    for words in (("read", os.devnull), ("show", os.devnull, 1)):
        result = cli(*words)
        assert (result.status, result.out) == (2, "")
        assert f"{os.devnull}: the file is empty" in result.said
        assert "internal error" not in result.said


def test_a_directory_and_a_missing_file(cli: Cli, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.pcap", tmp_path / ("x" * 300)):
        for words in (("read", path), ("show", path, 1)):
            result = cli(*words)
            assert (result.status, result.out) == (2, "")
            assert str(path) in result.said


@pytest.mark.skipif(os.name == "nt" or os.getuid() == 0, reason="everything can be read here")
def test_a_file_without_permission(cli: Cli, write: Write) -> None:
    path = write(b"")
    path.chmod(0)
    assert "permission denied" in cli(path).said


def test_a_name_with_a_null(cli: Cli) -> None:
    assert cli("read", "a\0b").status == 2


def test_a_name_that_could_drive_a_terminal(cli: Cli) -> None:
    result = cli("read", "\x1b]0;x\x07.pcap")
    assert result.status == 2
    assert "\x1b" not in result.err


@pytest.mark.parametrize("form", [pcap, pcapng])
def test_cut_at_every_byte_of_the_last_kilobyte(
    cli: Cli, write: Write, form: Callable[..., bytes]
) -> None:
    octets = capture(MAIL, form=form)
    for length in range(len(octets) - 1024, len(octets)):
        path = write(octets[:length])
        result = cli(path, "--json" if length % 2 else "--color=auto")
        assert result.status in (0, 1), length
        assert result.out, length
        # A cut between two packets is no damage that anyone could see.
        if result.err:
            assert result.said.startswith(f"{path}: damaged at byte "), length


def test_damage_is_told_with_file_and_offset_and_the_rest_is_shown(cli: Cli, write: Write) -> None:
    octets = capture(MAIL, form=pcap)
    path = write(octets[:-5])
    for words in ((path,), ("show", path, 1), (path, "--json")):
        result = cli(*words)
        assert result.status in (0, 1)
        assert f"{path}: damaged at byte" in result.said
        assert "delivered" in result.out


@pytest.mark.timeout(60)
@pytest.mark.parametrize("form", [pcap, pcapng])
def test_random_flips_in_headers(cli: Cli, write: Write, form: Callable[..., bytes]) -> None:
    octets = capture(MAIL, form=form)
    dice = random.Random(7)
    for _ in range(300):
        flipped = bytearray(octets)
        for _ in range(dice.randint(1, 4)):
            flipped[dice.randrange(len(flipped))] ^= 1 << dice.randrange(8)
        result = cli(write(bytes(flipped)))
        assert result.status in (0, 1, 2, 3)
        assert "internal" not in result.err
