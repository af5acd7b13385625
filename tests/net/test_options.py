from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from net_bytes import batch, ipv4, tcp

from smtpsniff.net import decode, options

MSS, SCALE, SACK = b"\x02\x04\x05\xb4", b"\x03\x03\x07", b"\x04\x02"
TIME = b"\x08\x0a" + (4_000_000_000).to_bytes(4) + (7).to_bytes(4)
NOP = b"\x01"

# options -> mss, window scale, SACK permitted, tsval, tsecr
CASES: dict[bytes, tuple[int, int, bool, int, int]] = {
    b"": (-1, -1, False, -1, -1),
    MSS: (1460, -1, False, -1, -1),
    MSS + SACK + TIME + NOP + SCALE: (1460, 7, True, 4_000_000_000, 7),
    NOP + NOP + TIME: (-1, -1, False, 4_000_000_000, 7),
    NOP * 36 + MSS: (1460, -1, False, -1, -1),
    NOP * 40: (-1, -1, False, -1, -1),
    b"\x00" + MSS + b"\0\0\0": (-1, -1, False, -1, -1),
    b"\x02\x03\x05" + NOP + MSS: (1460, -1, False, -1, -1),  # of a wrong length: unknown
    b"\x02\x00\x05\xb4" + MSS: (-1, -1, False, -1, -1),  # a length that cannot be
    b"\x02\x01\x05\xb4" + MSS: (-1, -1, False, -1, -1),
    NOP * 3 + b"\x02": (-1, -1, False, -1, -1),  # its length is payload already
    NOP + NOP + b"\x02\x04": (-1, -1, False, -1, -1),
    MSS + b"\x02\x04\x00\x01": (1, -1, False, -1, -1),
    b"\xfd\x06abcd" + SACK: (-1, -1, True, -1, -1),
    MSS + b"\xff\xff\0\0": (1460, -1, False, -1, -1),
}


def _table(cases: list[bytes]) -> list[tuple[int, int, bool, int, int]]:
    found = decode(batch([ipv4(tcp(b"\x04\x04\x04", options=case)) for case in cases], 101))
    read = options(found, np.arange(len(cases)))
    return list(
        zip(
            read.mss.tolist(), read.window_scale.tolist(), read.sack_permitted.tolist(),
            read.tsval.tolist(), read.tsecr.tolist(), strict=True,
        )
    )  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_one_at_a_time(case: bytes) -> None:
    assert _table([case]) == [CASES[case]]


def test_all_at_once() -> None:
    assert _table(list(CASES)) == list(CASES.values())


def test_only_the_rows_asked_for() -> None:
    found = decode(batch([ipv4(tcp(options=case)) for case in (MSS, b"", TIME + NOP + NOP)], 101))
    assert options(found, np.array([2, 0])).mss.tolist() == [-1, 1460]
    assert options(found, np.array([], np.int64)).mss.tolist() == []


def test_options_cut_by_the_snap_length() -> None:
    packet = ipv4(tcp(options=MSS + SACK + TIME + NOP + SCALE))
    for size in range(40, len(packet)):
        found = decode(batch([packet[:size]], 101, wire=[len(packet)]))
        read = options(found, slice(None))
        assert read.mss.tolist() == [1460 if size >= 44 else -1]
        assert read.window_scale.tolist() == [-1]


def _slowly(data: bytes) -> tuple[int, int, bool, int, int]:
    """The same walk, one byte string at a time."""
    mss, scale, sack, tsval, tsecr = -1, -1, False, -1, -1
    while data and data[0] != 0:
        if data[0] == 1:
            data = data[1:]
            continue
        if len(data) < 2 or data[1] < 2 or data[1] > len(data):
            break
        value, data, kind = data[2 : data[1]], data[data[1] :], data[0]
        if kind == 2 and len(value) == 2:
            mss = int.from_bytes(value)
        elif kind == 3 and len(value) == 1:
            scale = value[0]
        elif kind == 4 and not value:
            sack = True
        elif kind == 8 and len(value) == 8:
            tsval, tsecr = int.from_bytes(value[:4]), int.from_bytes(value[4:])
    return mss, scale, sack, tsval, tsecr


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.lists(
            st.sampled_from([MSS, SCALE, SACK, TIME, NOP, b"\0", b"\2\2", b"\x08\x0a", b"\xff"]),
            max_size=8,
        ).map(lambda parts: (b"".join(parts) + bytes(3))[:40]),
        min_size=1,
        max_size=5,
    )
)
def test_any_options_against_a_simple_walk(cases: list[bytes]) -> None:
    aligned = [case[: len(case) // 4 * 4] for case in cases]
    assert _table(aligned) == [_slowly(case) for case in aligned]
