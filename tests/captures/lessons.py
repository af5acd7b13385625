"""The recorded lessons, and what each must say, shipped or recorded anew."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from scapy.layers import inet, l2  # noqa: F401  # so that the reader dissects them
from scapy.layers.inet import TCP
from scapy.utils import PcapReader

import smtpsniff

if TYPE_CHECKING:
    from scapy.packet import Packet

    from smtpsniff.records import Finding

CAPTURES = Path(__file__).parents[2] / "captures"
LESSONS = sorted(path.stem for path in CAPTURES.glob("*.pcapng"))

ACCEPTED = ("250", "accepted", None)
UNKNOWN = ("550", "rejected", "unknown-user")


class Says(NamedTuple):
    """What is said of a session: the verdict; each recipient's code, outcome and reason; findings.

    These findings must be among all there are, those that only follow from others, too.
    """

    outcome: str
    recipients: tuple[tuple[str | None, str, str | None], ...] = (ACCEPTED,)
    findings: str = ""


SAYS: dict[str, list[Says]] = {
    "accepted": [Says("delivered")],
    "typed-by-hand": [Says("delivered")],
    "helo-and-ehlo": [Says("delivered", findings="helo-used"), Says("delivered")],
    "refused-recipient": [Says("rejected", (UNKNOWN, ACCEPTED), "rcpt-unknown-user")],
    "relay-denied": [
        Says("rejected", (("554", "rejected", "relay-denied"),), "rcpt-relay-denied"),
    ],
    "greylisted": [
        Says("deferred", (("450", "deferred", "greylist"),), "rcpt-greylisted"), Says("delivered"),
    ],
    "bounce": [Says("delivered"), Says("delivered")],
    "pipelining": [Says("partial", (ACCEPTED, UNKNOWN, ACCEPTED), "delivery-partial")],
    "chunks": [Says("delivered")],
    "size-limit": [
        Says("rejected", (), "size-declared-exceeds-limit"),
        Says("rejected", (("250", "rejected", "size"),), "size-message-exceeds-limit"),
    ],
    "other-alphabets": [Says("delivered"), Says("delivered")],
    "login-in-clear": [
        Says("no-mail", (), "auth-cleartext-credentials auth-failed"),
        Says("delivered", findings="auth-cleartext-credentials auth-downgrade"),
        Says("no-mail", (), "auth-weak-mechanism"),
    ],
    "starttls": [Says("delivered", findings="starttls-offered-not-used"), Says("opaque", ())],
    "starttls-stripped": [
        Says("delivered", findings="command-masked starttls-stripped-suspected"),
    ],
    "to-the-mailbox": [Says("partial", (ACCEPTED, ("250", "rejected", "quota")), "rcpt-quota")],
    "slow-server": [Says("delivered", findings="server-slow-reply"), Says("delivered")],
    "lost-packets": [
        Says("delivered", findings="tcp-retransmission-burst tcp-rto-stall"),
    ],
    "black-hole": [
        Says("ambiguous", (("250", "unknown", None),), "tcp-pmtu-black-hole"),
    ],
    "reset": [
        Says("ambiguous", (("250", "unknown", None),), "msg-truncated tcp-reset-by-server"),
    ],
    "too-early": [
        Says("refused", ((None, "unknown", None),), "command-before-greeting early-talker-rejected"),
        Says("delivered"),
    ],
    "spam-run": [
        Says("rejected", (UNKNOWN,) * 4, "rcpt-unknown-user"),
        Says("rejected", (("250", "abandoned", None), *(UNKNOWN,) * 3), "transaction-abandoned"),
        Says("rejected", (UNKNOWN,) * 4, "rcpt-unknown-user"),
    ],
    "smuggled": [Says("delivered", (ACCEPTED, ACCEPTED), "smuggling-eod-accepted msg-bare-lf")],
}  # fmt: skip


def shipped(lesson: str) -> Path:
    return CAPTURES / f"{lesson}.pcapng"


def story(lesson: str) -> str:
    return (CAPTURES / f"{lesson}.md").read_text(encoding="utf-8")


def packets(file: Path) -> list[Packet]:
    with PcapReader(str(file)) as reader:
        return list(reader)


def check_packets(lesson: str, file: Path) -> None:
    """The packets are those of the sessions told of, each key of a typist in one of its own."""
    segments = [packet[TCP] for packet in packets(file)]
    ports = {frozenset((segment.sport, segment.dport)) for segment in segments}
    assert len(ports) == len(SAYS[lesson])
    if lesson == "typed-by-hand":
        sent = [bytes(segment.payload) for segment in segments if segment.dport == 25]
        options, *keys = filter(None, sent)
        assert options == b"\xff\xfd\x03\xff\xfd\x01"  # telnet's own
        assert len(keys) > 200
        assert {key for key in keys if len(key) != 1} == {b"\r\n"}


def check_session(lesson: str, file: Path) -> None:
    """smtpsniff reads out of the capture what happened in it."""
    found = sorted(smtpsniff.read(file), key=lambda session: session.number)
    for session, says in zip(found, SAYS[lesson], strict=True):
        recipients = [recipient for mail in session.transactions for recipient in mail.recipients]
        said = tuple((to.code, to.outcome, to.reason) for to in recipients)
        assert (session.verdict.outcome, said) == says[:2]
        assert set(says.findings.split()) <= checks(session.findings)


def checks(findings: list[Finding]) -> set[str]:
    """Their ids, and those of what follows from them."""
    found = {finding.check for finding in findings}
    return found.union(*(checks(finding.related) for finding in findings))
