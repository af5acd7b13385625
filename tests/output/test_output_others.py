"""CSV, Zeek's logs and EVE: fields, types, escapes; no value takes another's place."""

from __future__ import annotations

import csv
import io
import json
import pickle
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from dialogue import sessions

import smtpsniff
from smtpsniff.output.others import FORMATS, format_of
from smtpsniff.output.others.csv import COLUMNS
from smtpsniff.output.others.zeek import FILES, SMTP
from smtpsniff.records import Attachment

if TYPE_CHECKING:
    from smtpsniff.records import Session

CAPTURES = Path(__file__).parents[2] / "captures"
HOSTILE = r"""
    @G ; C "EHLO =cmd|' /C calc'!A0\r\n" ; S "250 mx.example\r\n"
    C "MAIL FROM:<@SUM(1,2)\t-@evil.example>\r\n" ; S "250 ok\r\n"
    C "RCPT TO:<+1,2@mx.example>\r\n" ; S "250 ok\r\n"
    C "RCPT TO:<-@mx.example>\r\n" ; S "550 5.1.1 no \x1b[31m \xe2\x80\xae \"such\" user\r\n"
    @D ; C "From: a\tb\r\nSubject: -\r\nTo: \"x, y\" <a@b>,\r\n c@d\r\n\r\nhi\r\n" ; @X
"""


def _session(name: str = "refused-recipient") -> Session:
    (session,) = smtpsniff.read(CAPTURES / f"{name}.pcapng")
    return session


def _hostile() -> Session:
    (session,) = sessions(HOSTILE)
    return session


def _lines(name: str, session: Session, number: int = 7) -> list[str]:
    form = pickle.loads(pickle.dumps(format_of(name)))  # as it goes to a worker process
    return (form.number(form.render(session), number)).decode().splitlines()


def _rows(session: Session) -> list[dict[str, str]]:
    text = format_of("csv").head().decode() + "\r\n".join(_lines("csv", session))
    return list(csv.DictReader(io.StringIO(text)))


def _log(name: str, session: Session) -> list[dict[str, str]]:
    fields = SMTP if name == "zeek" else FILES
    return [dict(zip(fields, line.split("\t"), strict=True)) for line in _lines(name, session)]


def _events(session: Session) -> list[dict[str, Any]]:
    return [json.loads(line) for line in _lines("eve", session)]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_safe_to_show(name: str) -> None:
    session = _hostile()
    lines = _lines(name, session)
    assert lines or name == "zeek-files"
    for line in lines:
        assert "\x1b" not in line
        assert "\u202e" not in line
        assert line.replace("\t", "").isprintable()


def test_csv_has_a_row_for_each_recipient() -> None:
    first, second = _rows(_session())
    assert first["session"] == "7"
    assert (first["mail"], first["recipient"], first["recipient_outcome"], first["code"]) == (
        "1", "bne@example.com", "rejected", "550",
    )  # fmt: skip
    assert (second["recipient_outcome"], second["queue_id"]) == ("accepted", "D99EA29")
    assert list(first) == list(COLUMNS)


def test_csv_of_a_session_without_mail() -> None:
    (session,) = sessions(r'OPEN ; S "554 no\r\n" ; @Q')
    (row,) = _rows(session)
    assert (row["session_outcome"], row["mail"], row["recipient"]) == ("refused", "", "")
    assert "turned 192.0.2.1 away" in row["verdict"]


def test_csv_cells_are_no_formulas() -> None:
    for row in _rows(_hostile()):
        for name, cell in row.items():
            assert not cell.startswith(("=", "+", "-", "@")), name
    assert _rows(_hostile())[0]["helo"].startswith("'=cmd|")
    assert _rows(_hostile())[0]["recipient"] == "'+1,2@mx.example"


def test_zeek_heads_name_fields_and_types() -> None:
    head = format_of("zeek").head().decode().splitlines()
    assert head[0] == "#separator \\x09"
    assert head[4] == "#path\tsmtp"
    assert head[5].split("\t")[:8] == [
        "#fields", "ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "trans_depth",
    ]  # fmt: skip
    assert len(head[5].split("\t")) == len(head[6].split("\t"))
    assert format_of("zeek-files").head().decode().splitlines()[4] == "#path\tfiles"


def test_zeek_has_a_line_for_each_mail() -> None:
    first, second = _log("zeek", _session())
    assert (first["trans_depth"], second["trans_depth"]) == ("1", "2")
    assert first["uid"] == second["uid"]
    assert float(first["ts"]) < float(second["ts"])
    assert (first["subject"], second["subject"]) == ("-", "Invoice 1042")
    assert second["last_reply"] == "250 2.0.0 Ok: queued as D99EA29"
    assert second["tls"] == "F"


def test_zeek_escapes_what_it_would_read_otherwise() -> None:
    (line,) = _log("zeek", _hostile())
    assert line["subject"] == "\\x2d"
    assert line["rcptto"] == "+1\\x2c2@mx.example,-@mx.example"
    assert line["to"] == '"x\\x2c y" <a@b>,c@d'
    assert line["from"] == "a b"


