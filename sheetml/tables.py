"""Tables as notebooks show them, and cells as pandas has them."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sheetml.formula.references import column_letters
from sheetml.optional import needed
from sheetml.xlsx.model import EPOCH, EPOCH_1904, ERROR_TEXT, ErrorCode

if TYPE_CHECKING:
    import pandas as pd

DAY = 86_400  # seconds


def html_table(headings: Sequence[object], rows: Iterable[Sequence[object]], caption: str = "") -> str:
    """A table in HTML; every text is escaped."""
    head = "".join(f"<th>{html.escape(str(heading))}</th>" for heading in headings)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    title = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def to_frame(values: np.ndarray, top: int, left: int, header: bool) -> pd.DataFrame:
    """Cells' values, an object array of rows and columns, as a frame.

    The frame is named by the sheet's row numbers and column letters, or with `header` its columns by the
    first row. Blanks are missing values, errors their texts.
    """
    pd = needed("pandas", extra="learn")
    plain = [[_plain(value) for value in row] for row in values.tolist()]
    columns: list[Any] = [column_letters(left + offset) for offset in range(values.shape[1])]
    index = range(top, top + len(plain))
    if header and plain:
        columns = [letters if _is_missing(name) else name for name, letters in zip(plain[0], columns)]
        plain, index = plain[1:], index[1:]
    return pd.DataFrame(plain, index=index, columns=columns, dtype=object).infer_objects()


def shown_text(value: Any) -> str:
    """A cell's value as notebooks show it: blanks are empty."""
    return "" if value is None else str(_plain(value))


def _plain(value: Any) -> Any:
    if value is None:
        return float("nan")
    return ERROR_TEXT[value] if isinstance(value, ErrorCode) else value


def from_frame(frame: pd.DataFrame, header: bool, index: bool, date_1904: bool) -> np.ndarray:
    """A frame as values for cells, an object array; missing values are blanks, dates serial numbers."""
    if index:
        frame = frame.reset_index()
    stored = frame.astype(object).itertuples(index=False, name=None)
    rows = [[_cell(value, date_1904) for value in row] for row in stored]
    if header:
        rows.insert(0, [_cell(name, date_1904) for name in frame.columns])
    values = np.empty((len(rows), len(frame.columns)), object)
    for place, row in enumerate(rows):
        values[place] = row
    return values


def _cell(value: Any, date_1904: bool) -> Any:
    import pandas as pd

    if _is_missing(value):
        return None
    if isinstance(value, pd.Timedelta):
        return value.total_seconds() / DAY
    if isinstance(value, (str, bool, np.bool_, ErrorCode)):
        return bool(value) if isinstance(value, np.bool_) else value
    if hasattr(value, "isoformat"):
        epoch = pd.Timestamp(EPOCH_1904 if date_1904 else EPOCH)
        return (pd.Timestamp(value).tz_localize(None) - epoch) / pd.Timedelta(days=1)
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value)


def _is_missing(value: Any) -> bool:
    import pandas as pd

    return value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and value != value)
