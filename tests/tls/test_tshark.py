"""Handshakes of all captures of the corpus, whatever runs inside, against tshark's fields."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from dialogue import need

from smtpsniff.smtp.handover import Tls
from smtpsniff.smtp.tls_facts import tls_facts
from smtpsniff.tls.x509 import read_certificate

if TYPE_CHECKING:
    from smtpsniff.tls.hellos import ClientHello, ServerHello

CORPUS = os.environ.get("SMTPSNIFF_CORPUS", "")
# By role and name: those with a ClientHello in them.
NAMES = (
    "agenttesla__agenttesla-a30789ce.pcap", "arkime__arkime_synthetic.pcap", "junkie__smtp.pcap",
    "malcolm__malcolm-SSL.pcap", "ndpi__smtps.pcapng", "suricata-verify__smtp-startssl.pcap",
    "suricata-verify__smtp-tls-protodetect.pcap", "zeek__pop3-starttls.pcap",
    "zeek__smtp-starttls.pcap", "zeek__smtp.pcap",
)  # fmt: skip
H = "tls.handshake."
CLIENT = ("tcp.stream", "frame.number", f"{H}version", f"{H}ciphersuite", f"{H}extension.type",
          f"{H}extensions_server_name", f"{H}ja3", f"{H}extensions_supported_group")  # fmt: skip
SERVER = ("tcp.stream", f"{H}version", f"{H}ciphersuite", f"{H}ja3s",
          f"{H}extensions.supported_version", f"{H}session_id")  # fmt: skip
CHAIN = ("tcp.stream", f"{H}certificate", "x509af.serialNumber", "x509ce.dNSName")

MADE_UP = bytes(range(32, 64))  # the random of a hello that no server sent

Row = dict[str, str]

pytestmark = [
    pytest.mark.skipif(not CORPUS, reason="SMTPSNIFF_CORPUS does not name a folder of captures"),
]


def tshark(path: Path, *arguments: str) -> str:
    need("tshark")
    command = ["tshark", "-n", "-r", str(path), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@cache
def rows(path: Path, kind: int, fields: tuple[str, ...]) -> dict[str, Row]:
    """The first message of a kind of each stream, by stream."""
    words = [word for field in fields for word in ("-e", field)]
    found: dict[str, Row] = {}
    out = tshark(path, "-Y", f"tcp && {H}type == {kind}", "-T", "fields", *words)
    for line in out.splitlines():
        row = dict(zip(fields, line.split("\t"), strict=True))
        found.setdefault(row["tcp.stream"], row)
    return found


@cache
def streams(path: Path) -> dict[str, Tls]:
    """What we read of each stream that has a ClientHello, from tshark's reassembly."""
    wanted = sorted(rows(path, 1, CLIENT), key=int)
    follow = [word for stream in wanted for word in ("-z", f"follow,tcp,raw,{stream}")]
    found: dict[str, Tls] = {}
    stream = ""
    for line in tshark(path, "-q", *follow).splitlines():
        if line.startswith("Filter: tcp.stream eq "):
            stream = line.split()[-1]
            found[stream] = Tls("implicit", None)
        elif stream and line.strip() and set(line.strip()) <= set("0123456789abcdef"):
            side = found[stream].server if line[0] == "\t" else found[stream].client
            if side.size or line.strip()[:2] in ("16", "80", "81", "15"):
                side.feed(bytes.fromhex(line.strip()))
    return found


def numbers(text: str) -> list[int]:
    return [int(word, 0) for word in text.split(",") if word]


def modern(path: Path) -> dict[str, Tls]:
    """Streams without a hello in the format of SSLv2, which tshark shows in other fields."""
    read = streams(path).items()
    return {
        s: tls for s, tls in read if tls.client.client is not None and not tls.client.client.sslv2
    }


def clients(path: Path) -> list[tuple[Row, ClientHello]]:
    known = rows(path, 1, CLIENT)
    read = modern(path).items()
    return [(known[s], hello) for s, tls in read if (hello := tls.client.client) is not None]


@pytest.mark.parametrize("name", NAMES)
def test_client_hellos(name: str) -> None:
    path = Path(CORPUS) / "captures" / name
    pairs = clients(path)
    # Some streams begin in clear (STARTTLS and its like): the others must all be read.
    assert pairs or "starttls" in name or "smtp" in name
    for row, hello in pairs:
        assert hello.version == int(row[f"{H}version"].split(",")[0], 0)
        assert list(hello.ciphers) == numbers(row[f"{H}ciphersuite"])
        assert [kind for kind, _ in hello.extensions] == numbers(row[f"{H}extension.type"])
        assert (hello.sni or "") == row[f"{H}extensions_server_name"]
        assert list(hello.groups) == numbers(row[f"{H}extensions_supported_group"])


@pytest.mark.parametrize("name", NAMES)
def test_fingerprints(name: str) -> None:
    path = Path(CORPUS) / "captures" / name
    servers = rows(path, 2, SERVER)
    for stream, tls in modern(path).items():
        facts = tls_facts(tls, 1)
        if facts.ja3 is not None:
            assert facts.ja3 == rows(path, 1, CLIENT)[stream][f"{H}ja3"]
        if facts.ja3s is not None and not facts.retried:
            assert facts.ja3s == servers[stream][f"{H}ja3s"]


def chosen(hello: ServerHello, row: Row) -> None:
    # A made-up hello has the extension without a value; tshark reads on into the next.
    listed = row[f"{H}extensions.supported_version"] if hello.random != MADE_UP else ""
    assert hello.version == int(listed or row[f"{H}version"].split(",")[0], 0)
    assert hello.cipher == numbers(row[f"{H}ciphersuite"])[0]
    assert hello.session.hex() == row[f"{H}session_id"].replace(":", "").split(",")[0]


@pytest.mark.parametrize("name", NAMES)
def test_server_hellos_and_chains(name: str) -> None:
    path = Path(CORPUS) / "captures" / name
    hellos, chains = rows(path, 2, SERVER), rows(path, 11, CHAIN)
    for stream, tls in modern(path).items():
        if tls.server.server is not None:
            chosen(tls.server.server, hellos[stream])
        if tls.server.certificates:
            row: dict[str, Any] = chains[stream]
            assert [c.hex() for c in tls.server.certificates] == row[f"{H}certificate"].split(",")
            read = [read_certificate(c) for c in tls.server.certificates]
            # tshark counts those in a stapled OCSP reply, too.
            serials = {int(s, 16) for s in row["x509af.serialNumber"].replace(":", "").split(",")}
            assert {int(c.serial, 16) for c in read} <= serials
            names = {name for c in read for name in c.names}
            assert set(filter(None, row["x509ce.dNSName"].split(","))) <= names
