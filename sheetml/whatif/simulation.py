"""Monte Carlo simulation: the outputs' values in scenarios drawn from the distributions of the inputs.

Scenarios are drawn and computed in parts. A part follows from the seed and its number alone, so that the numbers are
the same whatever computes them, in whatever order, and a simulation that was stopped goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sheetml.errors import SheetmlError
from sheetml.optional import needed
from sheetml.whatif.distributed import computed
from sheetml.whatif.distributions import Distribution
from sheetml.whatif.random_cells import Drawn, draws, externalised
from sheetml.whatif.sampling import METHODS, correlated, correlation_root, uniform
from sheetml.whatif.statistics import LEVELS, Summary, rank_correlations, summarised
from sheetml.whatif.variation import uncertain
from sheetml.workbook import Book

PART = 16_384  # scenarios in a part, at most; a power of two, for which Sobol points are best
FEWEST_PARTS = 16  # for standard errors
KEPT = 10_000_000  # numbers of inputs that are kept in memory, to be looked at afterwards

Progress = Callable[[int, int], None]  # scenarios done, scenarios in all
AT_RANDOM = Distribution("uniform(0, 1)", lambda probabilities: probabilities)


@dataclass(frozen=True)
class Input:
    """An input of the simulation: the cell that is varied, or whose formula draws a random number."""

    address: str
    distribution: Distribution


class Simulation:
    """Scenarios of a workbook's output cells.

    `inputs` are texts such as "B1~normal(0.07, 0.02)"; formulas that call RAND or RANDBETWEEN are inputs by
    themselves. `correlate` states correlations of the inputs' normal scores, as "B1,B2=0.5". `method` is "random",
    "latin" (hypercube) or "sobol". The workbook is left as it is.

    Raises SheetmlError (FormulaError for an address that cannot be understood) where something is not as stated.
    """

    def __init__(
        self, book: Book, inputs: Sequence[str], outputs: Sequence[str], *, correlate: Sequence[str] = (),
        method: str = "random", seed: int = 0, sheet: str | None = None,
    ) -> None:  # fmt: skip
        if method not in METHODS:
            raise SheetmlError(f"there is no method {method!r}: choose from {', '.join(METHODS)}")
        self.method, self.seed = method, seed
        self.stated = {"inputs": list(inputs), "outputs": list(outputs), "correlate": list(correlate),
                       "method": method, "seed": seed, "sheet": sheet}  # fmt: skip
        self.workbook = book
        if not outputs:
            raise SheetmlError(f"{book.path}: no output cell is named")
        wanted = book.held_slots(book.areas(outputs, sheet))
        drawn: list[Drawn] = []
        if draws(book, wanted):
            book = book.copy()
            drawn = externalised(book, book.held_slots(book.areas(outputs, sheet)))
        given = [uncertain(book, text, sheet) for text in inputs]
        self.inputs = [Input(each.address, each.distribution) for each in given]
        self.inputs += [Input(f"a draw of {each.address}", AT_RANDOM) for each in drawn]
        if not self.inputs:
            raise SheetmlError(
                f"{book.path}: nothing is uncertain: no input has a distribution, and no output draws random numbers"
            )
        repeated = {each.address for each in given if sum(other.slot == each.slot for other in given) > 1}
        if repeated:
            raise SheetmlError(f"{book.path}: {', '.join(sorted(repeated))} has more than one distribution")
        slots = np.array([*(each.slot for each in given), *(each.slot for each in drawn)], np.intp)
        outputs_now = book.held_slots(book.areas(outputs, sheet))
        self.function = book.function_of(slots, outputs_now)
        places = {each.slot: number for number, each in enumerate(given)}
        self._root = correlation_root([_pair(book, text, sheet, places) for text in correlate], len(self.inputs))

    @property
    def output_addresses(self) -> list[str]:
        return self.function.output_addresses

    # ---- scenarios

    def values_at(self, points: np.ndarray) -> np.ndarray:
        """The inputs' values at points of the unit cube, (k, n)."""
        points = correlated(points, self._root)
        columns = [each.distribution.quantile(points[:, place]) for place, each in enumerate(self.inputs)]
        return np.column_stack(columns)

    def part(self, number: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        """The inputs (size, n) and the outputs (size, m) of the scenarios of one part."""
        seed = np.random.SeedSequence(self.seed, spawn_key=(number,))
        inputs = self.values_at(uniform(self.method, size, len(self.inputs), seed))
        return inputs, self.outputs_at(inputs)

    def outputs_at(self, inputs: np.ndarray) -> np.ndarray:
        """The outputs (k, m) for values of the inputs, (k, n); nan where a cell holds no number."""
        return self.function.batch(inputs).reshape(len(inputs), -1)

    def run(
        self, count: int, *, progress: Progress | None = None, samples: Path | None = None, scheduler: str | None = None
    ) -> Simulated:
        """Computes `count` scenarios.

        `samples` is a folder that receives them as Parquet, a file a part; a run of the same simulation into the same
        folder takes up what is there. `scheduler` is the address of a Dask scheduler whose workers compute the parts.
        Ctrl-C ends the run with what is done. Raises SheetmlError where the folder is of another simulation, or the
        scheduler cannot be used.
        """
        sizes = part_sizes(count)
        store = None if samples is None else Samples(samples, self, count)
        done: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        kept, interrupted = 0, False

        def take(number: int, inputs: np.ndarray, outputs: np.ndarray) -> None:
            nonlocal kept
            kept += inputs.size
            done[number] = (inputs if kept <= KEPT else inputs[:0], outputs)
            if progress:
                progress(sum(sizes[each] for each in done), count)

        try:
            known = set() if store is None else store.numbers(len(sizes))
            for number in sorted(known):
                assert store is not None
                take(number, *store.read(number))
            left = [(number, size) for number, size in enumerate(sizes) if number not in known]
            for number, inputs, outputs in self._computed(left, scheduler):
                if store is not None:
                    store.write(number, inputs, outputs)
                take(number, inputs, outputs)
        except KeyboardInterrupt:
            interrupted = True
        return Simulated(self, [done[number] for number in sorted(done)], interrupted)

    def _computed(
        self, parts: Sequence[tuple[int, int]], scheduler: str | None
    ) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        if scheduler is None:
            for number, size in parts:
                yield (number, *self.part(number, size))
            return
        make = partial(_anew, self.workbook, self.stated)
        yield from computed(make, parts, scheduler)


def _anew(book: Book, stated: dict[str, Any]) -> Simulation:
    """The simulation on another machine."""
    return Simulation(book, **stated)


def part_sizes(count: int) -> list[int]:
    """How many scenarios are in each part: a power of two, but for the last."""
    if count < 1:
        raise SheetmlError("a simulation has at least one scenario")
    size = min(PART, 1 << max((count // FEWEST_PARTS).bit_length() - 1, 0))
    return [min(size, count - start) for start in range(0, count, size)]


def _pair(book: Book, text: str, sheet: str | None, places: dict[int, int]) -> tuple[int, int, float]:
    """The places of two inputs, and their correlation, from "B1,B2=0.5"."""
    cells, _, stated = text.rpartition("=")
    try:
        correlation = float(stated)
        slots = [int(slot) for part in cells.split(",") for slot in book.held_slots(book.areas(part.strip(), sheet))]
        first, second = (places[slot] for slot in slots)
    except (ValueError, KeyError):
        raise SheetmlError(f"{text!r} states no correlation of two inputs: write it as in B1,B2=0.5") from None
    if not -1 <= correlation <= 1 or first == second:
        raise SheetmlError(f"{text!r}: a correlation is of two different inputs, and from -1 to 1")
    return first, second, correlation


@dataclass
class Simulated:
    """The scenarios that a run computed, part after part."""

    simulation: Simulation
    parts: list[tuple[np.ndarray, np.ndarray]]
    interrupted: bool = False

    @property
    def outputs(self) -> np.ndarray:
        """The outputs of all scenarios, (k, m)."""
        width = len(self.simulation.output_addresses)
        return np.concatenate([np.empty((0, width)), *(outputs for _, outputs in self.parts)])

    @property
    def inputs(self) -> np.ndarray:
        """The inputs of the first scenarios, (k, n): all of them, where that is not too much."""
        width = len(self.simulation.inputs)
        kept = []
        for inputs, outputs in self.parts:
            if len(inputs) < len(outputs):
                break
            kept.append(inputs)
        return np.concatenate([np.empty((0, width)), *kept])

    def summaries(self, levels: Sequence[float] = LEVELS) -> list[Summary]:
        """What each output came to."""
        sizes = [len(outputs) for _, outputs in self.parts]
        return [summarised(column, sizes, levels) for column in self.outputs.T]

    def rank_correlations(self) -> np.ndarray:
        """Of each input with each output, (n, m)."""
        inputs = self.inputs
        outputs = self.outputs[: len(inputs)]
        return np.column_stack([rank_correlations(inputs, column) for column in outputs.T])

    def problem(self) -> str:
        """Why the first scenario without a value has none; "" where all have one."""
        inputs = self.inputs
        wrong = np.nonzero(~np.isfinite(self.outputs[: len(inputs)]).all(axis=1))[0]
        return self.simulation.function.problem(inputs[wrong[0]]) if wrong.size else ""


class Samples:
    """A folder with the scenarios of a simulation: a Parquet file a part, and what the simulation is."""

    def __init__(self, folder: Path, simulation: Simulation, count: int) -> None:
        self.folder, self._arrow = folder, needed("pyarrow", extra="whatif")
        self._parquet = needed("pyarrow.parquet", extra="whatif")
        facts = {**simulation.stated, "count": count, "workbook": _fingerprint(simulation.workbook)}
        self._names = [each.address for each in simulation.inputs], simulation.output_addresses
        about = folder / "simulation.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if about.exists() and json.loads(about.read_text()) != json.loads(json.dumps(facts)):
                raise SheetmlError(f"{folder} holds the scenarios of another simulation: name another folder")
            if not about.exists() and any(folder.iterdir()):
                raise SheetmlError(f"{folder} holds something else: name a new folder for the scenarios")
            about.write_text(json.dumps(facts, indent=2))
        except (OSError, ValueError) as error:
            raise SheetmlError(f"{folder}: it cannot be used for the scenarios ({error})") from None

    def _file(self, number: int) -> Path:
        return self.folder / f"part-{number:06}.parquet"

    def numbers(self, count: int) -> set[int]:
        """The parts that are there."""
        return {number for number in range(count) if self._file(number).exists()}

    def write(self, number: int, inputs: np.ndarray, outputs: np.ndarray) -> None:
        """Writes one part, whole or not at all."""
        names, columns = self._columns(inputs, outputs)
        new = self._file(number).with_suffix(".new")
        self._parquet.write_table(self._arrow.table(columns, names=names), new)
        new.replace(self._file(number))

    def _columns(self, inputs: np.ndarray, outputs: np.ndarray) -> tuple[list[str], list[Any]]:
        names = [name for names in self._names for name in names]
        unique = [name if names.index(name) == place else f"{name} ({place})" for place, name in enumerate(names)]
        return unique, [self._arrow.array(column) for table in (inputs, outputs) for column in table.T]

    def read(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """The inputs and outputs of one part."""
        try:
            table = self._parquet.read_table(self._file(number))
        except (OSError, self._arrow.ArrowInvalid) as error:
            raise SheetmlError(f"{self._file(number)}: it cannot be read ({error})") from None
        columns = np.column_stack([column.to_numpy() for column in table.columns])
        return columns[:, : len(self._names[0])], columns[:, len(self._names[0]) :]


def _fingerprint(book: Book) -> str:
    """A text that other workbooks, or this one with other inputs, are very unlikely to have."""
    slots = np.arange(book.calculation.slots.count)
    inputs = book.calculation.numbers(slots[~book.calculation.is_formula(slots)])
    return hashlib.sha256(book.file.package.content + inputs.tobytes()).hexdigest()
