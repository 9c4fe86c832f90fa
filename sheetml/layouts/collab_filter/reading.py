"""Reads the model that a recognised sheet holds: ids, ratings, factors and biases as arrays."""

from __future__ import annotations

import numpy as np

from sheetml.errors import DataError
from sheetml.formula.references import address
from sheetml.layouts.collab_filter.factors import Id, SheetModel
from sheetml.layouts.collab_filter.layout import CROSSTAB, Layout
from sheetml.workbook import Book
from sheetml.xlsx.model import Area, CellValue

TOLERANCE = 1e-9


def read_model(workbook: Book, layout: Layout) -> SheetModel:
    """The model of a sheet, with the values its cells have now; formulas that wait for it are computed first.

    Users or items without ids are numbered from 1. Raises DataError where a factor is no number, and
    where the predictions of the sheet's formulas are not those of the model: they do something else.
    """
    workbook.calculate()
    page = _Page(workbook, layout)
    if layout.ratings is None:
        raise page.error(layout.predictions, "has no ratings beside it")
    crosstab = layout.form == CROSSTAB
    user_factors, item_factors = page.numbers(layout.user_factors), page.numbers(layout.item_factors)
    item_factors = item_factors.T if crosstab else item_factors
    user_ids = page.ids(layout.user_ids, len(user_factors))
    item_ids = page.ids(layout.item_ids, len(item_factors))
    model = SheetModel(
        user_ids,
        item_ids,
        page.titles(),
        page.by_pair(layout.ratings, user_ids, item_ids),
        user_factors,
        item_factors,
        page.line(layout.user_bias),
        page.line(layout.item_bias),
        page.constant(layout.mean) or 0.0,
        page.rating_range(),
    )
    page.check_predictions(model)
    return model


class _Page:
    """The cells of a sheet with a layout."""

    def __init__(self, workbook: Book, layout: Layout) -> None:
        self.workbook = workbook
        self.layout = layout

    def cells(self, area: Area) -> np.ndarray:
        """The values of an area, (height, width) objects."""
        values = np.full((area.height, area.width), None, object)
        held = self.workbook[self.layout.sheet][address(None, area)]
        if area.height * area.width == 1:
            values[0, 0] = held
        else:
            values[: held.shape[0], : held.shape[1]] = held
        return values

    def numbers(self, area: Area) -> np.ndarray:
        """The area's values as floats; blanks are 0, as in the formulas. Other cells are refused."""
        values = self.cells(area)
        for (row, column), value in np.ndenumerate(values):
            if not (value is None or isinstance(value, (float, bool))):
                place = Area(area.top + row, area.left + column, area.top + row, area.left + column)
                raise self.error(place, "holds no number")
        return np.where(values == None, 0.0, values).astype(np.float64)  # noqa: E711

    def line(self, area: Area | None) -> np.ndarray | None:
        return None if area is None else self.numbers(area).reshape(-1)

    def constant(self, place: Area | float | None) -> float | None:
        return float(self.numbers(place)[0, 0]) if isinstance(place, Area) else place

    def rating_range(self) -> tuple[float, float] | None:
        low, high = self.constant(self.layout.minimum), self.constant(self.layout.maximum)
        return None if low is None or high is None else (low, high)

    def ids(self, area: Area | None, count: int) -> list[Id]:
        if area is None:
            return list(range(1, count + 1))
        return [_plain_id(value) for value in self.cells(area).reshape(-1)]

    def titles(self) -> list[str] | None:
        area = self.layout.titles
        return None if area is None else ["" if each is None else str(each) for each in self.cells(area).reshape(-1)]

    def by_pair(self, area: Area, user_ids: list[Id], item_ids: list[Id]) -> np.ndarray:
        """The numbers of an area as users × items, NaN where there is none; of several for a pair the last counts."""
        layout, numbers = self.layout, _floats(self.cells(area))
        if layout.form == CROSSTAB:
            return numbers
        assert layout.rating_users is not None and layout.rating_items is not None
        matrix = np.full((len(user_ids), len(item_ids)), np.nan)
        users = {each: place for place, each in enumerate(user_ids)}
        items = {each: place for place, each in enumerate(item_ids)}
        keys = zip(self.ids(layout.rating_users, 0), self.ids(layout.rating_items, 0))
        for (user, item), number in zip(keys, numbers.reshape(-1)):
            if user in users and item in items:
                matrix[users[user], items[item]] = number
        return matrix

    def check_predictions(self, model: SheetModel) -> None:
        """The sheet's predictions of rated pairs must be the model's."""
        sheet = self.by_pair(self.layout.predictions, list(model.user_ids), list(model.item_ids))
        expected = model.predictions()
        rated = ~np.isnan(model.ratings)
        wrong = rated & ~np.isclose(sheet, expected, rtol=TOLERANCE, atol=TOLERANCE)
        if wrong.any():
            user, item = (int(place[0]) for place in np.nonzero(wrong))
            raise self.error(
                self.layout.predictions,
                f"predicts {sheet[user, item]:g} for user {model.user_ids[user]} and item {model.item_ids[item]}, "
                f"where factors and biases give {expected[user, item]:g}: its formula is not understood",
            )

    def error(self, area: Area, cause: str) -> DataError:
        return DataError(f"{self.workbook.path}: {address(self.layout.sheet, area)} {cause}.")


def _floats(values: np.ndarray) -> np.ndarray:
    """Numbers as they are, all else as NaN."""
    return np.array([value if isinstance(value, float) else np.nan for value in values.flat]).reshape(values.shape)


def _plain_id(value: CellValue) -> Id:
    """An id as data have it: whole numbers as int."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    return str(value)
