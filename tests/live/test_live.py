"""Live capture on real interfaces: what is seen, kept, counted, and refused."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from networks import FAR, FRAMES, MAIL, NEAR, SMTPSNIFF, WANTED, ended

import smtpsniff
from smtpsniff.cli import status

if TYPE_CHECKING:
    from networks import Network

pytestmark = pytest.mark.usefixtures("may_capture")


def test_a_session_on_loopback_is_seen_once_and_told_when_it_ends(network: Network) -> None:
    with network.listening("-i", "lo", "--json") as process:
        network.python(MAIL, "127.0.0.1", "nobody@example.com")
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], 20)[0], "nothing was told while it listened"
        (code, records, said) = ended(process, signal.SIGINT)
    session, run = records
    assert code == status.FINDINGS
    assert session["schema"] == "smtpsniff.session/1"
    assert session["verdict"]["outcome"] == "partial"
    assert session["complete"] == {"start": True, "end": True, "gaps": {"client": 0, "server": 0}}
    assert session["tcp"]["retransmissions"] == {"client": 0, "server": 0}
    assert run["dropped"] == {"kernel": 0, "queue": 0}
    assert run["files"] == []
    assert [(i["link"], i["name"]) for i in run["interfaces"]] == [(1, "lo")]
    assert "1 session (1 partial); 0 packets dropped" in said


def test_what_is_kept_gives_the_same_records(network: Network, tmp_path: Path) -> None:
    """A session that is over, and one whose client said nothing more."""
    path = tmp_path / "kept.pcapng"
    open_one = "import socket, sys; s = socket.create_connection((sys.argv[1], 2525)); print(s.recv(99)); sys.stdin.read()"
    serve = "import socket, sys; s = socket.create_server((sys.argv[1], 2525)); c = s.accept()[0]; c.sendall(b'220 mx ESMTP\\r\\n'); c.recv(1)"
    client = network.started(sys.executable, "-c", open_one, "127.0.0.1", stdin=subprocess.PIPE)
    with (
        network.listening("-i", "lo", "-w", path, "--json") as process,
        network.started(sys.executable, "-c", serve, "127.0.0.1"),
    ):
        time.sleep(1)
        with client as running:
            network.python(MAIL, "127.0.0.1")
            assert running.stdout is not None
            assert b"220 mx" in running.stdout.readline()
            (_, live, said) = ended(process, signal.SIGINT)
    assert f"kept in {path}" in said
    found = sorted(smtpsniff.read(path), key=lambda session: session.number)
    live = sorted(live[:-1], key=lambda record: record["number"])
    assert len(live) == 2
    from smtpsniff.records import encoder

    assert [json.loads(encoder(9).encode(session)) for session in found] == live
    shown = subprocess.run(["tcpdump", "-nr", path], capture_output=True, check=False)
    assert shown.returncode == 0


def test_in_a_pipe_there_is_a_line_for_each_thing_that_happens(network: Network) -> None:
    with network.listening("-i", "lo") as process:
        network.python(MAIL, "127.0.0.1", "nobody@example.com")
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], 20)[0], "nothing was told while it listened"
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)
    lines = out.decode().splitlines()
    words = [line.split(" ", 2)[2] for line in lines]
    assert words[:5] == [
        "C> connected to 127.0.0.1:25", "<S 220 mx.example.com ESMTP",
        "C> ehlo client.example.net", "<S 250 mx.example.com", "C> mail FROM:<carla@example.net>",
    ]  # fmt: skip
    assert "<S 550 5.1.1 No such user here" in words
    assert any(line.startswith("^  error rcpt-unknown-user") for line in words)
    assert "\x1b" not in "".join(lines)


def test_both_ends_of_a_cable_and_any(network: Network) -> None:
    """Two interfaces give each other's packets in order of time."""
    send = "import socket, sys; s = socket.create_connection((sys.argv[1], 2525), 5)"
    with network.listening("-i", "any", "--json") as process:
        for target in (FAR, "127.0.0.1"):
            done = subprocess.run(
                ["ip", "netns", "exec", network.near, sys.executable, "-c", send, target],
                capture_output=True, check=False,
            )  # fmt: skip
            assert b"refused" in done.stderr
        code, records, _ = ended(process, signal.SIGINT)
    assert [r["verdict"]["outcome"] for r in records[:-1]] == ["refused", "refused"]
    assert {i["name"] for i in records[-1]["interfaces"]} == {"lo", "eth0"}
    assert code == status.FINDINGS


def test_it_ends_after_so_many_packets(network: Network, tmp_path: Path) -> None:
    path = tmp_path / "five.pcapng"
    with network.listening("-i", "lo", "-c", 5, "-w", path) as process:
        network.python(MAIL, "127.0.0.1")
        process.communicate(timeout=20)
    with smtpsniff.capture.open_capture(path) as capture:
        assert sum(map(len, capture)) == 5


