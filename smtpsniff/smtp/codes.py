"""The three digits that every reply begins with.

The first digit is what counts (RFC 5321 4.2.1): it decides whether the mail goes on, waits or
fails. The other two only tell people more.
"""

from __future__ import annotations

from typing import NamedTuple


class CodeClass(NamedTuple):
    name: str
    """`4yz`."""
    word: str
    meaning: str


class Code(NamedTuple):
    code: int
    meaning: str
    where: str
    """The commands it is expected after."""
    advice: str
    """What an admin does about it; empty where there is nothing to do."""
    reference: str


_NO_CLASS = CodeClass("", "none", "Not a reply code of SMTP.")
CLASSES: dict[int, CodeClass] = {
    1: CodeClass("1yz", "preliminary", "No command of SMTP has such a reply."),
    2: CodeClass("2yz", "success", "Done."),
    3: CodeClass("3yz", "continue", "So far so good: the server waits for the rest."),
    4: CodeClass("4yz", "temporary", "Not now. The sender keeps the mail and tries again."),
    5: CodeClass("5yz", "permanent", "No. Trying again without a change is useless."),
}


def code_class(code: int) -> CodeClass:
    """What the first digit says; a class without a name if it says nothing in SMTP."""
    return CLASSES.get(code // 100, _NO_CLASS)


_RETRY = "The sender tries again by itself; look into it if that never ends."
_READ = "Read the enhanced code and the text: they say which of the two it is."
_VENDOR = "Treat it like any code of its class, and read the text."

_ROWS = (
    (
        200, "Done, in the words of an old Exchange server.", "X-LINK2STATE",
        "After anything else, look at what that server is.", "RFC 876, Exchange",
    ),
    (211, "Status, or a reply to HELP.", "HELP", "", "RFC 5321 4.2.2"),
    (214, "Help text.", "HELP", "", "RFC 5321 4.2.2"),
    (
        220, "The server is ready.", "greeting, STARTTLS, XCLIENT, X-ANONYMOUSTLS", "",
        "RFC 5321 4.2.2",
    ),
    (
        221, "The server closes the connection.", "QUIT",
        "After anything but QUIT it is a dismissal: Postfix answers web browsers so.",
        "RFC 5321 4.2.2",
    ),
    (235, "The login succeeded.", "AUTH", "", "RFC 4954 6"),
    (250, "Done.", "most commands", "", "RFC 5321 4.2.2"),
    (
        251, "Not a local user; the server will pass the letter on.", "RCPT, VRFY, ETRN",
        "The text has the new address: update the address book. After ETRN: nothing waits.",
        "RFC 5321 3.4, RFC 1985 5.3",
    ),
    (
        252, "The server will not tell whether the address exists, but takes mail for it.",
        "VRFY, EXPN, ETRN, rarely RCPT", "", "RFC 5321 3.5.3",
    ),
    (253, "Letters wait, and delivery has begun.", "ETRN", "", "RFC 1985 5.3"),
    (334, "The next step of the login, please.", "AUTH and its answers", "", "RFC 4954 4"),
    (
        353, "A reply for each recipient follows.", "end of data, with PRDR", "",
        "draft-hall-prdr",
    ),
    (354, "Send the letter now; a line with one dot ends it.", "DATA, XEXCH50", "",
     "RFC 5321 4.2.2"),
    (355, "Go on from the offset in the text.", "DATA, with CHECKPOINT", "", "RFC 1845"),
    (
        421, "The server ends the session. Many sites use it to slow a sender down.",
        "any command, or by itself",
        "Read the text: shutdown, idle for too long, too many connections, or bad reputation.",
        "RFC 5321 3.8, 4.2.2",
    ),
    (
        432, "The password must be changed to another scheme; at Exchange, too many at once.",
        "AUTH, end of data", "Log in once by an older mechanism; at Exchange, send slower.",
        "RFC 4954 6",
    ),
    (
        450, "The mailbox cannot be used now: busy, or local rules ask to wait.",
        "RCPT, MAIL, end of data", _RETRY, "RFC 5321 4.2.2",
    ),
    (
        451, "An error at the server, or local rules ask to wait.",
        "RCPT, MAIL, DATA, end of data", _RETRY, "RFC 5321 4.2.2",
    ),
    (
        452, "No room left, or too many recipients at once.", "MAIL, RCPT, end of data",
        "Server: free disk space. Sender: send the rest of the recipients in another mail.",
        "RFC 5321 4.2.2, 4.5.3.1.10",
    ),
    (453, "No mail waits for you.", "ATRN", "", "RFC 2645 5"),
    (
        454, "Login or TLS does not work just now.", "AUTH, STARTTLS",
        "Server: look at its certificate, keys and password store.", "RFC 4954 6, RFC 3207 4",
    ),
    (455, "The parameters cannot be honoured just now.", "MAIL, RCPT", _RETRY, "RFC 5321 4.2.2"),
    (458, "Letters for this name cannot be queued.", "ETRN", "", "RFC 1985 5.3"),
    (459, "This name is not allowed here.", "ETRN", "Ask the server's admin.", "RFC 1985 5.3"),
    (
        500, "The server does not know the command, or the line is too long.", "any command",
        "Look at the line before it; a firewall may have changed it.", "RFC 5321 4.2.2",
    ),
    (
        501, "The arguments are wrong. In a login: given up, or not base64.", "any command",
        "Look at the line before it.", "RFC 5321 4.2.2, RFC 4954 4",
    ),
    (
        502, "The server knows the command but does not have it.", "VRFY, EXPN, HELP, TURN…",
        "", "RFC 5321 4.2.4",
    ),
    (
        503, "Not at this point.", "any command", "Look at which commands came before.",
        "RFC 5321 4.2.2",
    ),
    (
        504, "The server does not have this parameter or mechanism.", "EHLO, AUTH, VRFY, HELP",
        "Choose what the EHLO reply offers.", "RFC 5321 4.2.2",
    ),
    (
        521, "This host never takes mail; Postfix also says so when it hangs up.",
        "greeting, or any command and then the end", "Check the MX record of the domain.",
        "RFC 7504 3",
    ),
    (
        530, "Log in first, or switch to TLS first.", "any command",
        "X.7.0 with STARTTLS in the text means TLS; otherwise set up the client's login.",
        "RFC 4954 6, RFC 3207 4",
    ),
    (534, "This way to log in is too weak.", "AUTH", "Choose another mechanism.", "RFC 4954 6"),
    (535, "User name or password is wrong.", "AUTH", "Check the client's login.", "RFC 4954 6"),
    (538, "This way to log in needs TLS first.", "AUTH", "Switch TLS on.", "RFC 4954 6"),
    (
        550, "Refused: the mailbox does not exist, or local rules forbid it.",
        "RCPT, MAIL, DATA, end of data", _READ, "RFC 5321 4.2.2",
    ),
    (
        551, "Not a local user; the text may have another address.", "RCPT, VRFY",
        "Write to the new address.", "RFC 5321 3.4",
    ),
    (
        552, "Too big, or the mailbox is full; old servers: too many recipients.",
        "MAIL, RCPT, end of data",
        "Send less. With too many recipients, treat it as temporary and send the rest later.",
        "RFC 5321 4.2.2, 4.5.3.1.10",
    ),
    (
        553, "This mailbox name is not allowed, or mail for it is not relayed.", "MAIL, RCPT",
        "Check the address; log in if the server is your provider's.", "RFC 5321 4.2.2",
    ),
    (
        554, "The mail failed; as a greeting: no mail service here, for you at least.",
        "greeting, DATA, end of data, RCPT", _READ.replace("which of the two it is", "why"),
        "RFC 5321 4.2.2",
    ),
    (
        555, "A parameter of MAIL or RCPT is not known.", "MAIL, RCPT",
        "The client used an extension the server lacks.", "RFC 5321 4.1.1.11",
    ),
    (
        556, "The recipient's domain takes no mail.", "RCPT", "Check the address.",
        "RFC 7504 4, RFC 7505 4",
    ),
    *(
        (code, "A vendor's own way to say: not now.", "not standard", _VENDOR, "no RFC")
        for code in (422, 431, 441, 442, 446, 447, 449, 471)
    ),
    *(
        (code, "From a draft of AUTH that was never finished.", "AUTH", _VENDOR, "no RFC")
        for code in (523, 524)
    ),
    *(
        (
            code, "A vendor's own way to refuse: spam, or local rules.", "not standard",
            "Treat it like 550, and read the text.", "no RFC",
        )
        for code in (541, 571, 572, 577, 598)
    ),
)  # fmt: skip

CODES: dict[int, Code] = {row[0]: Code(*row) for row in sorted(_ROWS)}
