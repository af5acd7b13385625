"""Enhanced status codes: the `5.1.1` at the start of a reply's text, and what it says.

Class, subject and detail (RFC 3463). The class repeats the reply's first digit, so the table's
keys have an X in its place. Where large sites gave a number a meaning of their own, that meaning
holds only for them: SITE_CODES has it, and `site_of` tells whose reply it is.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import NamedTuple


class Enhanced(NamedTuple):
    code: str
    meaning: str
    advice: str
    """What an admin looks at; empty where the meaning says it."""
    reference: str


class SiteCode(NamedTuple):
    site: str
    codes: str
    """Codes as `matches` reads them, with blanks between."""
    meaning: str
    reference: str


_USER = "Check the address for typing mistakes; remove it if the person has left."
_TLS = "Look at the TLS settings of both sides."
_DMARC = "Look at SPF, DKIM and DMARC of the sender's domain, and at forwarding on the way."
_DNS = "Look at the routing and DNS of the recipient's domain."

_ROWS = (
    ("X.0.0", "Only the class is known: done, not now, or not at all.", "", "RFC 3463 3.1"),
    ("X.1.0", "Something about an address.", "Read the text.", "RFC 3463 3.2"),
    ("X.1.1", "There is no such mailbox.", _USER, "RFC 3463 3.2"),
    ("X.1.2", "There is no such domain or host.", _USER, "RFC 3463 3.2"),
    ("X.1.3", "The recipient's address is not written correctly.", _USER, "RFC 3463 3.2"),
    ("X.1.4", "The recipient's address fits more than one mailbox.", "", "RFC 3463 3.2"),
    ("X.1.5", "The recipient is valid.", "", "RFC 3463 3.2"),
    ("X.1.6", "The mailbox has moved, and mail is not forwarded.", _USER, "RFC 3463 3.2"),
    ("X.1.7", "The sender's address is not written correctly.", "", "RFC 3463 3.2"),
    (
        "X.1.8", "The sender's domain does not exist, or takes no replies.",
        "Give the sender's domain an MX or address record.", "RFC 3463 3.2",
    ),
    ("X.1.9", "Passed on to a system that sends no delivery reports.", "", "RFC 3886"),
    (
        "X.1.10", "The recipient's domain has declared that it takes no mail (null MX).",
        "Check the domain of the address.", "RFC 7505 4.2",
    ),
    ("X.2.0", "Something about the mailbox.", "Read the text.", "RFC 3463 3.3"),
    ("X.2.1", "The mailbox is switched off.", _USER, "RFC 3463 3.3"),
    ("X.2.2", "The mailbox is full.", "The recipient must make room.", "RFC 3463 3.3"),
    ("X.2.3", "The letter is too big for this mailbox.", "Send less at once.", "RFC 3463 3.3"),
    ("X.2.4", "The mailing list could not be expanded.", "", "RFC 3463 3.3"),
    ("X.3.0", "Something about the mail system.", "Look at its log.", "RFC 3463 3.4"),
    ("X.3.1", "The mail system's disk is full.", "The server's admin frees space.", "RFC 3463 3.4"),
    ("X.3.2", "The system takes no mail just now.", "Wait; then look at its log.", "RFC 3463 3.4"),
    ("X.3.3", "The system lacks a feature the letter needs.", "", "RFC 3463 3.4"),
    ("X.3.4", "The letter is too big for the system.", "Send less at once.", "RFC 3463 3.4"),
    (
        "X.3.5", "The system is not set up correctly.", "The server's admin reads its log.",
        "RFC 3463 3.4",
    ),
    ("X.3.6", "The priority asked for was changed.", "", "RFC 6710 9"),
    ("X.4.0", "Something about the network or the route.", _DNS, "RFC 3463 3.5"),
    ("X.4.1", "The next host did not answer.", _DNS, "RFC 3463 3.5"),
    ("X.4.2", "The connection broke or timed out.", "Look at the network.", "RFC 3463 3.5"),
    ("X.4.3", "A directory or name server did not answer.", _DNS, "RFC 3463 3.5"),
    ("X.4.4", "No route to the recipient's domain is known.", _DNS, "RFC 3463 3.5"),
    ("X.4.5", "The mail system is too busy.", "Wait.", "RFC 3463 3.5"),
    ("X.4.6", "The letter went in circles.", "Look at forwarding and MX records.", "RFC 3463 3.5"),
    ("X.4.7", "The letter grew too old in the queue.", "Look at why it waited.", "RFC 3463 3.5"),
    ("X.5.0", "Something about the dialogue.", "Read it line by line.", "RFC 3463 3.6"),
    ("X.5.1", "A wrong or unknown command, or one out of order.", "", "RFC 3463 3.6"),
    ("X.5.2", "The server cannot read the command.", "", "RFC 3463 3.6"),
    (
        "X.5.3", "Too many recipients for one letter.", "Send to fewer at once.", "RFC 3463 3.6",
    ),
    ("X.5.4", "The command's arguments are wrong.", "", "RFC 3463 3.6"),
    ("X.5.5", "The two sides speak different versions of the protocol.", "", "RFC 3463 3.6"),
    ("X.5.6", "A line of the login exchange is too long.", "", "RFC 4954 6"),
    ("X.6.0", "Something about the letter's content.", "Read the text.", "RFC 3463 3.7"),
    ("X.6.1", "The server does not take this kind of content.", "", "RFC 3463 3.7"),
    ("X.6.2", "The letter would have to be converted, which is forbidden.", "", "RFC 3463 3.7"),
    ("X.6.3", "The letter would have to be converted, which cannot be done.", "", "RFC 3463 3.7"),
    ("X.6.4", "The letter was converted, and something was lost.", "", "RFC 3463 3.7"),
    ("X.6.5", "Converting the letter failed.", "", "RFC 3463 3.7"),
    ("X.6.6", "The letter could not be fetched from where BURL pointed.", "", "RFC 4468 4"),
    ("X.6.7", "An address beyond ASCII is not allowed here.", "", "RFC 6531 3.5"),
    ("X.6.8", "The reply would need UTF-8, which the client did not allow.", "", "RFC 6531 3.5"),
    ("X.6.9", "A header beyond ASCII cannot be passed on.", "", "RFC 6531 3.5"),
    ("X.6.10", "A header beyond ASCII cannot be passed on.", "", "RFC 6531 3.5"),
    ("X.7.0", "Security or local rules, without saying which.", "Read the text.", "RFC 3463 3.8"),
    ("X.7.1", "Refused by local rules.", "Ask the other side, with its words.", "RFC 3463 3.8"),
    ("X.7.2", "The sender may not write to this list.", "", "RFC 3463 3.8"),
    ("X.7.3", "The letter cannot be made secure the way that is asked.", "", "RFC 3463 3.8"),
    ("X.7.4", "A security feature the letter needs is missing.", "", "RFC 3463 3.8"),
    ("X.7.5", "Encrypting or decrypting failed.", "", "RFC 3463 3.8"),
    ("X.7.6", "The encryption method is not known here.", "", "RFC 3463 3.8"),
    ("X.7.7", "The letter was changed on the way.", "", "RFC 3463 3.8"),
    ("X.7.8", "User name or password is wrong.", "Check the client's login.", "RFC 4954 6"),
    ("X.7.9", "This way to log in is too weak.", "Choose another mechanism.", "RFC 4954 6"),
    ("X.7.10", "Encryption is needed first.", _TLS, "RFC 5248 3"),
    ("X.7.11", "This way to log in needs encryption.", _TLS, "RFC 4954 6"),
    ("X.7.12", "The password must be set anew for this mechanism.", "", "RFC 4954 6"),
    ("X.7.13", "The account is switched off.", "The server's admin opens it.", "RFC 5248 3"),
    ("X.7.14", "The two systems do not trust each other yet.", "", "RFC 5248 3"),
    ("X.7.15", "The letter's priority is too low to be taken now.", "", "RFC 6710 9"),
    ("X.7.16", "The letter is too big for its priority.", "", "RFC 6710 9"),
    ("X.7.17", "The mailbox has a new owner since the date given.", _USER, "RFC 7293 14"),
    ("X.7.18", "The domain has a new owner since the date given.", _USER, "RFC 7293 14"),
    ("X.7.19", "Whether the owner has changed cannot be told.", "", "RFC 7293 14"),
    ("X.7.20", "No DKIM signature holds.", _DMARC, "RFC 7372 3.1"),
    ("X.7.21", "No DKIM signature is one the server accepts.", _DMARC, "RFC 7372 3.1"),
    ("X.7.22", "No DKIM signature is of the author's domain.", _DMARC, "RFC 7372 3.1"),
    ("X.7.23", "SPF does not allow this host for the sender's domain.", _DMARC, "RFC 7372 3.2"),
    ("X.7.24", "SPF could not be checked.", _DMARC, "RFC 7372 3.2"),
    (
        "X.7.25", "The client's address has no proper name in DNS.",
        "Set a PTR record, and an address record that points back.", "RFC 7372 3.3",
    ),
    ("X.7.26", "Several checks of the sender's identity failed.", _DMARC, "RFC 7372 3.4"),
    (
        "X.7.27", "The sender's domain has declared that it takes no mail (null MX).",
        "Use a sender address that can be answered.", "RFC 7505 4.2",
    ),
    ("X.7.28", "Too much mail at once.", "Send slower.", "IANA registry"),
    ("X.7.29", "The chain of ARC seals is broken.", _DMARC, "RFC 8617 13"),
    ("X.7.30", "The letter insists on TLS, which the next host cannot give.", _TLS, "RFC 8689 7"),
)  # fmt: skip

ENHANCED: dict[str, Enhanced] = {row[0]: Enhanced(*row) for row in _ROWS}

_GMAIL = "Google Workspace help, SMTP errors and codes"
_MICROSOFT = "Exchange Online help, NDR error codes"
_OUTLOOK = "Outlook.com postmaster pages"
_YAHOO = "Yahoo sender hub, SMTP error codes"
_POSTFIX = "Postfix anvil(8)"

_SITE_ROWS = tuple(
    SiteCode(*row)
    for row in (
        (
            "gmail", "4.7.0", "Too much unwanted mail from this address, or TLS is required, or"
            " try later: the text says which.", _GMAIL,
        ),
        ("gmail", "X.7.23", "The client's address has no PTR record that fits its name.", _GMAIL),
        ("gmail", "X.7.25", "The client's address has no PTR record.", _GMAIL),
        (
            "gmail", "X.7.26", "The letter is not authenticated: neither SPF nor DKIM holds, or"
            " DMARC failed.", _GMAIL,
        ),
        ("gmail", "X.7.27", "SPF does not pass for this letter.", _GMAIL),
        (
            "gmail", "X.7.28", "Unusual amounts of mail from this address, network, DKIM or SPF"
            " domain, or with this link.", _GMAIL,
        ),
        ("gmail", "X.7.29", "The letter did not come over TLS.", _GMAIL),
        ("gmail", "X.7.30", "DKIM does not pass for this letter.", _GMAIL),
        ("gmail", "X.7.31 X.7.40", "The From domain has no DMARC record or policy.", _GMAIL),
        ("gmail", "X.7.32", "The From domain is not the one that SPF or DKIM vouch for.", _GMAIL),
        ("gmail", "4.2.1", "The mailbox receives mail faster than Gmail allows.", _GMAIL),
        ("gmail", "5.2.1", "The account is switched off, or receives too much.", _GMAIL),
        ("gmail", "X.2.2", "The mailbox is full.", _GMAIL),
        (
            "gmail", "4.5.0", "The client broke the protocol, such as by sending commands"
            " together with STARTTLS.", _GMAIL,
        ),
        ("gmail", "5.7.0", "STARTTLS or a login is needed first, or the content is blocked.",
         _GMAIL),
        ("gmail", "5.4.5", "The account's daily limit for sending is reached.", _GMAIL),
        ("gmail", "4.4.5", "Gmail is too busy.", _GMAIL),
        ("gmail", "4.4.2", "The client was silent for too long.", _GMAIL),
        ("gmail", "4.5.3", "Too many recipients, or too large for the domain's rules.", _GMAIL),
        ("microsoft", "4.7.650", "Slowed down because of the address' reputation.", _OUTLOOK),
        ("microsoft", "4.7.500-699 4.7.850-899", "The traffic looks suspicious and is slowed down.",
         _MICROSOFT),
        ("microsoft", "5.7.606-649 5.7.511", "The client's address is banned.", _MICROSOFT),
        (
            "microsoft", "5.7.1", "Refused by rules; with (S3140) or (S3150) in the text, the"
            " network is on the block list of Outlook.com.", _OUTLOOK,
        ),
        ("microsoft", "5.7.515", "The domain does not meet the rules for bulk senders: SPF, DKIM"
         " and DMARC must pass.", _MICROSOFT),
        ("microsoft", "5.7.509", "DMARC does not pass, and its policy is to reject.", _MICROSOFT),
        ("microsoft", "5.7.23", "SPF does not pass for this letter.", _MICROSOFT),
        ("microsoft", "5.7.25", "The client's IPv6 address has no PTR record.", _MICROSOFT),
        (
            "microsoft", "5.7.64", "The letter belongs to no tenant that may send here (relaying"
            " refused).", _MICROSOFT,
        ),
        ("microsoft", "5.4.1", "The edge refused the recipient: not known, or relaying.",
         _MICROSOFT),
        ("microsoft", "5.1.10", "The recipient was not found.", _MICROSOFT),
        ("microsoft", "5.7.3", "The login was not successful.", _MICROSOFT),
        ("microsoft", "5.7.139", "Login over SMTP is switched off.", _MICROSOFT),
        ("microsoft", "5.7.57", "The client has not logged in.", _MICROSOFT),
        ("microsoft", "5.7.30", "Login by plain password is no longer offered.", _MICROSOFT),
        ("microsoft", "4.3.2", "Too many connections, or too many letters to one mailbox at once.",
         _MICROSOFT),
        ("microsoft", "X.7.321", "The next host does not offer STARTTLS.", _MICROSOFT),
        ("microsoft", "X.7.322", "The next host's certificate has expired.", _MICROSOFT),
        ("microsoft", "X.7.323", "The next host's TLSA record does not fit.", _MICROSOFT),
        ("microsoft", "X.7.324", "DNSSEC of the next domain is broken.", _MICROSOFT),
        ("microsoft", "X.7.325", "The next host's certificate has another name.", _MICROSOFT),
        ("microsoft", "5.6.11", "The letter has line feeds without a carriage return.", _MICROSOFT),
        (
            "microsoft", "5.7.501-503 5.7.705-708 5.7.750",
            "The sending account or tenant is blocked.", _MICROSOFT,
        ),
        (
            "yahoo", "4.7.0", "Put off because of complaints or unusual amounts; the [TS…] in the"
            " text says how hard.", _YAHOO,
        ),
        ("postfix", "4.7.0 4.7.1", "If the text says too many or too much: connections, letters,"
         " recipients or TLS sessions come faster than the server allows.", _POSTFIX),
    )
)  # fmt: skip


def _by_site() -> dict[str, tuple[SiteCode, ...]]:
    sites = dict.fromkeys(row.site for row in _SITE_ROWS)
    return {site: tuple(row for row in _SITE_ROWS if row.site == site) for site in sites}


SITE_CODES: dict[str, tuple[SiteCode, ...]] = _by_site()
"""What large sites mean by codes of their own; the first row that matches holds."""


def matches(pattern: str, code: str) -> bool:
    """Whether a code fits a pattern, part by part: `X` is anything, `500-699` a range."""
    wanted, given = pattern.split("."), code.split(".")
    return len(wanted) == len(given) and all(map(_part_matches, wanted, given))


def _part_matches(wanted: str, given: str) -> bool:
    low, dash, high = wanted.partition("-")
    return wanted in ("X", given) or bool(dash and int(low) <= int(given) <= int(high))


@cache
def _grammar() -> re.Pattern[str]:
    # RFC 2034 4, RFC 3463 2: class "." subject "." detail, no leading zeros, then a blank.
    # 0 / [1-9][0-9]{0,2} for both numbers.
    return re.compile(r"[245]\.(?:0|[1-9][0-9]{0,2})\.(?:0|[1-9][0-9]{0,2})(?= |\Z)")


def parse_enhanced(text: str) -> str | None:
    """The enhanced code that a reply's text begins with, if it does."""
    if text[1:2] != "." or text[0] not in "245":
        return None
    found = _grammar().match(text)
    return found[0] if found else None


