"""Capture formats that only Wireshark reads: told by their first bytes, converted by its tools.

`editcap` (or `tshark -r FILE -F pcapng -w -`) writes pcapng into a pipe, which our own reader
reads: nothing of a packet is lost, and there is one way from packets to sessions. pyshark would
dissect every packet and hand over less. Only files of a format in the table start a program:
editcap first, which opens no packet, so that hostile ones cannot harm it.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import tempfile
from typing import IO

SIGNATURES: dict[bytes, str] = {
    b"snoop\0\0\0": "snoop",
    b"iptrace 1.0": "AIX iptrace",
    b"iptrace 2.0": "AIX iptrace",
    b"RTSS": "Network Monitor 1",
    b"GMBU": "Network Monitor 2",
    b"XCP\0": "NetXray or Windows Sniffer",
    b"VL\0\0": "NetXray",
    b"TRSNIFF data    \x1a": "Sniffer",
    b"\x05VNF": "Visual Networks",
    b"\xaa\xaa\xaa\xaa": "5View",
    b"ObserverPktBuffe": "Observer",
    b"TR\0d\0": "HP-UX nettl",
    b"\0\0\x02\0\x12\x05\0\x10": "K12",
    b"+---------+---------------+----------+": "K12 text",
    b"\x7fver": "EtherPeek",
    b"\x1c\0\x01\xac": "IXIA hardware",
    b"\x1c\0\x01\xab": "IXIA software",
    b"\x01\x10\x4c\0\x01\x05": "LANalyzer",
    b"T O S H I B A": "Toshiba trace",
}

PROGRAMS = ("editcap", "tshark")
INSTALL = (
    "is read with Wireshark's editcap or tshark; install it "
    "(Debian and Ubuntu: apt install tshark; macOS: brew install wireshark)"
)

# Endace ERF has no magic number: each record begins with a time, a type and a length.
ERF_HEADER = struct.Struct("<II BBHHH")  # fraction, seconds; type, flags; lengths are big endian
ERF_TYPES = range(1, 49)
ERF_RECORDS = 3  # that have to look like records
ERF_SINCE = 631_152_000  # 1990: ERF is younger


def foreign(head: bytes) -> str | None:
    """The name of the format of a file with these first bytes, if Wireshark is needed for it."""
    known = (name for magic, name in SIGNATURES.items() if head.startswith(magic))
    return next(known, "ERF" if _is_erf(head) else None)


def _is_erf(head: bytes) -> bool:
    """Whether record follows record, up to the end of the bytes or for long enough."""
    at, records, before = 0, 0, 0
    while records < ERF_RECORDS and at + ERF_HEADER.size <= len(head):
        _, seconds, kind, _, *swapped = ERF_HEADER.unpack_from(head, at)
        length, _, wire = (int.from_bytes(size.to_bytes(2, "little")) for size in swapped)
        sound = kind & 0x7F in ERF_TYPES and length >= ERF_HEADER.size and wire > 0
        if not sound or seconds < max(ERF_SINCE, before):
            return False
        before, records, at = seconds, records + 1, at + length
    return records == ERF_RECORDS


class Converter:
    """The file as pcapng, read while it is made. `OSError` where the program gives up."""

    def __init__(self, path: str) -> None:
        """FileNotFoundError when there is no program for it."""
        program = next(filter(None, map(shutil.which, PROGRAMS)), None)
        if program is None:
            raise FileNotFoundError(INSTALL)
        self._program = os.path.basename(program)
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # closed in `close`
        path = os.path.abspath(path)  # never taken for an option
        words = [program, "-F", "pcapng", path, "-"]
        if self._program.startswith("tshark"):
            words = [program, "-n", "-r", path, "-F", "pcapng", "-w", "-"]
        self._process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._errors
        )

    def read(self, size: int) -> bytes:
        """Up to `size` bytes of pcapng; none at the end."""
        assert self._process.stdout is not None
        data = self._process.stdout.read(size)
        if not data:
            self._judge(self._process.wait())
        return data

    def _judge(self, status: int) -> None:
        """Raise what the program complains of; editcap does so without a status."""
        self._errors.seek(0)
        lines = self._errors.read(4096).decode("utf-8", "replace").splitlines()
        said = [line for line in lines if line.startswith((*PROGRAMS, "("))]
        if said or status:
            raise OSError(0, said[0] if said else f"{self._program} failed")

    def close(self) -> None:
        """End the program, whether it is done or not."""
        if self._errors.closed:
            return
        assert self._process.stdout is not None
        self._process.kill()
        self._process.stdout.close()
        self._process.wait()
        self._errors.close()
