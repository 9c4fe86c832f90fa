"""A cell as a Python module of its own: its value and its gradient by NumPy, and nothing of this package.

The module computes what the cells do at the workbook's present inputs. Choices that are part of the graph (IF between
two numbers, the row that a MATCH finds) are np.where and positions; other decisions are checked, and raise.
"""

from __future__ import annotations

import keyword
import re
import textwrap
from collections import Counter
from collections.abc import Container
from typing import Any

import numpy as np

from sheetml.engine.cell_function import CellFunction
from sheetml.engine.source import HELPERS, NoSource, expression, with_needed
from sheetml.engine.tracing.graph import Traced, gradient, ordered
from sheetml.errors import NotDifferentiableError, SheetmlError
from sheetml.report.labels import label_of
from sheetml.version import __version__
from sheetml.workbook import Book
from sheetml.xlsx.model import Area

WIDTH = 110
LONGEST_INLINE = 60  # characters of an expression within another
LARGEST_INLINE = 6  # numbers of an array within an expression

_CELLS = '''
def cells(x):
    """All that is computed on the way, by name. Raises ValueError where cells would decide otherwise."""
    x = np.asarray(x, float)
{lines}
    return SimpleNamespace(**locals())
'''
_VALUE = '''
def value(x):
    """{output} at inputs x, (n,) in the order of CELLS. Raises FloatingPointError where a domain is left."""
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        return float({result})
'''
_GRADIENT = '''
def value_and_gradient(x):
    """The value, and its derivatives by each input, (n,), by one pass back."""
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        c = cells(x)
    with np.errstate(all="ignore"):
{lines}
        return float({result}), {slope}
'''
_DECIDED = '''
def decided(now, then, where):
    """Raises where cells would decide otherwise than they did when this module was written."""
    if not np.array_equal(now, then):
        raise ValueError(f"{where} would decide otherwise at these inputs: this module does not hold there")
'''


def exported_code(book: Book, inputs: str | list[str], output: str) -> str:
    """The source of a module with CELLS, X0, value(x) and value_and_gradient(x).

    Raises SheetmlError, naming function and cells, for what can only be computed with this package.
    """
    function = book.function(inputs, output)
    if len(function.output_addresses) != 1:
        raise SheetmlError(f"{output} is {len(function.output_addresses)} cells: a module is written for one")
    function.trace_at(function.x0)
    return _Module(book, function).text()


