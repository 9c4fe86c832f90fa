"""Dates and times, by the examples of Excel's documentation and against NumPy's business days."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.utils.datetime import CALENDAR_MAC_1904

import sheetml
from sheetml import ErrorCode
from tests.workbooks import computed, fill, result

EPOCH = np.datetime64("1899-12-30")


def serial(date: str) -> float:
    return float((np.datetime64(date) - EPOCH).astype(int))


def result_1904(formula: str):
    book = openpyxl.Workbook()
    book.epoch = CALENDAR_MAC_1904
    fill(book.active, {"A1": formula})
    with tempfile.TemporaryDirectory() as folder:
        book.save(Path(folder) / "book.xlsx")
        workbook = sheetml.open(Path(folder) / "book.xlsx")
    workbook.calculate()
    return workbook["Sheet"]["A1"]


@pytest.mark.parametrize(
    ("formula", "date"),
    [
        ("=DATE(2008,14,2)", "2009-02-02"),
        ("=DATE(2008,-3,2)", "2007-09-02"),
        ("=DATE(2008,1,35)", "2008-02-04"),
        ("=DATE(2008,1,-15)", "2007-12-16"),
        ("=DATE(108,1,2)", "2008-01-02"),
        ("=EDATE(DATE(2011,1,15),1)", "2011-02-15"),
        ("=EDATE(DATE(2011,1,31),1)", "2011-02-28"),
        ("=EDATE(DATE(2012,2,29),-12)", "2011-02-28"),
        ("=EOMONTH(DATE(2011,1,1),-3)", "2010-10-31"),
        ("=WORKDAY(DATE(2008,10,1),151)", "2009-04-30"),
        ('=WORKDAY(DATE(2008,10,1),151,{"2008-11-26";"2008-12-4";"2009-1-21"})', "2009-05-05"),
        ("=WORKDAY.INTL(DATE(2012,1,1),90,11)", "2012-04-14"),
        ("=WORKDAY.INTL(DATE(2012,1,1),30,17)", "2012-02-05"),
        ("=WORKDAY(DATE(2024,1,6),0)", "2024-01-06"),
        ('=DATEVALUE("8/22/2011")', "2011-08-22"),
        ('=DATEVALUE("22-MAY-2011")', "2011-05-22"),
        ('=DATEVALUE("2011/02/23")', "2011-02-23"),
    ],
)
def test_dates_are_those_of_the_documentation(formula, date):
    assert result(formula) == serial(date)


@pytest.mark.parametrize(
    ("formula", "number"),
    [
        ("=YEAR(DATE(2008,7,5))*10000+MONTH(DATE(2008,7,5))*100+DAY(DATE(2008,7,5))", 20080705),
        ("=WEEKDAY(DATE(2008,2,14))", 5),
        ("=WEEKDAY(DATE(2008,2,14),2)", 4),
        ("=WEEKDAY(DATE(2008,2,14),3)", 3),
        ("=WEEKDAY(DATE(2008,2,14),14)", 1),
        ("=WEEKDAY(1)", 1),
        ("=WEEKNUM(DATE(2012,3,9))", 10),
        ("=WEEKNUM(DATE(2012,3,9),2)", 11),
        ("=WEEKNUM(DATE(2012,1,1),21)", 52),
        ("=ISOWEEKNUM(DATE(2012,3,9))", 10),
        ("=NETWORKDAYS(DATE(2012,10,1),DATE(2013,3,1))", 110),
        ("=NETWORKDAYS(DATE(2012,10,1),DATE(2013,3,1),DATE(2012,11,22))", 109),
        ("=NETWORKDAYS.INTL(DATE(2006,1,1),DATE(2006,1,31))", 22),
        ("=NETWORKDAYS.INTL(DATE(2006,2,28),DATE(2006,1,31))", -21),
        ('=NETWORKDAYS.INTL(DATE(2006,1,1),DATE(2006,2,1),7,{"2006/1/2","2006/1/16"})', 22),
        ('=NETWORKDAYS.INTL(DATE(2006,1,1),DATE(2006,2,1),"0010001",{"2006/1/2","2006/1/16"})', 20),
        ('=NETWORKDAYS.INTL(DATE(2006,1,1),DATE(2006,2,1),"1111111")', 0),
        ("=DAYS360(DATE(2011,1,30),DATE(2011,2,1))", 1),
        ("=DAYS360(DATE(2011,1,1),DATE(2011,12,31))", 360),
        ("=DAYS360(DATE(2011,1,1),DATE(2011,12,31),TRUE)", 359),
        ('=DAYS("15-MAR-2021","1-FEB-2021")', 42),
        ("=YEARFRAC(DATE(2012,1,1),DATE(2012,7,30))", 0.58055556),
        ("=YEARFRAC(DATE(2012,1,1),DATE(2012,7,30),1)", 0.57650273),
        ("=YEARFRAC(DATE(2012,1,1),DATE(2012,7,30),3)", 0.57808219),
        ('=DATEDIF(DATE(2001,1,1),DATE(2003,1,1),"Y")', 2),
        ('=DATEDIF(DATE(2001,6,1),DATE(2002,8,15),"D")', 440),
        ('=DATEDIF(DATE(2001,6,1),DATE(2002,8,15),"yd")', 75),
        ('=DATEDIF(DATE(2001,6,1),DATE(2002,8,15),"ym")', 2),
        ('=DATEDIF(DATE(2001,6,1),DATE(2002,8,15),"md")', 14),
        ("=HOUR(0.75)", 18),
        ('=MINUTE("12:45:00 PM")', 45),
        ('=SECOND("4:48:18 PM")', 18),
        ("=HOUR(0.99999999)", 0),
        ("=TIME(27,0,0)", 0.125),
        ("=TIME(0,750,0)", 0.520833333),
        ('=TIMEVALUE("2:24 AM")', 0.1),
        ('=TIMEVALUE("22-Aug-2011 6:35 AM")', 0.274305556),
    ],
)
def test_numbers_are_those_of_the_documentation(formula, number):
    assert result(formula) == pytest.approx(number, abs=5e-9)


@pytest.mark.parametrize(
    ("formula", "error"),
    [
        ("=DATE(-1,1,1)", ErrorCode.NUM),
        ("=DATE(10000,1,1)", ErrorCode.NUM),
        ("=DATE(9999,13,-1)", ErrorCode.NUM),
        ("=YEAR(-1)", ErrorCode.NUM),
        ("=YEAR(2958466)", ErrorCode.NUM),
        ('=YEAR("no date")', ErrorCode.VALUE),
        ("=EDATE(TRUE,1)", ErrorCode.VALUE),
        ("=EDATE(,1)", ErrorCode.NA),
        ("=EDATE(10,-1)", ErrorCode.NUM),
        ("=SUM(EDATE(A1:A3,1))", ErrorCode.VALUE),
        ("=WEEKDAY(1,4)", ErrorCode.NUM),
        ("=WEEKNUM(1,3)", ErrorCode.NUM),
        ("=WORKDAY.INTL(1,1,0)", ErrorCode.NUM),
        ('=WORKDAY.INTL(1,1,"1111111")', ErrorCode.VALUE),
        ('=NETWORKDAYS.INTL(1,9,"11")', ErrorCode.VALUE),
        ('=NETWORKDAYS(1,9,"x")', ErrorCode.VALUE),
        ('=DATEDIF(2,1,"d")', ErrorCode.NUM),
        ('=DATEDIF(1,2,"w")', ErrorCode.NUM),
        ("=DATEVALUE(45000)", ErrorCode.VALUE),
        ('=DATEVALUE("45000")', ErrorCode.VALUE),
        ("=TIME(0,0,-1)", ErrorCode.NUM),
        ("=YEARFRAC(1,2,5)", ErrorCode.NUM),
        ("=YEAR(1/0)", ErrorCode.DIV0),
    ],
)
def test_what_is_no_date_is_the_error_excel_shows(formula, error):
    assert result(formula, A1=1, A2=2, A3=3) == error


def test_a_blank_cell_is_day_0_of_1900():
    assert result("=YEAR(A1)*10000+MONTH(A1)*100+DAY(A1)") == 19000100


def test_date_functions_take_arrays_and_are_spread_by_array_formulas():
    sheet = computed({"A1": 2022, "A2": 2024, "B1:C2": "{=DAY(EOMONTH(DATE(A1:A2,{2,3},1),0))}"})
    assert sheet["B1:C2"].tolist() == [[28, 31], [29, 31]]


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("=DATE(1904,1,2)", 1),
        ("=DATE(2024,1,31)", 45322 - 1462),
        ("=YEAR(0)", 1904),
        ('=DATEVALUE("2024-01-31")', 45322 - 1462),
        ('="2024-01-31"+0', 45322 - 1462),
        ("=WEEKDAY(DATE(2008,2,14))", 5),
        ("=EDATE(DATE(2011,1,31),1)-DATE(2011,2,28)", 0),
        ("=NETWORKDAYS(DATE(2012,10,1),DATE(2013,3,1))", 110),
        ('=TEXT(0,"yyyy-mm-dd ddd")', "1904-01-01 Fri"),
        ("=DATE(1903,1,1)", ErrorCode.NUM),
    ],
)
def test_a_workbook_of_the_1904_system_counts_its_days_from_1904(formula, expected):
    assert result_1904(formula) == expected


def test_today_is_the_whole_part_of_now_and_both_are_computed_anew():
    sheet = computed({"A1": "=NOW()", "A2": "=TODAY()", "A3": "=INT(A1)-A2"})
    assert sheet["A3"] in (0, 1)
    stages = sheet.workbook.calculation.plan.stages
    assert sum(stage.volatile for stage in stages) == 2


dates = st.integers(int(serial("1950-01-01")), int(serial("2080-01-01")))


@settings(max_examples=25, deadline=None)
@given(
    start=dates,
    end=dates,
    count=st.integers(-400, 400),
    free=st.text("01", min_size=7, max_size=7).filter(lambda days: "0" in days),
    holidays=st.lists(st.integers(-300, 300), max_size=6),
)
def test_working_days_are_those_of_numpys_business_days(start, end, count, free, holidays):
    first = np.datetime64(EPOCH + start)
    away = [EPOCH + start + gap for gap in holidays] or ["1900-01-01"]
    mask = "".join("1" if day == "0" else "0" for day in free)
    listed = {f"B{row}": start + gap for row, gap in enumerate(holidays, start=1)}
    cells = {"A1": start, "A2": end, "A3": count, "A4": free} | listed
    between = computed({**cells, "C1": "=NETWORKDAYS.INTL(A1,A2,A4,B1:B9)", "C2": "=WORKDAY.INTL(A1,A3,A4,B1:B9)"})
    low, high = min(first, EPOCH + end), max(first, EPOCH + end)
    expected = np.busday_count(low, high + 1, mask, away) * (1 if start <= end else -1)
    assert between["C1"] == expected
    if count:
        roll = "backward" if count > 0 else "forward"
        assert EPOCH + int(between["C2"]) == np.busday_offset(first, count, roll, mask, away)
