"""`extract`: messages byte for byte, an index that tells where they came from, and a safe folder."""

from __future__ import annotations

import base64
import hashlib
import json
import mailbox
import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from dialogue import FRAMINGS, SAME, capture

import smtpsniff
from smtpsniff.text import safe

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from cli_console import Cli, Shipped, Write

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


MESSAGES = {
    "text": HEAD + b"\r\nhi\r\n",
    "empty body": HEAD + b"\r\n",
    "only a header": HEAD,
    "dots": HEAD + b"\r\n.\r\n..\r\n. \r\n.x\r\na.\r\n",
    "8bit": HEAD + b"\r\n\xe4\xf6\xfc\xff\x80\r\n",
    "controls": HEAD + b"\r\n\x1b[2J\x00\x07\x7f\r\n",
    "bare line ends": HEAD + b"\r\na\nb\rc\r\n",
    "long line": HEAD + b"\r\n" + b"x" * 5000 + b"\r\n",
    "no header": b"\r\nbody\r\n",
    "blanks at line ends": HEAD + b"\r\na \t\r\n \r\n\r\n\r\n",
}


@pytest.mark.parametrize("framing", ["whole", *SAME])
@pytest.mark.parametrize("name", MESSAGES)
def test_byte_for_byte(name: str, framing: str, cli: Cli, write: Write, tmp_path: Path) -> None:
    message = MESSAGES[name]
    index = extract(cli, write, tmp_path / "out", capture(sent(message), framing))
    (entry,) = index["messages"]
    assert (tmp_path / "out" / entry["file"]).read_bytes() == message
    assert entry["file"] == "session-0001-mail-1.eml"
    assert entry["complete"]
    assert entry["size"] == len(message)
    for algorithm in ("md5", "sha1", "sha256"):
        assert entry[algorithm] == hashlib.new(algorithm, message).hexdigest()
    assert entry["gaps"] == []


@pytest.mark.parametrize("framing", ["whole", *SAME])
def test_chunks_are_joined(framing: str, cli: Cli, write: Write, tmp_path: Path) -> None:
    message = HEAD + b"\r\n\x00\xff.\r\n.\r\n\r no end"
    pieces = [message[:20], message[20:60], message[60:]]
    chunks = "\n".join(
        f'C "BDAT {len(piece)}{" LAST" * (piece is pieces[-1])}\\r\\n{quoted(piece)}"\nS "250 ok\\r\\n"'
        for piece in pieces
    )
    index = extract(cli, write, tmp_path / "out", capture(f"@T\n{chunks}\n@Q", framing))
    (entry,) = index["messages"]
    assert (tmp_path / "out" / entry["file"]).read_bytes() == message
    assert entry["framing"] == "bdat"
    assert entry["frames"][0] < entry["frames"][1]


def test_the_index_tells_of_the_mail(cli: Cli, shipped: Shipped, tmp_path: Path) -> None:
    cli("extract", shipped("refused-recipient"), "-d", tmp_path / "out")
    index = json.loads((tmp_path / "out" / "index.json").read_text())
    (entry,) = index["messages"]
    (record, _) = map(json.loads, cli(shipped("refused-recipient"), "--json").out.splitlines())
    mail = record["transactions"][1]
    assert entry["sha256"] == mail["message"]["sha256"]
    assert entry["session"] == 1
    assert entry["transaction"] == 2
    assert entry["frames"] == [21, 21]
    (data,) = (line for line in record["timeline"] if line["kind"] == "data")
    assert entry["time"] == data["time"]
    for key in ("mail_from", "recipients", "reply", "outcome"):
        assert entry[key] == mail[key]
    assert entry["helo"] == "client.example.net"
    run = index["run"]
    octets = shipped("refused-recipient").read_bytes()
    assert run["files"][0]["sha256"] == hashlib.sha256(octets).hexdigest()
    assert run["command"].startswith("smtpsniff extract ")
    assert run["version"]


def test_what_is_printed(cli: Cli, write: Write, tmp_path: Path) -> None:
    message = multipart(b"\r\ntext", attached(b"a\x1b[31m.txt"))
    path = write(capture(sent(message)))
    result = cli("extract", path, "-d", tmp_path / "out", "--attachments")
    assert result.out.splitlines() == [
        f"session-0001-mail-1.eml  {len(message)} octets  delivered",
        "  <s@a.example.net> to <r@mx.example>",
        "  Subject: t",
        '  attachment "a\\x1b[31m.txt", application/octet-stream, 7 octets'
        " -> session-0001-mail-1/a_[31m.txt",
    ]
    records = cli("extract", path, "-d", tmp_path / "two", "--json").out.splitlines()
    index = json.loads((tmp_path / "two" / "index.json").read_text())
    assert [json.loads(record) for record in records] == [*index["messages"], index["run"]]


