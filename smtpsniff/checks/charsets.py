"""Bytes beyond ASCII: in the message (8BITMIME, BINARYMIME) and in addresses (SMTPUTF8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.checks.mailbox import odd_paths
from smtpsniff.checks.offers import envelopes, offers, parameters, replied
from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import said
from smtpsniff.checks.view import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View

__all__ = ["CHARSET_CHECKS"]


@check(
    "body-8bit-without-8bitmime",
    group="extension",
    severity="warning",
    reference="RFC 5321 §2.4, RFC 6152 §3",
    wakes=("eight-bit",),
    fires=r"""
        @T ; @D ; C "Subject: t\r\n\r\nna\xc3\xafve\r\n.\r\n" ; S "250 2.0.0 Ok\r\n"
    """,
    silent=r"""
        @G ; @E ; C "MAIL FROM:<s@a.example.net> BODY=8BITMIME\r\n" ; S "250 2.1.0 Ok\r\n" ; @R
        @D ; C "Subject: t\r\n\r\nna\xc3\xafve\r\n.\r\n" ; S "250 2.0.0 Ok\r\n"
    """,
)
def body_8bit_without_8bitmime(view: View) -> Iterator[Hit]:
    """The mail contains special characters, sent without asking whether the server can carry them.

    Trigger: a byte above 127 in the message, and MAIL had neither BODY=8BITMIME or BINARYMIME nor
        SMTPUTF8; an error if the server does not offer 8BITMIME, or refused because of it.
    Advice: switch 8BITMIME on in the client, or encode the message.
    Traps: harmless where the server offers 8BITMIME and took the message, so never an error there.
    """
    for letter in view.dialogue.letters:
        body, mail = letter.body, letter.mail
        if body is None or not body.eight_bit or mail is None or not view.clean(mail):
            continue
        if any(
            name == "SMTPUTF8" or (name == "BODY" and value.upper() in ("8BITMIME", "BINARYMIME"))
            for name, value in parameters(mail)
        ):
            continue
        eom = letter.eom
        offered = view.offered(mail, "8BITMIME")
        reply = eom.reply if eom is not None else None
        blamed = reply is not None and (reply.enhanced or "")[:4] in ("5.6.", "4.6.")
        yield view.at(
            "The message has bytes above 127, but MAIL did not say BODY=8BITMIME"
            + ("" if offered is not False else ", which the server had not offered")
            + (replied(eom) if eom is not None else "") + ".",
            eom or mail, severity="error" if offered is False or blamed else None,
        )  # fmt: skip


@check(
    "body-8bitmime-not-offered",
    group="extension",
    severity="error",
    reference="RFC 6152 §3",
    wakes=("parameters",),
    fires=r"""
        @G ; @EN ; C "MAIL FROM:<s@a.example.net> BODY=8BITMIME\r\n"
        S "555 5.5.4 Unsupported option\r\n"
    """,
    silent=r"""
        @G ; @E ; C "MAIL FROM:<s@a.example.net> BODY=8BITMIME\r\n" ; S "250 2.1.0 Ok\r\n"
    """,
)
def body_8bitmime_not_offered(view: View) -> Iterator[Hit]:
    """The sender asked for 8-bit transport that the server did not offer.

    Trigger: BODY=8BITMIME in MAIL, and 8BITMIME was not in the EHLO reply in force.
    Advice: the client must encode the message (quoted-printable, base64) for such a server.
    Traps: where the EHLO reply was not seen nobody can tell.
    """
    for exchange, pairs in envelopes(view):
        asked = any(name == "BODY" and value.upper() == "8BITMIME" for name, value in pairs)
        if asked and exchange.verb == "MAIL" and view.offered(exchange, "8BITMIME") is False:
            yield view.at(
                "The client used BODY=8BITMIME although the server had not offered 8BITMIME"
                f"{offers(exchange, '8BITMIME')}{replied(exchange)}.",
                exchange,
            )


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


@check(
    "smtputf8-not-offered",
    group="extension",
    severity="error",
    reference="RFC 6531 §3.2, §3.5",
    wakes=("parameters",),
    fires=r"""
        @G ; @EN ; C "MAIL FROM:<s@a.example.net> SMTPUTF8\r\n"
        S "555 5.5.4 Unsupported option\r\n"
    """,
    silent=r"""
        @G ; @E ; C "MAIL FROM:<\xc3\xa9@a.example.net> SMTPUTF8\r\n" ; S "250 2.1.0 Ok\r\n"
    """,
)
def smtputf8_not_offered(view: View) -> Iterator[Hit]:
    """An international address or header was sent to a server that cannot handle it.

    Trigger: the SMTPUTF8 parameter, or an address in UTF-8, and the keyword was not offered.
    Advice: use an ASCII address, or a server that offers SMTPUTF8.
    Traps: raw UTF-8 in header fields only, without the parameter, is sloppy software and another
        check's matter.
    """
    for exchange, pairs in envelopes(view):
        if view.offered(exchange, "SMTPUTF8") is not False:
            continue
        asked = any(name == "SMTPUTF8" for name, _ in pairs)
        if asked or (not exchange.argument.isascii() and _is_utf8(exchange.argument)):
            what = "asked for SMTPUTF8" if asked else f"sent {quote(exchange.line.rstrip())}"
            yield view.at(
                f"The client {what} although the server had not offered SMTPUTF8"
                f"{offers(exchange, 'SMTPUTF8')}{replied(exchange)}.",
                exchange,
            )


@check(
    "binarymime-with-data",
    group="extension",
    severity="error",
    reference="RFC 3030 §3",
    wakes=("odd-parameters",),
    fires=r"""
        @G
        C "EHLO a.example.net\r\n"
        S "250-mx.example\r\n250-CHUNKING\r\n250 BINARYMIME\r\n"
        C "MAIL FROM:<s@a.example.net> BODY=BINARYMIME\r\n"
        S "250 2.1.0 Ok\r\n"
        @R
        @D
        @H
        @X
    """,
    silent=r"""
        @G
        C "EHLO a.example.net\r\n"
        S "250-mx.example\r\n250-CHUNKING\r\n250 BINARYMIME\r\n"
        C "MAIL FROM:<s@a.example.net> BODY=BINARYMIME\r\n"
        S "250 2.1.0 Ok\r\n"
        @R
        C "BDAT 4 LAST\r\nhi\r\n"
        S "250 2.0.0 Ok\r\n"
    """,
)
def binarymime_with_data(view: View) -> Iterator[Hit]:
    """Binary mail cannot be sent with the old DATA command.

    Trigger: MAIL with BODY=BINARYMIME was accepted, and DATA was sent for it.
    Advice: the client must use BDAT for such mail, or encode it.
    Traps: a MAIL that was refused, or that RSET ended, does not count.
    """
    for letter in view.dialogue.letters:
        mail, data = letter.mail, letter.data
        if mail is None or data is None or data.verb != "DATA" or not mail.accepted:
            continue
        binary = any(n == "BODY" and v.upper() == "BINARYMIME" for n, v in parameters(mail))
        if binary and view.clean(mail) and view.clean(data):
            hit = view.at(
                f"{said(mail)} asked for binary transport, but DATA was sent for it"
                f"{replied(data)}.",
                data,
            )
            hit.frames = [mail.frame, *hit.frames]
            yield hit


@check(
    "smtputf8-param-missing",
    group="extension",
    severity="error",
    reference="RFC 6531 §3.4",
    wakes=("odd-path",),
    fires=r"""
        @G
        @E
        C "MAIL FROM:<j\xc3\xbcrgen@a.example.net>\r\n"
        S "553 5.6.7 Address requires SMTPUTF8\r\n"
    """,
    silent=r"""
        @G
        @E
        C "MAIL FROM:<s@a.example.net> smtputf8\r\n"
        S "250 2.1.0 Ok\r\n"
        C "RCPT TO:<j\xc3\xbcrgen@mx.example>\r\n"
        S "250 2.1.5 Ok\r\n"
    """,
)
def smtputf8_param_missing(view: View) -> Iterator[Hit]:
    """The sender forgot to announce the international address.

    Trigger: an address of MAIL or RCPT in UTF-8, the server offers SMTPUTF8, but MAIL did not
    carry the parameter.
    Advice: correct the client.
    Traps: where SMTPUTF8 is not offered it is smtputf8-not-offered; bytes that are no UTF-8 are
    command-8bit.
    """
    for exchange, path in odd_paths(view):
        if path.text.isascii() or not _is_utf8(path.text):
            continue
        mail = exchange if exchange.verb == "MAIL" else exchange.letter and exchange.letter.mail
        if not mail or not view.offered(exchange, "SMTPUTF8"):
            continue
        if all(name != "SMTPUTF8" for name, _ in parameters(mail)):
            yield view.at(
                f"The address {quote(b'<' + path.text + b'>')} is not ASCII, but MAIL did not say "
                f"SMTPUTF8{replied(exchange)}.",
                exchange,
            )


CHARSET_CHECKS = (
    body_8bit_without_8bitmime, body_8bitmime_not_offered, binarymime_with_data,
    smtputf8_not_offered, smtputf8_param_missing,
)  # fmt: skip
