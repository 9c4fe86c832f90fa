"""What every function of the engine can be given: one line a function, a word for each of its arguments.

    n  a number          i  a whole number     p  a probability      s  a number of any sign
    d  a date            t  a text             v  any value          b  a truth value
    c  a criterion       a  an area            r  an area that must be cells
    0|1|2  one of these options                'text'  written into the formula as it stands
    +  after a word: this argument may be repeated         ?  before a word: may be left out

Functions with several names are listed under one of them.
"""

from __future__ import annotations

NUMBERS = """
ABS s; EXP s; SIGN s; SIN s; COS s; TAN s; ATAN s; SINH s; COSH s; TANH s; ASINH s; SEC s; SECH s; DEGREES s
RADIANS s; SQRT n; SQRTPI n; LN n; LOG10 n; LOG n ?n; POWER n s; ASIN p; ACOS p; ACOSH n; ATANH p; ATAN2 s s; ACOT s
CSC n; CSCH n; COT n; COTH n; ACOTH n; PI; MOD s n; QUOTIENT s n; SUM a+; SUMSQ a+; PRODUCT a+; PERCENTOF a a
SERIESSUM n i i a; ROUND s i; ROUNDUP s i; ROUNDDOWN s i; TRUNC s ?i; INT s; EVEN s; ODD s; CEILING s n; FLOOR s n
MROUND s s; CEILING.PRECISE s ?n; ISO.CEILING s ?n; FLOOR.PRECISE s ?n; CEILING.MATH s ?n ?0|1; FLOOR.MATH s ?n ?0|1
FACT i; FACTDOUBLE i; COMBIN i i; COMBINA i i; PERMUT i i; PERMUTATIONA i i; GCD i a; LCM i a; MULTINOMIAL i i
ROMAN i ?0|1|2; ARABIC 'X'|'IV'|'MCM'; BASE i 2|8|16 ?i; DECIMAL i 8|16; SUMPRODUCT a a; SUMXMY2 a a; SUMX2MY2 a a
SUMX2PY2 a a; MMULT a a; TRANSPOSE a; MUNIT i; MINVERSE a; MDETERM a; SEQUENCE i ?i ?n ?n
CONVERT n 'm'|'ft' 'in'|'km'
"""

SAMPLES = """
COUNT a+; COUNTA a+; COUNTBLANK r; AVERAGE a+; AVERAGEA a+; MAX a+; MIN a+; MAXA a+; MINA a+; VAR.S a+; VAR.P a+
STDEV.S a+; STDEV.P a+; VARA a+; VARPA a+; STDEVA a+; STDEVPA a+; DEVSQ a+; AVEDEV a+; GEOMEAN a+; HARMEAN a+; SKEW a+
KURT a+; SKEW.P a+; MEDIAN a+; SMALL a i; LARGE a i; PERCENTILE.INC a p; PERCENTILE.EXC a p; QUARTILE.INC a 0|1|2|3|4
QUARTILE.EXC a 1|2|3; RANK.EQ n r ?0|1; RANK.AVG n r ?0|1; MODE.SNGL a+; MODE.MULT a+; FREQUENCY a a
PERCENTRANK.INC a n ?1|3; PERCENTRANK.EXC a n ?1|3; TRIMMEAN a p; CORREL a a; RSQ a a; COVARIANCE.P a a
COVARIANCE.S a a; STANDARDIZE s s n; SLOPE a a; INTERCEPT a a; STEYX a a; FORECAST.LINEAR s a a; LINEST a ?a ?b ?b
TREND a ?a ?a ?b; GROWTH a ?a ?a ?b; LOGEST a ?a ?b ?b; Z.TEST a n ?n; T.TEST a a 1|2 1|2|3; F.TEST a a
CHISQ.TEST a a; SUBTOTAL 1|2|3|4|9|103|109 r+; AGGREGATE 1|4|9|14|16 0|4|6 r 1; PROB a a n ?n
"""

DISTRIBUTIONS = """
NORM.S.DIST s b; NORMSDIST s; PHI s; GAUSS s; NORM.DIST s s n b; NORM.S.INV p; NORM.INV p s n; LOGNORM.DIST n s n b
LOGNORMDIST n s n; LOGNORM.INV p s n; FISHER p; FISHERINV s; ERF s ?s; ERF.PRECISE s; ERFC s; ERFC.PRECISE s
GAMMALN n; GAMMA n; GAMMA.DIST n n n b; GAMMA.INV p n n; EXPON.DIST n n b; WEIBULL.DIST n n n b
BETA.DIST p n n b ?0 ?1; BETADIST p n n; BETA.INV p n n; CHISQ.DIST n i b; CHISQ.DIST.RT n i; CHISQ.INV p i
CHISQ.INV.RT p i; F.DIST n i i b; F.DIST.RT n i i; F.INV p i i; F.INV.RT p i i; T.DIST s i b; T.DIST.RT s i
T.DIST.2T n i; TDIST n i 1|2; T.INV p i; T.INV.2T p i; CONFIDENCE.NORM p n i; CONFIDENCE.T p n i; BINOM.DIST i i p b
BINOM.DIST.RANGE i p i ?i; BINOM.INV i p p; NEGBINOM.DIST i i p b; NEGBINOMDIST i i p; POISSON.DIST i n b
HYPGEOM.DIST i i i i b; HYPGEOMDIST i i i i; BESSELI n i; BESSELJ n i; BESSELK n i; BESSELY n i; DELTA n ?n
GESTEP n ?n
"""

