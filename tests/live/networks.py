"""Two hosts and a cable between, each in a network namespace, and programs that run there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

SMTPSNIFF = (sys.executable, "-m", "smtpsniff")
NEAR, FAR = "192.0.2.1", "192.0.2.25"
_numbers = count()


class Network:
    """Hosts `near` (192.0.2.1) and `far` (192.0.2.25), each with eth0 and lo."""

    def __init__(self) -> None:
        mark = f"smtpsniff-{os.getpid()}-{next(_numbers)}"
        self.near, self.far = f"{mark}-near", f"{mark}-far"

    def __enter__(self) -> Self:
        try:
            for name in (self.near, self.far):
                ip("netns", "add", name)
                ip("-n", name, "link", "set", "lo", "up")
            ip(
                "link",
                "add",
                "eth0",
                "netns",
                self.near,
                "type",
                "veth",
                "peer",
                "name",
                "eth0",
                "netns",
                self.far,
            )
            for name, address in ((self.near, NEAR), (self.far, FAR)):
                ip("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
                ip("-n", name, "link", "set", "eth0", "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in (self.near, self.far):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)

    @contextmanager
    def started(
        self, *words: object, at: str = "", stdin: int | None = None
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A program on a host, ended if it has not by then."""
        command = ["ip", "netns", "exec", at or self.near, *map(str, words)]
        with subprocess.Popen(
            command, 0, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=stdin
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    @contextmanager
    def listening(self, *words: object, at: str = "") -> Iterator[subprocess.Popen[bytes]]:
        """`smtpsniff live`, once it says that it listens."""
        with self.started(*SMTPSNIFF, "live", *words, at=at) as process:
            assert process.stderr is not None
            said = process.stderr.readline()
            assert b"listening on" in said, said + process.stderr.read()
            yield process

    def run(self, *words: object, at: str = "") -> str:
        """What a program says that must succeed."""
        command = ["ip", "netns", "exec", at or self.near, *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def python(self, code: str, *words: object, at: str = "") -> str:
        """What a few lines of Python say there."""
        return self.run(sys.executable, "-c", code, *words, at=at)


def sweep() -> None:
    """Take away the networks of test runs that were killed."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=False)
    for line in listed.stdout.splitlines():
        name = line.split()[0]
        parts = name.split("-")
        mine = len(parts) == 4 and parts[0] == "smtpsniff" and parts[1].isdecimal()
        if mine and not os.path.exists(f"/proc/{parts[1]}"):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stderr}"


def ended(
    process: subprocess.Popen[bytes], number: int | None = None
) -> tuple[int, list[Any], str]:
    """Interrupt a capture, if so asked; its status, its records, and what it said."""
    if number is not None:
        process.send_signal(number)
    out, err = process.communicate(timeout=60)
    return process.returncode, [json.loads(line) for line in out.splitlines()], err.decode()


# A mail from one side to a server on the other, both in one program: for networks of one host.
MAIL = """
import smtplib, socket, sys, threading
server = socket.create_server((sys.argv[1], 25))
def serve():
    connection, _ = server.accept()
    lines = connection.makefile("rb")
    def say(words):
        connection.sendall(words.encode() + b"\\r\\n")
    say("220 mx.example.com ESMTP")
    for line in lines:
        verb = line[:4].upper()
        if verb == b"EHLO":
            say("250 mx.example.com")
        elif b"nobody" in line:
            say("550 5.1.1 No such user here")
        elif verb == b"DATA":
            say("354 Go ahead")
            while next(lines) != b".\\r\\n":
                pass
            say("250 2.0.0 Ok: queued as 4ABC1D")
        elif verb == b"QUIT":
            say("221 2.0.0 Bye")
            break
        else:
            say("250 2.1.0 Ok")
    connection.close()
threading.Thread(target=serve).start()
client = smtplib.SMTP(sys.argv[1], local_hostname="client.example.net")
client.sendmail("carla@example.net", ["anna@example.com", *sys.argv[2:]], "From: carla@example.net\\r\\nDate: Mon, 23 Nov 2026 22:58:42 +0000\\r\\nMessage-ID: <1@example.net>\\r\\nSubject: Hi\\r\\n\\r\\nHello\\r\\n")
client.quit()
"""


# Frames of all kinds, by name: printed, or with a word sent.
FRAMES = """
import socket, struct, sys
def frame(kind, data):
    return bytes(6) + bytes(5) + b"\\1" + struct.pack(">H", kind) + data
def ipv4(protocol, payload, fragment=0):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, fragment, 64, protocol, 0, bytes(4), bytes(4))
    return head + payload
def ipv6(next_header, payload):
    return struct.pack(">IHBB", 6 << 28, len(payload), next_header, 64) + bytes(32) + payload
def tcp(port):
    return struct.pack(">HHIIBBHHH", 40000, port, 1, 1, 0x50, 2, 0, 0, 0)
def tagged(inner, kind=0x8100):
    return inner[:12] + struct.pack(">HH", kind, 7) + inner[12:]
mail = frame(0x0800, ipv4(6, tcp(25)))
frames = {
    "mail": mail,
    "mail from": frame(0x0800, ipv4(6, tcp(25)[2:4] + tcp(25)[:2] + tcp(25)[4:])),
    "web": frame(0x0800, ipv4(6, tcp(80))),
    "later fragment": frame(0x0800, ipv4(6, b"anything at all", 0x2000 | 185)),
    "fragment of UDP": frame(0x0800, ipv4(17, b"anything at all", 0x2000 | 185)),
    "UDP": frame(0x0800, ipv4(17, tcp(25))),
    "ICMP too big": frame(0x0800, ipv4(1, bytes([3, 4]) + bytes(30))),
    "ICMP echo": frame(0x0800, ipv4(1, bytes([8, 0]) + bytes(30))),
    "IPv6 mail": frame(0x86DD, ipv6(6, tcp(587))),
    "IPv6 web": frame(0x86DD, ipv6(6, tcp(443))),
    "IPv6 fragment": frame(0x86DD, ipv6(44, bytes(8) + b"anything")),
    "ICMPv6 too big": frame(0x86DD, ipv6(58, bytes([2, 0]) + bytes(40))),
    "ICMPv6 neighbour": frame(0x86DD, ipv6(58, bytes([135, 0]) + bytes(40))),
    "ARP": frame(0x0806, bytes(28)),
    "VLAN mail": tagged(mail),
    "VLAN web": tagged(frame(0x0800, ipv4(6, tcp(80)))),
    "two tags": tagged(tagged(mail), 0x88A8),
    "short": frame(0x0800, b"\\x45"),
}
if len(sys.argv) < 2:
    print("\\n".join(data.hex() + " " + name for name, data in frames.items()))
else:
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    out.bind(("eth0", 0))
    for data in frames.values():
        out.send(data)
"""
WANTED = {
    "mail", "mail from", "later fragment", "ICMP too big", "IPv6 mail", "IPv6 fragment",
    "ICMPv6 too big", "VLAN mail", "two tags",
}  # fmt: skip
