"""A stage of straight-line code, ready to run: all of it, what depends on a change, or by the machine.

Every line has a variant for what its cells hold (variants.py). An error leaves it as an exception, and where its value
is of another kind than before, the lines that read it get other variants. What no variant can be made of is evaluated
as a vector of one cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import numpy as np

from sheetml.engine.cells import Slots, StoredCells
from sheetml.engine.compiled.by_machine import ByMachine, pays
from sheetml.engine.compiled.expressions import ANY
from sheetml.engine.compiled.floats import NotScalar
from sheetml.engine.compiled.items import Item
from sheetml.engine.compiled.line_formulas import UNKNOWN
from sheetml.engine.compiled.numbers import FAULTS, Fault, code_of
from sheetml.engine.compiled.variants import CAREFUL, Variant, compiled, items_at
from sheetml.engine.evaluate import Workspace
from sheetml.engine.plan import Line, Step, Straight
from sheetml.engine.scope import Scope
from sheetml.engine.values import BOOLEAN, ERROR, NUM, NUMBER, TEXT, Value
from sheetml.garbage import collection_paused

KNOWN_TO_MACHINE = 0.8  # of all lines, from which it is worth while


class Calculated(Protocol):
    """The calculation whose cells are computed."""

    slots: Slots
    scope: Scope
    cells: StoredCells
    workspace: Workspace
    revision: int

    def evaluate_step(self, step: Step) -> Value: ...


class Code(Protocol):
    """The numbers and kinds of cells that lines work on, by slot, and the choice of their variants."""

    numbers: list[float]
    kinds: bytearray
    texts: list[str]

    @property
    def calculation(self) -> Calculated: ...

    def chosen(self, line: Line, kinds: bytearray) -> tuple[Variant, tuple[Any, ...]]: ...

    def begin(self, written: frozenset[int]) -> None: ...


class _Turned(Exception):
    """A formula has a value of another kind than before."""

    def __init__(self, item: Item, kind: int) -> None:
        super().__init__()
        self.item = item
        self.kind = kind


def _careful(v: Sequence[float]) -> float:
    raise NotScalar


class _Retry:
    """A variant's function for a cell that has held a value of another kind."""

    def __init__(self, variant: Variant) -> None:
        assert variant.function is not None
        self.function, self.kind = variant.function, variant.kind

    def __call__(self, v: Sequence[float], *places: Any) -> float:
        number = self.function(v, *places)
        if number - number != 0:
            raise Fault(NUM)
        raise _Turned(number, self.kind)


class _AsItem:
    """A variant's function where the kind of the value, or the text that it is, shows when it is run."""

    def __init__(self, code: Code, slot: int, function: Callable[..., Item], changed: Callable[[int], None]):
        self.code = code
        self.slot = slot
        self.function = function
        self.changed = changed  # told of a text that is another one

    def __call__(self, v: Sequence[float], *places: Any) -> float:
        item = self.function(v, *places)
        kind = _KINDS[type(item)]
        if kind != self.code.kinds[self.slot]:
            raise _Turned(item, kind)
        if type(item) is str:
            texts = self.code.texts
            if item != texts[self.slot]:
                texts[self.slot] = item
                self.changed(self.slot)
            return 0.0
        return float(item)  # type: ignore[arg-type]


_KINDS = {float: NUMBER, str: TEXT, bool: BOOLEAN}


def _expected(kind: int, held: int) -> int:
    """The kind of value that a variant will give, where it cannot be known as the cell holds it."""
    if kind == ANY:
        return held if held in (NUMBER, TEXT, BOOLEAN) else NUMBER
    return kind


