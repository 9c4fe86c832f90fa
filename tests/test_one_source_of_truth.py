"""The sheets and the trainer follow the same rules: both are run on the same numbers.

Each sheet of the built workbook runs epochs; beside it the update rules of `sheetml.learn` take the same
steps, row by row, on the weights as a NumPy array. The state a reset leaves in the sheet is where both start.
"""

from __future__ import annotations

import numpy as np
import pytest

import sheetml
from sheetml.learn import optimizers, schedules
from tests.reference import PROJECT

EPOCHS = 6
BETA, SQUARED, EPSILON, DECAY = 0.9, 0.999, 1e-8, 0.01


@pytest.fixture(scope="module")
def workbook():
    return sheetml.open(PROJECT / "workbooks" / "graddesc.xlsx")


class Trainer:
    """The rows' weights and state, moved on by a rule of `learn`."""

    def __init__(self, loop):
        self.cells, sheet = loop.cells, loop.workbook[loop.sheet]
        self.x, self.y = (sheet[f"{column}4:{column}32"][:, 0].astype(float) for column in "AB")
        self.w = np.array([loop.point.const, loop.point.slope])
        self.rate = loop.learning_rate
        self.states = {name: np.array(self.cells.values(name), float) for name, _ in loop.layout.copies}
        self.step = 0

    def epoch(self, rule):
        for x, y in zip(self.x, self.y):
            inputs = np.array([1.0, x])
            self.step += 1
            self.w = rule(self, self.w, 2 * (self.w @ inputs - y) * inputs)

    def correction(self, beta):
        return 1 - beta**self.step


def sgd(t, w, g):
    return optimizers.sgd_step(w, g, t.rate)


def momentum(t, w, g):
    w, t.states["momtarget"] = optimizers.momentum_step(w, g, t.states["momtarget"], t.rate, BETA, BETA)
    return w


def nesterov(t, w, g):
    w, t.states["momtarget"] = optimizers.nesterov_step(w, g, t.states["momtarget"], t.rate, BETA, BETA)
    return w


def rmsprop(t, w, g):
    w, t.states["gradtarget"] = optimizers.rmsprop_lagged_step(w, g, t.states["gradtarget"], t.rate, BETA, 0.0)
    return w


def adam_of(beta1, beta2, epsilon, corrected, *, shrink=False, l2=False):
    def adam(t, w, g):
        start = w * (1 - t.rate * DECAY) if shrink else w
        gradient = g + DECAY * w if l2 else g
        corrections = (t.correction(beta1), t.correction(beta2)) if corrected else (1.0, 1.0)
        settings = (t.rate, beta1, beta2, epsilon, *corrections)
        w, t.states["momtarget"], t.states["gradtarget"] = optimizers.adam_step(
            start, gradient, t.states["momtarget"], t.states["gradtarget"], *settings
        )
        return w

    return adam


def amsgrad(t, w, g):
    settings = (t.rate, BETA, SQUARED, EPSILON, t.correction(BETA), t.correction(SQUARED))
    names = ("momtarget", "gradtarget", "maxtarget")
    w, *states = optimizers.amsgrad_step(w, g, *(t.states[name] for name in names), *settings)  # type: ignore[call-arg]
    t.states.update(zip(names, states))
    return w


def scheduled(schedule, epochs):
    def step(t, w, g):
        factor = schedule.factors(epochs, len(t.x))[t.step - 1]
        return optimizers.sgd_step(w, g, t.rate * factor)

    return step


RULES = {
    "basic SGD": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "rmsprop": rmsprop,
    "adam": adam_of(0.7, 0.9, 0.0, corrected=False),
    "adam_corrected": adam_of(BETA, SQUARED, EPSILON, corrected=True),
    "adam_l2": adam_of(BETA, SQUARED, EPSILON, corrected=True, l2=True),
    "adamw": adam_of(BETA, SQUARED, EPSILON, corrected=True, shrink=True),
    "amsgrad": amsgrad,
    "sgdr": scheduled(schedules.SGDR(cycle_len=1, cycle_mult=2), EPOCHS),
    "one_cycle": scheduled(schedules.OneCycle(), 50),
}


@pytest.mark.parametrize("sheet", RULES)
def test_a_sheet_and_the_trainers_rule_come_to_the_same_weights(workbook, sheet):
    loop = next(loop for loop in workbook.training_loops if loop.sheet == sheet)
    loop.reset()
    trainer = Trainer(loop)
    history = loop.run(EPOCHS)
    for epoch in range(EPOCHS):
        trainer.epoch(RULES[sheet])
        assert [history.const[epoch], history.slope[epoch]] == pytest.approx(trainer.w.tolist(), rel=1e-9)


def test_eves_divisor_is_that_of_the_trainer(workbook):
    loop = next(loop for loop in workbook.training_loops if loop.sheet == "eve")
    loop.reset()
    cells = loop.cells
    for _ in range(5):
        loss, previous, divisor = (cells.value(name) for name in ("ft_1", "ft_2", "dt_1"))
        expected = optimizers.eve_coefficient(loss, previous, divisor, 0.9, np.inf)
        assert cells.value("dtee") == pytest.approx(expected, rel=1e-12)
        trainer = Trainer(loop)
        trainer.rate /= expected
        trainer.epoch(adam_of(0.7, 0.9, 0.0, corrected=False))
        loop.run(1)
        assert [loop.point.const, loop.point.slope] == pytest.approx(trainer.w.tolist(), rel=1e-9)


def test_adagrads_rates_are_the_trainers_with_the_mean_square_of_an_epoch_for_the_sum(workbook):
    """The sheet divides by one root for a whole epoch: the trainer's rule with a total that stands still."""
    loop = next(loop for loop in workbook.training_loops if loop.sheet == "adagrad")
    loop.reset()
    for _ in range(4):
        trainer = Trainer(loop)
        root = trainer.states["gradtarget"]
        trainer.epoch(lambda t, w, g, root=root: optimizers.adagrad_step(w, g, root**2 - g * g, t.rate, 0.0)[0])
        loop.run(1)
        assert [loop.point.const, loop.point.slope] == pytest.approx(trainer.w.tolist(), rel=1e-9)
