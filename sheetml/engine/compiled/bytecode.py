"""Straight-line code for a register machine: what lines compute as arrays of instructions.

A Python function of thousands of lines takes 0.1 ms a line to compile; instructions are put together by arrays, for
all lines of one variant at once. The machine (machine.py) runs some 500 million of them a second. What it does not
know, and whatever is unusual (an error, numbers that are equal within 15 digits), it leaves to the line's function.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, auto
from typing import Any, NamedTuple

import numpy as np

from sheetml.engine.compiled.floats import Term


class Op(IntEnum):
    """Instructions: `out` becomes what is made of the registers `a` and `b`."""

    LEAVE = 0  # the line to Python
    ADD = auto()
    SUBTRACT = auto()
    MULTIPLY = auto()
    DIVIDE = auto()
    POWER = auto()
    MODULO = auto()
    ADD_LAST = auto()  # which may vanish: see precision.py
    SUBTRACT_LAST = auto()
    EQUAL = auto()
    NOT_EQUAL = auto()
    LESS = auto()
    LESS_EQUAL = auto()
    GREATER = auto()
    GREATER_EQUAL = auto()
    AND = auto()
    OR = auto()
    MAX = auto()
    MIN = auto()
    ROUND = auto()
    ROUND_UP = auto()
    ROUND_DOWN = auto()
    CEILING = auto()
    FLOOR = auto()
    LAST_BINARY = FLOOR
    MOVE = auto()
    NOT = auto()
    NEGATIVE = auto()
    PERCENT = auto()
    FINITE = auto()
    ABSOLUTE = auto()
    SQRT = auto()
    EXP = auto()
    LOG = auto()
    LOG10 = auto()
    SIGN = auto()
    SINE = auto()
    COSINE = auto()
    ARCTAN = auto()
    SINH = auto()
    COSH = auto()
    TANH = auto()
    WHOLE = auto()
    LAST_UNARY = WHOLE
    TOTAL = auto()  # of the area b, which is added to a
    MAX_OF = auto()  # of the area b
    MIN_OF = auto()
    SKIP_IF_ZERO = auto()  # b instructions, where a is 0
    SKIP = auto()  # b instructions


_COMPARED = "(d {} 0 if (d := {{0}} - {{1}}) * 0.00390625 + {{0}} != {{0}} else order_seen({{0}}, {{1}}) {} 0)"
_VANISHING = "(r if (r := {{0}} {} {{1}}) * 0.015625 + {{0}} != {{0}} or not vanishes(r, {{0}}, {{1}}) else 0.0)"
_BY_TEMPLATE: dict[str, Op] = {
    "({0} + {1})": Op.ADD,
    "({0} - {1})": Op.SUBTRACT,
    "({0} * {1})": Op.MULTIPLY,
    "({0} / {1})": Op.DIVIDE,
    "power({0}, {1})": Op.POWER,
    "modulo({0}, {1})": Op.MODULO,
    _VANISHING.format("+"): Op.ADD_LAST,
    _VANISHING.format("-"): Op.SUBTRACT_LAST,
    **{
        _COMPARED.format(symbol, symbol): op
        for symbol, op in zip(
            ("==", "!=", "<", "<=", ">", ">="),
            (Op.EQUAL, Op.NOT_EQUAL, Op.LESS, Op.LESS_EQUAL, Op.GREATER, Op.GREATER_EQUAL),
        )
    },
    "rounded({0}, {1})": Op.ROUND,
    "rounded_up({0}, {1})": Op.ROUND_UP,
    "rounded_down({0}, {1})": Op.ROUND_DOWN,
    "ceiling({0}, {1})": Op.CEILING,
    "floor_to({0}, {1})": Op.FLOOR,
    "({0} == 0)": Op.NOT,
    "(-{0})": Op.NEGATIVE,
    "({0} / 100.0)": Op.PERCENT,
    "abs({0})": Op.ABSOLUTE,
    "sqrt({0})": Op.SQRT,
    "exp({0})": Op.EXP,
    "log({0})": Op.LOG,
    "log10({0})": Op.LOG10,
    "float(({0} > 0) - ({0} < 0))": Op.SIGN,
    "sine({0})": Op.SINE,
    "cosine({0})": Op.COSINE,
    "atan({0})": Op.ARCTAN,
    "sinh({0})": Op.SINH,
    "cosh({0})": Op.COSH,
    "tanh({0})": Op.TANH,
    "whole_below({0})": Op.WHOLE,
}
_MEAN = re.compile(r"\(\{0\} / \(([0-9]+)(?: \+ len\(\{[0-9]+\}\))*\)\)")
_CHAIN = re.compile(r"\(\(\{0\} != 0\)(?: ([&|]) \(\{[0-9]+\} != 0\))*\)")
_EXTREME = re.compile(r"(max|min)\(\{0\}(?:, \{[0-9]+\})+\)")


# ---- one variant -------------------------------------------------------------------------------

Operand = tuple[
    str, Any
]  # "place": which; "temporary": which; "constant": a number; "count": places of areas, and more
_NOTHING: Operand = ("temporary", 0)


@dataclass(slots=True)
class Code:
    """A term's instructions, with places still to be filled in; the operation, where it goes, and its two operands."""

    instructions: list[tuple[Op, int, Operand, Operand]]
    result: Operand
    temporaries: int


