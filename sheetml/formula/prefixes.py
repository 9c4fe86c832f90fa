"""The prefixes with which files mark functions newer than the file format: _xlfn.STDEV.S, _xlfn._xlws.SORT."""

from __future__ import annotations

import re
from collections.abc import Callable

from sheetml.formula.tokens import TOKEN

# Functions that came with Excel 2010 to 2024 ([MS-XLSX] 2.2.2 and Microsoft's "_xlfn. prefix" page).
_FUTURE_NAMES = """
ACOT ACOTH AGGREGATE ARABIC ARRAYTOTEXT BASE BETA.DIST BETA.INV BINOM.DIST BINOM.DIST.RANGE BINOM.INV BITAND
BITLSHIFT BITOR BITRSHIFT BITXOR BYCOL BYROW CEILING.MATH CEILING.PRECISE CHISQ.DIST CHISQ.DIST.RT CHISQ.INV
CHISQ.INV.RT CHISQ.TEST CHOOSECOLS CHOOSEROWS COMBINA CONCAT CONFIDENCE.NORM CONFIDENCE.T COT COTH COVARIANCE.P
COVARIANCE.S CSC CSCH DAYS DECIMAL DROP ECMA.CEILING ERF.PRECISE ERFC.PRECISE EXPAND EXPON.DIST F.DIST F.DIST.RT
F.INV F.INV.RT F.TEST FIELDVALUE FLOOR.MATH FLOOR.PRECISE FORECAST.ETS FORECAST.ETS.CONFINT
FORECAST.ETS.SEASONALITY FORECAST.ETS.STAT FORECAST.LINEAR FORMULATEXT GAMMA GAMMA.DIST GAMMA.INV
GAMMALN.PRECISE GAUSS HSTACK HYPGEOM.DIST IFNA IFS IMCOSH IMCOT IMCSC IMCSCH IMSEC IMSECH IMSINH IMTAN ISFORMULA
ISOMITTED ISOWEEKNUM LAMBDA LET LOGNORM.DIST LOGNORM.INV MAKEARRAY MAP MAXIFS MINIFS MODE.MULT MODE.SNGL MUNIT
NEGBINOM.DIST NORM.DIST NORM.INV NORM.S.DIST NORM.S.INV NUMBERVALUE PDURATION PERCENTILE.EXC PERCENTILE.INC
PERCENTRANK.EXC PERCENTRANK.INC PERMUTATIONA PHI POISSON.DIST QUARTILE.EXC QUARTILE.INC RANDARRAY RANK.AVG
RANK.EQ REDUCE RRI SCAN SEC SECH SEQUENCE SHEET SHEETS SKEW.P SORTBY STDEV.P STDEV.S SWITCH T.DIST T.DIST.2T
T.DIST.RT T.INV T.INV.2T T.TEST TAKE TEXTAFTER TEXTBEFORE TEXTJOIN TEXTSPLIT TOCOL TOROW UNICHAR UNICODE UNIQUE
VALUETOTEXT VAR.P VAR.S VSTACK WEBSERVICE WEIBULL.DIST WRAPCOLS WRAPROWS XLOOKUP XMATCH XOR Z.TEST ENCODEURL
FILTERXML GROUPBY IMAGE PERCENTOF PIVOTBY REGEXEXTRACT REGEXREPLACE REGEXTEST STOCKHISTORY TRIMRANGE
"""
_FUTURE = frozenset(_FUTURE_NAMES.split())
_WORKSHEET = frozenset({"FILTER", "SORT"})  # these have two prefixes
_PREFIX = re.compile(r"^(?:_xlfn\.|_xlws\.|_xludf\.|_xll\.)+", re.IGNORECASE)


def with_prefixes(text: str) -> str:
    """A formula as people write it, as files hold it: newer functions get their prefixes."""
    return _each_function(text, lambda name: _prefix(name) + name)


def without_prefixes(text: str) -> str:
    """A formula of a file as Excel shows it."""
    return _each_function(text, lambda name: _PREFIX.sub("", name))


def _prefix(name: str) -> str:
    upper = name.upper()
    if upper in _WORKSHEET:
        return "_xlfn._xlws."
    return "_xlfn." if upper in _FUTURE else ""


def _each_function(text: str, replace: Callable[[str], str]) -> str:
    parts: list[str] = []
    position = 0
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None:  # not a formula that can be understood: the rest stays as it is
            return "".join(parts) + text[position:]
        name = match["function"]
        parts.append(match[0] if name is None else match[0][: -len(name)] + replace(name))
        position = match.end()
    return "".join(parts)
