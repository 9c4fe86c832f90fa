"""Cells as a function of JAX: the graph of a trace as source over jax.numpy.

JAX differentiates, batches and compiles it itself. A trace holds where its decisions are the same and all that it
computes is finite; neither can raise within JAX, so that is returned beside the value. What JAX has no operation for
is computed on the host, and has no derivative there.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from sheetml.engine.source import HELPERS, NoSource, expression
from sheetml.engine.tracing.graph import Traced, ordered
from sheetml.errors import NotDifferentiableError, SheetmlError

_REARRANGING = ("take", "reshape", "transpose", "concatenate", "broadcast_to", "where", "reverse", "copy")
_AS_SOURCE = {  # with the derivative of this package where both are equal
    "maximum": "np.where({0} >= {1}, {0}, {1})",
    "minimum": "np.where({0} <= {1}, {0}, {1})",
}


def jax_function(
    leaf: Traced, outputs: Any, guards: list[tuple[Traced, np.ndarray]], scalar: bool
) -> Callable[[Any], tuple[Any, Any]]:
    """A function of x, (n,), that gives the outputs, () or (m,), and whether the trace holds there."""
    jax = _loaded()
    source = _Source(jax, _differentiated(outputs))
    names, watched = {id(leaf): "x"}, []
    lines = ["def graph(x):"]
    for node in ordered([outputs, *(guard for guard, _ in guards)], names):
        if id(node) in names:
            continue
        name = names[id(node)] = f"v{len(names)}"
        lines.append(f"    {name} = {source.of(node, names)}")
        assert node.primitive is not None
        computes = node.value.dtype == np.float64 and node.primitive.name not in _REARRANGING
        if computes and np.isfinite(node.value).all():
            watched.append(name)
    result = names[id(outputs)] if isinstance(outputs, Traced) else source.constant(outputs)
    decisions = [names[id(guard)] for guard, _ in guards]
    lines.append(f"    return {result}, [{', '.join(decisions)}], [{', '.join(watched)}]")
    exec("\n".join(lines), source.namespace)
    graph, numbers = source.namespace["graph"], jax.numpy
    expected = [value for _, value in guards]
    if leaf.trace.undifferentiable is not None:
        last = _without_derivative(jax, leaf.trace.undifferentiable)
    else:
        last = _same

    def function(x: Any) -> tuple[Any, Any]:
        x = numbers.asarray(x, float)
        found, taken, computed = graph(last(x))
        checks = [numbers.all(now == then) for now, then in zip(taken, expected)]
        checks += [numbers.isfinite(each).all() for each in computed]
        holds = numbers.all(numbers.stack(checks)) if checks else numbers.asarray(True)
        return (found[0] if scalar else found), holds

    return function


def _loaded() -> Any:
    try:
        jax = importlib.import_module("jax")
        importlib.import_module("jax.scipy.special")
    except ModuleNotFoundError:
        raise SheetmlError("this needs the package jax, which is not installed: pip install 'sheetml[jax]'") from None
    if not jax.config.jax_enable_x64:
        raise SheetmlError(
            "JAX computes in single precision here, and Excel in double: set it before anything else is done with JAX, "
            'by jax.config.update("jax_enable_x64", True) or the environment variable JAX_ENABLE_X64=1'
        )
    return jax


class _Source:
    """Expressions over jax.numpy, and all that they refer to."""

    def __init__(self, jax: Any, differentiated: set[int]) -> None:
        self.jax = jax
        self.differentiated = differentiated
        stop = jax.lax.stop_gradient
        self.namespace: dict[str, Any] = {"np": jax.numpy, "special": jax.scipy.special, "stop": stop}
        for text in HELPERS.values():
            exec(text, self.namespace)
        self.namespace.update(_updates(jax.numpy))
        self._constants: dict[int, str] = {}

    def of(self, node: Traced, names: dict[int, str]) -> str:
        primitive = node.primitive
        assert primitive is not None
        operands = [names[id(o)] if isinstance(o, Traced) else self.constant(o) for o in node.operands]
        if primitive.name in _AS_SOURCE and primitive.elementwise:
            return _AS_SOURCE[primitive.name].format(*operands)
        if primitive.derivatives is None or _is_flat(node):
            operands = [self._without_slope(operand, node) for operand in operands]
        try:
            return expression(node, operands, self)
        except NoSource:
            stopped = [self._without_slope(operand, node) for operand in operands]
            return f"{self.constant(_on_the_host(self.jax, node))}({', '.join(stopped)})"

    def _without_slope(self, operand: str, node: Traced) -> str:
        """An operand of what has no derivative in JAX; who asks for one is told so, unless it is zero."""
        if id(node) not in self.differentiated or _is_flat(node):
            return f"stop(np.asarray({operand}))"
        refusing = self.constant(_without_derivative(self.jax, _described(node)))
        return f"stop({refusing}(np.asarray({operand})))"

    def constant(self, item: Any) -> str:
        name = self._constants.get(id(item))
        if name is None:
            name = self._constants[id(item)] = f"c{len(self._constants)}"
            self.namespace[name] = item
        return name

    def helper(self, name: str) -> str:
        return name


def _updates(numbers: Any) -> dict[str, Callable[..., Any]]:
    """The helpers that write into arrays, in JAX's way."""

    def with_values(base: Any, values: Any, index: np.ndarray) -> Any:
        return numbers.asarray(base, float).reshape(-1).at[index].set(values.reshape(-1)).reshape(base.shape)

    def gathered_sum(values: Any, index: np.ndarray, size: int) -> Any:
        return numbers.zeros(size).at[index.reshape(-1)].add(values.reshape(-1))

    def placed_along(values: Any, index: Any, size: int) -> Any:
        zeros = numbers.zeros((*values.shape[:-1], size))
        return numbers.put_along_axis(zeros, index.astype(int), values, -1, inplace=False)

    return {"with_values": with_values, "gathered_sum": gathered_sum, "placed_along": placed_along}


