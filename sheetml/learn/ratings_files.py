"""Reads files of ratings and of titles, chunk by chunk, so that little more than the result is in memory."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sheetml.errors import DataError
from sheetml.optional import needed

if TYPE_CHECKING:
    import pandas

CHUNK = 1_000_000  # rows
COLUMNS = ["user", "item", "rating", "time"]
CODE_LIMIT = 2**31 - 1


class Columns(NamedTuple):
    """What was read of n ratings: codes, values, the id of each code, and times; as in `Ratings`."""

    users: np.ndarray
    items: np.ndarray
    values: np.ndarray
    user_ids: np.ndarray
    item_ids: np.ndarray
    times: np.ndarray | None


class Codes:
    """The ids met so far, in the order of their coming."""

    def __init__(self) -> None:
        self.by_id: dict[Any, int] = {}
        self.chunks: list[np.ndarray] = []

    def coded(self, ids: pandas.Series) -> np.ndarray:
        """A number for each id, (n,) int32, in the order of their coming."""
        pandas = needed("pandas", extra="learn")
        codes, found = pandas.factorize(ids)
        known = [self.by_id.setdefault(identity, len(self.by_id)) for identity in found.tolist()]
        if len(self.by_id) > CODE_LIMIT:
            raise DataError(f"there are more than {CODE_LIMIT:,} different ids.")
        return np.array(known, np.int32)[codes]

    def add(self, ids: pandas.Series) -> None:
        self.chunks.append(self.coded(ids))

    @property
    def are_mixed(self) -> bool:
        """Whether some are numbers and some are text."""
        return len({type(identity) for identity in self.by_id}) > 1

    def ranked(self) -> tuple[np.ndarray, np.ndarray]:
        """The place of each id, by the order of coming, among the sorted ids; and these."""
        ids = np.array(list(self.by_id))
        order = np.argsort(ids, kind="stable")
        rank = np.empty(len(ids), np.int32)
        rank[order] = np.arange(len(ids), dtype=np.int32)
        return rank, ids[order]

    def sorted(self) -> tuple[np.ndarray, np.ndarray]:
        """The codes of all rows in the order of the ids, and the ids."""
        rank, ids = self.ranked()
        for chunk in self.chunks:
            chunk[:] = rank[chunk]
        return np.concatenate(self.chunks), ids


def read_text(path: Path, user: str, item: str, rating: str, time: str) -> Columns:
    """Reads one of the forms that `Ratings.from_csv` names."""
    first = _first_line(path)
    options = _form(first, {user: "user", item: "item", rating: "rating", time: "time"}, path)
    first_line = 2 if options.get("header", 0) == 0 else 1
    try:
        return columns_of_frames(_chunks(path, options), str(path), "line", first_line)
    except _MixedIdsError:  # ids that looked like numbers at first: all are text
        options["dtype"] = {options["text"][name]: str for name in ("user", "item")}
        return columns_of_frames(_chunks(path, options), str(path), "line", first_line)


def is_parquet(path: Path) -> bool:
    return path.suffix.lower() in (".parquet", ".pq")


def read_parquet(path: Path) -> pandas.DataFrame:
    pandas = needed("pandas", extra="learn")
    with _parquet_errors(path):
        return pandas.read_parquet(path)


@contextmanager
def _parquet_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file.") from None
    except ImportError:
        raise DataError(f"{path}: reading Parquet needs the package pyarrow; install it with pip.") from None
    except Exception as error:  # pyarrow has a family of its own
        raise DataError(f"{path}: it cannot be read as Parquet ({error}).") from None


# ---- files larger than memory


def count_of_rows(path: Path) -> int:
    """How many ratings a file holds: of Parquet exactly, of text about, by the length of its first lines."""
    if not is_parquet(path):
        first = max(len(_first_line(path)), 8)
        return path.stat().st_size * (5 if path.suffix == ".gz" else 1) // first
    with _parquet_errors(path):
        from pyarrow.parquet import ParquetFile

        with ParquetFile(path) as file:
            return int(file.metadata.num_rows)


def frames(path: Path, user: str, item: str, rating: str, time: str) -> Iterator[pandas.DataFrame]:
    """The ratings of a file, some at a time: frames with the columns user, item and rating."""
    names = {user: "user", item: "item", rating: "rating"}
    if not is_parquet(path):
        options = _form(_first_line(path), names | {time: "time"}, path)
        yield from (frame[COLUMNS[:3]] for frame in _chunks(path, options))
        return
    with _parquet_errors(path):
        from pyarrow.parquet import ParquetFile

        with ParquetFile(path) as file:
            _require(file.schema_arrow.names, names, str(path))
            for batch in file.iter_batches(CHUNK, columns=list(names)):
                yield batch.to_pandas().rename(columns=names)


def renamed(frame: pandas.DataFrame, names: dict[str, str], source: str) -> pandas.DataFrame:
    """The frame's columns for user, item, rating and, where it has one, time, under these names."""
    _require(list(frame.columns), names, source)
    present = [name for name in names if name in frame.columns]
    return frame[present].rename(columns=names)


