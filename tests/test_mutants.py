"""Mutants of workbooks: each command ends well on each of them (see tests/mutants.py for more of them by hand)."""

from __future__ import annotations

import random
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from tests.mutant_victims import victims
from tests.mutants import MUTATIONS, faults, mutant, what_is_wrong, zipped

COUNT, AT_ONCE = 2000, 125  # about 135 s of a processor's time


@pytest.mark.parametrize("first", range(0, COUNT, AT_ONCE))
def test_every_command_ends_well_on_every_mutant(first: int) -> None:
    found = [str(fault) for number in range(first, first + AT_ONCE) for fault in faults(0, number)]
    assert not found, "\n".join(found)


def test_a_mutant_is_made_from_its_number_alone() -> None:
    assert [mutant(5, number)[:2] for number in range(20)] == [mutant(5, number)[:2] for number in range(20)]
    assert mutant(5, 1)[0] != mutant(6, 1)[0]


@pytest.mark.parametrize("mutation", dict.fromkeys(MUTATIONS), ids=lambda mutation: mutation.__name__)
def test_every_mutation_changes_a_workbook(mutation) -> None:  # type: ignore[no-untyped-def]
    name, original, _ = victims()[0]
    changed = 0
    for number in range(20):
        parts = dict(original)
        mutation(random.Random(number), parts)
        changed += parts != original
    assert changed > 10, name


def test_what_is_mutated_is_well_before(tmp_path: Path) -> None:
    for name, parts, cells in victims():
        path = tmp_path / f"{name}.xlsx"
        path.write_bytes(zipped(parts))
        assert what_is_wrong(("check", str(path))) == "" and what_is_wrong(("explain", str(path), cells[0])) == ""
        assert zipfile.ZipFile(BytesIO(zipped(parts))).testzip() is None
