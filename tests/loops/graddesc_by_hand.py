"""The training loops of the gradient-descent workbook in plain Python: the referee of the sheets.

Written straight from the published update rules, with what the sheets do otherwise: running means are
damped by 1 - beta, nothing is corrected for its start, RMSProp divides by the mean of the gradients
before the present one, Adagrad takes one root of the mean square an epoch, and the state a reset leaves
is what the first passes over the data come to. On all sheets but adagrad the next epoch starts from the
weights that the last row starts from (lastconst is C32), so that its own step is lost.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import sqrt
from typing import Any

import numpy as np

Pair = tuple[float, float]  # of the intercept and of the slope


@dataclass(frozen=True)
class State:
    """What the first row starts from."""

    b: float = 1.0
    a: float = 1.0
    mean: Pair = (0.0, 0.0)
    square: Pair = (1.0, 1.0)  # of gradients; Adagrad: their root mean square over an epoch
    rate: float = 0.0001
    loss_1: float = 1.0  # Eve: the losses of the epochs before
    loss_2: float = 1.0
    divisor: float = 1.0
    before: float = 0.0  # annealing: what the size of the step, or the gradients, were


@dataclass(frozen=True)
class Pass:
    """What a pass over the rows comes to."""

    b: float
    a: float
    mean: Pair
    square: Pair
    loss: float
    gradients: Pair  # root of the sum of squares
    divisor: float = 1.0
    last_start: Pair = (0.0, 0.0)  # the weights that the last row starts from


@dataclass
class Loop:
    """The rows' data and what all the rules share: starting over, one epoch, and several."""

    xs: list[float]
    ys: list[float]
    beta: float = 0.9
    beta2: float = 0.9
    skipped: int = -1  # a row whose gradient does not enter the intercept's mean
    state: State = field(default_factory=State)

    def over(self, s: State) -> Pass:
        raise NotImplementedError

    def copied(self, s: State, p: Pass) -> State:
        """The state the next epoch starts from."""
        return replace(s, b=p.last_start[0], a=p.last_start[1])

    def epoch(self) -> None:
        self.state = self.copied(self.state, self.over(self.state))

    def run(self, epochs: int) -> None:
        for _ in range(epochs):
            self.epoch()

    def reset(self) -> None:
        self.state = State()

    def rows(self, s: State, update: Any) -> Pass:
        b, a, mean, square = s.b, s.a, s.mean, s.square
        gb2 = ga2 = 0.0
        errors = []
        start = (b, a)
        for row, (x, y) in enumerate(zip(self.xs, self.ys)):
            start = (b, a)
            error = b + a * x - y
            errors.append(error)
            gb, ga = 2 * error, 2 * error * x
            gb2, ga2 = gb2 + gb**2, ga2 + ga**2
            steps, mean, square = update(row, (gb, ga), mean, square)
            b, a = b - steps[0], a - steps[1]
        # Eve at the lesson's learning rate of 1 is chaotic: within 40 epochs the last bit of a loss grows to
        # whole numbers. So its squares are added in the order in which arrays are.
        loss = sqrt(np.add.accumulate(np.square(errors))[-1])  # number after number, as SUM adds
        return Pass(b, a, mean, square, loss, (sqrt(gb2), sqrt(ga2)), last_start=start)


class SGD(Loop):
    def over(self, s: State) -> Pass:
        return self.rows(s, lambda row, g, m, v: ((s.rate * g[0], s.rate * g[1]), m, v))


class Momentum(Loop):
    def over(self, s: State) -> Pass:
        def update(row: int, g: Pair, m: Pair, v: Pair) -> Any:
            m = (self.beta * m[0] + (1 - self.beta) * g[0], self.beta * m[1] + (1 - self.beta) * g[1])
            return (s.rate * m[0], s.rate * m[1]), m, v

        return self.rows(s, update)

    def copied(self, s: State, p: Pass) -> State:
        return replace(super().copied(s, p), mean=p.mean)

    def reset(self) -> None:
        s = State(rate=0.0001)
        self.state = replace(s, mean=self.over(s).mean)


class Adagrad(Loop):
    rate = 0.001

    def over(self, s: State) -> Pass:
        rates = s.rate / s.square[0], s.rate / s.square[1]
        p = self.rows(s, lambda row, g, m, v: ((rates[0] * g[0], rates[1] * g[1]), m, v))
        return replace(p, square=(p.gradients[0] / len(self.xs), p.gradients[1] / len(self.xs)))

    def copied(self, s: State, p: Pass) -> State:
        return replace(s, b=p.b, a=p.a, square=p.square)

    def reset(self) -> None:
        s = State(square=(10_000, 10_000), rate=self.rate)
        self.state = replace(s, square=self.over(s).square)


