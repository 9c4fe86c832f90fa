"""Texts are put in order by letters, in lookups, sorts, criteria and comparisons alike."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheetml.engine.collation import collation_key, folded
from tests.workbooks import computed

# ascending, as Microsoft's page on sorting has it, with signs before digits as Windows puts them
IN_ORDER = [
    "", " x", "!", '"', "#", "$", "%", "&", "(", ")", "*", ",", ".", "/", ":", ";", "?", "@", "[", "\\", "]", "^", "_",
    "`", "{", "|", "}", "~", "+", "<", "=", ">", "0", "10", "2", "a", "á b", "A1", "ab", "abc", "a-bd", "abe", "Äc",
    "coop", "co-op", "cop", "e", "é", "f", "Österreich", "pa", "straße", "z", "ω",
]  # fmt: skip
texts = st.text(st.sampled_from("aAäbBß-' é1_~") | st.characters(max_codepoint=0x250), max_size=6)


def test_the_order_of_texts() -> None:
    assert sorted(set(IN_ORDER), key=collation_key) == IN_ORDER


@given(texts, texts)
def test_texts_stand_in_one_place_only_if_they_are_equal(one: str, other: str) -> None:
    assert (collation_key(one) == collation_key(other)) == (folded(one) == folded(other))


@given(texts)
def test_capitals_are_like_small_letters(text: str) -> None:
    assert collation_key(text) == collation_key(text.lower())


@pytest.mark.parametrize(("smaller", "larger"), [("~x", "a"), ("Äpfel", "Birne"), ("co-op", "cop"), ("_a", "1b")])
def test_comparisons_criteria_sorts_and_lookups_agree_on_the_order(smaller: str, larger: str) -> None:
    sheet = computed(
        {
            "A1": smaller,
            "A2": larger,
            "B1": "=A1<A2",
            "B2": "=A1>=A2",
            "B3": '=COUNTIF(A1:A2,">"&A1)',
            "B4": '=COUNTIF(A1:A2,"<"&A2)',
            "B5": '=MATCH(A2&"0",A1:A2)',
            "B6": "=INDEX(_xlfn._xlws.SORT(A1:A2,,-1),2)",
            "B7": '=_xlfn.XMATCH(A1&"0",A1:A2,1)',
            "B8": "=_xlfn.XMATCH(A2,A1:A2,0,2)",
        }
    )
    assert sheet["B1:B8"].ravel().tolist() == [True, False, 1, 1, 2, smaller, 2, 2]
