"""The lesson's training runs, and the best model, on MovieLens: validation errors, the mean over some seeds.

    python -m benchmarks.lesson ratings.csv [--seeds 3]

The ratings are those of ml-latest-small, October 2016. Each seed is a random split of 20% for validation,
and the model's own seed. What the best model is to be is chosen anew for each split, by holding out a
tenth of its training part; the validation part is looked at once, at the end.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from sheetml.learn import (
    ALS,
    Adam,
    BayesianFactors,
    Biases,
    EmbeddingDot,
    EmbeddingDotBias,
    EmbeddingNet,
    FactorModel,
    GlobalMean,
    Momentum,
    Ratings,
    StepDecay,
)

TWICE_THREE = {"factors": 50, "epochs": 6, "batch": 64}  # three epochs, then three more, mostly at a tenth of the rate
FALL = StepDecay(3, 0.1)

# A name, the model, and the lesson's validation losses after three and after six epochs.
RUNS: list[tuple[str, FactorModel, tuple[float, float]]] = [
    (
        "EmbeddingDot, momentum 0.1, then 0.01",
        EmbeddingDot(optimizer=Momentum(0.1, weight_decay=1e-5), schedule=FALL, **TWICE_THREE),
        (1.22818, 1.1303),
    ),
    (
        "EmbeddingDotBias, momentum 0.1, then 0.01",
        EmbeddingDotBias(optimizer=Momentum(0.1, weight_decay=2e-4), schedule=FALL, **TWICE_THREE),
        (0.80989, 0.80124),
    ),
    (
        "EmbeddingNet, Adam 1e-2, then 1e-3",
        EmbeddingNet(optimizer=Adam(1e-2, weight_decay=1e-5, dense=True), schedule=FALL, **TWICE_THREE),
        (0.80706, 0.78075),
    ),
    (
        "EmbeddingNet, Adam 1e-3 throughout",
        EmbeddingNet(optimizer=Adam(1e-3, weight_decay=1e-5, dense=True), **TWICE_THREE),
        (0.80706, 0.78075),
    ),
]
BASELINES: list[FactorModel] = [GlobalMean(), Biases(regularisation=3.0), ALS(factors=10, regularisation=0.2)]
CANDIDATES = [
    BayesianFactors(factors=factors, noise_shape=shape, epochs=100) for factors in (10, 20) for shape in (2.0, 4.0)
]


def lesson_runs(ratings: Ratings, seeds: int) -> None:
    print(f"{'':<44}{'after 3':>9}{'lesson':>9}{'':>8}{'after 6':>9}{'lesson':>9}")
    for name, model, expected in RUNS:
        losses = []
        for seed in range(seeds):
            train, valid = ratings.split(0.2, seed)
            model.set_params(seed=seed).fit(train, validation=valid)
            losses.append([epoch.valid_loss for epoch in model.history_])
        three, six = np.mean(np.array(losses, float), axis=0)[[2, 5]]
        print(
            f"{name:<44}{three:>9.5f}{expected[0]:>9.5f}{three / expected[0] - 1:>+8.1%}"
            f"{six:>9.5f}{expected[1]:>9.5f}{six / expected[1] - 1:>+8.1%}",
            flush=True,
        )


def baselines(ratings: Ratings, seeds: int) -> None:
    for model in BASELINES:
        losses = []
        for seed in range(seeds):
            train, valid = ratings.split(0.2, seed)
            losses.append(model.fit(train).evaluate(valid)["mse"])
        print(f"{model!r:<60} {np.mean(losses):.5f}", flush=True)


def best(ratings: Ratings, seeds: int) -> None:
    losses = []
    for seed in range(seeds):
        train, valid = ratings.split(0.2, seed)
        fitted_to, held_out = train.split(0.1, seed)
        tried = {model: model.fit(fitted_to).evaluate(held_out)["mse"] for model in CANDIDATES}
        chosen = min(tried, key=lambda model: tried[model])
        model = chosen.with_params(epochs=200, kept=60, seed=seed).fit(train)
        losses.append(model.evaluate(valid)["mse"])
        print(f"seed {seed}: chosen {chosen!r}, {tried[chosen]:.5f} held out; validation {losses[-1]:.5f}", flush=True)
    print(f"best model, mean of {seeds} seeds: {np.mean(losses):.5f}; RMSE {np.sqrt(np.mean(losses)):.5f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ratings", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    chosen_arguments = parser.parse_args(sys.argv[1:])
    read = Ratings.read(chosen_arguments.ratings)
    lesson_runs(read, chosen_arguments.seeds)
    baselines(read, chosen_arguments.seeds)
    best(read, chosen_arguments.seeds)
