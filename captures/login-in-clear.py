#!/usr/bin/env python3
"""Records login-in-clear.pcapng: three logins without encryption, one of them wrong.

See README.md.
"""

from stage import HOME, dovecot, record, run

SOCKET = HOME / "queue" / "private" / "auth"
CONFIG = """
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
"""
DOVECOT = f"""
protocols =
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5
service auth {{
  unix_listener {SOCKET} {{
    mode = 0666
  }}
}}
"""
MAIL = r"""
swaks --server 192.0.2.25 --helo client.example.net --auth {method}
      --auth-user anna --auth-password {password!r}
      --from anna@example.com --to ben@example.com
      --header "Subject: Sent after {method}" {more}
"""
LOGIN_FAILED = 28  # of swaks


def log_in() -> None:
    run(
        MAIL.format(method="PLAIN", password="battery horse", more="--quit-after auth"),
        LOGIN_FAILED,
    )
    run(MAIL.format(method="LOGIN", password="correct horse", more=""))
    run(MAIL.format(method="CRAM-MD5", password="correct horse", more="--quit-after auth"))


if __name__ == "__main__":
    record(log_in, config=CONFIG, beside=[dovecot(DOVECOT, SOCKET)], needs=["dovecot"])
