from __future__ import annotations

from typing import get_args

import pytest

from smtpsniff.smtp.codes import CODES
from smtpsniff.smtp.enhanced import parse_enhanced, site_of
from smtpsniff.smtp.reasons import REASONS, Label, check_of, classify, skeleton

# Label, where, reply, and the words or code that must have decided.
REPLIES = [
    # Postfix
    ("unknown-user", "RCPT", "550 5.1.1 <nobody@mx.example>: Recipient address rejected: User"
     " unknown in virtual mailbox table", "5.1.1"),
    ("relay-denied", "RCPT", "554 5.7.1 <bob@example.net>: Relay access denied",
     "relay access denied"),
    ("greylist", "RCPT", "450 4.2.0 <r@mx.example>: Recipient address rejected: Greylisted, see"
     " http://postgrey.schweikert.ch/help/mx.example.html", "greylist"),
    ("greylist", "RCPT", "451 4.7.1 Please try again in 300 seconds", "try again in"),
    ("dnsbl", "RCPT", "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using"
     " zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.1", "zen.spamhaus.org"),
    ("dnsbl", "RCPT", "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using"
     " dnsbl-1.uceprotect.net; IP 192.0.2.1 is listed", "dnsbl-1.uceprotect.net"),
    ("rate-limit", "MAIL", "450 4.7.1 Error: too much mail from 192.0.2.1", "too much mail"),
    ("rate-limit", "RCPT", "450 4.7.1 Error: too many recipients from 192.0.2.1",
     "too many recipients from"),
    ("rate-limit", "<greeting>", "421 4.7.0 mx.example Error: too many connections from 192.0.2.1",
     "too many connections"),
    ("too-many-rcpt", "RCPT", "452 4.5.3 Error: too many recipients", "4.5.3"),
    ("rdns", "RCPT", "450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]",
     "4.7.25"),
    ("rdns", "RCPT", "450 4.7.1 Client host rejected: cannot find your reverse hostname,"
     " [192.0.2.1]", "cannot find your reverse hostname"),
    ("helo-rejected", "RCPT", "504 5.5.2 <localhost>: Helo command rejected: need fully-qualified"
     " hostname", "helo command rejected"),
    ("sender-rejected", "RCPT", "450 4.1.8 <admin@opn.opn>: Sender address rejected: Domain not"
     " found", "sender address rejected"),
    ("sender-rejected", "MAIL", "553 5.1.8 <a@b.invalid>... Domain of sender address a@b.invalid"
     " does not exist", "5.1.8"),
    ("null-mx", "RCPT", "556 5.1.10 <a@null.example>: Recipient address rejected: Domain"
     " null.example does not accept mail (nullMX)", "556"),
    ("null-mx", "MAIL", "550 5.7.27 <a@null.example>: Sender address rejected: Domain null.example"
     " does not accept mail (nullMX)", "does not accept mail"),
    ("size", "MAIL", "552 5.3.4 Message size exceeds fixed limit", "5.3.4"),
    ("size", "<eom>", "552 5.3.4 Error: message file too big", "5.3.4"),
    ("loop", "<eom>", "554 5.4.0 Error: too many hops", "too many hops"),
    ("system-full", "MAIL", "452 4.3.1 Insufficient system storage", "4.3.1"),
    ("tls-required", "MAIL", "530 5.7.0 Must issue a STARTTLS command first",
     "must issue a starttls"),
    ("auth-required", "MAIL", "530 5.7.0 Authentication required", "530"),
    ("quota", "RCPT", "552 5.2.2 <bob@example.net>: Recipient address rejected: Quota exceeded"
     " (mailbox for user is full)", "5.2.2"),
    ("system-unavailable", "RCPT", "451 4.3.0 <bob@example.net>: Temporary lookup failure",
     "4.3.0"),
    ("unknown-user", "RCPT", "450 4.1.1 <bob@example.net>: Recipient address rejected: unverified"
     " address: Address verification in progress", "4.1.1"),
    ("content", "<eom>", "550 5.7.1 Blocked by SpamAssassin: spam score 9", None),
    ("policy-unspecified", "<eom>", "554 5.7.1 Message rejected", "5.7.1"),
    # Exim
    ("unknown-user", "RCPT", "550 Unrouteable address", "unrouteable address"),
    ("unknown-user", "RCPT", "550 No Such User Here", "no such user"),
    ("relay-denied", "RCPT", "550 relay not permitted", "relay not permitted"),
    ("sender-rejected", "RCPT", "550 Verification failed for <a@b.example> No Such User Here"
     " Sender verify failed", "sender verify failed"),
    ("helo-rejected", "EHLO", "501 Syntactically invalid EHLO argument(s)", "invalid ehlo"),
    ("protocol", "<greeting>", "554 SMTP synchronization error", "synchronization"),
    ("content", "<eom>", "550 This message contains a virus (Eicar-Test-Signature).", "virus"),
    ("size", "MAIL", "552 Message size exceeds maximum permitted", "message size"),
    # Sendmail
    ("unknown-user", "RCPT", "550 5.1.1 <nobody@example.net>... User unknown", "5.1.1"),
    ("relay-denied", "RCPT", "550 5.7.1 <bob@example.net>... Relaying denied.",
     "relaying denied"),
    # Both are true, and a login is what to try first.
    ("auth-required", "RCPT", "550 5.7.1 <bob@example.net>... Relaying denied. Proper"
     " authentication required.", "authentication required"),
    ("loop", "<eom>", "554 5.4.6 Too many hops 26 (25 max)", "5.4.6"),
    ("rate-limit", "<greeting>", "421 4.3.2 Connection rate limit exceeded.", "rate limit"),
    ("rate-limit", "<greeting>", "421 4.3.2 Too many open connections.",
     "too many open connections"),
    ("size", "MAIL", "552 5.2.3 Message size exceeds fixed maximum message size (10485760)",
     "5.2.3"),
    # qmail
    ("relay-denied", "RCPT", "553 sorry, that domain isn't in my list of allowed rcpthosts"
     " (#5.7.1)", "rcpthosts"),
    ("unknown-user", "RCPT", "550 sorry, no mailbox here by that name (#5.1.1)",
     "no mailbox here"),
    ("loop", "<eom>", "554 too many hops, this message is looping (#5.4.6)", "too many hops"),
    # Exchange on the premises
    ("relay-denied", "RCPT", "550 5.7.1 Unable to relay", "unable to relay"),
    ("auth-required", "MAIL", "530 5.7.1 Client was not authenticated", "530"),
    ("unknown-user", "RCPT", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by"
     " SMTP address lookup", None),
    ("loop", "<eom>", "554 5.4.14 Hop count exceeded - possible mail loop ATTR34", "5.4.14"),
    ("system-full", "MAIL", "452 4.3.1 Insufficient system resources", "4.3.1"),
    # Gmail
    ("unknown-user", "RCPT", "550 5.1.1 The email account that you tried to reach does not exist."
     " Please try double-checking the recipient's email address for typos or unnecessary spaces."
     " https://support.google.com/mail/?p=NoSuchUser a1-2002b0c1 - gsmtp", "5.1.1"),
    ("mailbox-disabled", "RCPT", "550 5.2.1 The email account that you tried to reach is inactive."
     " - gsmtp", "5.2.1"),
    ("quota", "RCPT", "452 4.2.2 The recipient's inbox is out of storage space. - gsmtp", "4.2.2"),
    ("rate-limit", "RCPT", "450 4.2.1 The user you are trying to contact is receiving mail too"
     " quickly. - gsmtp", "too quickly"),
    ("rate-limit", "<eom>", "421 4.7.28 Our system has detected an unusual rate of unsolicited mail"
     " originating from your IP address. To protect our users from spam, mail sent from your IP"
     " address has been temporarily rate limited. - gsmtp", "4.7.28"),
    ("rate-limit", "<eom>", "421 4.7.0 Our system has detected an unusual rate of unsolicited mail"
     " originating from your IP address. To protect our users from spam, mail sent from your IP"
     " address has been temporarily blocked. - gsmtp", "unusual rate"),
    ("rate-limit", "MAIL", "550 5.4.5 Daily user sending limit exceeded. - gsmtp", "5.4.5"),
    ("sender-auth", "<eom>", "550 5.7.26 Your email has been blocked because the sender is"
     " unauthenticated. Gmail requires all senders to authenticate with either SPF or DKIM."
     " Authentication required. - gsmtp", "5.7.26"),
    ("sender-auth", "<eom>", "421 4.7.26 Your email has been rate limited because it is"
     " unauthenticated. - gsmtp", "4.7.26"),
    ("sender-auth", "<eom>", "421 4.7.27 Your email has been rate limited because SPF"
     " authentication didn't pass for this message. - gsmtp", "4.7.27"),
    ("sender-auth", "RCPT", "550 5.7.27 Not accepted. - gsmtp", "5.7.27"),
    ("tls-required", "<eom>", "421 4.7.29 Your email has been rate limited because this message"
     " wasn't sent over a TLS connection. - gsmtp", "4.7.29"),
    ("sender-auth", "<eom>", "550 5.7.30 DKIM authentication didn't pass. - gsmtp", "5.7.30"),
    ("sender-auth", "<eom>", "550 5.7.1 Unauthenticated email from example.org is not accepted due"
     " to domain's DMARC policy. - gsmtp", "unauthenticated"),
    ("rdns", "<eom>", "421 4.7.23 Your email has been rate limited because the IP address sending"
     " it has no PTR record. - gsmtp", "4.7.23"),
    ("rdns", "<eom>", "550 5.7.25 The IP address sending this message does not have a PTR record"
     " setup. - gsmtp", "5.7.25"),
    ("content", "<eom>", "552 5.7.0 This message was blocked because its content presents a"
     " potential security issue. https://support.google.com/mail/?p=BlockedMessage - gsmtp",
     "5.7.0"),
    ("content", "<eom>", "550 5.7.1 Our system has detected that this message is likely"
     " unsolicited mail. To reduce the amount of spam sent to Gmail, this message has been"
     " blocked. - gsmtp", "unsolicited"),
    ("tls-required", "RCPT", "421 4.7.0 TLS required for RCPT domain, closing connection. - gsmtp",
     "tls required"),
    ("protocol", "DATA", "451 4.5.0 SMTP protocol violation, no commands allowed to pipeline after"
     " STARTTLS - gsmtp", "4.5.0"),
    ("system-unavailable", "<greeting>", "421 4.4.5 Server busy, try again later. - gsmtp",
     "4.4.5"),
    ("too-many-rcpt", "RCPT", "452 4.5.3 Your message has too many recipients. - gsmtp", "4.5.3"),
    # Microsoft
    ("rate-limit", "MAIL", "451 4.7.650 The mail server [192.0.2.1] has been temporarily rate"
     " limited due to IP reputation. (S775) [VI1EUR04FT030.eop-eur04.prod.protection.outlook.com]",
     "4.7.650"),
    ("rate-limit", "RCPT", "451 4.7.500 Server busy. Please try again later from [192.0.2.1]."
     " (S77719)", "4.7.500"),
    ("dnsbl", "RCPT", "550 5.7.606 Access denied, banned sending IP [192.0.2.1]. (AS16012609)",
     "5.7.606"),
    ("dnsbl", "MAIL", "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please"
     " contact your Internet service provider since part of their network is on our block list"
     " (S3140).", "on our block list"),
    ("sender-auth", "<eom>", "550 5.7.515 Access denied, sending domain example.org doesn't meet"
     " the required authentication level. (S2017062302)", "5.7.515"),
    ("sender-auth", "<eom>", "550 5.7.509 Access denied, sending domain example.org does not pass"
     " DMARC verification and has a DMARC policy of reject.", "5.7.509"),
    ("relay-denied", "RCPT", "550 5.7.64 TenantAttribution; Relay Access Denied", "5.7.64"),
    ("policy-unspecified", "RCPT", "550 5.4.1 Recipient address rejected: Access denied."
     " AS(201806281) [DB5EUR03FT012.eop-EUR03.prod.protection.outlook.com]", "5.4.1"),
    ("unknown-user", "RCPT", "550 5.5.0 Requested action not taken: mailbox unavailable"
     " [AM6EUR05FT012.eop-eur05.prod.protection.outlook.com]", "5.5.0"),
    ("auth-required", "MAIL", "530 5.7.57 Client not authenticated to send mail."
     " [AM0PR02CA0010.eurprd02.prod.outlook.com]", "530"),
    ("rate-limit", "<eom>", "432 4.3.2 Concurrent connections limit exceeded."
     " [AM0PR02CA0010.eurprd02.prod.outlook.com]", "concurrent"),
    # Yahoo
    ("rate-limit", "MAIL", "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to"
     " unexpected volume or user complaints", "unexpected volume"),
    ("unknown-user", "<eom>", "554 delivery error: dd This user doesn't have a yahoo.com account"
     " (nobody@yahoo.com) [0]", "doesn't have a yahoo.com account"),
    # Others
    ("dnsbl", "RCPT", "554 5.7.1 Client host blocked using Barracuda Reputation, see"
     " http://www.barracudanetworks.com/reputation/?r=1&ip=192.0.2.1", "barracuda"),
    ("dnsbl", "RCPT", "550 Rejected, see https://check.spamhaus.org/listed/?searchterm=192.0.2.1",
     "check.spamhaus.org"),
    ("dnsbl", "<greeting>", "554 5.7.1 refused - see http://csi.cloudmark.com/reset-request/?ip=1",
     "csi.cloudmark.com"),
    ("dnsbl", "<eom>", "550 5.7.1 The message has a URL on SURBL", "surbl"),
]  # fmt: skip


