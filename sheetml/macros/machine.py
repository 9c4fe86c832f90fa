"""Runs compiled procedures: frames, errors and their handlers, and the budget that ends what does not end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sheetml.errors import CalculationError, MacroError
from sheetml.macros.errors import OUT_OF_MEMORY, OUT_OF_STACK, VbaError
from sheetml.macros.values import CONVERSIONS, initial

DEEPEST_CALL = 400
PYTHON_FRAMES = 12_000  # what DEEPEST_CALL calls of deeply nested expressions may need
TICK = 128  # statements between two looks at the clock
MOST_MEMORY = 4_000_000_000  # bytes by which a macro may make the process grow

Instruction = Callable[["Frame"], "int | None"]


class Variable:
    """A place for a value, which may be handed to a procedure ByRef. Its declared type holds wherever it goes."""

    __slots__ = ("convert", "type_name", "value")

    def __init__(self, type_name: str = "Variant", value: Any = None) -> None:
        self.type_name = type_name
        self.convert = CONVERSIONS.get(type_name)
        self.value = value

    def let(self, value: Any) -> None:
        """Assigns a value (no object), converted to the declared type."""
        self.value = value if self.convert is None else self.convert(value)


def fresh(type_name: str) -> Variable:
    """A variable as Dim makes it."""
    return Variable(type_name, initial(type_name))


@dataclass(slots=True)
class Code:
    """A compiled procedure. `lines` says for each instruction where it comes from."""

    module: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    variable_types: list[str] = field(default_factory=list)
    statics: dict[int, Variable] = field(default_factory=dict)  # by the variable's index
    temporaries: int = 0
    result: int | None = None  # index of the variable that a Function returns

    @property
    def full_name(self) -> str:
        return f"{self.module}.{self.name}"


class Frame:
    """One call: its variables, what With and loops remember, and what On Error has set."""

    __slots__ = ("code", "error_place", "handler", "handling", "temporaries", "variables")

    def __init__(self, code: Code, arguments: list[Variable]) -> None:
        self.code = code
        types = code.variable_types
        self.variables = arguments + [fresh(name) for name in types[len(arguments) :]]
        for index, variable in code.statics.items():
            self.variables[index] = variable
        self.temporaries: list[Any] = [None] * code.temporaries
        self.handler: int | None = None  # None: errors end the procedure; -1: resume next; else where to go
        self.handling = False
        self.error_place = 0


RESUME_NEXT = -1


@dataclass(slots=True)
class ErrorState:
    """What the object Err tells."""

    number: int = 0
    description: str = ""
    source: str = ""

    def set(self, error: VbaError) -> None:
        self.number, self.description, self.source = error.number, error.description, error.source

    def clear(self) -> None:
        self.number, self.description, self.source = 0, "", ""


_FAILURES = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)


class Finished(Exception):
    """End or Stop: the macro is over."""


class Machine:
    """What a run of a macro has: its budget and the state of its errors."""

    def __init__(self) -> None:
        self.err = ErrorState()
        self.statements = 0
        self.depth = 0
        self.on_call: Callable[[Code], None] | None = None  # told of each call of a procedure, before it runs
        self.start(0, 0.0)

    def start(self, most_statements: int, most_seconds: float) -> None:
        """A new budget, for one run of a macro."""
        self.most_statements = most_statements
        self.most_seconds = most_seconds
        self.statements = 0
        self.next_tick = 0
        self.began = time.monotonic()
        self.memory_at_start = _memory()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    # ---- running

    def run(self, code: Code, arguments: list[Variable]) -> Any:
        """Calls the procedure from outside; VBA's errors become MacroErrors."""
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(max(limit, PYTHON_FRAMES))
        self.depth = 0
        try:
            return self.call(code, arguments)
        except VbaError as error:
            place = getattr(error, "place", code.full_name)
            raise MacroError(f"{place}: run-time error {error.number}: {error.description}.", error.number) from None
        except Finished:
            return None
        finally:
            sys.setrecursionlimit(limit)

    def call(self, code: Code, arguments: list[Variable]) -> Any:
        """Runs a procedure to its end; what it returns, if it is a Function."""
        if self.depth >= DEEPEST_CALL:
            raise VbaError(OUT_OF_STACK)
        if self.on_call is not None:
            self.on_call(code)
        self.depth += 1
        frame = Frame(code, arguments)
        try:
            self._execute(code, frame)
        finally:
            self.depth -= 1
        return None if code.result is None else frame.variables[code.result].value

    def _execute(self, code: Code, frame: Frame) -> None:
        instructions, place = code.instructions, 0
        end = len(instructions)
        while True:
            try:
                while place < end:
                    self.statements += 1
                    if self.statements >= self.next_tick:
                        self.tick(code, place)
                    target = instructions[place](frame)
                    place = place + 1 if target is None else target
                return
            except VbaError as error:
                place = self._handled(error, code, frame, place)
            except RecursionError:
                place = self._handled(VbaError(OUT_OF_STACK), code, frame, place)
            except MemoryError:
                place = self._handled(VbaError(OUT_OF_MEMORY), code, frame, place)
            except CalculationError as error:
                raise MacroError(f"{self.where(code, place)}: {error}") from None
            except Refusal as refusal:
                raise MacroError(f"{self.where(code, place)}: {refusal}") from None
            except _FAILURES as failure:  # a defect of sheetml's
                what = f"{type(failure).__name__}: {failure}"
                raise MacroError(f"{self.where(code, place)}: sheetml failed on this statement ({what})") from failure

    @staticmethod
    def where(code: Code, place: int) -> str:
        return f"{code.module}, line {code.lines[place]}"

    # ---- errors

    def _handled(self, error: VbaError, code: Code, frame: Frame, place: int) -> int:
        """Where to go on after an error; raises it again where the procedure does not handle it."""
        if not hasattr(error, "place"):
            error.place = self.where(code, place)  # type: ignore[attr-defined]
        if frame.handler is None or frame.handling:
            raise error
        self.err.set(error)
        if frame.handler == RESUME_NEXT:
            return place + 1
        frame.handling, frame.error_place = True, place
        return frame.handler

    # ---- the budget

    def tick(self, code: Code, place: int) -> None:
        """Looks whether the macro has used up its statements, its time or its memory."""
        where = self.where(code, place)
        if self.most_statements and self.statements > self.most_statements:
            raise MacroError(f"{where}: stopped after {self.most_statements:,} statements: the macro may be endless.")
        if self.most_seconds and self.seconds > self.most_seconds:
            raise MacroError(f"{where}: stopped after {self.most_seconds:g} seconds: the macro may be endless.")
        if _memory() - self.memory_at_start > MOST_MEMORY:
            raise MacroError(f"{where}: stopped: the macro uses more than {MOST_MEMORY // 10**9} GB of memory.")
        self.next_tick = self.statements + TICK
        if self.most_statements:
            self.next_tick = min(self.next_tick, self.most_statements + 1)


class Refusal(Exception):
    """What sheetml does not do, found only while the macro runs."""


def _memory() -> int:
    """The most memory the process has had, in bytes; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
