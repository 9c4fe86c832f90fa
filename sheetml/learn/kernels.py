"""The compiled trainer: minibatches of a network, touching only the rows that a minibatch holds.

It is made from the rules of `learn.optimizers` themselves and gives the numbers of the NumPy trainer
(`learn.training`) but for the order in which sums are rounded. Importing this module imports Numba.

Where untouched rows are to move as in dense training (`Optimizer.dense`), a row catches up with the steps
it missed when its next turn comes. For rules that are linear where the gradient is 0 (gradient descent,
momentum, Nesterov, with either weight decay) a missed step is a 2 by 2 matrix on parameter and velocity,
the same for all numbers of all rows; a segment tree holds the products, so that any stretch of missed
steps costs a few multiplications. Other rules replay the missed steps one by one.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from sheetml.learn import optimizers as rules
from sheetml.learn.networks import NET
from sheetml.learn.optimizers import (
    ADAGRAD_RULE,
    ADAM_RULE,
    AMSGRAD_RULE,
    BETA1,
    BETA2,
    CORRECTION1,
    CORRECTION2,
    DAMPENING,
    EPSILON,
    L2,
    MOMENTUM_RULE,
    NESTEROV_RULE,
    RATE,
    RMSPROP_RULE,
    SGD_RULE,
    SHRINK,
)

# Sums may be rounded in any order; infinities and NaN must stay what they are.
ROUNDING = {"reassoc", "contract", "arcp", "nsz"}

_compiled = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=ROUNDING)
_rule = numba.njit(nogil=True, error_model="numpy", fastmath=ROUNDING)

_sgd, _momentum, _nesterov = _rule(rules.sgd_step), _rule(rules.momentum_step), _rule(rules.nesterov_step)
_adagrad, _rmsprop = _rule(rules.adagrad_step), _rule(rules.rmsprop_step)
_adam, _amsgrad = _rule(rules.adam_step), _rule(rules.amsgrad_step)
_eve_coefficient = _rule(rules.eve_coefficient)


class Shape(NamedTuple):
    """A network in numbers."""

    code: int
    hidden: int
    bias: bool
    squash: bool
    low: float
    high: float
    keep_inputs: float  # the reciprocals of the parts that dropout keeps
    keep_hidden: float


# The functions below take the arrays they loop over one by one, and loop over a whole minibatch:
# Numba counts references to arrays at every call and look-up, and that would cost more than the sums.


@_compiled
def _step_rows(code, rows, state, chosen, count, gradients, at):
    """One step, with the settings `at`, of the rows chosen[:count], whose gradients are gradients[:count]."""
    rate, l2, shrink, epsilon, width = at[RATE], at[L2], at[SHRINK], at[EPSILON], rows.shape[1]
    beta1, beta2, dampening = at[BETA1], at[BETA2], at[DAMPENING]
    correction1, correction2 = at[CORRECTION1], at[CORRECTION2]
    for n in range(count):
        row = chosen[n]
        if code == SGD_RULE:
            for f in range(width):
                p = rows[row, f]
                g = gradients[n, f] + l2 * p
                rows[row, f] = _sgd(shrink * p, g, rate)
        elif code == MOMENTUM_RULE:
            for f in range(width):
                p = rows[row, f]
                g = gradients[n, f] + l2 * p
                rows[row, f], state[row, 0, f] = _momentum(shrink * p, g, state[row, 0, f], rate, beta1, dampening)
        elif code == NESTEROV_RULE:
            for f in range(width):
                p = rows[row, f]
                g = gradients[n, f] + l2 * p
                rows[row, f], state[row, 0, f] = _nesterov(shrink * p, g, state[row, 0, f], rate, beta1, dampening)
        elif code == ADAGRAD_RULE:
            for f in range(width):
                p = rows[row, f]
                g = gradients[n, f] + l2 * p
                rows[row, f], state[row, 0, f] = _adagrad(shrink * p, g, state[row, 0, f], rate, epsilon)
        elif code == RMSPROP_RULE:
            for f in range(width):
                p = rows[row, f]
                g = gradients[n, f] + l2 * p
                rows[row, f], state[row, 0, f] = _rmsprop(shrink * p, g, state[row, 0, f], rate, beta2, epsilon)
        elif code == ADAM_RULE:
            for f in range(width):
                p = rows[row, f]
                g = gradients[n, f] + l2 * p
                m, s = state[row, 0, f], state[row, 1, f]
                rows[row, f], state[row, 0, f], state[row, 1, f] = _adam(
                    shrink * p, g, m, s, rate, beta1, beta2, epsilon, correction1, correction2
                )
        elif code == AMSGRAD_RULE:
            for f in range(width):
                p = rows[row, f]
                g = gradients[n, f] + l2 * p
                m, s, largest = state[row, 0, f], state[row, 1, f], state[row, 2, f]
                rows[row, f], state[row, 0, f], state[row, 1, f], state[row, 2, f] = _amsgrad(
                    shrink * p, g, m, s, largest, rate, beta1, beta2, epsilon, correction1, correction2
                )


# ---- rows that catch up


@_compiled
def _missed_step_tree(code, settings):
    """A segment tree of the matrices of steps without gradient, (2 · leaves, 4), leaves a power of two.

    A matrix (a, b, c, d) stands for parameter ← a·parameter + b·velocity, velocity ← c·parameter + d·velocity.
    """
    leaves = 1
    while leaves < len(settings):
        leaves *= 2
    tree = np.zeros((2 * leaves, 4), settings.dtype)
    tree[:, 0] = tree[:, 3] = 1
    unit, velocity = np.empty((1, 2), settings.dtype), np.empty((1, 1, 2), settings.dtype)
    nothing, first = np.zeros((1, 2), settings.dtype), np.zeros(1, np.int32)
    for step in range(len(settings)):  # the rule itself, on the two unit vectors
        unit[0, 0], unit[0, 1], velocity[0, 0, 0], velocity[0, 0, 1] = 1, 0, 0, 1
        _step_rows(code, unit, velocity, first, 1, nothing, settings[step])
        tree[leaves + step, :2], tree[leaves + step, 2:] = unit[0], velocity[0, 0]
    for node in range(leaves - 1, 0, -1):
        earlier, later = tree[2 * node], tree[2 * node + 1]
        tree[node, 0], tree[node, 1], tree[node, 2], tree[node, 3] = _product(
            later[0], later[1], later[2], later[3], earlier[0], earlier[1], earlier[2], earlier[3]
        )
    return tree


@_compiled
def _product(a, b, c, d, e, f, g, h):
    """The matrix (a, b, c, d) times the matrix (e, f, g, h)."""
    return a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h


@_compiled
def _missed_steps(tree, start, stop):
    """The product of the matrices of the steps from start to stop."""
    one, zero = tree[0, 0], tree[0, 1]  # node 0 is no part of the tree: it stays the identity
    a, b, c, d = one, zero, zero, one
    e, f, g, h = one, zero, zero, one
    low, high = start + len(tree) // 2, stop + len(tree) // 2
    while low < high:
        if low & 1:
            a, b, c, d = _product(tree[low, 0], tree[low, 1], tree[low, 2], tree[low, 3], a, b, c, d)
            low += 1
        if high & 1:
            high -= 1
            e, f, g, h = _product(e, f, g, h, tree[high, 0], tree[high, 1], tree[high, 2], tree[high, 3])
        low //= 2
        high //= 2
    return _product(e, f, g, h, a, b, c, d)


@_compiled
def _catch_up(code, rows, state, chosen, count, steps, stop, settings, tree, nothing):
    """Takes the steps that the rows chosen[:count] missed before the step `stop`, with a gradient of 0.

    A tree of no nodes says that the rule has no closed form. The rows then count as having taken the
    step `stop` as well: its gradient is about to follow.
    """
    width, states = rows.shape[1], state.shape[1]
    for n in range(count):
        row = chosen[n]
        start = steps[row]
        steps[row] = stop + 1
        if len(tree) == 0:
            for step in range(start, stop):
                _step_rows(code, rows, state, chosen[n:], 1, nothing, settings[step])
        elif start < stop:
            a, b, c, d = _missed_steps(tree, start, stop)
            if states == 0:
                for f in range(width):
                    rows[row, f] *= a
            else:
                for f in range(width):
                    p, v = rows[row, f], state[row, 0, f]
                    rows[row, f] = a * p + b * v
                    state[row, 0, f] = c * p + d * v


# ---- networks: the sum of squared errors of a minibatch, and its gradients


@_compiled
def _squashed(shape, raw):
    if not shape.squash:
        return raw, raw * 0 + 1
    part = 1 / (1 + np.exp(-raw))
    span = shape.high - shape.low
    return shape.low + span * part, span * part * (1 - part)


@_compiled
def _dot(shape, users, items, values, positions, user_rows, item_rows, u_places, i_places, of_users, of_items):
    number = user_rows.dtype.type
    bias = user_rows.shape[1] - 1
    factors = user_rows.shape[1] - shape.bias
    share, total = 2 / len(positions), 0.0
    for position in positions:
        user, item = users[position], items[position]
        raw = number(0)
        for f in range(factors):
            raw += user_rows[user, f] * item_rows[item, f]
        if shape.bias:
            raw += user_rows[user, bias] + item_rows[item, bias]
        predicted, slope = _squashed(shape, raw)
        error = predicted - number(values[position])
        total += error * error
        scale = number(error * slope * share)
        u, i = u_places[user], i_places[item]
        for f in range(factors):
            of_users[u, f] += scale * item_rows[item, f]
            of_items[i, f] += scale * user_rows[user, f]
        if shape.bias:
            of_users[u, bias] += scale
            of_items[i, bias] += scale
    return total


@_compiled
def _net(
    shape, users, items, values, positions, user_rows, item_rows, u_places, i_places, of_users, of_items,
    weights, of_weights, masks, inputs, of_inputs, active,
):  # fmt: skip
    number = user_rows.dtype.type
    factors, hidden = user_rows.shape[1], shape.hidden
    width = 2 * factors
    bias, second = hidden * width, hidden * (width + 1)
    keep_inputs, keep_hidden = number(shape.keep_inputs), number(shape.keep_hidden)
    share, total = 2 / len(positions), 0.0
    for n in range(len(positions)):
        user, item = users[positions[n]], items[positions[n]]
        for f in range(factors):
            inputs[f] = user_rows[user, f] * masks[n, f] * keep_inputs
            inputs[factors + f] = item_rows[item, f] * masks[n, factors + f] * keep_inputs
        raw = weights[0, second + hidden]
        for j in range(hidden):
            active[j] = 0
            if masks[n, width + j]:
                before = weights[0, bias + j]
                for k in range(width):
                    before += weights[0, j * width + k] * inputs[k]
                active[j] = max(before, number(0)) * keep_hidden
                raw += active[j] * weights[0, second + j]
        predicted, slope = _squashed(shape, raw)
        error = predicted - number(values[positions[n]])
        total += error * error
        scale = number(error * slope * share)
        for k in range(width):
            of_inputs[k] = 0
        for j in range(hidden):
            if active[j] > 0:
                of_hidden = scale * weights[0, second + j] * keep_hidden
                for k in range(width):
                    of_weights[0, j * width + k] += of_hidden * inputs[k]
                    of_inputs[k] += of_hidden * weights[0, j * width + k]
                of_weights[0, bias + j] += of_hidden
                of_weights[0, second + j] += scale * active[j]
        of_weights[0, second + hidden] += scale
        u, i = u_places[user], i_places[item]
        for f in range(factors):
            of_users[u, f] += of_inputs[f] * masks[n, f] * keep_inputs
            of_items[i, f] += of_inputs[factors + f] * masks[n, factors + f] * keep_inputs
    return total


@_compiled
def _descend(shape, users, items, values, order, user_rows, item_rows, settings, losses):
    """Gradient descent on the dot product, a step a rating: what `train` does with minibatches of one, in place.

    A rating's two rows are all that it moves, so there is nothing to gather or to share out.
    """
    number = user_rows.dtype.type
    bias = user_rows.shape[1] - 1
    factors = user_rows.shape[1] - shape.bias
    for step in range(len(settings)):
        user, item = users[order[step]], items[order[step]]
        raw = number(0)
        for f in range(factors):
            raw += user_rows[user, f] * item_rows[item, f]
        if shape.bias:
            raw += user_rows[user, bias] + item_rows[item, bias]
        predicted, slope = _squashed(shape, raw)
        error = predicted - number(values[order[step]])
        losses[step] = error * error
        scale = number(error * slope * 2)
        rate, l2, shrink = settings[step, RATE], settings[step, L2], settings[step, SHRINK]
        for f in range(factors):
            p, q = user_rows[user, f], item_rows[item, f]
            user_rows[user, f] = _sgd(shrink * p, scale * q + l2 * p, rate)
            item_rows[item, f] = _sgd(shrink * q, scale * p + l2 * q, rate)
        if shape.bias:
            p, q = user_rows[user, bias], item_rows[item, bias]
            user_rows[user, bias] = _sgd(shrink * p, scale + l2 * p, rate)
            item_rows[item, bias] = _sgd(shrink * q, scale + l2 * q, rate)


# ---- minibatches


@_compiled
def _touch(codes, positions, places, touched, gradients):
    """Gives each row of the minibatch a place, with a gradient of 0: the count of places."""
    count = 0
    for position in positions:
        row = codes[position]
        if places[row] < 0:
            places[row] = count
            touched[count] = row
            for f in range(gradients.shape[1]):
                gradients[count, f] = 0
            count += 1
    return count


@_compiled
def _leave(places, touched, count):
    for n in range(count):
        places[touched[n]] = -1


@_compiled
def _follow(feedback, loss, at):
    """Divides the rate by Eve's coefficient, brought up to date with the loss of this minibatch."""
    if feedback[2] > 0 and loss > 0:
        feedback[3] = _eve_coefficient(loss, feedback[2], feedback[3], feedback[0], feedback[1])
    feedback[2] = loss
    at[RATE] /= feedback[3]


