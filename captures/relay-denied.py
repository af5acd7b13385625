#!/usr/bin/env python3
"""Records relay-denied.pcapng: Postfix is asked to forward mail to somebody else's domain.

See README.md.
"""

from stage import record, run

CONFIG = """
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
"""
MAIL = r"""
swaks --server 192.0.2.25 --helo client.example.net
      --from carla@example.net --to dora@example.org
      --header "Subject: Please pass this on"
"""
NO_RECIPIENT = 24  # of swaks: all were refused

if __name__ == "__main__":
    record(lambda: run(MAIL, NO_RECIPIENT), config=CONFIG)
