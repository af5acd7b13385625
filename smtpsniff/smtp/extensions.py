"""What a server can offer in its EHLO reply, and what each offer allows the client.

One row a keyword. The tables below the rows (which parameter or verb needs which keyword, how
long a line may be) are derived from them, never written twice. What values a parameter takes
stands in `parameters`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from smtpsniff.smtp.parameters import PARAMETERS
from smtpsniff.smtp.verbs import VERBS

if TYPE_CHECKING:
    from collections.abc import Collection


class Extension(NamedTuple):
    keyword: str
    what: str
    """What it is for, one plain sentence."""
    params: str
    """What may follow the keyword in the EHLO reply."""
    verbs: tuple[str, ...]
    mail_params: tuple[str, ...]
    """Parameters of MAIL it allows, with their values: `SIZE=octets`."""
    rcpt_params: tuple[str, ...]
    mail_more: int | None
    """Octets it adds to the longest MAIL line; None where no number is known."""
    rcpt_more: int | None
    registered: bool
    """Whether IANA lists it."""
    reference: str
    notes: str


def _ext(
    keyword: str,
    reference: str,
    what: str,
    *,
    params: str = "",
    verbs: str = "",
    mail: str = "",
    rcpt: str = "",
    mail_more: int | None = 0,
    rcpt_more: int | None = 0,
    registered: bool = True,
    notes: str = "",
) -> Extension:
    return Extension(
        keyword, what, params, tuple(verbs.split()), _spelled("MAIL", mail),
        _spelled("RCPT", rcpt), mail_more, rcpt_more, registered, reference, notes,
    )  # fmt: skip


def _spelled(verb: str, names: str) -> tuple[str, ...]:
    """Parameters with their values; one that an extension allows fewer of brings its own."""
    rows = ((name, PARAMETERS.get((verb, name))) for name in names.split())
    return tuple(name if row is None else row.spelled for name, row in rows)


_REGISTERED = (
    _ext(
        "SIZE", "RFC 1870", "The server tells the largest message it takes.",
        params="[octets]", mail="SIZE", mail_more=26,
        notes="Without a number, or with 0, there is no fixed maximum. The client's number is an"
        " estimate, and the server may take more than it says.",
    ),
    _ext(
        "8BITMIME", "RFC 6152", "Letters may contain bytes beyond ASCII without being encoded.",
        mail="BODY=7BIT|8BITMIME", mail_more=17,
        notes="For the body only, not for addresses or header fields.",
    ),
    _ext(
        "PIPELINING", "RFC 2920",
        "The client may send several commands without waiting for each reply.",
        notes="DATA, EHLO, QUIT and some others end such a group.",
    ),
    _ext(
        "CHUNKING", "RFC 3030", "The letter may come in pieces of a size told first, with BDAT.",
        verbs="BDAT", notes="No dot ends the letter, and no dot is doubled.",
    ),
    _ext(
        "BINARYMIME", "RFC 3030", "Letters may be sent as raw binary, without lines.",
        mail="BODY=BINARYMIME", notes="Needs CHUNKING; DATA is forbidden for such a letter.",
    ),
    _ext(
        "DSN", "RFC 3461", "The sender may say when and how it wants to be told of delivery.",
        mail="RET ENVID",
        rcpt="NOTIFY ORCPT",
        mail_more=100, rcpt_more=500,
        notes="NEVER stands alone. ENVID has at most 100 characters, ORCPT 500.",
    ),
    _ext(
        "ENHANCEDSTATUSCODES", "RFC 2034",
        "Replies begin with a finer code such as 5.1.1 that says why.",
        notes="On 2yz, 4yz and 5yz replies, except the greeting and the answer to EHLO or HELO.",
    ),
    _ext(
        "STARTTLS", "RFC 3207", "The connection can be switched to encryption.",
        verbs="STARTTLS", notes="Not to be offered again inside TLS.",
    ),
    _ext(
        "AUTH", "RFC 4954", "Clients can log in, with the mechanisms named.",
        params="mechanism…", verbs="AUTH", mail="AUTH", mail_more=500,
        notes="Lines within the exchange may reach 12288 octets. Some servers repeat the list as"
        " AUTH=… for clients of the last century.",
    ),
    _ext(
        "SMTPUTF8", "RFC 6531", "Addresses and header fields may be written in any script.",
        mail="SMTPUTF8", mail_more=10,
        notes="The server must offer 8BITMIME too. VRFY and EXPN take the parameter as well.",
    ),
    _ext(
        "DELIVERBY", "RFC 2852", "The sender may set a deadline for delivery.",
        params="[least-seconds]", mail="BY", mail_more=17,
        notes="R (return when late) needs a time above zero.",
    ),
    _ext(
        "FUTURERELEASE", "RFC 4865", "A letter may be held until a later time before it is sent.",
        params="longest-seconds latest-date", mail="HOLDFOR HOLDUNTIL",
        mail_more=34, notes="For submission; one of the two parameters, not both.",
    ),
    _ext(
        "MT-PRIORITY", "RFC 6710, RFC 6758", "Letters may carry a priority for their transport.",
        params="[profile]", mail="MT-PRIORITY", mail_more=15,
    ),
    _ext(
        "RRVS", "RFC 7293", "Deliver only if the mailbox has had the same owner since a date.",
        rcpt="RRVS", rcpt_more=33,
    ),
    _ext(
        "REQUIRETLS", "RFC 8689", "A letter may insist on encryption the whole way.",
        mail="REQUIRETLS", mail_more=11,
        notes="Offered only inside TLS; to see it in clear text is a fault.",
    ),
    _ext(
        "LIMITS", "RFC 9422", "The server tells how many mails and recipients it takes.",
        params="[MAILMAX=n] [RCPTMAX=n] [RCPTDOMAINMAX=n]",
        notes="MAILMAX counts per session, the other two per mail.",
    ),
    _ext(
        "BURL", "RFC 4468", "The server can fetch a letter from IMAP instead of having it sent.",
        params="[imap [url…]]", verbs="BURL", notes="For submission; takes the place of BDAT.",
    ),
    _ext(
        "CHECKPOINT", "RFC 1845", "An interrupted transfer can go on where it stopped.",
        mail="TRANSID", mail_more=None, notes="DATA may then be answered 355 and an offset.",
    ),
    _ext(
        "SUBMITTER", "RFC 4405", "The client names who is responsible for the letter; abandoned.",
        mail="SUBMITTER", mail_more=None,
    ),
    _ext(
        "NO-SOLICITING", "RFC 3865", "The server tells which kinds of advertising it refuses.",
        params="[keyword]", mail="SOLICIT", mail_more=1007,
    ),
    _ext(
        "MTRK", "RFC 3885", "The sender may ask later where its letter is.",
        mail="MTRK", mail_more=40,
    ),
    _ext(
        "CONPERM", "RFC 4141", "The client allows the letter to be converted on the way.",
        mail="CONPERM", mail_more=None,
    ),
    _ext(
        "CONNEG", "RFC 4141", "The client asks what formats a recipient can show.",
        rcpt="CONNEG", rcpt_more=None,
        notes="The answer to RCPT then lists them over several lines.",
    ),
    _ext(
        "ETRN", "RFC 1985", "A client can ask for the mail queued for its domain to be sent.",
        verbs="ETRN", notes="Has reply codes of its own: 250 to 253, 458, 459.",
    ),
    _ext(
        "ATRN", "RFC 2645", "A client can fetch its domain's mail on the same connection.",
        verbs="ATRN", notes="Port 366, after login; the two sides swap roles.",
    ),
    _ext(
        "EXPN", "RFC 5321 4.1.1.7", "The server will expand mailing lists.", verbs="EXPN",
        notes="Must be listed where it works (RFC 5321 3.5.2).",
    ),
    _ext("HELP", "RFC 5321 4.1.1.8", "The server has help texts.", verbs="HELP"),
    _ext(
        "VRFY", "RFC 5321 4.1.1.6", "The server will look up addresses.", verbs="VRFY",
        notes="Servers have VRFY whether they list it or not; most answer 252.",
    ),
    _ext("SEND", "RFC 821", "Messages to a user's terminal; obsolete.", verbs="SEND"),
    _ext("SOML", "RFC 821", "Messages to the terminal or the mailbox; obsolete.", verbs="SOML"),
    _ext("SAML", "RFC 821", "Messages to the terminal and the mailbox; obsolete.", verbs="SAML"),
    _ext(
        "TURN", "RFC 821", "Client and server may swap roles; obsolete.", verbs="TURN",
        notes="A security hole unless the client has logged in.",
    ),
    _ext("VERB", "IANA (Sendmail)", "The server can tell in detail what it does.", verbs="VERB"),
    _ext("ONEX", "IANA (Sendmail)", "The client can say that one mail is all.", verbs="ONEX"),
    _ext(
        "UTF8SMTP", "RFC 5336", "The experiment before SMTPUTF8, and not compatible with it.",
        mail="ALT-ADDRESS", rcpt="ALT-ADDRESS", mail_more=None, rcpt_more=None,
        notes="Replaced by RFC 6531.",
    ),
)  # fmt: skip


def _private(keyword: str, reference: str, what: str, **rest: str) -> Extension:
    """An extension outside the registry. Its line lengths are known only if it changes no line."""
    mail, rcpt = rest.get("mail", ""), rest.get("rcpt", "")
    return _ext(
        keyword, reference, what, registered=False, mail=mail, rcpt=rcpt,
        params=rest.get("params", ""), verbs=rest.get("verbs", ""), notes=rest.get("notes", ""),
        mail_more=None if mail else 0, rcpt_more=None if rcpt else 0,
    )  # fmt: skip


_PRIVATE = (
    _private(
        "XCLIENT", "Postfix XCLIENT_README",
        "A proxy in front may tell the server who the real client is.",
        params="attribute…", verbs="XCLIENT",
        notes="Answered 220, and the session starts over. Whoever may use it can claim any"
        " address, so it belongs to trusted proxies only.",
    ),
    _private(
        "XFORWARD", "Postfix XFORWARD_README",
        "A content filter may pass on where the mail first came from.",
        params="attribute…", verbs="XFORWARD",
        notes="Not inside a mail; forgotten when the mail ends.",
    ),
    _private(
        "XVERP", "Postfix VERP_README", "A bounce address of its own for each recipient.",
        mail="XVERP",
    ),
    _private(
        "VERP", "Postfix VERP_README", "A bounce address of its own for each recipient.",
        mail="XVERP",
    ),
    _private(
        "PRDR", "draft-hall-prdr (Exim)",
        "After the letter, one answer for each recipient instead of one for all.",
        mail="PRDR", notes="353, then a reply for each recipient, then one for the whole.",
    ),
    _private(
        "PIPECONNECT", "Exim specification",
        "On its next visit the client may speak before the greeting.",
    ),
    _private(
        "X_PIPE_CONNECT", "Exim specification", "The former name of PIPECONNECT.",
    ),
    _private(
        "WELLKNOWN", "Exim specification", "Small files can be asked for by name.",
        verbs="WELLKNOWN",
    ),
    _private(
        "XLOGIN", "seen, not documented", "A login of its own kind.",
        verbs="XLOGIN", notes="If the server answers 334, base64 lines follow as with AUTH.",
    ),
    _private(
        "X-EXPS", "Exchange", "Login between Exchange servers.",
        params="mechanism…", verbs="X-EXPS", notes="334 and 235 as with AUTH.",
    ),
    _private(
        "X-ANONYMOUSTLS", "Exchange", "Encryption between Exchange servers.",
        verbs="X-ANONYMOUSTLS", notes="220, then TLS, as with STARTTLS.",
    ),
    _private(
        "X-LINK2STATE", "Exchange up to 2003", "Routing tables between Exchange servers.",
        verbs="X-LINK2STATE", notes="An attack target of its time (CVE-2005-0560).",
    ),
    _private(
        "XEXCH50", "Exchange up to 2007, MS-XEXCH50", "Private data between Exchange servers.",
        verbs="XEXCH50", notes="354, that many octets, 250.",
    ),
    _private(
        "IGNOREQUOTA", "Cyrus (LMTP)", "Deliver even if the mailbox is full.", rcpt="IGNOREQUOTA",
    ),
    _private(
        "XRCPTFORWARD", "Dovecot (LMTP)", "A proxy passes on facts about a recipient.",
        rcpt="XRCPTFORWARD",
    ),
    _private(
        "X-RCPTLIMIT", "mailbox providers", "How many recipients the server takes for one mail.",
        params="n",
    ),
    _private(
        "COREMAIL", "Coremail (China)", "A token of the server's own.", params="token",
    ),
    _private("XYMPRI", "mailbox providers", "A private word of a large provider."),
    *(
        _private(
            keyword, "Exchange 2010 and later", "Private talk within one Exchange organisation.",
            verbs=keyword, mail=keyword, notes="Means nothing to other servers.",
        )
        for keyword in (
            "XRDST", "XSHADOW", "XSHADOWREQUEST", "XPROXY", "XPROXYFROM", "XPROXYTO", "XOORG",
            "XADRC", "XEXPROPS", "XHASH", "XMESSAGECONTEXT", "XMESSAGEVALUE", "XFASTINDEX",
            "XSYSPROBE", "XORIGFROM", "XCORRELATIONID", "XATTR", "XATTRDIRECT", "XATTRORGID",
        )
    ),
)  # fmt: skip

EXTENSIONS: dict[str, Extension] = {row.keyword: row for row in (*_REGISTERED, *_PRIVATE)}

# Verbs of products long gone, from lists that inspectors still carry: a command and a reply, and
# nothing more is known of them.
LEGACY_VERBS = frozenset(
    {
        "XAUTH", "XGEN", "XQUE", "XSTA", "XTRN", "XADR", "XCIR", "XUSR", "XLICENSE", "TICK",
        "TIME", "TURNME", "QUEU", "EMAL", "ESAM", "ESND", "ESOM", "EVFY", "IDENT", "DEBUG",
    }
)  # fmt: skip

VERB_KEYWORD: dict[str, str] = {name: verb.keyword for name, verb in VERBS.items() if verb.keyword}
"""The keyword a server must have offered before the verb may be used."""


def _parameter_keywords() -> dict[tuple[str, str], frozenset[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for row in EXTENSIONS.values():
        for verb, params in (("MAIL", row.mail_params), ("RCPT", row.rcpt_params)):
            for param in params:
                name = param.partition("=")[0].rstrip("[")
                found.setdefault((verb, name), set()).add(row.keyword)
    return {key: frozenset(keywords) for key, keywords in found.items()}


PARAMETER_KEYWORD: dict[tuple[str, str], frozenset[str]] = _parameter_keywords()
"""(MAIL or RCPT, parameter) to the keywords any one of which allows it."""

# RFC 5321 4.5.3.1: octets with the line's end. Receivers must take at least this much.
COMMAND_LINE = 512
REPLY_LINE = 512
BODY_LINE = 1000
"""Not counting a doubled dot."""
LONGEST_LINE = BODY_LINE - 2
"""The same without its CRLF."""
AUTH_LINE = 12288
"""A line within an AUTH exchange (RFC 4954 4)."""

# When the EHLO reply was not seen: the base and every common increment that may have been offered.
_WIDEST = {
    "MAIL": 512 + 26 + 17 + 100 + 500 + 10 + 17 + 34 + 15 + 11 + 1007,
    "RCPT": 512 + 500 + 33,
}
# Verbs whose own papers allow more than 512, by how much is not known.
_NO_LIMIT = frozenset(
    {"BURL", "XEXCH50", "X-EXPS", "X-ANONYMOUSTLS", "X-LINK2STATE", "<greeting>", "<eom>"}
)


def line_limit(verb: str, offered: Collection[str] | None) -> int | None:
    """The longest line of `verb` every receiver must take; None if that cannot be known.

    `offered` are the keywords of the EHLO reply in force; empty after HELO, None if not seen.
    """
    if verb == "<auth-response>":
        return AUTH_LINE
    if verb in _NO_LIMIT or (verb in EXTENSIONS and verb not in VERBS):
        return None
    if offered is None:
        return _WIDEST.get(verb, COMMAND_LINE)
    limit = COMMAND_LINE
    for keyword in offered:
        row = EXTENSIONS.get(keyword)
        if row is None:
            return None
        more = row.mail_more if verb == "MAIL" else row.rcpt_more if verb == "RCPT" else 0
        if more is None:
            return None
        limit += more
    return limit


# ehlo-line = ehlo-keyword *( SP ehlo-param ) (RFC 5321 4.1.1.1); blanks at the end, and two in a
# row, are nothing to speak of. AUTH= and X-EXPS= are for old clients, the underscores Exim's.
EHLO_LINE = re.compile(
    r"(?:[A-Za-z0-9][A-Za-z0-9-]*|(?:AUTH|X-EXPS)=[!-~]*|X_PIPE_CONNECT)(?:[ \t]+[!-~]+)*[ \t]*",
    re.IGNORECASE | re.ASCII,
)


def parse_ehlo_keyword(line: str) -> tuple[str, list[str]]:
    """Keyword (upper case) and parameters of one line of an EHLO reply, without its code.

    `AUTH=LOGIN PLAIN`, for clients older than RFC 2554, is AUTH with two mechanisms.
    """
    words = line.split()
    if not words:
        return "", []
    keyword = words[0].upper()
    if keyword.startswith("AUTH="):
        first = words[0][5:]
        return "AUTH", [first, *words[1:]] if first else words[1:]
    return keyword, words[1:]