def test_attachments_are_files_with_the_mails_identifiers() -> None:
    session = _session("accepted")
    message = session.transactions[0].message
    assert message is not None
    message.attachments = [Attachment("text/plain", 3, "a,b.txt", "m", "s", "t")]
    (file,) = _log("zeek-files", session)
    (mail,) = _log("zeek", session)
    assert mail["fuids"] == file["fuid"]
    assert mail["uid"] == file["uid"]
    assert (file["filename"], file["analyzers"], file["seen_bytes"]) == (
        "a,b.txt", "MD5,SHA1,SHA256", "3",
    )  # fmt: skip
    smtp, info = _events(session)
    assert smtp["email"]["attachment"] == ["a,b.txt"]
    assert info["fileinfo"]["sha256"] == "t"
    assert info["flow_id"] == smtp["flow_id"]


def test_zeek_json_says_the_same_as_the_logs() -> None:
    session = _session()
    for line, row in zip(_lines("zeek-json", session), _log("zeek", session), strict=True):
        event = json.loads(line)
        assert event.pop("_path") == "smtp"
        for name, text in row.items():
            value = event.get(name)
            if text == "-":
                assert value is None
            elif isinstance(value, list):
                assert ",".join(value) == text.replace("(empty)", "")
            elif isinstance(value, str):
                assert value == text


def test_eve_events() -> None:
    first, second = _events(_session())
    assert [e["event_type"] for e in (first, second)] == ["smtp", "smtp"]
    assert [e["tx_id"] for e in (first, second)] == [0, 1]
    assert first["timestamp"].endswith("+0000")
    assert second["smtp"] == {
        "helo": "client.example.net", "mail_from": "<billing@example.net>",
        "rcpt_to": ["<anna@example.com>"],
    }  # fmt: skip
    assert second["email"]["status"] == "PARSE_DONE"
    assert second["smtpsniff"]["session"] == 7
    assert first["flow_id"] == second["flow_id"] < 1 << 53


def test_identifiers_are_those_of_the_connection() -> None:
    one, other = _log("zeek", _session())[0], _log("zeek", _session("accepted"))[0]
    assert one["uid"] == _log("zeek", _session())[0]["uid"] != other["uid"]
    assert len(one["uid"]) == 18


def _fits(text: str, kind: str) -> bool:
    """Whether a field of Zeek's has a value of its type."""
    if text in ("-", "(empty)"):
        return text == "-" or kind.startswith(("set", "vector", "string"))
    if kind.startswith(("set[", "vector[")):
        return all(_fits(item, kind[kind.index("[") + 1 : -1]) for item in text.split(","))
    if kind in ("count", "port"):
        return text.isdecimal()
    if kind in ("time", "interval"):
        return len(text.partition(".")[2]) == 6 and float(text) >= 0
    if kind == "bool":
        return text in "TF"
    return kind != "addr" or bool(ip_address(text))


def test_every_field_has_its_type_in_the_whole_corpus(corpus: Path) -> None:
    from corpus.corpus_files import files
    from corpus.corpus_views import sessions_in

    checked = 0
    for path in files(corpus):
        for session in sessions_in(path):
            for line in _log("zeek", session):
                assert all(_fits(line[name], kind) for name, kind in SMTP.items()), line
                checked += 1
            rows = _rows(session)
            assert all(None not in row and None not in row.values() for row in rows)
            assert all(event["event_type"] in ("smtp", "tls") for event in _events(session))
    assert checked > 100


def test_zeeks_own_logs_say_the_same(corpus: Path) -> None:
    from corpus.corpus_views import sessions_in

    truth = json.loads((corpus / "truth.json").read_text())
    stated = [
        (row["file"], line)
        for rows in truth.values() if isinstance(rows, list)
        for row in rows if row.get("source") == "zeek btest baseline"
        for line in row.get("sessions", ()) if "trans_depth" in line
    ]  # fmt: skip
    names = {"message_id": "msg_id"}
    wrong, right = [], 0
    for file, line in stated:
        key = (line["client_port"], line["trans_depth"])
        ours = {
            (int(log["id.orig_p"]), int(log["trans_depth"])): log
            for session in sessions_in(corpus / "captures" / file)
            for log in _log("zeek", session)
        }.get(key)
        if ours is None:
            wrong.append((file, key, "no such line"))
            continue
        for name, value in line.items():
            name = names.get(name, name)
            if name not in SMTP:
                continue
            said = ours[name]
            if isinstance(value, bool):
                agree = said == "FT"[value]
            elif isinstance(value, list):
                agree = set(said.split(",")) == {str(v).replace(",", "\\x2c") for v in value}
            else:
                agree = said == str(value)
            right += agree
            if not agree:
                wrong.append((file, key, name, said, value))
    assert right > 60
    # Of one side only, with two mails: Zeek, waiting for replies, took both for one.
    assert {entry[0] for entry in wrong} == {"zeek__smtp-one-side-only.pcap"}
