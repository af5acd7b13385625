"""What a live capture shows: lines for a pipe, and the part of a screen that is drawn anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from dialogue import compile_text, in_order, pcap

from smtpsniff.output.events import Events
from smtpsniff.output.live import Counts, room, running_lines
from smtpsniff.output.paint import Paint, cells
from smtpsniff.pipeline import Analysis, Settings
from smtpsniff.records import Endpoint
from smtpsniff.smtp.glimpse import Glimpse

if TYPE_CHECKING:
    from pathlib import Path

SECOND = 10**9
HOSTILE = "550 \x1b]0;pwned\x07 \u202e\x9b2J " + "x" * 300


def hostile_glimpse() -> Glimpse:
    return Glimpse(
        Endpoint("2001:db8:1111:2222:3333:4444:5555:6666", 41020), Endpoint("2001:db8::25", 25),
        1, 0, 0, "server: answer to RCPT", HOSTILE, 550, HOSTILE, 3, 2,
    )  # fmt: skip


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_running_part_fits_any_width_and_is_safe(width: int) -> None:
    counts = Counts("eth0", 70, 1234, 10**9, 17, {"delivered": 1000, "rejected": 234})
    glimpses = [hostile_glimpse()] * room(24)
    lines = list(running_lines(glimpses, counts, 12 * SECOND, Paint(), width))
    assert len(lines) < 24
    assert max(map(cells, lines)) <= width
    text = "\n".join(lines)
    assert not set(text) & set("\x1b\x07\x9b\u202e")
    assert "17 packets dropped" in text
    assert "12 s" in text


Packets = list[Any]


def watched(packets: Packets, path: Path, step: int) -> tuple[list[str], list[str], list[Any]]:
    """Events and doings of a file that grows by `step` packets at a time, and its sessions."""
    path.write_bytes(pcap(packets[:step]))
    analysis = Analysis([path], Settings(watch=True, follow=True))
    assert analysis.watching is not None
    events = Events(Paint())
    said: list[str] = []
    doing: list[str] = []
    sessions: list[Any] = []
    done = step
    for moment in analysis.steps():
        for news in moment.news:
            said += [line.split(" ", 2)[2] for line in events.news(news)]
        doing += [glimpse.doing for glimpse in analysis.watching.glimpses(5)]
        sessions += moment.ended
        if done >= len(packets):
            analysis.stop()
        else:
            with path.open("ab") as file:
                file.write(pcap(packets[done : done + step])[24:])
            done += step
    return said, doing, sessions


def test_news_come_once_and_in_order_however_the_packets_come(tmp_path: Path) -> None:
    packets = in_order(
        compile_text(
            '@G\n@EN\nC "MAIL FROM:<a@example.net>\\r\\n"\nS "250 Ok\\r\\n"\n'
            'C "AUTH PLAIN AGEAc2VjcmV0\\r\\n"\nS "503 no\\r\\n"\n@Q'
        )
    )
    whole, _, (one,) = watched(packets, tmp_path / "x", 100)
    pieces, doing, (two,) = watched(packets, tmp_path / "x", 3)
    assert pieces == whole
    assert one == two
    assert whole[0].startswith("C> connected to ")
    assert "C> MAIL FROM:<a@example.net>" in whole
    assert "<S 250 Ok" in whole
    assert not any("c2VjcmV0" in line for line in whole)
    assert {"server: answer to AUTH", "client: next command"} <= set(doing)
    assert whole[-1].endswith("closed its side")


@pytest.mark.parametrize(
    "text", ["@T\n@D\n@H\n@X\n@Q", "@T\n@D\nGAP C 10\n@Q", '@G\nS "junk\\r\\n"\n@EN\n@Q']
)
def test_watching_changes_no_record(tmp_path: Path, text: str) -> None:
    packets = in_order(compile_text(text))
    path = tmp_path / "x"
    path.write_bytes(pcap(packets))
    plain = [session for step in Analysis([path]).steps() for session in step.ended]
    for step in (100, 7, 4):
        assert watched(packets, path, step)[2] == plain
