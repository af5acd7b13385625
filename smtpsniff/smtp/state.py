"""How a session moves: which reply to which command leads to which phase (RFC 5321 §4.1.4).

Two rules for this file. Everything that changes the phase stands in the table. And state is
what the server *accepted*: rows are applied when a reply is paired, never when a command is
sent; a refused command leaves the phase alone, unless a row says otherwise.
"""

from __future__ import annotations

from smtpsniff.smtp.model import Phase

__all__ = ["next_phase"]

P = Phase

# (verb, first digit of the reply) -> phase. A row with a set of phases applies in those only.
AFTER: dict[tuple[str, int], Phase] = {
    ("<greeting>", 2): P.PRE_EHLO,
    ("<greeting>", 4): P.REFUSED,
    ("<greeting>", 5): P.REFUSED,
    ("EHLO", 2): P.READY,
    ("HELO", 2): P.READY,
    ("LHLO", 2): P.READY,
    ("MAIL", 2): P.ENVELOPE,
    ("SEND", 2): P.ENVELOPE,
    ("SOML", 2): P.ENVELOPE,
    ("SAML", 2): P.ENVELOPE,
    ("RCPT", 2): P.RECIPIENTS,
    ("DATA", 3): P.BODY,
    ("BDAT", 2): P.CHUNKS,
    # Whatever the answer to the message: buffers are cleared (§4.1.1.4).
    ("<eom>", 2): P.READY,
    ("<eom>", 4): P.READY,
    ("<eom>", 5): P.READY,
    ("RSET", 2): P.READY,
    ("STARTTLS", 2): P.TLS,
    ("X-ANONYMOUSTLS", 2): P.TLS,
    ("AUTH", 3): P.AUTH,
    ("X-EXPS", 3): P.AUTH,
    ("AUTH", 2): P.READY,
    ("X-EXPS", 2): P.READY,
    ("<auth-response>", 2): P.READY,
    ("<auth-response>", 3): P.AUTH,
    ("<auth-response>", 4): P.READY,
    ("<auth-response>", 5): P.READY,
    ("XCLIENT", 2): P.PRE_EHLO,
    ("QUIT", 2): P.CLOSING,
    ("QUIT", 4): P.CLOSING,
    ("QUIT", 5): P.CLOSING,
}

# RSET before EHLO introduces nobody.
_NOT_INTRODUCED = frozenset({P.PRE_EHLO, P.REFUSED, P.UNKNOWN})


def next_phase(phase: Phase, verb: str, kind: int) -> Phase:
    """The phase after `verb` was answered with a code whose first digit is `kind`."""
    if verb == "RSET" and phase in _NOT_INTRODUCED:
        return phase
    return AFTER.get((verb, kind), phase)
