"""Where LibreOffice (7.4) computes otherwise than Excel does, by kinds, each with its source.

A difference between sheetml and LibreOffice is documented if a kind lists the function and the two values differ
as the kind says. What follows "Excel:" is what Microsoft's page of the function says (support.microsoft.com); "Excel
Financial Functions" is the comparison at fsprojects.github.io/ExcelFinancialFunctions, which was made with Excel.
Other sentences say what is known of the two programs otherwise; no Excel was at hand to confirm them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sheetml import ErrorCode

# LibreOffice's filter for Excel's files does not find these under the names they have in files.
UNPREFIXED = ("IMCOSH", "IMCOT", "IMCSC", "IMCSCH", "IMSEC", "IMSECH", "IMSINH", "IMTAN")
SPELLED = {f"_xlfn.{name}(": f"{name}(" for name in UNPREFIXED} | {"_xlfn.BINOM.DIST.RANGE(": "B("}


def spelled(formula: str) -> str:
    """A formula of a file of Excel's as LibreOffice understands it."""
    for ours, theirs in SPELLED.items():
        formula = formula.replace(ours, theirs)
    return formula


@dataclass(frozen=True)
class Pair:
    """A formula and what the two programs make of it."""

    name: str
    formula: str
    ours: Any
    theirs: Any

    @property
    def wrapped(self) -> bool:
        return self.formula.startswith("=IFERROR(")

    def failed(self, value: Any) -> bool:
        """Whether a value is an error, or what stands in its place."""
        return isinstance(value, ErrorCode) or (self.wrapped and value == -1)

    def numbers(self) -> bool:
        return all(
            isinstance(value, (int, float)) and not isinstance(value, bool) for value in (self.ours, self.theirs)
        )

    def within(self, relative: float) -> bool:
        return self.numbers() and math.isclose(self.ours, self.theirs, rel_tol=relative)


@dataclass(frozen=True)
class Kind:
    """A kind of difference: of which functions, how the values differ, and how it is known."""

    kind: str
    functions: frozenset[str]
    differs: Callable[[Pair], bool]
    source: str


def they_fail(pair: Pair) -> bool:
    return pair.failed(pair.theirs) and not isinstance(pair.ours, ErrorCode)


def we_fail(pair: Pair) -> bool:
    return pair.failed(pair.ours) and not isinstance(pair.theirs, ErrorCode)


def one_fails(pair: Pair) -> bool:
    return they_fail(pair) or we_fail(pair)


def within(relative: float) -> Callable[[Pair], bool]:
    return lambda pair: pair.within(relative)


def any_numbers(pair: Pair) -> bool:
    return pair.numbers()


def anything(pair: Pair) -> bool:
    return True


def last_digits(pair: Pair) -> bool:
    """Texts of complex numbers that are equal to 12 digits."""
    parts = [re.findall(r"[-+]?\d+(?:\.\d+)?(?:E[-+]\d+)?", str(value)) for value in (pair.ours, pair.theirs)]
    return len(parts[0]) == len(parts[1]) and all(
        math.isclose(float(a), float(b), rel_tol=1e-11, abs_tol=1e-12) for a, b in zip(*parts)
    )


KINDS: list[Kind] = []


def kind(name: str, functions: str, differs: Callable[[Pair], bool], source: str) -> None:
    KINDS.append(Kind(name, frozenset(functions.split()), differs, source))


