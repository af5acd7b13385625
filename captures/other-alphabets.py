#!/usr/bin/env python3
"""Records other-alphabets.pcapng: letters beyond ASCII in a message, and in an address.

See README.md.
"""

import smtplib

from stage import letter, record

CONFIG = """
smtputf8_enable = yes
local_recipient_maps = inline:{ { anna = here } { jörg = here } }
"""


def send() -> None:
    text = "Grüße aus Kraków\n"
    with smtplib.SMTP("192.0.2.25", local_hostname="client.example.net") as server:
        mail = letter("Greetings", "")
        mail.set_content(text, cte="8bit")
        server.send_message(mail, mail_options=["BODY=8BITMIME"])
    with smtplib.SMTP("192.0.2.25", local_hostname="client.example.net") as server:
        mail = letter("Greetings again", "", to="jörg@example.com")
        mail.set_content(text, cte="8bit")
        server.send_message(mail)


if __name__ == "__main__":
    record(send, config=CONFIG)
