"""Where the tests find real workbooks, which are not part of the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent


def reference_root() -> Path:
    """The folder of reference files: SHEETML_REFERENCE, else ../shared/reference beside the project."""
    stated = os.environ.get("SHEETML_REFERENCE")
    return Path(stated) if stated else PROJECT.parent / "shared" / "reference"


def reference(*parts: str) -> Path:
    """A reference file; where it is absent the test is skipped, or fails if SHEETML_REQUIRE_ALL is 1."""
    path = reference_root().joinpath(*parts)
    if not path.exists():
        reason = f"the reference file {path} is absent: set SHEETML_REFERENCE to the folder that holds it"
        if os.environ.get("SHEETML_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def case(*parts: str) -> Path:
    """A file of the cases, small workbooks with Excel's values that lie beside the reference; absent as there."""
    return reference("..", "cases", *parts)


def case_files(pattern: str) -> list[str]:
    """The cases of a pattern such as "excel/*.xlsx", to parametrise a test with."""
    return _files(reference_root().parent / "cases", pattern)


def reference_files(pattern: str) -> list[str]:
    """The reference files of a pattern such as "workbooks/*.xlsx", to parametrise a test with.

    Where there are none it is the pattern itself, so that `reference` skips or fails the test.
    """
    return _files(reference_root(), pattern)


def _files(root: Path, pattern: str) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.glob(pattern)) or [pattern]


def image_path(name: str, folder: Path) -> Path:
    """Where a picture that a test makes goes: to the documentation if SHEETML_UPDATE_IMAGES is 1, else the folder."""
    update = os.environ.get("SHEETML_UPDATE_IMAGES") == "1"
    return (PROJECT / "docs" / "images" if update else folder) / name