def frames_seen(path: Path, names: dict[bytes, str]) -> list[str]:
    """Names of the frames in a file, as they were sent; what the hosts said on their own left out."""
    with smtpsniff.capture.open_capture(path) as capture:
        packets = [batch.packet(row) for batch in capture for row in range(len(batch))]
    return [names[packet] for packet in packets if packet in names]


@pytest.mark.parametrize(
    ("words", "sent", "received"),
    [
        ((), WANTED, WANTED),
        # As for tcpdump: what the kernel has untagged matches, what still has its tag does not.
        (("tcp", "port", "80"), {"web"}, {"web", "VLAN web"}),
        (("vlan", "and", "tcp", "port", "25"), {"VLAN mail"}, {"VLAN mail"}),
    ],
)
def test_what_the_filter_lets_pass(
    network: Network, tmp_path: Path, words: tuple[str, ...], sent: set[str], received: set[str]
) -> None:
    """Both as they arrive and as they leave, tags where they were."""
    listed = subprocess.run(
        [sys.executable, "-c", FRAMES], capture_output=True, check=True, text=True
    )
    names = {
        bytes.fromhex(line.split(" ", 1)[0]): line.split(" ", 1)[1]
        for line in listed.stdout.splitlines()
    }
    near, far = tmp_path / "near.pcapng", tmp_path / "far.pcapng"
    with (
        network.listening("-i", "eth0", "-w", near, *words) as first,
        network.listening("-i", "eth0", "-w", far, *words, at=network.far) as second,
    ):
        network.python(FRAMES, "send")
        for process in (first, second):
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
    assert set(frames_seen(near, names)) == sent
    assert set(frames_seen(far, names)) == received


def test_a_file_is_not_written_over_unasked(network: Network, tmp_path: Path) -> None:
    path = tmp_path / "kept.pcapng"
    path.write_bytes(b"precious")
    with network.started(*SMTPSNIFF, "-i", "lo", "-w", path) as process:
        _, said = process.communicate(timeout=20)
    assert process.returncode == status.USAGE
    assert b"exists already" in said
    assert path.read_bytes() == b"precious"


def test_a_ring_of_files_keeps_the_newest(network: Network, tmp_path: Path) -> None:
    path = tmp_path / "ring.pcapng"
    ring = ("-w", path, "-b", "filesize:1", "-b", "files:2")
    with network.listening("-i", "lo", *ring) as process:
        for number in range(4):
            network.python(MAIL, f"127.0.0.{number + 1}")
            time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    kept = sorted(tmp_path.iterdir())
    assert len(kept) == 2
    numbers = [int(file.name.split("_")[1]) for file in kept]
    assert numbers[1] == numbers[0] + 1 > 2
    for file in kept:
        with smtpsniff.capture.open_capture(file) as capture:
            assert sum(map(len, capture)) > 5
            assert capture.damage is None


def test_the_file_is_whole_within_a_second_even_if_we_are_killed(
    network: Network, tmp_path: Path
) -> None:
    path = tmp_path / "kept.pcapng"
    with network.listening("-i", "lo", "-w", path) as process:
        network.python(MAIL, "127.0.0.1")
        time.sleep(1)
        process.kill()
        process.communicate()
    (session,) = smtpsniff.read(path)
    assert session.verdict.outcome == "delivered"
    assert session.complete.end


def test_rights_are_given_up(network: Network, tmp_path: Path) -> None:
    """Root's are gone for good, and the file is the user's."""
    tmp_path.chmod(0o777)
    for folder in tmp_path.parents:
        if folder.stat().st_uid == os.getuid() and folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o011)
        if folder == Path("/tmp"):
            break
    path = tmp_path / "kept.pcapng"
    with network.listening("-i", "lo", "-Z", "nobody", "-w", path) as process:
        facts = Path(f"/proc/{process.pid}/status").read_text()
        network.python(MAIL, "127.0.0.1")
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    import pwd

    nobody = pwd.getpwnam("nobody").pw_uid
    uids = next(line for line in facts.splitlines() if line.startswith("Uid:")).split()[1:]
    assert uids == [str(nobody)] * 4
    assert "CapEff:\t0000000000000000" in facts
    assert path.stat().st_uid == nobody
    assert path.stat().st_size > 1000


def test_without_permission_there_is_one_line_that_helps(network: Network) -> None:
    without = ("setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw")
    with network.started(*without, *SMTPSNIFF, "-i", "lo") as process:
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (status.DENIED, b"")
    assert err.count(b"\n") == 1
    assert b"no permission to capture: use sudo" in err
    assert b"setcap cap_net_raw" in err