@_compiled
def train(
    users, items, values, order, batch, shape, masks, u_rows, u_state, i_rows, i_state, weights, w_state,
    code, linear, dense, settings, feedback, losses,
):  # fmt: skip
    """Trains on the ratings at the positions `order`, minibatch after minibatch, in place.

    The tables are rows (n, width) and state (n, states, width) of users and of items; the weights are a
    table of one row, which every minibatch touches. `masks` (ratings, mask_width) belong to the positions
    in `order`. The rule has a `code`, is `linear` where its gradient is 0, and is to be `dense`;
    `settings` (steps, SETTINGS) has a row a minibatch. `feedback` is empty but for Eve: beta, clip,
    previous loss, coefficient. `losses` (steps,) receives the mean squared error of each minibatch
    before its step.
    """
    if batch == 1 and shape.code != NET and code == SGD_RULE and not dense and len(feedback) == 0:
        _descend(shape, users, items, values, order, u_rows, i_rows, settings, losses)
        return
    width, dtype = u_rows.shape[1], settings.dtype
    tree = _missed_step_tree(code, settings) if linear and dense else np.empty((0, 4), dtype)
    u_steps, u_places, u_touched = (
        np.zeros(len(u_rows), np.int32),
        np.full(len(u_rows), -1, np.int32),
        np.empty(batch, np.int32),
    )
    i_steps, i_places, i_touched = (
        np.zeros(len(i_rows), np.int32),
        np.full(len(i_rows), -1, np.int32),
        np.empty(batch, np.int32),
    )
    of_users, of_items, of_weights = (
        np.empty((batch, width), dtype),
        np.empty((batch, width), dtype),
        np.zeros(weights.shape, dtype),
    )
    inputs, of_inputs, active = np.empty(2 * width, dtype), np.empty(2 * width, dtype), np.empty(shape.hidden, dtype)
    nothing, first = np.zeros((1, width), dtype), np.zeros(1, np.int32)
    for step in range(len(settings)):
        at, positions = settings[step], order[step * batch : (step + 1) * batch]
        u_count = _touch(users, positions, u_places, u_touched, of_users)
        i_count = _touch(items, positions, i_places, i_touched, of_items)
        if dense:
            _catch_up(code, u_rows, u_state, u_touched, u_count, u_steps, step, settings, tree, nothing)
            _catch_up(code, i_rows, i_state, i_touched, i_count, i_steps, step, settings, tree, nothing)
        if shape.code == NET:
            mask = masks[step * batch : (step + 1) * batch]
            total = _net(
                shape, users, items, values, positions, u_rows, i_rows, u_places, i_places, of_users, of_items,
                weights, of_weights, mask, inputs, of_inputs, active,
            )  # fmt: skip
        else:
            total = _dot(shape, users, items, values, positions, u_rows, i_rows, u_places, i_places, of_users, of_items)
        losses[step] = total / len(positions)
        if len(feedback):
            _follow(feedback, losses[step], at)
        _step_rows(code, u_rows, u_state, u_touched, u_count, of_users, at)
        _step_rows(code, i_rows, i_state, i_touched, i_count, of_items, at)
        _leave(u_places, u_touched, u_count)
        _leave(i_places, i_touched, i_count)
        if shape.code == NET:
            _step_rows(code, weights, w_state, first, 1, of_weights, at)
            of_weights[:] = 0
    if dense:
        all_users, all_items = np.arange(len(u_rows), dtype=np.int32), np.arange(len(i_rows), dtype=np.int32)
        _catch_up(code, u_rows, u_state, all_users, len(all_users), u_steps, len(settings), settings, tree, nothing)
        _catch_up(code, i_rows, i_state, all_items, len(all_items), i_steps, len(settings), settings, tree, nothing)
