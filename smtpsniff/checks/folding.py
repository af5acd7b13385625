"""Root causes and their consequences (D.14): report the root, hang the rest under it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smtpsniff.records import Finding

__all__ = ["FOLDS", "fold"]

_SPECIFIC_DELIVERY = (
    "auth-required", "starttls-required", "rcpt-unknown-user", "rcpt-relay-denied", "rcpt-quota",
    "rcpt-greylisted", "delivery-rate-limited", "delivery-content-rejected",
    "delivery-dnsbl-listed", "delivery-sender-auth-failed", "delivery-rdns-rejected",
    "delivery-size-rejected", "delivery-too-many-recipients", "delivery-sender-rejected",
    "delivery-helo-rejected", "delivery-loop", "delivery-null-mx", "delivery-server-full",
    "delivery-temporary-other", "delivery-policy-unspecified",
)  # fmt: skip
_STEP_LOST = ("body-lines-as-commands", "command-unknown", "errors-excessive", "reply-unsolicited",
              "reply-missing", "session-desynchronised")  # fmt: skip

# Root -> what follows from it. Order matters: an earlier root claims a consequence first.
FOLDS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("tcp-pmtu-black-hole",),
     ("tcp-retransmission-burst", "tcp-rto-stall", "data-block-stalled", "msg-truncated",
      "tls-handshake-incomplete", "tcp-reset-by-client", "tcp-reset-by-server")),
    (("tcp-reset-injected",),
     ("tcp-reset-by-client", "tcp-reset-by-server", "server-closed-without-421")),
    (("tcp-idle-drop",),
     ("tcp-retransmission-burst", "tcp-rto-stall", "tcp-reset-by-client", "tcp-reset-by-server",
      "reply-missing", "quit-missing", "eom-reply-missing", "msg-truncated")),
    (("server-tarpit-suspected",), ("server-slow-reply", "dns-delay-suspected")),
    (("eom-reply-missing",), ("client-timeout-early",)),
    (("client-timeout-early",), ("reply-missing", "tcp-reset-by-client")),
    (("tcp-zero-window",), ("data-transfer-slow", "data-block-stalled")),
    (("tcp-bad-checksum",), ("tcp-rto-stall",)),
    (("tcp-retransmission-burst",), ("tcp-rto-stall",)),
    (("early-talker-rejected",),
     ("greeting-rejected-permanent", "greeting-rejected-temporary", "delivery-failed-all")),
    (("command-before-greeting",),
     ("early-talker-rejected", "pipelining-not-offered", "pipelining-past-sync-command")),
    (("greeting-masked", "command-masked", "starttls-stripped-suspected"),
     ("helo-fallback", "helo-used", "starttls-not-offered", "ext-param-not-offered",
      "ext-verb-not-offered", "mandatory-command-refused", "command-unknown",
      "ext-keyword-malformed", "smtputf8-without-8bitmime-offer", "ext-list-changed")),
    (("message-after-data-rejected", "bdat-size-mismatch", "dot-stuffing-missing"),
     (*_STEP_LOST, "command-empty-line", "command-leading-space", "pipelining-not-offered",
      "pipelining-past-sync-command", "message-before-354")),
    (("bdat-syntax",),
     (*_STEP_LOST, "body-lines-as-commands", "bdat-after-failure", "bdat-size-mismatch",
      "command-bare-cr", "command-empty-line", "msg-truncated", "delivery-policy-unspecified")),
    (("bdat-after-last", "bdat-after-failure"), ("data-without-rcpt", "body-lines-as-commands")),
    (("bdat-missing-last",), ("mail-nested",)),
    (("lmtp-on-port-25",), ("command-unknown", "ehlo-rejected", "client-ignored-failure")),
    (("starttls-plaintext-continues",), ("starttls-offered-in-tls",)),
    (("reply-text-missing",), ("enhanced-code-missing",)),
    (("limits-exceeded",), ("delivery-too-many-recipients",)),
    (("body-lines-as-commands",), ("command-unknown", "errors-excessive")),
    (("message-before-354",), ("pipelining-past-sync-command", "pipelining-not-offered")),
    (("smuggling-eod-accepted",),
     ("smuggling-eod-variant", "msg-bare-lf", "msg-bare-cr", "reply-unsolicited",
      "eod-nonstandard")),
    (("msg-header-malformed",), ("msg-missing-date", "msg-missing-from", "msg-no-message-id")),
    (("starttls-command-injection",), ("pipelining-past-sync-command", "pipelining-not-offered")),
    (("eom-reply-missing",),
     ("delivery-outcome-unknown", "tcp-reset-by-client", "tcp-reset-by-server",
      "server-closed-without-421", "quit-missing")),
    (("msg-truncated",),
     ("tcp-reset-by-client", "tcp-reset-by-server", "delivery-outcome-unknown",
      "server-closed-without-421", "bdat-chunk-incomplete")),
    (("tcp-reset-by-client", "tcp-reset-by-server"), ("reply-missing", "quit-missing")),
    (("auth-cleartext-credentials",), ("auth-downgrade", "auth-offered-without-tls")),
    (("server-closed-without-421",), ("reply-missing", "auth-dropped-too-early")),
    (("auth-line-too-long",), ("command-line-too-long",)),
    (("command-8bit", "command-nul-byte", "command-control-char", "command-bare-cr"),
     ("command-unknown", "ehlo-argument-invalid", "path-syntax-invalid")),
    (("errors-excessive",), ("command-unknown", "noop-flood", "reply-421-shutdown")),
    (("transaction-abandoned",), ("rset-mid-transaction",)),
    (("param-syntax-invalid", "param-duplicate"),
     ("ext-param-unknown", "ext-param-value-invalid", "dsn-param-invalid",
      "ext-param-not-offered", "path-syntax-invalid")),
    (("path-domain-too-long", "path-local-part-too-long"), ("path-too-long",)),
    (("helo-fallback",), ("mandatory-command-refused", "ehlo-rejected")),
    (_SPECIFIC_DELIVERY,
     ("delivery-failed-all", "delivery-partial", "reply-421-shutdown",
      "delivery-rejected-after-data", "data-after-all-rcpt-failed", "client-ignored-failure")),
    (("greeting-rejected-permanent", "greeting-rejected-temporary"),
     ("reply-421-shutdown", "server-closed-without-421", "quit-missing")),
    (("ehlo-rejected",), ("client-ignored-failure",)),
    (("size-declared-exceeds-limit", "size-message-exceeds-limit"), ("delivery-size-rejected",)),
    (("size-declared-exceeds-limit", "body-8bitmime-not-offered", "smtputf8-not-offered",
      "requiretls-without-tls", "binarymime-with-data", "smtputf8-param-missing"),
     ("ext-param-not-offered", "ext-param-value-invalid")),
    (("ext-param-not-offered", "body-8bitmime-not-offered", "smtputf8-not-offered",
      "smtputf8-param-missing", "param-syntax-invalid", "param-duplicate", "dsn-param-invalid",
      "ext-param-value-invalid", "ext-param-unknown"),
     ("delivery-policy-unspecified",)),
    (("auth-mechanism-not-offered",), ("auth-policy-refused",)),
    (("greeting-missing",), ("client-gave-up-before-greeting",)),
    (("tls-implicit-expected",), ("tcp-connect-only-probe", "greeting-missing")),
)  # fmt: skip


# Consequence -> groups of roots that claim it, in the table's order.
_CLAIMED_BY: dict[str, list[tuple[str, ...]]] = {}
for _roots, _consequences in FOLDS:
    for _name in _consequences:
        _CLAIMED_BY.setdefault(_name, []).append(_roots)


def fold(findings: list[Finding]) -> list[Finding]:
    """Findings with each consequence moved into the `related` of its root."""
    present = {f.check: f for f in reversed(findings)}
    under: dict[int, Finding] = {}
    for finding in findings:
        for roots in _CLAIMED_BY.get(finding.check, ()):
            root = next((present[name] for name in roots if name in present), None)
            if root is not None and root is not finding and not _is_above(finding, root, under):
                under[id(finding)] = root
                root.related.append(finding)
                break
    return [f for f in findings if id(f) not in under] if under else findings


def _is_above(finding: Finding, root: Finding, under: dict[int, Finding]) -> bool:
    """Whether `root` already hangs, over any number of steps, under `finding`."""
    at: Finding | None = root
    while at is not None:
        if at is finding:
            return True
        at = under.get(id(at))
    return False
