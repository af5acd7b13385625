#!/usr/bin/env python3
"""Records slow-server.pcapng: two sessions that take long, one by the server's fault.

See README.md.
"""

import smtplib
import time

from stage import letter, record, run

CONFIG = """
smtpd_recipient_restrictions = reject_unauth_destination,
    check_recipient_access inline:{ { anna@example.com = waiting } }
smtpd_restriction_classes = waiting
waiting = sleep 7
"""


def send() -> None:
    run(
        "swaks --server 192.0.2.25 --helo client.example.net --from carla@example.net"
        " --to anna@example.com --header 'Subject: To the slow one'"
    )
    with smtplib.SMTP("192.0.2.25", local_hostname="client.example.net") as server:
        server.ehlo()
        server.mail("carla@example.net")
        server.rcpt("ben@example.com")
        time.sleep(7)
        server.data(letter("From the slow one", "Hello Ben\n", "ben@example.com").as_bytes())


if __name__ == "__main__":
    record(send, config=CONFIG)