# How a site's greeting looks. A host name counts here, where a server tells its own.
_GREETS = {
    "gmail": r"\bgsmtp\b|[\w-]\.google\.com\b",
    "microsoft": r"\.outlook\.com\b|\boutlook\.office365\.com\b|\bolcpublish\b",
    "yahoo": r"\.yahoo\.com\b|\.yahoodns\.net\b|\.aol\.com\b",
    "postfix": r"\bpostfix\b",
}
# How its other replies look, after a word that any of them must have (cheap to look for). A text
# may name some other site's host, such as that of the client it refuses: only what the site
# itself adds counts. Microsoft signs with its host in brackets.
_SAYS = (
    ("gmail", "gsmtp", r"\bgsmtp\b"),
    ("gmail", "//support.google.com/", ""),
    ("microsoft", ".outlook.com", r"\[[\w.-]+\.outlook\.com\b"),
    ("microsoft", "olcpublish", ""),
    ("microsoft", "(as", r"\(as[0-9]+\)"),
    ("microsoft", "as(", r"\bas\([0-9]+\)"),
    ("microsoft", "(s", r"\(s[0-9]{3,}\)"),
    ("yahoo", "[ts", r"\[ts[su]?[0-9]+\]"),
)


@lru_cache(1024)
def _site_of_greeting(greeting: str) -> str | None:
    return next((site for site, looks in _GREETS.items() if re.search(looks, greeting)), None)


