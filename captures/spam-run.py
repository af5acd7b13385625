#!/usr/bin/env python3
"""Records spam-run.pcapng: somebody tries addresses one by one. See README.md."""

import smtplib

from stage import record

NAMES = (
    ("adam", "admin", "alice", "andy"),
    ("anna", "bert", "bill", "bob"),
    ("carl", "chris", "dave", "dora"),
)


def harvest() -> None:
    for names in NAMES:
        with smtplib.SMTP("192.0.2.25", local_hostname="friend.example.net") as server:
            server.ehlo()
            server.mail("win@example.net")
            for name in names:
                server.rcpt(f"{name}@example.com")


if __name__ == "__main__":
    record(harvest)
