"""Update rules of gradient descent, one small function each, and the optimizers that carry their settings.

A rule is a pure function of numbers or of arrays: the parameter, its gradient and its state before the
step give those after it. The compiled trainer is made from these very functions (`learn.kernels`), the
NumPy trainer calls them on arrays, and the tests hold them against the sheets of the graddesc workbook.

Conventions differ from place to place, so they are arguments. `dampening` 0 is the velocity of PyTorch
and of Polyak, v = momentum·v + g; `dampening` = momentum is the running mean of the lesson's sheets,
v = momentum·v + (1 - momentum)·g. The corrections of Adam are 1 where none is wanted, as in the sheets.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from sheetml.errors import SheetmlError
from sheetml.learn.parameters import Parameters

Number = Any  # a float, or an array of them: the rules take both

# ---- rules: they call nothing but NumPy, so that Numba can compile each by itself


def sgd_step(parameter: Number, gradient: Number, rate: float) -> Number:
    """Stochastic gradient descent (Robbins and Monro 1951): the new parameter."""
    return parameter - rate * gradient


def momentum_step(
    parameter: Number, gradient: Number, velocity: Number, rate: float, momentum: float, dampening: float
) -> tuple[Number, Number]:
    """The heavy ball (Polyak 1964): the new parameter and velocity."""
    velocity = momentum * velocity + (1 - dampening) * gradient
    return parameter - rate * velocity, velocity


def nesterov_step(
    parameter: Number, gradient: Number, velocity: Number, rate: float, momentum: float, dampening: float
) -> tuple[Number, Number]:
    """Nesterov's accelerated gradient (1983) as Sutskever et al. (2013) use it, in terms of the point
    looked ahead to: the new parameter and velocity."""
    velocity = momentum * velocity + (1 - dampening) * gradient
    return parameter - rate * ((1 - dampening) * gradient + momentum * velocity), velocity


def adagrad_step(
    parameter: Number, gradient: Number, total: Number, rate: float, epsilon: float
) -> tuple[Number, Number]:
    """Adagrad (Duchi, Hazan and Singer 2011): the new parameter and sum of squared gradients."""
    total = total + gradient * gradient
    return parameter - rate * gradient / (np.sqrt(total) + epsilon), total


def rmsprop_step(
    parameter: Number, gradient: Number, square: Number, rate: float, decay: float, epsilon: float
) -> tuple[Number, Number]:
    """RMSProp (Hinton 2012, lecture 6e): the new parameter and running mean of squared gradients."""
    square = decay * square + (1 - decay) * gradient * gradient
    return parameter - rate * gradient / (np.sqrt(square) + epsilon), square


def rmsprop_lagged_step(
    parameter: Number, gradient: Number, square: Number, rate: float, decay: float, epsilon: float
) -> tuple[Number, Number]:
    """RMSProp as the lesson's sheet has it: the step divides by the mean of the gradients before this one."""
    updated = decay * square + (1 - decay) * gradient * gradient
    return parameter - rate * gradient / (np.sqrt(square) + epsilon), updated


def adam_step(
    parameter: Number,
    gradient: Number,
    mean: Number,
    square: Number,
    rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    correction1: float,
    correction2: float,
) -> tuple[Number, Number, Number]:
    """Adam (Kingma and Ba 2015): the new parameter and running means of gradient and squared gradient.

    The corrections are 1 - beta ** t at step t = 1, 2, …
    """
    mean = beta1 * mean + (1 - beta1) * gradient
    square = beta2 * square + (1 - beta2) * gradient * gradient
    return parameter - rate * (mean / correction1) / (np.sqrt(square / correction2) + epsilon), mean, square


def amsgrad_step(
    parameter: Number,
    gradient: Number,
    mean: Number,
    square: Number,
    largest: Number,
    rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    correction1: float,
    correction2: float,
) -> tuple[Number, Number, Number, Number]:
    """AMSGrad (Reddi, Kale and Kumar 2018): Adam that divides by the largest mean square so far.

    The paper corrects nothing (corrections 1); PyTorch corrects as in Adam.
    """
    mean = beta1 * mean + (1 - beta1) * gradient
    square = beta2 * square + (1 - beta2) * gradient * gradient
    largest = np.maximum(largest, square)
    step = rate * (mean / correction1) / (np.sqrt(largest / correction2) + epsilon)
    return parameter - step, mean, square, largest


