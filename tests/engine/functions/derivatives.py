"""What derivative every function of the engine has: one line a function, in one of three tables.

SMOOTH: formulas of the inputs A1, A2, ..., and the interval each of them is drawn from.
FLAT: formulas whose derivative is zero wherever it exists: comparisons, counts, positions, kinds.
WITHOUT: formulas that have no useful derivative: text, rounding, whole numbers. Asking says so by name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Interval = tuple[float, float]


@dataclass(frozen=True)
class Case:
    """A formula, where its inputs A1, A2, ... are drawn from, and what they keep away from."""

    formula: str
    domains: tuple[Interval, ...]
    away: tuple[float, ...] = ()  # where there are kinks, or nothing is defined, for each input
    apart: bool = False  # inputs keep away from each other (order, extremes)
    cells: dict[str, Any] = field(default_factory=dict)  # constant cells beside


def case(
    formula: str, *domains: Interval, away: tuple[float, ...] = (), apart: bool = False, cells: dict | None = None
) -> Case:
    return Case(formula, domains, away, apart, cells or {})


ANY = (-3.0, 3.0)
POSITIVE = (0.2, 4.0)
PROBABILITY = (0.02, 0.98)
SCATTERED = ((0, 1), (2, 3), (0, 1), (3, 4), (0, 1), (2, 3), (4, 5), (6, 7))  # y and x of four points off any line

# fmt: off
SMOOTH: dict[str, Case | list[Case]] = {
    # ---- mathematics
    "ABS": case("=ABS(A1)*A2", ANY, ANY, away=(0,)),
    "ACOS": case("=ACOS(A1)", (-0.9, 0.9)),
    "ACOSH": case("=ACOSH(A1)", (1.2, 4)),
    "ACOT": case("=ACOT(A1)", ANY),
    "ACOTH": [case("=ACOTH(A1)", (1.2, 4)), case("=ACOTH(A1)", (-4, -1.2))],
    "ASIN": case("=ASIN(A1)", (-0.9, 0.9)),
    "ASINH": case("=ASINH(A1)", ANY),
    "ATAN": case("=ATAN(A1)", ANY),
    "ATAN2": [case("=ATAN2(A1,A2)", (0.3, 3), ANY), case("=ATAN2(A1,A2)", (-3, -0.3), POSITIVE)],
    "ATANH": case("=ATANH(A1)", (-0.9, 0.9)),
    "COS": case("=COS(A1)", ANY),
    "COSH": case("=COSH(A1)", ANY),
    "COT": [case("=COT(A1)", (0.3, 2.8)), case("=COT(A1)", (-2.8, -0.3))],
    "COTH": [case("=COTH(A1)", (0.3, 3)), case("=COTH(A1)", (-3, -0.3))],
    "CSC": [case("=CSC(A1)", (0.3, 2.8)), case("=CSC(A1)", (-2.8, -0.3))],
    "CSCH": [case("=CSCH(A1)", (0.3, 3)), case("=CSCH(A1)", (-3, -0.3))],
    "DEGREES": case("=DEGREES(A1)^2", ANY),
    "EXP": case("=EXP(A1)", ANY),
    "LN": case("=LN(A1)", POSITIVE),
    "LOG": [case("=LOG(A1,A2)", POSITIVE, (1.5, 9)), case("=LOG(A1,2)+LOG(A1)", POSITIVE)],
    "LOG10": case("=LOG10(A1)", POSITIVE),
    "MOD": [case("=MOD(A1,A2)*A1", (4.2, 4.8), (1.7, 2)), case("=MOD(A1,A2)*A1", (-4.8, -4.2), (1.7, 2))],
    "POWER": [case("=POWER(A1,A2)", POSITIVE, ANY), case("=POWER(A1,3)+POWER(A1,-2)", (-3, -0.5))],
    "PRODUCT": case("=PRODUCT(A1:A4)", *4 * [ANY]),
    "RADIANS": case("=RADIANS(A1)^2", ANY),
    "SEC": case("=SEC(A1)", (-1.2, 1.2)),
    "SECH": case("=SECH(A1)", ANY),
    "SERIESSUM": case("=SERIESSUM(A1,0,2,A2:A4)", POSITIVE, *3 * [ANY]),
    "SIN": case("=SIN(A1)", ANY),
    "SINH": case("=SINH(A1)", ANY),
    "SQRT": case("=SQRT(A1)", POSITIVE),
    "SQRTPI": case("=SQRTPI(A1)", POSITIVE),
    "SUBTOTAL": case("=SUBTOTAL(1,A1:A3)*SUBTOTAL(107,A1:A3)", *3 * [ANY], apart=True),
    "SUM": case("=SUM(A1:A3,A2)^2", *3 * [ANY]),
    "SUMSQ": case("=SUMSQ(A1:A3,2)", *3 * [ANY]),
    "TAN": case("=TAN(A1)", (-1.2, 1.2)),
    "TANH": case("=TANH(A1)", ANY),
    # ---- arrays
    "MMULT": case("=SUMSQ(MMULT(A1:A3,TRANSPOSE(A1:A3)))", *3 * [ANY]),
    "SUMPRODUCT": case("=SUMPRODUCT(A1:A3,A2:A4,A1:A3)", *4 * [ANY]),
    "SUMX2MY2": case("=SUMX2MY2(A1:A2,A3:A4)", *4 * [ANY]),
    "SUMX2PY2": case("=SUMX2PY2(A1:A2,A3:A4)", *4 * [ANY]),
    "SUMXMY2": case("=SUMXMY2(A1:A2,A3:A4)", *4 * [ANY]),
    "TRANSPOSE": case("=SUMPRODUCT(TRANSPOSE(A1:A3),{1,2,3})*A1", *3 * [ANY]),
    # ---- logic: the derivative of the branch taken
    "IF": case("=IF(A1>A2,A1^2,A2^3)+IF(A1>-9,A1,1/0)", ANY, ANY, apart=True),
    "IFERROR": case("=IFERROR(A1/0,A2^2)*IFERROR(A1,7)", ANY, ANY),
    "IFNA": case("=IFNA(NA(),A2^2)*IFNA(A1,7)", ANY, ANY),
    "IFS": case("=IFS(A1>9,1,A1>A2,A1^2,TRUE,A2^3)", ANY, ANY, apart=True),
    "SWITCH": case("=SWITCH(A1>A2,TRUE,A1^2,A2^3)", ANY, ANY, apart=True),
    # ---- lookup
    "CHOOSE": case("=CHOOSE(2,A1,A2^2,1/0)", ANY, ANY),
    "HLOOKUP": case("=HLOOKUP(2,C1:D2,2,FALSE)", ANY, cells={"C1": 1, "D1": 2, "D2": "=A1^2"}),
    "HYPERLINK": case('=HYPERLINK("#A1",A1^2)*1', ANY),
    "INDEX": case("=INDEX(A1:A3,2)^2*SUM(INDEX(A1:A3,0))", *3 * [ANY]),
    "INDIRECT": case('=INDIRECT("A2")^2', ANY, ANY),
    "LOOKUP": case("=LOOKUP(2,{1,2,3},A1:A3)^2", *3 * [ANY]),
    "OFFSET": case("=OFFSET(A1,B1,0)^2*SUM(OFFSET(A1,0,0,2,1))", *3 * [ANY], cells={"B1": 2}),
    "VLOOKUP": case("=VLOOKUP(2,C1:D2,2)", ANY, cells={"C1": 1, "C2": 2, "D2": "=A1^2"}),
    "XLOOKUP": case("=XLOOKUP(2,{1;2;3},A1:A3)^2", *3 * [ANY]),
    "N": case("=N(A1)^2", ANY),
    "NA": case("=IFERROR(NA(),A1^2)", ANY),
    # ---- criteria
    "AVERAGEIF": case('=AVERAGEIF(A1:A4,">0")^2', *3 * [ANY], POSITIVE, away=(0,)),
    "AVERAGEIFS": case('=AVERAGEIFS(A1:A3,C1:C3,">1")^2', *3 * [ANY], cells={"C1": 1, "C2": 2, "C3": 3}),
    "MAXIFS": case('=MAXIFS(A1:A3,C1:C3,">1")^2', *3 * [ANY], apart=True, cells={"C1": 1, "C2": 2, "C3": 3}),
    "MINIFS": case('=MINIFS(A1:A3,C1:C3,">1")^2', *3 * [ANY], apart=True, cells={"C1": 1, "C2": 2, "C3": 3}),
    "SUMIF": case('=SUMIF(A1:A4,">0")^2', *4 * [ANY], away=(0,)),
    "SUMIFS": case('=SUMIFS(A1:A3,C1:C3,">1")^2', *3 * [ANY], cells={"C1": 1, "C2": 2, "C3": 3}),
    # ---- names and functions in formulas
    "BYCOL": case("=SUMSQ(BYCOL(TRANSPOSE(A1:A3),LAMBDA(c,SUM(c)^2)))", *3 * [ANY]),
    "BYROW": case("=SUMSQ(BYROW(A1:A3,LAMBDA(r,SUM(r)^2)))", *3 * [ANY]),
    "LAMBDA": case("=LAMBDA(x,y,x*y^2)(A1,A2)", ANY, ANY),
    "LET": case("=LET(x,A1*A2,x^2+x)", ANY, ANY),
    "MAKEARRAY": case("=SUM(MAKEARRAY(2,2,LAMBDA(r,c,A1^r*c)))", ANY),
    "MAP": case("=SUM(MAP(A1:A3,LAMBDA(x,x^3)))", *3 * [ANY]),
    "REDUCE": case("=REDUCE(1,A1:A3,LAMBDA(s,x,s*x+1))", *3 * [ANY]),
    "SCAN": case("=SUM(SCAN(1,A1:A3,LAMBDA(s,x,s*x+1)))", *3 * [ANY]),
    # ---- statistics
    "AVEDEV": case("=AVEDEV(A1,A2,A3,9)", (0, 1), (2, 3), (13, 15)),
    "AVERAGE": case("=AVERAGE(A1:A3,5)^2", *3 * [ANY]),
    "AVERAGEA": case("=AVERAGEA(A1:A3,B1)^2", *3 * [ANY], cells={"B1": "text"}),
    "CORREL": case("=CORREL(A1:A4,A5:A8)", *SCATTERED),
    "COVARIANCE.P": case("=COVARIANCE.P(A1:A3,A4:A6)", *6 * [ANY]),
    "COVARIANCE.S": case("=COVARIANCE.S(A1:A3,A4:A6)", *6 * [ANY]),
    "COVAR": case("=COVAR(A1:A3,A4:A6)", *6 * [ANY]),
    "DEVSQ": case("=DEVSQ(A1:A4)", *4 * [ANY]),
    "GEOMEAN": case("=GEOMEAN(A1:A3)", *3 * [POSITIVE]),
    "HARMEAN": case("=HARMEAN(A1:A3)", *3 * [POSITIVE]),
    "KURT": case("=KURT(A1:A5)", (-3, -1), (1, 3), (-1, 1), (4, 5), ANY),
    "LARGE": case("=LARGE(A1:A4,2)^2", *4 * [ANY], apart=True),
    "MAX": [case("=MAX(A1,A2)^2", ANY, ANY, apart=True), case("=MAX(A1:A4)^2", *4 * [ANY], apart=True)],
    "MAXA": case("=MAXA(A1:A3,B1)^2", *3 * [ANY], away=(0,), apart=True, cells={"B1": "text"}),
    "MEDIAN": [case("=MEDIAN(A1:A3)^2", *3 * [ANY], apart=True), case("=MEDIAN(A1:A4)^2", *4 * [ANY], apart=True)],
    "MIN": [case("=MIN(A1,A2)^2", ANY, ANY, apart=True), case("=MIN(A1:A4)^2", *4 * [ANY], apart=True)],
    "MINA": case("=MINA(A1:A3,B1)^2", *3 * [ANY], away=(0,), apart=True, cells={"B1": "text"}),
    "MODE.SNGL": case("=MODE.SNGL(A1,A2,A1)^2", ANY, ANY, apart=True),
    "MODE": case("=MODE(A1,A2,A1)^2", ANY, ANY, apart=True),
    "PEARSON": case("=PEARSON(A1:A4,A5:A8)", *SCATTERED),
    "PERCENTILE.EXC": case("=PERCENTILE.EXC(A1:A4,A5)^2", *4 * [ANY], (0.22, 0.38), apart=True),
    "PERCENTILE.INC": case("=PERCENTILE.INC(A1:A4,A5)^2", *4 * [ANY], (0.36, 0.64), apart=True),
    "PERCENTILE": case("=PERCENTILE(A1:A4,A5)^2", *4 * [ANY], (0.36, 0.64), apart=True),
    "QUARTILE.EXC": case("=QUARTILE.EXC(A1:A4,1)^2", *4 * [ANY], apart=True),
    "QUARTILE.INC": case("=QUARTILE.INC(A1:A4,1)^2", *4 * [ANY], apart=True),
    "QUARTILE": case("=QUARTILE(A1:A4,3)^2", *4 * [ANY], apart=True),
    "RSQ": case("=RSQ(A1:A4,A5:A8)", *SCATTERED),
    "SKEW": case("=SKEW(A1:A4)", (-3, -1), (1, 3), (-1, 1), (4, 5)),
    "SMALL": case("=SMALL(A1:A4,2)^2", *4 * [ANY], apart=True),
    "STANDARDIZE": case("=STANDARDIZE(A1,A2,A3)", ANY, ANY, POSITIVE),
    "STDEV.P": case("=STDEV.P(A1:A4)", *4 * [ANY], apart=True),
    "STDEV.S": case("=STDEV.S(A1:A4)", *4 * [ANY], apart=True),
    "STDEVA": case("=STDEVA(A1:A3,B1)", *3 * [ANY], apart=True, cells={"B1": "text"}),
    "STDEVPA": case("=STDEVPA(A1:A3,B1)", *3 * [ANY], apart=True, cells={"B1": "text"}),
    "STDEV": case("=STDEV(A1:A4)", *4 * [ANY], apart=True),
    "STDEVP": case("=STDEVP(A1:A4)", *4 * [ANY], apart=True),
    "VAR.P": case("=VAR.P(A1:A4)", *4 * [ANY]),
    "VAR.S": case("=VAR.S(A1:A4)", *4 * [ANY]),
    "VARA": case("=VARA(A1:A3,B1)", *3 * [ANY], cells={"B1": "text"}),
    "VARPA": case("=VARPA(A1:A3,B1)", *3 * [ANY], cells={"B1": "text"}),
    "VAR": case("=VAR(A1:A4)", *4 * [ANY]),
    "VARP": case("=VARP(A1:A4)", *4 * [ANY]),
    # ---- regression
    "FORECAST.LINEAR": case("=FORECAST.LINEAR(A1,A2:A4,A5:A7)", ANY, *3 * [ANY], (0, 1), (2, 3), (4, 5)),
    "GROWTH": case("=SUM(GROWTH(A1:A3,A4:A6,{2;7}))", *3 * [POSITIVE], (0, 1), (2, 3), (4, 5)),
    "INTERCEPT": case("=INTERCEPT(A1:A3,A4:A6)", *3 * [ANY], (0, 1), (2, 3), (4, 5)),
    "LINEST": [
        case("=SUMPRODUCT(LINEST(A1:A3,A4:A6),{1,2})", *3 * [ANY], (0, 1), (2, 3), (4, 5)),
        case("=SUMPRODUCT(INDEX(LINEST(A1:A4,A5:A8,TRUE,TRUE),{1;2;3;4;5},1))", *SCATTERED),
        case("=SUMPRODUCT(INDEX(LINEST(A1:A4,A5:A8,TRUE,TRUE),{1;2;3;4;5},2))", *SCATTERED),
        case("=SUM(LINEST(A1:A4,B1:C4^{1,2},FALSE))", *4 * [ANY],
             cells={f"{c}{r}": r + c.count("C") * r % 3 for c in "BC" for r in (1, 2, 3, 4)}),
    ],
    "LOGEST": case("=SUMPRODUCT(LOGEST(A1:A3,A4:A6),{1,2})", *3 * [POSITIVE], (0, 1), (2, 3), (4, 5)),
    "SLOPE": case("=SLOPE(A1:A3,A4:A6)", *3 * [ANY], (0, 1), (2, 3), (4, 5)),
    "STEYX": case("=STEYX(A1:A4,A5:A8)", *SCATTERED),
    "TREND": case("=SUMPRODUCT(TREND(A1:A3,A4:A6,{2;7}),{1;3})", *3 * [ANY], (0, 1), (2, 3), (4, 5)),
    # ---- distributions
    "CONFIDENCE.NORM": case("=CONFIDENCE.NORM(A1,A2,9)", PROBABILITY, POSITIVE),
    "CONFIDENCE": case("=CONFIDENCE(A1,A2,9)", PROBABILITY, POSITIVE),
    "ERF.PRECISE": case("=ERF.PRECISE(A1)", ANY),
    "ERF": [case("=ERF(A1)", ANY), case("=ERF(A1,A2)", ANY, ANY)],
    "ERFC": case("=ERFC(A1)", ANY),
    "EXPON.DIST": case("=EXPON.DIST(A1,A2,TRUE)*EXPON.DIST(A1,A2,FALSE)", POSITIVE, POSITIVE),
    "EXPONDIST": case("=EXPONDIST(A1,A2,TRUE)", POSITIVE, POSITIVE),
    "FISHER": case("=FISHER(A1)", (-0.9, 0.9)),
    "FISHERINV": case("=FISHERINV(A1)", ANY),
    "GAMMA": [case("=GAMMA(A1)", POSITIVE), case("=GAMMA(A1)", (-1.9, -1.1))],
    "GAMMALN": case("=GAMMALN(A1)", POSITIVE),
    "GAMMALN.PRECISE": case("=GAMMALN.PRECISE(A1)", POSITIVE),
    "GAUSS": case("=GAUSS(A1)", ANY),
    "LOGINV": case("=LOGINV(A1,A2,A3)", PROBABILITY, ANY, (0.2, 2)),
    "LOGNORM.DIST": case("=LOGNORM.DIST(A1,A2,A3,TRUE)+LOGNORM.DIST(A1,A2,A3,FALSE)", POSITIVE, ANY, (0.5, 2)),
    "LOGNORM.INV": case("=LOGNORM.INV(A1,A2,A3)", PROBABILITY, ANY, (0.2, 2)),
    "NORM.DIST": case("=NORM.DIST(A1,A2,A3,TRUE)+NORM.DIST(A1,A2,A3,FALSE)", ANY, ANY, (0.5, 2)),
    "NORM.INV": case("=NORM.INV(A1,A2,A3)", PROBABILITY, ANY, POSITIVE),
    "NORM.S.DIST": case("=NORM.S.DIST(A1,TRUE)+NORM.S.DIST(A1,FALSE)", ANY),
    "NORM.S.INV": case("=NORM.S.INV(A1)", PROBABILITY),
    "NORMDIST": case("=NORMDIST(A1,A2,A3,TRUE)", ANY, ANY, (0.5, 2)),
    "NORMINV": case("=NORMINV(A1,A2,A3)", PROBABILITY, ANY, POSITIVE),
    "NORMSDIST": case("=NORMSDIST(A1)", ANY),
    "NORMSINV": case("=NORMSINV(A1)", PROBABILITY),
    "PHI": case("=PHI(A1)", ANY),
}

FLAT: dict[str, str] = {
    "AND": "=AND(A1>0,A2>0)",
    "AREAS": "=AREAS((A1,A2))",
    "COLUMN": "=COLUMN(A1)",
    "COLUMNS": "=COLUMNS(A1:B2)",
    "COUNT": "=COUNT(A1:A9)",
    "COUNTA": "=COUNTA(A1:A9)",
    "COUNTBLANK": "=COUNTBLANK(A1:A9)",
    "COUNTIF": '=COUNTIF(A1:A2,">1")',
    "COUNTIFS": '=COUNTIFS(A1:A2,">1")',
    "ERROR.TYPE": "=ERROR.TYPE(A1/0)",
    "FALSE": "=FALSE()",
    "FORMULATEXT": '=FORMULATEXT(Z1)="x"',
    "ISBLANK": "=ISBLANK(A1)",
    "ISERR": "=ISERR(A1)",
    "ISERROR": "=ISERROR(A1)",
    "ISFORMULA": "=ISFORMULA(A1)",
    "ISLOGICAL": "=ISLOGICAL(A1)",
    "ISNA": "=ISNA(A1)",
    "ISNONTEXT": "=ISNONTEXT(A1)",
    "ISNUMBER": "=ISNUMBER(A1)",
    "ISOMITTED": "=ISOMITTED(A1)",
    "ISREF": "=ISREF(A1)",
    "ISTEXT": "=ISTEXT(A1)",
    "MATCH": "=MATCH(A1,{0,1,2})",
    "NOT": "=NOT(A1>1)",
    "OR": "=OR(A1>0,A2>0)",
    "PI": "=PI()",
    "RAND": "=RAND()",
    "RANDARRAY": "=SUM(RANDARRAY(2,2))",
    "RANDBETWEEN": "=RANDBETWEEN(A1,9)",
    "RANK.AVG": "=RANK.AVG(A1,A1:A3)",
    "RANK.EQ": "=RANK.EQ(A1,A1:A3)",
    "RANK": "=RANK(A1,A1:A3)",
    "ROW": "=ROW(A1)",
    "ROWS": "=ROWS(A1:B2)",
    "SHEET": "=SHEET(A1)",
    "SHEETS": "=SHEETS(A1)",
    "SIGN": "=SIGN(A1)",
    "T": '=T(A1)="x"',
    "TRUE": "=TRUE()",
    "TYPE": "=TYPE(A1)",
    "XMATCH": "=XMATCH(A1,{0,1,2},-1)",
    "XOR": "=XOR(A1>0,A2>0)",
}

WITHOUT: dict[str, str] = {
    "ADDRESS": '=ADDRESS(A1,2)="x"',
    "CEILING": "=CEILING(A1,1)",
    "CEILING.MATH": "=CEILING.MATH(A1)",
    "CEILING.PRECISE": "=CEILING.PRECISE(A1)",
    "COMBIN": "=COMBIN(A1+5,2)",
    "EVEN": "=EVEN(A1)",
    "FACT": "=FACT(A1)",
    "FLOOR": "=FLOOR(A1,1)",
    "FLOOR.MATH": "=FLOOR.MATH(A1)",
    "FLOOR.PRECISE": "=FLOOR.PRECISE(A1)",
    "GCD": "=GCD(A1,A2)",
    "INT": "=INT(A1)",
    "ISEVEN": "=ISEVEN(A1)",
    "ISO.CEILING": "=ISO.CEILING(A1)",
    "ISODD": "=ISODD(A1)",
    "LCM": "=LCM(A1,A2)",
    "MROUND": "=MROUND(A1,1)",
    "ODD": "=ODD(A1)",
    "PERMUT": "=PERMUT(A1+5,2)",
    "QUOTIENT": "=QUOTIENT(A1,2)",
    "ROUND": "=ROUND(A1,1)",
    "ROUNDDOWN": "=ROUNDDOWN(A1,1)",
    "ROUNDUP": "=ROUNDUP(A1,1)",
    "TRUNC": "=TRUNC(A1)",
}
# fmt: on
