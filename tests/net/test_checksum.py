from __future__ import annotations

import struct

import numpy as np
import pytest
from net_bytes import CLIENT, CLIENT6, SERVER, SERVER6, batch, ipv4, ipv6, tcp

from smtpsniff.net import checksums, decode


def _verdicts(packets: list[bytes], wire: list[int] | None = None) -> list[tuple[bool, bool]]:
    found = decode(batch(packets, 101, wire=wire))
    ip, segment = checksums(found, np.arange(len(packets)))
    assert ip.dtype == segment.dtype == np.bool_
    return list(zip(ip.tolist(), segment.tolist(), strict=True))


def _right(data: bytes) -> list[bytes]:
    return [
        ipv4(tcp(data, pseudo=CLIENT + SERVER)),
        ipv4(tcp(data, pseudo=CLIENT + SERVER, options=b"\1\1\1\1"), options=b"\1\1\1\1"),
        ipv6(tcp(data, pseudo=CLIENT6 + SERVER6)),
    ]


@pytest.mark.parametrize("data", [b"", b"x", b"xy", bytes(range(256)) * 5 + b"!"])
def test_right_sums(data: bytes) -> None:
    assert _verdicts(_right(data)) == [(True, True)] * 3


@pytest.mark.parametrize("data", [b"abc", b"abcd"])
def test_wrong_sums(data: bytes) -> None:
    packets = [packet[:-1] + b"Z" for packet in _right(data)]
    assert _verdicts(packets) == [(True, False)] * 3
    four = bytearray(_right(data)[0])
    four[8] ^= 1  # the hop limit is in the header's sum only
    assert _verdicts([bytes(four)]) == [(False, True)]


def test_padding_is_not_summed() -> None:
    assert _verdicts([packet + b"pad" for packet in _right(b"abc")]) == [(True, True)] * 3


def test_what_cannot_be_known_counts_as_right() -> None:
    packets = _right(bytes(100))
    assert _verdicts([packet[:90] for packet in packets], [200] * 3) == [(True, True)] * 3
    offloaded = [ipv4(tcp(b"abc"), length=0), ipv6(tcp(b"abc"), length=0)]
    assert _verdicts(offloaded) == [(True, True)] * 2


def test_a_sum_left_to_the_network_card_is_wrong() -> None:
    packet = bytearray(_right(b"abc")[0])
    packet[36:38] = struct.pack("!H", 0x1234)
    assert _verdicts([bytes(packet)]) == [(True, False)]


def test_no_rows() -> None:
    ip, segment = checksums(decode(batch([], 101)), np.array([], np.int64))
    assert (ip.tolist(), segment.tolist()) == ([], [])