def eve_coefficient(loss: float, previous: float, coefficient: float, beta: float, clip: float) -> float:
    """The divisor of Eve's learning rate (Hayashi, Koushik and Neubig 2018), from two losses in succession.

    Eve is Adam with rate / coefficient. The relative change of the loss is kept within 1/clip and clip;
    an infinite clip keeps nothing, as in the lesson's sheet.
    """
    change = abs(loss - previous) / min(loss, previous)
    return beta * coefficient + (1 - beta) * min(max(change, 1 / clip), clip)


# ---- optimizers

# The columns of a table of settings, a row a step.
RATE, L2, SHRINK, BETA1, BETA2, EPSILON, DAMPENING, CORRECTION1, CORRECTION2, SETTINGS = range(10)

# The rules as the compiled trainer knows them.
SGD_RULE, MOMENTUM_RULE, NESTEROV_RULE, ADAGRAD_RULE, RMSPROP_RULE, ADAM_RULE, AMSGRAD_RULE = range(7)


@dataclass(frozen=True, repr=False)
class Optimizer(Parameters):
    """The settings of an update rule.

    `weight_decay` is added to the gradient as L2 penalty's (weight_decay · parameter, as PyTorch's
    optimizers do) or, where `decoupled`, shrinks the parameter by rate · weight_decay (Loshchilov and
    Hutter 2019).

    An embedding row that is not in a minibatch has no gradient, but weight decay and momentum act on it
    still. `dense` True does exactly that, as PyTorch does with dense gradients; False leaves such rows
    as they are until their next turn, as PyTorch's SparseAdam and TensorFlow's LazyAdam do. None is
    dense where that costs nothing: for the rules without a division, whose missed steps have a closed form.
    """

    learning_rate: float = 0.01
    weight_decay: float = 0.0
    dense: bool | None = None

    registry: ClassVar[dict[str, type[Optimizer]]] = {}
    rule: ClassVar[int]
    states: ClassVar[int] = 0  # arrays of state a parameter array has
    linear: ClassVar[bool] = False  # linear in parameter and state where the gradient is 0
    decoupled: ClassVar[bool] = False
    feedback: ClassVar[bool] = False  # the losses change the rate

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Raises ValueError where a setting is out of its range."""
        if not self.learning_rate >= 0:
            raise ValueError(f"the learning rate must be 0 or more, not {self.learning_rate}")
        if not self.weight_decay >= 0:
            raise ValueError(f"the weight decay must be 0 or more, not {self.weight_decay}")
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in ("momentum", "beta1", "beta2", "beta3", "decay") and not 0 <= value < 1:
                raise ValueError(f"{field.name} must be at least 0 and below 1, not {value}")

    @property
    def is_dense(self) -> bool:
        return self.linear if self.dense is None else self.dense

    def settings(self, first: int, rates: np.ndarray, momenta: np.ndarray | None = None) -> np.ndarray:
        """The rule's numbers for some steps, (steps, SETTINGS).

        `first` counts the steps taken before; `rates` (steps,) are the learning rates; `momenta` (steps,)
        replace momentum or beta1 where a schedule moves it.
        """
        table = np.zeros((len(rates), SETTINGS))
        table[:, RATE] = rates
        table[:, L2] = 0.0 if self.decoupled else self.weight_decay
        table[:, SHRINK] = 1.0 - rates * self.weight_decay if self.decoupled else 1.0
        table[:, BETA1] = getattr(self, "momentum", getattr(self, "beta1", 0.0)) if momenta is None else momenta
        table[:, BETA2] = getattr(self, "beta2", getattr(self, "decay", 0.0))
        table[:, EPSILON] = getattr(self, "epsilon", 0.0)
        table[:, DAMPENING] = getattr(self, "dampening", 0.0)
        steps = first + 1 + np.arange(len(rates))
        table[:, CORRECTION1] = 1 - table[:, BETA1] ** steps
        table[:, CORRECTION2] = 1 - table[:, BETA2] ** steps
        return table

    def apply(self, parameter: np.ndarray, gradient: np.ndarray, state: np.ndarray, at: np.ndarray) -> None:
        """One step in place: `parameter` and `gradient` (…), `state` (states, …), `at` a row of `settings`."""
        gradient = gradient + at[L2] * parameter
        parameter[...], state[...] = self._stepped(at[SHRINK] * parameter, gradient, state, at)

    def _stepped(self, parameter: Number, gradient: Number, state: np.ndarray, at: np.ndarray) -> tuple[Number, Any]:
        raise NotImplementedError


@dataclass(frozen=True, repr=False)
class SGD(Optimizer, name="sgd"):
    """Stochastic gradient descent."""

    learning_rate: float = 0.1
    rule = SGD_RULE
    linear = True

    def _stepped(self, parameter: Number, gradient: Number, state: np.ndarray, at: np.ndarray) -> tuple[Number, Any]:
        return sgd_step(parameter, gradient, at[RATE]), state


@dataclass(frozen=True, repr=False)
class Momentum(Optimizer, name="momentum"):
    """Gradient descent with momentum; `dampening` as at the head of this module."""

    learning_rate: float = 0.1
    momentum: float = 0.9
    dampening: float = 0.0
    rule = MOMENTUM_RULE
    states = 1
    linear = True

    def _stepped(self, parameter: Number, gradient: Number, state: np.ndarray, at: np.ndarray) -> tuple[Number, Any]:
        parameter, velocity = momentum_step(parameter, gradient, state[0], at[RATE], at[BETA1], at[DAMPENING])
        return parameter, [velocity]


@dataclass(frozen=True, repr=False)
class SGDW(Momentum, name="sgdw"):
    """Momentum with decoupled weight decay."""

    decoupled = True


@dataclass(frozen=True, repr=False)
class Nesterov(Momentum, name="nesterov"):
    """Nesterov's momentum."""

    rule = NESTEROV_RULE

    def _stepped(self, parameter: Number, gradient: Number, state: np.ndarray, at: np.ndarray) -> tuple[Number, Any]:
        parameter, velocity = nesterov_step(parameter, gradient, state[0], at[RATE], at[BETA1], at[DAMPENING])
        return parameter, [velocity]