class RMSProp(Loop):
    rate = 0.02

    def over(self, s: State) -> Pass:
        def update(row: int, g: Pair, m: Pair, v: Pair) -> Any:
            steps = s.rate * g[0] / sqrt(v[0]), s.rate * g[1] / sqrt(v[1])
            v = tuple(self.beta * old + (1 - self.beta) * new**2 for old, new in zip(v, g))
            return steps, m, v

        return self.rows(s, update)

    def copied(self, s: State, p: Pass) -> State:
        return replace(super().copied(s, p), square=p.square)

    def reset(self) -> None:
        s = State(square=(10_000, 10_000), rate=self.rate)
        for _ in range(2):
            s = replace(s, square=self.over(s).square)
        self.state = s


class Adam(Loop):
    def over(self, s: State) -> Pass:
        divisor = self.divisor(s)

        def update(row: int, g: Pair, m: Pair, v: Pair) -> Any:
            entering = (0.0 if row == self.skipped else g[0], g[1])
            m = tuple(self.beta * old + (1 - self.beta) * new for old, new in zip(m, entering))
            v = tuple(self.beta2 * old + (1 - self.beta2) * new**2 for old, new in zip(v, g))
            return tuple(s.rate * m[i] / sqrt(v[i]) / divisor for i in (0, 1)), m, v

        return replace(self.rows(s, update), divisor=divisor)

    def divisor(self, s: State) -> float:
        return 1.0

    def copied(self, s: State, p: Pass) -> State:
        return replace(super().copied(s, p), mean=p.mean, square=p.square)

    def reset(self) -> None:
        """With automatic calculation the second copy of each pair already sees the first."""
        s = State(square=(10_000, 10_000), rate=1.0)
        for _ in range(2):
            s = replace(s, square=self.over(s).square)
            s = replace(s, mean=self.over(s).mean)
        self.state = s


class Eve(Adam):
    beta3 = 0.9

    def divisor(self, s: State) -> float:
        change = abs(s.loss_1 - s.loss_2) / min(s.loss_1, s.loss_2)
        return s.divisor * self.beta3 + (1 - self.beta3) * change

    def copied(self, s: State, p: Pass) -> State:
        return replace(super().copied(s, p), loss_1=p.loss, loss_2=s.loss_1, divisor=p.divisor)

    def reset(self) -> None:
        """Nothing is recalculated before the means are copied: they are those of the pass before the reset."""
        stale = self.over(self.state)
        s = replace(self.state, b=1.0, a=1.0, rate=1.0, mean=stale.mean, square=stale.square, divisor=1.0)
        loss = self.over(s).loss
        self.state = replace(s, loss_1=loss, loss_2=loss / 2)


class AnnealedAdagrad(Adagrad):
    def size(self, s: State) -> float:
        """The length of the step: the root mean squares times their rates."""
        now = self.over(s).square
        return now[0] * (s.rate / s.square[0]) + now[1] * (s.rate / s.square[1])

    def copied(self, s: State, p: Pass) -> State:
        return replace(s, b=p.last_start[0], a=p.last_start[1], square=p.square)

    def epoch(self) -> None:
        super().epoch()
        while self.size(self.state) > 2 * self.state.before:
            self.state = replace(self.state, rate=self.state.rate / 2)
        self.state = replace(self.state, before=self.size(self.state))

    def reset(self) -> None:
        self.state = State(square=(1_000_000, 1_000_000), rate=0.5, before=100.0)


class AnnealedAdam(Adam):
    def roots(self, s: State) -> float:
        return sqrt(s.square[0]) + sqrt(s.square[1])

    def epoch(self) -> None:
        super().epoch()
        s = self.state
        rate = s.rate / 4 if self.roots(s) / s.before > 2 else s.rate
        self.state = replace(s, rate=rate, before=min(s.before, self.roots(s)))

    def reset(self) -> None:
        s = State(square=(10_000, 10_000), rate=1.0)
        p = self.over(s)
        s = replace(s, mean=p.mean, square=p.square)
        p = self.over(s)
        before = self.roots(s)
        self.state = replace(s, mean=p.mean, square=p.square, before=before)


# By the lesson's sheets: the rule and its settings.
LOOPS: dict[str, tuple[type[Loop], dict[str, Any]]] = {
    "basic SGD": (SGD, {}),
    "momentum": (Momentum, {}),
    "adagrad": (Adagrad, {}),
    "rmsprop": (RMSProp, {}),
    "adam": (Adam, {"beta": 0.7}),
    "eve": (Eve, {"beta": 0.7}),
    "adagrad_ann": (AnnealedAdagrad, {}),
    "adam_ann": (AnnealedAdam, {"beta": 0.9, "beta2": 0.95, "skipped": 1}),  # J5 reads a blank cell of another sheet
}
