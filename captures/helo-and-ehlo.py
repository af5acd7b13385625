#!/usr/bin/env python3
"""Records helo-and-ehlo.pcapng: the same mail with the old greeting and with the new.

See README.md.
"""

from stage import record, run

MAIL = r"""
swaks --server 192.0.2.25 --helo client.example.net --protocol {protocol}
      --from carla@example.net --to anna@example.com
      --header "Subject: {protocol} says hello" --body "Hello Anna"
"""


def send() -> None:
    for protocol in ("SMTP", "ESMTP"):
        run(MAIL.format(protocol=protocol))


if __name__ == "__main__":
    record(send)
