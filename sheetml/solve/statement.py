"""A Solver model stated in words a command line can take, as the names that Excel's Solver keeps it in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sheetml.errors import FormulaError, SolverError
from sheetml.formula.parser import parse
from sheetml.formula.references import address, quote_sheet
from sheetml.formula.tokens import tokenise
from sheetml.solve.model import SolverModel
from sheetml.workbook import Book
from sheetml.xlsx.solver_names import (
    ALL_DIFFERENT,
    AT_LEAST,
    AT_MOST,
    BINARY,
    EQUAL,
    EVOLUTIONARY,
    GRG_NONLINEAR,
    INTEGER,
    MAXIMISE,
    MINIMISE,
    REACH_VALUE,
    RELATION_WORDS,
    SAVED_NAME,
    SIMPLEX_LP,
    ConstraintNames,
    SolverModelNames,
    names_to_store,
)

ENGINES = {"grg": GRG_NONLINEAR, "lp": SIMPLEX_LP, "evolutionary": EVOLUTIONARY}

_RELATIONS = {"<=": AT_MOST, "=<": AT_MOST, "≤": AT_MOST, "=": EQUAL, "==": EQUAL, ">=": AT_LEAST, "=>": AT_LEAST, "≥": AT_LEAST}  # fmt: skip  # noqa: E501
_TURNED = {AT_MOST: AT_LEAST, EQUAL: EQUAL, AT_LEAST: AT_MOST}
_PIECES = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*")|(<=|=<|>=|=>|==|≤|≥|<>|=|<|>)""")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_KINDS = {
    "integer": INTEGER, "int": INTEGER, "whole": INTEGER, "binary": BINARY, "bin": BINARY,
    "alldifferent": ALL_DIFFERENT, "dif": ALL_DIFFERENT, "all-different": ALL_DIFFERENT, "all different": ALL_DIFFERENT,
}  # fmt: skip

Texts = str | Sequence[str]


@dataclass(frozen=True, slots=True)
class Statement:
    """What is wanted, as people say it: addresses, names and comparisons as they would be typed on the sheet.

    `sense` is MINIMISE, MAXIMISE or REACH_VALUE; without an `objective` any point that meets the constraints will do.
    """

    by: Texts
    objective: str = ""
    sense: int = MINIMISE
    target_value: float = 0.0
    subject_to: Texts = ()
    integer: Texts = ()
    binary: Texts = ()
    all_different: Texts = ()
    engine: str = "grg"
    may_be_negative: bool = False


def goal(minimise: str | None, maximise: str | None, objective: str | None, to: float | None) -> tuple[str, int, float]:
    """The objective, its sense, and the value to be reached, where at most one goal is stated; else ValueError."""
    stated = [
        (text, sense) for text, sense in ((minimise, MINIMISE), (maximise, MAXIMISE), (objective, REACH_VALUE)) if text
    ]
    if len(stated) > 1:
        raise ValueError("state one goal: to minimise a cell, to maximise one, or to bring one to a value")
    if (objective is None) != (to is None):
        raise ValueError("a cell to be brought to a value, and the value, are stated together")
    if not stated:
        return "", MINIMISE, 0.0
    return stated[0][0], stated[0][1], 0.0 if to is None else float(to)


def stated_model(book: Book, sheet: str, statement: Statement) -> SolverModel:
    """The model that a statement makes on a sheet, checked, not stored.

    Raises SolverError, one sentence with file and sheet, where the statement cannot be understood or no model is one.
    """
    stated = _Stated(book, sheet)
    try:
        model = SolverModel(book, stated.names(statement))
    except (FormulaError, SolverError) as error:
        raise stated.error(str(error).removeprefix(f"{book.path}: ").removesuffix(".")) from None
    stated.check_objective(model)
    model.problem()
    return model


def store(model: SolverModel, name: str = "") -> None:
    """Makes it the model of its sheet, as Excel's dialog shows it, or keeps it under a name; saving writes it."""
    if name and not SAVED_NAME.fullmatch(name):
        raise SolverError(f"{name!r} is no name for a model: letters, digits and _ make one, a letter first.")
    book, sheet = model.workbook, model.names.sheet
    book.set_hidden_names(sheet, names_to_store(book.file, sheet, model.names, name))


def remove(book: Book, sheet: str, name: str = "") -> bool:
    """Removes a sheet's model, or the one kept under a name; whether there were names of it."""
    position = book[sheet].position
    gone = names_to_store(book.file, position, None, name)
    book.set_hidden_names(position, gone)
    return bool(gone)