def read(reply: str, at: str) -> tuple[str, str]:
    code, text = int(reply[:3]), reply[4:]
    reason = classify(code, parse_enhanced(text), text, at, site_of(text))
    return reason.label, reason.why


@pytest.mark.parametrize(("label", "at", "reply", "why"), REPLIES)
def test_real_replies(label: str, at: str, reply: str, why: str | None) -> None:
    found = read(reply, at)
    assert found == (label, found[1] if why is None else why)


NEAR_MISSES = [
    # An address or a URL may hold any word.
    ("policy-unspecified", "<eom>", "550 5.7.1 See https://spam.example.org/why?spam=1"),
    ("unknown-user", "RCPT", "550 <spamhaus@example.org>: user unknown"),
    ("unknown-user", "RCPT", "550 sorbs@example.org: no such user"),
    ("policy-unspecified", "<eom>", "550 5.7.1 <virus@junk.example>: no"),
    ("policy-unspecified", "<eom>", "554 5.7.1 antispam.example.com says no"),
    ("policy-unspecified", "<eom>", "554 5.7.1 refused, spam.filter.example"),
    ("policy-unspecified", "RCPT", "550 5.7.1 https://greylist.example/postgrey"),
    # Words count only where they can mean it.
    ("policy-unspecified", "RCPT", "550 5.7.1 spam"),
    ("policy-unspecified", "RCPT", "550 5.7.1 Greylisted"),
    ("policy-unspecified", "DATA", "550 5.7.1 user unknown"),
    ("policy-unspecified", "RCPT", "550 5.7.1 domain not found"),
    ("policy-unspecified", "VRFY", "550 5.1.1 User unknown"),
    ("policy-unspecified", "RCPT", "550 5.7.1 This domain does not accept mail from you"),
    # A number that means something else without its site.
    ("policy-unspecified", "MAIL", "550 5.7.27 Not here"),
    ("null-mx", "MAIL", "550 5.7.27 Sender domain has a null MX"),
    ("policy-unspecified", "RCPT", "550 5.7.30 no"),
    ("policy-unspecified", "RCPT", "550 5.7.606 no"),
    ("policy-unspecified", "RCPT", "550 5.1.10 no"),
    ("system-unavailable", "RCPT", "550 5.4.5 no"),
    # Who says what first.
    ("rate-limit", "RCPT", "450 4.7.1 Too many connections, try again in 60 seconds"),
    ("quota", "<eom>", "552 Mailbox full"),
    ("size", "MAIL", "552 too large for your quota"),
    ("content", "<eom>", "552 message rejected by anti-spam engine"),
    ("size", "<eom>", "552 Requested mail action aborted"),
    ("too-many-rcpt", "MAIL", "452 4.5.3 no"),
    ("too-many-rcpt", "RCPT", "552 Too many recipients"),
    ("system-unavailable", "RCPT", "450 4.2.0 not now"),
    ("system-unavailable", "RCPT", "450"),
    ("policy-unspecified", "RCPT", "550"),
    ("policy-unspecified", "RCPT", "450 4.7.1 no"),
    ("protocol", "RCPT", "503 5.5.1 Error: need MAIL command"),
    ("policy-unspecified", "AUTH", "535 5.7.8 Error: authentication failed"),
]  # fmt: skip


