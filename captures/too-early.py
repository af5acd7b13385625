#!/usr/bin/env python3
"""Records too-early.pcapng: a client that talks before it is greeted. See README.md."""

import socket
from contextlib import suppress

from stage import FILES, record, run

# postscreen stands before Postfix: it waits a moment with the greeting, and hears who does not.
CONFIG = """
postscreen_greet_action = drop
postscreen_greet_wait = 2s
postscreen_access_list =
postscreen_dnsbl_sites =
"""
SERVICES = """
smtpd      pass       -  -  n  -    -  smtpd
dnsblog    unix       -  -  n  -    0  dnsblog
tlsproxy   unix       -  -  n  -    0  tlsproxy
"""
HASTY = (
    b"EHLO client.example.net\r\n"
    b"MAIL FROM:<carla@example.net>\r\n"
    b"RCPT TO:<anna@example.com>\r\n"
    b"DATA\r\n"
)
MAIL = r"""
swaks --server 192.0.2.25 --helo client.example.net
      --from carla@example.net --to anna@example.com
      --header "Subject: I can wait"
"""


def talk() -> None:
    with socket.create_connection(("192.0.2.25", 25), 10) as server:
        server.sendall(HASTY)
        # The server closes with words unread, which makes its system send a reset.
        with suppress(ConnectionResetError):
            while server.recv(1000):
                pass
    run(MAIL)


if __name__ == "__main__":
    FILES["postfix/master.cf"] = FILES["postfix/master.cf"].replace(
        "smtp       inet       n  -  n  -    -  smtpd",
        "smtp       inet       n  -  n  -    1  postscreen",
    )
    record(talk, config=CONFIG, services=SERVICES)
