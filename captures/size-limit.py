#!/usr/bin/env python3
"""Records size-limit.pcapng: too large, told before the message is sent and after it.

See README.md.
"""

import smtplib
import time

from stage import letter, record

LIMIT = 2000  # octets; real servers take megabytes


def send() -> None:
    mail = letter("Holiday pictures", "Here is the first one:\n" + "0123456789 " * 6 * 40 + "\n")
    octets = mail.as_bytes()
    assert attempt(octets, [f"size={len(octets)}"]) == 552
    time.sleep(0.2)  # until the first connection is closed on both sides
    assert attempt(octets, []) == 552


def attempt(octets: bytes, parameters: list[str]) -> int:
    """Sends it, its size said before or not; the code that ended it."""
    with smtplib.SMTP("192.0.2.25", local_hostname="client.example.net") as server:
        server.ehlo()
        code, _ = server.mail("carla@example.net", parameters)
        if code == 250:
            server.rcpt("anna@example.com")
            code, _ = server.data(octets)
    return code


if __name__ == "__main__":
    record(send, config=f"message_size_limit = {LIMIT}\n")
