"""`extract --attachments`, `read --attachments`: what a message holds, and how it came."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING

from cli_extract import HEAD, attached, extract, multipart, sent
from dialogue import capture

import smtpsniff
from smtpsniff.text import safe

if TYPE_CHECKING:
    from pathlib import Path

    from cli_console import Cli, Shipped, Write


HOSTILE = [
    b"../../etc/passwd", b"..\\..\\x.dll", b"/abs", b"CON", b"nul.txt", b".hidden", b"-rf", b"...",
    b"a/../../b", b"\x1b]0;x\x07.txt", b"\xe2\x80\xaefdp.exe", b"x" * 300 + b".exe", b" ", b"same",
    b"same", b"SAME", b"index.json", b"a\\0b",
]  # fmt: skip


def test_hostile_names_stay_in_the_folder(cli: Cli, write: Write, tmp_path: Path) -> None:
    message = multipart(*(attached(name, b"%d" % n) for n, name in enumerate(HOSTILE)))
    out = tmp_path / "deep" / "out"
    (entry,) = extract(cli, write, out, capture(sent(message)), "--attachments")["messages"]
    parts = entry["attachments"]
    assert len(parts) == len(HOSTILE)
    for number, part in enumerate(parts):
        path = out / part["file"]
        assert path.parent == out / "session-0001-mail-1"
        assert path.read_bytes() == b"%d" % number
        assert part["sha256"] == hashlib.sha256(b"%d" % number).hexdigest()
        assert path.name[0] not in ".- "
        assert path.name.isprintable()
    assert len({part["file"].casefold() for part in parts}) == len(HOSTILE)
    everything = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(everything) == len(HOSTILE) + 3  # message, index, capture


def test_attachments_in_the_record(cli: Cli, write: Write) -> None:
    path = write(capture(sent(multipart(b"\r\ntext", attached(b"a.bin", b"octets")))))
    record = json.loads(cli(path, "--json", "--attachments").out.splitlines()[0])
    assert record["transactions"][0]["message"]["attachments"] == [
        {
            "filename": "a.bin",
            "content_type": "application/octet-stream",
            "size": 6,
            **{
                name: hashlib.new(name, b"octets").hexdigest() for name in ("md5", "sha1", "sha256")
            },
        }
    ]
    plain = json.loads(cli(path, "--json").out.splitlines()[0])
    assert "attachments" not in plain["transactions"][0]["message"]


def test_attachments_from_python(write: Write) -> None:
    path = write(capture(sent(multipart(attached(b"a.bin", b"octets")))))
    (session,) = smtpsniff.read(path, attachments=True)
    (found,) = session.transactions[0].message.attachments
    assert (found.filename, found.md5) == ("a.bin", hashlib.md5(b"octets").hexdigest())


def test_parts_without_a_name_are_called_by_what_they_are(
    cli: Cli, write: Write, tmp_path: Path
) -> None:
    tnef, gif = b"\x78\x9f\x3e\x22\x00\x00", b"GIF89a"
    message = multipart(
        *(b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
          + base64.b64encode(octets) for octets in (tnef, gif)),
        b"Content-Type: application/pdf\r\n\r\nno pdf",
        b"Content-Type: message/rfc822\r\n\r\n" + attached(b"inner.txt"),
    )  # fmt: skip
    index = extract(cli, write, tmp_path / "o", capture(sent(message)), "--attachments")
    parts = index["messages"][0]["attachments"]
    names = [part["file"].removeprefix("session-0001-mail-1/") for part in parts]
    assert names == ["winmail.dat", "part-2.bin", "part-3.pdf", "part-4.eml", "inner.txt"]
    assert [part.get("sniffed_type") for part in parts][:2] == ["application/ms-tnef", "image/gif"]


def test_nothing_of_the_wire_drives_a_terminal(cli: Cli, write: Write, tmp_path: Path) -> None:
    evil = "\x9b31m\x1b]0;x\x07\u202e\x85".encode()
    head = b"From: a" + evil + b"\r\nSubject: b" + evil + b"\r\n"
    message = multipart(attached(b"c" + evil + b".txt"), head=head)
    index = extract(cli, write, tmp_path / "o", capture(sent(message)), "--attachments", "--mbox")
    assert index["messages"][0]["subject"] == "b" + evil.decode()
    text = (tmp_path / "o" / "index.json").read_text()
    assert safe(text, keep="\n") == text
    for words in ((), ("--json",), ("--format", "json")):
        out = cli("extract", tmp_path / "mail.pcap", "-d", tmp_path / "o", "--force", *words).out
        assert words or safe(out, keep="\n") == out
        assert "session-0001-mail-1.eml" in out


def test_one_document(cli: Cli, shipped: Shipped, tmp_path: Path) -> None:
    out = cli("extract", shipped("accepted"), "-d", tmp_path / "o", "--format", "json").out
    assert json.loads(out) == json.loads((tmp_path / "o" / "index.json").read_text())


def test_uuencoded_files_in_a_text(cli: Cli, write: Write, tmp_path: Path) -> None:
    message = HEAD + b"\r\nsee:\r\nbegin 644 ../x.txt\r\n#0V%T\r\n`\r\nend\r\nbye\r\n"
    index = extract(cli, write, tmp_path / "o", capture(sent(message)), "--attachments", "--urls")
    (part,) = index["messages"][0]["attachments"]
    assert part["filename"] == "../x.txt"
    assert (tmp_path / "o" / part["file"]).read_bytes() == b"Cat"


def test_urls_and_the_way_it_came(cli: Cli, write: Write, tmp_path: Path) -> None:
    message = (
        b"Received: from b.example ([192.0.2.2]) by c.example with ESMTPS id 42\r\n"
        b" for <r@mx.example>; Mon, 23 Nov 2026 10:00:05 +0000\r\n"
        b"Received: from a.example (a.example [192.0.2.1]) by b.example; Mon, 23 Nov 2026 11:00:02 +0100\r\n"
        + HEAD + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
        b"See https://example.com/a?b=3D=\r\n1, or www.example.net/x.\r\n"
    )  # fmt: skip
    (entry,) = extract(cli, write, tmp_path / "o", capture(sent(message)), "--urls")["messages"]
    assert entry["urls"] == ["https://example.com/a?b=1", "www.example.net/x"]
    assert entry["received"] == [
        {"from": "a.example", "ip": "192.0.2.1", "by": "b.example", "date": "2026-11-23T10:00:02Z"},
        {"from": "b.example", "ip": "192.0.2.2", "by": "c.example", "with": "ESMTPS", "id": "42",
         "for": "r@mx.example", "date": "2026-11-23T10:00:05Z", "delay": 3.0},
    ]  # fmt: skip


def test_the_way_it_came_is_shown(cli: Cli, shipped: Shipped, write: Write) -> None:
    message = (
        b"Received: from b.example ([192.0.2.2]) by c.example with ESMTPS; "
        b"Mon, 23 Nov 2026 10:00:05 +0000\r\n"
        b"Received: from a\x1b[31m.example by b.example; Mon, 23 Nov 2026 11:00:02 +0100\r\n"
    ) + multipart(attached(b"a.bin", b"octets"))
    out = cli("show", write(capture(sent(message))), 1, "--attachments").out
    shown = [line.strip() for line in out.splitlines() if "came by" in line or "attach" in line]
    assert shown == [
        "came by     a\\x1b[31m.example → b.example, 2026-11-23T10:00:02Z",
        "came by     b.example [192.0.2.2] → c.example with ESMTPS, 3.0 s later",
        "attachment  a.bin, application/octet-stream, 6 octets, SHA-256 "
        + hashlib.sha256(b"octets").hexdigest(),
    ]


def test_bounds_that_were_hit_are_told(cli: Cli, write: Write, tmp_path: Path) -> None:
    message = b"Content-Type: message/rfc822\r\n\r\n" * 20 + b"\r\nx\r\n"
    path = write(capture(sent(message)))
    run = json.loads(cli(path, "--json", "--attachments").out.splitlines()[-1])
    assert run["limits_hit"] == ["depth of a message's parts"]
    index = extract(cli, write, tmp_path / "o", capture(sent(message)))
    assert index["run"]["limits_hit"] == ["depth of a message's parts"]
    assert index["messages"][0]["limits_hit"] == ["depth of a message's parts"]
