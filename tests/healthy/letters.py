"""Letters as good programs write them."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.utils import make_msgid

SENDER = "anna@client.example"


def letter(
    to: str, text: str = "Are you free for lunch?\n", subject: str = "lunch"
) -> EmailMessage:
    """A mail with all that belongs to it."""
    mail = EmailMessage()
    mail["Date"] = datetime.now(UTC)
    mail["From"] = f"Anna <{SENDER}>"
    mail["To"] = to
    mail["Subject"] = subject
    mail["Message-ID"] = make_msgid(domain="client.example")
    mail.set_content(text)
    return mail


def large(to: str, octets: int) -> EmailMessage:
    """A mail with an attachment of so many octets, that no encoding makes shorter."""
    mail = letter(to, "See the attachment.\n.\n..\n.hidden\n", "photos")
    data = random.Random(octets).randbytes(octets)
    mail.add_attachment(data, maintype="application", subtype="octet-stream", filename="p.bin")
    return mail


def wire_form(mail: EmailMessage) -> bytes:
    """Octets with the line ends of the wire; smtplib leaves those of octets alone."""
    return mail.as_bytes(policy=policy.SMTP)
