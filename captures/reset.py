#!/usr/bin/env python3
"""Records reset.pcapng: a firewall tears the connection down within the message. See README.md."""

import smtplib

from stage import fault, letter, record

TEAR = "INPUT -p tcp --dport 25 -j REJECT --reject-with tcp-reset"


def send() -> None:
    server = smtplib.SMTP("192.0.2.25", local_hostname="client.example.net")
    server.ehlo()
    server.mail("carla@example.net")
    server.rcpt("anna@example.com")
    assert server.docmd("DATA")[0] == 354
    server.send(letter("Half a letter", "Hello Anna,\n").as_bytes())
    with fault(TEAR):
        server.send(b"this line is the first that does not arrive.\r\n.\r\n")
        try:
            server.getreply()
        except (smtplib.SMTPServerDisconnected, ConnectionError):
            return
    raise SystemExit("nobody tore the connection down")


if __name__ == "__main__":
    record(send, needs=["iptables"])
