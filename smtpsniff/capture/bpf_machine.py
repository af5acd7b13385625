"""The BSD packet filter machine (McCanne and Jacobson, 1993) over columns.

Every instruction is carried out once for all packets that come to it, rather than every packet
through all instructions: jumps go forward, so taking the lowest place first means that whoever
will come there is there. Registers are columns with a row for each packet.
"""

from __future__ import annotations

from collections import defaultdict
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

import numpy as np

from smtpsniff.capture.batch import gather

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from smtpsniff.capture.batch import PacketBatch
    from smtpsniff.capture.bpf import Instruction

    Rows = NDArray[np.int64]
    Words = NDArray[np.uint32]

MAX_ROUNDS = 64
"""Times that a batch may go through the whole program. Only `protochain` jumps back, once for each
header of a packet; what takes longer is in a circle, and what is still in it does not match."""

SCRATCH = 16  # memory cells (BPF_MEMWORDS)

# Fields of a code: its class, then what the class makes of the rest.
CLASS, SIZE, MODE, OPERATION, WITH_X = 0x07, 0x18, 0xE0, 0xF0, 0x08
LD, LDX, ST, STX, ALU, JMP, RET, MISC = range(8)
IMMEDIATE, ABSOLUTE, INDIRECT, MEMORY, LENGTH, IP_HEADER = range(0, 0xC0, 0x20)
SIZES: dict[int, np.dtype[Any]] = {
    0x00: np.dtype(">u4"),
    0x08: np.dtype(">u2"),
    0x10: np.dtype("u1"),
}
OCTET = SIZES[0x10]
RETURN_A, TO_A = 0x10, 0x80
JUMP, NEGATE, DIVIDE, REMAINDER = 0x00, 0x80, 0x30, 0x90
WORD = np.uint64(0xFFFFFFFF)
BITS = np.uint64(32)

ARITHMETIC: dict[int, Callable[[NDArray[np.uint64], NDArray[np.uint64]], NDArray[np.uint64]]] = {
    0x00: np.add,
    0x10: np.subtract,
    0x20: np.multiply,
    DIVIDE: np.floor_divide,
    0x40: np.bitwise_or,
    0x50: np.bitwise_and,
    0x60: lambda a, b: np.where(b < BITS, a << np.minimum(b, BITS), 0).astype(np.uint64),
    0x70: lambda a, b: np.where(b < BITS, a >> np.minimum(b, BITS), 0).astype(np.uint64),
    REMAINDER: np.remainder,
    0xA0: np.bitwise_xor,
}
COMPARISONS: dict[int, Callable[[Words, Words], NDArray[np.bool_]]] = {
    0x10: np.equal,
    0x20: np.greater,
    0x30: np.greater_equal,
    0x40: lambda a, b: (a & b) != 0,
}


def run(program: Sequence[Instruction], batch: PacketBatch, rows: Rows) -> Rows:
    """Those of `rows` for which the program returns other than zero."""
    return _Machine(program, batch).run(rows)


