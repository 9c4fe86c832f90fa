"""Which buttons and shapes of a workbook call which macros.

A form control is described in up to three parts: the worksheet, a drawing, and an older drawing (VML);
a shape or picture only in a drawing. All speak of it by the same number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from sheetml.errors import WorkbookError
from sheetml.xlsx.model import WorkbookFile
from sheetml.xlsx.package import Package


@dataclass(slots=True)
class Button:
    """Something on a sheet that calls a macro when it is clicked; `macro` as the file states it: [0]!adam.reset."""

    sheet: int
    shape: int
    name: str = ""
    caption: str = ""
    macro: str = ""

    @property
    def procedure(self) -> str:
        """The macro without the workbook it is in: adam.reset."""
        return self.macro.rpartition("!")[2]


def read_buttons(file: WorkbookFile) -> list[Button]:
    """All buttons and shapes that call macros, sheet by sheet, in the order of their numbers."""
    found: list[Button] = []
    for position, sheet in enumerate(file.sheets):
        buttons: dict[int, Button] = {}
        for other in _described(file.package, sheet.part, position):
            button = buttons.setdefault(other.shape, Button(position, other.shape))
            button.name = button.name or other.name
            button.caption = button.caption or other.caption
            button.macro = button.macro or other.macro
        found += [button for _, button in sorted(buttons.items()) if button.macro]
    return found


def _described(package: Package, part: str, position: int) -> Iterator[Button]:
    links = [link for link in package.relationships(part).values() if not link.external and package.has(link.target)]
    if any(link.kind == "ctrlProp" for link in links):
        yield from _controls(package, part, position)
    for link in links:
        try:
            if link.kind == "drawing":
                yield from _shapes(package.root(link.target), position)
            elif link.kind == "vmlDrawing":
                yield from _vml_shapes(package.root(link.target), position)
        except WorkbookError:  # VML is not always well-formed; the button then goes without a caption
            continue


def _controls(package: Package, part: str, position: int) -> Iterator[Button]:
    for control in package.elements(part, "control"):
        shape = control.get("shapeId", "")
        settings = control.find("{*}controlPr")
        if shape.isdecimal():
            macro = "" if settings is None else settings.get("macro", "")
            yield Button(position, int(shape), control.get("name", ""), macro=macro)


def _shapes(root: etree._Element, position: int) -> Iterator[Button]:
    for shape in root.iter("{*}sp", "{*}pic", "{*}cxnSp", "{*}graphicFrame"):
        properties = next(shape.iter("{*}cNvPr"), None)
        if properties is not None and properties.get("id", "").isdecimal():
            text = " ".join(node.text for node in shape.iter("{*}t") if node.text)
            name, macro = properties.get("name", ""), shape.get("macro", "")
            yield Button(position, int(properties.get("id", "0")), name, text, macro)


def _vml_shapes(root: etree._Element, position: int) -> Iterator[Button]:
    for shape in root.iter("{*}shape", "{*}rect"):
        number = re.search(r"_s(\d+)$", shape.get("id", ""))
        macro = next(shape.iter("{*}FmlaMacro"), None)
        if number is not None and macro is not None:
            box = next(shape.iter("{*}textbox"), None)
            caption = "" if box is None else " ".join("".join(box.itertext()).split())
            yield Button(position, int(number[1]), caption=caption, macro=(macro.text or "").strip())
