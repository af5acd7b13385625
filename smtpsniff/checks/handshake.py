"""Checks of the TLS handshake, as far as it can be read (RFC 8446, RFC 5246)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpsniff.checks.registry import Hit, check
from smtpsniff.checks.saying import duration
from smtpsniff.smtp.handover import TLS_1_3
from smtpsniff.tls.names import MESSAGES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtpsniff.checks.view import View
    from smtpsniff.smtp.handover import Tls

__all__ = ["HANDSHAKE_CHECKS", "STALLED"]

# Seconds after which a handshake that is not over has stalled.
STALLED = 10.0
# Messages of the client that follow all of the server's (RFC 5246 §7.3).
CERTIFICATE_VERIFY, KEY_EXCHANGE = 15, 16


def _tls_hit(view: View, tls: Tls, text: str, *, likely: bool = False) -> Hit:
    """A hit at the handshake, with the packet that ended the connection."""
    ends = [m.frame for s in (view.client, view.server) for m in (s.rst, s.fin) if m is not None]
    frames = [tls.frame, *([tls.command.frame] if tls.command else []), *ends[:1]]
    entry = next((e for e in view.session.timeline if e.kind == "tls"), None)
    return Hit(text, frames, tls.time, entry, confidence="likely" if likely else "certain")


def _sealed_alert(view: View, tls: Tls, shortest: int, longest: int) -> bool:
    """TLS 1.3: the client hung up after one record that has an alert's size (RFC 8446 §6)."""
    client, server = tls.client, tls.server.server
    if server is None or server.version != TLS_1_3 or client.broken or len(client.sealed) != 1:
        return False
    if view.client.stream.gaps or (view.client.fin is None and view.client.rst is None):
        return False
    return shortest <= client.sealed[0] <= longest


@check(
    "tls-handshake-alert",
    group="tls",
    severity="error",
    reference="RFC 8446 §6.2, RFC 5246 §7.2",
    wakes=("tls",),
    fires=r"""
        @G ; @ET ; C "STARTTLS\r\n" ; S "220 go\r\n" ; @CH ; S "\x15\x03\x03\x00\x02\x02\x28"
    """,
    silent=r"""
        @G ; @ET ; C "STARTTLS\r\n" ; S "220 go\r\n" ; @CH ; S "\x15\x03\x03\x00\x02\x01\x00"
    """,
)
def tls_handshake_alert(view: View, *, shortest: int = 17, longest: int = 30) -> Iterator[Hit]:
    """The two sides could not agree on encryption, and one of them said why.

    Trigger: an alert before the handshake is over; or, in TLS 1.3, where alerts are sealed, a
        client that hangs up after one record of an alert's size (likely).
    Advice: a certificate alert of the client: mend the server's chain, name or dates;
        handshake_failure and protocol_version: the two have no method in common.
    Traps: close_notify is a goodbye; a warning that the handshake survives is none.
    Thresholds:
        shortest (octets): a sealed alert of TLS 1.3 without its record header: two octets,
            content type and a tag (RFC 8446 §5.2, §6).
        longest (octets): the same, padded; the shortest Finished is 53.
    """
    tls = view.dialogue.tls
    if tls is None:
        return
    for who, side in (("client", tls.client), ("server", tls.server)):
        if side.fatal and not tls.completed:
            yield _tls_hit(view, tls, f"The {who} broke the TLS handshake off: {side.fatal}.")
            return
    if _sealed_alert(view, tls, shortest, longest):
        yield _tls_hit(
            view, tls, "The client hung up in the TLS handshake after what looks like an alert.",
            likely=True,
        )  # fmt: skip


@check(
    "tls-handshake-incomplete",
    group="tls",
    severity="error",
    reference="RFC 8446 §4, RFC 3207 §4.1",
    wakes=("tls",),
    fires=r"""
        @G ; @ET ; C "STARTTLS\r\n" ; S "220 go\r\n" ; @CH ; FIN C
    """,
    silent=r"""
        @G ; @ET ; C "STARTTLS\r\n" ; S "220 go\r\n" ; @CH ; @SH
    """,
)
def tls_handshake_incomplete(view: View, *, after: float = STALLED) -> Iterator[Hit]:
    """Encryption setup stopped half-way.

    Trigger: a ClientHello, and the connection ends or ten seconds (`after`) pass before both sides
        send protected data; nobody sent an alert.
    Advice: a large certificate on a path that drops large packets, an overloaded server, or a
        device in between that inspects.
    Traps: a recording that ends early, or lacks packets, shows nothing.
    Thresholds:
        after (s): a handshake is two round trips and some arithmetic, and the slowest lines take
            a second or two.
    """
    tls = view.dialogue.tls
    if tls is None or not tls.client_begun or tls.completed or tls.failed:
        return
    whole = not (view.client.stream.gaps or view.server.stream.gaps)
    if not view.two_sided or not whole:
        return
    waited = view.waited(tls.time)
    if view.closed or waited >= after:
        last = _last_message(tls)
        how = "ended" if view.closed else "stood still"
        yield _tls_hit(
            view, tls,
            f"The TLS handshake got no further than {last}; the connection {how} "
            f"{duration(waited)} after it began.",
        )  # fmt: skip


def _last_message(tls: Tls) -> str:
    """The last message in clear, of the side that had the last word where that can be told."""
    server = MESSAGES.get(tls.server.last)
    client = MESSAGES.get(tls.client.last, "hello")
    if server is None or tls.client.last in (KEY_EXCHANGE, CERTIFICATE_VERIFY):
        return f"the client's {client}"
    return f"the server's {server}"


HANDSHAKE_CHECKS = (tls_handshake_alert, tls_handshake_incomplete)
