#!/usr/bin/env python3
"""Records lost-packets.pcapng: the line is dead while a message is sent. See README.md."""

import smtplib
import time

from stage import fault, letter, record

DEAD = "INPUT -p tcp --dport 25 -j DROP"
SECONDS = 3.5


def send() -> None:
    text = "".join(f"{number:4}: one more line of a long letter\n" for number in range(40))
    octets = letter("A long letter", text).as_bytes()
    with smtplib.SMTP("192.0.2.25", local_hostname="client.example.net") as server:
        server.ehlo()
        server.mail("carla@example.net")
        server.rcpt("anna@example.com")
        assert server.docmd("DATA")[0] == 354
        with fault(DEAD):
            server.send(octets + b".\r\n")
            time.sleep(SECONDS)
        assert server.getreply()[0] == 250


if __name__ == "__main__":
    record(send, needs=["iptables"])
