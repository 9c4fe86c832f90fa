"""Cells as a function of other cells, with exact derivatives.

The steps between inputs and outputs are evaluated once with traced inputs; the graph that leaves
behind is compiled to straight-line NumPy, forward and backward. The decisions taken on the way (which
branch of an IF, which row of a MATCH) are guards: where one changes, the graph is traced anew.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from sheetml.engine.batches import Batches
from sheetml.engine.block_values import defects_named
from sheetml.engine.calculation import UNKNOWN, Calculation
from sheetml.engine.cells import TracedCells
from sheetml.engine.compiled.floats import NotScalar
from sheetml.engine.evaluate import NotReady
from sheetml.engine.plan import Stage
from sheetml.engine.population import NotTogether, Population
from sheetml.engine.questions import reason
from sheetml.engine.straight_function import StraightFunction
from sheetml.engine.tracing import graph as ops
from sheetml.engine.tracing.compile import compile_graph
from sheetml.engine.tracing.graph import Trace, Traced, dependents, gradient, ordered
from sheetml.engine.values import BLANK, BOOLEAN, ERROR, NUMBER, Value, describe
from sheetml.errors import CalculationError, NotDifferentiableError, SheetmlError, UncomputableError
from sheetml.tables import html_table
from sheetml.xlsx.model import ErrorCode

MOST_ATTEMPTS = 100
MOST_WORDS = 200  # characters of a list of areas

Found = TypeVar("Found")


class Recording:
    """One trace: inputs, outputs, guards, and what has been compiled of it so far."""

    def __init__(self, trace: Trace, leaf: Traced, outputs: Any, kinds: np.ndarray) -> None:
        self.trace = trace
        self.leaf = leaf
        self.outputs = outputs  # (m,) array, traced where it depends on the inputs
        self.kinds = kinds
        self.guards = [guard for guard, _ in trace.guards]
        self.expected = [value for _, value in trace.guards]
        self.without_number = np.nonzero((kinds != NUMBER) & (kinds != BOOLEAN) & (kinds != BLANK))[0]
        self._forward: Callable[[np.ndarray], tuple[Any, ...]] | None = None
        self._backward: Callable[[np.ndarray], tuple[Any, ...]] | None = None
        self._slopes: _Slopes | None = None
        self._weighted: Callable[..., tuple[Any, ...]] | None = None
        self._curved: Callable[..., tuple[Any, ...]] | None = None
        self._curvatures: _Slopes | None = None

    def values(self, x: np.ndarray) -> np.ndarray | None:
        """The outputs at x; None where this trace does not hold there."""
        if self._forward is None:
            self._forward = compile_graph([self.leaf], [self.outputs, *self.guards])
        results = self._run(self._forward, x)
        return None if results is None else results[0]

    @property
    def is_differentiable(self) -> bool:
        """Whether it met nothing without a derivative; if it did, only a new trace tells of elsewhere."""
        return self.trace.undifferentiable is None

    def values_and_gradient(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        if self._backward is None:
            self._backward = compile_graph([self.leaf], [self.outputs, self.slope(1.0), *self.guards])
        results = self._run(self._backward, x)
        return None if results is None else (results[0], results[1])

    def values_and_jacobian(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        if self._slopes is None:
            self._slopes = _Slopes(self.outputs, self.leaf, self.guards)
        results = self._run(self._slopes.prepare, x)
        try:
            return None if results is None else (results[0], self._slopes.jacobian(results))
        except FloatingPointError:
            return None

    def weighted_slope(self, x: np.ndarray, weights: np.ndarray) -> np.ndarray | None:
        """The derivatives, (n,), of the sum of the outputs with these weights, (m,)."""
        if self._weighted is None:
            weight = Traced(self.trace, weights)
            self._weighted = compile_graph([self.leaf, weight], [self.slope(weight), *self.guards])
        results = self._run(self._weighted, x, weights)
        return None if results is None else np.array(results[0])

    def curvature_along(self, x: np.ndarray, direction: np.ndarray, weights: np.ndarray) -> np.ndarray | None:
        """The derivative of that along a direction, (n,): the gradient of the gradient times the direction."""
        if self._curved is None:
            weight, along = Traced(self.trace, weights), Traced(self.trace, direction)
            product = slope_of(self.slope(weight), self.leaf, along)
            self._curved = compile_graph([self.leaf, weight, along], [product, *self.guards])
        results = self._run(self._curved, x, weights, direction)
        return None if results is None else np.array(results[0])

    def curvatures(self, x: np.ndarray) -> np.ndarray | None:
        """All second derivatives of one output, (n, n)."""
        if self._curvatures is None:
            self._curvatures = _Slopes(self.slope(1.0), self.leaf, self.guards)
        results = self._run(self._curvatures.prepare, x)
        try:
            return None if results is None else self._curvatures.jacobian(results)
        except FloatingPointError:
            return None

    def slope(self, seed: Any) -> Any:
        """The graph of the derivatives, (n,), of the outputs weighted by the seed."""
        return slope_of(self.outputs, self.leaf, seed)

    def _run(self, compiled: Callable[..., tuple[Any, ...]], *leaves: np.ndarray) -> tuple[Any, ...] | None:
        try:
            results = compiled(*leaves)
        except (FloatingPointError, np.linalg.LinAlgError):
            return None
        first = len(results) - len(self.expected)
        for expected, now in zip(self.expected, results[first:]):
            if not np.array_equal(expected, now):
                return None
        return results


MOST_NAMED = 5  # of what is flat


def flat_words(flat: list[str]) -> str:
    """What is constant between its jumps (`CellFunction.flat`), in a sentence; "" where nothing is."""
    if not flat:
        return ""
    more = f" and {len(flat) - MOST_NAMED:,} more" if len(flat) > MOST_NAMED else ""
    are = "is" if len(flat) == 1 else "are"
    return f"{', '.join(flat[:MOST_NAMED])}{more} {are} flat: the derivative through it is 0 but for its jumps."


def slope_of(outputs: Any, leaf: Traced, seed: Any) -> Any:
    """The graph of a gradient, (n,); where there is no derivative it is infinite or nan."""
    with np.errstate(all="ignore"):
        return gradient(outputs, leaf, seed)


class _Slopes:
    """The derivatives of m outputs by n inputs, (m, n), in as many compiled passes as the smaller of the two.

    A pass back gives a row, the derivatives of a weighted sum of outputs. That pass is linear in the
    weights; its own derivative by them is a pass forward, which gives a column. What does not depend
    on the weights is computed once for all passes (`prepare`), and where nothing depends on the inputs
    the passes are run only once.
    """

    def __init__(self, outputs: Any, leaf: Traced, guards: list[Traced]) -> None:
        self.shape = np.size(ops.value_of(outputs)), leaf.size
        self.constant: np.ndarray | None = None
        shared: list[Traced] = []
        if isinstance(outputs, Traced):
            shared = self._compile_pass(outputs, leaf)
        else:
            self.constant = np.zeros(self.shape)
        self.depends = bool(shared)
        self.prepare = compile_graph([leaf], [outputs, *shared, *guards])
        self._shared = slice(1, 1 + len(shared))

    def _compile_pass(self, outputs: Traced, leaf: Traced) -> list[Traced]:
        """Compiles the pass; what it needs to be given beside the weights."""
        weights = Traced(leaf.trace, np.ones(outputs.shape))
        result = slope_of(outputs, leaf, weights)
        if outputs.size > leaf.size and isinstance(result, Traced):
            direction = Traced(leaf.trace, np.ones(leaf.shape))
            result, weights = slope_of(result, weights, direction), direction
        moving = dependents(result, weights) if isinstance(result, Traced) else set()
        operands = [operand for node in ordered([result]) if id(node) in moving for operand in node.operands]
        fixed = [operand for operand in operands if isinstance(operand, Traced) and id(operand) not in moving]
        shared = list({id(operand): operand for operand in fixed}.values())
        self._pass = compile_graph([weights, *shared], [result])
        return shared

    def jacobian(self, prepared: tuple[Any, ...]) -> np.ndarray:
        """The derivatives, from what `prepare` gave."""
        if self.constant is not None:
            return self.constant.copy()
        rows, columns = self.shape
        passes = min(rows, columns)
        found = np.empty((passes, max(rows, columns)))
        weights = np.zeros(passes)
        for position in range(passes):
            weights[position] = 1.0
            found[position] = self._pass(weights, *prepared[self._shared])[0]
            weights[position] = 0.0
        result = found if rows <= columns else found.T
        if not self.depends:
            self.constant = result.copy()
        return result


def _areas(calculation: Calculation, slots: np.ndarray) -> str:
    """Cells by the areas they make up, the first of many."""
    words = calculation.describe(slots)
    return words if len(words) <= MOST_WORDS else f"{words[:MOST_WORDS].rpartition(', ')[0]}, ..."


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _numbers(x: ArrayLike, what: str) -> np.ndarray:
    try:
        return np.asarray(x, np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{what} must be numbers, in a list, an array or a column: not {_named_kind(x)}") from None


def _named_kind(x: object) -> str:
    return f"the text {x!r}" if isinstance(x, str) else f"this {type(x).__name__}"


class CellFunction:
    """Output cells as a function of n input cells; the workbook's own values are left alone.

    `f(x)` takes a vector (n,) and gives a float, or for several output cells a vector (m,). Raises
    CalculationError where an output is no number (naming the cell), NotDifferentiableError where a
    derivative is asked for and none exists (naming function and cell).
    """

    def __init__(self, calculation: Calculation, inputs: np.ndarray, outputs: np.ndarray, scalar: bool) -> None:
        self._calculation = calculation
        self._input_places = [calculation.slots.place(int(slot)) for slot in inputs]
        self._output_places = [calculation.slots.place(int(slot)) for slot in outputs]
        self._scalar = scalar
        self._recording: Recording | None = None
        self._population: Population | None = None
        self._straight: StraightFunction | None = None
        self._straight_tried = False
        self._traced_at: np.ndarray | None = None  # where it is to be traced, if it comes to that
        self.refuses_flat = False  # a derivative of what is constant between its jumps (ROUND) is an error
        self._batches: Batches | None = None
        self._batches_revision = -1
        self._revision = -1  # of the workbook's values that the recording holds as constants
        self._check_inputs()

    def __getstate__(self) -> dict[str, Any]:
        """What travels with a copy: the cells, and not what was traced and compiled of them."""
        compiled = {"_recording": None, "_population": None, "_batches": None, "_straight": None}
        return {**self.__dict__, **compiled, "_straight_tried": False, "_revision": -1, "_batches_revision": -1}

    def __repr__(self) -> str:
        return f"<CellFunction: {self._words}>"

    def _repr_html_(self) -> str:
        """How notebooks show it: which cells it takes and gives, and how to call it."""
        call = "f(x), f.gradient(x), f.hessian(x)" if self._one else "f(x), f.jacobian(x)"
        rows = [
            ["gives", _areas(self._calculation, self._outputs)],
            ["takes", f"{_counted(len(self._input_places), 'number')}: {_areas(self._calculation, self._inputs)}"],
            ["call", f"{call}; f.x0 is what the cells hold now"],
        ]
        return html_table(["Cells as a function", ""], rows)

    @property
    def _one(self) -> bool:
        return len(self._output_places) == 1

    @property
    def _words(self) -> str:
        """ "dotprod!V41 as a function of 150 cells, dotprod!B25:F39, H19:V23"."""
        takes = _areas(self._calculation, self._inputs)
        return f"{_areas(self._calculation, self._outputs)} as a function of {self._taken}, {takes}"

    @property
    def _taken(self) -> str:
        return _counted(len(self._input_places), "cell")

    # ---- what it is a function of

    @property
    def _inputs(self) -> np.ndarray:
        return self._calculation.slots.locate_places(self._input_places)

    @property
    def _outputs(self) -> np.ndarray:
        return self._calculation.slots.locate_places(self._output_places)

    def _check_inputs(self) -> None:
        if len(set(self._input_places)) < len(self._input_places):
            raise CalculationError("a cell is named twice among the inputs")

    @property
    def input_addresses(self) -> list[str]:
        return [self._calculation.describe([slot]) for slot in self._inputs]

    @property
    def output_addresses(self) -> list[str]:
        return [self._calculation.describe([slot]) for slot in self._outputs]

    @property
    def x0(self) -> np.ndarray:
        """The inputs' present values, (n,); blanks and text are 0."""
        return self._calculation.numbers(self._inputs)

    def assign(self, x: np.ndarray) -> None:
        """Puts the values into the workbook's input cells and recalculates."""
        for slot, number in zip(self._inputs.tolist(), np.asarray(x, np.float64).tolist()):
            self._calculation.set(slot, number)
        self._calculation.calculate()

    @property
    def moving(self) -> np.ndarray:
        """Which of the outputs depend on any input, (m,)."""
        reached = np.zeros(self._calculation.slots.count, bool)
        reached[self._inputs] = True
        for stage in self.stages():
            reached[stage.targets] = True
        return reached[self._outputs]

    @property
    def depends(self) -> bool:
        """Whether any output depends on any input."""
        return bool(self.moving.any())

    @property
    def graph(self) -> Any:
        """The graph of the outputs, (m,), as last traced; None before the first value was asked for."""
        if self._recording is None and self._traced_at is not None:
            self._recording = self._trace(self._traced_at)
        return None if self._recording is None else self._recording.outputs

    def trace_at(self, x: np.ndarray) -> None:
        """Traces anew, so that the graph and its arrays hold their values at x. Raises as asking for a value does."""
        self._recording = self._trace(self._vector(x))
        self._check_values(self._recording)

    @property
    def guards(self) -> list[Traced]:
        """The decisions that depend on the inputs, taken where it was last traced."""
        return [] if self.graph is None or self._recording is None else self._recording.guards

    @property
    def input_slots(self) -> np.ndarray:
        """Where the workbook keeps the input cells, (n,)."""
        return self._inputs

    @property
    def output_slots(self) -> np.ndarray:
        """Where the workbook keeps the output cells, (m,)."""
        return self._outputs

    def describe(self, slot: int) -> str:
        """The address of a cell that it reads, for a message."""
        return self._calculation.describe([slot])

    @property
    def flat(self) -> list[str]:
        """What is constant between its jumps (ROUND, INT) among all that the last derivative went through: each with
        its cell, "ROUND in Sheet1!B2". Its derivative is taken to be 0."""
        found = [] if self._recording is None else list(self._recording.trace.flat)
        if self._straight is not None:
            slots: dict[str, list[int]] = {}
            for slot, name in self._straight.flat:
                slots.setdefault(name, []).append(slot)
            found += [f"{name} in {self._calculation.describe(own)}" for name, own in slots.items()]
        return list(dict.fromkeys(found))

    def refusing_flat(self) -> CellFunction:
        """The same function, of which a derivative through something constant between its jumps is an error."""
        function = copy.copy(self)
        function.refuses_flat = True
        function._forget()
        return function

    # ---- values and derivatives

    def __call__(self, x: ArrayLike) -> Any:
        """The output at x, n numbers in any shape: a float, or for several output cells a vector, (m,)."""
        values = self._values(self._vector(x))
        return float(values[0]) if self._scalar else np.array(values)

    def batch(self, points: np.ndarray) -> np.ndarray:
        """The outputs at each of k points, (k, n): (k,), or for several output cells (k, m).

        What f(x) gives at each, all points together: a point that decides otherwise than its neighbours (another
        branch of an IF, another row of a MATCH) has its own value. nan where a cell holds no number; `problem`
        says why.
        """
        points, finite = self._points(points)
        found = np.full((len(points), len(self._output_places)), np.nan)
        found[finite] = self._batches_now().values(points[finite], found.shape[1])
        return found[:, 0] if self._scalar else found

    def batch_value_and_gradient(self, points: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """The same with the derivatives by each input: (k, n), or for several output cells (k, m, n).

        They are nan at points without a value or a derivative, and inf where they are infinite.
        """
        points, finite = self._points(points)
        found = np.full((len(points), len(self._output_places)), np.nan)
        slopes = np.full((*found.shape, points.shape[1]), np.nan)
        found[finite], slopes[finite] = self._batches_now().values_and_gradients(points[finite], found.shape[1])
        if found.shape[1] > 1:
            self._derive_alone(points, found, slopes)
        return (found[:, 0], slopes[:, 0]) if self._scalar else (found, slopes)

    def _derive_alone(self, points: np.ndarray, found: np.ndarray, slopes: np.ndarray) -> None:
        """Fills in derivatives of outputs beside one that has none at a point: together, 0 times infinity is nan."""
        lacking = np.isnan(slopes).any(axis=2) & np.isfinite(found)
        for output in np.nonzero(lacking.any(axis=0))[0]:
            rows, alone = lacking[:, output], self.of_slots(self._inputs, self._outputs[[output]])
            slopes[rows, output] = alone.batch_gradient(points[rows])

    def batch_gradient(self, points: ArrayLike) -> np.ndarray:
        """The derivatives by each input at each of k points: (k, n), or for several output cells (k, m, n)."""
        return self.batch_value_and_gradient(points)[1]

    def problem(self, x: np.ndarray, gradient: bool = False) -> str:
        """Why there is no value (or no derivative) at a point: the sentence with the cell; "" where there is one."""
        try:
            self.jacobian(x) if gradient else self(x)
        except SheetmlError as error:
            return str(error)
        return ""

    def jax(self, x: np.ndarray | None = None) -> Callable[[Any], tuple[Any, Any]]:
        """The cells as a function of JAX: g(x) gives the value, () or (m,), and whether it holds, a boolean.

        It goes with jax.jit, jax.vmap and jax.grad(g, has_aux=True), in double precision. It is what the cells compute
        at x (the present values, if left out); where others decide otherwise, or leave a function's domain, the boolean
        is False and the value means nothing: take f(x) there. Raises as f(x) does, and SheetmlError where JAX is not
        installed or computes in single precision.
        """
        from sheetml.engine.in_jax import jax_function

        self.trace_at(self.x0 if x is None else x)
        known = self._recording
        assert known is not None
        return jax_function(known.leaf, known.outputs, list(zip(known.guards, known.expected)), self._scalar)

    def _points(self, points: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """The points as rows, (k, n), and which of them consist of finite numbers."""
        found, n = _numbers(points, "the points"), len(self._input_places)
        if found.shape[-1:] != (n,) and not (found.ndim <= 1 and found.size % n == 0):
            shape = " by ".join(map(str, found.shape)) or "one number"
            raise ValueError(f"the points are rows of {n} numbers, one for each of {self._taken}: these are {shape}")
        found = found.reshape(-1, n)
        return found, np.asarray(np.isfinite(found).all(axis=1))

    def _batches_now(self) -> Batches:
        """What is known of the workbook as it is now."""
        calculation = self._calculation
        calculation.bring_up_to_date()
        if self._batches is None or self._batches_revision != calculation.revision:
            self._batches = Batches(self._recorded_for_batches, self._together)
            self._batches_revision = calculation.revision
        return self._batches

    def _recorded_for_batches(self, x: np.ndarray) -> Recording:
        self._vector(x)  # what was recorded before the workbook changed is forgotten
        with self._defects_named():
            return self._trace(x)

    def of_slots(self, inputs: np.ndarray, outputs: np.ndarray) -> CellFunction:
        """Other cells of the same workbook as a function of others, which hold what they are given."""
        return self._like(CellFunction(self._calculation, inputs, outputs, scalar=outputs.size == 1))

    def _like(self, other: CellFunction) -> CellFunction:
        other.refuses_flat = self.refuses_flat
        return other

    def joined(self, other: CellFunction) -> CellFunction:
        """The outputs of both, one after the other, as one function of the same inputs."""
        outputs = np.concatenate([self._outputs, other._outputs])
        return self._like(CellFunction(self._calculation, self._inputs, outputs, scalar=False))

    def _together(self, points: np.ndarray) -> np.ndarray | None:
        """All points evaluated together; None where that cannot be."""
        calculation = self._calculation
        for _ in range(MOST_ATTEMPTS):
            try:
                if self._population is None or self._population.revision != calculation.revision:
                    self._population = Population(calculation, self._inputs, self._outputs)
                return self._population.values(points)
            except NotReady as found:
                calculation.learn(found)
                self._population = None
            except NotTogether:
                return None
        return None

    def torch(self) -> Callable[[Any], Any]:
        """The same as a differentiable function of PyTorch tensors: loss = f.torch()(x); loss.backward().

        It takes a tensor of n numbers in any shape and gives one of float64: a scalar, or (m,) for several output
        cells. Values and derivatives are those of this class, second ones too; a third one is a RuntimeError. Needs
        PyTorch (`pip install "sheetml[torch]"`): MissingPackageError where it is not installed.
        """
        from sheetml.engine.torch_function import torch_function

        return torch_function(self)

    def value_and_gradient(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """The output cell's value and its derivatives by each input, (n,), by one backward pass."""
        if len(self._output_places) != 1:
            raise ValueError("a gradient is of one output cell: for several ask for the jacobian")
        x = self._vector(x)
        values, slope = self._slope_in_line(x, np.ones(1)) or self._found(
            x, lambda recording: recording.values_and_gradient(x)
        )
        return float(values[0]), np.array(slope)

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """The derivatives of the output cell by each input, (n,)."""
        return self.value_and_gradient(x)[1]

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """The derivatives of each output by each input, (m, n)."""
        x = self._vector(x)
        return self._found(x, lambda recording: recording.values_and_jacobian(x))[1]

    def weighted_gradient(self, x: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The derivatives of the outputs' sum with these weights, (m,), by each input, (n,): weights @ jacobian(x)."""
        x, weights = self._vector(x), self._weights(weights)
        found = self._slope_in_line(x, weights)
        return self._found(x, lambda recording: recording.weighted_slope(x, weights)) if found is None else found[1]

    def hessian_product(self, x: np.ndarray, v: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """The output's second derivatives times a direction v, (n,): hessian(x) @ v, without all of hessian(x).

        One more backward pass, through the graph of the gradient (Pearlmutter, "Fast exact
        multiplication by the Hessian", 1994). Of several outputs it is their sum's with these weights, (m,).
        """
        if weights is None and len(self._output_places) != 1:
            raise ValueError("a Hessian is of one output cell: for several state their weights")
        x, direction = self._vector(x), _numbers(v, "the direction").reshape(-1)
        weights = self._weights(np.ones(1) if weights is None else weights)
        if direction.size != x.size:
            raise ValueError(f"the direction has {direction.size} numbers where the function takes {x.size}")
        return self._found(x, lambda recording: recording.curvature_along(x, direction, weights))

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """The output cell's second derivatives by each pair of inputs, (n, n)."""
        if len(self._output_places) != 1:
            raise ValueError("a Hessian is of one output cell")
        x = self._vector(x)
        return self._found(x, lambda recording: recording.curvatures(x))

    def _found(self, x: np.ndarray, compute: Callable[[Recording], Found | None]) -> Found:
        """What the recording gives at x; it is made anew where it does not hold there."""
        with self._defects_named(), np.errstate(divide="raise", over="raise", invalid="raise", under="ignore"):
            known = self._recording
            found = compute(known) if known is not None and known.is_differentiable else None
            if found is None:
                known = self._recording = self._trace(x)
                self._check_values(known)
                self._check_differentiable(known)
                found = compute(known)
        assert known is not None
        self._check_values(known)
        if found is None:
            # the values exist, some derivatives do not (of the square root at 0): let them be infinite or nan
            with self._defects_named(), np.errstate(all="ignore"):
                found = compute(known)
        if found is None:
            raise CalculationError(f"{', '.join(self.output_addresses)}: there is no derivative at this point")
        return found

    def _forget(self) -> None:
        """What was found out does not hold any more."""
        self._recording = self._straight = self._traced_at = None
        self._straight_tried = False

    def _weights(self, weights: np.ndarray) -> np.ndarray:
        weights = _numbers(weights, "the weights").reshape(-1)
        if weights.size != len(self._output_places):
            raise ValueError(f"there are {len(self._output_places)} outputs, and {weights.size} weights")
        return weights

    def _vector(self, x: ArrayLike) -> np.ndarray:
        x = _numbers(x, "x").reshape(-1)
        if x.size != len(self._input_places):
            raise ValueError(
                f"the function takes {len(self._input_places)} numbers, not {x.size}: "
                f"one for each cell of {_areas(self._calculation, self._inputs)} (f.x0 is what they hold now)"
            )
        if self._revision != self._calculation.revision:
            self._forget()
        if not np.isfinite(x).all():
            wrong = self.input_addresses[int(np.argmin(np.isfinite(x)))]
            raise CalculationError(f"{wrong} would not be a finite number")
        return x

    def _in_line(self) -> StraightFunction | None:
        """The function as straight-line code; None where there is none."""
        if self._straight is None and not self._straight_tried:
            self._straight_tried = True
            self._calculation.bring_up_to_date()
            self._revision = self._calculation.revision
            with contextlib.suppress(NotScalar, CalculationError):
                self._straight = self._as_lines()
        return self._straight

    def _as_lines(self) -> StraightFunction | None:
        """The cells in between as straight-line code, if the outputs are cells and nothing else."""
        own = type(self)
        if own._gathered is not CellFunction._gathered or own._record is not CellFunction._record:
            return None
        return StraightFunction(self._calculation, self.stages(), self._inputs, self._outputs)

    def _slope_in_line(self, x: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        line = self._in_line()
        if line is None or (self.refuses_flat and line.flat):
            return None
        self._traced_at = x
        return line.slope(x, weights)

    def _values(self, x: np.ndarray) -> np.ndarray:
        line = self._in_line()
        in_line = None if line is None else line.values(x)
        if in_line is not None:
            self._traced_at = x
            return in_line
        with self._defects_named():
            with np.errstate(divide="raise", over="raise", invalid="raise", under="ignore"):
                found = self._recording.values(x) if self._recording is not None else None
            if found is None:
                self._recording = self._trace(x)
                found = ops.value_of(self._recording.outputs)
        self._check_values(self._recording)
        return np.asarray(found)

    def _defects_named(self) -> contextlib.AbstractContextManager[None]:
        return defects_named(lambda: f"{', '.join(self.output_addresses)} as a function of cells")

    def _check_values(self, recording: Recording | None) -> None:
        assert recording is not None
        if not recording.without_number.size:
            return
        first = int(recording.without_number[0])
        slot, kind = int(self._outputs[first]), int(recording.kinds[first])
        place = self._calculation.describe([slot])
        if kind == UNKNOWN:
            why = recording.trace.problems.get(slot) or reason(self._calculation, slot)
            raise UncomputableError(f"{place} cannot be computed: {why}")
        what = describe(ErrorCode(kind - ERROR)) if kind >= ERROR else "text"
        raise CalculationError(f"{place} is {what}, not a number")

    @staticmethod
    def _check_differentiable(recording: Recording) -> None:
        if not recording.is_differentiable:
            raise NotDifferentiableError(f"{recording.trace.undifferentiable} has no derivative")

    # ---- tracing

    def stages(self) -> list[Stage]:
        """The stages that depend on the inputs and that the outputs depend on, in order."""
        return self._calculation.stages_between(self._inputs, self._outputs)

    def _trace(self, x: np.ndarray) -> Recording:
        self._calculation.bring_up_to_date()
        self._revision = self._calculation.revision
        for _ in range(MOST_ATTEMPTS):
            try:
                return self._record(x)
            except NotReady as found:
                self._calculation.learn(found)
        raise CalculationError("the cells to be computed keep depending on others: no order settles them")

    def _gathered(self, cells: TracedCells) -> Value:
        """The outputs, once all cells that they depend on are evaluated."""
        return cells.gather(self._outputs)

    def _record(self, x: np.ndarray) -> Recording:
        calculation, workspace = self._calculation, self._calculation.workspace
        steps = [step for stage in self.stages() for step in stage.steps]
        trace = Trace()
        trace.refuses_flat = self.refuses_flat
        leaf = Traced(trace, x.copy())
        cells = TracedCells(calculation.cells, trace)
        cells.make_input(self._inputs, leaf)
        with workspace.borrowed(cells, trace), np.errstate(all="ignore"):
            for stage in calculation.stages_after(self._inputs):  # also what may yet be read (through OFFSET)
                workspace.pending[stage.targets] = True
            workspace.pending[self._inputs] = False
            workspace.pending[0] = False
            for step in steps:
                cells.write(step.targets.reshape(-1), calculation.evaluate_step(step))
                workspace.pending[step.targets] = False
            outputs = self._gathered(cells)
        return Recording(trace, leaf, outputs.number, outputs.kinds)