class Program:
    """A stage of lines, ready to run: for each of them its slot, its function and what that is given."""

    def __init__(self, code: Code, stage: Straight, everything: bool) -> None:
        self.code = code
        self.stage = stage
        self.lines = stage.lines
        self.targets = stage.targets
        self.touched = np.union1d(stage.reads, stage.targets)
        self.entries: list[tuple[int, Any, tuple[Any, ...]]] = []
        self.variants: list[Variant] = []
        self._readers: dict[int, list[int]] | None = None  # by a slot whose kind they are chosen by
        self._all_readers: dict[int, list[int]] | None = None
        self._known_numbers = self._known_kinds = np.zeros(0)
        self._numbers_of = items_at(stage.targets.tolist())
        self._machine: ByMachine | None = None
        self._is_known: bool | None = None  # to the machine, most of it
        self._behind = False  # the machine has computed numbers which the list of them does not hold yet
        self._lines_run = 0  # one by one, since the lines were last chosen
        self._most_change = False  # in the last calculation most lines changed
        self._texts_changed: list[int] = []
        self._changed: set[int] | None = None
        self._written = frozenset(self.targets.tolist())
        self._build(everything)

    # ---- variants

    @collection_paused()
    def _build(self, everything: bool) -> None:
        """Chooses a variant for every line, by what the cells hold and what the lines before it will.

        With `everything` all lines are run next: whatever kinds of values the file has kept for them do not matter.
        """
        cells, kinds = self.code.calculation.cells, self.code.kinds
        self._known_numbers, self._known_kinds = cells.number[self.touched], cells.kind[self.touched]
        touched: list[int] = self.touched.tolist()
        for slot, number, kind in zip(touched, self._known_numbers.tolist(), self._known_kinds.tolist()):
            self.code.numbers[slot] = number
            kinds[slot] = int(kind)
        for slot in self.touched[self._known_kinds == TEXT].tolist():
            self.code.texts[slot] = cells.text[slot]
        chosen = []
        for line in self.lines:
            variant, places = self.code.chosen(line, self.code.kinds)
            chosen.append((line.slot, variant, places))
            if everything and variant is not CAREFUL:
                kinds[line.slot] = _expected(variant.kind, kinds[line.slot])
        self.variants = [variant for _, variant, _ in chosen]
        compiled(variant for variant in self.variants if variant is not CAREFUL)
        self.entries = [self._entry(*each) for each in chosen]

    def _entry(self, slot: int, variant: Variant, places: tuple[Any, ...]) -> tuple[int, Any, tuple[Any, ...]]:
        """What is run for a line."""
        if variant is CAREFUL:
            return slot, _careful, ()
        assert variant.function is not None
        if variant.kind in (TEXT, ANY):
            return slot, _AsItem(self.code, slot, variant.function, self._text_changed), places
        return slot, variant.function if self.code.kinds[slot] == variant.kind else _Retry(variant), places

    def _text_changed(self, slot: int) -> None:
        self._texts_changed.append(slot)
        if self._changed is not None:
            self._changed.add(slot)

    def _choose_again(self, position: int) -> None:
        """Gives a line the variant for what its cells hold now."""
        line = self.lines[position]
        variant, places = self.code.chosen(line, self.code.kinds)
        self.variants[position] = variant
        if variant is not CAREFUL:
            compiled([variant])
        self.entries[position] = self._entry(line.slot, variant, places)
        self._machine, self._is_known, self._lines_run = None, None, 0

    def replace(self, position: int, more: np.ndarray) -> None:
        """Takes up that a line has another formula, which reads some slots that none has read before."""
        cells, code = self.code.calculation.cells, self.code
        more = np.setdiff1d(more, self.touched)
        numbers, kinds = cells.number[more], cells.kind[more]
        for slot, number, kind in zip(more.tolist(), numbers.tolist(), kinds.tolist()):
            code.numbers[slot] = number
            code.kinds[slot] = kind
            code.texts[slot] = cells.text[slot]
        self.touched = np.concatenate([self.touched, more])
        self._known_numbers = np.concatenate([self._known_numbers, numbers])
        self._known_kinds = np.concatenate([self._known_kinds, kinds])
        self._all_readers = None
        if self._readers is not None:
            for slot in self.lines[position].formula.watched:
                self._readers.setdefault(slot, []).append(position)
        self._choose_again(position)

    def _kind_changed(self, slot: int, kind: int) -> None:
        """A cell holds a value of another kind: the lines that read it get other variants."""
        before, self.code.kinds[slot] = self.code.kinds[slot], kind
        if self._readers is None:
            self._readers = self._by_slot(lambda line: line.formula.watched)
        if UNKNOWN in (before, kind):  # which matters in any area
            if self._all_readers is None:
                self._all_readers = self._by_slot(lambda line: line.reads)
            for position in self._all_readers.get(slot, ()):
                self._choose_again(position)
        for position in self._readers.get(slot, ()):
            self._choose_again(position)

    def _by_slot(self, slots: Callable[[Line], Iterable[int]]) -> dict[int, list[int]]:
        """By slot: the line that computes it, and those that it matters to."""
        found = {line.slot: [position] for position, line in enumerate(self.lines)}
        for position, line in enumerate(self.lines):
            for slot in slots(line):
                found.setdefault(slot, []).append(position)
        return found

    # ---- running

    def run(self, dirty: np.ndarray, everything: bool) -> None:
        calculation = self.code.calculation
        cells, problems = calculation.cells, calculation.workspace.problems
        for slot in self.targets.tolist() if problems else ():
            problems.pop(slot, None)
        self.code.begin(self._written)
        changed = self._taken_in(dirty)
        before = cells.number[self.targets], cells.kind[self.targets]
        self._texts_changed, self._changed = [], None if everything else changed
        if self._machine is None and (everything or self._most_change) and self._pays():
            self._machine = self._for_machine()
        if self._machine is not None and (everything or self._most_change):
            numbers = self._run_by_machine(self._machine)
        else:
            self._catch_up()
            if everything:
                self._run_from(0)
            else:
                self._run_changed(changed)
            numbers = self._numbers()
        self._give_out(dirty, numbers, *before)

    def _numbers(self) -> np.ndarray:
        """The numbers of the lines' cells."""
        return np.array(self._numbers_of(self.code.numbers), np.float64)

    def _taken_in(self, dirty: np.ndarray) -> set[int]:
        """Takes over what other stages and edits have put into the cells; the slots that changed."""
        cells, code = self.code.calculation.cells, self.code
        number, kind = cells.number[self.touched], cells.kind[self.touched]
        moved = (number != self._known_numbers) | (kind != self._known_kinds)
        for place in np.nonzero(moved)[0].tolist():
            slot = int(self.touched[place])
            code.numbers[slot] = float(number[place])
            if kind[place] != self._known_kinds[place]:
                self._kind_changed(slot, int(kind[place]))
        written = self.touched[kind == TEXT]
        for slot, text in zip(written.tolist(), cells.text[written].tolist()):
            if code.texts[slot] != text:
                code.texts[slot] = text
                moved[self.touched == slot] = True
        return set(self.touched[moved | dirty[self.touched]].tolist())

    def _run_from(self, start: int) -> None:
        """Runs all lines from one on."""
        v, entries, position, checked = self.code.numbers, self.entries, start, False
        begin = start
        self._lines_run += len(entries) - start
        while True:
            try:
                for position in range(start, len(entries)):
                    slot, function, places = entries[position]
                    v[slot] = number = function(v, *places)
                    if checked and number - number != 0:
                        raise Fault(NUM)
            except (*FAULTS, NotScalar, _Turned) as found:
                self._settle(position, found, None)
                start = position + 1
                continue
            if checked or np.isfinite(self._numbers()).all():
                return
            checked, start = True, begin  # some number is infinite: it is found out where that begins

    # ---- by the machine

    def _pays(self) -> bool:
        if self._is_known is None:
            known = sum(variant.plain for variant in self.variants)
            self._is_known = known >= KNOWN_TO_MACHINE * len(self.lines)
        return self._is_known and pays(len(self.lines), self._lines_run)

    def _for_machine(self) -> ByMachine:
        lines = [
            (slot, places, variant.term if function is variant.function else None)
            for (slot, function, places), variant in zip(self.entries, self.variants)
        ]
        return ByMachine(lines, self.code.calculation.slots.count)

    def _run_by_machine(self, machine: ByMachine) -> np.ndarray:
        """Runs all lines: where most of them change, that is sooner done than asking. The numbers of their cells."""
        registers, cells, last = machine.registers, self.code.calculation.cells, len(self.entries)
        registers[self.touched] = cells.number[self.touched]
        self._behind = True
        position = machine.run()
        while position < last:
            self._run_by_python(position, registers)
            if self._machine is not machine:  # a value of another kind: other variants follow
                self._catch_up(registers)
                self._run_from(position + 1)
                return self._numbers()
            position = machine.run(position + 1)
        return registers[self.targets]

    def _run_by_python(self, position: int, registers: np.ndarray) -> None:
        """Runs a line that the machine leaves to Python."""
        v, kinds, (slot, function, places) = self.code.numbers, self.code.kinds, self.entries[position]
        for read in self.lines[position].reads:
            if read in self._written and kinds[read] != TEXT:
                v[read] = float(registers[read])
        try:
            number = function(v, *places)
            if number - number != 0:
                raise Fault(NUM)
            v[slot] = number
        except (*FAULTS, NotScalar, _Turned) as found:
            self._settle(position, found, None)
        registers[slot] = v[slot]

    def _catch_up(self, numbers: np.ndarray | None = None) -> None:
        """Takes over what the machine has computed last."""
        if self._behind:
            v, kinds, known = self.code.numbers, self.code.kinds, numbers
            if known is None:
                known = self.code.calculation.cells.number
            for slot, number in zip(self.targets.tolist(), known[self.targets].tolist()):
                if kinds[slot] != TEXT:
                    v[slot] = number
            self._behind = False

    # ---- one by one

    def _run_changed(self, changed: set[int]) -> None:
        """Runs the lines that read something changed, or were changed themselves."""
        v, entries, lines, start, position = self.code.numbers, self.entries, self.lines, 0, 0
        run = 0
        while True:
            try:
                for position in range(start, len(entries)):
                    slot, function, places = entries[position]
                    if changed.isdisjoint(lines[position].reads) and slot not in changed:
                        continue
                    number = function(v, *places)
                    if number != v[slot]:
                        run += 1
                        if number - number != 0:
                            raise Fault(NUM)
                        v[slot] = number
                        changed.add(slot)
                self._lines_run += run
                return
            except (*FAULTS, NotScalar, _Turned) as found:
                self._settle(position, found, changed)
                start = position + 1

    def _settle(self, position: int, found: BaseException, changed: set[int] | None) -> None:
        """What is to be done where a line did not simply give a number of the expected kind."""
        v, kinds, line = self.code.numbers, self.code.kinds, self.lines[position]
        before = v[line.slot], kinds[line.slot]
        if isinstance(found, NotScalar):
            v[line.slot], kind = self._carefully(line)
        elif isinstance(found, _Turned):
            kind = found.kind
            v[line.slot] = 0.0 if kind == TEXT else float(found.item)  # type: ignore[arg-type]
            if kind == TEXT:
                self.code.texts[line.slot] = str(found.item)
                self._text_changed(line.slot)
        else:
            v[line.slot], kind = 0.0, ERROR + code_of(found)
        if changed is not None and before != (v[line.slot], kind):
            changed.add(line.slot)
        if kinds[line.slot] != kind:
            self._kind_changed(line.slot, kind)

    def _carefully(self, line: Line) -> tuple[float, int]:
        """A line's value evaluated as a vector of one cell: its number and its kind."""
        calculation, v, kinds = self.code.calculation, self.code.numbers, self.code.kinds
        cells = calculation.cells
        for slot in line.reads:
            cells.number[slot], cells.kind[slot], cells.text[slot] = v[slot], kinds[slot], self.code.texts[slot]
        calculation.workspace.problems.pop(line.slot, None)
        value = calculation.evaluate_step(line.step(calculation.workspace))
        kind = int(value.kinds[0, 0, 0])
        if kind == TEXT:
            text = value.texts[0, 0, 0]
            if self.code.texts[line.slot] != text or kinds[line.slot] != TEXT:
                self._text_changed(line.slot)
            self.code.texts[line.slot] = text
        return float(np.asarray(value.number)[0, 0, 0]), kind

    def _give_out(
        self, dirty: np.ndarray, numbers: np.ndarray, numbers_before: np.ndarray, kinds_before: np.ndarray
    ) -> None:
        """Writes the lines' values into the cells, and marks those that changed."""
        calculation = self.code.calculation
        cells, targets = calculation.cells, self.targets
        kinds = np.frombuffer(self.code.kinds, np.uint8)[targets]
        cells.number[targets], cells.kind[targets] = numbers, kinds
        for slot in targets[kinds == TEXT].tolist():
            cells.text[slot] = self.code.texts[slot]
        moved = (numbers != numbers_before) | (kinds != kinds_before)
        self._most_change = bool(2 * np.count_nonzero(moved) > len(targets))
        if moved.any() or self._texts_changed:
            dirty[targets[moved]] = True
            dirty[self._texts_changed] = True
            calculation.revision += 1
        calculation.workspace.pending[targets] = False
        self._known_numbers, self._known_kinds = cells.number[self.touched], cells.kind[self.touched]
