#!/usr/bin/env python3
"""Records refused-recipient.pcapng: two mails in one session, the first to an unknown address.

The client is smtplib, since swaks sends one mail a session. See README.md.
"""

import smtplib
from datetime import UTC, datetime
from email.message import EmailMessage

from stage import record


def invoice(number: int, to: str) -> EmailMessage:
    mail = EmailMessage()
    mail["Date"] = datetime.now(UTC)
    mail["From"] = "Carla <billing@example.net>"
    mail["To"] = to
    mail["Subject"] = f"Invoice {number}"
    mail["Message-ID"] = f"<invoice.{number}@client.example.net>"
    mail.set_content("Thank you for your order. Please pay within 30 days.\n")
    return mail


def send_invoices() -> None:
    with smtplib.SMTP("192.0.2.25", local_hostname="client.example.net") as server:
        try:
            server.send_message(invoice(1041, "bne@example.com"))
        except smtplib.SMTPRecipientsRefused:
            pass  # goes on with the next, as a program with a list of addresses does
        else:
            raise SystemExit("the server knows bne@example.com")
        server.send_message(invoice(1042, "anna@example.com"))


if __name__ == "__main__":
    record(send_invoices)
