"""Sheets are read by array operations as the careful reader reads them, and refused as it refuses them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheetml.engine.formulas import find_blocks
from sheetml.errors import WorkbookError
from sheetml.formula.relative import relative_key
from sheetml.xlsx import filled_formulas, sheet_cells
from sheetml.xlsx.byte_arrays import PADDING, Bytes, decimals, distinct
from sheetml.xlsx.careful_cells import CarefulReader
from sheetml.xlsx.filled_formulas import Formulas
from sheetml.xlsx.model import FilledFormula, WorkbookFile, cell_address
from sheetml.xlsx.plain_rows import scan
from sheetml.xlsx.reader import read_workbook
from tests.mutants import mutant
from tests.reference import reference, reference_files
from tests.xlsx.handmade import MAIN, save, save_rows, workbook_parts, worksheet

WORKBOOKS = reference_files("workbooks/*.xlsx") + reference_files("corpus/*/*.xlsx")[::8]


@contextmanager
def sizes(**sizes_: int) -> Iterator[None]:
    """Lets the reader work with other sizes: small ones cut small sheets into pieces too."""
    with pytest.MonkeyPatch.context() as patch:
        for name, size in sizes_.items():
            patch.setattr(filled_formulas if name == "FEW" else sheet_cells, name, size)
        yield


def plainly(path: Path) -> Any:
    with sizes(SMALL=0, PIECE=400, SMALL_PIECE=90, FEW=2):
        return contents(path)


def carefully(path: Path) -> Any:
    with sizes(SMALL=1 << 60):
        return contents(path)


def contents(path: Path) -> Any:
    """All that the reader finds, or the sentence with which it refuses the file."""
    try:
        file = read_workbook(path)
    except WorkbookError as error:
        return str(error)
    return [sheet_contents(file, position) for position in range(len(file.sheets))], blocks(file)


def sheet_contents(file: WorkbookFile, position: int) -> Any:
    sheet = file.sheets[position]
    cells = sheet.cells
    formulas = {place: astuple(formula) for place, formula in cells.formula.items()}
    arrays = [each.tolist() for each in (cells.row, cells.column, cells.kind)]
    properties = sheet.visible, sheet.hidden_rows, sheet.filters, sheet.autofilter, sheet.filter_mode
    return arrays, cells.number.tobytes(), dict(cells.text), formulas, properties


def blocks(file: WorkbookFile) -> Any:
    return [(block.text, block.rows.tolist(), block.columns.tolist(), block.size) for block in find_blocks(file)]


def goes_plainly(path: Path) -> bool:
    """Whether all sheets are read without a parser that looks at their rows."""
    with sizes(SMALL=0), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sheet_cells._Rows, "_careful_piece", lambda *_: None)
        patch.setattr(CarefulReader, "_read_row", None)  # a row that is parsed is a TypeError
        try:
            read_workbook(path)
        except TypeError:
            return False
    return True


# ---- sheets in many styles ---------------------------------------------------------------------

NUMBERS = ["0", "1", "-3", "12.5", ".5", "5.", "-0", "0.1", "1E5", "1e-7", "123456789012345", "1234567890123456"]
NUMBERS += [
    "0.30000000000000004",
    "1.7976931348623157E308",
    "4.9E-324",
    "00012",
    "3.14159265358979",
    "9007199254740993",
]
TEXTS = ["a", "a b", "&lt;x&gt; &amp; &quot;y&quot;", "_x000D_", "é", "€ 5", " padded ", "a>b", "\U0001f600"]
FORMULAS = ["A{r}+1", "SUM($A$1:B{r})", "B{r}&amp;&quot;A{r}&quot;", 'IF(A{r}&gt;1,"A1","x")', "'A{r} b'!C{r}*2", "1+1"]
FORMULAS += [
    "INDEX(t!A:A,{r})",
    "SUM({r}:{r})",
    "{c}{r}*{c}$1",
    "LOG10(A{r})+A{r}B",
    "[1]x!A{r}",
    "T[[#All],[A{r}]]",
    "é{r}",
]
ODD_CELLS = [
    "<c><v>1</v></c>",
    "<c r='{a}'><v>1</v></c>",
    '<c r="{a}"><!-- a --><v>1</v></c>',
    '<c r="{a}"><v><![CDATA[1]]></v></c>',
    '<c r="{a}"><v>&#49;</v></c>',
    '<c r="{a}"><v>x</v></c>',
    '<c r="{a}"><v>1_0</v></c>',
    '<c r="{a}"><v>1E999</v></c>',
    '<c r="{a}"><v>nan</v></c>',
    '<c r="{a}"><v> 1</v></c>',
    '<c r="{a}" r="{a}"><v>1</v></c>',
    '<c r="{a}" x="1"><v>1</v></c>',
    '<c r="{a}" x:s="1"><v>1</v></c>',
    '<c r="{a}" t="x"><v>1</v></c>',
    '<c r="{a}" t="s"><v>99</v></c>',
    '<c r="{a}" t="s"><v>-1</v></c>',
    '<c r="{a}" t="b"><v>2</v></c>',
    '<c r="{a}" t="e"><v>N/A</v></c>',
    '<c r="{a}"><v>1</v><v>2</v></c>',
    '<c r="{a}"><v>1</v><f>2</f></c>',
    '<c r="{a}"><f>1</f><f>2</f></c>',
    '<c r="{a}"><v>1</c></v>',
    '<c r="{a}"><v>1</v>',
    '<c r="{a}"><v>1&</v></c>',
    '<c r="{a}"><v>]]></v></c>',
    '<c r="{a}"><v>\x01</v></c>',
    '<c r="{a}"><f>1\r\n+2</f></c>',
    '<c r="{a}"><f t="shared" si="77"/></c>',
    '<c r="{a}"><f xml:space="preserve"> A1 </f></c>',
    '<c r="{a}" t="inlineStr"><is><r><t>a</t></r><r><t>b</t></r></is></c>',
    '<c r="{a}"><extLst/></c>',
    '<c r="A1"><v>1</v></c>',
    '<c r="ZZZ1"><v>1</v></c>',
    '<c r="a1"><v>1</v></c>',
    '<c r="{a}"><v>1</v></c>text',
    '<row r="3"/>',
    "</row><row>",
    '</row><row r="0">',
    '</row><row r="1048577">',
    "</sheetData><sheetData>",
    "</row></sheetData><sheetData><row>",
]


class Chance:
    """A sheet in one of the styles in which programs write them, drawn at random."""

    def __init__(self, chance: random.Random, odd: float) -> None:
        self.chance, self.odd = chance, odd
        self.filled = chance.choice(FORMULAS), chance.choice(FORMULAS)
        self.groups: list[int] = []
        self.style = chance.choice(["", ' s="1"'])
        self.gap = chance.choice(["", "", "", "\n", "\n  "])
        self.spans = chance.choice(["", ' spans="1:4"', ' x14ac:dyDescent="0.25"', ' ht="15.75" customHeight="1"'])

    def rows(self) -> str:
        rows, row = [], 0
        for _ in range(self.chance.randint(1, 12)):
            row += self.chance.choice([1, 1, 1, 2, 90])
            rows.append(self.row(row))
        return self.gap.join(rows)

    def row(self, row: int) -> str:
        cells, column = [], 0
        for _ in range(self.chance.randint(0, 5)):
            column += self.chance.choice([1, 1, 1, 2, 30])
            cells.append(self.cell(row, column))
        hidden = self.chance.choice(["", "", "", ' hidden="1"', ' hidden="false"'])
        if not cells and self.chance.random() < 0.5:
            return f'<row r="{row}"{self.spans}{hidden}/>'
        return f'<row r="{row}"{self.spans}{hidden}>{self.gap}{self.gap.join(cells)}{self.gap}</row>'

    def cell(self, row: int, column: int) -> str:
        address = cell_address(row, column)
        if self.chance.random() < self.odd:
            return self.chance.choice(ODD_CELLS).replace("{a}", address)
        style = self.chance.choice([self.style, "", ' s="12"', ' s="3" cm="1"'])
        formula = self.formula(row, column)
        kind, value = self.value(bool(formula))
        if not formula and not value:
            return f'<c r="{address}"{style}{kind}/>'
        return f'<c r="{address}"{style}{kind}>{formula}{value}</c>'

    def value(self, computed: bool) -> tuple[str, str]:
        pick = self.chance.choice
        text = pick(TEXTS)
        inline = ["<is><t>{}</t></is>", '<is><t xml:space="preserve">{}</t></is>']
        return pick(
            [
                ("", f"<v>{pick(NUMBERS)}</v>"),
                ("", f"<v>{self.chance.uniform(-1, 1) * 10 ** self.chance.randint(-9, 20)!r}</v>"),
                (' t="n"', f"<v>{self.chance.randint(-999, 99999)}</v>"),
                ("", pick(["", "<v></v>", "<v/>", "<v />"])),
                (' t="s"', f"<v>{self.chance.randint(0, 2)}</v>"),
                (' t="str"', f"<v>{text}</v>"),
                (' t="str"', pick(["", "<v></v>", "<v/>"])),
                (' t="b"', pick(["<v>1</v>", "<v>0</v>", ""])),
                (' t="e"', pick(["<v>#N/A</v>", "<v>#DIV/0!</v>", "<v>#NEW!</v>", ""])),
                (' t="d"', "<v>2024-02-29</v>"),
                ("", "<v>7</v>") if computed else (' t="inlineStr"', pick(inline).format(text)),
            ]
        )

    def formula(self, row: int, column: int) -> str:
        kind = self.chance.random()
        letters = cell_address(1, column)[:-1]
        text = self.chance.choice(self.filled).replace("{r}", str(row)).replace("{c}", letters)
        if kind < 0.4:
            return ""
        if kind < 0.8:
            return f"<f>{text}</f>"
        if kind < 0.9:
            return self.shared(text, row, column)
        area = f"{cell_address(row, column)}:{cell_address(row + 1, column + 1)}"
        special = ["<f/>", "<f></f>", "<f> </f>", f"<f>={text}</f>", f'<f ca="1">{text}</f>', "<f>A1 </f>"]
        special += [
            f'<f t="array" ref="{area}">{text}</f>',
            f'<f t="dataTable" ref="{area}" dt2D="1" r1="A1" r2="B1"/>',
        ]
        return self.chance.choice(special)

    def shared(self, text: str, row: int, column: int) -> str:
        if self.groups and self.chance.random() < 0.7:
            group = self.chance.choice(self.groups)
            return self.chance.choice([f'<f t="shared" si="{group}"/>', f'<f t="shared" si="{group}"></f>'])
        self.groups.append(self.chance.randint(0, 3))
        ref = f' ref="{cell_address(row, column)}:{cell_address(row + 5, column)}"'
        return f'<f t="shared"{self.chance.choice([ref, ref, ""])} si="{self.groups[-1]}">{text}</f>'


STRINGS = "<si><t>one</t></si><si><t>two</t></si><si><r><t>th</t></r><r><t>ree</t></r></si>"
BEFORE = '<sheetPr filterMode="1"/><dimension ref="A1:C9"/>'
AFTER = '<autoFilter ref="A1:C9"><filterColumn colId="0"/></autoFilter>'


def book(path: Path, rows: str, *, before: str = "", after: str = "", root: str = "") -> Path:
    part = worksheet(rows, before, after).replace(f'xmlns="{MAIN}"'.encode(), f'xmlns="{MAIN}"{root}'.encode())
    return save(path, workbook_parts({"Sheet1": part}, strings=STRINGS))


@settings(deadline=None, max_examples=200)
@given(st.randoms(use_true_random=False), st.sampled_from([0.0, 0.0, 0.02, 0.2]))
def test_a_sheet_in_any_style_is_read_as_the_careful_reader_reads_it(
    tmp_path_factory: pytest.TempPathFactory, chance: random.Random, odd: float
) -> None:
    path = tmp_path_factory.getbasetemp() / "styles.xlsx"
    root = ' xmlns:x14ac="urn:x"' if chance.random() < 0.9 else ""
    around = {"before": BEFORE, "after": AFTER} if chance.random() < 0.5 else {}
    book(path, Chance(chance, odd).rows(), root=root, **around)
    assert plainly(path) == carefully(path)


@pytest.mark.parametrize("cell", ODD_CELLS)
def test_what_is_not_plain_is_read_or_refused_as_by_the_careful_reader(tmp_path: Path, cell: str) -> None:
    rows = "".join(
        f'<row r="{row}"><c r="A{row}"><f>B{row}+1</f><v>{row}</v></c>'
        + (cell.replace("{a}", "B7") if row == 7 else f'<c r="B{row}"><v>2</v></c>')
        + "</row>"
        for row in range(1, 20)
    )
    path = book(tmp_path / "book.xlsx", rows)
    assert plainly(path) == carefully(path)


ONE = '<row r="1"><c r="A1"><v>1</v></c></row>'
ACCENT = worksheet('<row r="1"><c r="A1" t="str"><v>\u00e9</v></c></row>')
LATIN = ACCENT.decode().replace("UTF-8", "ISO-8859-1").encode("latin-1")
PREFIXED = worksheet(ONE).replace(b"xmlns=", b"xmlns:x=").replace(b"sheetData", b"x:sheetData")


@pytest.mark.parametrize(
    "part",
    [
        worksheet(ONE).replace(b"UTF-8", b"ISO-8859-1"),
        LATIN,
        ACCENT.decode().encode("utf-16"),
        b"\xef\xbb\xbf" + worksheet(ONE),
        ACCENT[:-60] + b"\xff</v></c></row></sheetData></worksheet>",
        worksheet(ONE, "<!-- <sheetData> -->"),
        worksheet(ONE, '<sheetData><row r="4"/></sheetData>'),
        worksheet(ONE, '<x xmlns="urn:x"><sheetData/></x>'),
        worksheet(ONE, '<x xmlns="urn:x">', "</x>"),
        worksheet(ONE, after="<broken>"),
        worksheet(ONE, after="<row/>"),
        worksheet(ONE).replace(b"?>", b"?><!DOCTYPE x>"),
        PREFIXED,
        worksheet('<row r="2"><c r="A2"><v>1</v></c></row><row r="1"><c r="A1"><v>1</v></c></row>' * 9),
    ],
)  # fmt: skip
def test_a_part_of_another_form_is_read_or_refused_as_by_the_careful_reader(tmp_path: Path, part: bytes) -> None:
    path = save(tmp_path / "book.xlsx", workbook_parts({"Sheet1": part}))
    assert plainly(path) == carefully(path)


def test_mutants_are_read_or_refused_as_by_the_careful_reader(tmp_path: Path) -> None:
    path = tmp_path / "mutant.xlsx"
    for number in range(300):
        content, made, _, _ = mutant(3, number)
        if made.startswith(("everything", "model")):  # the small ones
            path.write_bytes(content)
            assert plainly(path) == carefully(path), f"mutant {number}: {made}"


@pytest.mark.parametrize("name", WORKBOOKS)
def test_real_workbooks_are_read_as_by_the_careful_reader(name: str) -> None:
    path = reference(name)
    with sizes(SMALL=0, PIECE=5000, SMALL_PIECE=1000):
        found = contents(path)
    assert found == carefully(path)


def test_what_programs_usually_write_is_not_parsed(tmp_path: Path) -> None:
    rows = "".join(
        f'<row r="{row}" spans="1:6"><c r="A{row}" s="2"><v>{row / 7}</v></c><c r="B{row}" t="s"><v>1</v></c>'
        f'<c r="C{row}"><f>IF(A{row}&gt;1,"x",B{row})</f><v>1</v></c><c r="D{row}" t="inlineStr"><is><t>a</t></is></c>'
        f'<c r="E{row}" t="str"><f>B{row}&amp;"é"</f><v>twoé</v></c><c r="F{row}" s="1"/>'
        f'<c r="G{row}" t="b"><f>A{row}&lt;1</f><v>1</v></c></row>'
        for row in range(1, 40)
    )
    path = book(tmp_path / "book.xlsx", rows, before=BEFORE, after=AFTER)
    assert goes_plainly(path)
    held = read_workbook(path).sheets[0].cells.formulas.held
    assert len(held) == 3 and all(isinstance(each, FilledFormula) for each in held)
    odd = save_rows(tmp_path / "odd.xlsx", '<row r="1"><c r="A1"><v>1</v><!-- --></c></row>' * 1)
    assert not goes_plainly(odd)


# ---- what it is made of ------------------------------------------------------------------------


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.floats(allow_nan=False, allow_infinity=False).map(repr),
            st.decimals(allow_nan=False, allow_infinity=False, places=5).map(str),
            st.from_regex(r"-?[0-9]{0,18}\.?[0-9]{0,18}([eE][+-]?[0-9]{1,3})?", fullmatch=True),
        ),
        min_size=1,
    )
)
def test_decimals_are_the_numbers_that_python_reads(texts: list[str]) -> None:
    expected = []
    for text in texts:
        try:
            expected.append(float(text))
        except ValueError:
            expected = None
            break
    spans = [text.encode() for text in texts]
    lengths = np.array([len(span) for span in spans])
    data = Bytes(b"<".join(spans) + b"<" + bytes(PADDING))
    found = decimals(data, np.cumsum(lengths + 1) - lengths - 1, lengths)
    assert (found is None) == (expected is None)
    assert found is None or found.tobytes() == np.array(expected).tobytes()


@given(st.lists(st.text("ab", max_size=20).map(str.encode), min_size=1), st.integers(0, 16))
def test_spans_are_of_one_kind_if_their_bytes_are_equal(spans: list[bytes], bits: int) -> None:
    lengths = np.array([len(span) for span in spans])
    data = Bytes(b"".join(spans) + bytes(PADDING))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sheetml.xlsx.byte_arrays._BUCKETS", max(bits, 1))  # few buckets: different spans share one
        kinds, examples = distinct(data, np.cumsum(lengths) - lengths, lengths)
    assert [spans[examples[kind]] for kind in kinds] == spans
    assert len(examples) == len(set(spans))


REFERENCES = [
    "{c}{r}",
    "${c}{r}",
    "{c}${r}",
    "$B$2",
    "{c}:{c}",
    "{r}:{r}",
    "${r}:{r}",
    '"{c}{r}"',
    "'{c}{r}'!{c}{r}",
    "{c}{r}x",
]


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from([*REFERENCES, "LOG10(", "&amp;", "&quot;", "x_", "1.5", "[1]", "é"]), min_size=1, max_size=6
    ),
    st.sampled_from([1, 7, 98, 9_997, 1_048_560]),
    st.sampled_from([1, 24, 700, 16_370]),
    st.booleans(),
)
def test_formulas_found_to_be_filled_have_equal_keys(parts: list[str], row: int, column: int, down: bool) -> None:
    rows = np.arange(row, row + 12) if down else np.full(12, row)
    columns = np.full(12, column) if down else np.arange(column, column + 12)
    places = list(zip(rows.tolist(), columns.tolist()))
    away = random.Random(len(parts)).choice([0, 1, 3])
    spans = [
        "+".join(parts).format(c=cell_address(1, c + away)[:-1], r=r + away).encode()
        + (b"+0" if (r + c) % 5 == 0 else b"")
        for r, c in places
    ]
    lengths = np.array([len(span) for span in spans])
    data = Bytes(b"".join(spans) + bytes(PADDING))
    formulas = Formulas()
    numbers = formulas.numbers(data, rows, columns, np.cumsum(lengths) - lengths, lengths)
    keys: dict[int, set[str]] = {}
    for (r, c), span, number in zip(places, spans, numbers.tolist()):
        held = formulas.held[number]
        stated = held.at(r, c) if isinstance(held, FilledFormula) else held
        assert stated.text == filled_formulas.plain(span) and (stated.row, stated.column) == (r, c)
        keys.setdefault(number, set()).add(relative_key(stated.text, r, c))
    assert all(len(each) == 1 for each in keys.values())


def test_rows_that_are_plain_are_scanned_whatever_stands_in_their_texts() -> None:
    rows = b'<row r="5"><c r="A5" t="str"><f>1&gt;2</f><v>a>b</v></c><c r="C5"/></row><row r="6"/>'
    found = scan(Bytes(rows + bytes(PADDING)), 0, len(rows), ())
    assert found is not None
    assert found.row.tolist() == [5, 5] and found.column.tolist() == [1, 3] and found.row_number.tolist() == [5, 6]
    assert rows[found.row_start[0] : found.row_end[0]].endswith(b"</row>")
