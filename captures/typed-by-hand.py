#!/usr/bin/env python3
"""Records typed-by-hand.pcapng: a mail typed into telnet, one key a packet. See README.md."""

import os
import pty
import random
import select
import time

from stage import record

ENTER = "\r"
BACKSPACE = "\x7f"
ESCAPE = "\x1d"  # control and ], telnet's way to its own prompt
ERROR = "50"  # 500 or 502, by the age of Postfix

MAIL = (
    ("EHLO client.example.net", "250 "),
    (f"MIAL{BACKSPACE * 3}AIL FROM:<carla@example.net>", ERROR),
    ("MAIL FROM:<carla@example.net>", "250 "),
    ("RCPT TO:<ben@example.com>", "250 "),
    ("DATA", "354 "),
    ("From: carla@example.net", ""),
    ("To: ben@example.com", ""),
    ("Subject: Test", ""),
    ("", ""),
    ("Does this arrive?", ""),
    (".", "250 "),
    ("QUIT", "221 "),
)


class Typist:
    """Somebody at a terminal in which telnet runs."""

    def __init__(self) -> None:
        self.pace = random.Random(1)
        pid, self.terminal = pty.fork()
        if pid == 0:
            os.execlp("telnet", "telnet", "-c")  # -c: without the user's settings

    def type(self, line: str) -> None:
        self.press(line + ENTER)

    def press(self, keys: str) -> None:
        for key in keys:
            time.sleep(self.pace.uniform(0.06, 0.15))
            os.write(self.terminal, key.encode())

    def see(self, text: str) -> None:
        """Waits until the terminal shows this text, and looks at it for a moment."""
        shown = ""
        while text not in shown:
            if not select.select([self.terminal], [], [], 10)[0]:
                raise SystemExit(f"waited in vain for {text!r}, telnet showed {shown!r}")
            shown += os.read(self.terminal, 4096).decode()
        time.sleep(self.pace.uniform(0.4, 0.8))


def type_mail() -> None:
    carla = Typist()
    carla.see("telnet> ")
    carla.type("toggle crlf")  # else Enter sends CR and NUL in character mode, which ends no line
    carla.see("telnet> ")
    carla.type("open 192.0.2.25 25")
    carla.see("220 ")
    carla.press(ESCAPE)
    carla.see("telnet> ")
    carla.type("mode character")
    carla.press(ENTER)  # a line of its own for the option codes that telnet has just sent
    carla.see(ERROR)
    for line, reply in MAIL:
        carla.type(line)
        if reply:
            carla.see(reply)


if __name__ == "__main__":
    record(type_mail)