def columns_of_frames(frames: Iterable[pandas.DataFrame], source: str, row_word: str, first_row: int) -> Columns:
    """Columns from frames with the columns user, item, rating and perhaps time.

    `row_word` and `first_row` say how error messages count the rows ("line" 2, or "row" 0).
    """
    users, items = Codes(), Codes()
    values, times = [], []
    row = first_row
    for frame in frames:
        values.append(checked(frame, source, row_word, row))
        users.add(frame["user"])
        items.add(frame["item"])
        if "time" in frame:
            times.append(_times(frame["time"], source))
        row += len(frame)
    if not sum(map(len, values)):
        raise DataError(f"{source}: it holds no ratings.")
    refuse_mixed(source, users, items)
    user_codes, user_ids = users.sorted()
    item_codes, item_ids = items.sorted()
    all_times = np.concatenate(times) if times else None
    return Columns(user_codes, item_codes, np.concatenate(values), user_ids, item_ids, all_times)


class _MixedIdsError(DataError):
    """Ids of one column came as numbers and as text."""


def refuse_mixed(source: str, *codes: Codes) -> None:
    """Raises DataError where ids of one column came as numbers and as text."""
    if any(each.are_mixed for each in codes):
        raise _MixedIdsError(f"{source}: some ids are numbers and some are text; make them all one kind.")


def checked(frame: pandas.DataFrame, source: str, row_word: str, row: int) -> np.ndarray:
    """The ratings as float64. Raises DataError for the first row that lacks something."""
    pandas = needed("pandas", extra="learn")
    for column in ("user", "item"):
        missing = frame[column].isna().to_numpy()
        if missing.any():
            raise DataError(f"{source}, {row_word} {row + int(missing.argmax())}: the {column} is missing.")
    values = pandas.to_numeric(frame["rating"], errors="coerce").to_numpy(np.float64, na_value=np.nan)
    wrong = ~np.isfinite(values)
    if wrong.any():
        at = int(wrong.argmax())
        held = frame["rating"].iloc[at]
        what = "the rating is missing" if pandas.isna(held) else f"the rating {str(held)!r} is not a finite number"
        raise DataError(f"{source}, {row_word} {row + at}: {what}.")
    return values


def _times(column: pandas.Series, source: str) -> np.ndarray:
    """Seconds since 1970, from numbers or from dates."""
    pandas = needed("pandas", extra="learn")
    if pandas.api.types.is_datetime64_any_dtype(column) and not column.isna().any():
        return column.to_numpy("datetime64[s]").astype(np.int64)
    numbers = pandas.to_numeric(column, errors="coerce")
    if numbers.isna().any():
        raise DataError(f"{source}: the column of times holds {column[numbers.isna()].iloc[0]!r}, no number.")
    return numbers.to_numpy().astype(np.int64)


