#!/usr/bin/env python3
"""Records starttls.pcapng: the same mail in clear, and encrypted; with the keys. See README.md."""

import shutil
import smtplib
import ssl
import sys
from pathlib import Path

from stage import HOME, TLS, TLS_SERVICE, identify, letter, record


def send() -> None:
    identify()
    context = ssl.create_default_context(cafile=str(HOME / "certificate.pem"))
    context.keylog_filename = str(HOME / "keys")
    for encrypted in (False, True):
        with smtplib.SMTP("mx.example.com", local_hostname="client.example.net") as server:
            server.ehlo()
            if encrypted:
                server.starttls(context=context)
                server.ehlo()
            server.send_message(letter("A secret", "The key is under the third flowerpot.\n"))
    shutil.copy(HOME / "keys", Path(sys.argv[1]).with_suffix(".keys"))


if __name__ == "__main__":
    record(send, config=TLS, services=TLS_SERVICE, needs=["openssl"])
