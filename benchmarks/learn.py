"""sheetml.learn against PyTorch and scikit-surprise, and at 20 million ratings.

    python -m benchmarks.learn ratings.csv          seconds an epoch, as ratios, all measured in turn in one run
    python -m benchmarks.learn --large [millions]   time and peak memory of an epoch on synthetic ratings

EmbeddingDotBias with 50 factors and minibatches of 64 on 80% of the ratings, the same model, loss and
order of work in PyTorch (float32, as it would be written; its minibatches are slices of tensors on hand,
without a DataLoader). All run on one thread, which suits minibatches this small best, and CPU seconds are
measured, so that other work on the machine disturbs little. PyTorch and scikit-surprise are measured
where they are installed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sheetml.learn import SGD, Adam, EmbeddingDotBias, Momentum, Optimizer, Ratings

FACTORS, BATCH, ROUNDS = 50, 64, 3
LOW, HIGH = 0.5, 5.0

Epoch = Callable[[], object]


def ours(ratings: Ratings, optimizer: Optimizer, dtype: str = "float32", batch: int = BATCH) -> Epoch:
    """An epoch of the compiled trainer; compiled before it is measured."""
    model = EmbeddingDotBias(FACTORS, 10**6, batch, optimizer, dtype=dtype, rating_range=(LOW, HIGH))
    trainer = model.trainer(ratings)
    trainer.epochs = 1  # the schedule is constant: no need to lay out more

    def epoch() -> None:
        trainer.epoch = 0
        trainer.run_epoch(ratings)

    return epoch


def pytorch(ratings: Ratings, make: Callable[[Any], Any], sparse: bool) -> Epoch:
    """An epoch of the same model in PyTorch; `make` makes the optimizer from the parameters."""
    import torch
    from torch import nn

    torch.set_num_threads(1)

    class DotBias(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            users, items = ratings.user_count, ratings.item_count
            sizes = [(users, FACTORS), (items, FACTORS), (users, 1), (items, 1)]
            self.u, self.i, self.ub, self.ib = (nn.Embedding(*size, sparse=sparse) for size in sizes)
            for table in (self.u, self.i, self.ub, self.ib):
                nn.init.uniform_(table.weight, -0.01, 0.01)

        def forward(self, users: Any, items: Any) -> Any:
            raw = (self.u(users) * self.i(items)).sum(1) + self.ub(users).squeeze(1) + self.ib(items).squeeze(1)
            return torch.sigmoid(raw) * (HIGH - LOW) + LOW

    model = DotBias()
    optimizer = make(model.parameters())
    users, items = torch.from_numpy(ratings.users.astype(np.int64)), torch.from_numpy(ratings.items.astype(np.int64))
    values = torch.from_numpy(ratings.values.astype(np.float32))

    def epoch() -> None:
        order = torch.randperm(len(values))
        shuffled = users[order], items[order], values[order]
        for start in range(0, len(values), BATCH):
            u, i, y = (each[start : start + BATCH] for each in shuffled)
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(u, i), y)
            loss.backward()
            optimizer.step()

    return epoch


def surprise(ratings: Ratings) -> Epoch:
    """An epoch of scikit-surprise's SVD, which takes a step for each rating."""
    import pandas
    from surprise import SVD, Dataset, Reader

    frame = pandas.DataFrame({"user": ratings.users, "item": ratings.items, "rating": ratings.values})
    data = Dataset.load_from_df(frame, Reader(rating_scale=(LOW, HIGH))).build_full_trainset()
    return lambda: SVD(n_factors=FACTORS, n_epochs=1).fit(data)


def fastest(epochs: dict[str, Epoch]) -> dict[str, float]:
    """The least CPU seconds of each, over rounds that take all in turn."""
    best = dict.fromkeys(epochs, float("inf"))
    for epoch in epochs.values():
        epoch()
    for _ in range(ROUNDS):
        for name, epoch in epochs.items():
            start = time.process_time()
            epoch()
            best[name] = min(best[name], time.process_time() - start)
    return best


