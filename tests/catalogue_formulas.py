"""Random formulas of every function of the catalogue, by its line of operands, over cells of each kind of operand."""

from __future__ import annotations

import random
from typing import Any

from sheetml.formula.prefixes import with_prefixes
from tests.engine.functions import operands

ROWS = 12
COLUMN = {"n": "A", "i": "B", "p": "C", "s": "D", "d": "E", "t": "F", "b": "G", "c": "H", "v": "I"}
ODD = "J"  # what is seldom of the right kind: text, errors, blanks, small, negative and large numbers
DATES = "K"  # ascending
NUMBERS = "LMN"
MIXED = "OPQ"  # numbers, text and blanks
FLOWS = "R"  # money paid first, received later
DATABASE = "S1:V10"
CRITERIA = ("X1:X2", "Y1:Y2", "X1:Y2", "X1:Y3", "Y1:Y3")
NESTED = ("{0}", "{0}", "{0}", "{0}", "({0})*2", "IFERROR({0},-1)")

DATABASES = ["DSUM", "DAVERAGE", "DMAX", "DMIN", "DPRODUCT", "DVAR", "DVARP", "DSTDEV", "DSTDEVP", "DCOUNT", "DCOUNTA"]
DATABASES += ["DGET"]

# Operands that mean more than their kinds: words of this file, for the functions that want them.
WORDS = {
    **{name: ["database", "field", "criteria"] for name in DATABASES},
    "XNPV": ["p", "flows", "dates"],
    "XIRR": ["flows", "dates", "?p"],
    "IRR": ["flows", "?p"],
    "MIRR": ["flows", "p", "p"],
    "NPV": ["p", "flows"],
    "AGGREGATE": ["1|2|3|4|5|6|7|8|9|10|11|12", "0|4|5|6|7", "r"],
    "CHISQ.TEST": ["numbers", "numbers"],
    "MINVERSE": ["square"],
    "MDETERM": ["square"],
}
# The order in time of a security's dates, where they are not given in it.
ORDER = {
    "PRICEMAT": (1, 2, 0),
    "YIELDMAT": (1, 2, 0),
    "ODDLPRICE": (1, 2, 0),
    "ODDLYIELD": (1, 2, 0),
    "ODDFPRICE": (1, 3, 0, 2),
    "ODDFYIELD": (1, 3, 0, 2),
}


