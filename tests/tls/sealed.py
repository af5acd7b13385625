"""Dialogues inside TLS: OpenSSL seals what a script says, and writes down its keys."""

from __future__ import annotations

import ssl
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from .handshakes import contexts, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Said = tuple[str, bytes]

BODY = b"Subject: sealed\r\nFrom: <a@a.example>\r\n\r\n" + b"0123456789abcdef\r\n" * 1200
MAIL: tuple[Said, ...] = (
    ("C", b"EHLO a.example\r\n"),
    ("S", b"250-mx.example\r\n250-PIPELINING\r\n250 SIZE 1000000\r\n"),
    ("C", b"MAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\nDATA\r\n"),
    ("S", b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 go ahead\r\n"),
    ("C", BODY + b".\r\n"),
    ("S", b"250 2.0.0 Ok: queued as 4F1A2B3C\r\n"),
    ("C", b"QUIT\r\n"),
    ("S", b"221 2.0.0 Bye\r\n"),
)
GREETING: Said = ("S", b"220 mx.example ESMTP\r\n")


@dataclass
class Sealed:
    """What went over the wire, in order; the keys; what was agreed."""

    wire: list[tuple[str, bytes]] = field(default_factory=list)
    keys: bytes = b""
    version: str = ""
    cipher: str = ""
    resumed: bool = False
    session: ssl.SSLSession | None = None

    def text(self, *, implicit: bool = False, close: bool = True) -> str:
        """As a dialogue, behind STARTTLS unless `implicit`."""
        begin = "" if implicit else r'@G ; @ET ; C "STARTTLS\r\n" ; S "220 go\r\n" ; '
        said = " ; ".join(f"{who} {text_of(data)}" for who, data in self.wire)
        return begin + said + (" ; FIN C ; FIN S" if close else "")


def seal(
    script: Sequence[Said] = MAIL,
    *,
    newest: str = "TLSv1_3",
    ciphers: str = "",
    kind: str = "rsa",
    server: ssl.SSLContext | None = None,
    client: ssl.SSLContext | None = None,
    session: ssl.SSLSession | None = None,
    prepare: Callable[[ssl.SSLContext, ssl.SSLContext], None] | None = None,
) -> Sealed:
    """Play a script inside TLS; the client closes in the end, as mail clients do."""
    if client is None or server is None:
        client, server = contexts(kind)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of the versions: they are wanted
            for context in (client, server):
                context.set_ciphers((ciphers or "ALL") + ":@SECLEVEL=0")
                context.minimum_version = ssl.TLSVersion.TLSv1
                context.maximum_version = getattr(ssl.TLSVersion, newest)
    if prepare is not None:
        prepare(client, server)
    with TemporaryDirectory() as folder:
        log = Path(folder, "keys")
        server.keylog_filename = str(log)
        found = _play(script, client, server, session)
        found.keys = log.read_bytes()
    return found


def _play(
    script: Sequence[Said],
    client: ssl.SSLContext,
    server: ssl.SSLContext,
    session: ssl.SSLSession | None,
) -> Sealed:
    to_server, to_client, from_server, from_client = (ssl.MemoryBIO() for _ in range(4))
    ends = {
        "C": client.wrap_bio(to_client, from_client, server_hostname="mx.example", session=session),
        "S": server.wrap_bio(to_server, from_server, server_side=True),
    }
    ways = {"C": (from_client, to_server), "S": (from_server, to_client)}
    found = Sealed()

    def carry(who: str) -> None:
        source, target = ways[who]
        data = source.read()
        if data:
            found.wire.append((who, data))
            target.write(data)

    waiting = ["C", "S"]
    for _ in range(20):
        for who in tuple(waiting):
            try:
                ends[who].do_handshake()
                waiting.remove(who)
            except ssl.SSLWantReadError:
                pass
            carry(who)
    assert not waiting, "the handshake was not finished"
    for who, data in script:
        other = "S" if who == "C" else "C"
        ends[who].write(data)
        carry(who)
        heard = b""
        while len(heard) < len(data):
            heard += ends[other].read(1 << 16)
        assert heard == data
    try:
        ends["C"].unwrap()
    except ssl.SSLWantReadError:
        carry("C")
    found.version = ends["C"].version() or ""
    found.cipher = (ends["C"].cipher() or ("",))[0]
    found.resumed = bool(ends["C"].session_reused)
    found.session = ends["C"].session
    return found
