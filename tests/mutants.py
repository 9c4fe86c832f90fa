"""Workbooks changed at random in structured ways, and every command run on them.

Whatever a file holds, a command ends by itself within seconds and a bounded memory, with an exit code of its
own and, where the file is refused, one sentence: never with a built-in exception. Each mutant is made from its
number alone, so that one that went wrong can be made again. By hand:

    python -m tests.mutants --count 10000 --seed 7
    python -m tests.mutants --only 4711 --keep mutant.xlsx
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from io import BytesIO
from pathlib import Path
from typing import Any

from tests.cli.command import sheetml
from tests.mutant_victims import WEIGHTS, Victim, victims

SECONDS = 10.0  # of a processor's time that a command may take
BYTES = 1 << 30  # that a command may add to the process's memory

Parts = dict[str, bytes]

# ---- values that programs do not expect --------------------------------------------------------

NUMBERS = [
    "0",
    "-1",
    "1",
    "2",
    "-0",
    "1e999",
    "-1E308",
    "1E-320",
    "nan",
    "inf",
    "99999999999",
    "2147483648",
    "1048577",
    "16385",
    "0.1",
    "1_000",
    "٣",
    "",
    " ",
    "x",
    "1e5",
    "4294967296",
    "-99999999999999999999",
    "0x10",
    "1,5",
]
AREAS = [
    "A1",
    "A1:XFD1048576",
    "A:XFD",
    "1:1048576",
    "A1:A1048576",
    "XFD1048576",
    "A0",
    "XFE1",
    "A1048577",
    "B2:A1",
    "$A$1",
    "Sheet1!A1",
    "A1:",
    ":",
    "",
    "A1:B2:C3",
    "A1 B2",
    "A1,B2",
    "#REF!",
    "ZZZ1",
    "A1:A1",
    "C3:XFD9",
]
FORMULAS = [
    "A1",
    "SUM(A1:XFD1048576)",
    "A1:XFD1048576",
    "A1:XFD1048576*2",
    "SUMPRODUCT(A:A*B:B)",
    "1+" * 3000 + "1",
    "(" * 99 + "1",
    "[1]Sheet1!A1",
    "[0]!rate",
    "'[1]a b'!A:A",
    "[9]X!rate",
    "Table1[a]",
    "[@a]",
    "Table1[[#This Row],[zz]]",
    "B1#",
    "A1#",
    "OFFSET(A1,-1,0)",
    "OFFSET(A1,0,0,1048576,16384)",
    'INDIRECT("A1:XFD1048576")',
    "INDEX(A:XFD,1048576,16384)",
    "_xlfn.SEQUENCE(1048576,16384)",
    "_xlfn.SEQUENCE(1E9)",
    "_xlfn.SEQUENCE(-1)",
    'REPT("x",1E9)',
    "{1,2;3}",
    "{}",
    "{1,2;3,4}",
    "MMULT(A1:C3,A1:B2)",
    "MMULT(A:A,1:1)",
    "TRANSPOSE(A:XFD)",
    "MINVERSE(A1:B3)",
    "LINEST(A1:A3,B1:B2)",
    "SUMIF(A:A,1,B1)",
    "SUMIFS(A:A,B:B,1,C1:C2,2)",
    "VLOOKUP(1,A1:B2,99)",
    "INDEX(A1:B2,9,9)",
    "CHOOSE(99,1)",
    "A1:B2 C3:D4",
    "(A1,B2,A1:XFD1048576)",
    "_xlfn.LAMBDA(_xlpm.x,_xlpm.x)(1,2)",
    "_xlfn.LET(_xlpm.x,1)",
    "_xlfn.MAP(A1:B2,_xlfn.LAMBDA(_xlpm.x,A1:B2))",
    "NOSUCH()",
    "SUM()",
    "IF()",
    "1/0",
    "#N/A",
    '"text"',
    "-A1:A9",
    "A1^A2^A3",
    "9^9^9^9",
    "FACT(171)",
    "_xlfn.RANDARRAY(1000,1000)",
    "TABLE(A1,B1)",
    "SUM(Sheet1:Sheet9!A1)",
    "SUM(Other:Sheet1!A:A)",
    'GETPIVOTDATA("x",A1)',
    "=1",
    "==1",
    "",
    " ",
    ")",
    "rate",
    '_FV(A1,"x")',
    "SUBTOTAL(9,A:XFD)",
    "AGGREGATE(14,6,A1:A3/B1:B3,1)",
    "FREQUENCY(A:A,B:B)",
    "XIRR(A1:A3,B1:B2)",
    "NPV(A1,A:A)",
    "PROB(A1:A3,B1:B2,1)",
    "TRIMMEAN(A1:A9,0.5)",
    "PERCENTILE(A:A,2)",
    "DATE(1E9,1,1)",
    'TEXT(A1,"[h]:mm;@;;;;")',
    'TEXT(1E300,"0.00")',
    "A1&A:A",
    'COUNTIF(A1:XFD1048576,"<>")',
    "_xlfn.FILTER(A1:A3,B1:B2)",
    "_xlfn.UNIQUE(A:XFD)",
    "_xlfn._xlws.SORT(A1:B3,9)",
    'CELL("width",A1)',
]
WORDS = [
    "s",
    "str",
    "b",
    "e",
    "n",
    "d",
    "inlineStr",
    "array",
    "shared",
    "dataTable",
    "normal",
    "true",
    "false",
    "manual",
    "auto",
    "hidden",
    "visible",
    "worksheet",
    "table",
    "externalLink",
    "rId1",
    "rId2",
    "../",
    "xl/workbook.xml",
    "&#65;",
    "_x0000_",
    "\u202e",
    "\U0001f600",
]
SETTINGS = [
    "opt",
    "adj",
    "typ",
    "val",
    "num",
    "lhs1",
    "rel1",
    "rhs1",
    "lhs2",
    "rel2",
    "rhs2",
    "tim",
    "itr",
    "eng",
    "neg",
    "ntri",
]
REFERENCE = re.compile(r"\$?[A-Z]{1,3}\$?[0-9]+(?::\$?[A-Z]{1,3}\$?[0-9]+)?")


def hostile(chance: random.Random) -> str:
    """A value of one kind or another that is seldom right where it is put."""
    return chance.choice(chance.choice([NUMBERS, AREAS, FORMULAS, WORDS]))


# ---- mutations -----------------------------------------------------------------------------------


def _pick(chance: random.Random, parts: Parts, pattern: bytes, names: str = "") -> tuple[str, re.Match[bytes]] | None:
    """A place in one of the parts (those whose names contain a text) where the pattern matches."""
    candidates = [name for name in parts if names in name]
    chance.shuffle(candidates)
    for name in candidates:
        found = list(re.finditer(pattern, parts[name]))
        if found:
            return name, chance.choice(found)
    return None


def _put(parts: Parts, place: tuple[str, re.Match[bytes]] | None, text: str | bytes, group: int = 0) -> None:
    """Replaces what was matched, if anything was."""
    if place is not None:
        name, match = place
        content = text if isinstance(text, bytes) else text.encode()
        parts[name] = parts[name][: match.start(group)] + content + parts[name][match.end(group) :]


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def change_attribute(chance: random.Random, parts: Parts) -> None:
    _put(parts, _pick(chance, parts, rb'\s[\w:]+="([^"]*)"'), _escaped(hostile(chance)), 1)


def drop_attribute(chance: random.Random, parts: Parts) -> None:
    _put(parts, _pick(chance, parts, rb'\s[\w:]+="[^"]*"'), "")


def change_reference(chance: random.Random, parts: Parts) -> None:
    areas = rb'\s(?:ref|r|sqref|r1|r2)="([^"]*)"'
    _put(parts, _pick(chance, parts, areas), _escaped(chance.choice(AREAS)), 1)


def change_value(chance: random.Random, parts: Parts) -> None:
    _put(parts, _pick(chance, parts, rb"<v>([^<]*)</v>"), _escaped(hostile(chance)), 1)


def change_formula(chance: random.Random, parts: Parts) -> None:
    _put(parts, _pick(chance, parts, rb"<f[^>]*>([^<]*)</f>"), _escaped(chance.choice(FORMULAS)), 1)


def change_within_formula(chance: random.Random, parts: Parts) -> None:
    """One reference of a formula becomes another area, or one character is lost or repeated."""
    place = _pick(chance, parts, rb"<f[^>]*>([^<]+)</f>")
    if place is None:
        return
    text = place[1][1].decode()
    found = list(REFERENCE.finditer(text))
    if found and chance.random() < 0.7:
        spot = chance.choice(found)
        text = text[: spot.start()] + chance.choice([*AREAS, *FORMULAS[:12]]) + text[spot.end() :]
    else:
        position = chance.randrange(len(text))
        text = text[:position] + text[position] * chance.choice([0, 2, 60]) + text[position + 1 :]
    _put(parts, place, text, 1)


def wrap_formula(chance: random.Random, parts: Parts) -> None:
    from sheetml.engine.functions.registry import FUNCTIONS

    place = _pick(chance, parts, rb"<f[^>]*>([^<]*)</f>")
    if place is not None:
        function = chance.choice(sorted(FUNCTIONS))
        arguments = [
            place[1][1].decode(),
            *(chance.choice([*AREAS[:8], *NUMBERS[:9]]) for _ in range(chance.randrange(4))),
        ]
        _put(parts, place, f"{function}({','.join(arguments)})", 1)


def change_name(chance: random.Random, parts: Parts) -> None:
    """A defined name, those of the Solver's settings above all, means something else, is lost or renamed."""
    place = _pick(chance, parts, rb'<definedName[^>]*name="([^"]*)"[^>]*>([^<]*)</definedName>', "workbook.xml")
    kind = chance.random()
    if kind < 0.7:
        _put(parts, place, _escaped(hostile(chance)), 2)
    elif kind < 0.85:
        _put(parts, place, "")
    else:
        _put(
            parts,
            place,
            "solver_"
            + chance.choice(
                ["opt", "adj", "typ", "val", "num", "lhs1", "rel1", "rhs1", "lhs2", "tim", "itr", "eng", "neg", "ntri"]
            ),
            1,
        )


