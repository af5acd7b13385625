"""Records as JSON."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

import smtpsniff
from smtpsniff import records
from smtpsniff.output.json import JsonRenderer, Ndjson, SingleDocument, harmless
from smtpsniff.output.row import RowRenderer

CAPTURE = Path(__file__).parents[2] / "captures" / "accepted.pcapng"


def test_a_record_gets_its_number_later() -> None:
    (session,) = smtpsniff.read(CAPTURE)
    session.number = 0
    renderer = JsonRenderer(9)
    record = renderer.number(renderer.render(session), 17)
    assert json.loads(record)["number"] == 17
    assert json.loads(record)["start"] == "2026-11-23T22:58:42.908622000Z"


def test_renderers_and_what_they_make_travel_between_processes() -> None:
    (session,) = smtpsniff.read(CAPTURE)
    for renderer in (JsonRenderer(9), RowRenderer()):
        renderer.render(session)
        copy = pickle.loads(pickle.dumps(renderer))
        rendered = copy.render(session)
        assert pickle.loads(pickle.dumps(rendered)) == rendered


def test_shapes() -> None:
    lines = Ndjson()
    assert lines.session(b"{}") + lines.end(b"[]") == b"{}\n[]\n"
    for sessions in ([], [b"{}"], [b"{}", b"{}"]):
        shape = SingleDocument()
        text = b"".join(map(shape.session, sessions)) + shape.end(b"{}")
        assert json.loads(text) == {
            "sessions": [{}] * len(sessions), "stories": [], "run": {},
        }  # fmt: skip


def test_a_terminal_gets_the_same_json_without_power() -> None:
    value = {"a": "\x1b\x7f\x9b2J\u202eé日\U000e0041\U0001f600"}
    text = harmless(json.dumps(value, ensure_ascii=False).encode())
    assert json.loads(text) == value
    assert text.decode() == ('{"a": "\\u001b\\u007f\\u009b2J\\u202eé日\\udb40\\udc41\U0001f600"}')


@pytest.mark.parametrize(
    "time",
    [0, 999_999_999, 10**9, 1_700_000_000_123_456_789, 1_700_000_000_000_000_001, -1,
     -1_234_567_890_123_456_789, 10**20 - 1],
)  # fmt: skip
def test_times_are_the_same_the_first_time_and_again(time: int) -> None:
    encode = records.encoder().encode
    wanted = f'"{records.rfc3339(time)}"'.encode()
    assert [encode(records.Timestamp(time)) for _ in range(2)] == [wanted, wanted]
