"""What became of STARTTLS, in one word."""

from __future__ import annotations

import pytest
from dialogue import sessions

ASKED = r'@G ; @ET ; C "STARTTLS\r\n" ; S "220 go\r\n"'
REFUSED = r'@G ; @ET ; C "STARTTLS\r\n" ; S "454 4.7.0 no\r\n"'
MAIL = "@M ; @R ; @D ; @H ; @X ; @Q"
CHANGED = r'C "\x14\x03\x03\x00\x01\x01" ; S "\x14\x03\x03\x00\x01\x01"'


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (f"@G ; @E ; {MAIL}", "not-offered"),
        (f"@G ; @ET ; {MAIL}", "unused"),
        (f"{REFUSED} ; @Q", "refused"),
        (f"{REFUSED} ; {MAIL}", "fallback"),
        (REFUSED + r' ; C "MAIL FROM:<a@b.example>\r\n" ; S "530 TLS first\r\n" ; @Q', "refused"),
        (f"{ASKED} ; @CH ; @SH ; {CHANGED} ; FIN C ; FIN S", "completed"),
        (f"{ASKED} ; @CH ; @SH ; FIN C ; FIN S", "failed"),
        (f"{ASKED} ; @CH ; @SH", None),
        (ASKED, None),
        (f"{ASKED} ; @CH ; GAP S 900 ; FIN C ; FIN S", None),
        (ASKED + r' ; @CH ; S "\x15\x03\x03\x00\x02\x02\x28"', "failed"),
        (f"{ASKED} ; @E ; {MAIL}", "completed-in-clear"),
        ("OPEN ; FIN C ; FIN S", None),
    ],
)
def test_label(text: str, label: str | None) -> None:
    (session,) = sessions(text)
    assert session.starttls == label