def drop_element(chance: random.Random, parts: Parts) -> None:
    _put(parts, _pick(chance, parts, rb"<(\w+)[^>]*(?:/>|>[^<]*</\1>)"), "")


def repeat_element(chance: random.Random, parts: Parts) -> None:
    place = _pick(chance, parts, rb"<(\w+)[^>]*(?:/>|>[^<]*</\1>)")
    if place is not None:
        _put(parts, place, place[1][0] * chance.choice([2, 3, 500]))


def move_element(chance: random.Random, parts: Parts) -> None:
    """An element stands where another one was as well."""
    taken = _pick(chance, parts, rb"<(\w+)[^>]*(?:/>|>[^<]*</\1>)")
    place = _pick(chance, parts, rb"<(\w+)[^>]*(?:/>|>[^<]*</\1>)")
    if taken is not None and place is not None:
        _put(parts, place, place[1][0] + taken[1][0])


def rename_element(chance: random.Random, parts: Parts) -> None:
    names = [
        "c",
        "row",
        "f",
        "v",
        "is",
        "t",
        "sheetData",
        "sheet",
        "table",
        "autoFilter",
        "definedName",
        "si",
        "x",
        "ext",
    ]
    _put(parts, _pick(chance, parts, rb"</?(\w+)"), chance.choice(names), 1)


