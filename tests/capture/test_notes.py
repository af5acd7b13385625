"""What pcapng says besides packets: comments, counts, names, keys; in bounded room."""

from __future__ import annotations

import struct
import subprocess
from typing import TYPE_CHECKING

import pytest
from capture_bytes import block, enhanced, interface, option, rows, section
from dialogue import capture, need, pcapng
from hypothesis import given
from hypothesis import strategies as st

from smtpsniff.capture import notes as room
from smtpsniff.capture import open_capture
from smtpsniff.capture.notes import TLS_KEY_LOG, Notes

if TYPE_CHECKING:
    from pathlib import Path


def remarked(order: str, data: bytes, *options: bytes) -> bytes:
    head = struct.pack(order + "IIIII", 0, 0, 5, len(data), len(data))
    body = head + data + b"\0" * (-len(data) % 4) + b"".join(options)
    return block(6, body, order)


def counts(order: str, which: int, **numbers: int) -> bytes:
    codes = {"received": 4, "dropped": 5, "filtered": 6, "system": 7}
    options = [option(codes[k], struct.pack(order + "Q", v), order) for k, v in numbers.items()]
    return block(5, struct.pack(order + "III", which, 0, 9) + b"".join(options), order)


def notes(path: Path, content: bytes, window: int = 1 << 20) -> Notes:
    path.write_bytes(content)
    with open_capture(path, window=window) as opened:
        rows(opened)
        assert opened.damage is None
        return opened.notes


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("window", [64, 1 << 20])
def test_everything_in_both_byte_orders(tmp_path: Path, order: str, window: int) -> None:
    flags = option(2, bytes(4), order)
    head = struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)
    content = block(0x0A0D0D0A, head + option(1, b"of the section", order), order)
    content += interface(order) + interface(order)
    content += remarked(order, b"abc", option(1, b"one", order), flags, option(1, b"two", order))
    content += remarked(order, b"", flags) + remarked(order, b"abcd")
    content += remarked(order, b"x", flags, flags, option(1, "drei €".encode(), order))
    content += counts(order, 0, received=10, dropped=2) + counts(order, 0, received=20, system=3)
    content += counts(order, 1, filtered=7)
    name = struct.pack(order + "HH", 1, 11) + b"\xc0\0\2\1mx\0a.b" + b"\0\0"
    content += block(4, name + struct.pack(order + "HH", 0, 0), order)
    secret = b"CLIENT_RANDOM 00 11"
    content += block(10, struct.pack(order + "II", TLS_KEY_LOG, len(secret)) + secret, order)
    found = notes(tmp_path / "x", content, window)
    assert found.comments == {1: ["one", "two"], 4: ["drei €"]}
    assert found.remarks == ["of the section"]
    assert (found.statistics[0].received, found.statistics[0].lost) == (20, 5)
    assert found.statistics[1].lost is None
    assert found.names == {b"\xc0\0\2\1": ["mx", "a.b"]}
    assert found.key_log == secret + b"\n"
    assert found.full == set()


def test_room_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MAX_COMMENTS", 3)
    monkeypatch.setattr(room, "MAX_NAMES", 2)
    monkeypatch.setattr(room, "MAX_SECRETS", 30)
    content = section() + interface() + remarked("<", b"x", option(1, b"c")) * 9
    for last in range(9):
        record = struct.pack("<HH", 1, 6) + bytes([1, 2, 3, last]) + b"a\0" + b"\0\0"
        content += block(4, record + bytes(4))
        content += block(10, struct.pack("<II", TLS_KEY_LOG, 20) + b"k" * 20)
    found = notes(tmp_path / "x", content)
    assert (len(found.comments), len(found.names), len(found.key_log)) == (3, 2, 21)
    assert len(found.full) == 3


def test_other_secrets_and_foreign_interfaces_are_left_alone(tmp_path: Path) -> None:
    content = section() + interface() + counts("<", 7, received=1)
    content += block(10, struct.pack("<II", 0x5353484B, 4) + b"ssh!") + enhanced(b"x")
    found = notes(tmp_path / "x", content)
    assert (found.key_log, found.statistics) == (b"", {})


@given(st.lists(st.tuples(st.sampled_from([4, 5, 6, 10, 0x0A0D0D0A]), st.binary(max_size=80))))
def test_no_bytes_make_it_fail(
    tmp_path_factory: pytest.TempPathFactory, parts: list[tuple[int, bytes]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "notes"
    path.write_bytes(section() + interface() + b"".join(block(*part) for part in parts))
    with open_capture(path) as opened:
        rows(opened)


def test_wireshark_reads_the_same_comments_from_editcap(tmp_path: Path) -> None:
    plain, path = tmp_path / "plain.pcapng", tmp_path / "x.pcapng"
    plain.write_bytes(capture("@T\n@Q", form=pcapng))
    words = [
        need("editcap"),
        "-a",
        "3:look here",
        "-a",
        "5:größer",
        "--capture-comment",
        "all of it",
    ]
    subprocess.run([*words, plain, path], check=True)
    with open_capture(path) as opened:
        rows(opened)
        assert opened.notes.comments == {3: ["look here"], 5: ["größer"]}
        assert opened.notes.remarks == ["all of it"]
