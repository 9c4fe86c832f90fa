"""What pages may ask for: each request by its name, its answer as plain data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sheetml.engine.values import BLANK
from sheetml.errors import SheetmlError
from sheetml.formula.references import cell_name
from sheetml.serve.inspection import inspect
from sheetml.serve.session import Session
from sheetml.xlsx.model import MAX_COLUMNS, MAX_ROWS, Area

Asked = dict[str, Any]
Answer = dict[str, Any]

REQUESTS: dict[str, Callable[[Session, Asked], Answer]] = {}


class RequestError(SheetmlError):
    """A request that makes no sense: a page would not make it."""


def request(name: str) -> Callable[[Callable[[Session, Asked], Answer]], Callable[[Session, Asked], Answer]]:
    """Registers what answers a request."""

    def register(function: Callable[[Session, Asked], Answer]) -> Callable[[Session, Asked], Answer]:
        REQUESTS[name] = function
        return function

    return register


def answer(session: Session, asked: Asked) -> Answer:
    """The answer to a request; where it fails, one sentence as "error"."""
    try:
        found = REQUESTS.get(str(asked.get("ask")))
        if found is None:
            raise RequestError(f"there is no request {str(asked.get('ask'))[:40]!r}")
        return {"ok": True, **found(session, asked)}
    except SheetmlError as error:
        return {"ok": False, "error": _sentence(str(error))}
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        return {"ok": False, "error": f"The request could not be understood ({type(error).__name__})."}


def _sentence(text: str) -> str:
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}" if text.endswith((".", "?", "!")) else f"{text[:1].upper()}{text[1:]}."


# ---- the workbook ------------------------------------------------------------------------------


@request("book")
def book(session: Session, _: Asked) -> Answer:
    """What the page needs once: the sheets, the styles."""
    with session.lock:
        views, file = session.views, session.book.file
        sheets = [
            {"name": sheet.name, "visible": sheet.visible, "tab": views.sheet(position).tab}
            for position, sheet in enumerate(file.sheets)
        ]
        return {
            "name": session.book.path.name, "sheets": sheets, "styles": views.styles(), "active": session.active,
            "maxRows": MAX_ROWS, "maxColumns": MAX_COLUMNS,
        }  # fmt: skip


@request("layout")
def layout(session: Session, asked: Asked) -> Answer:
    """How a sheet is laid out."""
    position = _sheet(session, asked)
    with session.lock:
        return {"sheet": position, **session.views.layout(position)}


@request("inspect")
def inspected(session: Session, asked: Asked) -> Answer:
    """What is said of a cell."""
    return inspect(session, *_cell(session, asked))


@request("find")
def find(session: Session, asked: Asked) -> Answer:
    """The area that an address or a name means."""
    with session.lock:
        home = session.book.sheet_names[_sheet(session, asked)]
        sheet, area = session.book.areas(str(asked["text"]).strip(), home)[0]
        return {"sheet": sheet, "area": [area.top, area.left, area.bottom, area.right]}


@request("used")
def used(session: Session, asked: Asked) -> Answer:
    """The area of a sheet that is filled."""
    with session.lock:
        area = session.book.worksheets[_sheet(session, asked)].used
        return {"area": [1, 1, 1, 1] if area is None else [area.top, area.left, area.bottom, area.right]}


@request("jump")
def jump(session: Session, asked: Asked) -> Answer:
    """Where Ctrl and an arrow lead: to the last filled cell in a row of them, else to the next filled one, else to the
    edge of what is shown. A step of 2 leads to the last filled cell of the line."""
    sheet, row, column = _cell(session, asked)
    down, right = int(asked["down"]), int(asked["right"])
    with session.lock:
        rows, columns, slots = session.calculation.held(sheet)
        filled = session.calculation.kinds(slots) != BLANK
        rows, columns = rows[filled], columns[filled]
        shown_rows, shown_columns = session.views.extent(sheet)
    along, here, limit = (
        (rows[columns == column], row, max(shown_rows, row)) if down else
        (columns[rows == row], column, max(shown_columns, column))
    )  # fmt: skip
    found = _edge(along, here, down or right, limit)
    return {"row": found, "column": column} if down else {"row": row, "column": found}


def _edge(filled: np.ndarray, here: int, step: int, limit: int) -> int:
    if abs(step) == 2:
        return int(filled.max(initial=1))
    ahead = np.sort(filled[filled > here]) if step > 0 else np.sort(filled[filled < here])[::-1]
    if not ahead.size:
        return limit if step > 0 else 1
    if here not in filled or ahead[0] != here + step:
        return int(ahead[0])
    breaks = np.nonzero(np.diff(ahead) != step)[0]
    return int(ahead[breaks[0]] if breaks.size else ahead[-1])


@request("copy")
def copied(session: Session, asked: Asked) -> Answer:
    """An area's texts as they are shown, for the clipboard: lines of cells separated by tabs."""
    sheet, area = _sheet(session, asked), _area(asked)
    if area.height * area.width > 500_000:
        raise RequestError("these are too many cells to be copied at once")
    with session.lock:
        last_row, last_column = session.calculation.last_cell(sheet)
        bottom, right = min(area.bottom, max(last_row, area.top)), min(area.right, max(last_column, area.left))
        lines = []
        for row in range(area.top, bottom + 1):
            cells = (session.views.text(sheet, row, column) for column in range(area.left, right + 1))
            lines.append("\t".join(_quoted(cell) for cell in cells))
        return {"text": "\n".join(lines)}


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if "\t" in text or "\n" in text or text.startswith('"') else text