def change_bytes(chance: random.Random, parts: Parts) -> None:
    name = chance.choice(list(parts))
    content = bytearray(parts[name])
    for _ in range(chance.randint(1, 4)):
        if content:
            content[chance.randrange(len(content))] = chance.randrange(256)
    parts[name] = bytes(content)


def cut_part(chance: random.Random, parts: Parts) -> None:
    name = chance.choice(list(parts))
    parts[name] = parts[name][: chance.randrange(len(parts[name]) + 1)]


def drop_part(chance: random.Random, parts: Parts) -> None:
    parts.pop(chance.choice(list(parts)), None)


def swap_parts(chance: random.Random, parts: Parts) -> None:
    one, other = chance.choice(list(parts)), chance.choice(list(parts))
    parts[one], parts[other] = parts[other], parts[one]


def spread_cells(chance: random.Random, parts: Parts) -> None:
    """A cell far from all others makes a sheet as large as sheets can be."""
    place = _pick(chance, parts, rb"</sheetData>")
    row = chance.choice([1_048_576, 1_000_000, 16_384, 99_999])
    column = chance.choice(["A", "XFD", "ZZ"])
    content = chance.choice(["<v>1</v>", "<f>A1+1</f><v>2</v>", f'<f t="array" ref="A{row}:XFD{row}">1</f><v>1</v>'])
    _put(parts, place, f'<row r="{row}"><c r="{column}{row}">{content}</c></row></sheetData>')


