"""Where a collaborative-filtering sheet keeps its parts, for any number of users, items and factors.

    crosstab (sheets dotprod, bias)            by rating (sheet movielens_emb)
               item ids                        user ids | user factors    one row a rating: user, item,
    user ids | ratings                         item ids | item factors    rating, both rows of factors
                                                                          looked up, prediction, error²
               titles
               item biases
               item factors
    user       item ids                                                   objective
    biases |   user    | user ids | predictions
               factors
                                    objective

With 15 users, 15 items and 5 factors these are the cells of the lesson's workbook.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sheetml.xlsx.model import Area

CROSSTAB: Literal["crosstab"] = "crosstab"
BY_RATING: Literal["by rating"] = "by rating"


@dataclass(frozen=True, slots=True)
class Layout:
    """The areas of one sheet; None where the sheet has no such part.

    In a crosstab `ratings` and `predictions` are users × items, `item_factors` factors × items,
    `item_bias` and `titles` one row, `user_factors` users × factors, `user_bias` one column. By rating
    `ratings` and `predictions` are one column of n rows, `rating_users` and `rating_items` the ids
    beside them, and `item_factors` items × factors. `mean` is added to every prediction; with `minimum`
    and `maximum` predictions are squeezed between the two by a sigmoid (cells, or numbers in the formula).
    """

    sheet: str
    form: Literal["crosstab", "by rating"]
    user_ids: Area | None
    item_ids: Area | None
    ratings: Area | None
    user_factors: Area
    item_factors: Area
    predictions: Area
    objective: Area | None = None
    user_bias: Area | None = None
    item_bias: Area | None = None
    titles: Area | None = None
    mean: Area | float | None = None
    minimum: Area | float | None = None
    maximum: Area | float | None = None
    rating_users: Area | None = None
    rating_items: Area | None = None

    @property
    def adjustable(self) -> list[Area]:
        """What a Solver model changes: the factors, with the biases beside them."""
        items = joined(self.item_bias, self.item_factors)
        users = joined(self.user_bias, self.user_factors)
        return [items, users] if self.form == CROSSTAB else [users, items]


def crosstab(
    sheet: str,
    users: int,
    items: int,
    factors: int,
    *,
    bias: bool = False,
    titles: bool = False,
    mean: bool = False,
    squeezed: bool = False,
) -> Layout:
    """The crosstab of so many users, items and factors."""
    ids, first, last = factors + 2, factors + 3, factors + 2 + items  # columns
    below = users + 4  # the first row under the ratings and two blank rows
    factor_row = below + bias
    labels = factor_row + factors
    top, bottom = labels + 1, labels + users
    return Layout(
        sheet,
        CROSSTAB,
        user_ids=Area(top, ids, bottom, ids),
        item_ids=Area(labels, first, labels, last),
        ratings=Area(2, first, users + 1, last),
        user_factors=Area(top, 2, bottom, factors + 1),
        item_factors=Area(factor_row, first, labels - 1, last),
        predictions=Area(top, first, bottom, last),
        objective=cell(bottom + 2, last),
        user_bias=Area(top, 1, bottom, 1) if bias else None,
        item_bias=Area(below, first, below, last) if bias else None,
        titles=Area(below - 1, first, below - 1, last) if titles else None,
        mean=cell(2, 1) if mean else None,
        minimum=cell(3, 1) if squeezed else None,
        maximum=cell(4, 1) if squeezed else None,
    )


def by_rating(sheet: str, users: int, items: int, factors: int, ratings: int) -> Layout:
    """The sheet with a row for each of so many ratings."""
    first_item = users + 7
    left, right = 3, factors + 2  # of the factors
    user = right + 2  # the column of user ids, beside it item ids, ratings, places, factors
    predicted = user + 2 * factors + 5
    top, bottom = 3, ratings + 2
    return Layout(
        sheet,
        BY_RATING,
        user_ids=Area(4, 2, users + 3, 2),
        item_ids=Area(first_item, 2, first_item + items - 1, 2),
        ratings=Area(top, user + 2, bottom, user + 2),
        user_factors=Area(4, left, users + 3, right),
        item_factors=Area(first_item, left, first_item + items - 1, right),
        predictions=Area(top, predicted, bottom, predicted),
        objective=cell(3, predicted + 3),
        rating_users=Area(top, user, bottom, user),
        rating_items=Area(top, user + 1, bottom, user + 1),
    )


def cell(row: int, column: int) -> Area:
    """An area of one cell."""
    return Area(row, column, row, column)


def joined(first: Area | None, second: Area) -> Area:
    """The area of two that touch."""
    if first is None:
        return second
    return Area(
        min(first.top, second.top),
        min(first.left, second.left),
        max(first.bottom, second.bottom),
        max(first.right, second.right),
    )
