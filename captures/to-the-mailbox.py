#!/usr/bin/env python3
"""Records to-the-mailbox.pcapng: Dovecot takes a mail by LMTP, for one of two people.

See README.md.
"""

from stage import MAILBOXES, dovecot, record, run

SETTINGS = f"""{MAILBOXES}
mail_plugins = quota
service lmtp {{
  inet_listener lmtp {{
    address = 192.0.2.25
    port = 24
  }}
}}
plugin {{
  quota = maildir:User quota
  quota_rule = *:storage=1M
}}
"""
MAIL = r"""
swaks --server 192.0.2.25:24 --protocol LMTP --helo client.example.net
      --from carla@example.net --to anna@example.com,ben@example.com
      --header "Subject: To the mailbox" --body "Hello, you two"
"""


def deliver() -> None:
    run(MAIL)


if __name__ == "__main__":
    record(deliver, beside=[dovecot(SETTINGS)], needs=["dovecot"], packets="tcp port 24")
