"""The recorded lessons, and what each must say, shipped or recorded anew."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scapy.layers import inet, l2  # noqa: F401  # so that the reader dissects them
from scapy.layers.inet import TCP
from scapy.utils import PcapReader

import smtpsniff

if TYPE_CHECKING:
    from scapy.packet import Packet

CAPTURES = Path(__file__).parents[2] / "captures"
LESSONS = sorted(path.stem for path in CAPTURES.glob("*.pcapng"))

# The verdict on the session, and for each of its mails the recipient's code, outcome and reason.
ACCEPTED = ("250", "accepted", None)
SAYS = {
    "accepted": ("delivered", [ACCEPTED]),
    "refused-recipient": ("rejected", [("550", "rejected", "unknown-user"), ACCEPTED]),
    "typed-by-hand": ("delivered", [ACCEPTED]),
}


def shipped(lesson: str) -> Path:
    return CAPTURES / f"{lesson}.pcapng"


def story(lesson: str) -> str:
    return (CAPTURES / f"{lesson}.md").read_text(encoding="utf-8")


def packets(file: Path) -> list[Packet]:
    with PcapReader(str(file)) as reader:
        return list(reader)


def check_packets(lesson: str, file: Path) -> None:
    """The packets are those of one session, each key of a typist in one of its own."""
    segments = [packet[TCP] for packet in packets(file)]
    assert len({frozenset((segment.sport, segment.dport)) for segment in segments}) == 1
    if lesson == "typed-by-hand":
        sent = [bytes(segment.payload) for segment in segments if segment.dport == 25]
        options, *keys = filter(None, sent)
        assert options == b"\xff\xfd\x03\xff\xfd\x01"  # telnet's own
        assert len(keys) > 200
        assert {key for key in keys if len(key) != 1} == {b"\r\n"}


def check_session(lesson: str, file: Path) -> None:
    """smtpsniff reads out of the capture what happened in it."""
    (session,) = smtpsniff.read(file)
    recipients = [recipient for mail in session.transactions for recipient in mail.recipients]
    said = [(to.code, to.outcome, to.reason) for to in recipients]
    assert (session.verdict.outcome, said) == SAYS[lesson]
