"""Ratings on disk, larger than memory, in blocks that a fit takes one after the other.

A file is read once, some ratings at a time, and dealt to blocks by user, so that all ratings of a user are
together. There duplicates are found and ratings are held out. What is left is kept in the orders that a model
asks for: by `users`, by `items` (blocks that hold all ratings of their rows, for least squares), or `any`
(blocks drawn at random, for descent). In memory are the ids, a chunk of the file, and a block.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sheetml.errors import DataError
from sheetml.learn.ratings import Ratings
from sheetml.learn.ratings_files import Codes, checked, count_of_rows, frames, refuse_mixed

BLOCK = 2_000_000  # ratings in a block, about
MOST_BLOCKS = 4096
ORDERS = ("users", "items", "any")
RECORD = np.dtype([("user", "<i4"), ("item", "<i4"), ("value", "<f8")])


@dataclass(frozen=True, eq=False)
class BlockedRatings:
    """Ratings in the files of a folder, `blocks` to an order; counts, `mean` and `range` are without those held out."""

    folder: Path
    blocks: int
    facts: Ratings  # their ids, titles and counts by item, without a rating
    user_counts: np.ndarray  # (users,)
    mean: float
    range: tuple[float, float]  # the lowest and the highest rating
    held_out_count: int

    @classmethod
    def read(
        cls,
        path: str | os.PathLike[str],
        folder: str | os.PathLike[str],
        orders: tuple[str, ...] = ORDERS,
        *,
        duplicates: str = "error",
        valid: float = 0.0,
        seed: int = 0,
        block: int = BLOCK,
        user: str = "userId",
        item: str = "movieId",
        rating: str = "rating",
        time: str = "timestamp",
    ) -> BlockedRatings:
        """Reads a file of ratings into a folder, which must be there; about twice 16 bytes a rating are written.

        `valid` is the part held out at random. Raises DataError as `Ratings.read` does.
        """
        source, target = Path(path), Path(folder)
        blocks = min(max(1, -(-count_of_rows(source) // block)), MOST_BLOCKS)
        users, items = Codes(), Codes()
        row = 0
        for frame in frames(source, user, item, rating, time):
            records = np.empty(len(frame), RECORD)
            records["value"] = checked(frame, str(source), "row", row)
            records["user"], records["item"] = users.coded(frame["user"]), items.coded(frame["item"])
            _deal(records, records["user"] % blocks, target, "read", blocks)
            row += len(frame)
        if not row:
            raise DataError(f"{source}: it holds no ratings.")
        refuse_mixed(str(source), users, items)
        (user_ranks, user_ids), (item_ranks, item_ids) = users.ranked(), items.ranked()
        none = np.empty(0, np.int32)
        found = cls(target, blocks, Ratings(none, none, np.empty(0), user_ids, item_ids), none, 0.0, (0.0, 0.0), 0)
        return found._ordered(orders, user_ranks, item_ranks, duplicates, valid, seed, str(source))

    def _ordered(
        self, orders: tuple[str, ...], user_ranks: np.ndarray, item_ranks: np.ndarray, duplicates: str, valid: float,
        seed: int, source: str,
    ) -> BlockedRatings:  # fmt: skip
        """Goes through the blocks that were read, and writes the orders."""
        random = np.random.default_rng(seed)
        user_counts, item_counts = np.zeros(len(user_ranks), np.int64), np.zeros(len(item_ranks), np.int64)
        total, low, high, held_out = 0.0, np.inf, -np.inf, 0
        for number in range(self.blocks):
            read = self.block("read", number)
            self._file("read", number).unlink(missing_ok=True)
            ranked = replace(read, users=user_ranks[read.users], items=item_ranks[read.items])
            part = ranked.without_duplicates(duplicates, source)
            chosen = random.random(len(part)) < valid
            for name, mask in (("held-out", chosen), ("kept", ~chosen)):
                if mask.any():
                    self._write(name, orders, part.part(mask), random)
            part = part.part(~chosen)
            user_counts += np.bincount(part.users, minlength=len(user_counts))
            item_counts += np.bincount(part.items, minlength=len(item_counts))
            total, held_out = total + float(part.values.sum()), held_out + int(chosen.sum())
            low, high = part.values.min(initial=low), part.values.max(initial=high)
        count = int(user_counts.sum())
        if count == 0 or (valid and not held_out):
            raise DataError(f"a fraction of {valid} of {count + held_out} ratings leaves one part of the split empty.")
        facts = replace(self.facts, item_counts=item_counts)
        return replace(
            self, facts=facts, user_counts=user_counts, mean=total / count, range=(float(low), float(high)),
            held_out_count=held_out,
        )  # fmt: skip

    def _write(self, name: str, orders: tuple[str, ...], part: Ratings, random: np.random.Generator) -> None:
        records = np.empty(len(part), RECORD)
        records["user"], records["item"], records["value"] = part.users, part.items, part.values
        if name == "held-out":
            _deal(records, random.integers(self.blocks, size=len(part)), self.folder, name, self.blocks)
            return
        for order in orders:
            keys = {"users": part.users % self.blocks, "items": part.items % self.blocks}.get(order)
            if keys is None:
                keys = random.integers(self.blocks, size=len(part))
            _deal(records, keys, self.folder, order, self.blocks)

    # ---- looking

    def __len__(self) -> int:
        return int(self.user_counts.sum())

    def __repr__(self) -> str:
        facts = self.facts
        return f"<BlockedRatings: {len(self):,} of {facts.item_count:,} items by {facts.user_count:,} users on disk>"

    @property
    def item_counts(self) -> np.ndarray:
        """How many ratings each item has, (items,)."""
        assert self.facts.item_counts is not None
        return self.facts.item_counts

    def by(self, order: str) -> Iterator[Ratings]:
        """The blocks of an order."""
        return (self.block(order, number) for number in range(self.blocks) if self._size(order, number))

    def held_out(self) -> Iterator[Ratings]:
        """The ratings held out."""
        return self.by("held-out")

    def sizes(self, order: str) -> list[int]:
        """How many ratings are in each block of an order."""
        return [self._size(order, number) for number in range(self.blocks)]

    def block(self, order: str, number: int) -> Ratings:
        """One block of an order; its codes are those of all."""
        file = self._file(order, number)
        records = np.fromfile(file, RECORD) if file.exists() else np.empty(0, RECORD)
        users, items, values = (np.ascontiguousarray(records[name]) for name in ("user", "item", "value"))
        return Ratings(users, items, values, self.facts.user_ids, self.facts.item_ids)

    def _size(self, order: str, number: int) -> int:
        file = self._file(order, number)
        return file.stat().st_size // RECORD.itemsize if file.exists() else 0

    def _file(self, order: str, number: int) -> Path:
        return self.folder / f"{order}-{number}.ratings"

    def with_titles(
        self, source: str | os.PathLike[str] | dict[int | str, str], item: str = "movieId"
    ) -> BlockedRatings:
        """These ratings with titles, as `Ratings.with_titles`."""
        return replace(self, facts=self.facts.with_titles(source, item))


def _deal(records: np.ndarray, keys: np.ndarray, folder: Path, order: str, blocks: int) -> None:
    """Appends each record to the file of its key, in the order they have."""
    positions = np.argsort(keys, kind="stable")
    ends = np.cumsum(np.bincount(keys, minlength=blocks))
    for number, chosen in enumerate(np.split(positions, ends[:-1])):
        if len(chosen):
            with (folder / f"{order}-{number}.ratings").open("ab") as file:
                records[chosen].tofile(file)