@pytest.mark.parametrize(("label", "at", "reply"), NEAR_MISSES)
def test_near_misses(label: str, at: str, reply: str) -> None:
    assert read(reply, at)[0] == label


def test_the_site_decides_what_a_number_means() -> None:
    assert classify(550, "5.7.27", "Refused", "<eom>", "gmail").label == "sender-auth"
    assert classify(550, "5.7.27", "Refused", "<eom>", "postfix").label == "policy-unspecified"
    assert classify(550, "5.7.23", "Refused", "<eom>", "gmail").label == "rdns"
    assert classify(550, "5.7.23", "Refused", "<eom>", "microsoft").label == "sender-auth"


def test_bdat_ends_the_letter_as_the_dot_does() -> None:
    assert classify(550, None, "spam", "BDAT").label == "content"
    reply = "Authentication required: the sender is unauthenticated."
    assert classify(550, "5.7.26", reply, "BDAT").label == "sender-auth"


def test_line_breaks_and_runs_of_blanks_hide_nothing() -> None:
    assert classify(550, None, "No such\n  user", "RCPT").label == "unknown-user"


def test_any_code_and_text_has_a_reason() -> None:
    for code in range(1000):
        assert classify(code, None, "", "RCPT").label in REASONS
    assert classify(550, "5.7.1", "x" * 100_000, "RCPT").label == "policy-unspecified"