FINANCE = """
FV p i s ?s ?0|1; PV p i s ?s ?0|1; PMT p i s ?s ?0|1; NPER p s n ?n ?0|1; RATE i s n ?n ?0|1 ?p; IPMT p i i n ?n ?0|1
PPMT p i i n ?n ?0|1; ISPMT p i i n; CUMIPMT p i n i i 0|1; CUMPRINC p i n i i 0|1; EFFECT p i; NOMINAL p i
PDURATION p n n; RRI i n n; FVSCHEDULE n a; NPV p a+; IRR a ?p; MIRR a p p; XNPV p a a; XIRR a a ?p; SLN n n i
SYD n n i i; DB n n i i ?i; DDB n n i i ?n; VDB n n i n n ?n ?b; AMORLINC n d d n i p ?0|1|3
AMORDEGRC n d d n i p ?0|1|3; COUPDAYBS d d 1|2|4 ?0|1|2; COUPDAYS d d 1|2|4 ?0|1|2; COUPDAYSNC d d 1|2|4 ?0|1|2
COUPNCD d d 1|2|4 ?0|1; COUPNUM d d 1|2|4 ?0|1; COUPPCD d d 1|2|4 ?0|1; PRICE d d p p n 1|2|4 ?0|1
YIELD d d p n n 1|2|4 ?0|1; DURATION d d p p 1|2|4 ?0|1; MDURATION d d p p 1|2|4 ?0|1; DISC d d n n ?0|1
INTRATE d d n n ?0|1; YIELDDISC d d n n ?0|1; RECEIVED d d n p ?0|1; PRICEDISC d d p n ?0|1; PRICEMAT d d d p p ?0|1
YIELDMAT d d d p n ?0|1; ACCRINTM d d p n ?0|1; TBILLPRICE d d p; TBILLYIELD d d n; TBILLEQ d d p; DOLLARDE n i
DOLLARFR n i; ACCRINT d d d p n 1|2|4 ?0|1; ODDLPRICE d d d p p n 1|2|4; ODDLYIELD d d d p n n 1|2|4
ODDFPRICE d d d d p p n 1|2|4; ODDFYIELD d d d d p n n 1|2|4
"""

LOGIC_AND_LOOKUP = """
IF b v ?v; IF b a a; IFERROR v v; IFERROR a v; IFNA v v; IFS b v b v; IFS b a b a; SWITCH i 1 v 2 v ?v
SWITCH i 1 a 2 a; NOT b; TRUE; FALSE; AND b+; OR a+; XOR b+; OFFSET r i i ?i ?i; INDEX r ?1|2|0 ?0|1|2
INDIRECT 'A1'|'B2'; ROW ?r; COLUMN ?r; ROWS a; COLUMNS a; AREAS r; ADDRESS i i ?1|2|3|4 ?b ?t; HYPERLINK t ?v
CHOOSE i v v v; CHOOSE i a a a; MATCH v r ?0|1|-1; XMATCH v r ?0|1|-1 ?1|-1; XLOOKUP v r r ?v ?0|1|-1 ?1|-1
VLOOKUP v r 1|2 ?b; HLOOKUP v r 1 ?b; LOOKUP v r ?r; COUNTIF r c; COUNTIFS r c; SUMIF r c ?r; AVERAGEIF r c ?r
SUMIFS r r c; AVERAGEIFS r r c; MAXIFS r r c; MINIFS r r c; ISBLANK v; ISNUMBER v; ISTEXT v; ISNONTEXT v; ISLOGICAL v
ISERROR v; ISERR v; ISNA v; ISEVEN n; ISODD n; ISREF r; ISFORMULA r; FORMULATEXT r; N v; T v; NA; TYPE v; ERROR.TYPE v
SHEET ?r; SHEETS ?r; INFO 'release'|'osversion'|'x'; CELL 'address'|'row'|'contents' r; LET 'x' v 'x'
GETPIVOTDATA t r; GETPIVOTDATA t r t v
LET 'x' a 'SUM(x)'; LAMBDA 'x' 'x'; ISOMITTED v; MAP a 'LAMBDA(x,IFERROR(x,0)+1)'; BYROW a 'LAMBDA(x,SUM(x))'
MAP a 'LAMBDA(x,SUM(IF(x>1,x,{1,2})))'; BYCOL a 'LAMBDA(x,SUM(x))'; MAKEARRAY i i 'LAMBDA(i,j,i+j)'
REDUCE n a 'LAMBDA(s,x,s+x)'; SCAN n a 'LAMBDA(s,x,s+x)'; DSUM a 1 a; DAVERAGE a 1 a; DMAX a 1 a; DMIN a 1 a
DPRODUCT a 1 a; DVAR a 1 a; DVARP a 1 a; DSTDEV a 1 a; DSTDEVP a 1 a; DCOUNT a 1 a; DCOUNTA a 1 a; DGET a 1 a
"""

