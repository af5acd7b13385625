"""Sends messages to servers on the stage and records the packets.

`sent.py OUT.pcap`, with the folder of messages in SENT_MESSAGES: files that swaks sends to Postfix
(`*.swaks`), that go to Postfix octet by octet (`*.data`), or in chunks to a sink that takes
whatever it is sent (`*.bdat`), in order of their names.
"""

from __future__ import annotations

import os
import re
import shlex
import smtplib
import socket
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "captures"))

import stage

SINK = ("192.0.2.26", 25)
CHUNK = 100_000
SENDER, RECIPIENT = "carla@example.net", "anna@example.com"


def main() -> None:
    out = Path(sys.argv[1]).resolve()
    if sys.argv[1] == "--sink":
        sink()
        return
    if stage.ON_STAGE not in os.environ:
        stage.enter(Path(__file__).resolve(), out)
    stage.FILES["postfix/main.cf"] += "message_size_limit = 0\n"
    stage.build()
    stage.run("ip -n mx address add 192.0.2.26/24 dev eth0")
    # A buffer of 128 MiB, for a machine that is busy must not lose packets.
    with stage.postfix(), stage.tcpdump(out, "-B 131072"):
        for file in sorted(Path(os.environ["SENT_MESSAGES"]).iterdir()):
            SENDERS[file.suffix](file)
        settle(out)


def settle(out: Path) -> None:
    """Wait until tcpdump has written what it holds back: packets come to it in bunches."""
    size = -1
    while size != out.stat().st_size:
        size = out.stat().st_size
        time.sleep(3)


def by_swaks(file: Path) -> None:
    stage.run(
        f"swaks --server mx.example.com --from {SENDER} --to {RECIPIENT} --no-data-fixup "
        f"--data {shlex.quote(f'@{file}')}"
    )


def by_data(file: Path) -> None:
    with smtplib.SMTP("mx.example.com") as client:
        client.ehlo()
        client.mail(SENDER)
        client.rcpt(RECIPIENT)
        code, _ = client.data(file.read_bytes())
        assert code == 250


def by_chunks(file: Path) -> None:
    message = file.read_bytes()
    sink = [*["ip", "netns", "exec", "mx"], sys.executable, __file__, "--sink"]
    with stage.subprocess.Popen(sink, stdout=stage.subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()  # it listens
        with smtplib.SMTP(*SINK) as client:
            client.ehlo()
            client.docmd(f"MAIL FROM:<{SENDER}> BODY=BINARYMIME")
            client.rcpt(RECIPIENT)
            pieces = [message[at : at + CHUNK] for at in range(0, len(message), CHUNK)] or [b""]
            for number, piece in enumerate(pieces, 1):
                last = " LAST" if number == len(pieces) else ""
                client.send(b"BDAT %d%s\r\n" % (len(piece), last.encode()) + piece)
                assert client.getreply()[0] == 250
        process.wait(10)


def sink() -> None:
    """A server that takes one client's BDAT, for Postfix knows no BINARYMIME."""
    with socket.create_server(SINK) as server:
        print("ready", flush=True)  # noqa: T201 (to who started it)
        connection, _ = server.accept()
    threading.Timer(60, os._exit, (1,)).start()
    with connection, connection.makefile("rwb") as stream:
        stream.write(b"220 sink.example.com ESMTP\r\n")
        stream.flush()
        for line in stream:
            size = re.match(rb"BDAT ([0-9]+)", line)
            if size:
                stream.read(int(size[1]))
            answer = b"250-sink.example.com\r\n250-CHUNKING\r\n250 BINARYMIME\r\n"
            over = line.lower().startswith(b"quit")
            plain = b"221 Bye\r\n" if over else b"250 Ok\r\n"
            stream.write(answer if line.startswith(b"ehlo") else plain)
            stream.flush()
            if over:
                break
    os._exit(0)


SENDERS = {".swaks": by_swaks, ".data": by_data, ".bdat": by_chunks}

if __name__ == "__main__":
    main()
