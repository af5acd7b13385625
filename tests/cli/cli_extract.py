"""Messages, dialogues that carry them, and what is extracted of them."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from cli_console import Cli, Write

HEAD = b"From: <s@a.example.net>\r\nSubject: t\r\n"


def quoted(octets: bytes) -> str:
    """Octets as the dialogue language writes them."""
    return "".join(chr(o) if 32 <= o < 127 and o not in b'"\\' else f"\\x{o:02x}" for o in octets)


def stuffed(message: bytes) -> str:
    lines = [b"." + line if line.startswith(b".") else line for line in message.splitlines(True)]
    return quoted(b"".join(lines))


def sent(message: bytes) -> str:
    """The dialogue in which a message (which ends with CRLF) is sent by DATA."""
    return f'@T\n@D\nC "{stuffed(message)}"\n@X\n@Q'


def extract(cli: Cli, write: Write, folder: Path, octets: bytes, *words: object) -> Any:  # noqa: ANN401
    """The index of an extraction from a capture of these octets."""
    result = cli("extract", write(octets), "-d", folder, "--fail-on", "never", *words)
    assert result.status == 0, result.err
    return json.loads((folder / "index.json").read_text())


def multipart(*parts: bytes, head: bytes = HEAD) -> bytes:
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts)
    return head + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + body + b"--b--\r\n"


def attached(name: bytes, octets: bytes = b"content") -> bytes:
    return (
        b'Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename="'
        + name + b'"\r\nContent-Transfer-Encoding: base64\r\n\r\n' + base64.b64encode(octets)
    )  # fmt: skip