class _Unknown(Exception):
    """The machine has no instruction for a term."""


def code_of(term: Term) -> Code | None:
    """A term for the machine; None where it does not know all of it."""
    writer = _Writer()
    try:
        result = writer.of(term)
    except _Unknown:
        return None
    return Code(writer.instructions, result, writer.temporaries)


class _Writer:
    def __init__(self) -> None:
        self.instructions: list[tuple[Op, int, Operand, Operand]] = []
        self.temporaries = 1

    def of(self, term: Term) -> Operand:
        """Where a term's value will be."""
        if term.place >= 0:
            return "place", term.place
        if not term.operands:
            return "constant", _number(term)
        return self.into(term, self._temporary())

    def _temporary(self) -> int:
        self.temporaries += 1
        return self.temporaries - 1

    def _add(self, op: Op, out: int, a: Operand, b: Operand = _NOTHING) -> Operand:
        self.instructions.append((op, out, a, b))
        return "temporary", out

    def into(self, term: Term, out: int) -> Operand:
        """Instructions that compute a term, whose value goes into a temporary register."""
        if term.place >= 0 or not term.operands:
            return self._add(Op.MOVE, out, self.of(term))
        if term.operation == "finite":
            return self._add(Op.FINITE, out, self.of(term.operands[0]))
        if term.operation == "where":
            return self._where(term, out)
        if term.operation == "total":
            *start, area = term.operands
            return self._add(Op.TOTAL, out, self.of(start[0]) if start else ("constant", -0.0), ("area", area.place))
        if term.operation in ("max of", "min of"):
            extreme = Op.MAX_OF if term.operation == "max of" else Op.MIN_OF
            return self._add(extreme, out, _NOTHING, ("area", term.operands[0].place))
        if term.operation == "mean":
            return self._mean(term, out)
        op = _BY_TEMPLATE.get(term.template)
        if op is not None:
            return self._add(op, out, *[self.of(operand) for operand in term.operands])
        return self._folded(term, out)

    def _where(self, term: Term, out: int) -> Operand:
        condition, yes, no = term.operands
        self._add(Op.SKIP_IF_ZERO, 0, self.of(condition))
        if_zero = len(self.instructions) - 1
        self.into(yes, out)
        self._add(Op.SKIP, 0, _NOTHING)
        past = len(self.instructions) - 1
        self.into(no, out)
        end = len(self.instructions)
        self._skips(if_zero, past - if_zero)
        self._skips(past, end - past - 1)
        return "temporary", out

    def _skips(self, place: int, instructions: int) -> None:
        op, out, a, _ = self.instructions[place]
        self.instructions[place] = op, out, a, ("offset", instructions)

    def _mean(self, term: Term, out: int) -> Operand:
        match = _MEAN.fullmatch(term.template)
        if match is None:
            raise _Unknown
        count = "count", (int(match[1]), [area.place for area in term.operands[1:]])
        return self._add(Op.DIVIDE, out, self.of(term.operands[0]), count)

    def _folded(self, term: Term, out: int) -> Operand:
        """A function of any number of operands: of two, and then of what that came to and the next."""
        chain, extreme = _CHAIN.fullmatch(term.template), _EXTREME.fullmatch(term.template)
        if chain is not None:
            op = Op.OR if chain[1] == "|" else Op.AND
            first, *others = [self.of(operand) for operand in term.operands]
            for other in others or [first]:
                first = self._add(op, out, first, other)
            return first
        if extreme is None:
            raise _Unknown
        first, *others = [self.of(operand) for operand in term.operands]
        op = Op.MAX if extreme[1] == "max" else Op.MIN
        for other in others[:-1]:
            first = self._add(op, self._temporary(), first, other)
        return self._add(op, out, first, others[-1])


def _number(term: Term) -> float:
    try:
        return float(term.template)
    except ValueError:
        raise _Unknown from None


# ---- many lines --------------------------------------------------------------------------------


