"""Laws of every search: never worse than a start that meets the constraints, and what is found meets them."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.solve.models import solver_model

TERMS = (
    "(A1-2)^2",
    "ABS(A2+1)",
    "IF(A1>A3,A2,3*A3)",
    "ROUND(A3,0)",
    "VLOOKUP(A1,{-99,4;-1,1;0,7;2,-3},2)",
    "INDEX({3,1,2,9},1+MOD(INT(ABS(A2)),4))",
    "EXP(-A1*A1)",
    "MAX(A1,A2,A3)",
    "A1*A2",
    'COUNTIF(A1:A3,">1")',
    "SIN(3*A3)",
    "MATCH(A2,{-9,-2,0,1,5})",
    "1/(1+A1^2)",
    "MIN(A1:A3)^2",
)
CONSTRAINTS = ("A1+A2+A3", "A1*A2", "ROUND(A1,0)-A3", "ABS(A1)+ABS(A2)", "IF(A1>0,A2,A3)")


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from(TERMS), min_size=1, max_size=3, unique=True),
    st.lists(st.integers(-3, 4), min_size=3, max_size=3),
    st.sampled_from(CONSTRAINTS),
    st.sampled_from(["<=", ">=", "="]),
    st.booleans(),
    st.sampled_from(["min", "max"]),
    st.sampled_from([1, 2, 3]),
    st.sampled_from([None, "A1:A2", "A1:A3"]),
)
def test_a_result_is_never_worse_than_the_start_and_meets_the_constraints(
    terms, start, constraint, relation, at_the_start, goal, engine, whole
):
    cells = {f"A{i}": value for i, value in enumerate(start, 1)}
    cells |= {"B1": "=" + "+".join(terms), "C1": "=" + constraint}
    limit = solver_model(cells).workbook.function("A1:A3", "C1")(np.array(start, float)) + (0 if at_the_start else 1)
    subject_to = (("A1:A3", ">=", -4), ("A1:A3", "<=", 5), ("C1", relation, limit))
    if whole:
        subject_to = (*subject_to, (whole, "int", "integer"))
    model = solver_model(cells, goal, adjustable="A1:A3", subject_to=subject_to, eng=engine)
    feasible = at_the_start or relation == "<="
    result = model.solve(max_time=3)
    if feasible:
        assert result.constraint_violation <= 1e-6
        worse = result.fun - result.fun_start if goal == "min" else result.fun_start - result.fun
        assert worse <= 1e-6 * (1 + abs(result.fun_start))
    assert (result.x >= -4).all() and (result.x <= 5).all()
    if whole:
        count = 2 if whole == "A1:A2" else 3
        assert (result.x[:count] == np.rint(result.x[:count])).all()
    sheet = model.workbook["Sheet1"]
    assert [sheet["A1"], sheet["A2"], sheet["A3"]] == result.x.tolist()
    assert np.isclose(sheet["B1"], result.fun, rtol=1e-12, atol=1e-12)
