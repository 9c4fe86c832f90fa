"""What was on the screen when a workbook was saved: the active sheet, and what is selected on each."""

from __future__ import annotations

from sheetml.xlsx.cell_text import parse_area
from sheetml.xlsx.model import Area, WorkbookFile


def active_sheet(file: WorkbookFile) -> int:
    """The position of the sheet that was active; 0 where the file does not say, or it was no worksheet."""
    package = file.package
    part = package.workbook_part()
    root = package.root(part)
    view = root.find("{*}bookViews/{*}workbookView")
    stated = "0" if view is None else view.get("activeTab", "0")
    listed = [element.get("name", "") for element in root.iterfind("{*}sheets/{*}sheet")]
    if not stated.isdecimal() or int(stated) >= len(listed):
        return 0
    names = [sheet.name for sheet in file.sheets]
    return names.index(listed[int(stated)]) if listed[int(stated)] in names else 0


def selection(file: WorkbookFile, sheet: int) -> tuple[list[Area], tuple[int, int]]:
    """The selected areas of a sheet, and the cell among them that is active; A1 where the file says nothing."""
    default = [Area(1, 1, 1, 1)], (1, 1)
    for element in file.package.elements(file.sheets[sheet].part, "sheetViews", "sheetData"):
        if element.tag.endswith("sheetData"):
            return default
        view = element.find("{*}sheetView")
        pane = None if view is None else view.find("{*}pane")
        wanted = "topLeft" if pane is None else pane.get("activePane", "topLeft")
        for found in [] if view is None else view.iterfind("{*}selection"):
            if found.get("pane", "topLeft") == wanted:
                areas = [parse_area(text) for text in found.get("sqref", "A1").split()]
                cell = parse_area(found.get("activeCell", "A1"))
                if cell is not None and areas and all(areas):
                    return [area for area in areas if area is not None], (cell.top, cell.left)
        return default
    return default