class Instructions(NamedTuple):
    """Lines as arrays: `first[i]` to `first[i + 1]` are the instructions of line i, whose value is then in the
    register `result[i]` and goes into `slot[i]`."""

    op: np.ndarray
    out: np.ndarray
    a: np.ndarray
    b: np.ndarray
    first: np.ndarray
    result: np.ndarray
    slot: np.ndarray
    area_first: np.ndarray  # of areas: where the slots of each begin
    area_slots: np.ndarray


@dataclass(slots=True)
class Program:
    """Instructions and the registers they work on: the slots, then constants (in place) and temporary ones."""

    code: Instructions
    registers: np.ndarray


Line = tuple[int, tuple[Any, ...], Code | None]  # its slot, what stands at its places, and its code


def assembled(lines: Sequence[Line], slots: int) -> Program:
    """The program of lines, in their order; those without code are left to Python."""
    return _Assembler(lines, slots).program()


class _Assembler:
    def __init__(self, lines: Sequence[Line], slots: int) -> None:
        self.lines = lines
        self.constants = _Pool(slots)
        self.areas: list[tuple[int, ...]] = []
        self.groups: dict[int, tuple[Code, list[int]]] = {}
        for number, (_, _, code) in enumerate(lines):
            if code is not None:
                self.groups.setdefault(id(code), (code, []))[1].append(number)
        sizes = np.ones(len(lines), np.intp)
        for code, members in self.groups.values():
            sizes[members] = len(code.instructions)
        self.first = np.concatenate([[0], np.cumsum(sizes)])
        total = int(self.first[-1])
        self.op, self.out, self.a, self.b = (np.zeros(total, np.int32) for _ in range(4))
        self.is_temporary = [np.zeros(total, bool) for _ in range(3)]
        self.result = np.zeros(len(lines), np.int32)
        self.result_is_temporary = np.zeros(len(lines), bool)

    def program(self) -> Program:
        for own, members in self.groups.values():
            self._fill(own, np.array(members, np.intp))
        base = self.constants.end
        for numbers, temporary in zip((self.out, self.a, self.b), self.is_temporary):
            numbers[temporary] += base
        self.result[self.result_is_temporary] += base
        most = max((each.temporaries for each, _ in self.groups.values()), default=1)
        area_sizes = np.array([len(area) for area in self.areas], np.intp)
        code = Instructions(
            self.op,
            self.out,
            self.a,
            self.b,
            self.first.astype(np.int64),
            self.result,
            np.array([slot for slot, _, _ in self.lines], np.int32),
            np.concatenate([[0], np.cumsum(area_sizes)]).astype(np.int64),
            np.array([slot for area in self.areas for slot in area], np.int32),
        )
        empty, temporary = np.zeros(self.constants.start), np.zeros(most)
        return Program(code, np.concatenate([empty, self.constants.numbers(), temporary]))

    def _fill(self, code: Code, members: np.ndarray) -> None:
        """The instructions of all lines with one code."""
        columns = list(zip(*(self.lines[number][1] for number in members.tolist())))
        for offset, (op, out, a, b) in enumerate(code.instructions):
            at = self.first[members] + offset
            self.op[at] = op
            self.out[at], self.is_temporary[0][at] = out, True
            self.a[at], self.is_temporary[1][at] = self._operand(a, columns)
            self.b[at], self.is_temporary[2][at] = self._operand(b, columns)
        self.result[members], self.result_is_temporary[members] = self._operand(code.result, columns)

    def _operand(self, operand: Operand, columns: list[tuple[Any, ...]]) -> tuple[Any, bool]:
        """The registers of an operand, and whether they count from the first temporary one."""
        kind, what = operand
        if kind in ("temporary", "offset"):
            return what, kind == "temporary"
        if kind == "constant":
            return self.constants.add([what])[0], False
        if kind == "count":
            own, areas = what
            if not areas:
                return self.constants.add([float(own)])[0], False
            counts = [float(own + sum(map(len, each))) for each in zip(*(columns[place] for place in areas))]
            return self.constants.add(counts), False
        column = columns[what]
        if kind == "area":
            self.areas += column
            return np.arange(len(self.areas) - len(column), len(self.areas)), False
        return (self.constants.add(column), False) if isinstance(column[0], float) else (column, False)


class _Pool:
    """Registers of constants, from `start` on."""

    def __init__(self, start: int) -> None:
        self.start = self.end = start
        self._parts: list[Sequence[float]] = []

    def add(self, numbers: Sequence[float]) -> np.ndarray:
        self._parts.append(numbers)
        self.end += len(numbers)
        return np.arange(self.end - len(numbers), self.end)

    def numbers(self) -> np.ndarray:
        return np.array([number for part in self._parts for number in part], np.float64)