@request("sum")
def summed(session: Session, asked: Asked) -> Answer:
    """What the status line says of an area: how many cells are filled, their sum and mean."""
    sheet, area = _sheet(session, asked), _area(asked)
    with session.lock:
        calculation = session.calculation
        slots = calculation.within(sheet, area)
        kinds, numbers = calculation.kinds(slots), calculation.numbers(slots)
        numbers = numbers[kinds == 0]
        found: Answer = {"filled": int((kinds != 1).sum()), "numbers": int(numbers.size)}
        if numbers.size:
            found |= {"sum": float(numbers.sum()), "mean": float(numbers.mean())}
            found |= {"least": float(numbers.min()), "most": float(numbers.max())}
        return found


# ---- edits -------------------------------------------------------------------------------------


@request("edit")
def edit(session: Session, asked: Asked) -> Answer:
    """Texts typed or pasted into cells."""
    cells = [(int(row), int(column), str(text)) for row, column, text in asked["cells"]]
    return {"notices": session.edit(_sheet(session, asked), cells)}


@request("paste")
def paste(session: Session, asked: Asked) -> Answer:
    """An area copied within the workbook, formulas moving along; a larger target is filled with it."""
    target = Area(*(int(bound) for bound in asked["target"]))
    source = int(asked["from"]), _area(asked)
    area = session.paste(*source, _sheet(session, asked), target)
    return {"area": [area.top, area.left, area.bottom, area.right]}


@request("clear")
def clear(session: Session, asked: Asked) -> Answer:
    session.clear(_sheet(session, asked), _area(asked))
    return {}


@request("undo")
def undo(session: Session, _: Asked) -> Answer:
    return _undone(session.undo())


@request("redo")
def redo(session: Session, _: Asked) -> Answer:
    return _undone(session.redo())


def _undone(done: tuple[str, tuple[int, int, int]] | None) -> Answer:
    if done is None:
        return {"name": None}
    name, (sheet, row, column) = done
    return {"name": name, "sheet": sheet, "row": row, "column": column, "address": cell_name(row, column)}


@request("stop")
def stop(session: Session, _: Asked) -> Answer:
    session.stop()
    return {}


# ---- what is asked about -----------------------------------------------------------------------


def _sheet(session: Session, asked: Asked) -> int:
    position = int(asked["sheet"])
    if not 0 <= position < len(session.book.worksheets):
        raise RequestError("there is no such sheet")
    return position


def _cell(session: Session, asked: Asked) -> tuple[int, int, int]:
    sheet, row, column = _sheet(session, asked), int(asked["row"]), int(asked["column"])
    if not (1 <= row <= MAX_ROWS and 1 <= column <= MAX_COLUMNS):
        raise RequestError("there is no such cell")
    return sheet, row, column


def _area(asked: Asked) -> Area:
    top, left, bottom, right = (int(bound) for bound in asked["area"])
    if not (1 <= top <= bottom <= MAX_ROWS and 1 <= left <= right <= MAX_COLUMNS):
        raise RequestError("there is no such area")
    return Area(top, left, bottom, right)
