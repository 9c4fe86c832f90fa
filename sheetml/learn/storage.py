"""Models as .npz files: plain arrays, and their settings as JSON. Nothing in a file is ever run."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sheetml.errors import ModelError
from sheetml.learn.history import Epoch
from sheetml.learn.optimizers import OPTIMIZERS
from sheetml.learn.parameters import Parameters
from sheetml.learn.ratings import Ratings
from sheetml.learn.schedules import SCHEDULES
from sheetml.xlsx.writer import new_file

if TYPE_CHECKING:
    from sheetml.learn.factors import FactorModel
    from sheetml.learn.recommender import Recommender

FORMAT = 1
FACTS = "facts"
LIMIT = 2**36  # bytes in all arrays of a file


def save_model(model: Recommender, path: str | os.PathLike[str]) -> None:
    model._require_fit()
    arrays, facts = model._state()
    arrays = {f"model_{name}": array for name, array in arrays.items()}
    ratings = {name: array for name, array in vars(model.ratings_).items() if array is not None}
    arrays |= {f"ratings_{name}": array for name, array in ratings.items()}
    history = [vars(epoch) for epoch in model.history_]
    about = {"kind": "model", "model": described(model), "history": history}
    write_arrays(path, arrays, {**about, "fitted": facts})


def load_model(path: str | os.PathLike[str]) -> FactorModel:
    """Reads a model of any kind. Raises ModelError where the file is none."""
    arrays, facts = read_arrays(path, "model")
    try:
        model: FactorModel = revived(facts["model"])
        model.ratings_ = Ratings(**_group(arrays, "ratings"))
        _check(model.ratings_)
        model.history_ = [Epoch(**epoch) for epoch in facts["history"]]
        model._restore(_group(arrays, "model"), facts["fitted"])
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ModelError(f"{os.fspath(path)}: it is no model that can be used ({error}).") from None
    return model


def _group(arrays: dict[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    prefix = f"{name}_"
    return {each.removeprefix(prefix): array for each, array in arrays.items() if each.startswith(prefix)}


def _check(ratings: Ratings) -> None:
    """Raises ValueError where the arrays of ratings from a file do not belong together."""
    for codes, ids in ((ratings.users, ratings.user_ids), (ratings.items, ratings.item_ids)):
        if codes.shape != ratings.values.shape or codes.ndim != 1 or ids.ndim != 1:
            raise ValueError("its ratings do not belong together")
        if len(codes) and not 0 <= codes.min() <= codes.max() < len(ids):
            raise ValueError("its ratings are of users or items it does not have")
    if ratings.titles is not None and ratings.titles.shape != ratings.item_ids.shape:
        raise ValueError("its titles are not those of its items")


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
    from sheetml.learn import MODELS

    classes: list[type[Parameters]] = [*MODELS.values(), *OPTIMIZERS.values(), *SCHEDULES.values()]
    known = {kind.__name__: kind for kind in classes}
    if description["class"] not in known:
        raise ValueError(f"there is no model, optimizer or schedule called {description['class']!r}")
    return known[description["class"]](**{name: _revived(value) for name, value in description["settings"].items()})


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
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(f"{name}: it is no {kind} that sheetml wrote ({error}).") from None
    if not isinstance(facts, dict) or facts.get("kind") != kind:
        raise ModelError(f"{name}: it is no {kind} that sheetml wrote.")
    if facts.get("format") != FORMAT:
        raise ModelError(f"{name}: it was written by another version of sheetml.")
    return arrays, facts
