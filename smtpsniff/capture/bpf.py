"""Packet filters in tcpdump's language, compiled by libpcap and run over columns of packets.

libpcap is called directly rather than through scapy's `compile_filter`: that one gives no reason
in its older versions, takes link type 0 (BSD loopback) for none, and costs half a second of
imports. A host name in an expression is looked up by libpcap, as tcpdump does: it was asked for.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from smtpsniff.capture import bpf_machine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from smtpsniff.capture.batch import PacketBatch

SNAPLEN = 262_144  # libpcap's largest; what a program returns for a packet that matches
NO_NETMASK = 0xFFFFFFFF  # PCAP_NETMASK_UNKNOWN: `ip broadcast` cannot be compiled
# Link types that together know every word of the language: Ethernet, 802.11, pflog, ATM, MTP2.
SAMPLES = (1, 105, 117, 123, 140)

LIBRARIES = ("libpcap.so.1", "libpcap.so.0.8", "libpcap.so", "libpcap.A.dylib", "wpcap.dll")
INSTALL = (
    "packet filters need libpcap, which is not installed "
    "(Debian and Ubuntu: apt install libpcap0.8; Fedora: dnf install libpcap; Windows: npcap.com)"
)

# LINKTYPE_ values of files whose DLT_ value, which is what libpcap compiles for, differs.
DLTS = {100: 11, 101: 12, 102: 15, 103: 16, 106: 19}


class FilterError(Exception):
    """An expression that cannot be compiled; `str()` is one line for people."""


class Instruction(NamedTuple):
    """One instruction of the BSD packet filter, as in `struct bpf_insn`."""

    code: int
    jt: int
    jf: int
    k: int


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled filter for packets of one link type."""

    link: int  # LINKTYPE_ value
    instructions: tuple[Instruction, ...]


class _Insn(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte),
        ("k", ctypes.c_uint32),
    )  # fmt: skip


class _Program(ctypes.Structure):
    _fields_ = (("count", ctypes.c_uint), ("instructions", ctypes.POINTER(_Insn)))


def compile_filter(words: Iterable[str], link: int) -> Program:
    """The program for an expression and a LINKTYPE_ value; `FilterError` with libpcap's reason."""
    expression = " ".join(words)
    if "\0" in expression:
        raise FilterError("a packet filter cannot contain a zero byte")
    library = _libpcap()
    handle = library.pcap_open_dead(DLTS.get(link, link), SNAPLEN)
    if not handle:
        raise FilterError("libpcap has no memory left")
    program = _Program()
    try:
        text = expression.encode("utf-8", "surrogateescape")
        if library.pcap_compile(handle, ctypes.byref(program), text, 1, NO_NETMASK):
            reason = library.pcap_geterr(handle).decode("utf-8", "replace")
            raise FilterError(f"packet filter {expression!r}: {reason}")
        found = program.instructions[: program.count]
        instructions = tuple(Instruction(i.code, i.jt, i.jf, i.k) for i in found)
        library.pcap_freecode(ctypes.byref(program))
    finally:
        library.pcap_close(handle)
    return Program(link, instructions)


def matches(program: Program, batch: PacketBatch) -> NDArray[np.bool_]:
    """Which packets of a batch match: one truth value a row, false for other link types."""
    found = np.zeros(len(batch), np.bool_)
    rows = np.flatnonzero(batch.link == program.link)
    found[bpf_machine.run(program.instructions, batch, rows)] = True
    return found


class PacketFilter:
    """An expression for packets of any link types, compiled for each when it is first met.

    Where libpcap cannot say an expression of a link type, its packets do not match, and
    `refused` tells why; `FilterError` when made of what is no expression at all.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self.words = tuple(words)
        self.refused: dict[int, str] = {}  # link type -> libpcap's reason
        self._programs: dict[int, Program] = {}
        self._check()

    def _check(self) -> None:
        """Raise what libpcap says of Ethernet, unless the words mean something elsewhere."""
        if any(self._program(link) for link in SAMPLES):
            self.refused.clear()
        else:
            raise FilterError(self.refused[SAMPLES[0]])

    def matches(self, batch: PacketBatch) -> NDArray[np.bool_]:
        """Which packets of a batch match."""
        found = np.zeros(len(batch), np.bool_)
        for link in np.unique(batch.link).tolist():
            program = self._program(link)
            if program is not None:
                found |= matches(program, batch)
        return found

    def _program(self, link: int) -> Program | None:
        if link not in self._programs and link not in self.refused:
            try:
                self._programs[link] = compile_filter(self.words, link)
            except FilterError as error:
                self.refused[link] = str(error)
        return self._programs.get(link)


@cache
def _libpcap() -> ctypes.CDLL:
    """libpcap with the functions declared that are called here."""
    library = _load()
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    program = ctypes.POINTER(_Program)
    for name, result, arguments in (
        ("pcap_open_dead", pointer, [number, number]),
        ("pcap_compile", number, [pointer, program, text, number, ctypes.c_uint32]),
        ("pcap_geterr", text, [pointer]),
        ("pcap_freecode", None, [program]),
        ("pcap_close", None, [pointer]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _load() -> ctypes.CDLL:
    for name in LIBRARIES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    found = ctypes.util.find_library("pcap")  # slow: it asks other programs
    if found is None:
        raise FilterError(INSTALL)
    return ctypes.CDLL(found)
