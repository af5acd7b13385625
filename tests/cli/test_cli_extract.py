"""`extract`: messages byte for byte, an index that tells where they came from, gaps that are told."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING

import pytest
from cli_extract import HEAD, attached, extract, multipart, quoted, sent
from dialogue import FRAMINGS, SAME, capture

if TYPE_CHECKING:
    from pathlib import Path

    from cli_console import Cli, Shipped, Write


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


# -- what the capture lacks


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
