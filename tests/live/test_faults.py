"""Networks that fail in ways made on purpose, real programs at both ends: each gets its verdict.

The same verdict live and from the file that `-w` kept, at the client's end and at the server's.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dialogue import lacking

import smtpsniff
from smtpsniff.records import encoder

STAGE = Path(__file__).with_name("stage_faults.py")
ENDS = ("client", "mx")
Records = dict[str, Any]


@pytest.fixture(scope="module")
def played(may_capture: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the whole play left its records in."""
    folder = tmp_path_factory.mktemp("faults")
    done = subprocess.run(
        [sys.executable, STAGE, folder], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    if "not installed:" in done.stderr:
        lacking(done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def live(folder: Path, end: str) -> list[Any]:
    return [json.loads(line) for line in (folder / f"{end}.ndjson").read_text().splitlines()]


@pytest.fixture(scope="module")
def heard(played: Path) -> dict[str, Records]:
    """For each end, the sessions by the name that the client gave itself."""
    return {
        end: {r["helo"]["name"].split(".")[0]: r for r in live(played, end) if "helo" in r}
        for end in ENDS
    }


def checks(session: Records) -> set[str]:
    """What was found, folded findings too."""
    found = set()
    todo = list(session["findings"])
    while todo:
        finding = todo.pop()
        found.add(finding["check"])
        todo += finding["related"]
    return found


def _is(record: Records, name: str) -> bool:
    return bool(record.get("helo", {}).get("name", "").startswith(name))


def _sure(record: Records) -> Records:
    """What does not hang on where the windows of a capture end, as counts of repeated packets do.

    Of two copies of a packet that fall into two windows nobody can say any more that they are one.
    """
    sure = {key: record[key] for key in record if key not in ("tcp", "delays", "findings")}
    sure["findings"] = {finding["check"] for finding in record["findings"]} - {
        "tcp-retransmission-burst", "tcp-rto-stall",
    }  # fmt: skip
    return sure


@pytest.mark.parametrize("end", ENDS)
def test_live_and_from_the_file_the_records_are_the_same(played: Path, end: str) -> None:
    *sessions, run = live(played, end)
    sessions.sort(key=lambda record: record["number"])
    encode = encoder(9).encode
    found = sorted(smtpsniff.read(played / f"{end}.pcapng"), key=lambda session: session.number)
    again = [json.loads(encode(session)) for session in found]
    assert [_sure(record) for record in again] == [_sure(record) for record in sessions]
    for name in ("plain", "stopped"):
        assert [r for r in again if _is(r, name)] == [r for r in sessions if _is(r, name)]
    assert run["dropped"] == {"kernel": 0, "queue": 0}
    assert len(sessions) == 9


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("name", ["plain", "delay", "duplicate", "reorder", "loss", "fullwindow"])
def test_what_arrived_in_the_end_is_delivered(
    heard: dict[str, Records], end: str, name: str
) -> None:
    session = heard[end][name]
    assert session["verdict"]["outcome"] == "delivered"
    assert session["complete"] == {"start": True, "end": True, "gaps": {"client": 0, "server": 0}}
    (mail,) = session["transactions"]
    assert mail["mail_from"] == f"{name}@example.net"
    assert mail["message"]["complete"]
    assert (
        mail["message"]["sha256"] == heard["client"][name]["transactions"][0]["message"]["sha256"]
    )


def test_delay_is_the_networks_and_on_the_right_side(heard: dict[str, Records]) -> None:
    """150 ms each way: far from the server at the client's end, and the other way round."""
    near, far = heard["client"]["delay"]["tcp"]["rtt"], heard["mx"]["delay"]["tcp"]["rtt"]
    assert near["server"] > 0.29 > 0.05 > near["client"]
    assert far["client"] > 0.29 > 0.05 > far["server"]


def test_loss_is_repaired_and_counted(heard: dict[str, Records]) -> None:
    assert heard["client"]["loss"]["tcp"]["retransmissions"]["client"] >= 1


def test_reordering_is_seen_where_it_arrives(heard: dict[str, Records]) -> None:
    assert heard["mx"]["reorder"]["tcp"]["out_of_order"]["client"] >= 1


def test_a_repeated_packet_is_no_trouble(heard: dict[str, Records]) -> None:
    for end in ENDS:
        found = {check for check in checks(heard[end]["duplicate"]) if check.startswith("tcp-")}
        assert found <= {"tcp-reset-after-close"}  # a second FIN may be answered so


def test_a_reset_by_a_firewall_breaks_the_mail_off(heard: dict[str, Records]) -> None:
    """To each side it looks as if the other one had done it."""
    near, far = heard["client"]["reset"], heard["mx"]["reset"]
    assert near["verdict"]["outcome"] == far["verdict"]["outcome"] == "aborted"
    assert near["ended"] in ("rst-by-server", "rst-suspect-injected")
    assert far["ended"] in ("rst-by-client", "rst-suspect-injected")
    assert "msg-truncated" in checks(near)


def test_a_full_window_is_named(heard: dict[str, Records]) -> None:
    for end in ENDS:
        session = heard[end]["fullwindow"]
        assert "tcp-zero-window" in checks(session)
        assert session["tcp"]["zero_windows"]["server"] >= 1


def test_a_server_that_stands_still_leaves_it_open_whether_it_has_the_mail(
    heard: dict[str, Records],
) -> None:
    for end in ENDS:
        session = heard[end]["stopped"]
        assert session["verdict"]["outcome"] == "ambiguous"
        assert {"eom-reply-missing", "delivery-outcome-unknown"} & checks(session)


def test_a_path_that_swallows_large_packets_is_told_from_a_dead_server(
    heard: dict[str, Records],
) -> None:
    session = heard["client"]["blackhole"]
    assert session["verdict"]["outcome"] in ("aborted", "ambiguous", "unknown")
    assert "tcp-pmtu-black-hole" in checks(session)
    assert session["tcp"]["retransmissions"]["client"] >= 3