kind(
    "a function that LibreOffice 7.4 lacks",
    """ARRAYTOTEXT BYCOL BYROW CHOOSECOLS CHOOSEROWS DROP EXPAND FILTER GROUPBY HSTACK ISOMITTED LAMBDA LET MAKEARRAY
    MAP PERCENTOF PIVOTBY REDUCE REGEXEXTRACT REGEXREPLACE REGEXTEST SCAN SEQUENCE SORT SORTBY TAKE TEXTAFTER TEXTBEFORE
    TEXTSPLIT TOCOL TOROW TRIMRANGE UNIQUE USDOLLAR VALUETOTEXT VSTACK WRAPCOLS WRAPROWS XLOOKUP XMATCH _TRO_ALL
    _TRO_LEADING _TRO_TRAILING""",
    they_fail,
    "release notes: FILTER, LET, SEQUENCE, SORT, SORTBY, UNIQUE, XLOOKUP, XMATCH came with 24.8, CHOOSECOLS, DROP, "
    "EXPAND, HSTACK, TAKE, TOCOL, VSTACK, WRAPCOLS and kin with 25.8; it has no functions made by LAMBDA",
)
kind(
    "ODDFPRICE and ODDFYIELD are not implemented in LibreOffice",
    "ODDFPRICE ODDFYIELD",
    they_fail,
    "Excel Financial Functions: of ODDFPRICE and ODDFYIELD OpenOffice's documentation says that they do not work",
)
kind(
    "days and years between dates of securities",
    """ACCRINT ACCRINTM DISC DURATION INTRATE MDURATION ODDLPRICE ODDLYIELD PRICE PRICEDISC PRICEMAT RECEIVED YIELD
    YIELDDISC YIELDMAT AMORLINC AMORDEGRC YEARFRAC""",
    within(0.3),
    "Excel Financial Functions: most differences are of day counts; LibreOffice takes the first year's length for "
    "basis 1, and for basis 0 does not treat ends of months (31st, end of February) as Excel's YEARFRAC does",
)
kind(
    "depreciation of which nothing is left, or more than everything",
    "AMORLINC AMORDEGRC DB DDB SYD VDB SLN",
    anything,
    "LibreOffice counts full periods unsigned (AMORLINC), and refuses a salvage value above the cost (DB, DDB); "
    "Excel: SYD gives #NUM! where per > life",
)
kind(
    "Bessel functions of polynomials",
    "BESSELI BESSELJ BESSELK BESSELY",
    within(1e-7),
    "LibreOffice uses the polynomials of Abramowitz and Stegun 9.8, good to 8 digits; sheetml's agree with SciPy",
)
kind(
    "more chosen than there are, with repetition",
    "COMBINA",
    they_fail,
    "PhpSpreadsheet's COMBINA: Microsoft documents the restriction number >= number_chosen, Excel does not enforce it",
)
kind(
    "years below 100",
    "DATE",
    anything,
    "Excel: if year is between 0 and 1899, Excel adds it to 1900; LibreOffice takes two digits for 1930 to 2029",
)
kind(
    "decimals that are not whole",
    "DOLLAR FIXED ROUND",
    anything,
    "Excel truncates the number of decimals; LibreOffice takes the next lower whole number",
)
kind("nothing to take a deviation of", "DSTDEV DVAR DSTDEVP DVARP DAVERAGE", we_fail, "Excel: #DIV/0! without numbers")
kind(
    "text among numbers",
    "FVSCHEDULE GCD LCM MULTINOMIAL",
    we_fail,
    "Excel: if any argument is nonnumeric the function returns #VALUE!; LibreOffice leaves text out",
)
kind(
    "known x's left out where the known y's have two dimensions",
    "GROWTH LINEST LOGEST TREND",
    any_numbers,
    "Excel: known_x's are then {1,2,3,...} of the same size, which arrays fill by rows; LibreOffice by columns",
)
kind(
    "outside of a distribution's domain",
    """HYPGEOM.DIST HYPGEOMDIST EXPON.DIST LOGNORM.DIST LOGNORMDIST GAMMA.DIST WEIBULL.DIST F.DIST F.DIST.RT CHISQ.DIST
    CHISQ.DIST.RT BETA.DIST BETADIST POISSON.DIST BINOM.DIST NEGBINOM.DIST NEGBINOMDIST BINOM.DIST.RANGE""",
    we_fail,
    "Excel: #NUM! if x < 0 (x <= 0), if the sample has more successes than it has items; LibreOffice gives 0 there",
)
kind(
    "last digits in the text of a complex number",
    """IMCOS IMCOSH IMCOT IMCSC IMCSCH IMDIV IMEXP IMLN IMLOG10 IMLOG2 IMPOWER IMPRODUCT IMSEC IMSECH IMSIN IMSINH
    IMSQRT IMSUB IMSUM IMTAN""",
    last_digits,
    "15 digits are written, of which LibreOffice's quotients of sines and cosines do not hold the last",
)
kind(
    "a blank as a complex number",
    """IMABS IMAGINARY IMARGUMENT IMCONJUGATE IMCOS IMCOSH IMCOT IMCSC IMCSCH IMDIV IMEXP IMLN IMLOG10 IMLOG2 IMPOWER
    IMPRODUCT IMREAL IMSEC IMSECH IMSIN IMSINH IMSQRT IMSUB IMSUM IMTAN""",
    one_fails,
    "a blank cell is 0 among the arguments of functions that came with the Analysis ToolPak",
)
kind("INDEX of an area without a row", "INDEX", we_fail, "Excel: the array form needs row_num or column_num")
kind("multiples of another sign", "MROUND", we_fail, "Excel: #NUM! where number and multiple have different signs")
kind(
    "NUMBERVALUE without its separators, or of longer ones",
    "NUMBERVALUE",
    one_fails,
    "Excel: without them those of the locale; of more than one character only the first is used",
)
kind(
    "ranks by percent are cut off",
    "PERCENTRANK.INC PERCENTRANK.EXC PERCENTRANK",
    lambda pair: pair.numbers() and abs(pair.ours - pair.theirs) <= 0.21,
    "Excel truncates to the significant digits asked for; LibreOffice rounds",
)
kind("the rank of what is not there", "RANK.EQ RANK.AVG RANK", we_fail, "Excel: #N/A if number is not in ref")
kind(
    "bills and discounts that come to nothing",
    "RECEIVED TBILLPRICE TBILLYIELD TBILLEQ",
    lambda pair: we_fail(pair) or pair.within(0.5),
    "Excel: #NUM! if maturity is more than a year after settlement, and where no price is above 0; LibreOffice "
    "counts the days of a bill by 360-day years",
)
kind(
    "places beyond a text",
    "REPLACE REPLACEB SEARCH SEARCHB FIND FINDB MID MIDB",
    they_fail,
    "Excel: REPLACE appends where start_num is past the end; an empty text is found where it is looked for",
)
kind(
    "dates and times below 0",
    "SECOND MINUTE HOUR DAY MONTH YEAR WEEKDAY TEXT EDATE EOMONTH",
    one_fails,
    "Excel: a date below 0, or after 9999, is #NUM!",
)
kind(
    "parts of hours", "TIME", anything, "Excel truncates hours, minutes and seconds; LibreOffice counts their fractions"
)
kind(
    "the days before March 1900",
    "TEXT DAY MONTH YEAR EDATE EOMONTH WEEKDAY DAYS360 DATEDIF COUPNCD COUPPCD",
    anything,
    "Excel: serial 1 is 1 January 1900, and 0 day 0 of it; in LibreOffice they are 31 and 30 December 1899",
)
kind(
    "weeks at the end of a year",
    "WEEKNUM",
    any_numbers,
    "Excel: the week containing January 1 is week 1 (system 1); LibreOffice counts the year's last days to the next",
)
kind(
    "numbers that are not whole, where whole ones are due",
    "FACT FACTDOUBLE BESSELI BESSELJ BESSELK BESSELY BITAND BITOR BITXOR BITLSHIFT BITRSHIFT COMBIN PERMUT",
    one_fails,
    "Excel: BITAND and kin give #NUM! for them, FACT truncates before it looks at the sign; LibreOffice otherwise",
)
kind("millions of degrees of freedom", "F.DIST F.DIST.RT F.INV F.INV.RT T.DIST", they_fail, "Excel: below 10^10")
kind("text as a condition", "IF IFS AND OR XOR NOT", we_fail, "Excel: only the texts TRUE and FALSE are conditions")
kind("a sample of one", "Z.TEST", they_fail, "with sigma given the standard deviation of the sample is not needed")
kind(
    "blanks among coefficients or pairs",
    "SERIESSUM SUMXMY2 SUMX2MY2 SUMX2PY2",
    anything,
    "Excel leaves out pairs with a blank or a text, and #DIV/0! if none is left; LibreOffice takes blanks for 0",
)
kind(
    "approximate search in data that are not in order",
    "LOOKUP VLOOKUP HLOOKUP MATCH",
    anything,
    "Excel: values must be placed in ascending order; otherwise the result depends on how the area is halved",
)
kind(
    "rates found by iteration",
    "XIRR IRR RATE YIELD ODDLYIELD",
    lambda pair: they_fail(pair) or pair.within(1e-6) or (pair.numbers() and pair.theirs < -1),
    "Excel: XIRR stops when it is accurate within 0.000001 percent, IRR and RATE within 0.0000001",
)
kind(
    "bins out of order",
    "FREQUENCY",
    any_numbers,
    "Microsoft's \"Count unique values among duplicates\" needs counts at their bins' places; LibreOffice sorts them",
)
kind("the mode of several", "MODE.SNGL MODE.MULT", any_numbers, "Excel takes the one met first; LibreOffice the least")
kind(
    "arguments out of their range",
    "CHAR EFFECT NOMINAL REPT NETWORKDAYS NETWORKDAYS.INTL WORKDAY WORKDAY.INTL",
    we_fail,
    "Excel: CHAR takes 1 to 255, EFFECT and NOMINAL rates above 0, REPT gives up to 32,767 characters, dates are not "
    "below 0 (holidays neither)",
)
kind("a Poisson distribution of mean 0", "POISSON.DIST POISSON", they_fail, "Excel: #NUM! only if mean < 0")
kind("a point in an address", "ENCODEURL", anything, "RFC 3986: letters, digits, '-', '.', '_' and '~' are not encoded")
kind("a link without a text", "HYPERLINK", anything, "Excel shows link_location itself; LibreOffice makes it a text")
kind(
    "an error as a criterion",
    "SUMIF SUMIFS COUNTIF COUNTIFS AVERAGEIF AVERAGEIFS MAXIFS MINIFS",
    they_fail,
    "Excel: criteria are numbers, texts or errors, and an error is equal to the same error",
)
kind(
    "payments and rates that do not come to a number",
    "RATE PMT PV FV NPER XNPV",
    we_fail,
    "Excel: RATE gives #NUM! where 20 rounds do not settle it, XNPV for rates below 0; (1+rate)^nper must be a number",
)
kind("securities issued after they are settled", "PRICEMAT YIELDMAT ACCRINT", we_fail, "Excel: dates out of order")
kind("an area of less than a row", "OFFSET", they_fail, "LibreOffice refuses heights below 1, Excel counts upwards")
kind(
    "DEC2HEX and kin of parts", "DEC2HEX DEC2BIN DEC2OCT", anything, "Excel truncates; LibreOffice takes the next lower"
)
kind("text as a choice of yes or no", "TEXTJOIN", we_fail, "Excel: only the texts TRUE and FALSE are truth values")
kind(
    "quantiles and tails to 9 digits", "CONFIDENCE.T T.INV T.INV.2T Z.TEST", within(1e-7), "sheetml's agree with SciPy"
)
kind("blanks among whole numbers", "LCM GCD", anything, "Excel takes blank cells of LCM's areas for 0")
kind("chances that are no numbers", "PROB", they_fail, "Excel leaves out pairs that are not numbers")
kind("several records for one value", "DGET", we_fail, "Excel: #NUM! if more than one record matches")
kind(
    "text of a number, or parts of one", "ISODD ISEVEN LARGE SMALL", they_fail, "Excel reads it; LARGE takes 0.5 for 1"
)
kind("a chance of 0", "BETA.INV BETAINV BINOM.INV CRITBINOM", we_fail, "Excel: #NUM! if probability <= 0")


def explained(pair: Pair) -> Kind | None:
    """The documented kind that a difference is of."""
    return next((each for each in KINDS if pair.name in each.functions and each.differs(pair)), None)
