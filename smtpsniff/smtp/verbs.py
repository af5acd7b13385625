"""The commands of SMTP and its relatives: what each asks, and which replies answer it.

Rules of this file: one row a verb, nothing about sessions. Which replies fit is RFC 5321 section
4.3.2 and the extension RFCs, with what servers do in practice beside it. Clients must act on the
first digit alone, so a code may be *illegal* (its class means nothing after this verb, an error)
or merely *unlisted* (nobody expects it, a note).

The rows in angle brackets are not verbs: they stand for what else a server answers, so that every
reply answers some row.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple

Fit = Literal["positive", "listed", "common", "universal", "unlisted", "illegal"]


class Verb(NamedTuple):
    name: str
    summary: str
    """What the client asks, one plain sentence."""
    syntax: str
    positive: frozenset[int]
    """Replies that mean yes, or go on."""
    listed: frozenset[int]
    """Refusals RFC 5321 4.3.2 lists for it."""
    common: frozenset[int]
    """Replies that extensions add, or that servers are known to give."""
    illegal: tuple[str, ...]
    """First digits of codes that cannot answer it, unless a set above has the code."""
    barrier: bool
    """What the client's next bytes mean depends on the reply, so they wait for it. BDAT is one
    only where CHUNKING was not offered: its size is in the command."""
    last_in_group: bool
    """A pipelining client must wait for the reply (RFC 2920 3.1). AUTH with an initial response
    that needs no second round is the one exception (RFC 4954 4)."""
    keyword: str | None
    """EHLO keyword that the server must have offered."""
    example: tuple[str, ...]
    """Two to six lines, each beginning with `C: ` or `S: `."""
    reference: str


def _codes(spec: str) -> frozenset[int]:
    """`"250 5yz"` is 250 and every code that begins with 5."""
    found: set[int] = set()
    for word in spec.split():
        first = int(word.replace("yz", "00"))
        found.update(range(first, first + 100) if word.endswith("yz") else (first,))
    return frozenset(found)


def _verb(
    name: str,
    summary: str,
    syntax: str,
    example: str,
    reference: str,
    *,
    yes: str = "250",
    listed: str = "",
    common: str = "",
    illegal: str = "3",
    barrier: bool = False,
    last: bool = True,  # RFC 2920: an extension verb that says nothing else ends a group
    keyword: str | None = None,
) -> Verb:
    return Verb(
        name, summary, syntax, _codes(yes), _codes(listed), _codes(common), tuple(illegal.split()),
        barrier, last, keyword, tuple(example.split("\n")), reference,
    )  # fmt: skip


# What a host that wants no mail from this client says at connect; XCLIENT answers like a connect.
_REFUSED_AT_CONNECT = "421 450 451 521 550 553 571"
_MAIL_NO = "552 451 452 550 553 503 455 555"
_MAIL_TOO = "421 450 501 530 554"
_AUTH_NO = "421 432 454 500 501 503 504 530 534 535 538 550"

_ROWS = (
    _verb(
        "EHLO", "The client introduces itself and asks which extensions the server has.",
        "EHLO domain-or-[address]",
        "C: EHLO mail.example.org\nS: 250-mx.example.net\nS: 250-SIZE 10240000\nS: 250 PIPELINING",
        "RFC 5321 4.1.1.1",
        listed="504 550 502", common="421 450 451 503 530 554", illegal="2 3",
    ),
    _verb(
        "HELO", "The client introduces itself the old way, without extensions.",
        "HELO domain", "C: HELO mail.example.org\nS: 250 mx.example.net", "RFC 5321 4.1.1.1",
        listed="504 550 502", common="421 450 451 503 530 554", illegal="2 3",
    ),
    _verb(
        "LHLO", "The greeting of LMTP, the variant for the last step into a mailbox.",
        "LHLO domain",
        "C: LHLO mail.example.org\nS: 250-store.example.net\nS: 250-PIPELINING\n"
        "S: 250 ENHANCEDSTATUSCODES",
        "RFC 2033 4.1",
        listed="504 550 502", common="421 450 451 503 530 554", illegal="2 3",
    ),
    _verb(
        "MAIL", "Starts a mail and names the address that bounces go back to.",
        "MAIL FROM:<address> [parameters]",
        "C: MAIL FROM:<anna@example.org> SIZE=1234\nS: 250 2.1.0 Ok", "RFC 5321 4.1.1.2",
        listed=_MAIL_NO, common=_MAIL_TOO, last=False,
    ),
    _verb(
        "RCPT", "Names one recipient; once for each.",
        "RCPT TO:<address> [parameters]",
        "C: RCPT TO:<bob@example.net>\nS: 250 2.1.5 Ok\n"
        "C: RCPT TO:<nobody@example.net>\nS: 550 5.1.1 User unknown",
        "RFC 5321 4.1.1.3",
        yes="250 251", listed="550 551 552 553 450 451 452 503 455 555",
        common="252 421 530 554 556", last=False,
    ),
    _verb(
        "DATA", "Asks to send the letter itself; a line with one dot ends it.",
        "DATA",
        "C: DATA\nS: 354 End data with <CR><LF>.<CR><LF>\nC: Subject: lunch\nC: .\n"
        "S: 250 2.0.0 Ok: queued as 4F1D22A0",
        "RFC 5321 4.1.1.4",
        yes="354 355", listed="503 554 450 550", common="421 451 452 530", illegal="2 334",
        barrier=True,
    ),
    _verb(
        "BDAT", "Sends a piece of the letter, its size in octets told first.",
        "BDAT size [LAST]",
        "C: BDAT 512 LAST\nC: (512 octets)\nS: 250 2.0.0 Ok: queued as 4F1D22A0", "RFC 3030 2",
        listed="503", common="421 451 452 500 501 502 521 551 552 554", last=False,
        keyword="CHUNKING",
    ),
    _verb(
        "BURL", "Asks the server to fetch the letter, or a piece of it, from an IMAP server.",
        "BURL url [LAST]",
        "C: BURL imap://anna@imap.example.org/Drafts;uid=7 LAST\nS: 250 2.5.0 Ok", "RFC 4468 3",
        common="501 503 554 4yz", keyword="BURL",
    ),
    _verb(
        "RSET", "Forgets the mail that was begun.",
        "RSET", "C: RSET\nS: 250 2.0.0 Ok", "RFC 5321 4.1.1.5",
        common="421", last=False,
    ),
    _verb(
        "VRFY", "Asks whether an address exists; most servers no longer tell.",
        "VRFY address-or-name",
        "C: VRFY bob\nS: 252 2.0.0 Cannot verify, but will try", "RFC 5321 4.1.1.6",
        yes="250 251 252", listed="550 551 553 502 504", common="450",
    ),
    _verb(
        "EXPN", "Asks who is on a mailing list.",
        "EXPN list", "C: EXPN staff\nS: 502 5.5.1 Not here", "RFC 5321 4.1.1.7",
        yes="250 252", listed="550 500 502 504", keyword="EXPN",
    ),
    _verb(
        "HELP", "Asks for help text.",
        "HELP [word]", "C: HELP\nS: 214 2.0.0 See https://example.net/help", "RFC 5321 4.1.1.8",
        yes="211 214", listed="502 504", common="250", keyword="HELP",
    ),
    _verb(
        "NOOP", "Does nothing; asks whether the server is still there.",
        "NOOP [text]", "C: NOOP\nS: 250 2.0.0 Ok", "RFC 5321 4.1.1.9",
        common="421",
    ),
    _verb(
        "QUIT", "Says goodbye; the server answers and closes.",
        "QUIT", "C: QUIT\nS: 221 2.0.0 Bye", "RFC 5321 4.1.1.10",
        yes="221", common="225 250 421",
    ),
    _verb(
        "STARTTLS", "Asks to go on encrypted; after the 220 the TLS handshake begins.",
        "STARTTLS", "C: STARTTLS\nS: 220 2.0.0 Ready to start TLS\nC: (TLS handshake)",
        "RFC 3207 4",
        yes="220", common="454 500 501 502 503 530 554", illegal="2 3", barrier=True,
        keyword="STARTTLS",
    ),
    _verb(
        "AUTH", "Logs in; questions and answers travel in base64.",
        "AUTH mechanism [initial-response]",
        "C: AUTH PLAIN AGFubmEAc2VjcmV0\nS: 235 2.7.0 Authentication successful", "RFC 4954 4",
        yes="334 235", common=_AUTH_NO, illegal="2 354", barrier=True, keyword="AUTH",
    ),
    _verb(
        "ETRN", "Asks the server to send what it has queued for a domain now.",
        "ETRN [@|#]name", "C: ETRN example.org\nS: 250 2.0.0 Queuing started", "RFC 1985 5",
        yes="250 251 252 253", common="458 459 500 501 503 530", keyword="ETRN",
    ),
    _verb(
        "ATRN", "After login, swaps roles so that queued mail comes back on this connection.",
        "ATRN [domain[,domain…]]",
        "C: ATRN example.org\nS: 250 2.0.0 Now reversing the connection\nC: 220 mail.example.org",
        "RFC 2645 4",
        common="450 451 453 502 503 530", barrier=True, keyword="ATRN",
    ),
    _verb(
        "TURN", "Swaps the roles of client and server; unsafe and long out of use.",
        "TURN", "C: TURN\nS: 502 5.5.1 Not implemented", "RFC 821 3.8, RFC 5321 F.1",
        common="502 503", barrier=True, keyword="TURN",
    ),
    _verb(
        "SEND", "Starts a message to the user's terminal instead of a mailbox; obsolete.",
        "SEND FROM:<address>", "C: SEND FROM:<anna@example.org>\nS: 502 5.5.1 Not implemented",
        "RFC 821 3.4, RFC 5321 F.6",
        listed=_MAIL_NO, common=f"{_MAIL_TOO} 502", last=False, keyword="SEND",
    ),
    _verb(
        "SOML", "Starts a message to the terminal, or else the mailbox; obsolete.",
        "SOML FROM:<address>", "C: SOML FROM:<anna@example.org>\nS: 502 5.5.1 Not implemented",
        "RFC 821 3.4, RFC 5321 F.6",
        listed=_MAIL_NO, common=f"{_MAIL_TOO} 502", last=False, keyword="SOML",
    ),
    _verb(
        "SAML", "Starts a message to the terminal and the mailbox; obsolete.",
        "SAML FROM:<address>", "C: SAML FROM:<anna@example.org>\nS: 502 5.5.1 Not implemented",
        "RFC 821 3.4, RFC 5321 F.6",
        listed=_MAIL_NO, common=f"{_MAIL_TOO} 502", last=False, keyword="SAML",
    ),
    _verb(
        "VERB", "Asks Sendmail to tell in detail what it does.",
        "VERB", "C: VERB\nS: 250 2.0.0 Verbose mode", "IANA mail parameters (Sendmail)",
        common="502", keyword="VERB",
    ),
    _verb(
        "ONEX", "Tells Sendmail that only one mail will follow.",
        "ONEX", "C: ONEX\nS: 250 2.0.0 Only one transaction", "IANA mail parameters (Sendmail)",
        common="502", keyword="ONEX",
    ),
    _verb(
        "XCLIENT", "A proxy tells the server who the real client is; the session starts over.",
        "XCLIENT name=value…",
        "C: XCLIENT ADDR=192.0.2.7 NAME=mail.example.org\nS: 220 mx.example.net ESMTP",
        "Postfix XCLIENT_README",
        yes="220", common=f"{_REFUSED_AT_CONNECT} 250 501 503 554", last=False, keyword="XCLIENT",
    ),
    _verb(
        "XFORWARD", "A content filter passes on whom the mail first came from, for the log.",
        "XFORWARD name=value…",
        "C: XFORWARD NAME=mail.example.org ADDR=192.0.2.7\nS: 250 2.0.0 Ok",
        "Postfix XFORWARD_README",
        common="421 501 503 550", last=False, keyword="XFORWARD",
    ),
    _verb(
        "XEXCH50", "Old Exchange servers hand each other a block of private data.",
        "XEXCH50 size recipient-number",
        "C: XEXCH50 1024 2\nS: 354 Send binary data\nC: (1024 octets)\nS: 250 XEXCH50 OK",
        "MS-XEXCH50",
        yes="354 250", common="5yz", illegal="", barrier=True, keyword="XEXCH50",
    ),
    _verb(
        "X-EXPS", "Exchange's own login, used between its servers.",
        "X-EXPS mechanism [initial-response]",
        "C: X-EXPS GSSAPI\nS: 334 GSSAPI supported\nC: (base64)\nS: 235 2.7.0 Authenticated",
        "Exchange, no public RFC",
        yes="334 235", common=_AUTH_NO, illegal="2 354", barrier=True, keyword="X-EXPS",
    ),
    _verb(
        "X-ANONYMOUSTLS", "Exchange's own STARTTLS, used between its servers.",
        "X-ANONYMOUSTLS",
        "C: X-ANONYMOUSTLS\nS: 220 2.0.0 SMTP server ready\nC: (TLS handshake)",
        "Exchange, no public RFC",
        yes="220", common="5yz", illegal="", barrier=True, keyword="X-ANONYMOUSTLS",
    ),
    _verb(
        "X-LINK2STATE", "Exchange up to 2003 passes routing tables; an attack target of its time.",
        "X-LINK2STATE FIRST|NEXT|LAST CHUNK={hex} data",
        "C: X-LINK2STATE LAST CHUNK={0000001c} …\nS: 200 LAST CHUNK={00000000} DONE",
        "Exchange, CVE-2005-0560",
        yes="200", common="5yz", illegal="", keyword="X-LINK2STATE",
    ),
    _verb(
        "WELLKNOWN", "Asks Exim for a small file, such as proof that one owns the host.",
        "WELLKNOWN name",
        "C: WELLKNOWN security.txt\nS: 250 contact=postmaster", "Exim specification, WELLKNOWN",
        common="4yz 5yz", keyword="WELLKNOWN",
    ),
    _verb(
        "<greeting>", "The server's first words, before any command.",
        "(the connection opens)", "S: 220 mx.example.net ESMTP\nC: EHLO mail.example.org",
        "RFC 5321 3.1, 4.3.1",
        yes="220", listed="554", common=_REFUSED_AT_CONNECT, illegal="1 2 3",
    ),
    _verb(
        "<eom>", "The end of the letter: from its positive reply on, the server answers for it.",
        "CRLF . CRLF", "C: .\nS: 250 2.0.0 Ok: queued as 4F1D22A0", "RFC 5321 4.1.1.4",
        listed="552 554 451 452 450 550", common="353 421 571", last=False,
    ),
    _verb(
        "<auth-response>", "The client's answer to a login question; a lone star gives up.",
        "base64 | *", "S: 334 UGFzc3dvcmQ6\nC: c2VjcmV0\nS: 235 2.7.0 Ok", "RFC 4954 4",
        yes="334 235", common="432 454 500 501 534 535 538", illegal="2 354", barrier=True,
    ),
    _verb(
        "<unknown>", "A word that no rule book of SMTP has.",
        "(anything)", "C: GET / HTTP/1.1\nS: 500 5.5.2 Command unrecognized", "RFC 5321 4.2.4",
        yes="", listed="500", common="221 250 502 521", illegal="",
    ),
    _verb(
        "<empty>", "A line with nothing on it; not a command, though some servers answer it.",
        "CRLF", "C: \nS: 500 5.5.2 Error: bad syntax", "RFC 5321 4.1.1",
        yes="", listed="500", common="221 250 502 521", illegal="", last=False,
    ),
)  # fmt: skip

VERBS: dict[str, Verb] = {verb.name: verb for verb in _ROWS}

# RFC 5321 4.3.2: any command. Nothing was asked when the greeting comes, so only 421 fits there.
_UNIVERSAL = frozenset({421, 500, 501})
# RFC 4954 6 and RFC 3207 4 each name commands that never need a login, or TLS. What either of
# them allows is allowed; these are on both lists.
_NEVER_530 = frozenset({"EHLO", "LHLO", "NOOP", "QUIT", "<greeting>"})


@lru_cache(4096)
def reply_fit(verb: str, code: int) -> Fit:
    """How well a reply code answers a verb (upper case, or a row in angle brackets)."""
    row = VERBS.get(verb) or VERBS["<unknown>"]
    if code in row.positive:
        return "positive"
    if code in row.listed:
        return "listed"
    if code in row.common:
        return "common"
    if code in _UNIVERSAL and (verb != "<greeting>" or code == 421):
        return "universal"
    if code == 530 and verb not in _NEVER_530:
        return "universal"
    return "illegal" if row.illegal and str(code).startswith(row.illegal) else "unlisted"


def spell_codes(codes: frozenset[int]) -> str:
    """The codes of a row for reading: `221 250 5yz`."""
    words: list[str] = []
    for first in range(100, 600, 100):
        of_class = sorted(code for code in codes if first <= code < first + 100)
        words += [f"{first // 100}yz"] if len(of_class) == 100 else map(str, of_class)
    return " ".join(words)
