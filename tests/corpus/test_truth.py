"""What other tools state of real captures, held against what we say of them.

`MISSES` lists every statement that we do not confirm, and why. A new one fails the test, and so
does one that is listed but confirmed after all.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

from corpus.corpus_claims import OF_PARTS, Claim, claims

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

WANTED = 0.97

_FIRST_COMMAND = (
    "Suricata opens a transaction at the first command; DATA refused without MAIL is no mail"
)
_INLINE = (
    "Suricata, told to work inline, decodes 96 octets more than stand in the part; our TNEF file ends "
    "where its last attribute does, and all its checksums are right"
)
_ONE_NUMBER = "two segments with the same sequence numbers; PCredz reads packet by packet"

# (file, field): why. A field of all claims about that session has "*".
MISSES: dict[tuple[str, str], str] = {
    ("arkime__smtp-subject-multi-nospace.pcap", "subject"): (
        "Arkime keeps a blank between two encoded words; RFC 2047 §6.2 drops it"
    ),
    ("arkime__smtp-subject-windows.pcap", "subject"): (
        "a raw byte 0x92 without a charset: Arkime guesses Windows-1252, we show the byte"
    ),
    ("ndpi__smtps.pcapng", "tls_version"): (
        "nDPI names what the ClientHello offers; the server answered in clear, nothing was agreed"
    ),
    ("phish-analysis__smtp-attachment.pcap", "part type"): (
        "an OLE container, as Word, Excel and others write: Zeek calls each of them Word's"
    ),
    ("pcredz__pcredz-smtp.pcap", "auth_user"): _ONE_NUMBER,
    ("pcredz__pcredz-sample.pcap", "auth_user"): _ONE_NUMBER,
    ("suricata-verify__smtp-bug-5981.pcap", "sha256"): _INLINE,
    ("suricata-verify__smtp-bug-5981.pcap", "part size"): _INLINE,
    ("suricata-verify__smtp-long-DATA-line.pcap", "sha256"): _INLINE,
    ("suricata-verify__smtp-long-DATA-line.pcap", "part size"): _INLINE,
    ("suricata-verify__smtp-ehlo-reset-after-rejected-data.pcap", "count"): _FIRST_COMMAND,
    ("suricata-verify__smtp-ehlo-reset-after-rejected-data.pcap", "count,helo"): _FIRST_COMMAND,
    ("suricata-verify__smtp-ehlo-reset-after-rejected-data.pcap",
     "count,from,mailfrom,rcptto,to"): _FIRST_COMMAND + " (ours is the session's first)",
}  # fmt: skip


@lru_cache
def _claims(corpus: Path) -> tuple[Claim, ...]:
    truth = json.loads((corpus / "truth.json").read_text(encoding="utf-8"))
    return tuple(claims(corpus, truth))


def _listed(claim: Claim) -> tuple[str, str] | None:
    keys = ((claim.file, claim.field), (claim.file, "*"))
    return next((key for key in keys if key in MISSES), None)


def _spell(claim: Claim) -> str:
    return (
        f"{claim.file} ({claim.place}): {claim.field}\n  stated {claim.wanted!r}\n"
        f"  ours   {claim.got!r}"
    )


def test_share(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = [claim for claim in _claims(corpus) if claim.field not in OF_PARTS]
    held = sum(claim.holds for claim in found)
    share = held / len(found)
    with capsys.disabled():
        print(f"\n{held} of {len(found)} statements of other tools confirmed: {share:.2%}")  # noqa: T201
    assert share >= WANTED


def test_no_new_miss(corpus: Path) -> None:
    new = [_spell(c) for c in _claims(corpus) if not c.holds and _listed(c) is None]
    assert not new, "\n".join(new)


def test_no_miss_is_found_after_all(corpus: Path) -> None:
    missing = {_listed(claim) for claim in _claims(corpus) if not claim.holds}
    assert sorted(set(MISSES) - missing) == []
