"""Writes the sheets of a collaborative-filtering workbook, one function a sheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sheetml.formula.references import address, column_letters
from sheetml.layouts.book import (
    GREY,
    bold,
    heat_map,
    plain,
    prepare_print,
    put_comment,
    put_formula,
    put_solver_model,
    put_text,
    put_value,
    set_width,
)
from sheetml.layouts.collab_filter.factors import Id, SheetModel
from sheetml.layouts.collab_filter.layout import Layout, cell
from sheetml.xlsx.model import Area
from sheetml.xlsx.solver_names import MINIMISE, SolverModelNames

if TYPE_CHECKING:
    from openpyxl import Workbook as NewWorkbook
    from openpyxl.worksheet.worksheet import Worksheet

TWO_DIGITS, FOUR_DIGITS = "0.00", "0.0000"
MARK = "3B6EA5"  # the colour of charts
ABOUT_WIDTH, LINE_HEIGHT = 95, 15.5  # characters, points
CENTIMETRES = 0.19  # of a character's width
NARROWEST_CHART = 8.0  # centimetres
FROZEN_FACTORS = 8  # factors: more columns than these, frozen, would leave no room to scroll


@dataclass(frozen=True, slots=True)
class Labels:
    """What users, items and ratings are called: the columns of the data."""

    user: str = "userId"
    item: str = "movieId"
    rating: str = "rating"


# ---- the crosstab -----------------------------------------------------------------------------


def write_crosstab(book: NewWorkbook, layout: Layout, model: SheetModel, labels: Labels, predict_all: bool) -> None:
    """A sheet such as dotprod or bias: ratings above, factors around the predictions, the error below.

    Pairs without a rating are predicted only if asked for; else they show a grey 0 and do not count.
    """
    sheet = book.create_sheet(layout.sheet)
    _put_ratings(sheet, layout, model, labels)
    _put_factors(sheet, layout, model)
    _put_constants(sheet, layout, model)
    _put_predictions(sheet, layout, labels, predict_all)
    _put_crosstab_objective(sheet, layout, predict_all)
    _put_crosstab_comments(sheet, layout, predict_all)
    _colour_crosstab(sheet, layout, model, predict_all)
    _shape_crosstab(sheet, layout, model)
    put_solver_model(sheet, _solver_model(layout, book.index(sheet)))


def _put_ratings(sheet: Worksheet, layout: Layout, model: SheetModel, labels: Labels) -> None:
    area = layout.ratings
    assert area is not None
    put_text(sheet, 1, area.left - 1, labels.item)
    put_text(sheet, 2, area.left - 2, labels.user)
    _put_row(sheet, 1, area.left, model.item_ids)
    _put_column(sheet, area.top, area.left - 1, model.user_ids)
    bold(sheet, Area(1, area.left - 2, 2, area.left - 1))
    bold(sheet, Area(1, area.left, 1, area.right))
    bold(sheet, Area(area.top, area.left - 1, area.bottom, area.left - 1))
    for row, ratings in enumerate(model.ratings.tolist(), start=area.top):
        for column, rating in enumerate(ratings, start=area.left):
            if rating == rating:
                put_value(sheet, row, column, rating)


def _put_factors(sheet: Worksheet, layout: Layout, model: SheetModel) -> None:
    _put_numbers(sheet, layout.item_factors, model.item_factors.T)
    _put_numbers(sheet, layout.user_factors, model.user_factors)
    if layout.item_bias is not None and model.item_bias is not None:
        _put_numbers(sheet, layout.item_bias, model.item_bias[None, :])
    if layout.user_bias is not None and model.user_bias is not None:
        _put_numbers(sheet, layout.user_bias, model.user_bias[:, None])
    if layout.titles is not None and model.titles is not None:
        _put_row(sheet, layout.titles.top, layout.titles.left, model.titles)


def _put_constants(sheet: Worksheet, layout: Layout, model: SheetModel) -> None:
    low, high = model.rating_range or (0.0, 0.0)
    constants = (
        (layout.mean, "mean of all ratings", model.mean),
        (layout.minimum, "lowest rating", low),
        (layout.maximum, "highest rating", high),
    )
    for area, label, value in constants:
        if isinstance(area, Area):
            put_value(sheet, area.top, area.left, float(value), TWO_DIGITS)
            put_text(sheet, area.top, area.left + 1, label)


def _put_predictions(sheet: Worksheet, layout: Layout, labels: Labels, predict_all: bool) -> None:
    area, ratings = layout.predictions, layout.ratings
    assert ratings is not None
    top = layout.item_factors.bottom + 1
    put_text(sheet, top - 1, area.left - 1, labels.item)
    put_text(sheet, top, area.left - 2, labels.user)
    bold(sheet, Area(top - 1, area.left - 2, top, area.left - 1))
    bold(sheet, Area(top, area.left, top, area.right))
    bold(sheet, Area(area.top, area.left - 1, area.bottom, area.left - 1))
    for column in range(area.left, area.right + 1):
        put_formula(sheet, top, column, f"{column_letters(column)}$1")
    for row in range(area.top, area.bottom + 1):
        rated = row - area.top + ratings.top
        put_formula(sheet, row, area.left - 1, f"${column_letters(area.left - 1)}{rated}")
        for column in range(area.left, area.right + 1):
            formula = _prediction(layout, row, column)
            if not predict_all:
                formula = f'IF({column_letters(column)}{rated}="",0,{formula})'
            put_formula(sheet, row, column, formula, TWO_DIGITS)


def _prediction(layout: Layout, row: int, column: int) -> str:
    """The prediction for a pair: factors and biases, squeezed between the lowest and the highest rating."""
    users, items = layout.user_factors, layout.item_factors
    letters = column_letters(column)
    left, right = column_letters(users.left), column_letters(users.right)
    formula = f"MMULT(${left}{row}:${right}{row},{letters}${items.top}:{letters}${items.bottom})"
    if layout.item_bias is not None and layout.user_bias is not None:
        formula += f"+{letters}${layout.item_bias.top}+${column_letters(layout.user_bias.left)}{row}"
    if isinstance(layout.mean, Area):
        formula += f"+{plain(layout.mean, absolute=True)}"
    if isinstance(layout.minimum, Area) and isinstance(layout.maximum, Area):
        low, high = plain(layout.minimum, absolute=True), plain(layout.maximum, absolute=True)
        formula = f"{low}+({high}-{low})/(1+EXP(-({formula})))"
    return formula


def _put_crosstab_objective(sheet: Worksheet, layout: Layout, predict_all: bool) -> None:
    assert layout.ratings is not None and layout.objective is not None
    ratings, predictions = plain(layout.ratings), plain(layout.predictions)
    if predict_all:
        squares = f'SUMPRODUCT(({ratings}<>"")*({ratings}-{predictions})^2)'
    else:
        squares = f"SUMXMY2({ratings},{predictions})"
    row, column = layout.objective.top, layout.objective.left
    put_formula(sheet, row, column, f"SQRT({squares}/COUNT({ratings}))", FOUR_DIGITS)
    if column > 1:
        put_text(sheet, row, column - 1, "rmse")
    bold(sheet, Area(row, max(column - 1, 1), row, column))


def _put_crosstab_comments(sheet: Worksheet, layout: Layout, predict_all: bool) -> None:
    ratings, objective = layout.ratings, layout.objective
    assert ratings is not None and objective is not None
    blanks = (
        "Pairs without a rating are predicted too, in bold: that is what to recommend from."
        if predict_all
        else "Where there is no rating it is 0 and does not count."
    )
    parts = "the user's factors (left) times the item's factors (above)"
    if layout.item_bias is not None:
        parts += ", plus the item's bias, plus the user's bias"
    if layout.minimum is not None:
        parts += ", squeezed between the lowest and the highest rating by a sigmoid"
    comments = {
        (ratings.top, ratings.left - 1): "The ratings: a row for each user, a column for each item.\n"
        "Blank: the user did not rate the item.",
        (layout.item_factors.top, layout.item_factors.left): "A column of numbers for each item, its factors.\n"
        "Random at first; Solver changes them.",
        (layout.user_factors.top, layout.user_factors.left): "A row of numbers for each user, its factors.\n"
        "Random at first; Solver changes them.",
        (layout.predictions.top, layout.predictions.left): f"The prediction: {parts}.\n{blanks}",
        (objective.top, objective.left): "The root of the mean squared difference of ratings and predictions.\n"
        "Data > Solver > Solve makes it as small as it can by changing the factors; "
        "so does: sheetml run WORKBOOK",
    }
    if layout.item_bias is not None and layout.user_bias is not None:
        comments[layout.item_bias.top, layout.item_bias.left] = (
            "The item's bias: how much better it is liked than its factors tell. Solver changes it."
        )
        comments[layout.user_bias.top, layout.user_bias.left] = (
            "The user's bias: how much more the user likes everything. Solver changes it."
        )
        if not predict_all:
            comments[layout.predictions.top, layout.predictions.left] += (
                "\nThe biases stand inside the IF. The lesson's workbook adds them outside, so that pairs "
                "without a rating have a prediction there that is only the two biases; and it does not divide "
                "the error by the count, so its number is no mean."
            )
    for (row, column), text in comments.items():
        put_comment(sheet, row, column, text)


def _colour_crosstab(sheet: Worksheet, layout: Layout, model: SheetModel, predict_all: bool) -> None:
    """One scale for ratings and predictions; pairs without a rating are grey, or bold where they are predicted."""
    from openpyxl.formatting.rule import FormulaRule
    from openpyxl.styles import Font

    ratings, predictions = layout.ratings, layout.predictions
    assert ratings is not None
    unrated = f'{column_letters(ratings.left)}{ratings.top}=""'
    font = Font(bold=True) if predict_all else Font(color=GREY)
    rule = FormulaRule(formula=[unrated], font=font, stopIfTrue=not predict_all)
    sheet.conditional_formatting.add(plain(predictions), rule)
    scale = _scale(model.ratings)
    heat_map(sheet, ratings, scale)
    heat_map(sheet, predictions, scale)
    for area in (layout.item_factors, layout.user_factors, layout.item_bias, layout.user_bias):
        if area is not None:
            heat_map(sheet, area)


def _scale(ratings: np.ndarray) -> tuple[float, float] | None:
    """The lowest and the highest rating: one scale for ratings and predictions."""
    known = ratings[~np.isnan(ratings)]
    return (float(known.min()), float(known.max())) if known.size else None


def _shape_crosstab(sheet: Worksheet, layout: Layout, model: SheetModel) -> None:
    from openpyxl.styles import Alignment

    ratings = layout.ratings
    assert ratings is not None
    set_width(sheet, 1, layout.user_factors.right, 6.5)
    set_width(sheet, ratings.left - 2, ratings.left - 1, 9.5)
    set_width(sheet, ratings.left, ratings.right, 7.5)
    if layout.titles is not None and model.titles is not None:
        row = layout.titles.top
        sheet.row_dimensions[row].height = 130
        for column in range(layout.titles.left, layout.titles.right + 1):
            sheet.cell(row, column).alignment = Alignment(text_rotation=90, wrap_text=True, vertical="bottom")
    frozen_column = ratings.left if model.factors <= FROZEN_FACTORS else 1
    sheet.freeze_panes = f"{column_letters(frozen_column)}2"
    prepare_print(sheet, headings=1)


# ---- a row for each rating --------------------------------------------------------------------


def write_by_rating(book: NewWorkbook, layout: Layout, model: SheetModel, labels: Labels) -> None:
    """The sheet movielens_emb: factors on the left, then a row for each rating that looks its factors up."""
    sheet = book.create_sheet(layout.sheet)
    _put_tables(sheet, layout, model)
    _put_rating_rows(sheet, layout, model)
    _put_by_rating_headings(sheet, layout, labels)
    _put_by_rating_objective(sheet, layout)
    heat_map(sheet, layout.user_factors)
    heat_map(sheet, layout.item_factors)
    _shape_by_rating(sheet, layout)
    _add_fit_chart(sheet, layout, model)
    put_solver_model(sheet, _solver_model(layout, book.index(sheet)))


def _put_tables(sheet: Worksheet, layout: Layout, model: SheetModel) -> None:
    """The factors of users and items, each with its place in the table and its id."""
    tables = (
        (layout.user_factors, model.user_ids, model.user_factors, "Users"),
        (layout.item_factors, model.item_ids, model.item_factors, "Items"),
    )
    for area, ids, factors, title in tables:
        put_text(sheet, area.top - 2, 2, title)
        put_text(sheet, area.top - 2, 3, "Embeddings")
        put_text(sheet, area.top - 1, 1, "idx")
        put_text(sheet, area.top - 1, 2, "id")
        bold(sheet, Area(area.top - 2, 2, area.top - 2, 3), align="left")
        bold(sheet, Area(area.top - 1, 1, area.top - 1, 2))
        put_value(sheet, area.top, 1, 1)
        for row in range(area.top + 1, area.bottom + 1):
            put_formula(sheet, row, 1, f"A{row - 1}+1")
        _put_column(sheet, area.top, 2, ids)
        _put_numbers(sheet, area, factors)


def _put_rating_rows(sheet: Worksheet, layout: Layout, model: SheetModel) -> None:
    assert layout.ratings is not None and layout.user_ids is not None and layout.item_ids is not None
    factors = model.factors
    user = layout.ratings.left - 2
    user_place, item_place = user + 3, user + factors + 4
    predicted = layout.predictions.left
    user_factors, item_factors = _span(user_place + 1, factors), _span(item_place + 1, factors)
    columns = column_letters
    for row, (user_id, item_id, rating) in enumerate(_rating_rows(model), start=layout.ratings.top):
        put_value(sheet, row, user, user_id)
        put_value(sheet, row, user + 1, item_id)
        put_value(sheet, row, user + 2, rating)
        put_formula(sheet, row, user_place, _place(f"{columns(user)}{row}", user_id, layout.user_ids))
        put_formula(sheet, row, item_place, _place(f"{columns(user + 1)}{row}", item_id, layout.item_ids))
        for first, place, table in (
            (user_place + 1, user_place, layout.user_factors),
            (item_place + 1, item_place, layout.item_factors),
        ):
            for column in range(first, first + factors):
                formula = f"OFFSET($B${table.top - 1},${columns(place)}{row},{columns(column)}$2)"
                put_formula(sheet, row, column, formula, TWO_DIGITS)
        rows = [f"{left}{row}:{right}{row}" for left, right in (user_factors, item_factors)]
        put_formula(sheet, row, predicted, f"SUMPRODUCT({rows[0]},{rows[1]})", TWO_DIGITS)
        error = f"({columns(user + 2)}{row}-{columns(predicted)}{row})^2"
        put_formula(sheet, row, predicted + 1, error, TWO_DIGITS)


def _rating_rows(model: SheetModel) -> Iterator[tuple[Id, Id, float]]:
    for user, item in zip(*np.nonzero(~np.isnan(model.ratings))):
        yield model.user_ids[user], model.item_ids[item], float(model.ratings[user, item])


def _place(reference: str, value: Id, ids: Area) -> str:
    """The place of an id in its table.

    MATCH takes text for a pattern, whatever its letters' case, so text ids are compared with EXACT.
    """
    if isinstance(value, str):
        return f"SUMPRODUCT(EXACT({reference},{plain(ids, True)})*{plain(Area(ids.top, 1, ids.bottom, 1), True)})"
    return f"MATCH({reference},{plain(ids, True)},0)"


def _span(first: int, width: int) -> tuple[str, str]:
    return column_letters(first), column_letters(first + width - 1)


def _put_by_rating_headings(sheet: Worksheet, layout: Layout, labels: Labels) -> None:
    assert layout.ratings is not None
    factors = layout.user_factors.width
    user, predicted = layout.ratings.left - 2, layout.predictions.left
    put_text(sheet, 1, user, "original data")
    put_text(sheet, 1, user + 4, "user embedding")
    put_text(sheet, 1, user + factors + 5, "item embedding")
    headings = [labels.user, labels.item, labels.rating, "user idx", *range(1, factors + 1), "item idx"]
    headings += [*range(1, factors + 1), "predict", "error^2"]
    _put_row(sheet, 2, user, headings)
    bold(sheet, Area(1, user, 1, predicted + 1), align="left")
    bold(sheet, Area(2, user, 2, predicted + 1))
    put_comment(sheet, 2, user + 3, "The user's place in the table on the left, found by its id.")
    put_comment(sheet, 2, user + 4, "The user's factors, fetched from the table: OFFSET from its corner by user idx.")
    put_comment(sheet, 2, predicted, "The prediction: the sum of the products of both rows of factors.")
    put_comment(sheet, 4, 3, "A row of numbers for each user, its factors.\nRandom at first; Solver changes them.")
    item_top = layout.item_factors.top
    put_comment(sheet, item_top, 3, "The same for each item.\nRandom at first; Solver changes them.")


def _put_by_rating_objective(sheet: Worksheet, layout: Layout) -> None:
    assert layout.objective is not None
    row, column = layout.objective.top, layout.objective.left
    put_text(sheet, row - 1, column, "rmse")
    errors = Area(layout.predictions.top, column - 2, layout.predictions.bottom, column - 2)
    put_formula(sheet, row, column, f"SQRT(AVERAGE({plain(errors)}))", FOUR_DIGITS)
    bold(sheet, Area(row - 1, column, row, column))
    put_comment(
        sheet,
        row,
        column,
        "The root of the mean squared error.\nData > Solver > Solve makes it as small as it can by changing the "
        "factors of users and items; so does: sheetml run WORKBOOK",
    )


def _shape_by_rating(sheet: Worksheet, layout: Layout) -> None:
    assert layout.ratings is not None
    factors = layout.user_factors.width
    user, predicted = layout.ratings.left - 2, layout.predictions.left
    set_width(sheet, 1, 1, 5)
    set_width(sheet, 2, 2, 10)
    set_width(sheet, 3, factors + 2, 6.5)
    set_width(sheet, user, user + 3, 9.5)
    set_width(sheet, user + 4, user + factors + 3, 6.5)
    set_width(sheet, user + factors + 4, user + factors + 4, 9.5)
    set_width(sheet, user + factors + 5, predicted - 1, 6.5)
    set_width(sheet, predicted, predicted + 1, 8.5)
    sheet.freeze_panes = "A3"
    prepare_print(sheet, headings=2)


def _add_fit_chart(sheet: Worksheet, layout: Layout, model: SheetModel) -> None:
    """Predictions against ratings: a cloud at first, a line when solved."""
    from openpyxl.chart import Reference, ScatterChart, Series

    assert layout.ratings is not None and layout.objective is not None
    chart = ScatterChart()
    chart.style, chart.scatterStyle, chart.legend = 13, "lineMarker", None
    chart.title = "Prediction for each rating"
    chart.x_axis.title, chart.y_axis.title = "rating", "prediction"
    chart.x_axis.delete = chart.y_axis.delete = False
    low, high = _scale(model.ratings) or (0.0, 1.0)
    chart.x_axis.scaling.min, chart.x_axis.scaling.max = max(low - 0.5, 0.0) if low >= 0 else low, high + 0.5
    areas = [
        Reference(sheet, min_col=area.left, min_row=area.top, max_row=area.bottom)
        for area in (layout.predictions, layout.ratings)
    ]
    series = Series(*areas, title="prediction")
    series.marker.symbol, series.marker.size = "circle", 5
    series.marker.graphicalProperties.solidFill = MARK
    series.marker.graphicalProperties.line.noFill = True
    series.graphicalProperties.line.noFill = True
    chart.series.append(series)
    room = CENTIMETRES * (15 + 6.5 * model.factors)  # below the tables of factors, left of the ratings
    if room < NARROWEST_CHART:
        chart.width, chart.height = 16, 10
        sheet.add_chart(chart, f"{column_letters(layout.objective.left + 2)}2")
        return
    chart.width, chart.height = min(room, 16), min(room, 16) * 0.8
    sheet.add_chart(chart, f"A{layout.item_factors.bottom + 2}")


# ---- items ------------------------------------------------------------------------------------


def write_items(book: NewWorkbook, crosstab: Layout, model: SheetModel, labels: Labels) -> None:
    """The data sheet: every item with its title, and what its column of the crosstab comes to."""
    from openpyxl.styles import Alignment

    sheet = book.create_sheet("items")
    headings = ["idx", labels.item, "title", "ratings", "mean rating", "rmse"]
    if crosstab.item_bias is not None:
        headings.append("bias")
    _put_row(sheet, 1, 1, headings)
    bold(sheet, Area(1, 1, 1, len(headings)))
    bold(sheet, cell(1, 3), align="center")
    assert crosstab.ratings is not None
    ratings = address(crosstab.sheet, crosstab.ratings, absolute=True)
    predictions = address(crosstab.sheet, crosstab.predictions, absolute=True)
    bottom = len(model.item_ids) + 1
    for row, item in enumerate(model.item_ids, start=2):
        if row == 2:
            put_value(sheet, row, 1, 1)
        else:
            put_formula(sheet, row, 1, f"A{row - 1}+1")
        put_value(sheet, row, 2, item)
        title = put_text(sheet, row, 3, str(item) if model.titles is None else model.titles[row - 2])
        title.alignment = Alignment(horizontal="left", indent=1)
        column = f"INDEX({ratings},0,$A{row})"
        put_formula(sheet, row, 4, f"COUNT({column})")
        put_formula(sheet, row, 5, f'IF($D{row}=0,"",AVERAGE({column}))', TWO_DIGITS)
        errors = f'SUMPRODUCT(({column}<>"")*({column}-INDEX({predictions},0,$A{row}))^2)'
        put_formula(sheet, row, 6, f'IF($D{row}=0,"",SQRT({errors}/$D{row}))', TWO_DIGITS)
        if crosstab.item_bias is not None:
            bias = address(crosstab.sheet, crosstab.item_bias, absolute=True)
            put_formula(sheet, row, 7, f"INDEX({bias},1,$A{row})", TWO_DIGITS)
    heat_map(sheet, Area(2, 5, bottom, 5))
    if crosstab.item_bias is not None:
        heat_map(sheet, Area(2, 7, bottom, 7))
    put_comment(sheet, 1, 6, f"The root of the mean squared error of the item's predictions on sheet {crosstab.sheet}.")
    set_width(sheet, 1, 1, 5)
    set_width(sheet, 2, 2, 10)
    set_width(sheet, 3, 3, 46)
    set_width(sheet, 4, 7, 12)
    sheet.freeze_panes = "D2"
    prepare_print(sheet, headings=1)
    _add_item_chart(sheet, len(headings), bottom, crosstab)


def _add_item_chart(sheet: Worksheet, column: int, bottom: int, crosstab: Layout) -> None:
    """The last column as bars, an item each: its bias, or its error where there are no biases."""
    from openpyxl.chart import BarChart, Reference

    chart = BarChart()
    chart.type, chart.style, chart.legend, chart.gapWidth = "bar", 10, None, 40
    chart.title = "Bias of each item" if crosstab.item_bias is not None else "Error (rmse) of each item"
    chart.add_data(Reference(sheet, min_col=column, min_row=2, max_row=bottom))
    chart.set_categories(Reference(sheet, min_col=3, min_row=2, max_row=bottom))
    chart.series[0].graphicalProperties.solidFill = MARK
    chart.x_axis.delete = chart.y_axis.delete = False
    chart.x_axis.scaling.orientation = "maxMin"  # the first item on top
    chart.x_axis.tickLblPos = "low"
    chart.width, chart.height = 22, min(5 + 0.6 * (bottom - 1), 60)
    sheet.add_chart(chart, f"{column_letters(column + 2)}2")


# ---- about ------------------------------------------------------------------------------------


def write_about(book: NewWorkbook, paragraphs: Sequence[str]) -> None:
    """The sheet that says what the workbook is and where its data are from; a line that begins with # is a heading."""
    from openpyxl.styles import Alignment

    sheet = book.create_sheet("about")
    set_width(sheet, 1, 1, ABOUT_WIDTH)
    for row, paragraph in enumerate(paragraphs, start=1):
        if not paragraph:
            continue
        written = put_text(sheet, row, 1, paragraph.removeprefix("# "))
        if paragraph.startswith("# "):
            bold(sheet, cell(row, 1), size=13, align="left")
            continue
        written.alignment = Alignment(wrap_text=True, vertical="top")
        sheet.row_dimensions[row].height = LINE_HEIGHT * (1 + len(paragraph) // (ABOUT_WIDTH - 5))
    prepare_print(sheet)


# ---- parts ------------------------------------------------------------------------------------


def _solver_model(layout: Layout, position: int) -> SolverModelNames:
    """Make the objective as small as possible by changing the factors and biases, which may be negative."""
    assert layout.objective is not None
    return SolverModelNames(
        sheet=position,
        objective=address(layout.sheet, layout.objective, absolute=True),
        adjustable=",".join(address(layout.sheet, area, absolute=True) for area in layout.adjustable),
        sense=MINIMISE,
        non_negative=False,
    )


def _put_row(sheet: Worksheet, row: int, left: int, values: Sequence[Id]) -> None:
    for column, value in enumerate(values, start=left):
        put_value(sheet, row, column, value)


def _put_column(sheet: Worksheet, top: int, column: int, values: Sequence[Id]) -> None:
    for row, value in enumerate(values, start=top):
        put_value(sheet, row, column, value)


def _put_numbers(sheet: Worksheet, area: Area, numbers: np.ndarray) -> None:
    for row, line in enumerate(numbers.tolist(), start=area.top):
        for column, number in enumerate(line, start=area.left):
            put_value(sheet, row, column, number, TWO_DIGITS)
