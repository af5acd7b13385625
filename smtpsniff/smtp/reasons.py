"""Why a server refused or put off a mail: the reply's codes and words, read in a fixed order.

No code says it reliably. The same 550 means an unknown user here and a block list there, so what
is most telling comes first and the first rule that hits decides. Adding a case is adding a row.

Texts are read in lower case, without mail addresses (an address may hold any word) and without
URLs, except that rules with `urls` see a URL's host: block lists are recognised by theirs.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Literal, NamedTuple

from smtpsniff.smtp.enhanced import matches, parse_enhanced

Label = Literal[
    "tls-required", "auth-required", "greylist", "dnsbl", "too-many-rcpt", "rate-limit",
    "sender-auth", "rdns", "null-mx", "relay-denied", "helo-rejected", "sender-rejected",
    "unknown-user", "mailbox-disabled", "quota", "size", "loop", "content", "system-full",
    "protocol", "system-unavailable", "policy-unspecified",
]  # fmt: skip


class Reason(NamedTuple):
    label: Label
    why: str
    """The words or the code that decided."""


class ReasonInfo(NamedTuple):
    label: Label
    what: str
    """One plain sentence."""
    advice: str
    check: str
    """The check that reports it."""
    check_4yz: str
    """The check that reports it if the server only asks to wait."""
    reference: str


class _Rule(NamedTuple):
    label: Label
    at: str = ""
    """Where it holds: M(AIL) R(CPT) D(ATA) E(nd of data), everywhere if empty."""
    codes: str = ""
    """Codes that suffice: basic, enhanced, or both (`552+X.7.X`), of one site (`gmail:5.4.5`)."""
    text: str = ""
    """Words that suffice."""
    when: str = ""
    """Basic codes without which no words suffice."""
    unless: str = ""
    """Words that forbid it."""
    urls: bool = False


_RATE = (
    # Gmail's "rate limited because …" goes on to name another reason.
    r"rate ?limit(?!ed because)"
    r"|too (?:many|much) (?:\w+ )?(?:connections|mail\b|messages|requests|sessions|concurrent|auth"
    r"|new tls|recipients from)"
    r"|too fast|too quickly|throttl|slow down|concurrent|thread limit|at a rate that"
    r"|(?:unusual|unexpected) (?:rate|volume)|sending (?:limit|quota)"
    r"|per (?:second|minute|hour|day)\b"
)
_BLOCK_LIST = (
    r"blocked using ([\w.-]*\w)"
    r"|(?:on|in) (?:our|a|the) (?:block|black) ?list|banned sending ip"
    # The names of lists, alone or as a part of a host name; then the host is what is told.
    r"|(?<![\w.-])((?:[\w-]+\.)*(?:zen(?=\.\w)|spamhaus|sbl|xbl|pbl|dbl|barracudacentral|spamcop"
    r"|sorbs|uceprotect|invaluement|surbl|uribl|abuseat|mailspike|psbl|nixspam|cloudmark|rbl"
    r"|dnsbl)(?![\w-])(?:\.[\w-]*\w)*)"
)
_SENDER = (
    r"sender (?:address )?rejected"
    r"|domain (?:of sender (?:address )?)?(?:\S+ )?(?:not found|does not exist)"
    r"|sender verify failed"
)
_QUOTA = (
    r"over ?quota|(?:mailbox|inbox)(?: is)? full|quota (?:is |has been )?exceeded"
    r"|exceeded.{0,20}quota|out of storage space"
)
_CONTENT = (
    # As a word: not in a host name such as spam.example.org or antispam.example.org.
    r"(?<![\w.])(?:anti-?)?spam(?:my|ming)?(?![\w-]*\.\w)"
    r"|junk|unsolicited|virus|malware|(?:its|the) content presents"
    r"|content (?:rejected|policy)|banned (?:file|attachment)"
)

_RULES = (
    _Rule(
        "tls-required", codes="X.7.10 gmail:X.7.29",
        text=r"must issue a starttls|tls (?:is )?required|encryption (?:is )?required"
        r"|(?:not|n't) sent over (?:a )?tls|secure connection",
    ),
    _Rule("tls-required", text=r"start ?tls|\btls\b", when="530"),
    _Rule(
        "auth-required", "MRD", codes="530 5.7.57",
        text=r"authentication (?:is )?required|client was not authenticated",
    ),
    _Rule(
        "greylist", when="400-499", unless=_RATE,
        text=r"gr[ae]y[- ]?list|postgrey|first time seen|(try again (?:in|after)) \d+ (?:sec|min)",
    ),
    _Rule("dnsbl", codes="microsoft:5.7.606-649 microsoft:5.7.511", text=_BLOCK_LIST, urls=True),
    _Rule("too-many-rcpt", "RE", codes="X.5.3", text=r"too many recipients(?! from)"),
    _Rule(
        "rate-limit", codes="X.7.28 4.7.500-699 microsoft:4.7.850-899 gmail:5.4.5", text=_RATE,
    ),
    # What Gmail numbers as others number SPF.
    _Rule("rdns", codes="gmail:X.7.23 gmail:X.7.25"),
    _Rule(
        "sender-auth",
        codes="X.7.20-24 X.7.26 5.7.509 5.7.515 gmail:X.7.27 gmail:X.7.30-32 gmail:X.7.40",
        text=r"dmarc|\bspf\b|dkim|unauthenticated|not aligned",
    ),
    _Rule(
        "rdns", codes="X.7.25",
        text=r"reverse (?:dns|hostname)|\bptr record|\brdns\b"
        r"|cannot find your (?:reverse )?hostname",
    ),
    _Rule("null-mx", "MR", codes="556", text=r"null ?mx|does not accept (?:any )?mail(?! from)"),
    _Rule(
        "relay-denied", "RM", codes="5.7.64",
        text=r"relay(?:ing)? (?:access )?(?:is )?(?:denied|prohibited)"
        r"|relay(?:ing)? (?:is )?not (?:permitted|allowed)|unable to relay|not permitted to relay"
        r"|do(?:es)? not relay|\brcpthosts",
    ),
    _Rule(
        "helo-rejected",
        text=r"(?:helo|ehlo) command rejected|bad (?:helo|ehlo)|invalid (?:helo|ehlo|hostname)",
    ),
    _Rule("sender-rejected", "M", codes="X.1.7 X.1.8", text=_SENDER),
    _Rule("sender-rejected", "R", text=rf"\A(?=.*sender).*?({_SENDER})"),
    _Rule("unknown-user", "R", codes="microsoft:5.5.0"),
    _Rule(
        "unknown-user", "RE", codes="X.1.1 microsoft:5.1.10",
        text=r"(?:user|recipient) (?:is )?unknown|unknown (?:user|recipient|local)"
        r"|no such (?:user|recipient|mailbox|person)"
        r"|(?:user|mailbox|recipient|account).{0,40}(?:does not exist|doesn.t exist|not found)"
        r"|recip(?:ient)?notfound|unrouteable address|no mailbox here|invalid recipient"
        r"|doesn.t have an? \S+ account",
    ),
    _Rule(
        "mailbox-disabled", "RE", codes="5.2.1",
        text=r"(?:account|mailbox|user).{0,20}(?:disabled|inactive|suspended)",
    ),
    _Rule("quota", "RE", codes="X.2.2", text=_QUOTA),
    _Rule(
        "size", "MRE", codes="X.3.4 X.2.3",
        text=r"size limit|too (?:large|big)|exceeds (?:fixed )?max|message size",
    ),
    # 552 is also what some filters refuse with; what they say is finer than the bare code.
    _Rule("content", "DE", codes="552+X.7.X"),
    _Rule("size", "ME", codes="552", unless=f"{_QUOTA}|{_CONTENT}"),
    _Rule(
        "loop", "ER", codes="X.4.6 5.4.14",
        text=r"too many hops|hop count|mail loop|routing loop|mail is looping|message is looping",
    ),
    _Rule("content", "DE", text=_CONTENT),
    _Rule(
        "system-full", codes="X.3.1", text=r"insufficient (?:system )?(?:disk )?storage|disk full",
    ),
    _Rule("too-many-rcpt", codes="452+X.5.3"),
    _Rule("system-full", codes="452", unless="too many"),
    _Rule(
        "protocol", codes="X.5.0-2 X.5.4-6 500-504",
        text=r"syntax|bad sequence|synchroni[sz]ation|pipelin",
    ),
    # Microsoft's edge says 5.4.1 to recipients and relays it does not want: no outage.
    _Rule("policy-unspecified", codes="microsoft:5.4.1"),
    _Rule(
        "system-unavailable", codes="X.3.2 X.4.X 421 451+4.3.0",
        text=r"service (?:not |un)available|temporar(?:y|ily)|try again later|shutting down"
        r"|time(?:d )?-?out",
    ),
    _Rule("policy-unspecified", codes="X.7.0 X.7.1"),
    # A 4yz that says no more: it asks to wait, which is all one knows.
    _Rule("system-unavailable", codes="400-499"),
    _Rule("policy-unspecified", codes="0-999"),
)  # fmt: skip

# A reply may run over many lines; the reason is in the first ones. Long enough for the longest
# explanations that providers send, which stay below 1,000 characters. Together with the number of
# replies remembered this also bounds the memory a hostile server can fill (twice 2 MB).
_LOOK = 2048
_REMEMBERED = 1024

_PLACE = {
    "MAIL": "M", "SEND": "M", "SOML": "M", "SAML": "M", "RCPT": "R", "DATA": "D",
    "<eom>": "E", "BDAT": "E", "BURL": "E",
}  # fmt: skip


@cache
def _variable() -> re.Pattern[str]:
    """What differs between two replies that say the same."""
    return re.compile(
        r"(?P<url>\b(?:https?://|www\.)[^\s<>\"]+|(?<![\w.-])[\w-]+(?:\.[a-zA-Z][\w-]*)+/[^\s<>\"]*)"
        r"|(?P<address>(?<![^\s<>()\[\]\",:;=])[^\s<>()\[\]\",:;=@]+@[^\s<>()\[\]\",:;]*"
        r"|<[^<>\s:/]*>)"
        r"|(?P<number>(?<![\w-])[A-Za-z_-]*[0-9][\w-]*)"
    )


def skeleton(text: str) -> str:
    """The text with addresses, numbers, ids and URLs blanked, to count what says the same."""
    code = parse_enhanced(text) or ""
    return code + _variable().sub("…", text[len(code) :])


@cache
def _in_host_name() -> re.Pattern[str]:
    return re.compile(r"[\w.-]*\.[a-zA-Z]{2}")


def _blank(found: re.Match[str]) -> str:
    if found.lastgroup == "number":
        return found[0] if _in_host_name().match(found.string, found.end()) else "0"
    if found.lastgroup == "address":
        return ""
    host = found[0].partition("://")[2] or found[0]
    return f"url://{host.partition('/')[0]}"


def _shape(text: str) -> str:
    """Like the skeleton, for the rules, which see many replies but few shapes."""
    variable = _variable()
    # Nothing that varies has a blank in it, and a word of letters does not vary. (Half the time
    # that reading the text in one go takes, and this runs for every refused recipient.)
    return " ".join(
        word if word.isalpha() or word[:-1].isalpha() else variable.sub(_blank, word)
        for word in text.lower().split()
    )


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _code_hit(codes: str, code: int, enhanced: str | None, site: str | None) -> str | None:
    for word in codes.split():
        whose, _, wanted = word.rpartition(":")
        if whose and whose != site:
            continue
        *both, last = wanted.split("+")
        if both and both[0] != str(code):
            continue
        if "." not in last:
            if matches(last, str(code)):
                return str(code)
        elif enhanced and matches(last, enhanced):
            return enhanced
    return None


def _text_hit(rule: _Rule, words: str) -> str | None:
    if not rule.text or not (found := _compiled(rule.text).search(words)):
        return None
    return next(filter(None, found.groups()), found[0])


@lru_cache(_REMEMBERED)
def _decide(code: int, enhanced: str | None, shape: str, place: str, site: str | None) -> Reason:
    plain = re.sub(r"url://\S+", "", shape)
    for rule in _RULES:
        if rule.at and (not place or place not in rule.at):
            continue
        why = _code_hit(rule.codes, code, enhanced, site)
        if not why and (not rule.when or _code_hit(rule.when, code, None, None)):
            why = _text_hit(rule, shape if rule.urls else plain)
        if why and not (rule.unless and _compiled(rule.unless).search(plain)):
            return Reason(rule.label, why)
    return Reason("policy-unspecified", str(code))


@cache
def _personal() -> re.Pattern[str]:
    """What most often differs: a mail address in angle, an IP address in square brackets."""
    return re.compile(r"<[^<>\s:/]*>|\[[0-9a-fA-F.:]+\]")


@lru_cache(_REMEMBERED)
def _classify(code: int, enhanced: str | None, text: str, at: str, site: str | None) -> Reason:
    return _decide(code, enhanced, _shape(text), _PLACE.get(at, ""), site)


def classify(
    code: int, enhanced: str | None, text: str, at: str, site: str | None = None
) -> Reason:
    """Why `code` (4yz or 5yz) was said after `at`, a verb or `<eom>`, `<greeting>`…

    `text` is that of all lines joined with blanks, with or without the enhanced code.
    """
    return _classify(code, enhanced, _personal().sub("<>", text[:_LOOK]), at, site)


_LATER = "delivery-temporary-other"
_POLICY = "delivery-policy-unspecified"

_INFO: tuple[tuple[Label, str, str, str, str, str], ...] = (
    (
        "tls-required", "The server insists on encryption first.",
        "Switch TLS on in the sender. A public mail exchanger must not demand it.",
        "starttls-required", "starttls-required", "RFC 3207 4",
    ),
    (
        "auth-required", "The server wants a login before it takes this mail.",
        "Set up the client's account; between servers on port 25 it is the wrong host.",
        "auth-required", "auth-required", "RFC 4954 6",
    ),
    (
        "greylist", "The server asks senders it does not know to come back later.",
        "Normal. See that the sender tries again from the same address.",
        "rcpt-greylisted", "rcpt-greylisted", "RFC 6647",
    ),
    (
        "dnsbl", "The sender's address, or one in the letter, is on a block list.",
        "Look it up in the list that is named, remove the cause, ask to be taken off.",
        "delivery-dnsbl-listed", "delivery-dnsbl-listed", "RFC 5782",
    ),
    (
        "too-many-rcpt", "Too many recipients at once.",
        "Send to fewer at a time. The rest can go in another mail.",
        "delivery-too-many-recipients", "delivery-too-many-recipients", "RFC 5321 4.5.3.1.8",
    ),
    (
        "rate-limit", "Too much mail too fast.",
        "Send slower; a new address needs weeks to earn trust; look into complaints.",
        "delivery-rate-limited", "delivery-rate-limited", "RFC 3463 3.8",
    ),
    (
        "sender-auth", "The letter could not prove that it comes from its domain.",
        "Put SPF, DKIM and DMARC in order; forwarding on the way breaks them.",
        "delivery-sender-auth-failed", "delivery-sender-auth-failed", "RFC 7372, RFC 7489",
    ),
    (
        "rdns", "The sender's address has no proper name in DNS.",
        "Set a PTR record, and an address record that points back.",
        "delivery-rdns-rejected", "delivery-rdns-rejected", "RFC 7372 3.3",
    ),
    (
        "null-mx", "A domain has declared that it takes no mail.",
        "It is the wrong address, or a sender that cannot be answered.",
        "delivery-null-mx", "delivery-null-mx", "RFC 7504, RFC 7505",
    ),
    (
        "relay-denied", "The server does not forward mail for this domain for you.",
        "Sender: log in, or put the MX record right. Server: add the domain.",
        "rcpt-relay-denied", "rcpt-relay-denied", "RFC 5321 3.6.2, 7.9",
    ),
    (
        "helo-rejected", "The sender's introduction was not believed.",
        "Introduce the host by its full name, one that DNS knows.",
        "delivery-helo-rejected", "delivery-helo-rejected", "RFC 5321 4.1.4",
    ),
    (
        "sender-rejected", "The return address is not acceptable.",
        "Use a domain that exists and has an MX or address record; look for typing mistakes.",
        "delivery-sender-rejected", "delivery-sender-rejected", "RFC 3463 3.2",
    ),
    (
        "unknown-user", "That mailbox does not exist.", "Correct the address, or remove it.",
        "rcpt-unknown-user", _LATER, "RFC 5321 4.3.2, RFC 3463 3.2",
    ),
    (
        "mailbox-disabled", "That mailbox is switched off.", "Ask the recipient another way.",
        "rcpt-unknown-user", _LATER, "RFC 3463 3.3",
    ),
    (
        "quota", "The mailbox is full.", "The recipient must make room.",
        "rcpt-quota", "rcpt-quota", "RFC 3463 3.3",
    ),
    (
        "size", "The letter is too big.", "Send smaller attachments, or raise the limit.",
        "delivery-size-rejected", "delivery-size-rejected", "RFC 1870 6",
    ),
    (
        "loop", "The mail went round in circles.", "Look at forwarding and MX records.",
        "delivery-loop", "delivery-loop", "RFC 5321 6.3",
    ),
    (
        "content", "The server takes the letter for spam, malware or forbidden content.",
        "Look at the content and at the sender's reputation; ask the recipient's postmaster.",
        "delivery-content-rejected", "delivery-content-rejected", "RFC 5321 4.2.5",
    ),
    (
        "system-full", "The server is out of disk space.", "The server's admin frees some.",
        "delivery-server-full", "delivery-server-full", "RFC 3463 3.4",
    ),
    (
        "protocol", "The server did not like how the command was given.",
        "Read the dialogue: the line it answers, and what came before.",
        _POLICY, _LATER, "RFC 3463 3.6",
    ),
    (
        "system-unavailable", "The server could not take it just now.",
        "The sender tries again by itself; see whether that ends in acceptance.",
        _POLICY, _LATER, "RFC 5321 4.2.1",
    ),
    (
        "policy-unspecified", "Refused by local rules, for no reason that is given.",
        "Ask the other side, with its own words.",
        _POLICY, _LATER, "RFC 3463 3.8",
    ),
)  # fmt: skip

REASONS: dict[str, ReasonInfo] = {row[0]: ReasonInfo(*row) for row in _INFO}


def check_of(label: str, code: int) -> str:
    """The check that reports a reason given with this reply code."""
    info = REASONS[label]
    return info.check_4yz if 400 <= code < 500 else info.check
