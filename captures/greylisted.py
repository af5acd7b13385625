#!/usr/bin/env python3
"""Records greylisted.pcapng: put off at first, taken at the second attempt. See README.md."""

import smtplib
import socketserver
import time
from typing import ClassVar

from stage import letter, record

AFTER = 5  # seconds; real servers want minutes
POLICY = ("127.0.0.1", 10023)
CONFIG = f"""
smtpd_recipient_restrictions = reject_unauth_destination,
    check_policy_service inet:{POLICY[0]}:{POLICY[1]}
"""


class Greylist(socketserver.StreamRequestHandler):
    """What Postfix asks for each recipient: a block of name=value lines, answered by an action."""

    first_seen: ClassVar[dict[tuple[str, ...], float]] = {}

    def handle(self) -> None:
        asked: dict[str, str] = {}
        for line in self.rfile:
            name, _, value = line.decode().strip().partition("=")
            if name:
                asked[name] = value
                continue
            self.wfile.write(f"action={self.decide(asked)}\n\n".encode())
            asked = {}

    def decide(self, asked: dict[str, str]) -> str:
        triple = (asked["client_address"], asked["sender"], asked["recipient"])
        first = self.first_seen.setdefault(triple, time.monotonic())
        if time.monotonic() - first >= AFTER:
            return "DUNNO"  # no objection
        return f"450 4.2.0 Greylisted, please come back in {AFTER} seconds"


def greylist() -> None:
    with socketserver.ThreadingTCPServer(POLICY, Greylist) as server:
        print("ready", flush=True)  # noqa: T201 (to the stage)
        server.serve_forever()


def send() -> None:
    mail = letter("First contact", "Hello Anna,\nwe have not met yet.\n")
    assert attempt(mail) == 450
    time.sleep(AFTER + 1)
    assert attempt(mail) == 250


def attempt(mail: object) -> int:
    """Tries once; the code that decided it."""
    with smtplib.SMTP("192.0.2.25", local_hostname="client.example.net") as server:
        try:
            server.send_message(mail)
        except smtplib.SMTPRecipientsRefused as refused:
            ((code, _),) = refused.recipients.values()
            return code
    return 250


if __name__ == "__main__":
    record(send, config=CONFIG, parts=[greylist])
