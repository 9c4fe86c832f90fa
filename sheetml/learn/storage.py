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
    arrays |= {
        "user_ids": model.user_ids_,
        "item_ids": model.item_ids_,
        "rated_items": model.rated_items_,
        "rated_starts": model.rated_starts_,
    }
    if model.titles_ is not None:
        arrays["titles"] = np.asarray(model.titles_, str)
    history = [vars(epoch) for epoch in model.history_]
    about = {"kind": "model", "model": described(model), "history": history}
    write_arrays(path, arrays, {**about, "fitted": facts})


def load_model(path: str | os.PathLike[str]) -> FactorModel:
    """Reads a model of any kind. Raises ModelError where the file is none."""
    arrays, facts = read_arrays(path, "model")
    try:
        model: FactorModel = revived(facts["model"])
        model.user_ids_, model.item_ids_ = arrays["user_ids"], arrays["item_ids"]
        model.rated_items_, model.rated_starts_ = arrays["rated_items"], arrays["rated_starts"]
        model.titles_ = arrays.get("titles")
        model.history_ = [Epoch(**epoch) for epoch in facts["history"]]
        _check_rated(model)
        own = {name.removeprefix("model_"): array for name, array in arrays.items() if name.startswith("model_")}
        model._restore(own, facts["fitted"])
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ModelError(f"{os.fspath(path)}: it is no model that can be used ({error}).") from None
    return model


def _check_rated(model: Recommender) -> None:
    starts, items = model.rated_starts_, model.rated_items_
    fits = len(starts) == len(model.user_ids_) + 1 and starts[0] == 0 and starts[-1] == len(items)
    if not fits or (np.diff(starts) < 0).any():
        raise ValueError("its list of rated items does not fit its users")
    if len(items) and not 0 <= items.min() <= items.max() < len(model.item_ids_):
        raise ValueError("its list of rated items names items it does not have")
    if model.titles_ is not None and len(model.titles_) != len(model.item_ids_):
        raise ValueError("its titles do not fit its items")


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