@dataclass(frozen=True, repr=False)
class Adagrad(Optimizer, name="adagrad"):
    """Adagrad."""

    learning_rate: float = 0.1
    epsilon: float = 1e-10
    rule = ADAGRAD_RULE
    states = 1

    def _stepped(self, parameter: Number, gradient: Number, state: np.ndarray, at: np.ndarray) -> tuple[Number, Any]:
        parameter, total = adagrad_step(parameter, gradient, state[0], at[RATE], at[EPSILON])
        return parameter, [total]


@dataclass(frozen=True, repr=False)
class RMSProp(Optimizer, name="rmsprop"):
    """RMSProp."""

    learning_rate: float = 1e-2
    decay: float = 0.99
    epsilon: float = 1e-8
    rule = RMSPROP_RULE
    states = 1

    def _stepped(self, parameter: Number, gradient: Number, state: np.ndarray, at: np.ndarray) -> tuple[Number, Any]:
        parameter, square = rmsprop_step(parameter, gradient, state[0], at[RATE], at[BETA2], at[EPSILON])
        return parameter, [square]


@dataclass(frozen=True, repr=False)
class Adam(Optimizer, name="adam"):
    """Adam with bias correction."""

    learning_rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    rule = ADAM_RULE
    states = 2

    def _stepped(self, parameter: Number, gradient: Number, state: np.ndarray, at: np.ndarray) -> tuple[Number, Any]:
        mean, square = state
        parameter, *state_after = adam_step(
            parameter,
            gradient,
            mean,
            square,
            at[RATE],
            at[BETA1],
            at[BETA2],
            at[EPSILON],
            at[CORRECTION1],
            at[CORRECTION2],
        )
        return parameter, state_after


@dataclass(frozen=True, repr=False)
class AdamW(Adam, name="adamw"):
    """Adam with decoupled weight decay."""

    weight_decay: float = 1e-2
    decoupled = True


@dataclass(frozen=True, repr=False)
class Eve(Adam, name="eve"):
    """Adam whose rate follows the loss from minibatch to minibatch."""

    beta3: float = 0.999
    clip: float = 10.0
    feedback = True


@dataclass(frozen=True, repr=False)
class AMSGrad(Adam, name="amsgrad"):
    """Adam that never forgets a large gradient."""

    rule = AMSGRAD_RULE
    states = 3

    def _stepped(self, parameter: Number, gradient: Number, state: np.ndarray, at: np.ndarray) -> tuple[Number, Any]:
        mean, square, largest = state
        parameter, *state_after = amsgrad_step(
            parameter,
            gradient,
            mean,
            square,
            largest,
            at[RATE],
            at[BETA1],
            at[BETA2],
            at[EPSILON],
            at[CORRECTION1],
            at[CORRECTION2],
        )
        return parameter, state_after


OPTIMIZERS: dict[str, type[Optimizer]] = Optimizer.registry  # by name


def optimizer_named(choice: str | Optimizer) -> Optimizer:
    """The optimizer itself, or the one of this name with its usual settings."""
    if isinstance(choice, Optimizer):
        return choice
    if choice not in OPTIMIZERS:
        raise SheetmlError(f"there is no optimizer {choice!r}: choose from {', '.join(OPTIMIZERS)}.")
    return OPTIMIZERS[choice]()
