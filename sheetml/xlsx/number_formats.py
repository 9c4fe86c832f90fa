"""The number formats of cells, read only when somebody asks: what tells a date from a number."""

from __future__ import annotations

from xml.parsers import expat

from sheetml.xlsx.cell_text import parse_address
from sheetml.xlsx.model import WorkbookFile
from sheetml.xlsx.package import NAMESPACE_SEPARATOR, Package
from sheetml.xlsx.sheet_patch import utf8_part

# The formats that files name by number only (ECMA-376 part 1, 18.8.30), as in the United States.
_BUILT_IN = {
    0: "General", 1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 5: "$#,##0_);($#,##0)",
    6: "$#,##0_);[Red]($#,##0)", 7: "$#,##0.00_);($#,##0.00)", 8: "$#,##0.00_);[Red]($#,##0.00)", 9: "0%",
    10: "0.00%", 11: "0.00E+00", 12: "# ?/?", 13: "# ??/??", 14: "m/d/yyyy", 15: "d-mmm-yy", 16: "d-mmm",
    17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 22: "m/d/yyyy h:mm",
    37: "#,##0_);(#,##0)", 38: "#,##0_);[Red](#,##0)", 39: "#,##0.00_);(#,##0.00)",
    40: "#,##0.00_);[Red](#,##0.00)", 41: '_(* #,##0_);_(* (#,##0);_(* "-"_);_(@_)',
    42: '_($* #,##0_);_($* (#,##0);_($* "-"_);_(@_)', 43: '_(* #,##0.00_);_(* (#,##0.00);_(* "-"??_);_(@_)',
    44: '_($* #,##0.00_);_($* (#,##0.00);_($* "-"??_);_(@_)', 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0",
    48: "##0.0E+0", 49: "@",
}  # fmt: skip
GENERAL = "General"


class NumberFormats:
    """The number formats of a workbook's cells; each sheet is read when it is first asked about."""

    def __init__(self, file: WorkbookFile) -> None:
        self.file = file
        self._styles: list[str] | None = None
        self._sheets: dict[int, dict[tuple[int, int], str]] = {}

    @property
    def matter(self) -> bool:
        """Whether any cell style has another format than General."""
        return any(code != GENERAL for code in self.styles)

    @property
    def styles(self) -> list[str]:
        """The format code of each cell style."""
        if self._styles is None:
            self._styles = _styles(self.file.package)
        return self._styles

    def of_cell(self, sheet: int, row: int, column: int) -> str:
        """The code of a cell's format: "General", "0.00", "m/d/yyyy"."""
        if not self.matter:
            return GENERAL
        if sheet not in self._sheets:
            part = self.file.sheets[sheet].part
            self._sheets[sheet] = dict(_formatted_cells(self.file.package, part, self.styles))
        return self._sheets[sheet].get((row, column), GENERAL)


def _styles(package: Package) -> list[str]:
    """The format code of each cell style, by its number."""
    part = package.parts_by_kind.get("styles")
    if part is None or not package.has(part):
        return []
    root = package.root(part)
    own = {
        element.get("numFmtId", ""): element.get("formatCode", GENERAL)
        for element in root.iterfind("{*}numFmts/{*}numFmt")
    }
    codes = []
    for style in root.iterfind("{*}cellXfs/{*}xf"):
        number = style.get("numFmtId", "0")
        code = own.get(number)
        codes.append(_BUILT_IN.get(int(number), GENERAL) if code is None and number.isdecimal() else code or GENERAL)
    return codes


def _formatted_cells(package: Package, part: str, styles: list[str]) -> list[tuple[tuple[int, int], str]]:
    """The cells of a sheet that have another format than General."""
    data = package.read(part)
    namespace = package.check_prolog(part, data).namespace
    cell = f"{namespace}{NAMESPACE_SEPARATOR}c" if namespace else "c"
    found: list[tuple[tuple[int, int], str]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if name != cell:
            return
        style = attributes.get("s", "0")
        if style.isdecimal() and int(style) < len(styles) and styles[int(style)] != GENERAL:
            place = parse_address(attributes.get("r", ""))
            if place is not None:
                found.append((place, styles[int(style)]))

    parser = expat.ParserCreate(namespace_separator=NAMESPACE_SEPARATOR)
    parser.StartElementHandler = start
    try:
        parser.Parse(utf8_part(data), True)
    except expat.ExpatError as cause:
        raise package.malformed(part, cause) from None
    return found
