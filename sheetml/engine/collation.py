"""The order of texts, as Excel compares and sorts them in English: by letters, not by their codes.

Signs come before digits before letters; capitals are not told from small letters; an accent counts only where the
letters are the same; hyphens and apostrophes are passed over, and put a text behind one without them.

Sources: Microsoft, "Sort data in a range or table" (the order of signs, hyphens and apostrophes); Windows' word sort
(CompareStringEx), in which signs precede digits.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_PASSED_OVER = "-'"
_SIGNS = ' !"#$%&()*,./:;?@[\\]^_`{|}~+<=>'
_PLACES = str.maketrans(
    {sign: chr(place) for place, sign in enumerate(_SIGNS, start=1)} | dict.fromkeys(_PASSED_OVER, "")
)
# letters that Unicode does not take apart
_LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "ı": "i"})


def folded(text: str) -> str:
    """Text as comparisons see it: Excel does not tell capitals from small letters."""
    return text.lower()


@lru_cache(maxsize=65_536)
def collation_key(text: str) -> str:
    """What texts are put in order by; equal where the folded texts are."""
    text = folded(text)
    if text.isalnum() and text.isascii():
        return f"{text}\0{text}\0000{text}"
    apart = unicodedata.normalize("NFKD", text).translate(_LETTERS)
    accented = apart.translate(_PLACES)
    plain = "".join(character for character in accented if not unicodedata.combining(character))
    later = any(character in text for character in _PASSED_OVER)
    return f"{plain}\0{accented}\0{later:d}{text}"