def site_of(text: str, greeting: str = "") -> str | None:
    """Whose server says this: `gmail`, `microsoft`, `yahoo`, `postfix`; None if not known."""
    if greeting and (site := _site_of_greeting(greeting.lower())):
        return site
    text = text.lower()
    for site, word, looks in _SAYS:
        if word in text and re.search(looks, text):
            return site
    return None


def meaning(code: str, site: str | None = None) -> str | None:
    """What an enhanced code means in plain words, at this site if one is given.

    A detail that nobody has registered means no more than its subject (RFC 3463 2).
    """
    for row in SITE_CODES.get(site or "", ()):
        if any(matches(pattern, code) for pattern in row.codes.split()):
            return row.meaning
    _, dot, rest = code.partition(".")
    row_ = ENHANCED.get(f"X.{rest}") or ENHANCED.get(f"X.{rest.partition('.')[0]}.0")
    return row_.meaning if dot and row_ else None


def site_meanings(code: str) -> list[SiteCode]:
    """Every site that gives this code, or any class of it (`X.7.27`), a meaning of its own."""
    anyclass = code.startswith("X.")
    return [
        row
        for row in _SITE_ROWS
        if any(
            matches(pattern, code) or (anyclass and matches("X" + pattern[1:], code))
            for pattern in row.codes.split()
        )
    ]