# ---- forms of text files


def _first_line(path: Path) -> str:
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            return file.readline(100_000).decode("utf-8-sig", errors="replace").rstrip("\r\n")
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file.") from None
    except OSError as error:
        raise DataError(f"{path}: it cannot be read ({error.strerror or error}).") from None


def _form(first: str, names: dict[str, str], path: Path) -> dict[str, Any]:
    """The arguments of pandas.read_csv for the form that the first line shows; "text" maps our names to its."""
    if "::" in first and _is_number(first.split("::")[2]):
        # Fields between "::" are every other field between ":", which pandas reads much faster.
        fields = range(0, 2 * min(len(first.split("::")), 4), 2)
        return {"sep": ":", "header": None, "text": dict(zip(COLUMNS, fields))}
    fields_of_tabs = first.split("\t")
    if len(fields_of_tabs) >= 3 and _is_number(fields_of_tabs[2]):
        return {"sep": "\t", "header": None, "text": dict(zip(COLUMNS, range(min(len(fields_of_tabs), 4))))}
    separator = max(",;\t", key=first.count)
    columns = [column.strip().strip('"') for column in first.split(separator)]
    _require(columns, names, str(path))
    text = {ours: theirs for theirs, ours in names.items() if theirs in columns}
    return {"sep": separator, "text": text, "skipinitialspace": True}


def _require(columns: list[Any], names: dict[str, str], source: str) -> None:
    for theirs, ours in names.items():
        if theirs not in columns and ours != "time":
            held = ", ".join(str(column) for column in columns[:20])
            raise DataError(f"{source}: it has no column {theirs!r} for the {ours}; its columns are {held}.")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _chunks(path: Path, options: dict[str, Any]) -> Iterator[pandas.DataFrame]:
    pandas = needed("pandas", extra="learn")
    names = {theirs: ours for ours, theirs in options["text"].items()}
    settings = {name: value for name, value in options.items() if name != "text"}
    try:
        with pandas.read_csv(path, chunksize=CHUNK, low_memory=False, **settings) as chunks:
            for chunk in chunks:
                if not isinstance(chunk.index, pandas.RangeIndex):  # pandas makes an index of a first field too many
                    raise DataError(f"{path}: its lines have more fields than its first line.")
                yield chunk[list(names)].rename(columns=names)
    except pandas.errors.ParserError as error:
        raise DataError(f"{path}: it cannot be read as a table ({_sentence(error)}).") from None
    except (pandas.errors.EmptyDataError, UnicodeDecodeError, EOFError, OSError) as error:
        raise DataError(f"{path}: it cannot be read ({_sentence(error)}).") from None


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split()).removeprefix("Error tokenizing data. C error: ")


# ---- titles


def read_titles(path: Path, item: str, title: str = "title") -> dict[Any, str]:
    """Titles by item id, from movies.csv (columns `item` and `title`), u.item ("|") or movies.dat ("::")."""
    first = _first_line(path)
    for separator in ("::", "|"):
        if first.count(separator) >= 2 and "," not in first.split(separator)[0]:
            return _titles_between(path, separator)
    pandas = needed("pandas", extra="learn")
    try:
        frame = pandas.read_csv(path, sep=max(",;\t", key=first.count), dtype=str, keep_default_na=False)
    except (pandas.errors.ParserError, pandas.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: it cannot be read as a table ({_sentence(error)}).") from None
    _require(list(frame.columns), {item: "item", title: "title"}, str(path))
    return dict(zip(frame[item], frame[title]))


def _titles_between(path: Path, separator: str) -> dict[Any, str]:
    """Titles from MovieLens' files without a header; the older ones are not in UTF-8."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    rows = (line.split(separator) for line in text.splitlines() if line)
    return {row[0]: row[1] for row in itertools.islice(rows, CODE_LIMIT) if len(row) > 1}