class _Module:
    """The parts of the module, put together."""

    def __init__(self, book: Book, function: CellFunction) -> None:
        self.book = book
        self.function = function
        self.helpers: set[str] = set()
        self._constants: dict[tuple[Any, ...], tuple[str, np.ndarray]] = {}
        roots = [*function.guards, function.graph]  # decisions first: what is computed may rest on them
        self.leaf = next((node for node in ordered(roots) if node.primitive is None), None)
        names = {} if self.leaf is None else {id(self.leaf): "x"}
        self.forward = _Lines(self, names, _Names(book, self.leaf, function.input_slots))
        self.forward.write(roots, {id(guard) for guard in function.guards})
        self.output = self.forward.name_of(function.graph)
        self.backward = _Lines(self, {key: f"c.{name}" for key, name in self.forward.names.items()})
        self.slope, self.without_gradient = self._slope()

    def _slope(self) -> tuple[str, str]:
        """The name of the gradient, or why there is none."""
        if self.leaf is None:
            return f"np.zeros({len(self.function.input_addresses)})", ""
        undifferentiable = self.leaf.trace.undifferentiable
        if undifferentiable is not None:
            return "", f"{undifferentiable} has no derivative"
        try:
            with np.errstate(all="ignore"):
                slope = gradient(self.function.graph, self.leaf)
        except NotDifferentiableError as error:
            return "", str(error)
        self.backward.write([slope])
        return self.backward.name_of(slope), ""

    def text(self) -> str:
        result, output = f"{self.output}.item()", self.function.output_addresses[0]
        name = f"cells(x).{result}" if self.leaf is not None and isinstance(self.function.graph, Traced) else result
        functions = [HELPERS[helper] for helper in with_needed(sorted(self.helpers))]
        functions += [_DECIDED] if self.function.guards else []
        functions.append(_CELLS.format(lines=_indented(self.forward.lines, 4)))
        functions.append(_VALUE.format(output=output, result=name))
        if self.slope:
            known = f"c.{result}" if name != result else result
            back = _indented(self.backward.lines or ["# the derivatives are constants"], 8)
            functions.append(_GRADIENT.format(lines=back, result=known, slope=self.slope))
        constants = [f"{name} = {_array(item)}" for name, item in self._constants.values()]
        head = [self._heading(), self._imports(), self._inputs(), *(["\n".join(constants)] if constants else [])]
        return "\n\n".join(head) + "\n\n\n" + "\n\n\n".join(each.strip("\n") for each in functions) + "\n"

    def _heading(self) -> str:
        sentences = [
            f"{self.function.output_addresses[0]} of {self.book.path.name} as a function of "
            f"{len(self.function.input_addresses)} cells. Written by sheetml {__version__}, which it does not need.",
            f"It has no gradient: {self.without_gradient}." if self.without_gradient else "",
        ]
        text = "\n\n".join(textwrap.fill(each, WIDTH) for each in sentences if each)
        return f'"""{text.replace(chr(92), "/").replace(chr(34) * 3, "")}\n"""'

    def _imports(self) -> str:
        lines = ["from types import SimpleNamespace", "", "import numpy as np"]
        if any("special." in line for line in (*self.forward.lines, *self.backward.lines)):
            lines.append("from scipy import special")
        return "\n".join(lines)

    def _inputs(self) -> str:
        function, names = self.function, _Names(self.book, self.leaf, self.function.input_slots)
        labels = [names.label(np.array([slot])) for slot in function.input_slots]
        rows = [
            f"    ({address!r}, {_number(number)}),{f'  # {label}' if label else ''}"
            for address, number, label in zip(function.input_addresses, function.x0.tolist(), labels)
        ]
        return "\n".join(["CELLS = [", *rows, "]", "X0 = np.array([number for _, number in CELLS])"])

    # ---- what expressions refer to

    def constant(self, item: Any) -> str:
        if np.ndim(item) == 0:
            return _number(np.asarray(item).item())
        if item.size <= LARGEST_INLINE:
            return _array(item)
        key = item.shape, item.dtype.str, item.tobytes()
        if key not in self._constants:
            self._constants[key] = f"C{len(self._constants) + 1}", item
        return self._constants[key][0]

    def helper(self, name: str) -> str:
        self.helpers.add(name)
        return name


class _Lines:
    """Assignments that compute a graph; what is used once, and is short, stands within another expression."""

    def __init__(self, module: _Module, names: dict[int, str], namer: _Names | None = None) -> None:
        self.module = module
        self.names = names  # of arrays that have one, by id
        self.namer = namer
        self.lines: list[str] = []
        self._inline: dict[int, str] = {}
        self._written: dict[str, str] = {}  # names by what they are
        self._kept: list[Any] = []  # so that no other object takes over an identity

    def write(self, roots: list[Any], guards: Container[int] = ()) -> None:
        """The lines for all that the roots depend on; guards are checked as soon as they are known."""
        nodes = [node for node in ordered(roots, self.names) if id(node) not in self.names]
        uses = Counter(id(operand) for node in nodes for operand in node.operands)
        wanted = {id(root) for root in roots}
        places = {id(operand): str(node.place) for node in nodes for operand in node.operands}
        place = ""
        for node in nodes:
            text = self._expression(node)
            if text in self._written and id(node) not in guards:
                self.names[id(node)] = self._written[text]
                continue
            here, short = str(node.place), len(text) <= LONGEST_INLINE
            ends = self.namer is not None and places.get(id(node), "") != here  # another cell reads it
            given = self.namer is not None and self.namer.input(node)
            if short and uses[id(node)] == 1 and id(node) not in wanted and not ends and not given:
                self._inline[id(node)] = text
                continue
            if self.namer is not None and here != place and not given:
                place = here
                self.lines.append(f"# {place}")
            name = given or (self.namer.name(node, ends) if self.namer is not None else f"g{len(self.lines) + 1}")
            self.names[id(node)] = self._written[text] = name
            self.lines.append(f"{name} = {_bare(text)}")
            if id(node) in guards:
                self.lines.append(f"decided({name}, {self.module.constant(node.value)}, {here!r})")
        self._kept += nodes

    def name_of(self, item: Any) -> str:
        return self.names[id(item)] if isinstance(item, Traced) else self.module.constant(item)

    def _expression(self, node: Traced) -> str:
        operands = [self._operand(operand, node) for operand in node.operands]
        try:
            text = expression(node, operands, self.module)
        except NoSource:
            name = node.function or (node.primitive.name if node.primitive is not None else "")
            raise SheetmlError(
                f"{name} in {node.place} has no counterpart in NumPy: it cannot be written as code"
            ) from None
        return text

    def _operand(self, operand: Any, node: Traced) -> str:
        if isinstance(operand, Traced):
            return self._inline.get(id(operand)) or self.names[id(operand)]
        if node.primitive is not None and node.primitive.elementwise and _spreads(np.asarray(operand), node):
            operand = np.asarray(operand).reshape(-1)[0]
        return self.module.constant(operand)