class Catalogue:
    """Draws formulas, and the cells that they refer to."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    # ---- cells

    def cells(self) -> dict[str, Any]:
        """The operands: a column or more for each kind, in rows 1 to 12."""
        found: dict[str, Any] = {}
        draw = self.random
        for row in range(1, ROWS + 1):
            found |= {f"{column}{row}": self.item(word) for word, column in COLUMN.items()}
            found[f"{ODD}{row}"] = draw.choice(["x", "2", None, -1, 0, 1e6, "=1/0", "=NA()", 0.5, -0.25])
            found |= {f"{column}{row}": self.item("a") for column in NUMBERS}
            found |= {f"{column}{row}": self.item("r") for column in MIXED}
            found[f"{FLOWS}{row}"] = -round(draw.uniform(50, 100), 1) if row == 1 else round(draw.uniform(5, 40), 1)
        for row, day in enumerate(sorted(draw.sample(range(40000, 43000), ROWS)), start=1):
            found[f"{DATES}{row}"] = day
        return found | self.database()

    def database(self) -> dict[str, Any]:
        """A table with headings, and conditions under some of them."""
        draw = self.random
        found: dict[str, Any] = {"S1": "Tree", "T1": "Height", "U1": "Age", "V1": "Yield", "X1": "Tree", "Y1": "Height"}
        for row in range(2, 11):
            found[f"S{row}"] = draw.choice(["Apple", "Pear", "Cherry"])
            found |= {f"{column}{row}": draw.choice([None, *range(1, 20)]) for column in "TUV"}
        for row in (2, 3):
            found[f"X{row}"] = draw.choice(["Apple", "P*", "<>Pear", "Cherry"])
            found[f"Y{row}"] = draw.choice([">4", "<=12", "<>3", 7])
        return found

    def item(self, word: str) -> Any:
        """One operand of a kind."""
        draw = self.random
        return {
            "n": lambda: round(draw.uniform(0.2, 6), draw.choice([0, 1, 4])) + 1,
            "i": lambda: draw.choice([1, 2, 3, 4, 5, 7]),
            "p": lambda: draw.choice([0.05, 0.1, 0.25, 0.5, 0.9, 0.975]),
            "s": lambda: round(draw.uniform(-4, 4), draw.choice([0, 1, 3])),
            "d": lambda: draw.randint(36600, 46000),
            "t": lambda: draw.choice(["a", "b", "a-b-a", "Ab cd", "hello World", "x1y2", "12"]),
            "b": lambda: draw.choice([True, False]),
            "c": lambda: draw.choice([1, 2, 3, ">1", "<>2", "<=2.5", "a", "a*", "?b*"]),
            "v": lambda: draw.choice([1, 2, 3, 2.5, -1, "a", "b", "Ab cd", None]),
            "a": lambda: draw.choice([1, 2, 3, 4, round(draw.uniform(0.2, 9), 2)]),
            "r": lambda: draw.choice([1, 2, 3, "a", "b", None, round(draw.uniform(0.2, 9), 2)]),
        }[word]()

    # ---- operands

    def operand(self, word: str) -> str:
        """What is written into a formula for a word of operands.py, or of this file."""
        draw = self.random
        if word in COLUMN:
            if draw.random() < 0.04:
                return f"{ODD}{draw.randint(1, ROWS)}"
            return self.literal(word) if draw.random() < 0.25 else f"{COLUMN[word]}{draw.randint(1, ROWS)}"
        if word == "a":
            return self.area(draw.choice([NUMBERS, NUMBERS, MIXED]))
        if word in ("r", "numbers"):
            return self.area(MIXED if word == "r" else NUMBERS)
        if word == "square":
            self.shape = draw.choice([(2, 2), (3, 3)])
            return self.area(NUMBERS)
        if word in ("flows", "dates"):
            return f"{FLOWS if word == 'flows' else DATES}1:{FLOWS if word == 'flows' else DATES}{self.shape[0] + 2}"
        if word in ("database", "field", "criteria"):
            choices = {"database": (DATABASE,), "field": ("2", "3", '"Yield"', '"Age"', '"Tree"'), "criteria": CRITERIA}
            return draw.choice(choices[word])
        choice = draw.choice(word.split("|"))
        if not choice.startswith("'"):
            return choice
        choice = choice.strip("'")
        return f'"{choice}"' if "|" in word and not choice.startswith('"') else choice

    def literal(self, word: str) -> str:
        """One operand of a kind, written into the formula."""
        item = self.item(word)
        if isinstance(item, bool):
            return "TRUE" if item else "FALSE"
        return "0" if item is None else f'"{item}"' if isinstance(item, str) else f"{item}"

    def area(self, columns: str) -> str:
        """An area of the shape that the formula's areas have."""
        height, width = self.shape
        left = self.random.randint(0, len(columns) - width)
        top = self.random.randint(1, ROWS - height + 1)
        return f"{columns[left]}{top}:{columns[left + width - 1]}{top + height - 1}"

    def arguments(self, name: str, words: list[str]) -> list[str]:
        """The arguments of a call: its dates in order, and its last ones left out now and then."""
        found: list[str] = []
        count = sum(word == "d" for word in words)
        dates = sorted(self.random.sample(range(36600, 46000), max(count, 1)))
        places = iter(ORDER.get(name, range(count)))
        for word in words:
            if word.startswith("?") and self.random.random() < 0.4:
                break
            if word == "d":
                in_order = str(dates[next(places)])
                if count > 1 and self.random.random() < 0.95:
                    found.append(in_order)
                    continue
            word = word.removeprefix("?")
            times = self.random.choice([1, 2]) if word.endswith("+") else 1
            found += [self.operand(word.rstrip("+")) for _ in range(times)]
        return found

    def formula(self, name: str, words: list[str]) -> str:
        """A formula of the function, as a file holds it: its areas are all of one shape."""
        self.shape = self.random.choice([(3, 3), (4, 1), (6, 1), (5, 2), (8, 1), (2, 2)])
        call = f"{name}({','.join(self.arguments(name, WORDS.get(name, words)))})"
        return "=" + with_prefixes(self.random.choice(NESTED).format(call))


def drawn(catalogue: Catalogue, each: int, left_out: frozenset[str]) -> list[tuple[str, str]]:
    """So many formulas of each line of operands, in any order: the function's name, and the formula."""
    lines = [(name, words) for name, words in operands.FUNCTIONS if name not in left_out]
    formulas = [(name, catalogue.formula(name, words)) for name, words in lines for _ in range(each)]
    catalogue.random.shuffle(formulas)
    return formulas
