"""Conditional formats applied: what they change in the look of cells, at the present values."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sheetml.engine import questions
from sheetml.engine.calculation import Calculation
from sheetml.engine.tracing.graph import value_of
from sheetml.engine.values import BLANK, BOOLEAN, NUMBER, TEXT
from sheetml.errors import SheetmlError
from sheetml.formula.parser import parse
from sheetml.formula.references import cell_name
from sheetml.xlsx.appearance import Look, mixed
from sheetml.xlsx.conditional_formats import ConditionalFormat, Limit
from sheetml.xlsx.model import Area

COMPARISONS = {
    "lessThan": "{0}<({1})", "lessThanOrEqual": "{0}<=({1})", "equal": "{0}=({1})", "notEqual": "{0}<>({1})",
    "greaterThan": "{0}>({1})", "greaterThanOrEqual": "{0}>=({1})", "between": "AND({0}>=({1}),{0}<=({2}))",
    "notBetween": "OR({0}<({1}),{0}>({2}))",
}  # fmt: skip
WITH_FORMULA = (
    "expression", "containsText", "notContainsText", "beginsWith", "endsWith", "containsBlanks", "notContainsBlanks",
    "containsErrors", "notContainsErrors", "timePeriod",
)  # fmt: skip


@dataclass(slots=True)
class Changed:
    """What the formats change of one cell's look; None leaves it as its style has it."""

    fill: str | None = None
    colour: str | None = None
    bold: bool | None = None
    italic: bool | None = None
    strike: bool | None = None
    number_format: str | None = None
    bar: tuple[float, float, str] | None = None  # from and to, as shares of the width, and the colour
    icon: tuple[str, int, int] | None = None  # family, which, of how many
    hides_value: bool = False


Cells = dict[tuple[int, int], Changed]