# -- what the capture lacks ----------------------------------------------------------------


def test_a_gap_is_filled_and_told(cli: Cli, write: Write, tmp_path: Path) -> None:
    text = f'@T\n@D\nC "{quoted(HEAD)}\\r\\nbefore\\r\\n"\nGAP C 100\nC "after\\r\\n"\n@X\n@Q'
    (entry,) = extract(cli, write, tmp_path / "out", capture(text))["messages"]
    offset = len(HEAD + b"\r\nbefore\r\n")
    assert entry["file"] == "session-0001-mail-1.partial.eml"
    assert not entry["complete"]
    assert entry["gaps"] == [{"offset": offset, "length": 100}]
    assert entry["lacks"] == ["octets that were never captured"]
    octets = (tmp_path / "out" / entry["file"]).read_bytes()
    filler = (b"[octets never captured]" * 5)[:100]
    assert octets == HEAD + b"\r\nbefore\r\n" + filler + b"after\r\n"
    assert entry["sha256"] == hashlib.sha256(octets).hexdigest()
    assert entry["size"] == len(octets)


def test_a_gap_in_a_chunk(cli: Cli, write: Write, tmp_path: Path) -> None:
    text = '@T\nC "BDAT 30 LAST\\r\\n0123456789"\nGAP C 10\nC "0123456789"\nS "250 ok\\r\\n"\n@Q'
    (entry,) = extract(cli, write, tmp_path / "out", capture(text))["messages"]
    octets = (tmp_path / "out" / entry["file"]).read_bytes()
    assert octets == b"0123456789[octets ne0123456789"
    assert entry["gaps"] == [{"offset": 10, "length": 10}]


def test_a_message_whose_end_was_not_seen(cli: Cli, write: Write, tmp_path: Path) -> None:
    text = f'@T\n@D\nC "{quoted(HEAD)}\\r\\nso far"\nRST C'
    (entry,) = extract(cli, write, tmp_path / "out", capture(text))["messages"]
    assert entry["file"] == "session-0001-mail-1.partial.eml"
    assert entry["lacks"] == ["its end, which was never seen"]
    assert (tmp_path / "out" / entry["file"]).read_bytes() == HEAD + b"\r\nso far"


def test_an_attachment_with_a_gap_says_so(cli: Cli, write: Write, tmp_path: Path) -> None:
    octets = bytes(range(57)) * 4
    lines = base64.encodebytes(octets).replace(b"\n", b"\r\n")
    before, after = multipart(attached(b"a.bin", b"") + lines).split(lines)
    text = (
        f'@T\n@D\nC "{quoted(before + lines[:78])}"\nGAP C 78\n'
        f'C "{quoted(lines[156:] + after)}"\n@X\n@Q'
    )
    (entry,) = extract(cli, write, tmp_path / "o", capture(text), "--attachments")["messages"]
    (part,) = entry["attachments"]
    assert part["file"].endswith("/a.partial.bin")
    assert not part["complete"]
    found = (tmp_path / "o" / part["file"]).read_bytes()
    assert found.startswith(octets[:57] + b"[octets never captured]")
    assert found.endswith(octets[57 * 3 :])


def test_an_attachment_that_is_cut_says_so(cli: Cli, write: Write, tmp_path: Path) -> None:
    message = multipart(attached(b"whole.txt"), attached(b"cut.txt", b"x" * 99))[:-40]
    text = f'@T\n@D\nC "{quoted(message)}"\nRST C'
    (entry,) = extract(cli, write, tmp_path / "o", capture(text), "--attachments")["messages"]
    found = [(part["filename"], part["complete"], part["file"]) for part in entry["attachments"]]
    assert found == [
        ("whole.txt", True, "session-0001-mail-1/whole.txt"),
        ("cut.txt", False, "session-0001-mail-1/cut.partial.txt"),
    ]
    record = json.loads(cli(tmp_path / "mail.pcap", "--json", "--attachments").out.splitlines()[0])
    parts = record["transactions"][0]["message"]["attachments"]
    assert ["md5" in part for part in parts] == [True, False]


