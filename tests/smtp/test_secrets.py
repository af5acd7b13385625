"""No login's payload or password shows anywhere in a record, however it strayed."""

from __future__ import annotations

import pytest
from dialogue import sessions

from smtpsniff.records import encoder

PAYLOAD, PASSWORD = "AGJvYgBodW50ZXIy", "hunter2"

TEXTS = [
    'C "AUTH PLAIN %s\\r\\n"\nS "235 2.7.0 ok\\r\\n"',
    'C "AUTH PLAIN %s\\r\\n"\nS "501 5.5.2 What is %s?\\r\\n"',
    'C "AUTH PLAIN %s\\r\\n"\nS "535 5.7.8 hunter2 is not it\\r\\n"',
    'C "AUTH PLAIN\\r\\n"\nS "334 \\r\\n"\nC "%s\\r\\n"\nS "nonsense %s\\r\\n535 no\\r\\n"',
    'C "AUHT PLAIN %s\\r\\n"\nS "500 5.5.1 what?\\r\\n"',
    'C "AUTH PLAIN\\r\\n%s\\r\\n"\nS "504 5.5.4 no\\r\\n500 what\\r\\n"',
    'C "AUTH PLAIN %s\\r\\nhunter2\\r\\n"\nS "535 5.7.8 no\\r\\n500 what\\r\\n"',
    'C "AUTH %s\\r\\n"\nS "504 5.5.4 unknown mechanism %s\\r\\n"',
]


@pytest.mark.parametrize("framing", ["whole", "one_byte"])
@pytest.mark.parametrize("text", TEXTS)
def test_no_secret_in_the_record(text: str, framing: str) -> None:
    (session,) = sessions("@G\n@EA\n" + text.replace("%s", PAYLOAD) + "\n@Q", framing)
    record = encoder().encode(session).decode().upper()  # verbs are in capitals
    assert PAYLOAD.upper() not in record
    assert PASSWORD.upper() not in record


def test_words_that_are_no_secret_stay() -> None:
    (session,) = sessions('@G\n@E\nC "FOO BARBAR\\r\\n"\nS "500 what\\r\\n"\n@Q')
    assert "FOO BARBAR" in [e.text for e in session.timeline]
