"""Files of plain arrays (.npz), and settings of models as JSON. Nothing in a file is ever run."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from sheetml.errors import ModelError
from sheetml.learn.parameters import NAMED_CLASSES, Parameters
from sheetml.xlsx.writer import new_file

FORMAT = 1
FACTS = "facts"
LIMIT = 2**36  # bytes in all arrays of a file


# ---- settings as JSON


def described(item: Parameters) -> dict[str, Any]:
    """An object with settings, as its class's name and theirs."""
    settings = {name: _plain(value) for name, value in item.get_params(deep=False).items()}
    return {"class": type(item).__name__, "settings": settings}


def _plain(value: Any) -> Any:
    if isinstance(value, Parameters):
        return described(value)
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value.item() if isinstance(value, np.generic) else value


def revived(description: dict[str, Any]) -> Any:
    """The object again. Raises ValueError where there is no such class."""
    if description["class"] not in NAMED_CLASSES:
        raise ValueError(f"there is no model, optimizer or schedule called {description['class']!r}")
    settings = {name: _revived(value) for name, value in description["settings"].items()}
    return NAMED_CLASSES[description["class"]](**settings)


def _revived(value: Any) -> Any:
    if isinstance(value, dict):
        return revived(value)
    return tuple(_revived(each) for each in value) if isinstance(value, list) else value


# ---- arrays


def write_arrays(path: str | os.PathLike[str], arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
    """Writes arrays and facts, whole or not at all."""
    document = np.array(json.dumps({"format": FORMAT, **facts}))
    with new_file(Path(path)) as stream:
        np.savez(stream, allow_pickle=False, **{FACTS: document}, **arrays)


def group(arrays: dict[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    """The arrays whose names begin so, by what follows."""
    prefix = f"{name}_"
    return {each.removeprefix(prefix): array for each, array in arrays.items() if each.startswith(prefix)}


def read_arrays(path: str | os.PathLike[str], kind: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and facts of a file of this kind. Raises ModelError where it is none."""
    name = os.fspath(path)
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > LIMIT:
                raise ModelError(f"{name}: its arrays are larger than {LIMIT:,} bytes.")
        with np.load(path, allow_pickle=False) as archive:
            arrays = {each: archive[each] for each in archive.files}
        facts = json.loads(str(arrays.pop(FACTS)))
    except FileNotFoundError:
        raise ModelError(f"{name}: there is no such file.") from None
    except KeyError:
        raise ModelError(f"{name}: it is no {kind} that sheetml wrote.") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(f"{name}: it is no {kind} that sheetml wrote ({error}).") from None
    if not isinstance(facts, dict) or facts.get("kind") != kind:
        raise ModelError(f"{name}: it is no {kind} that sheetml wrote.")
    if facts.get("format") != FORMAT:
        raise ModelError(f"{name}: it was written by another version of sheetml.")
    return arrays, facts