class _Machine:
    """The registers of all packets of a batch, and where they are in the program."""

    def __init__(self, program: Sequence[Instruction], batch: PacketBatch) -> None:
        self._program = program
        self._batch = batch
        self._a = np.zeros(len(batch), np.uint32)
        self._x = np.zeros(len(batch), np.uint32)
        self._cells: dict[int, Words] = defaultdict(lambda: np.zeros(len(batch), np.uint32))
        self._arrived: dict[int, list[Rows]] = {}  # place -> packets that came to it
        self._places: list[int] = []
        self._found: list[Rows] = []
        self._do = {
            LD: self._load, LDX: self._load_x, ST: self._store, STX: self._store,
            ALU: self._calculate, MISC: self._transfer,
        }  # fmt: skip

    def run(self, rows: Rows) -> Rows:
        self._go(0, rows)
        for _ in range(MAX_ROUNDS * len(self._program)):
            if not self._places:
                break
            place = heappop(self._places)
            rows = np.concatenate(self._arrived.pop(place))
            instruction = self._program[place]
            kind = instruction.code & CLASS
            if kind == RET:
                self._return(instruction, rows)
            elif kind == JMP:
                self._jump(instruction, place + 1, rows)
            else:
                self._go(place + 1, self._do[kind](instruction, rows))
        return np.concatenate(self._found) if self._found else rows[:0]

    def _go(self, place: int, rows: Rows) -> None:
        """These packets are there next; a place behind the end matches nothing."""
        if not rows.size or not 0 <= place < len(self._program):
            return
        if place not in self._arrived:
            self._arrived[place] = []
            heappush(self._places, place)
        self._arrived[place].append(rows)

    def _return(self, instruction: Instruction, rows: Rows) -> None:
        if instruction.code & SIZE == RETURN_A:
            rows = rows[self._a[rows] != 0]
        elif not instruction.k:
            return
        self._found.append(rows)

    def _jump(self, instruction: Instruction, after: int, rows: Rows) -> None:
        operation = instruction.code & OPERATION
        if operation == JUMP:
            k = instruction.k
            self._go(after + (k - (1 << 32) if k >> 31 else k), rows)
            return
        true = COMPARISONS[operation](self._a[rows], self._operand(instruction, rows))
        self._go(after + instruction.jt, rows[true])
        self._go(after + instruction.jf, rows[~true])

    def _operand(self, instruction: Instruction, rows: Rows) -> Words:
        if instruction.code & WITH_X:
            return self._x[rows]
        return np.full(1, instruction.k, np.uint32)

    def _load(self, instruction: Instruction, rows: Rows) -> Rows:
        mode, k = instruction.code & MODE, instruction.k
        if mode in (ABSOLUTE, INDIRECT):
            at = np.full(len(rows), k, np.int64)
            if mode == INDIRECT:
                at += self._x[rows]
            return self._fetch(rows, at, SIZES[instruction.code & SIZE])
        self._a[rows] = self._value(mode, k, rows)
        return rows

    def _fetch(self, rows: Rows, at: Rows, layout: np.dtype[Any]) -> Rows:
        """Load A with bytes of the packets; those that are too short match nothing."""
        inside = at + layout.itemsize <= self._batch.captured[rows]
        if not inside.all():
            rows, at = rows[inside], at[inside]
        self._a[rows] = gather(self._batch.buffer, self._batch.offset[rows] + at, layout)
        return rows

    def _load_x(self, instruction: Instruction, rows: Rows) -> Rows:
        mode, k = instruction.code & MODE, instruction.k
        if mode == IP_HEADER:  # X = 4 * (the lower half of the octet at k)
            rows = rows[k < self._batch.captured[rows]]
            octet = gather(self._batch.buffer, self._batch.offset[rows] + k, OCTET)
            self._x[rows] = (octet & 0xF).astype(np.uint32) << np.uint32(2)
        else:
            self._x[rows] = self._value(mode, k, rows)
        return rows

    def _value(self, mode: int, k: int, rows: Rows) -> Words | int:
        if mode == MEMORY:
            return self._cells[k % SCRATCH][rows]
        if mode == LENGTH:
            return self._batch.length[rows].astype(np.uint32)
        return k

    def _store(self, instruction: Instruction, rows: Rows) -> Rows:
        source = self._a if instruction.code & CLASS == ST else self._x
        self._cells[instruction.k % SCRATCH][rows] = source[rows]
        return rows

    def _calculate(self, instruction: Instruction, rows: Rows) -> Rows:
        operation = instruction.code & OPERATION
        if operation == NEGATE:
            self._a[rows] = np.negative(self._a[rows])
            return rows
        operand = self._operand(instruction, rows)
        if operation in (DIVIDE, REMAINDER) and instruction.code & WITH_X:
            rows, operand = rows[operand != 0], operand[operand != 0]
        wide = self._a[rows].astype(np.uint64), operand.astype(np.uint64)
        self._a[rows] = (ARITHMETIC[operation](*wide) & WORD).astype(np.uint32)
        return rows

    def _transfer(self, instruction: Instruction, rows: Rows) -> Rows:
        target, source = self._x, self._a
        if instruction.code & TO_A:
            target, source = source, target
        target[rows] = source[rows]
        return rows
