"""What the labels of records mean, in words: how sessions end, what becomes of mails."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ENDED", "GROUPS", "OUTCOMES", "RECIPIENTS", "STARTTLS", "Outcome"]


class Outcome(NamedTuple):
    """What became of a session's mails, as far as the wire shows."""

    meaning: str
    advice: str
    style: str
    """The word's colour; the word itself says it too."""


OUTCOMES: dict[str, Outcome] = {
    "delivered": Outcome(
        "The server accepted every mail for every recipient. What it did with them afterwards"
        " is not on this wire.",
        "Look for the queue id in the server's log if the mail still does not arrive.",
        "good",
    ),
    "partial": Outcome(
        "The server accepted the mail for some of its recipients only.",
        "Read what it said to the others; the sender must act for those alone.",
        "warning",
    ),
    "deferred": Outcome(
        "The server said: not now (4yz). The sender keeps the mail and tries again.",
        "See whether a later session brings it through; greylisting and rate limits end so.",
        "warning",
    ),
    "rejected": Outcome(
        "The server said no, for good (5yz). The sender gets a bounce.",
        "Read the server's words; `smtpsniff explain` knows most of its codes.",
        "error",
    ),
    "ambiguous": Outcome(
        "The message was sent whole, but the server's answer was not seen, so nobody can tell"
        " whether it has it.",
        "Look in the server's log. The sender will send it again: a duplicate may arrive.",
        "warning",
    ),
    "aborted": Outcome(
        "The client gave up, or the connection broke, before the mail was sent whole.",
        "See who closed or reset the connection, and after how long a wait.",
        "warning",
    ),
    "unreachable": Outcome(
        "The server did not answer at all.",
        "Is it up? Does a firewall drop port 25 on the way? Many networks block it.",
        "error",
    ),
    "refused": Outcome(
        "The server refused the connection, or turned the client away in its greeting.",
        "Read the greeting. A reset at the SYN means that nothing listens there.",
        "error",
    ),
    "opaque": Outcome(
        "The session went on inside TLS, which is not opened here.",
        "Capture with the keys of one side, or read the server's log.",
        "note",
    ),
    "no-mail": Outcome(
        "No mail was sent: the client looked, logged in or left.",
        "Monitoring and port scans look like this; so do clients that are put off early.",
        "note",
    ),
    "unknown": Outcome(
        "What became of the mail cannot be seen: part of the session is not in the capture.",
        "Capture both directions, from before the connection begins.",
        "note",
    ),
}  # fmt: skip

RECIPIENTS: dict[str, str] = {
    "accepted": "The server took the mail for this recipient.",
    "deferred": "The server put this recipient off (4yz); the sender tries again.",
    "rejected": "The server refused this recipient for good (5yz).",
    "abandoned": "The recipient was named, but the mail was never sent.",
    "unknown": "What became of it cannot be seen.",
}

ENDED: dict[str, str] = {
    "quit-clean": "The client said QUIT and the server answered.",
    "quit-no-221": "The client said QUIT, and the connection closed without an answer.",
    "server-421": "The server gave up with 421 and closed.",
    "server-close": "The server closed the connection without a word.",
    "client-close": "The client closed the connection, and no QUIT was seen.",
    "rst-by-client": "The client reset the connection.",
    "rst-by-server": "The server reset the connection.",
    "rst-suspect-injected": "A reset ended it that may come from something in between.",
    "idle-expired": "Nothing more was sent for six minutes or longer.",
    "refused": "The server's host refused the connection.",
    "unreachable": "The server never answered.",
    "capture-ended": "The capture ends before the session does.",
}

STARTTLS: dict[str, str] = {
    "not-offered": "not offered",
    "unused": "offered, not used",
    "refused": "asked for, refused by the server",
    "failed": "asked for, and could not be set up",
    "completed": "in use",
    "completed-in-clear": "in use, opened on the way to the tap",
    "fallback": "could not be set up; the client went on in clear text",
}

# Groups of checks: what they look at.
GROUPS: dict[str, str] = {
    "tcp": "The connection itself: whether it opens, what is lost, who tears it down.",
    "timing": "Who took how long.",
    "security": "Attacks, probes, and what somebody on the way has changed.",
    "reply": "What servers answer, and in which form.",
    "smtp-sequence": "Commands and replies in their order.",
    "smtp-syntax": "Commands and addresses letter by letter.",
    "extension": "What the server offers and the client uses of it.",
    "message": "The message: its lines, its end, its header.",
    "tls": "Encryption.",
    "auth": "Logins.",
    "delivery": "What became of the mail, and why.",
}
