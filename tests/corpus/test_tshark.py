"""The dialogues that tshark finds in real captures, held against our timelines.

tshark is a second opinion. Four of its habits are allowed for everywhere (`_alike`): it takes
the first four letters of a line for its verb and skips the fifth, it joins the replies of one packet under the first
one's code, it shows the credentials that we mask, and it makes several replies of one that
came in several packets. Whatever else differs stands in `MISREAD`, with the reason.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from corpus.corpus_views import sessions_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Line = tuple[str, str, str]

_AFTER_BDAT = "tshark takes everything behind BDAT for payload"
_JOINED = "tshark misses commands that came in one packet with others"
_OFF_START = "the server speaks in clear to a ClientHello: we show its words as a note"

# (file, which of its dialogues): why tshark is wrong, or what we show otherwise.
MISREAD: dict[tuple[str, int], str] = {
    ("zeek__smtp-bdat-cmd-chunk-size-overflow.pcap", 0): _AFTER_BDAT,
    ("zeek__smtp-bdat-cmd-chunk-size-overflow2.pcap", 0): _AFTER_BDAT,
    ("zeek__smtp-bdat-cmd-negative-chunk-size.pcap", 0): _AFTER_BDAT,
    ("suricata-verify__firewall_ruletype-firewall-140-smtp-pipelined-post-data-rset-sequence.pcap",
     0): "tshark shifts verbs and arguments of the commands pipelined behind the message",
    ("suricata-verify__smtp-bdat-bad-tail-next-mail.pcap", 0): _AFTER_BDAT,
    ("suricata-verify__smtp-bdat-multichunk-inspection.pcap", 0): _AFTER_BDAT,
    ("suricata-verify__smtp-bdat-multichunk-next-mail.pcap", 0): _AFTER_BDAT,
    ("suricata-verify__smtp-bdat-pipelined-next-mail.pcap", 0): _AFTER_BDAT,
    ("suricata-verify__smtp-bug-5989.pcap", 0): (
        "the server's whole part in one packet, broken by filler: tshark reads its first reply only, "
        "and the answers to AUTH as commands"
    ),
    ("suricata-verify__smtp-ehlo-reset-after-rejected-data.pcap", 0): (
        "tshark takes everything behind DATA for a message, though DATA was refused"
    ),
    ("suricata-verify__smtp-pipelined-post-data-rset-sequence.pcap", 0): (
        "tshark shifts verbs and arguments of the commands pipelined behind the message"
    ),
    ("suricata-verify__smtp-tls-protodetect.pcap", 0): _OFF_START,
    ("arkime__smtp-decrypted.pcap", 0): _JOINED,
    ("arkime__smtp-decrypted.pcap", 1): _AFTER_BDAT,
    ("arkime__smtp-decrypted.pcap", 2): _AFTER_BDAT,
    ("arkime__smtp-decrypted.pcap", 3): _JOINED,
    ("arkime__smtp-moloch-bof.pcap", 0): _JOINED,
    ("arkime__smtp-subject-utf8-q.pcap", 0): _JOINED,
    ("arkime__smtp-subject-windows.pcap", 0): _JOINED,
    ("arkime__socks5-smtp-503.pcap", 0): "tshark loses the EHLO behind SOCKS",
    ("ndpi__smtps.pcapng", 0): _OFF_START,
    ("malcolm__malcolm-SSL.pcap", 1): _JOINED,
    ("pcapplusplus__Smtp.pcap", 0): "tshark takes the second answer to AUTH LOGIN for a command",
}  # fmt: skip


def _ours(session: Any) -> Iterator[Line]:  # noqa: ANN401 (a session record)
    for entry in session.timeline:
        text = " ".join(entry.text.split())
        if entry.kind == "command":
            yield "C", entry.verb[:4], entry.verb[5:] + text[len(entry.verb) :]
        elif entry.kind in ("greeting", "reply") and entry.code:
            yield "S", entry.code, text


def _theirs(lines: list[list[Any]]) -> list[Line]:
    return [(who, str(word).upper(), " ".join(str(text).split())) for who, word, text in lines]


def _alike(ours: list[Line], theirs: list[Line]) -> bool:
    """Whether the two tell the same, but for the habits above."""
    return _joined(ours) == _joined(theirs)


def _joined(lines: list[Line]) -> list[tuple[str, str]]:
    """Neighbouring replies as one, under the first one's code; credentials left out."""
    out: list[tuple[str, str]] = []
    before = ""
    for who, word, text in lines:
        if who == "C":
            name, _, rest = text.strip().partition(" ")
            masked = word == "AUTH" and rest
            out.append((word, f"{name} *" if masked else text.strip()))
        elif before == "S":
            out[-1] = (out[-1][0], f"{out[-1][1]} {text}".strip())
        else:
            out.append((word, text))
        before = who
    return out


def _differing(corpus: Path) -> set[tuple[str, int]]:
    stated = json.loads((corpus / "tshark.json").read_text(encoding="utf-8"))["captures"]
    found = set()
    for file, dialogues in stated.items():
        ours = [list(_ours(session)) for session in sessions_in(corpus / "captures" / file)]
        for number, lines in enumerate(dialogues):
            theirs = _theirs(lines)
            same = next((one for one in ours if _alike(one, theirs)), None)
            if same is None:
                found.add((file, number))
            else:
                ours.remove(same)
    return found


def test_dialogues(corpus: Path) -> None:
    differing = _differing(corpus)
    assert sorted(differing - set(MISREAD)) == []
    assert sorted(set(MISREAD) - differing) == [], "listed as misread, but alike after all"