def _described(node: Traced) -> str:
    assert node.primitive is not None
    return f"{node.primitive.name} in {node.place}" if node.place else node.primitive.name


def _without_derivative(jax: Any, what: str) -> Callable[[Any], Any]:
    """The same number; who asks for its derivative is told what has none."""

    def refused(primals: Any, tangents: Any) -> Any:
        raise NotDifferentiableError(f"{what} has no derivative in JAX")

    same: Any = jax.custom_jvp(lambda x: x)
    same.defjvp(refused)
    function: Callable[[Any], Any] = same
    return function


def _same(x: Any) -> Any:
    return x


def _is_flat(node: Traced) -> bool:
    """Whether it has a derivative that is zero: of a position, a comparison."""
    derivatives = node.primitive.derivatives if node.primitive is not None else None
    return isinstance(derivatives, tuple) and not any(derivatives)


def _differentiated(outputs: Any) -> set[int]:
    """The operations (by id) whose derivatives those of the outputs are made of."""
    found: set[int] = set()
    left = [outputs]
    while left:
        node = left.pop()
        if not isinstance(node, Traced) or id(node) in found:
            continue
        found.add(id(node))
        if node.primitive is not None and node.primitive.derivatives is not None:
            rules = zip(node.operands, node.primitive.derivatives)
            left += [operand for operand, rule in rules if rule is not None]
    return found


def _on_the_host(jax: Any, node: Traced) -> Callable[..., Any]:
    """The operation by its NumPy function, called from within JAX point by point."""
    primitive, result = node.primitive, jax.ShapeDtypeStruct(node.shape, node.value.dtype)
    assert primitive is not None

    def compute(*operands: Any) -> np.ndarray:
        with np.errstate(all="ignore"):
            value = primitive.compute(*(np.asarray(each) for each in operands), **node.parameters)
            return np.asarray(value, node.value.dtype)

    return lambda *operands: jax.pure_callback(compute, result, *operands, vmap_method="sequential")
