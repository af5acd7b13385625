from __future__ import annotations

import random

import pytest
from net_bytes import batch, ether, facts, ipv4, ipv6, tcp
from net_samples import KEY, LINKS, no_door, sll, sll2

from smtpsniff.capture.scapy_door import slow_decode
from smtpsniff.net import decode


@pytest.mark.parametrize(("link", "packet"), LINKS.values(), ids=LINKS.keys())
def test_links(link: int, packet: bytes) -> None:
    found = decode(batch([packet], link), no_door)
    ((_, _, source, sport, _, dport, seq, ack, flags, window, length, data, *_),) = facts(found)
    assert source in ("10.0.0.1", "fd00::1")
    assert (sport, dport, seq, ack, flags, window) == (40_000, 25, 1000, 2000, 0x18, 512)
    assert (length, data) == (8, b"HELO a\r\n")
    assert (found.others, found.undecoded) == (0, 0)


def test_all_links_in_one_batch() -> None:
    links, packets = zip(*LINKS.values(), strict=True)
    found = decode(batch(packets, links), no_door, KEY)
    assert found.frame.tolist() == list(range(11, 11 + len(packets)))
    alone = [
        facts(decode(batch([packet], link), None, KEY))[0][2:] for link, packet in LINKS.values()
    ]
    assert [row[2:] for row in facts(found)] == alone


def test_every_packet_is_the_same_through_both_doors() -> None:
    """What scapy finds, decoded as raw IP, is what the columns find at once."""
    generator = random.Random(3)
    packets, links = [], []
    for _ in range(300):
        options = bytes([1] * 4 * generator.randrange(11))
        data = generator.randbytes(generator.randrange(30))
        segment = tcp(
            data, generator.randrange(2**32), flags=generator.randrange(512), options=options
        )
        four = ipv4(segment, options=bytes([1] * 4 * generator.randrange(3)))
        tags = [0x8100] * generator.randrange(3)
        packets += [ether(four, tags=tags), ether(ipv6(segment), 0x86DD, tags), four]
        packets += [sll(0x0800) + four, sll2(0x86DD) + ipv6(segment), b"\2\0\0\0" + four]
        links += [1, 1, 101, 113, 276, 0]
    fast = facts(decode(batch(packets, links), no_door, KEY))
    inner = [slow_decode(link, packet) for link, packet in zip(links, packets, strict=True)]
    slow = facts(decode(batch([packet for (packet,) in inner], 101), no_door, KEY))
    assert len(fast) == 1800
    assert fast == slow