MUTATIONS: list[Callable[[random.Random, Parts], None]] = [
    change_attribute,
    change_attribute,
    drop_attribute,
    change_reference,
    change_reference,
    change_value,
    change_formula,
    change_formula,
    change_within_formula,
    change_within_formula,
    wrap_formula,
    wrap_formula,
    change_name,
    change_name,
    change_name,
    drop_element,
    repeat_element,
    move_element,
    rename_element,
    change_bytes,
    cut_part,
    drop_part,
    swap_parts,
    spread_cells,
]


def zipped(parts: Parts) -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return stream.getvalue()


def change_zip(chance: random.Random, content: bytes) -> bytes:
    """The package's own bytes: its directory above all, in which offsets, sizes and counts may be anything."""
    changed = bytearray(content)
    headers = [match.start() for match in re.finditer(rb"PK(?:\x01\x02|\x05\x06|\x03\x04)", content)]
    for _ in range(chance.randint(1, 3)):
        anywhere = chance.random() < 0.2
        start = chance.randrange(len(content)) if anywhere else chance.choice(headers) + chance.randrange(46)
        value = chance.choice([b"\xff" * 4, b"\0" * 4, b"\0\0\0\x80", chance.randbytes(1), chance.randbytes(4)])
        changed[start : start + len(value)] = value[: max(0, len(changed) - start)]
    if chance.random() < 0.1:
        del changed[chance.randrange(len(changed)) :]
    return bytes(changed)


@cache
def _victims() -> list[Victim]:
    return victims()


def mutant(seed: int, number: int) -> tuple[bytes, str, list[str], random.Random]:
    """The mutant of a number: its file, what was done to which workbook, that one's cells, and what chance goes on."""
    chance = random.Random(f"{seed}:{number}")
    ((name, original, cells),) = chance.choices(_victims(), WEIGHTS)
    parts = dict(original)
    if chance.random() < 0.1:
        return change_zip(chance, zipped(parts)), f"{name}: change_zip", cells, chance
    done = chance.choices(MUTATIONS, k=chance.choice([1, 1, 1, 2, 3]))
    for mutation in done:
        if parts:
            mutation(chance, parts)
    return zipped(parts), f"{name}: {', '.join(each.__name__ for each in done)}", cells, chance


# ---- commands --------------------------------------------------------------------------------------


def commands(chance: random.Random, folder: Path, cells: list[str]) -> Iterator[tuple[str, ...]]:
    """Two commands on the mutant, each with what else it takes."""
    path, out = str(folder / "book.xlsx"), str(folder / "out.xlsx")
    cell = partial(chance.choice, cells)
    once = ("--epochs", "1", "--max-iterations", "2", "--max-time", "2")
    every: list[tuple[str, ...]] = [
        ("check", path),
        ("inspect", path, *chance.choice([(), ("--json",)])),
        ("audit", path, *chance.choice([(), ("--sarif", str(folder / "findings.sarif"))])),
        ("explain", path, cell(), *chance.choice([(), ("--json",), ("--svg", str(folder / "graph.svg")), ("--dot",)])),
        ("gradcheck", path, "--of", cell(), "--wrt", cell(), "--against", cell()),
        ("run", path, "-o", out, *once, "-q"),
        ("run", path, "-o", out, *once, "--report", str(folder / "run.html")),
        ("compare", path, str(folder / "original.xlsx"), *chance.choice([(), ("--calculate",)])),
        ("compare", str(folder / "original.xlsx"), path, "--report", str(folder / "compare.html")),
        ("macro", path, "--list"),
    ]
    yield from chance.sample(every, 2)