def test_a_claim_of_gigabytes_fills_no_disk(cli: Cli, write: Write, tmp_path: Path) -> None:
    message = multipart(attached(b"a.bin", b"x" * 60))
    at = message.index(b"eHh4") + 20
    gaps = "\n".join(f'GAP C 900000000\nC "{quoted(b"x" * 10)}"' for _ in range(6))
    text = f'@T\n@D\nC "{quoted(message[:at])}"\n{gaps}\nC "{quoted(message[at:])}"\n@X\n@Q'
    index = extract(cli, write, tmp_path / "o", capture(text), "--attachments")
    (entry,) = index["messages"]
    assert entry["size"] < 80 << 20
    assert entry["gaps"][-1]["filled"] == 0
    assert [part["complete"] for part in entry["attachments"]] == [False]
    assert entry["attachments"][0]["size"] <= 64 << 20 | 1 << 10
    assert "filler of one message: 67108864 octets" in index["run"]["limits_hit"]


def test_many_attachments_need_few_open_files(cli: Cli, write: Write, tmp_path: Path) -> None:
    message = multipart(*(attached(b"%d.txt" % n) for n in range(2000)))
    index = extract(cli, write, tmp_path / "o", capture(sent(message)), "--attachments")
    assert len(index["messages"][0]["attachments"]) == 2000


@pytest.mark.parametrize("framing", sorted(FRAMINGS))
def test_in_any_state_what_is_written_is_what_the_record_says(
    framing: str, cli: Cli, write: Write, tmp_path: Path
) -> None:
    path = write(capture(sent(MESSAGES["dots"]) + "\n@T\n@D\n@H\n@X\n@Q", framing))
    cli("extract", path, "-d", tmp_path / "out")
    index = json.loads((tmp_path / "out" / "index.json").read_text())
    lines = map(json.loads, cli(path, "--json").out.splitlines())
    records = [record for record in lines if "transactions" in record]
    mails = {
        (record["number"], number): mail["message"]
        for record in records
        for number, mail in enumerate(record["transactions"], 1)
        if "message" in mail
    }
    assert len(mails) == len(index["messages"])
    for entry in index["messages"]:
        mail = mails[entry["session"], entry["transaction"]]
        assert (entry["complete"], entry["size"]) == (mail["complete"], mail["size"])
        octets = (tmp_path / "out" / entry["file"]).read_bytes()
        if entry["complete"]:
            assert hashlib.sha256(octets).hexdigest() == mail["sha256"]


def test_a_message_that_a_server_ended_early(cli: Cli, write: Write, tmp_path: Path) -> None:
    text = (
        f'@T\n@D\nC "{quoted(HEAD)}\\r\\nhi\\n.\\r\\nMAIL FROM:<x@y.example>\\r\\n'
        'RCPT TO:<r@mx.example>\\r\\nDATA\\r\\nforged\\r\\n.\\r\\n"\n'
        'S "250 2.0.0 Ok\\r\\n250 Ok\\r\\n250 Ok\\r\\n354 go\\r\\n250 2.0.0 Ok\\r\\n"\n@Q'
    )
    entries = extract(cli, write, tmp_path / "out", capture(text))["messages"]
    found = [(tmp_path / "out" / entry["file"]).read_bytes() for entry in entries]
    assert found == [HEAD + b"\r\nhi\n", b"forged\r\n"]


# -- attachments ---------------------------------------------------------------------------

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


# -- the folder ----------------------------------------------------------------------------


def test_files_are_private(cli: Cli, write: Write, tmp_path: Path) -> None:
    path = write(capture(sent(multipart(attached(b"a.bin")))))
    before = os.umask(0)
    try:
        cli("extract", path, "-d", tmp_path / "out", "--attachments", "--mbox")
    finally:
        os.umask(before)
    modes = {
        str(found.relative_to(tmp_path / "out")): stat.S_IMODE(found.stat().st_mode)
        for found in [tmp_path / "out", *(tmp_path / "out").rglob("*")]
    }
    assert modes == {
        ".": 0o700,
        "index.json": 0o600,
        "messages.mbox": 0o600,
        "session-0001-mail-1": 0o700,
        "session-0001-mail-1.eml": 0o600,
        "session-0001-mail-1/a.bin": 0o600,
    }


