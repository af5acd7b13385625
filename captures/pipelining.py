#!/usr/bin/env python3
"""Records pipelining.pcapng: swaks sends several commands at once. See README.md."""

from stage import record, run

MAIL = r"""
swaks --server 192.0.2.25 --helo client.example.net --pipeline
      --from carla@example.net --to anna@example.com,bne@example.com,ben@example.com
      --header "Subject: Minutes of Monday" --body "Attached to the next mail."
"""

if __name__ == "__main__":
    record(lambda: run(MAIL))