def test_an_unknown_interface_is_answered_with_those_there_are(network: Network) -> None:
    with network.started(*SMTPSNIFF, "-i", "eth7") as process:
        _, err = process.communicate(timeout=20)
    assert process.returncode == status.USAGE
    assert err.startswith(b"smtpsniff: eth7: no such interface; there are ")
    assert b"lo" in err
    assert b"eth0" in err
    listed = network.run(*SMTPSNIFF, "-D").splitlines()
    assert any(line.split()[:2] == ["eth0", "up"] and NEAR in line for line in listed)
    assert any(line.split()[:3] == ["lo", "up", "loopback,"] for line in listed)


def test_sniff_yields_sessions_as_they_end(network: Network) -> None:
    code = """
import smtpsniff, subprocess, sys
sessions = smtpsniff.sniff("lo", seconds=20)
import threading
threading.Timer(1.5, lambda: subprocess.run([sys.executable, "-c", sys.argv[1], "127.0.0.1"])).start()
session = next(sessions)
sessions.close()
print(session.number, session.verdict.outcome, session.client.ip)
"""
    assert network.python(code, MAIL) == "1 delivered 127.0.0.1\n"


def test_scapy_listens_where_the_kernel_has_no_ring(network: Network) -> None:
    code = """
import subprocess, sys
from smtpsniff.capture.live import LiveCapture, Limits, choose, tap
def no_ring(*_):
    raise OSError(92, "Protocol not available")
tap.Ring = no_ring
from smtpsniff.smtp.recognise import MAIL_PORTS
capture = LiveCapture(choose(["lo"]), Limits(ports=MAIL_PORTS, seconds=3))
subprocess.run([sys.executable, "-c", sys.argv[1], "127.0.0.1"], check=True)
from smtpsniff.pipeline import Analysis
for step in Analysis([], None, capture).steps():
    for _, session in step.ended:
        print(session.verdict.outcome, session.tcp.retransmissions.client, session.complete.gaps.client)
print(capture.packets == session.packets)
"""
    assert network.python(code, MAIL) == "delivered 0 0\nTrue\n"


def test_what_the_machine_dropped_is_told(network: Network) -> None:
    """A ring too small for a burst while nobody empties it: counted, and named as the reason."""
    code = """
import socket, sys, threading, time
from smtpsniff.capture.live import LiveCapture, Limits, choose, listener
listener.MEMORY = 1 << 20
listener.WAITING = 1
from smtpsniff.pipeline.live import Live
from smtpsniff.pipeline import Settings
from smtpsniff.smtp.recognise import MAIL_PORTS
live = Live(["lo"], Limits(ports=MAIL_PORTS, seconds=4), Settings())
server = socket.create_server(("127.0.0.1", 25))
def serve():
    connection, _ = server.accept()
    connection.sendall(b"220 mx.example.com\\r\\n")
    while connection.recv(1 << 16):
        pass
threading.Thread(target=serve, daemon=True).start()
client = socket.create_connection(("127.0.0.1", 25))
client.recv(99)
for _ in range(2000):
    client.sendall(b"NOOP of some length, so that the ring is full soon\\r\\n" * 40)
def leave():
    client.sendall(b"QUIT\\r\\n")
    client.close()
threading.Timer(2, leave).start()
sessions = [session for moment in live for session in moment.ended]
run = live.record("0")
(session,) = sessions
gap = [f.text for f in session.findings if f.check == "tcp-capture-gap"]
print(run.dropped.kernel > 0, session.complete.dropped == run.dropped.kernel, session.complete.gaps.client > 0)
print(gap[0])
"""
    first, second = network.python(code).splitlines()
    assert first == "True True True"
    assert "its own doing: it dropped" in second


def test_a_closed_interface_ends_nothing_else(network: Network) -> None:
    """An interface that goes down while listened to: the others go on."""
    with network.listening("-i", "any", "--json", "-a", "duration:5") as process:
        subprocess.run(["ip", "-n", network.near, "link", "delete", "eth0"], check=True)
        network.python(MAIL, "127.0.0.1")
        before = ticks(process.pid)
        time.sleep(1)
        busy = ticks(process.pid) - before
        code, records, said = ended(process)
    assert code == status.FINE
    assert records[0]["verdict"]["outcome"] == "delivered"
    assert "eth0 went down" in said
    assert busy < 50  # hundredths of a second, in one second


def ticks(pid: int) -> int:
    """Hundredths of a second that a process has computed for."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return int(user) + int(system)


def test_packets_and_sessions_do_not_share_standard_output(network: Network) -> None:
    with network.started(*SMTPSNIFF, "-i", "lo", "-w", "-") as process:
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (status.USAGE, b"")
    assert b"-w -" in err
