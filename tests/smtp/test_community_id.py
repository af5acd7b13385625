"""Community ID, against the values that its specification publishes for TCP."""

from __future__ import annotations

import pytest

from smtpsniff.smtp.session import community_id

# github.com/corelight/community-id-spec: baseline of version 1, seed 0.
PUBLISHED = [
    ("128.232.110.120", 34855, "66.35.250.204", 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
    (
        "2001:470:e5bf:dead:4957:2174:e82c:4887", 63943, "2607:f8b0:400c:c03::1a", 25,
        "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("source", "sport", "destination", "dport", "published"), PUBLISHED)
def test_published_values_in_both_directions(
    source: str, sport: int, destination: str, dport: int, published: str
) -> None:
    assert community_id(source, destination, sport, dport) == published
    assert community_id(destination, source, dport, sport) == published


def test_ports_decide_the_order_between_equal_addresses() -> None:
    one = community_id("10.0.0.1", "10.0.0.1", 25, 40000)
    assert one == community_id("10.0.0.1", "10.0.0.1", 40000, 25)
    assert one != community_id("10.0.0.1", "10.0.0.1", 25, 40001)
