"""Text functions, by the examples of Excel's documentation and at their edges."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheetml import ErrorCode, NotDifferentiableError
from sheetml.engine.functions.search import Wildcards
from tests.workbooks import computed, made, result

DOCUMENTED = [
    ('=LEFT("Sale Price",4)', "Sale"),
    ('=LEFT("Sweden")', "S"),
    ('=RIGHT("Sale Price",5)', "Price"),
    ('=RIGHT("abc",0)', ""),
    ('=RIGHT("abc",9)', "abc"),
    ('=MID("Fluid Flow",7,20)', "Flow"),
    ('=MID("Fluid Flow",20,5)', ""),
    ('=LEN("     One   ")', 11),
    ('=LEN("")', 0),
    ('=FIND("M","Miriam McGovern")', 1),
    ('=FIND("m","Miriam McGovern")', 6),
    ('=FIND("M","Miriam McGovern",3)', 8),
    ('=FIND("","abc",4)', 4),
    ('=SEARCH("margin","Profit Margin")', 8),
    ('=SEARCH("b?d*n","A BaD idea not")', 3),
    ('=SEARCH("~?","why?")', 4),
    ('=REPLACE("abcdefghijk",6,5,"*")', "abcde*k"),
    ('=REPLACE("2009",3,2,10)', "2010"),
    ('=SUBSTITUTE("Quarter 1, 2008","1","2",1)', "Quarter 2, 2008"),
    ('=SUBSTITUTE("1 1 1","1","3",3)', "1 1 3"),
    ('=UPPER("total ß é")', "TOTAL ß É"),
    ('=LOWER("Apt. 2B")', "apt. 2b"),
    ('=PROPER("2-way street 76BudGet o\'neil")', "2-Way Street 76Budget O'Neil"),
    ('=TRIM("  First   Quarter ")', "First Quarter"),
    ('=CLEAN(CHAR(9)&"Monthly report"&CHAR(10))', "Monthly report"),
    ('=EXACT("Word","word")', False),
    ('=REPT("*-",3)', "*-*-*-"),
    ('=VALUE("$1,000")', 1000),
    ('=VALUE("16:48:00")-VALUE("12:00:00")', 0.2),
    ("=VALUE(A1)", 0),
    ('=NUMBERVALUE("2.500,27",",",".")', 2500.27),
    ('=NUMBERVALUE("3.5%")', 0.035),
    ('=NUMBERVALUE("9%%")', 0.0009),
    ('=NUMBERVALUE("")', 0),
    ('=TEXT(1234.567,"$#,##0.00")', "$1,234.57"),
    ('=TEXT("12","0.0")', "12.0"),
    ('=TEXT("2024-01-31","d mmm")', "31 Jan"),
    ('=TEXT(A1,"0.0")', "0.0"),
    ("=FIXED(1234.567,1)", "1,234.6"),
    ("=FIXED(1234.567,-1)", "1,230"),
    ("=FIXED(-1234.567,-1,TRUE)", "-1230"),
    ("=FIXED(44.332)", "44.33"),
    ("=DOLLAR(1234.567,2)", "$1,234.57"),
    ("=DOLLAR(-1234.567,-2)", "($1,200)"),
    ("=DOLLAR(99.888)", "$99.89"),
    ("=CHAR(65)&CHAR(128)", "A€"),
    ('=CODE("A")+CODE("€")', 65 + 128),
    ('=CODE("三")', 63),
    ("=UNICHAR(66)", "B"),
    ('=UNICODE("B")', 66),
    ('=T(19)&T("x")&T(TRUE)', "x"),
    ('=CONCAT("a",1,TRUE,A1)', "a1TRUE"),
    ('=CONCATENATE("a",,1/4)', "a0.25"),
    ('=TEXTJOIN(", ",TRUE,"a","",A1,"b")', "a, b"),
    ('=TEXTJOIN(", ",FALSE,"a","",A1,"b")', "a, , , b"),
    ('=TEXTJOIN({"-","+"},TRUE,1,2,3,4)', "1-2+3-4"),
    ('=TEXTBEFORE("a-b-c","-",2)', "a-b"),
    ('=TEXTAFTER("a-b-c","-",-1)', "c"),
    ('=TEXTAFTER("a-b+c",{"-","+"},2)', "c"),
    ('=TEXTBEFORE("abc","x",,,1)', "abc"),
    ('=TEXTAFTER("abc","x",,,,"none")', "none"),
    ('=TEXTAFTER("xABx","ab",1,1)', "x"),
    ('=ARRAYTOTEXT({1,TRUE;"a",#N/A})', "1, TRUE, a, #N/A"),
    ('=ARRAYTOTEXT({1,TRUE;"a",#N/A},1)', '{1,TRUE;"a",#N/A}'),
    ('=VALUETOTEXT("a""b",1)', '"a""b"'),
    ("=VALUETOTEXT(#N/A)", "#N/A"),
    ('=ENCODEURL("a b/ü")', "a%20b%2F%C3%BC"),
    ('=LENB("abc")', 3),
]


@pytest.mark.parametrize(("formula", "expected"), DOCUMENTED)
def test_text_is_that_of_the_documentation(formula, expected):
    found = result(formula)
    assert found == (pytest.approx(expected) if isinstance(expected, float) else expected)


@pytest.mark.parametrize(
    ("formula", "error"),
    [
        ('=LEFT("abc",-1)', ErrorCode.VALUE),
        ('=MID("abc",0,1)', ErrorCode.VALUE),
        ('=FIND("x","abc")', ErrorCode.VALUE),
        ('=FIND("a","abc",5)', ErrorCode.VALUE),
        ('=SEARCH("a","abc",0)', ErrorCode.VALUE),
        ('=REPT("a",-1)', ErrorCode.VALUE),
        ('=REPT("a",32768)', ErrorCode.VALUE),
        ('=REPT("a",20000)&REPT("b",20000)', ErrorCode.VALUE),
        ('=CONCAT(REPT("a",20000),REPT("b",20000))', ErrorCode.VALUE),
        ('=TEXTJOIN(REPT(",",30000),FALSE,1,2,3)', ErrorCode.VALUE),
        ('=SUBSTITUTE(REPT("a",30000),"a",REPT("b",30000))', ErrorCode.VALUE),
        ('=VALUE("abc")', ErrorCode.VALUE),
        ("=VALUE(TRUE)", ErrorCode.VALUE),
        ('=VALUE("")', ErrorCode.VALUE),
        ('=NUMBERVALUE("1.2.3")', ErrorCode.VALUE),
        ('=TEXT(-1,"yyyy")', ErrorCode.VALUE),
        ("=CHAR(0)", ErrorCode.VALUE),
        ("=CHAR(256)", ErrorCode.VALUE),
        ('=CODE("")', ErrorCode.VALUE),
        ("=UNICHAR(0)", ErrorCode.VALUE),
        ("=UNICHAR(55296)", ErrorCode.NA),
        ('=TEXTAFTER("abc","x")', ErrorCode.NA),
        ('=TEXTAFTER("abc","b",0)', ErrorCode.VALUE),
        ('=TEXTSPLIT("abc","")', ErrorCode.VALUE),
        ("=ARRAYTOTEXT(1,2)", ErrorCode.VALUE),
        ("=LEN(1/0)", ErrorCode.DIV0),
        ('=LEFT(1/0,"x")', ErrorCode.DIV0),
        ('=CONCAT("a",#N/A,1/0)', ErrorCode.NA),
    ],
)
def test_what_no_text_answers_is_the_error_excel_shows(formula, error):
    assert result(formula) == error


def test_lengths_and_positions_count_utf_16_units():
    assert result('=LEN("a😀b")') == 4
    assert result('=MID("a😀b",2,2)') == "😀"
    assert result('=FIND("b","a😀b")') == 4
    assert result('=LEFT("😀",1)') == "\N{REPLACEMENT CHARACTER}"
    assert result('=UNICODE("😀")') == 0x1F600


def test_numbers_and_booleans_are_taken_as_their_text():
    sheet = computed({"A1": 1 / 3, "A2": True, "B1": "=LEN(A1)", "B2": "=LEFT(A2,2)", "B3": "=LEN(A3)"})
    assert sheet["B1:B3"].ravel().tolist() == [17, "TR", 0]


def test_text_functions_take_arrays_element_by_element():
    sheet = computed({"A1": "one", "A2": "three", "B1:C2": "{=LEFT(A1:A2,{1,2})}", "D1": "=SUMPRODUCT(LEN(A1:A2))"})
    assert sheet["B1:C2"].tolist() == [["o", "on"], ["t", "th"]]
    assert sheet["D1"] == 8


def test_of_a_range_a_text_function_takes_the_cell_level_with_it():
    assert computed({"A1": "one", "A2": "three", "B2": "=LEN(A1:A2)", "B3": "=LEN(A1:A2)"})[
        "B2:B3"
    ].ravel().tolist() == [
        5,
        ErrorCode.VALUE,
    ]


def test_joining_reads_areas_whole_and_follows_each_cell():
    cells = {"A1": "a", "B1": 1, "A2": "b", "B2": True} | {
        f"C{row}": f'=TEXTJOIN("-",TRUE,A{row}:B{row})' for row in (1, 2)
    }
    assert computed(cells)["C1:C2"].ravel().tolist() == ["a-1", "b-TRUE"]


def test_a_text_is_split_into_rows_and_columns_padded_where_pieces_are_missing():
    sheet = computed({"A1": "1,2;3", "B1:C2": '{=TEXTSPLIT(A1,",",";")}', "D1:E2": '{=TEXTSPLIT(A1,",",";",,,"-")}'})
    assert sheet["B1:C2"].tolist() == [["1", "2"], ["3", ErrorCode.NA]]
    assert sheet["D1:E2"].tolist() == [["1", "2"], ["3", "-"]]


def test_texts_split_into_different_numbers_of_pieces_in_each_row():
    sheet = computed({"A1": "a b c", "A2": "d", "B1": '=COUNTA(TEXTSPLIT(A1," "))', "B2": '=COUNTA(TEXTSPLIT(A2," "))'})
    assert sheet["B1:B2"].ravel().tolist() == [3, 1]


def test_the_number_of_a_text_is_differentiable_and_text_names_itself_where_it_is_not():
    workbook = made({"A1": 2.0, "B1": "=VALUE(A1)^3", "B2": '=VALUE(TEXT(A1,"0.00"))*A1'})
    workbook.calculate()
    assert workbook.function(inputs=["Sheet1!A1"], output="Sheet1!B1").gradient([2.0]).tolist() == [12.0]
    rounded = workbook.function(inputs=["Sheet1!A1"], output="Sheet1!B2")
    assert rounded([3.0]) == 9.0
    with pytest.raises(NotDifferentiableError, match="TEXT in Sheet1!B2"):
        rounded.gradient([2.0])


pattern = st.text("ab*?~", max_size=8)


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern matches all of a text, by its definition."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(matches(pattern[1:], text[place:]) for place in range(len(text) + 1))
    literal = pattern[0] == "~" and pattern[1:2] in ("*", "?", "~") and pattern[1:2] != ""
    wanted, rest = (pattern[1], pattern[2:]) if literal else (pattern[0], pattern[1:])
    fits = bool(text) and ((pattern[0] == "?" and not literal) or text[0].lower() == wanted.lower())
    return fits and matches(rest, text[1:])


@settings(deadline=None)
@given(pattern, st.text("abAB*~", max_size=8))
def test_wildcards_match_what_their_definition_says(wanted, text):
    assert Wildcards(wanted).fullmatch(text) == matches(wanted, text)
    places = [
        start
        for start in range(len(text) + 1)
        if any(matches(wanted, text[start:end]) for end in range(start, len(text) + 1))
    ]
    assert Wildcards(wanted).search(text) == (places[0] if places else -1)


def test_a_hostile_pattern_is_matched_in_no_time():
    assert not Wildcards("*a" * 200 + "b").fullmatch("a" * 32000)


def test_only_cells_whose_format_asks_for_an_unknown_language_are_not_computed():
    formats = ["[$-407]mmmm", "[$-411]mmmm", "yyyy", "[DBNum1]0"]
    cells = {f"A{row}": each for row, each in enumerate(formats, 1)}
    workbook = made(cells | {f"B{row}": f"=TEXT(45000,A{row})" for row in range(1, 5)})
    workbook.calculate()
    assert (workbook["Sheet1"]["B1"], workbook["Sheet1"]["B3"]) == ("März", "2023")
    assert set(workbook.problems) == {"Sheet1!B2", "Sheet1!B4"}
