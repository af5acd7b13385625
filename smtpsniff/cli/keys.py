"""Waits for a key: one press, no Enter."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from smtpsniff.cli.streams import is_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_KEY = 8  # bytes: no key of a terminal sends more
ENDS = ("", "q", "Q", "\x04", "\x1b")  # the keyboard is gone; q, Ctrl-D and Escape


def has_keys() -> bool:
    """Whether somebody could press one."""
    return is_terminal(sys.stdin)


@contextmanager
def listening() -> Iterator[None]:
    """The terminal hands over each key at once and shows none, until this ends."""
    if sys.platform == "win32":
        yield
        return
    import termios
    import tty

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    try:
        tty.setcbreak(terminal)
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def goes_on() -> bool:
    """Wait for a key; False for one that ends."""
    return _pressed() not in ENDS


def _pressed() -> str:
    if sys.platform == "win32":
        import msvcrt

        key = msvcrt.getwch()
        if key == "\x03":
            raise KeyboardInterrupt
        return key
    # The bytes of an arrow key at once: they would else count as several keys, the first Escape.
    octets = os.read(sys.stdin.fileno(), LONGEST_KEY)
    return octets.decode("utf-8", "replace")
