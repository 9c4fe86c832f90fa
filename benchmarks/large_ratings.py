"""`sheetml fit` on a Parquet file of made-up ratings, within a bounded memory.

    python -m benchmarks.large_ratings [millions] [GiB]

Writes the file (138,493 users, 26,744 items, some of each far more frequent than others) into a temporary
folder, and fits two models to it out of core, each in a process that the system allows so much memory of its
own (RLIMIT_DATA): seconds, CPU seconds, peak memory, and the error on ratings held out, beside the error of the
mean and the noise that was put in.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

USERS, ITEMS, FACTORS, NOISE = 138_493, 26_744, 4, 0.5
CHUNK = 1_000_000
MODELS = {
    "als": ["--factors", "10", "--epochs", "2"],
    "dot-bias": ["--factors", "20", "--epochs", "1", "--optimizer", "sgd", "--lr", "0.5", "--lazy", "--batch", "64",
                 "--set", "dtype=float32", "--range", "none"],
}  # fmt: skip


def write(path: Path, millions: int) -> None:
    """Ratings from biases and factors, with noise; written a million at a time."""
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    random = np.random.default_rng(0)
    users, items = random.normal(0, 0.5, (USERS, FACTORS + 1)), random.normal(0, 0.5, (ITEMS, FACTORS + 1))
    fields = [("userId", pyarrow.int32()), ("movieId", pyarrow.int32()), ("rating", pyarrow.float32())]
    with ParquetWriter(path, pyarrow.schema(fields)) as writer:
        for _ in range(millions):
            user = (USERS * random.random(CHUNK) ** 2).astype(np.int32)
            item = (ITEMS * random.random(CHUNK) ** 3).astype(np.int32)
            dot = np.einsum("nf,nf->n", users[user, :-1], items[item, :-1])
            rating = 3.5 + dot + users[user, -1] + items[item, -1] + random.normal(0, NOISE, CHUNK)
            columns = [user, item, rating.astype(np.float32)]
            writer.write_table(pyarrow.table(columns, schema=pyarrow.schema(fields)))


def measure(path: Path, model: str, gibibytes: float) -> str:
    """Fits one model in a process of its own; a line of the result."""
    limit = int(gibibytes * 2**30)
    command = [sys.executable, "-m", "sheetml", "fit", str(path), "--model", model, *MODELS[model],
               "--out-of-core", "--duplicates", "keep", "--valid", "0.01", "--json",
               "-o", str(path.with_name(f"{model}.npz"))]  # fmt: skip
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        command, capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit)),
    )  # fmt: skip
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        return f"{model}: exit code {done.returncode}: {done.stderr.strip()[-300:]}"
    document = json.loads(done.stdout)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    rmse = document["validation"]["rmse"]
    epochs = sum(epoch["seconds"] for epoch in document["epochs"])
    return (
        f"{model}: {document['ratings']:,} ratings in {seconds:.0f} s ({cpu:.0f} s of CPU; of these the epochs "
        f"{epochs:.0f} s), peak of all so far {after.ru_maxrss / 2**20:.2f} GiB, RMSE {rmse:.3f}"
    )


def main(millions: int = 100, gibibytes: float = 4.0) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ratings.parquet"
        write(path, millions)
        print(
            f"{millions} million ratings, {path.stat().st_size / 2**30:.2f} GiB of Parquet; noise {NOISE}", flush=True
        )
        for model in MODELS:
            print(measure(path, model, gibibytes), flush=True)


if __name__ == "__main__":
    main(*(kind(text) for kind, text in zip((int, float), sys.argv[1:])))
