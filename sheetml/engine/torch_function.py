"""Cells as a differentiable function of PyTorch: autograd asks for derivatives, the engine gives its own.

Two `torch.autograd.Function`s: the cells' values, whose backward pass is the second one, a gradient; and that
gradient, whose backward pass uses second derivatives (Pearlmutter, "Fast exact multiplication by the Hessian", 1994).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np


class Differentiable(Protocol):
    """What is asked of cells as a function of n others."""

    @property
    def output_addresses(self) -> list[str]: ...

    def __call__(self, x: np.ndarray) -> Any: ...

    def jacobian(self, x: np.ndarray) -> np.ndarray: ...

    def weighted_gradient(self, x: np.ndarray, weights: np.ndarray) -> np.ndarray: ...

    def hessian_product(self, x: np.ndarray, v: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray: ...


def torch_function(function: Differentiable) -> Callable[[Any], Any]:
    """The function of tensors. Raises ImportError where PyTorch is not installed."""
    try:
        import torch
    except ImportError:
        raise ImportError(
            "cells as a PyTorch function need PyTorch, which is not installed: pip install 'sheetml[torch]'"
        ) from None

    def array(tensor: Any) -> np.ndarray:
        numbers: np.ndarray = tensor.detach().numpy().reshape(-1)
        return numbers

    def like(numbers: Any, tensor: Any) -> Any:
        return torch.as_tensor(np.array(numbers, np.float64)).reshape(tensor.shape)

    class Values(torch.autograd.Function):
        @staticmethod
        def forward(context: Any, x: Any) -> Any:
            context.save_for_backward(x)
            return torch.as_tensor(np.array(function(array(x)), np.float64))

        @staticmethod
        def backward(context: Any, *weights: Any) -> Any:
            (x,) = context.saved_tensors
            return Gradient.apply(x, weights[0])

    class Gradient(torch.autograd.Function):
        """The derivatives by x of the outputs' sum with weights."""

        @staticmethod
        def forward(context: Any, x: Any, weights: Any) -> Any:
            context.save_for_backward(x, weights)
            return like(function.weighted_gradient(array(x), array(weights)), x)

        @staticmethod
        def backward(context: Any, *directions: Any) -> Any:
            if torch.is_grad_enabled():
                raise RuntimeError(
                    f"{', '.join(function.output_addresses)}: PyTorch asks for third derivatives, "
                    "and sheetml gives first and second ones"
                )
            (x, weights), direction = context.saved_tensors, array(directions[0])
            by_x = by_weights = None
            if context.needs_input_grad[0]:
                by_x = like(function.hessian_product(array(x), direction, array(weights)), x)
            if context.needs_input_grad[1]:
                by_weights = like(function.jacobian(array(x)) @ direction, weights)
            return by_x, by_weights

    def call(x: Any) -> Any:
        # what is not of float64 on the processor is converted, and autograd converts its gradient back
        return Values.apply(torch.as_tensor(x).to(device="cpu", dtype=torch.float64))

    call.__doc__ = f"{', '.join(function.output_addresses)} as a function of a tensor."
    return call