@dataclass(frozen=True)
class Fault:
    """A command that did not end as it should."""

    number: int
    made: str
    command: str
    what: str

    def __str__(self) -> str:
        return f"mutant {self.number} ({self.made}): {self.command}: {self.what}"


class TooLong(BaseException):
    """Raised within a command that runs past its time; no command catches it."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise TooLong

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def memory() -> int:
    """The most memory that the process has held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def what_is_wrong(arguments: tuple[str, ...]) -> str:
    """Runs a command: how it ended, if not as it should."""
    started, held = time.process_time(), memory()
    try:
        with time_limit(2 * SECONDS):
            ended = sheetml(*arguments)
    except TooLong:
        frames = [frame for frame in traceback.extract_tb(sys.exc_info()[2]) if "/sheetml/" in frame.filename]
        return f"over {2 * SECONDS:.0f} s in {_place(frames)}"
    except Exception as error:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/sheetml/" in frame.filename]
        return f"{type(error).__name__}: {str(error)[:200]} in {_place(frames)}"
    seconds, added = time.process_time() - started, memory() - held
    if seconds > SECONDS:
        return f"{seconds:.0f} s"
    if added > BYTES:
        return f"{added / 2**20:,.0f} MiB"
    if ended.code not in (0, 1, 2):
        return f"exit code {ended.code}"
    if ended.code == 2 and arguments[0] != "run" and len(ended.err.splitlines()) != 1:
        return f"not one sentence: {ended.err[:200]!r}"
    if "failed on this formula" in ended.out + ended.err:
        return "a defect: " + (ended.out + ended.err).partition("failed on this formula")[2][:120].replace("\n", " ")
    return ""


def _place(frames: list[traceback.FrameSummary]) -> str:
    return " < ".join(f"{Path(each.filename).name}:{each.lineno} {each.name}" for each in reversed(frames[-3:]))


def faults(seed: int, number: int, keep: Path | None = None) -> list[Fault]:
    """What went wrong with the commands on one mutant."""
    content, made, cells, chance = mutant(seed, number)
    if keep is not None:
        keep.write_bytes(content)
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "book.xlsx").write_bytes(content)
        original = next(parts for victim, parts, _ in _victims() if made.startswith(f"{victim}: "))
        (folder / "original.xlsx").write_bytes(zipped(original))
        for arguments in commands(chance, folder, cells):
            wrong = what_is_wrong(arguments)
            if wrong:
                shown = " ".join(argument.replace(name, "").lstrip("/") for argument in arguments)
                found.append(Fault(number, made, shown, wrong))
    return found


def main() -> None:
    """Makes mutants and says what went wrong; exit code 1 where anything did."""
    parser = argparse.ArgumentParser(description="Run every command on workbooks changed at random.")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="the number of the one mutant to make")
    parser.add_argument("--keep", type=Path, help="where to write that one")
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    if given.only is not None:
        found = [faults(given.seed, given.only, given.keep)]
        print(*found[0], sep="\n")
        sys.exit(bool(found[0]))
    started, wrong = time.perf_counter(), 0
    warnings.simplefilter("error")  # in the processes, too
    with multiprocessing.Pool(given.processes, maxtasksperchild=500) as pool:
        numbers = range(given.first, given.first + given.count)
        for found_here in pool.imap(partial(faults, given.seed), numbers, chunksize=10):
            wrong += len(found_here)
            for fault in found_here:
                print(fault, flush=True)
    print(f"{given.count:,} mutants in {time.perf_counter() - started:.0f} s: {wrong} commands went wrong")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