def compare(path: Path) -> None:
    ratings, _ = Ratings.read(path).split(0.2, 0)
    print(f"{ratings!r}, {FACTORS} factors, minibatches of {BATCH}")
    sgd = Momentum(0.1, weight_decay=2e-4)
    epochs: dict[str, Epoch] = {
        "momentum, dense": ours(ratings, sgd),
        "momentum, dense, float64": ours(ratings, sgd, "float64"),
        "sgd, lazy": ours(ratings, SGD(0.1, dense=False)),
        "adam, lazy": ours(ratings, Adam(1e-2)),
        "adam, dense": ours(ratings, Adam(1e-2, dense=True)),
        "sgd, a step a rating": ours(ratings, SGD(0.005, weight_decay=0.02, dense=False), batch=1),
    }
    against = {}
    try:
        import torch.optim as o

        epochs["PyTorch SGD momentum, dense"] = pytorch(ratings, lambda p: o.SGD(p, 0.1, 0.9, weight_decay=2e-4), False)
        epochs["PyTorch SGD, sparse"] = pytorch(ratings, lambda p: o.SGD(p, 0.1), True)
        epochs["PyTorch SparseAdam"] = pytorch(ratings, lambda p: o.SparseAdam(list(p), 1e-2), True)
        epochs["PyTorch Adam, dense"] = pytorch(ratings, lambda p: o.Adam(p, 1e-2), False)
        against |= {
            "PyTorch SGD momentum, dense": "momentum, dense",
            "PyTorch SGD, sparse": "sgd, lazy",
            "PyTorch SparseAdam": "adam, lazy",
            "PyTorch Adam, dense": "adam, dense",
        }
    except ImportError:
        print("PyTorch is not installed")
    try:
        epochs["scikit-surprise SVD"] = surprise(ratings)
        against["scikit-surprise SVD"] = "sgd, a step a rating"
    except ImportError:
        print("scikit-surprise is not installed")
    seconds = fastest(epochs)
    for name, taken in seconds.items():
        ratio = f"   {taken / seconds[against[name]]:6.1f} times as long as {against[name]}" if name in against else ""
        print(f"{name:<30} {taken:8.4f} s{ratio}")


# ---- large


def synthetic(millions: int) -> Ratings:
    """Ratings with the numbers of users and items of MovieLens 20M, some of each far more frequent than others."""
    random = np.random.default_rng(0)
    count, users, items = millions * 1_000_000, 138_493, 26_744
    values = random.integers(1, 11, count, dtype=np.int8) / 2
    chosen_users = (users * random.random(count, np.float32) ** 2).astype(np.int32)
    chosen_items = (items * random.random(count, np.float32) ** 3).astype(np.int32)
    return Ratings(chosen_users, chosen_items, values, np.arange(users), np.arange(items))


def peak_memory() -> int:
    """The most bytes this process has held since the last reset."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) * 1024


def reset_peak() -> int:
    """Starts measuring the peak anew; the bytes held now."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak_memory()


def large(millions: int) -> None:
    ours(synthetic(1).part(np.arange(1000)), Momentum(0.1))()  # compiled before anything is measured
    empty = reset_peak()
    ratings = synthetic(millions)
    data = sum(array.nbytes for array in (ratings.users, ratings.items, ratings.values))
    for optimizer in (Momentum(0.1, weight_decay=2e-4), Adam(1e-3)):
        model = EmbeddingDotBias(FACTORS, 1, BATCH, optimizer, dtype="float32", rating_range=(LOW, HIGH))
        rows = ratings.user_count + ratings.item_count
        tables = rows * (FACTORS + 1) * 4 * (1 + optimizer.states)
        reset_peak()
        start = time.perf_counter()
        model.fit(ratings)
        seconds = time.perf_counter() - start
        peak = peak_memory() - empty
        print(
            f"{optimizer!r}: {len(ratings):,} ratings in {seconds:.1f} s; data {data / 2**20:.0f} MB, tables and state "
            f"{tables / 2**20:.0f} MB, peak {peak / 2**20:.0f} MB, {peak / (data + tables):.2f} times data and tables"
        )
        del model


if __name__ == "__main__":
    if sys.argv[1:2] == ["--large"]:
        large(int(sys.argv[2]) if len(sys.argv) > 2 else 20)
    else:
        compare(Path(sys.argv[1]))