ARRAYS = """
TAKE a i ?i; DROP a i ?i; CHOOSEROWS a i; CHOOSECOLS a i; TOCOL a ?0|1|2|3 ?b; TOROW a ?0|1|2|3 ?b; WRAPROWS a i ?v
WRAPCOLS a i ?v; EXPAND a i ?i ?v; VSTACK a v; HSTACK a v; TRIMRANGE r ?i; _TRO_LEADING r; _TRO_TRAILING r; _TRO_ALL r
FILTER a a ?v; GROUPBY a a 'SUM'; PIVOTBY a a a 'SUM'; SORT a ?1 ?1|-1 ?b; SORTBY a a ?1|-1; UNIQUE a ?b ?b; RAND
RANDBETWEEN i i; RANDARRAY i
"""

TEXT = """
LEN v; LEFT t ?i; RIGHT t ?i; MID t i i; REPLACE t i i t; SUBSTITUTE t t t ?i; REPT t i; FIND t t ?i; SEARCH t t ?i
EXACT t t; UPPER t; LOWER t; PROPER t; TRIM t; CLEAN t; CHAR i; CODE t; REGEXTEST t '"a"'|'"[a-c]"' ?0|1
REGEXEXTRACT t '"a"' ?0|1; REGEXREPLACE t '"a"' t ?i; UNICHAR i; UNICODE t; REGEXTEST t '"a"'|'"[a-c]"' ?0|1
REGEXEXTRACT t '"a"' ?0|1; REGEXREPLACE t '"a"' t ?i; ENCODEURL t
FILTERXML '"<a><b>1</b><b>x</b></a>"'|'"<a>"' '"//b"'|'"//c"'|'"["'; LENB t; LEFTB t ?i; RIGHTB t ?i; MIDB t i i
REPLACEB t i i t; FINDB t t ?i; SEARCHB t t ?i; VALUE n; NUMBERVALUE n ?t ?t; TEXT s '0.0'|'0%'|'yyyy'; FIXED n ?i ?b
DOLLAR n ?i; USDOLLAR n ?i; VALUETOTEXT v ?0|1; CONCATENATE v+; CONCAT a+; TEXTJOIN t b a; ARRAYTOTEXT a ?0|1
TEXTAFTER t t ?i ?0|1 ?0|1 ?v; TEXTBEFORE t t ?i ?0|1 ?0|1 ?v; TEXTSPLIT t t ?t ?b ?0|1 ?v; COMPLEX s s ?'i'|'j'
IMABS n; IMAGINARY n; IMREAL n; IMARGUMENT n; IMCONJUGATE n; IMCOS n; IMCOSH n; IMCOT n; IMCSC n; IMCSCH n; IMEXP n
IMLN n; IMLOG10 n; IMLOG2 n; IMSEC n; IMSECH n; IMSIN n; IMSINH n; IMSQRT n; IMTAN n; IMDIV n n; IMSUB n n
IMPOWER n i; IMSUM a; IMPRODUCT a; BITAND i i; BITOR i i; BITXOR i i; BITLSHIFT i i; BITRSHIFT i i; BIN2OCT i ?i
BIN2HEX i ?i; OCT2BIN i ?i; OCT2HEX i ?i; HEX2BIN i ?i; HEX2OCT i ?i; BIN2DEC i; DEC2BIN i ?i; OCT2DEC i; DEC2OCT i ?i
HEX2DEC i; DEC2HEX i ?i
"""

DATES = """
DATE i i i; DATEVALUE '1/2/2020'|'x'; EDATE d i; EOMONTH d i; TODAY; NOW; YEAR d; MONTH d; DAY d; ISOWEEKNUM d
WEEKDAY d ?1|2|3; WEEKNUM d ?1|2|21; HOUR n; MINUTE n; SECOND n; TIME i i i; TIMEVALUE '1:30'|'x'; DAYS d d
DAYS360 d d ?b; YEARFRAC d d ?0|1|2|3|4; DATEDIF d d 'd'|'m'|'y'; NETWORKDAYS d d ?d; NETWORKDAYS.INTL d d ?1|2|11 ?d
WORKDAY d i ?d; WORKDAY.INTL d i ?1|2|11 ?d
"""

OPERATORS = """
+ v v; - v v; * v v; / v v; ^ n s; & v v; = v v; <> v v; < v v; <= v v; > v v; >= v v; negative s; percent s
range r r; union r r; intersection r r; single r; array a a
"""


def lines(text: str) -> list[tuple[str, list[str]]]:
    """The name and the words of each line."""
    entries = [entry.split() for line in text.strip().splitlines() for entry in line.split(";") if entry.strip()]
    return [(entry[0], entry[1:]) for entry in entries]


FUNCTIONS = [
    line
    for table in (NUMBERS, SAMPLES, DISTRIBUTIONS, FINANCE, LOGIC_AND_LOOKUP, ARRAYS, TEXT, DATES)
    for line in lines(table)
]
