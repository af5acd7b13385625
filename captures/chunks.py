#!/usr/bin/env python3
"""Records chunks.pcapng: a message in two chunks by BDAT, no dot at its end. See README.md."""

import smtplib

from stage import letter, record


def send() -> None:
    mail = letter("Two pieces", "A line with a single dot is just a line here:\n.\nNothing ends.\n")
    octets = mail.as_bytes()
    with smtplib.SMTP("192.0.2.25", local_hostname="client.example.net") as server:
        server.ehlo()
        server.mail("carla@example.net")
        server.rcpt("anna@example.com")
        for piece, last in ((octets[:200], ""), (octets[200:], " LAST")):
            server.send(b"BDAT %d%s\r\n" % (len(piece), last.encode()) + piece)
            code, words = server.getreply()
            assert code == 250, words


if __name__ == "__main__":
    record(send)
