"""The lesson's models: embeddings trained by minibatches."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from sheetml.errors import ModelError
from sheetml.learn.compiling import Stopwatch
from sheetml.learn.factors import FactorModel, rows
from sheetml.learn.fitting import Fitting
from sheetml.learn.history import Epoch, OnEpoch
from sheetml.learn.metrics import mean_squared_error
from sheetml.learn.networks import Dot, Net, Network, Range
from sheetml.learn.optimizers import Optimizer, optimizer_named
from sheetml.learn.ratings import Ratings
from sheetml.learn.schedules import Schedule, schedule_named
from sheetml.learn.training import Progress, Tables, Trainer, numba_is_there

if TYPE_CHECKING:
    from sheetml.learn.blocks import BlockedRatings

Initialisation = str | tuple[float, float]

WIDE = 0.5  # what "wide" limits go beyond the ratings


@dataclass(eq=False, repr=False)
class EmbeddingModel(FactorModel):
    """Base of the models that are trained by minibatches. Settings that all of them have:

    factors         numbers in an embedding
    epochs, batch   how long, and how many ratings a step
    optimizer       a name, or an Optimizer with its settings
    schedule        a name, or a Schedule with its settings
    rating_range    limits that a sigmoid keeps predictions in: "data" the lowest and highest rating, "wide"
                    half a star more on either side, None no sigmoid
    init            embeddings at first: (low, high) uniform, or "he", normal with variance 2 / factors
    patience        stop after so many epochs without a better validation loss, and keep the best; None never
    dtype           "float64" or "float32"
    compiled        use the compiled trainer; None where Numba is installed
    workers         cores for one training; the ratings are then taken in another order, and rows outside a minibatch
                    must stay (`dense` False)
    seed            of initialisation, order and dropout: the same seed gives the same model
    """

    blocks_by: ClassVar[tuple[str, ...]] = ("any",)

    factors: int = 50
    epochs: int = 5
    batch: int = 64
    optimizer: str | Optimizer = "momentum"
    schedule: str | Schedule = "constant"
    rating_range: Range | str | None = None
    init: Initialisation = (-0.01, 0.01)
    patience: int | None = None
    dtype: str = "float64"
    compiled: bool | None = None
    workers: int = 1
    seed: int = 0
    unknown: str = "error"

    rating_range_: Range | None = field(init=False)
    user_table_: np.ndarray = field(init=False)  # (users, width)
    item_table_: np.ndarray = field(init=False)  # (items, width)
    weights_: np.ndarray = field(init=False)  # (1, weight_count)

    def _network(self, limits: Range | None) -> Network:
        raise NotImplementedError

    @property
    def network_(self) -> Network:
        """What the fitted model computes."""
        self._require_fit()
        return self._network(self.rating_range_)

    # ---- fitting

    def trainer(self, ratings: Ratings, limits: Range | None = None) -> Trainer:
        """A trainer at its start, with tables newly initialised; `limits` are the lowest and highest rating, if known.

        Raises ModelError for impossible settings.
        """
        self._check()
        network = self._network(self._limits(limits or ratings.range))
        random = np.random.default_rng(self.seed)
        return Trainer(
            network=network,
            tables=self._initial(network, ratings, random),
            optimizer=optimizer_named(self.optimizer),
            schedule=schedule_named(self.schedule),
            epochs=self.epochs,
            batch=self.batch,
            random=random,
            compiled=numba_is_there() if self.compiled is None else self.compiled,
            workers=self.workers,
        )

    def _check(self) -> None:
        for name in ("factors", "epochs", "batch", "workers"):
            if getattr(self, name) < 1:
                raise ModelError(f"{name} must be at least 1, not {getattr(self, name)}.")
        if self.dtype not in ("float64", "float32"):
            raise ModelError(f"dtype must be float64 or float32, not {self.dtype!r}.")

    def _limits(self, of_ratings: Range) -> Range | None:
        if not isinstance(self.rating_range, str):
            return self.rating_range
        if self.rating_range not in ("data", "wide"):
            raise ModelError(f"the rating range is (low, high), data, wide or None, not {self.rating_range!r}.")
        low, high = of_ratings
        if low == high:
            raise ModelError(f"all ratings are {low:g}: state the rating range, such as (0.5, 5).")
        beyond = WIDE if self.rating_range == "wide" else 0.0
        return low - beyond, high + beyond

    def _initial(self, network: Network, ratings: Ratings, random: np.random.Generator) -> Tables:
        if isinstance(self.init, str) and self.init != "he":
            raise ModelError(f"init is (low, high) or he, not {self.init!r}.")
        users = self._embeddings((ratings.user_count, network.width), random)
        items = self._embeddings((ratings.item_count, network.width), random)
        weights = network.initial_weights(random, he=self.init == "he")
        return Tables(users, items, weights[None].astype(self.dtype))

    def _embeddings(self, shape: tuple[int, int], random: np.random.Generator) -> np.ndarray:
        if isinstance(self.init, str):
            return random.normal(0, np.sqrt(2 / self.factors), shape).astype(self.dtype)
        return random.uniform(self.init[0], self.init[1], shape).astype(self.dtype)

    def _fit(  # type: ignore[override]
        self,
        ratings: Ratings,
        *,
        validation: Ratings | None = None,
        progress: Progress | None = None,
        on_epoch: OnEpoch | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        resume: bool = False,
    ) -> None:
        """`validation` ratings are measured after each epoch. `progress` is called as an epoch goes on,
        `on_epoch` at its end. After each epoch all that is needed to go on is written to `checkpoint`;
        with `resume` a training takes up again from there, and ends as if it had never stopped. A fit that
        is interrupted leaves the model as it was after the best epoch so far."""
        if self.patience is not None and validation is None:
            raise ModelError("early stopping needs validation ratings.")
        trainer = self.trainer(ratings)
        self.rating_range_ = trainer.network.rating_range
        codes = None if validation is None else self.codes(validation)
        fitting = Fitting(trainer, self.patience)
        if resume and checkpoint is not None:
            fitting.load(checkpoint, self, ratings)
        self._run(
            fitting,
            lambda: trainer.run_epoch(ratings, progress),
            lambda: None if codes is None or validation is None
            else mean_squared_error(self._predicted(*codes), validation.values),
            None if checkpoint is None else lambda: fitting.save(checkpoint, self, ratings),
            on_epoch,
        )  # fmt: skip

    def _fit_blocks(  # type: ignore[override]
        self,
        blocks: BlockedRatings,
        *,
        progress: Progress | None = None,
        on_epoch: OnEpoch | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        resume: bool = False,
    ) -> None:
        """Ratings on disk, in blocks drawn at random: an epoch takes the blocks in random order, and those of one
        block in random order. Otherwise as `_fit`."""
        if self.patience is not None and not blocks.held_out_count:
            raise ModelError("early stopping needs validation ratings.")
        trainer = self.trainer(blocks.facts, blocks.range)
        self.rating_range_ = trainer.network.rating_range
        fitting = Fitting(trainer, self.patience)
        if resume and checkpoint is not None:
            fitting.load(checkpoint, self, blocks.facts)
        self._run(
            fitting,
            lambda: trainer.run_parts(blocks.sizes("any"), lambda number: blocks.block("any", number), progress),
            lambda: self.mean_squared_error_of(blocks.held_out()),
            None if checkpoint is None else lambda: fitting.save(checkpoint, self, blocks.facts),
            on_epoch,
        )

    def _run(
        self,
        fitting: Fitting,
        epoch: Callable[[], float],
        validate: Callable[[], float | None],
        save: Callable[[], None] | None,
        on_epoch: OnEpoch | None,
    ) -> None:
        """Runs the epochs that are left: `epoch` trains one and gives its loss, `validate` gives that of others."""
        trainer = fitting.trainer
        self.history_ = fitting.history
        try:
            while not fitting.is_over:
                with Stopwatch() as watch:
                    train_loss = epoch()
                self._adopt(trainer.tables)
                valid_loss = validate()
                fitting.add(Epoch(trainer.epoch, train_loss, valid_loss, trainer.rate, watch.seconds))
                if save:
                    save()
                if on_epoch:
                    on_epoch(fitting.history[-1])
        finally:
            self._adopt(fitting.chosen)  # also where the fit is interrupted

    def _adopt(self, tables: Tables) -> None:
        network = self._network(self.rating_range_)
        factors = network.factors
        self.user_table_, self.item_table_, self.weights_ = tables.users, tables.items, tables.weights
        self.user_factors_, self.item_factors_ = tables.users[:, :factors], tables.items[:, :factors]
        if network.bias:
            self.user_biases_, self.item_biases_ = tables.users[:, factors], tables.items[:, factors]

    # ---- predicting

    def _predict(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        tables = (rows(self.user_table_, users), rows(self.item_table_, items), self.weights_[0])
        return self._network(self.rating_range_).predict(*(table.astype(np.float64) for table in tables))

    # ---- keeping

    def _state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        arrays = {"user_table": self.user_table_, "item_table": self.item_table_, "weights": self.weights_}
        return arrays, {"rating_range": self.rating_range_}

    def _restore(self, arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
        limits = facts["rating_range"]
        self.rating_range_ = None if limits is None else (float(limits[0]), float(limits[1]))
        network = self._network(self.rating_range_)
        shapes = {
            "user_table": (self.ratings_.user_count, network.width),
            "item_table": (self.ratings_.item_count, network.width),
            "weights": (1, network.weight_count),
        }
        for name, shape in shapes.items():
            if arrays[name].shape != shape or arrays[name].dtype != self.dtype:
                raise ValueError(f"its {name} is {arrays[name].dtype} {arrays[name].shape}, not {self.dtype} {shape}")
        self._adopt(Tables(arrays["user_table"], arrays["item_table"], arrays["weights"]))


@dataclass(eq=False, repr=False)
class EmbeddingDot(EmbeddingModel, name="dot"):
    """The dot product of an embedding of the user and one of the item."""

    init: Initialisation = (0.0, 0.05)

    def _network(self, limits: Range | None) -> Network:
        return Dot(self.factors, bias=False, rating_range=limits)


@dataclass(eq=False, repr=False)
class EmbeddingDotBias(EmbeddingModel, name="dot-bias"):
    """The dot product of two embeddings plus a bias of the user and one of the item, through a sigmoid."""

    rating_range: Range | str | None = "data"

    def _network(self, limits: Range | None) -> Network:
        return Dot(self.factors, bias=True, rating_range=limits)


@dataclass(eq=False, repr=False)
class EmbeddingNet(EmbeddingModel, name="net"):
    """The lesson's mini net: concatenated embeddings → dropout → linear → ReLU → dropout → linear → sigmoid.

    `hidden` numbers between the linear layers; `dropout` the parts left out before each.
    """

    optimizer: str | Optimizer = "adam"
    rating_range: Range | str | None = "wide"
    hidden: int = 10
    dropout: tuple[float, float] = (0.05, 0.5)

    def _check(self) -> None:
        super()._check()
        if self.hidden < 1:
            raise ModelError(f"hidden must be at least 1, not {self.hidden}.")
        if not all(0 <= part < 1 for part in self.dropout):
            raise ModelError(f"dropout parts must be at least 0 and below 1, not {self.dropout}.")

    def _network(self, limits: Range | None) -> Network:
        return Net(self.factors, self.hidden, self.dropout, limits)
