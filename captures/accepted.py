#!/usr/bin/env python3
"""Records accepted.pcapng: swaks hands one mail to Postfix. See README.md."""

from stage import record, run

MAIL = r"""
swaks --server 192.0.2.25 --helo client.example.net
      --from carla@example.net --to anna@example.com
      --header "Subject: Lunch on Thursday?"
      --body "Hello Anna,\n\nshall we meet at noon, at the usual place?\n\nCarla"
"""

if __name__ == "__main__":
    record(lambda: run(MAIL))