class ConditionalFormats:
    """The formats of one sheet over a calculation. What they ask of whole areas is worked out once a revision."""

    def __init__(
        self, calculation: Calculation, sheet: int, formats: list[ConditionalFormat], looks: list[Look]
    ) -> None:
        self.calculation = calculation
        self.sheet = sheet
        self.formats = formats
        self.looks = looks
        self._version = -1
        self._numbers: dict[int, np.ndarray] = {}

    def of(self, window: Area, version: int) -> Cells:
        """What changes in a window's cells; `version` counts changes of the workbook."""
        if version != self._version:
            self._version, self._numbers = version, {}
        found: Cells = {}
        stopped: set[tuple[int, int]] = set()
        for rule in self.formats:
            places = _within(rule.areas, window)
            if places.size:
                try:
                    self._apply(rule, places, found, stopped)
                except SheetmlError:  # a rule that cannot be computed changes nothing, as in Excel
                    continue
        return found

    def _apply(self, rule: ConditionalFormat, places: np.ndarray, found: Cells, stopped: set[tuple[int, int]]) -> None:
        if rule.kind in ("colorScale", "dataBar", "iconSet"):
            for place, number in self._with_numbers(places):
                if place not in stopped:
                    self._scale(rule, number, found.setdefault(place, Changed()))
            return
        look = self.looks[rule.look] if rule.look is not None and rule.look < len(self.looks) else Look()
        met = self._met(rule, places)
        for row, column in places[met].tolist():
            if (row, column) not in stopped:
                _lay(look, found.setdefault((row, column), Changed()))
                if rule.stop:
                    stopped.add((row, column))

    # ---- rules that are met or not

    def _met(self, rule: ConditionalFormat, places: np.ndarray) -> np.ndarray:
        """Which of the cells meet a rule, (n,)."""
        corner = cell_name(rule.areas[0].top, rule.areas[0].left)
        if rule.kind == "cellIs" and rule.operator in COMPARISONS and rule.formulas:
            return self._true(rule, COMPARISONS[rule.operator].format(corner, *rule.formulas, *rule.formulas), places)
        if rule.kind in WITH_FORMULA and rule.formulas:
            return self._true(rule, rule.formulas[0], places)
        kinds, numbers, texts = self._held(places)
        if rule.kind in ("top10", "aboveAverage"):
            low, high = self._accepted(rule)
            return (kinds == NUMBER) & (numbers >= low) & (numbers <= high)
        if rule.kind in ("duplicateValues", "uniqueValues"):
            counts = self._counts(rule)
            keys = [_key(*cell) for cell in zip(kinds.tolist(), numbers.tolist(), texts.tolist())]
            several = np.array([counts.get(key, 0) > 1 for key in keys], bool)
            return (kinds != BLANK) & (several == (rule.kind == "duplicateValues"))
        return np.zeros(len(places), bool)

    def _true(self, rule: ConditionalFormat, formula: str, places: np.ndarray) -> np.ndarray:
        """For which cells a formula, written for the first area's corner, is true."""
        tree = parse(formula, rule.areas[0].top, rule.areas[0].left)
        context = questions.context_of_cells(self.calculation, self.sheet, places[:, 0], places[:, 1])
        with context.workspace.borrowed(), np.errstate(all="ignore"):
            value = context.value(tree)
        number = np.broadcast_to(value_of(value.number)[:, 0, 0], len(places))
        kinds = np.broadcast_to(value.kinds[:, 0, 0], len(places))
        return np.isin(kinds, (NUMBER, BOOLEAN)) & (number != 0)

    def _accepted(self, rule: ConditionalFormat) -> tuple[float, float]:
        """The lowest and the highest number that a rule about the others accepts."""
        numbers, settings = np.sort(self._all_numbers(rule)), rule.settings
        if not numbers.size:
            return math.inf, -math.inf
        if rule.kind == "top10":
            rank = settings.get("rank", "10")
            count = int(rank) if rank.isdecimal() else 10
            if settings.get("percent", "0") in ("1", "true"):
                count = int(numbers.size * count / 100)
            count = min(max(count, 1), numbers.size)
            bottom = settings.get("bottom", "0") in ("1", "true")
            return (-math.inf, float(numbers[count - 1])) if bottom else (float(numbers[-count]), math.inf)
        above = settings.get("aboveAverage", "1") in ("1", "true")
        equal = settings.get("equalAverage", "0") in ("1", "true")
        deviations = settings.get("stdDev", "0")
        limit = float(numbers.mean())
        if deviations.isdecimal() and int(deviations) and numbers.size > 1:
            limit += (1 if above else -1) * int(deviations) * float(numbers.std(ddof=1))
        if not equal:
            limit = math.nextafter(limit, math.inf if above else -math.inf)
        return (limit, math.inf) if above else (-math.inf, limit)

    def _counts(self, rule: ConditionalFormat) -> dict[object, int]:
        counts: dict[object, int] = {}
        slots = np.unique(np.concatenate([self.calculation.within(self.sheet, area) for area in rule.areas]))
        calculation = self.calculation
        cells = (
            calculation.kinds(slots).tolist(),
            calculation.numbers(slots).tolist(),
            calculation.texts(slots).tolist(),
        )
        for cell in zip(*cells):
            counts[_key(*cell)] = counts.get(_key(*cell), 0) + 1
        return counts

    # ---- scales, bars, icons

    def _scale(self, rule: ConditionalFormat, number: float, cell: Changed) -> None:
        limits = [self._limit(rule, index) for index in range(len(rule.limits))]
        if len(limits) < 2 or not all(map(math.isfinite, limits)):
            return
        if rule.kind == "colorScale" and len(rule.colours) == len(limits):
            cell.fill = cell.fill or _between(number, limits, rule.colours)
        elif rule.kind == "dataBar" and rule.colours:
            low, high = min(limits[0], 0.0) if rule.limits[0].kind == "min" else limits[0], limits[1]
            zero, end = (_share(each, low, high) for each in (0.0, number))
            cell.bar = cell.bar or (min(zero, end), max(zero, end), rule.colours[0])
            cell.hides_value |= not rule.shows_value
        elif rule.kind == "iconSet":
            reached = sum(
                number >= limit if stated.reached else number > limit
                for limit, stated in zip(limits[1:], rule.limits[1:])
            )
            which = len(limits) - 1 - reached if rule.reverse else reached
            cell.icon = cell.icon or (rule.icons, which, len(limits))
            cell.hides_value |= not rule.shows_value

    def _limit(self, rule: ConditionalFormat, index: int) -> float:
        limit, numbers = rule.limits[index], self._all_numbers(rule)
        if not numbers.size:
            return math.nan
        if limit.kind in ("min", "max"):
            return float(numbers.min() if limit.kind == "min" else numbers.max())
        value = self._value(rule, limit)
        if limit.kind == "percent":
            return float(numbers.min() + (numbers.max() - numbers.min()) * value / 100)
        if limit.kind == "percentile":
            return float(np.percentile(numbers, min(max(value, 0.0), 100.0)))
        return value

    def _value(self, rule: ConditionalFormat, limit: Limit) -> float:
        try:
            return float(limit.value)
        except ValueError:
            pass
        context = questions.context_at(self.calculation, self.sheet, rule.areas[0].top, rule.areas[0].left)
        with context.workspace.borrowed(), np.errstate(all="ignore"):
            value = context.value(parse(limit.value.removeprefix("="), rule.areas[0].top, rule.areas[0].left))
        plain = value.kinds.reshape(-1)[0] == NUMBER
        return float(value_of(value.number).reshape(-1)[0]) if plain else math.nan

    # ---- cells

    def _all_numbers(self, rule: ConditionalFormat) -> np.ndarray:
        """All numbers in a rule's areas."""
        key = id(rule)
        if key not in self._numbers:
            slots = np.unique(np.concatenate([self.calculation.within(self.sheet, area) for area in rule.areas]))
            numbers = self.calculation.numbers(slots)
            self._numbers[key] = numbers[self.calculation.kinds(slots) == NUMBER]
        return self._numbers[key]

    def _held(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        slots = self.calculation.locate(self.sheet, places[:, 0], places[:, 1])
        return self.calculation.kinds(slots), self.calculation.numbers(slots), self.calculation.texts(slots)

    def _with_numbers(self, places: np.ndarray) -> Iterator[tuple[tuple[int, int], float]]:
        kinds, numbers, _ = self._held(places)
        for place, kind, number in zip(places.tolist(), kinds.tolist(), numbers.tolist()):
            if kind == NUMBER:
                yield (place[0], place[1]), number


def _within(areas: tuple[Area, ...], window: Area) -> np.ndarray:
    """The cells of some areas that lie in a window, each once, (n, 2)."""
    parts = []
    for area in areas:
        top, left = max(area.top, window.top), max(area.left, window.left)
        bottom, right = min(area.bottom, window.bottom), min(area.right, window.right)
        if top <= bottom and left <= right:
            rows, columns = np.meshgrid(np.arange(top, bottom + 1), np.arange(left, right + 1), indexing="ij")
            parts.append(np.stack([rows.reshape(-1), columns.reshape(-1)], axis=1))
    if len(parts) > 1:
        return np.unique(np.concatenate(parts), axis=0)
    return parts[0] if parts else np.zeros((0, 2), np.int64)


def _lay(look: Look, cell: Changed) -> None:
    """Lays a look over a cell: rules of a higher priority have come before, and stay."""
    cell.fill = cell.fill or look.fill
    cell.colour = cell.colour or look.colour
    cell.number_format = cell.number_format or look.number_format
    cell.bold = look.bold if cell.bold is None else cell.bold
    cell.italic = look.italic if cell.italic is None else cell.italic
    cell.strike = look.strike if cell.strike is None else cell.strike


def _between(number: float, limits: list[float], colours: tuple[str, ...]) -> str:
    if number <= limits[0]:
        return colours[0]
    for low, high, first, second in zip(limits, limits[1:], colours, colours[1:]):
        if number <= high:
            return mixed(first, second, _share(number, low, high))
    return colours[-1]


def _share(number: float, low: float, high: float) -> float:
    return min(max((number - low) / (high - low), 0.0), 1.0) if high > low else 0.5


def _key(kind: int, number: float, text: str) -> object:
    return text.casefold() if kind == TEXT else (kind, number)
