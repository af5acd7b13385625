"""Sealed sessions with something missing, cut, flipped or late: told, and the rest opened."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from dialogue import LOSSY, capture, compile_text, pcap, prefixes, read_capture

from smtpsniff.pipeline.analysis import Analysis, Settings, sessions_of

from .sealed import BODY, MAIL, Sealed, seal
from .test_opening import INSIDE, lines

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dialogue.packet import Packet

    from smtpsniff.records import Session

VERSIONS = ["TLSv1", "TLSv1_2", "TLSv1_3"]


def read(packets: Sequence[Packet], sealed: Sealed, folder: Path) -> Session:
    log = folder / "keys"
    log.write_bytes(sealed.keys)
    (session,) = read_capture(pcap(packets), keylog=log)
    return session


def is_part(said: Sequence[object], of: Sequence[object]) -> bool:
    """Whether `said` is `of` with some lines left out."""
    rest = iter(of)
    return all(line in rest for line in said)


def lose(packets: Sequence[Packet], which: int) -> list[Packet]:
    """Without one packet: the other side has it, the capture does not."""
    return [packet for number, packet in enumerate(packets) if number != which]


@pytest.mark.parametrize("newest", VERSIONS)
def test_any_lost_packet(newest: str, tmp_path: Path) -> None:
    """What is lost is told as a gap; every line that is told was said; later lines are there."""
    sealed = seal(newest=newest)
    packets = compile_text(sealed.text())
    carrying = [i for i, p in enumerate(packets) if p.payload]
    first = next(i for i in carrying if packets[i].payload[0] == 0x16)
    for which in carrying:
        session = read(lose(packets, which), sealed, tmp_path)
        told = lines(session)
        assert session.complete.gaps.client + session.complete.gaps.server > 0
        if which > first and session.tls.decrypted:
            # Where the whole message is lost, and its end with it, QUIT may be part of it.
            in_doubt = len(packets[which].payload) > len(BODY) or which >= carrying[-4]
            assert ("client", "command", "QUIT") in told or in_doubt
            kept = [line for line in told if line[1] not in ("data", "gap")]
            assert is_part([k for k in kept if k[1] != "end-of-data"], INSIDE), (which, kept)
    assert session.tls.decrypted


@pytest.mark.parametrize("newest", VERSIONS)
def test_cut_anywhere(newest: str, tmp_path: Path) -> None:
    """A recording that ends early tells the same lines as a whole one, but fewer."""
    sealed = seal(newest=newest)
    packets = compile_text(sealed.text())
    before = 0
    for some in prefixes(packets):
        if not some:
            continue
        told = lines(read(some, sealed, tmp_path))
        whole = [line for line in told if line[1] != "data"]
        assert whole == INSIDE_BUT_DATA[: len(whole)]
        assert len(whole) >= before
        before = len(whole)
    assert before == len(INSIDE_BUT_DATA)


INSIDE_BUT_DATA = [line for line in INSIDE if line[1] != "data"]


@pytest.mark.parametrize("newest", VERSIONS)
@pytest.mark.parametrize("framing", sorted(LOSSY))
def test_in_framings_that_lose(newest: str, framing: str, tmp_path: Path) -> None:
    sealed = seal(newest=newest)
    log = tmp_path / "keys"
    log.write_bytes(sealed.keys)
    for session in read_capture(capture(sealed.text(), framing), keylog=log):
        assert not [f for f in session.findings if f.check == "internal-error"]


@pytest.mark.parametrize("seed", range(40))
def test_flipped_bits(seed: int, tmp_path: Path) -> None:
    """A seal that is broken is told, not raised, and hides only its record."""
    chance = random.Random(seed)
    sealed = seal(newest=VERSIONS[seed % 3])
    packets = compile_text(sealed.text())
    for packet in chance.sample([p for p in packets if p.payload], 1 + seed % 4):
        at = chance.randrange(len(packet.payload))
        flipped = packet.payload[at] ^ (1 << chance.randrange(8))
        packet.payload = packet.payload[:at] + bytes((flipped,)) + packet.payload[at + 1 :]
    session = read(packets, sealed, tmp_path)
    assert not [f for f in session.findings if f.check == "internal-error"]


def test_a_broken_seal_is_told(tmp_path: Path) -> None:
    sealed = seal()
    packets = compile_text(sealed.text())
    last = [p for p in packets if p.payload and p.direction == "C"][-2]  # QUIT
    last.payload = last.payload[:-1] + bytes((last.payload[-1] ^ 1,))
    session = read(packets, sealed, tmp_path)
    (gap,) = [e for e in session.timeline if e.kind == "gap"]
    assert gap.text == f"{len(last.payload)} octets that no key opens"
    assert session.verdict.outcome == "delivered"
    assert session.complete.gaps.client == 0


def test_a_long_message_that_is_read_while_it_comes(tmp_path: Path) -> None:
    noise = random.Random(1).randbytes(3 << 20).hex("\n", -35).encode()
    body = b"Subject: long\r\n\r\n" + noise.replace(b"\n", b"\r\n") + b"\r\n"
    script = [(who, data.replace(BODY, body)) for who, data in MAIL]
    sealed = seal(script)
    log = tmp_path / "keys"
    log.write_bytes(sealed.keys)
    path = tmp_path / "long.pcap"
    path.write_bytes(capture(sealed.text()))
    settings = Settings(window=1 << 20, keylog=(str(log),))
    (session,) = sessions_of(Analysis([path], settings))
    assert session.verdict.outcome == "delivered"
    assert session.transactions[0].message.size == len(body)
