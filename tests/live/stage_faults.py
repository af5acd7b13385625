"""Plays deliveries over a network that fails in known ways, listened to live.

Run as root: `python stage_faults.py FOLDER` leaves client.ndjson, client.pcapng and client.txt
there, and the same of mx: what was heard live, kept and said at both ends. It
builds on the stage of the lessons (captures/stage.py): namespaces of its own, a real Postfix, and
everything gone when it ends. Between client and server are two hosts more:

    client 192.0.2.1 - wire - 192.0.2.254 router 198.51.100.254 - 198.51.100.25 mx (Postfix)

The wire is `forward` below, as kernels for containers often lack netem: it delays, repeats and
swaps frames. The router loses, resets and narrows with iptables, link MTUs and tbf.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[2] / "captures"))

import stage
from stage import run

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENERY = """\
hostname client.example.net
mount -t tmpfs -o mode=755 stage /run
ip netns add wire
ip netns add router
ip netns add mx
ip link add name eth0 type veth peer name near netns wire
ip -n router link add name near type veth peer name far netns wire
ip -n router link add name eth1 type veth peer name eth0 netns mx
ip address add 192.0.2.1/24 dev eth0
ip -n router address add 192.0.2.254/24 dev near
ip -n router address add 198.51.100.254/24 dev eth1
ip -n mx address add 198.51.100.25/24 dev eth0
ip link set lo up
ip link set eth0 up
ip -n wire link set near up
ip -n wire link set far up
ip -n router link set near up
ip -n router link set eth1 up
ip -n mx link set lo up
ip -n mx link set eth0 up
ip route add default via 192.0.2.254
ip -n mx route add default via 198.51.100.254
ip netns exec router sysctl -qw net.ipv4.ip_forward=1
ethtool --offload eth0 tx off gso off tso off gro off
ip netns exec mx ethtool --offload eth0 tx off gso off tso off gro off
ip netns exec router ethtool --offload near tx off gso off tso off gro off
ip netns exec router ethtool --offload eth1 tx off gso off tso off gro off
"""
SERVER = "198.51.100.25"


def forward(policy: str) -> None:
    """The wire: passes frames between its two ends, each as `policy` says."""
    import select

    ends = []
    for name in ("near", "far"):
        end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        end.bind((name, 3))
        ends.append(end)
    waiting: list[tuple[float, int, socket.socket, bytes]] = []
    held: dict[int, bytes] = {}
    number = 0
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        pause = max(waiting[0][0] - time.monotonic(), 0) if waiting else 1.0
        for end in select.select(ends, [], [], pause)[0]:
            frame, (_, _, kind, *_) = end.recvfrom(1 << 16)
            if kind == socket.PACKET_OUTGOING:
                continue
            number += 1
            out = ends[1 - ends.index(end)]
            side = ends.index(end)
            delay = 0.15 if policy == "delay" else 0.0
            frames = [frame, frame] if policy == "duplicate" else [frame]
            if policy == "reorder" and len(frame) > 1000:
                if side not in held:  # every second large frame overtakes the one before
                    held[side] = frame
                    continue
                frames = [frame, held.pop(side)]
            elif side in held and len(frame) <= 1000:
                frames = [held.pop(side), frame]
            due = time.monotonic() + delay
            waiting.extend((due, number, out, each) for each in frames)
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, out, each = waiting.pop(0)
            out.send(each)


@contextmanager
def wire(policy: str = "pass") -> Iterator[None]:
    command = ["ip", "netns", "exec", "wire", sys.executable, __file__, "forward", policy]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


@contextmanager
def router(*rules: str) -> Iterator[None]:
    """Rules of iptables that hold for a while."""
    for rule in rules:
        run(f"ip netns exec router iptables -A {rule}")
    try:
        yield
    finally:
        for rule in rules:
            run(f"ip netns exec router iptables -D {rule}")


def mail(name: str, *, lines: int = 1, seconds: int = 15) -> subprocess.Popen[bytes]:
    """Start a delivery by swaks, from NAME@example.net; its EHLO says NAME, too."""
    command = shlex.split(
        f"swaks --server {SERVER} --ehlo {name}.example.net --from {name}@example.net "
        f"--to anna@example.com --timeout {seconds} --data -"
    )
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    assert process.stdin is not None
    header = f"From: <{name}@example.net>\nTo: <anna@example.com>\nSubject: {name}\n\n"
    process.stdin.write(header.encode() + b"0123456789 " * 6 * lines + b"\n")
    process.stdin.close()
    return process


def smtpd() -> list[int]:
    """The processes of Postfix that talk to clients."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and (entry / "comm").read_text().strip() == "smtpd":
                found.append(int(entry.name))
        except OSError:
            pass
    return found


