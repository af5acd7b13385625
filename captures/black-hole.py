#!/usr/bin/env python3
"""Records black-hole.pcapng: small packets arrive, large ones vanish, nobody says so.

See README.md.
"""

import socket

from stage import fault, letter, record

# As in a tunnel that takes 1,400 octets, with a firewall that drops the ICMP messages about it.
VANISH = "INPUT -p tcp --dport 25 -m length --length 1401: -j DROP"
PATIENCE = 8  # seconds; real clients wait ten minutes

COMMANDS = (
    "EHLO client.example.net",
    "MAIL FROM:<carla@example.net>",
    "RCPT TO:<anna@example.com>",
    "DATA",
)


def send() -> None:
    text = "".join(f"{number:4}: here is one more line of a letter\n" for number in range(60))
    octets = letter("Does this fit", text).as_bytes()
    with fault(VANISH), socket.create_connection(("192.0.2.25", 25), 10) as server:
        replies = server.makefile("rb")
        replies.readline()
        for command in COMMANDS:
            server.sendall(command.encode() + b"\r\n")
            while replies.readline()[3:4] == b"-":
                pass
        server.sendall(octets + b".\r\n")
        server.settimeout(PATIENCE)
        try:
            raise SystemExit(f"there was an answer: {server.recv(100)!r}")
        except TimeoutError:
            pass  # gives up, as a client does in the end


if __name__ == "__main__":
    record(send, needs=["iptables"])
