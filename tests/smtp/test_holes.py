"""Packets that the capture lost, where what they hid decides how to read on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from dialogue import compile_text, pcap
from dialogue import sessions as read

from smtpsniff.pipeline.analysis import Analysis, Settings, sessions_of

if TYPE_CHECKING:
    from pathlib import Path

CHANGED = r'C "\x14\x03\x03\x00\x01\x01" ; S "\x14\x03\x03\x00\x01\x01"'


@pytest.mark.parametrize("lost", ["GAP C 10 ; GAP S 20", r'C "STARTTLS\r\n" ; GAP S 20'])
def test_what_asked_for_tls(lost: str) -> None:
    (session,) = read(f"@G ; @ET ; {lost} ; @CH ; @SH ; {CHANGED} ; FIN C ; FIN S")
    assert (session.protocol, session.starttls) == ("smtp", "completed")
    assert session.tls is not None
    assert session.tls.how == "starttls"
    assert {f.severity for f in session.findings} == {"note"}


@pytest.mark.parametrize("window", [2000, 100_000])
def test_a_receipt_that_waits_for_the_message(window: int, tmp_path: Path) -> None:
    """The hole in the message is not given up yet when the receipt comes."""
    body = 'C "x"*1000 "\\r\\n"\n'
    text = f'@T\n@D\n@H\n{body}GAP C 9000\n{body * 9}C ".\\r\\n"\nS "250 2.0.0 Ok\\r\\n"\n@Q'
    file = tmp_path / "lost.pcap"
    file.write_bytes(pcap(compile_text(text)))
    (session,) = sessions_of(Analysis([file], Settings(window=window)))
    assert session.transactions[0].outcome == "delivered"
    assert "eom-reply-missing" not in {f.check for f in session.findings}