def test_nothing_is_overwritten_unasked(cli: Cli, shipped: Shipped, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert cli("extract", shipped("accepted"), "-d", out).status == 0
    again = cli("extract", shipped("accepted"), "-d", out)
    assert again.status == 2
    assert "index.json" in again.said
    (out / "index.json").unlink()
    (out / "session-0001-mail-1.eml").write_bytes(b"mine")
    assert cli("extract", shipped("accepted"), "-d", out).status == 2
    assert (out / "session-0001-mail-1.eml").read_bytes() == b"mine"
    assert sorted(path.name for path in out.iterdir()) == ["session-0001-mail-1.eml"]
    assert cli("extract", shipped("accepted"), "-d", out, "--force").status == 0
    assert (out / "session-0001-mail-1.eml").read_bytes() != b"mine"


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="there are no links here")
def test_links_are_not_followed(cli: Cli, write: Write, tmp_path: Path) -> None:
    path = write(capture(sent(multipart(attached(b"a.bin")))))
    victim, elsewhere = tmp_path / "victim", tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name, target in (("session-0001-mail-1.eml", victim), ("session-0001-mail-1", elsewhere)):
        out = tmp_path / f"out-{name}"
        out.mkdir()
        (out / name).symlink_to(target)
        assert cli("extract", path, "-d", out, "--attachments").status == 2
        cli("extract", path, "-d", out, "--attachments", "--force")
    assert not victim.exists()
    assert list(elsewhere.iterdir()) == []


def test_a_folder_that_cannot_be_made(cli: Cli, shipped: Shipped, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    result = cli("extract", shipped("accepted"), "-d", tmp_path / "file")
    assert result.status == 2
    assert str(tmp_path / "file") in result.said
    assert "-d DIR" in cli("extract", shipped("accepted")).said


# -- which sessions, how many processes, an mbox -------------------------------------------


def two_sessions() -> bytes:
    texts = [
        sent(HEAD + b"\r\none\r\n"), "SESSION port=40001 at=60\n" + sent(HEAD + b"\r\ntwo\r\n"),
    ]  # fmt: skip
    return capture("\n".join(texts))


def test_selected_sessions(cli: Cli, write: Write, tmp_path: Path) -> None:
    path = write(two_sessions())
    for words in (("2",), ("--session", "2")):
        out = tmp_path / "-".join(words)
        result = cli("extract", path, *words, "-d", out)
        assert result.status == 0
        assert sorted(p.name for p in out.iterdir()) == ["index.json", "session-0002-mail-1.eml"]
        assert (out / "session-0002-mail-1.eml").read_bytes().endswith(b"two\r\n")
    for number, where in enumerate(("number == 2", "client.port == 40001")):
        out = tmp_path / str(number)
        cli("extract", path, "-d", out, "--where", where)
        assert sorted(p.name for p in out.iterdir()) == ["index.json", "session-0002-mail-1.eml"]
    both = cli("extract", path, "1", "2", "-d", tmp_path / "both")
    assert both.out.count(".eml") == 2


def test_processes_make_no_difference(cli: Cli, write: Write, tmp_path: Path) -> None:
    path = write(two_sessions())
    found = []
    for jobs in (1, 3):
        out = tmp_path / str(jobs)
        cli("extract", path, "-d", out, "--jobs", jobs)
        index = json.loads((out / "index.json").read_text())
        found.append(sorted((entry["file"], entry["sha256"]) for entry in index["messages"]))
        assert len(list(out.iterdir())) == 3
    assert found[0] == found[1]


def test_an_mbox_holds_them_all(cli: Cli, write: Write, tmp_path: Path) -> None:
    message = HEAD + b"\r\nFrom here\r\n>From there\r\nend\r\n"
    text = sent(message) + "\nSESSION port=40001 at=60\n" + sent(HEAD + b"\r\ntwo\r\n")
    extract(cli, write, tmp_path / "out", capture(text), "--mbox")
    raw = (tmp_path / "out" / "messages.mbox").read_bytes()
    assert raw.startswith(b"From s@a.example.net Mon Nov 23 10:00:00 2026\n")
    assert b"\n>From here\n>>From there\nend\n\nFrom s@a.example.net " in raw
    assert b"\r" not in raw
    box = mailbox.mbox(tmp_path / "out" / "messages.mbox")
    assert [str(mail["Subject"]) for mail in box] == ["t", "t"]
    box.close()


def test_the_digest_of_a_pipe(cli: Cli, shipped: Shipped, tmp_path: Path) -> None:
    octets = shipped("accepted").read_bytes()
    command = [
        sys.executable, "-m", "smtpsniff", "extract", "-", "-d", tmp_path / "out", "--fail-on",
        "never",
    ]  # fmt: skip
    subprocess.run(command, input=octets, check=True, capture_output=True)
    (file,) = json.loads((tmp_path / "out" / "index.json").read_text())["run"]["files"]
    assert file["sha256"] == hashlib.sha256(octets).hexdigest()


def test_without_a_message(cli: Cli, write: Write, tmp_path: Path) -> None:
    result = cli("extract", write(capture("@G\n@E\n@Q")), "-d", tmp_path / "out")
    assert result.status == 0
    assert result.said == "no message in the capture"
    assert json.loads((tmp_path / "out" / "index.json").read_text())["messages"] == []
