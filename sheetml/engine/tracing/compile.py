"""A traced graph as straight-line Python: one NumPy call a line, no dispatch, buffers reused.

The source never contains anything from the workbook but shapes and axes (integers): arrays and
functions are passed in by reference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sheetml.engine.tracing.graph import Traced, ordered


def compile_graph(leaves: Sequence[Traced], outputs: Sequence[Any]) -> Callable[..., tuple[Any, ...]]:
    """A function from the leaves' values to the outputs' values; what lies before a leaf is not computed.

    Arrays it returns may be its own buffers: copy what must outlive the next call. Floating-point
    errors (division by zero, overflow, invalid) raise FloatingPointError if the caller asks NumPy so.
    """
    namespace: dict[str, Any] = {}
    names: dict[int, str] = {id(leaf): f"x{position}" for position, leaf in enumerate(leaves)}
    arguments = ", ".join(names.values())
    bound: dict[int, str] = {}

    def bind(item: Any) -> str:
        known = bound.get(id(item))
        if known is None:
            known = bound[id(item)] = f"c{len(bound)}"
            namespace[known] = item
        return known

    lines = [f"def compiled({arguments}):"]
    for node in ordered(outputs, names):
        if id(node) in names:
            continue
        assert node.primitive is not None
        operands = [names[id(o)] if isinstance(o, Traced) else bind(o) for o in node.operands]
        name = names[id(node)] = f"v{len(names)}"
        lines.append(f"    {name} = {_expression(node, operands, bind)}")
    results = [names[id(o)] if isinstance(o, Traced) else bind(o) for o in outputs]
    lines.append(f"    return ({', '.join(results)},)")
    exec("\n".join(lines), namespace)
    compiled: Callable[..., tuple[Any, ...]] = namespace["compiled"]
    return compiled


def _expression(node: Traced, operands: list[str], bind: Callable[[Any], str]) -> str:
    primitive = node.primitive
    assert primitive is not None
    if primitive.emit is not None:
        return primitive.emit(node, operands, bind)
    arguments = list(operands)
    if isinstance(primitive.compute, np.ufunc) and primitive.compute.nout == 1 and primitive.elementwise:
        if node.size > 1:
            arguments.append(f"out={bind(np.empty(node.shape, dtype=node.value.dtype))}")
    else:
        arguments += [f"{key}={bind(value)}" for key, value in node.parameters.items()]
    return f"{bind(primitive.compute)}({', '.join(arguments)})"