def stop_server() -> list[int]:
    """All that talk to clients stand still; those that did not already."""
    numbers = [number for number in smtpd() if not _stands(number)]
    for number in numbers:
        os.kill(number, signal.SIGSTOP)
    return numbers


def _stands(number: int) -> bool:
    state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    return state in "Tt"


def slow_typist(name: str) -> socket.socket:
    """A client that has said who it is, and from whom it writes."""
    client = socket.create_connection((SERVER, 25), 10)
    reader = client.makefile("rb")
    reader.readline()
    for line in (
        f"EHLO {name}.example.net",
        f"MAIL FROM:<{name}@example.net>",
        "RCPT TO:<anna@example.com>",
        "DATA",
    ):
        client.sendall(line.encode() + b"\r\n")
        while reader.readline()[3:4] == b"-":
            pass
    return client


def play() -> None:
    """Each fault in its turn."""
    with wire():
        mail("plain").wait()
    with wire("delay"):
        mail("delay").wait()
    with wire("duplicate"):
        mail("duplicate").wait()
    with wire("reorder"):
        mail("reorder", lines=400).wait()
    with wire():
        nth = "-m statistic --mode nth --every 5 --packet 3"
        with router(f"FORWARD -p tcp --dport 25 -m length --length 500:1500 {nth} -j DROP"):
            mail("loss", lines=400).wait()
        reset()
        full_window()
        black_hole()
        stop()


def black_hole() -> None:
    """The link behind the router takes 1000 bytes, and nobody may say so. It stays like that."""
    run("ip -n router link set eth1 mtu 1000")
    run("ip netns exec router iptables -A OUTPUT -p icmp -j DROP")
    mail("blackhole", lines=60, seconds=6).wait()


def reset() -> None:
    """A firewall ends the connection in the middle of the message: both sides hear a reset."""
    client = slow_typist("reset")
    rule = "FORWARD -p tcp --dport 25 -j REJECT --reject-with tcp-reset"
    with router(rule):
        try:
            client.sendall(b"Subject: reset\r\n\r\nSome words\r\n")
            client.recv(100)
        except OSError:
            pass
    client.close()


def stop() -> None:
    """The server stands still, for good, before it answers; the client's patience ends."""
    client = slow_typist("stopped")
    stop_server()
    client.sendall(b"Subject: stopped\r\n\r\nSome words\r\n.\r\n")
    time.sleep(2)
    client.close()


def full_window() -> None:
    """The server reads no more, until nothing fits into its window, and then goes on."""
    client = slow_typist("fullwindow")
    standing = stop_server()
    client.setblocking(False)
    line = b"x" * 70 + b"\r\n"
    deadline = time.monotonic() + 3
    sent = 0
    while time.monotonic() < deadline:
        try:
            sent += client.send(line * 200)
        except BlockingIOError:
            time.sleep(0.05)
    for number in standing:
        os.kill(number, signal.SIGCONT)
    client.setblocking(True)
    client.settimeout(10)
    rest = -sent % len(line)
    client.sendall(line[len(line) - rest :] + b".\r\nQUIT\r\n")
    with_reader = client.makefile("rb")
    while with_reader.readline():
        pass
    client.close()


@contextmanager
def listening(folder: Path, name: str, where: str = "") -> Iterator[None]:
    """A live capture at one end, its records and packets kept under that end's name."""
    command = [*where.split(), sys.executable, "-m", "smtpsniff", "live", "-i", "eth0", "--json"]
    with (
        (folder / f"{name}.ndjson").open("wb") as out,
        subprocess.Popen(
            [*command, "-w", str(folder / f"{name}.pcapng")], stdout=out, stderr=subprocess.PIPE
        ) as live,
    ):
        assert live.stderr is not None
        said = live.stderr.readline()
        yield
        live.send_signal(signal.SIGINT)
        said += live.stderr.read()
        (folder / f"{name}.txt").write_bytes(said)


def main(folder: Path) -> None:
    if stage.ON_STAGE not in os.environ:
        stage.PROGRAMS = (
            "unshare", "mount", "hostname", "ip", "ethtool", "iptables", "postfix", "swaks",
        )  # fmt: skip
        stage.enter(Path(__file__).resolve(), folder)
    stage.SCENERY = SCENERY
    stage.FILES = {
        name: content.replace("192.0.2.25", SERVER) for name, content in stage.FILES.items()
    }
    stage.build()
    with stage.postfix(), listening(folder, "client"), listening(folder, "mx", "ip netns exec mx"):
        play()
        time.sleep(2)


if __name__ == "__main__":
    if sys.argv[1] == "forward":
        forward(sys.argv[2])
    else:
        main(Path(sys.argv[1]).resolve())
