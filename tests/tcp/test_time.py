"""Captures whose time goes back: several put one behind the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dialogue import SECOND, compile_text, pcap

from smtpsniff.pipeline import Settings
from smtpsniff.pipeline.analysis import Analysis, sessions_of

if TYPE_CHECKING:
    from pathlib import Path

EPOCH = 1_700_000_000 * SECOND
LONG = '@T ; @D ; C "Subject: t\\r\\n\\r\\n" ; C "hello\\r\\n"*500 ; C ".\\r\\n" ; S "250 Ok\\r\\n" ; @Q'


def test_a_session_is_not_given_up_because_an_older_part_follows(tmp_path: Path) -> None:
    later = compile_text(LONG, start=EPOCH + 100_000 * SECOND)
    earlier = compile_text(LONG, start=EPOCH, client=("192.0.2.3", 40001))
    path = tmp_path / "joined.pcap"
    path.write_bytes(pcap([*later, *earlier]))
    for window in (None, 1 << 12, 1 << 10):
        found = list(sessions_of(Analysis([path], Settings(window=window))))
        ends = {s.client.port: (s.packets, s.ended, s.verdict.outcome) for s in found}
        assert len(found) == 2
        assert ends[40000] == (len(later), "quit-clean", "delivered")
        assert ends[40001] == (len(earlier), "quit-clean", "delivered")