@pytest.mark.timeout(20)
def test_hostile_texts_take_no_time() -> None:
    for piece in ("a", "a.", "-", "a-", "user ", "domain ", "too many ", "<", "@", "a@", "zen.",
                  "sender ", "1", "http://", "x/"):  # fmt: skip
        for at in ("RCPT", "MAIL", "<eom>"):
            assert classify(550, None, piece * 50_000, at).label in REASONS
        assert skeleton(piece * 50_000)


def test_rows_are_complete() -> None:
    assert tuple(REASONS) == get_args(Label)
    for label, info in REASONS.items():
        assert info.label == label
        assert info.what.endswith(".")
        assert info.advice.endswith(".")
        assert info.reference.startswith("RFC ")


@pytest.mark.parametrize(
    ("label", "code", "check"),
    [
        ("unknown-user", 550, "rcpt-unknown-user"),
        ("unknown-user", 450, "delivery-temporary-other"),
        ("mailbox-disabled", 550, "rcpt-unknown-user"),
        ("greylist", 450, "rcpt-greylisted"),
        ("quota", 452, "rcpt-quota"),
        ("quota", 552, "rcpt-quota"),
        ("protocol", 503, "delivery-policy-unspecified"),
        ("policy-unspecified", 450, "delivery-temporary-other"),
        ("system-unavailable", 421, "delivery-temporary-other"),
        ("tls-required", 530, "starttls-required"),
        ("auth-required", 530, "auth-required"),
    ],
)
def test_check_of(label: str, code: int, check: str) -> None:
    assert check_of(label, code) == check


@pytest.mark.parametrize(
    ("text", "blanked"),
    [
        ("5.1.1 <bob@example.net>: User unknown", "5.1.1 …: User unknown"),
        ("5.1.1 bob@example.net... no", "5.1.1 … no"),
        ("try again in 300 seconds", "try again in … seconds"),
        ("queued as 4F1D22A0", "queued as …"),
        ("Client host [192.0.2.1] blocked", "Client host [….….….…] blocked"),
        ("see https://example.org/x?y=1 now", "see … now"),
        ("see example.org/help", "see …"),
        ("", ""),
    ],
)
def test_skeleton(text: str, blanked: str) -> None:
    assert skeleton(text) == blanked


def test_replies_that_say_the_same_have_one_skeleton() -> None:
    one = "5.7.1 Client host [192.0.2.1] blocked using zen.example; see https://a.example/1"
    two = "5.7.1 Client host [198.51.100.7] blocked using zen.example; see https://a.example/2"
    assert skeleton(one) == skeleton(two)


def test_every_refusal_code_that_is_known_has_a_check() -> None:
    for code in CODES:
        if code >= 400:
            assert check_of(classify(code, None, "", "RCPT").label, code)
