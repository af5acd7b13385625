"""Nothing in the corpus, whole or damaged, may make us fail; and framing makes no difference."""

from __future__ import annotations

import os
import time
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

import smtpsniff
from corpus.corpus_files import duplicated, files, flipped, records, reordered, write
from corpus.corpus_views import sessions_in
from smtpsniff.pipeline import Runner, Settings
from smtpsniff.pipeline.analysis import Analysis, sessions_of
from smtpsniff.records import encoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from smtpsniff.records import Finding, Session

SECONDS = 12  # for each of the tests that could go on for ever
BIG = 1 << 19  # files above this are damaged less often
SMALL = 100_000  # files up to this are read a packet at a time
# Suricata's tests of a stream with two versions of the same bytes. The first wins, unless its
# checksum is wrong and the other's is right: which is the first depends on the order.
TWO_VERSIONS = ("suricata-verify__smtp-bug-5981.pcap", "suricata-verify__smtp-bug-5989.pcap")
WORDS = ("greeting", "command", "reply", "auth", "end-of-data")


def _faults(findings: Iterable[Finding]) -> list[str]:
    found = []
    for finding in findings:
        found += [finding.text] if finding.check == "internal-error" else []
        found += _faults(finding.related)
    return found


def _read(path: Path) -> list[Session]:
    """Read a file, which may be refused in a sentence, but must do no more harm than that."""
    try:
        found = list(smtpsniff.read(path))
    except smtpsniff.CaptureError as refusal:
        said = str(refusal)
    else:
        said = "read"
    assert said.strip()
    assert "\n" not in said
    if said != "read":
        return []
    for session in found:
        assert _faults(session.findings) == [], (path.name, session.first_frame)
        encoder(9).encode(session)
    return found


def _damage(corpus: Path, folder: Path, damaged: Callable[[Path, Random], Iterable[bytes]]) -> int:
    """Read every file damaged, as long as there is time."""
    random = Random(os.environ.get("SMTPSNIFF_SEED", "1"))
    target = folder / "damaged"
    done = 0
    until = time.monotonic() + SECONDS
    paths = files(corpus)
    random.shuffle(paths)
    for path in paths:
        for data in damaged(path, random):
            target.write_bytes(data)
            try:
                _read(target)
            except Exception as fault:
                raise AssertionError(f"{path.name}, damaged file {done}") from fault
            done += 1
        if time.monotonic() > until:
            break
    return done


def test_every_file(corpus: Path) -> None:
    assert sum(len(_read(path)) for path in files(corpus)) > 150


def test_cut_anywhere(corpus: Path, tmp_path: Path) -> None:
    def cuts(path: Path, random: Random) -> Iterable[bytes]:
        data = path.read_bytes()
        for _ in range(1 if len(data) > BIG else 6):
            yield data[: random.randrange(len(data) + 1)]
            yield data[: max(len(data) - random.randrange(1024), 0)]

    assert _damage(corpus, tmp_path, cuts) > 300


def test_bits_flipped(corpus: Path, tmp_path: Path) -> None:
    def flips(path: Path, random: Random) -> Iterable[bytes]:
        for times in (1,) if path.stat().st_size > BIG else (1, 3, 10, 40):
            yield flipped(path, random, times)

    assert _damage(corpus, tmp_path, flips) > 200


def _plain(session: Session) -> Any:  # noqa: ANN401 (the record as a script sees it)
    return msgspec.json.decode(encoder(9).encode(session))


@pytest.mark.parametrize("window", [1, 4096, 70_000])
def test_small_windows(corpus: Path, window: int) -> None:
    """The records are the same wherever windows end, after each packet even (a window of 1)."""
    compared = 0
    for path in files(corpus):
        if window == 1 and path.stat().st_size > SMALL:
            continue
        whole = [_plain(session) for session in sessions_in(path)]
        if whole:
            compared += 1
            found = list(sessions_of(Analysis([path], Settings(window=window))))
            found.sort(key=lambda session: session.number)
            assert [_plain(session) for session in found] == whole, path.name
    assert compared > 60


class Records:
    """Renders sessions as JSON, in the process that made them."""

    def render(self, session: Session) -> bytes:
        """The record; its number is given later."""
        session.number = 0
        return encoder(9).encode(session)

    def number(self, rendered: bytes, number: int) -> tuple[int, bytes]:
        """Both."""
        return number, rendered


def test_two_processes(corpus: Path) -> None:
    plain = [str(path) for path in files(corpus, "smtp") if path.suffix == ".pcap"]
    for paths in (plain, plain[:1], plain[-3:]):
        alone, together = (
            sorted(Runner(paths, Settings(), Records(), jobs=jobs)) for jobs in (1, 2)
        )
        assert alone == together


def _essence(session: Session) -> Any:  # noqa: ANN401 (compared, never looked into)
    """What no framing may change. The two sides' lines separately: they may cross."""
    said: dict[str, list[Any]] = {"client": [], "server": [], "network": []}
    for entry in session.timeline:
        if entry.kind in WORDS:
            asked = session.timeline[entry.answers].text if entry.answers is not None else None
            said[entry.from_].append((entry.kind, entry.verb, entry.code, entry.text, asked))
    mails = [
        (
            mail.mail_from, mail.outcome, [(r.address, r.code, r.outcome) for r in mail.recipients],
            mail.message and (mail.message.size, mail.message.sha256, mail.message.headers),
            mail.reply and mail.reply.text,
        )
        for mail in session.transactions
    ]  # fmt: skip
    return said, mails, session.verdict.outcome, session.starttls


@pytest.mark.parametrize("framing", [duplicated, reordered])
def test_framing(corpus: Path, tmp_path: Path, framing: Callable[..., Any]) -> None:
    target = tmp_path / "framed.pcap"
    compared = 0
    for path in files(corpus, "smtp"):
        gaps = any(s.complete.gaps.client + s.complete.gaps.server for s in sessions_in(path))
        read = records(path)
        if gaps or read is None or path.name in TWO_VERSIONS:
            continue
        header, order, packets = read
        target.write_bytes(write(header, order, framing(packets)))
        found = sorted(smtpsniff.read(target), key=lambda session: session.number)
        ours = [_essence(session) for session in sessions_in(path)]
        assert [_essence(session) for session in found] == ours, path.name
        compared += 1
    assert compared > 60