class _Stated:
    """Turns what is said about a sheet's cells into the texts of names."""

    def __init__(self, book: Book, sheet: str) -> None:
        self.book = book
        self.position = book[sheet].position
        self.sheet = book.sheet_names[self.position]

    def error(self, cause: str) -> SolverError:
        return SolverError(f"{self.book.path}, sheet {self.sheet!r}: {cause}.")

    def names(self, statement: Statement) -> SolverModelNames:
        if statement.engine not in ENGINES:
            raise SolverError(f"there is no engine {statement.engine!r}: it is one of {', '.join(ENGINES)}")
        adjustable = [area for text in _texts(statement.by) for area in self.areas(text)]
        if not adjustable:
            raise SolverError("no adjustable cells are stated")
        constraints = [each for text in _texts(statement.subject_to) for each in self.constraints(text)]
        for relation, texts in (
            (INTEGER, statement.integer), (BINARY, statement.binary), (ALL_DIFFERENT, statement.all_different)
        ):  # fmt: skip
            constraints += [each for text in _texts(texts) for each in self.kind(text, relation)]
        if not statement.objective and not constraints:
            raise SolverError("neither a goal nor constraints are stated")
        objective = self.areas(statement.objective) if statement.objective else [""]
        if len(objective) != 1:
            raise SolverError(f"the objective {statement.objective} is not one cell")
        return SolverModelNames(
            sheet=self.position,
            objective=objective[0],
            adjustable=",".join(adjustable),
            constraints=constraints,
            sense=statement.sense,
            target_value=statement.target_value,
            engine=ENGINES[statement.engine],
            non_negative=not statement.may_be_negative,
        )

    def check_objective(self, model: SolverModel) -> None:
        """Excel's dialog takes no objective without a formula; nothing could change one."""
        if model.objective is None:
            return
        ((position, area),) = self.book.areas(model.objective, self.sheet)
        if self.book.calculation.formula_text(position, area.top, area.left) is None:
            raise self.error(f"the objective {model.objective} holds no formula")

    def areas(self, text: str) -> list[str]:
        """The areas that an address, several, or a name stand for, as Excel writes them into its names."""
        return [address(name, area, absolute=True) for name, area in self.book.resolve(text, self.sheet)]

    def kind(self, text: str, relation: int) -> list[ConstraintNames]:
        return [ConstraintNames(area, relation, RELATION_WORDS[relation]) for area in self.areas(text)]

    def constraints(self, text: str) -> Iterator[ConstraintNames]:
        """The constraints that a text states: A1:A3 <= B1:B3, 0 <= A1 <= 2*B1, A1:A3 integer."""
        parts, relations = _compared(text)
        if not relations:
            yield from self._kind_in_words(text)
        for left, sign, right in zip(parts, relations, parts[1:]):
            if sign not in _RELATIONS:
                raise SolverError(f"the constraint {text!r} says {sign}: Solver knows <=, = and >=")
            if not left or not right:
                raise SolverError(f"the constraint {text!r} has nothing on one side of {sign}")
            if right.casefold() in _KINDS and sign == "=":
                yield from self.kind(left, _KINDS[right.casefold()])
            else:
                yield from self._comparison(text, left, _RELATIONS[sign], right)

    def _kind_in_words(self, text: str) -> list[ConstraintNames]:
        for word, relation in _KINDS.items():
            if text.casefold().rstrip().endswith(" " + word):
                return self.kind(text.rstrip()[: -len(word)].strip(), relation)
        raise SolverError(
            f"the constraint {text!r} compares nothing: write it as in C2:C4 <= D2:D4, or as in B2:B3 integer"
        )

    def _comparison(self, text: str, left: str, relation: int, right: str) -> list[ConstraintNames]:
        """The constraint with cells on its left, and of one cell and several the several: so Excel wants it."""
        cells, others = self._cells(left), self._cells(right)
        if not cells and not others:
            raise SolverError(f"the constraint {text!r} has cells on neither side")
        if not cells or (cells == 1 and others > 1):
            left, relation, right = right, _TURNED[relation], left
        areas = self.areas(left)
        if len(areas) != 1:
            raise SolverError(f"the constraint {text!r} has several areas on one side: state one for each")
        return [ConstraintNames(areas[0], relation, self.side(right))]

    def _cells(self, text: str) -> int:
        """How many cells a text names; 0 where it names none."""
        try:
            return sum(area.height * area.width for _, area in self.book.resolve(text, self.sheet))
        except FormulaError:
            return 0

    def side(self, text: str) -> str:
        """A right-hand side as a name can hold it: a number, an area, or a formula with absolute addresses."""
        text = text.removeprefix("=").strip()
        if _NUMBER.fullmatch(text):
            return text
        try:
            areas = self.areas(text)
        except FormulaError:
            return self._absolute(text)
        if len(areas) != 1:
            raise SolverError(f"{text!r} are several areas on one side of a constraint")
        return areas[0]

    def _absolute(self, formula: str) -> str:
        """The formula with absolute addresses that name their sheets: a name's relative ones move with the cursor."""
        parse(formula, 1, 1)  # FormulaError says what is wrong with it
        written, after_colon = [], False
        for token in tokenise(formula):
            sheet = "" if token.sheet is None else f"{token.sheet}!"
            text = token.text
            if token.kind in ("cell", "columns", "rows"):
                sheet = sheet or ("" if after_colon else f"{quote_sheet(self.sheet)}!")
                text = re.sub(r"\$?([A-Za-z]+|[0-9]+)", lambda match: "$" + match[1].upper(), text)
            written.append(sheet + text)
            after_colon = token.text == ":" or (after_colon and token.kind == "space")
        return "".join(written)


def _texts(texts: Texts) -> list[str]:
    return [texts] if isinstance(texts, str) else list(texts)


def _compared(text: str) -> tuple[list[str], list[str]]:
    """What is compared and the signs between; a sign within quotation marks is none."""
    parts, relations, at = [], [], 0
    for match in _PIECES.finditer(text):
        if match[2]:
            parts.append(text[at : match.start()].strip())
            relations.append(match[2])
            at = match.end()
    return [*parts, text[at:].strip()], relations
