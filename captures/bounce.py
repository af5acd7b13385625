#!/usr/bin/env python3
"""Records bounce.pcapng: accepted first, returned later, from nobody. See README.md."""

import subprocess
import time

from stage import HOME, MAILBOXES, dovecot, record, run

# Postfix takes mail for anybody at example.com and asks only afterwards who has a mailbox.
CONFIG = """
local_recipient_maps =
local_transport = lmtp:inet:127.0.0.1:24
default_transport = smtp:[192.0.2.1]
smtp_host_lookup = native
disable_dns_lookups = yes
smtp_tls_security_level = none
"""
SERVICES = """
lmtp       unix       -  -  n  -    -  lmtp
smtp       unix       -  -  n  -    -  smtp
trace      unix       -  -  n  -    0  bounce
"""
INNER = f"""{MAILBOXES}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = 24
  }}
}}
"""
MAIL = r"""
swaks --server 192.0.2.25 --helo client.example.net
      --from carla@example.net --to bne@example.com
      --header "Subject: Are you there?" --body "Hello Ben"
"""


def send() -> None:
    """The client's own mail server is smtp-sink, which comes with Postfix and takes everything."""
    log = (HOME / "sink").open("wb")
    with subprocess.Popen(
        ["smtp-sink", "-u", "nobody", "-h", "client.example.net", "192.0.2.1:25", "10"], stderr=log
    ) as sink:
        try:
            run(MAIL)
            time.sleep(3)  # until the bounce has come
        finally:
            sink.kill()


if __name__ == "__main__":
    record(
        send,
        config=CONFIG,
        services=SERVICES,
        beside=[dovecot(INNER)],
        needs=["dovecot", "smtp-sink"],
    )
