from __future__ import annotations

import numpy as np
import pytest

from smtpsniff.net.endpoint import ip_text, ipv6_id

ADDRESSES = {
    "192.0.2.255": "c00002ff",
    "0.0.0.0": "00000000",
    "::": "00" * 16,
    "::1": "00" * 15 + "01",
    "2001:db8::1:0:0:1": "20010db8000000000001000000000001",
    "2001:0:1:2:3:4:5:6": "20010000000100020003000400050006",
    "::ffff:192.0.2.1": "00" * 10 + "ffffc0000201",
}


@pytest.mark.parametrize(("text", "raw"), ADDRESSES.items())
def test_addresses_as_text(text: str, raw: str) -> None:
    assert ip_text(bytes.fromhex(raw)) == text


def test_ids_of_ipv6_do_not_collide_and_spread() -> None:
    count = 200_000
    address = np.zeros((count, 4), ">u4")
    address[:, 0] = 0x20010DB8
    address[:, 3] = np.arange(count) // 4
    port = (np.arange(count) % 4).astype(">u2")
    ids = ipv6_id(address, port, b"key")
    assert len(np.unique(ids)) == count
    for bit in range(63):
        share = ((ids >> np.uint64(bit)) & np.uint64(1)).mean()
        assert 0.3 < share < 0.7