def _spreads(item: np.ndarray, node: Traced) -> bool:
    """Whether one number does for an operand of equal ones: another operand has the shape of the result."""
    alike = item.size > 0 and bool((item == item.reshape(-1)[0]).all())
    return alike and any(isinstance(each, Traced) and each.shape == node.shape for each in node.operands)


class _Names:
    """Names of variables: the texts beside the cells, or their addresses."""

    def __init__(self, book: Book, leaf: Traced | None, inputs: np.ndarray) -> None:
        self.book = book
        self.leaf = leaf
        self.inputs = inputs
        self._taken = Counter(dict.fromkeys(("x", "np", "c", "special", "cells", "value", "decided", *HELPERS), 1))

    def name(self, node: Traced, ends: bool) -> str:
        """Of what a cell comes to (`ends`), or of something on the way to it."""
        slots = getattr(node.place, "slots", None)
        if slots is None or not slots.size:
            return self._unique("step")
        wanted = _identifier(self.label(slots)) or _identifier(str(node.place).rpartition("!")[2].partition(",")[0])
        return self._unique(wanted if ends else f"{wanted}_part")

    def input(self, node: Traced) -> str:
        """Of one input cell that is taken from all of them; "" for anything else."""
        taken = node.parameters.get("index")
        if self.leaf is None or taken is None or taken.size != 1 or node.operands[0] is not self.leaf:
            return ""
        slots = self.inputs[taken.reshape(-1)]
        address = self.book.calculation.describe(slots)
        return self._unique(_identifier(self.label(slots)) or _identifier(address.rpartition("!")[2]))

    def label(self, slots: np.ndarray) -> str:
        """The text that stands beside cells; "" if there is none."""
        calculation = self.book.calculation
        places = np.array([calculation.slots.place(int(slot)) for slot in slots.reshape(-1)])
        (sheet, top, left), (_, bottom, right) = places.min(axis=0).tolist(), places.max(axis=0).tolist()
        return label_of(calculation, sheet, Area(top, left, bottom, right))

    def _unique(self, name: str) -> str:
        self._taken[name] += 1
        return name if self._taken[name] == 1 else self._unique(f"{name}_{self._taken[name]}")


def _identifier(text: str) -> str:
    """A text as the name of a variable; "" where nothing of it is left."""
    name = re.sub(r"\W+", "_", text).strip("_").lower()
    if name and (name[0].isdigit() or keyword.iskeyword(name)):
        name = f"_{name}"
    return name if name.isidentifier() else ""


def _bare(text: str) -> str:
    """An expression without the parentheses around the whole of it."""
    depth = 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0 and place < len(text) - 1:
            return text
    return text[1:-1] if text.startswith("(") else text


def _number(item: float | int | bool) -> str:
    if isinstance(item, float) and not np.isfinite(item):
        return "np.nan" if np.isnan(item) else "np.inf" if item > 0 else "-np.inf"
    return f"({item!r})" if not isinstance(item, bool) and item < 0 else repr(item)


def _array(item: np.ndarray) -> str:
    """An array as an expression, in lines of some width."""
    flat, shape = item.reshape(-1), "" if item.ndim == 1 else f".reshape({item.shape})"
    if not item.size:
        return f"np.zeros({item.shape}, {item.dtype.name!r})"
    if item.size > LARGEST_INLINE and (flat == flat[0]).all():
        return f"np.full({item.shape}, {_number(flat[0].item())})"
    if item.size > LARGEST_INLINE and item.dtype != bool and (np.diff(flat) == 1).all():
        return f"np.arange({flat[0].item()!r}, {(flat[-1] + 1).item()!r}){shape}"
    listed = re.sub(r"\b(nan|inf)\b", r"np.\1", repr(flat.tolist()))
    wrapped = textwrap.wrap(f"np.array({listed}){shape}", WIDTH, break_long_words=False, break_on_hyphens=False)
    return "\n    ".join(wrapped)


def _indented(lines: list[str], by: int) -> str:
    return textwrap.indent("\n".join(lines), " " * by)
