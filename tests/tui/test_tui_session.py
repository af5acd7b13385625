"""A session's screen, the comparison, saving, with real keys."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from dialogue import compile_text, pcap
from tui_desk import Desk, shipped, sit, source

from smtpsniff import read
from smtpsniff.cli.main import main
from smtpsniff.output.account import Line
from smtpsniff.output.paint import cells
from smtpsniff.tui.align import align, differs

if TYPE_CHECKING:
    from pathlib import Path


LONG = 'C "NOOP\\r\\n"\nS "250 OK\\r\\n"\n'


async def opened(desk: Desk, number: int = 2) -> None:
    """The screen of a session."""
    await desk.sees("2 sessions")
    await desk.press(*["down"] * (number - 1), "enter")
    await desk.sees(f"session {number}:", "client 192.0.2.1")


def test_a_session_has_its_verdict_arrows_and_findings() -> None:
    async def act(desk: Desk) -> None:
        await opened(desk)
        text = await desk.sees("2 mails (1 rejected, 1 delivered).", "(unknown-user, frame 12)")
        assert "|-- ehlo client.example.net ----" in text
        assert "^ note starttls-not-offered" in text

    sit(source(*shipped()), act, (80, 40))


def test_the_text_of_the_line_stands_beside_it_and_r_takes_it_away() -> None:
    async def act(desk: Desk) -> None:
        await opened(desk)
        await desk.press("slash")
        await desk.type("250-mx")
        await desk.press("enter")
        await desk.sees("server, reply, frame 2:8", "250-PIPELINING")
        before = desk.sniffer.screen.lines.size
        await desk.press("r")
        await desk.until(lambda: "server, reply" not in desk.text, "the end of the text")
        assert desk.sniffer.screen.lines.size != before
        await desk.press("r")
        await desk.sees("server, reply, frame 2:8")

    for size in ((80, 24), (140, 30)):
        sit(source(*shipped()), act, size)


def test_times_findings_and_the_sessions_before_and_behind() -> None:
    async def act(desk: Desk) -> None:
        await opened(desk)
        assert "0.017" in desk.text
        await desk.press("t")
        await desk.sees("seconds since the line before", "0.016774")
        await desk.press("t", "t")
        await desk.sees("22:58:45.")
        await desk.press("e")
        row = desk.rows[
            7 + desk.sniffer.screen.lines.cursor - desk.sniffer.screen.lines.scroll_offset.y
        ]
        assert "^ note starttls-not-offered" in row
        await desk.press("left")
        await desk.sees("session 1: delivered", "carla@example.net")
        await desk.press("left")
        await desk.sees("that was the first one")
        await desk.press("d")
        await desk.sees("wireshark", "sha256")
        await desk.press("q", "q")
        await desk.sees("2 sessions")

    sit(source(*shipped()), act, (80, 40))


def test_two_sessions_side_by_side() -> None:
    async def act(desk: Desk) -> None:
        await desk.sees("2 sessions")
        await desk.press("c")
        await desk.sees("mark two sessions with Space")
        await desk.press("space", "space", "c")
        text = await desk.sees("session 1: delivered", "session 2: rejected", "differences in")
        row = next(row for row in text.splitlines() if "EHLO client" in row)
        assert "≠" in row
        assert "ehlo client" in row
        assert not any("≠" in row for row in text.splitlines() if "220 mx" in row)
        await desk.press("n")
        await desk.sees("session 2: client, command, frame 2:6")
        await desk.press("escape")
        await desk.sees("2 sessions")

    sit(source(*shipped()), act)


def test_saving_as_text_is_what_show_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    async def act(desk: Desk) -> None:
        await desk.sees("2 sessions")
        await desk.press("down", "f2", *["backspace"] * len("pcapng"))
        await desk.type("txt")
        await desk.press("enter")
        await desk.sees("of 1 session saved")
        await desk.press("s", *["backspace"] * len("pcapng"))
        await desk.type("tar")
        await desk.press("enter")
        await desk.sees("the name must end in .pcapng or .txt")
        await desk.press("backspace", "backspace", "x", "t", "enter")
        await desk.sees("exists already")  # and is not written over
        await desk.press("escape")

    sit(source(*shipped()), act, (160, 24))
    assert main(["show", *map(str, shipped()), "--session", "2"]) in (0, 1)
    assert (tmp_path / "session-2.txt").read_text() == capsys.readouterr().out


def test_saving_packets_gives_the_same_sessions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    async def act(desk: Desk) -> None:
        await desk.sees("2 sessions")
        await desk.press("space", "space", "s", "enter")
        await desk.sees("of 2 sessions saved")

    sit(source(*shipped()), act, (160, 24))
    saved = sorted(read(tmp_path / "session-1-and-1-more.pcapng"), key=lambda s: s.number)
    assert [s.verdict.outcome for s in saved] == ["delivered", "rejected"]


def test_wire_text_is_no_markup_and_drives_no_terminal(tmp_path: Path) -> None:
    path = tmp_path / "evil.pcap"
    text = r"""
    @G
    C "NOOP [bold]x[/] [@click=app.quit]y[/] \x1b]0;pwned\x07 [/nonsense\r\n"
    S "500 [red]no[/red] [/x \x1b[2J\r\n"
    @Q
    """
    path.write_bytes(pcap(compile_text(text)))

    async def act(desk: Desk) -> None:
        await desk.sees("1 session")
        await desk.press("enter")
        await desk.sees("500 [red]no[/red] [/x")
        await desk.press("d", "q", "slash")
        await desk.type("noop")
        await desk.press("enter")
        text = await desk.sees("[bold]x[/] [@click=app.quit]y[/]")
        assert "\x1b" not in text

    sit(source(path), act, (120, 30))


@pytest.mark.parametrize("size", [(80, 24), (60, 20), (200, 60), (20, 8)])
def test_nothing_is_wider_than_the_screen(size: tuple[int, int]) -> None:
    async def act(desk: Desk) -> None:
        await desk.until(lambda: len(desk.sniffer.view.keys) == 2, "both sessions")
        for keys in (("enter",), ("d",), ("q", "q"), ("i",), ("q",), ("question_mark",), ("q",),
                     ("space", "space", "c"), ("q", "s")):  # fmt: skip
            await desk.press(*keys)
            await desk.pilot.pause(0.1)
            assert all(cells(row) <= size[0] for row in desk.rows)
            assert len(desk.rows) == size[1]

    sit(source(*shipped()), act, size)


# Seconds that no key may wait, on the slowest machine: without pieces it would be minutes.
FREEZE = 20.0


def test_a_session_of_a_hundred_thousand_lines_opens_without_freezing(tmp_path: Path) -> None:
    path = tmp_path / "long.pcap"
    path.write_bytes(pcap(compile_text("@G\n" + LONG * 50_000 + "@Q")))

    async def act(desk: Desk) -> None:
        await desk.until(lambda: bool(desk.sniffer.view.keys), "the session")
        await desk.press("enter")
        longest = 0.0
        while "session 1:" not in desk.text or not desk.sniffer.screen.lines.count:
            start = time.monotonic()
            await desk.pilot.pause(0.01)
            longest = max(longest, time.monotonic() - start)
        assert desk.sniffer.screen.lines.count > 100_000
        assert longest < FREEZE
        await desk.press("end")
        await desk.sees("QUIT")
        start = time.monotonic()
        await desk.press(*["pageup"] * 20)
        assert time.monotonic() - start < FREEZE

    sit(source(path), act)


def said(*texts: str) -> list[Line]:
    return [Line(0, 0.0, None, "1", "client", "command", "mail", "", [text], []) for text in texts]


def test_lines_are_compared_by_their_words() -> None:
    pairs = align(said("EHLO a", "MAIL x", "QUIT"), said("EHLO a", "RSET", "MAIL y", "QUIT"))
    assert tuple(pairs[0]) == (0, 0, True)
    assert tuple(pairs[-1]) == (2, 3, True)
    assert sum(p.left is not None for p in pairs) == 3
    assert sum(p.right is not None for p in pairs) == 4
    assert align([], []) == []


def test_what_differs_is_between_what_is_the_same() -> None:
    assert differs("MAIL <a@x>", "MAIL <bc@x>") == (6, 7, 8)
    assert differs("same", "same") == (4, 4, 4)
    assert differs("aa", "aaa") == (2, 2, 3)
