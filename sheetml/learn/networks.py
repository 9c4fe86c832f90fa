"""What a model computes from the embeddings of a user and an item, and its gradients, in NumPy.

A network knows nothing of tables and codes: it takes the rows of a minibatch, B of them. The loss is the
mean over the minibatch of squared errors. `learn.kernels` computes the same, compiled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Range = tuple[float, float]

# The networks as the compiled trainer knows them.
DOT, NET = range(2)


@dataclass(frozen=True)
class Gradients:
    """The mean squared error of a minibatch, and its gradients."""

    loss: float
    users: np.ndarray  # (B, width), of each rating's own row
    items: np.ndarray  # (B, width)
    weights: np.ndarray  # (weight_count,), of the weights that all ratings share


@dataclass(frozen=True)
class Dot:
    """The dot product of two embeddings; with `bias` a row's last number is its bias, and is added.

    With a `rating_range` the sum goes through a sigmoid that ends at its limits.
    """

    factors: int
    bias: bool = False
    rating_range: Range | None = None

    code = DOT
    hidden = 0
    weight_count = 0
    mask_width = 0
    keep = (1.0, 1.0)

    @property
    def width(self) -> int:
        return self.factors + self.bias

    def predict(self, users: np.ndarray, items: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The predictions (B,) for rows of users and items (B, width)."""
        return squashed(self._raw(users, items), self.rating_range)[0]

    def gradients(
        self, users: np.ndarray, items: np.ndarray, weights: np.ndarray, values: np.ndarray, masks: np.ndarray
    ) -> Gradients:
        predicted, slope = squashed(self._raw(users, items), self.rating_range)
        error = predicted - values
        scale = (error * slope * users.dtype.type(2 / len(values)))[:, None]
        of_users, of_items = scale * items, scale * users
        if self.bias:
            of_users[:, self.factors] = of_items[:, self.factors] = scale[:, 0]
        return Gradients(float(np.mean(error * error)), of_users, of_items, weights)

    def initial_weights(self, random: np.random.Generator, he: bool) -> np.ndarray:
        return np.empty(0)

    def _raw(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        f = self.factors
        raw = np.einsum("bf,bf->b", users[:, :f], items[:, :f])
        return raw + users[:, f] + items[:, f] if self.bias else raw


@dataclass(frozen=True)
class Net:
    """Concatenated embeddings → dropout → linear → ReLU → dropout → linear, through a sigmoid with a range.

    The weights are one vector: the first layer (hidden, 2 · factors), its bias (hidden,), the second
    layer (hidden,), its bias (1,).
    """

    factors: int
    hidden: int = 10
    dropout: tuple[float, float] = (0.05, 0.5)
    rating_range: Range | None = None

    code = NET
    bias = False

    @property
    def width(self) -> int:
        """Numbers in a row."""
        return self.factors

    @property
    def weight_count(self) -> int:
        return self.hidden * (2 * self.factors + 2) + 1

    @property
    def mask_width(self) -> int:
        """Numbers that dropout may leave out, for one rating."""
        return 2 * self.factors + self.hidden

    @property
    def keep(self) -> tuple[float, float]:
        """The parts that the two dropouts keep."""
        return 1 - self.dropout[0], 1 - self.dropout[1]

    def layers(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Views of the weight vector: first layer, its bias, second layer, its bias."""
        h, inputs = self.hidden, 2 * self.factors
        first, bias, second, last = np.split(weights, np.cumsum([h * inputs, h, h]))
        return first.reshape(h, inputs), bias, second, last

    def initial_weights(self, random: np.random.Generator, he: bool) -> np.ndarray:
        """Weights and biases uniform within 1 / sqrt(inputs of the layer), as PyTorch starts a linear layer;
        or, with `he`, normal weights of variance 2 / inputs and biases of 0 (He et al. 2015)."""
        parts = []
        for inputs, outputs in ((2 * self.factors, self.hidden), (self.hidden, 1)):
            if he:
                parts += [random.normal(0, np.sqrt(2 / inputs), outputs * inputs), np.zeros(outputs)]
            else:
                parts.append(random.uniform(-1, 1, outputs * (inputs + 1)) / np.sqrt(inputs))
        return np.concatenate(parts)

    def predict(self, users: np.ndarray, items: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The predictions (B,) for rows of users and items (B, width), without dropout."""
        first, bias, second, last = self.layers(weights)
        active = np.maximum(np.concatenate([users, items], axis=1) @ first.T + bias, 0)
        return squashed(active @ second + last[0], self.rating_range)[0]

    def gradients(
        self, users: np.ndarray, items: np.ndarray, weights: np.ndarray, values: np.ndarray, masks: np.ndarray
    ) -> Gradients:
        """`masks` (B, mask_width) is 1 for what dropout keeps and 0 for what it leaves out."""
        first, bias, second, last = self.layers(weights)
        kept = masks.astype(users.dtype)
        kept_inputs = kept[:, : 2 * self.factors] * users.dtype.type(1 / self.keep[0])
        kept_hidden = kept[:, 2 * self.factors :] * users.dtype.type(1 / self.keep[1])
        inputs = np.concatenate([users, items], axis=1) * kept_inputs
        before = inputs @ first.T + bias
        active = np.maximum(before, 0) * kept_hidden
        predicted, slope = squashed(active @ second + last[0], self.rating_range)
        error = predicted - values
        scale = error * slope * users.dtype.type(2 / len(values))
        of_hidden = scale[:, None] * second * kept_hidden * (before > 0)
        of_inputs = (of_hidden @ first) * kept_inputs
        of_weights = [(of_hidden.T @ inputs).reshape(-1), of_hidden.sum(0), scale @ active, scale.sum(keepdims=True)]
        loss = float(np.mean(error * error))
        return Gradients(loss, of_inputs[:, : self.factors], of_inputs[:, self.factors :], np.concatenate(of_weights))


Network = Dot | Net


def squashed(raw: np.ndarray, limits: Range | None) -> tuple[np.ndarray, np.ndarray]:
    """The sum as a rating, and the derivative: a sigmoid between the limits, or the sum itself."""
    if limits is None:
        return raw, np.ones_like(raw)
    low, high = (raw.dtype.type(limit) for limit in limits)
    part = 1 / (1 + np.exp(-raw))
    return low + (high - low) * part, (high - low) * part * (1 - part)
