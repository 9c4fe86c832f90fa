"""Cells as differentiable functions of PyTorch. Skipped where it is not installed, also in CI: it has hundreds of
megabytes. SHEETML_REQUIRE_TORCH=1 makes that a failure."""

from __future__ import annotations

import importlib.util
import os
import sys

import numpy as np
import pytest

import sheetml
from tests.reference import PROJECT
from tests.workbooks import made

if importlib.util.find_spec("torch") is None and os.environ.get("SHEETML_REQUIRE_TORCH") != "1":
    pytest.skip("PyTorch is not installed", allow_module_level=True)

import torch

SMOOTH = {"A1": 0.7, "A2": 1.3, "A3": -0.4, "B1": "=EXP(A1*A2)+SIN(A3)^2*A1", "B2": "=A1*A2*A3", "B3": "=A2^3/3"}


def smooth(output: str = "Sheet1!B1"):
    return made(SMOOTH).function("Sheet1!A1:A3", output)


def same_in_torch(x):
    return torch.exp(x[0] * x[1]) + torch.sin(x[2]) ** 2 * x[0]


def point(f, **options):
    return torch.tensor(f.x0, requires_grad=True, **options)


def test_a_cell_gives_the_value_and_the_gradient_that_torch_itself_finds():
    f = smooth()
    x, same = point(f), point(f)
    y, expected = f.torch()(x), same_in_torch(same)
    assert y.shape == () and y.dtype == torch.float64 and torch.isclose(y, expected)
    y.backward()
    expected.backward()
    assert torch.allclose(x.grad, same.grad)


@pytest.mark.parametrize("output", ["Sheet1!B1", "Sheet1!B1:B3"])
def test_first_and_second_derivatives_pass_torchs_own_checks(output):
    f = smooth(output)
    assert torch.autograd.gradcheck(f.torch(), point(f))
    assert torch.autograd.gradgradcheck(f.torch(), point(f))


def test_the_hessian_is_the_one_torch_itself_finds():
    f = smooth()
    assert torch.allclose(
        torch.autograd.functional.hessian(f.torch(), point(f)),
        torch.autograd.functional.hessian(same_in_torch, point(f)),
    )


def test_third_derivatives_are_refused_in_words():
    f = smooth()
    x = point(f)
    (first,) = torch.autograd.grad(f.torch()(x), x, create_graph=True)
    with pytest.raises(RuntimeError, match="Sheet1!B1: PyTorch asks for third derivatives"):
        torch.autograd.grad(first.sum(), x, create_graph=True)


def test_other_shapes_and_other_numbers_keep_their_kind_in_the_gradient():
    f = smooth()
    x = torch.tensor(f.x0.reshape(3, 1), dtype=torch.float32, requires_grad=True)
    (2 * f.torch()(x)).backward()
    assert x.grad.shape == (3, 1) and x.grad.dtype == torch.float32
    assert np.allclose(x.grad.numpy().ravel(), 2 * f.gradient(f.x0), rtol=1e-5)


def test_torch_trains_the_lessons_embeddings_through_the_workbook():
    workbook = sheetml.open(PROJECT / "workbooks" / "collab_filter.xlsx")
    f = workbook.function(["dotprod!H19:V23", "dotprod!B25:F39"], "dotprod!V41")
    loss, x = f.torch(), point(f)
    optimizer = torch.optim.Adam([x], lr=0.05)
    for _ in range(100):
        optimizer.zero_grad()
        loss(x).backward()
        optimizer.step()
    assert loss(x).item() == f(x.detach().numpy()) < 0.7 < f(f.x0)


def test_what_has_no_derivative_or_no_value_is_named():
    f = made({"A1": 2.0, "B1": "=GAMMA.INV(A1,2,3)"}).function("Sheet1!A1", "Sheet1!B1")
    with pytest.raises(sheetml.CalculationError, match="Sheet1!B1"):
        f.torch()(torch.tensor([2.0]))
    with pytest.raises(ValueError, match="takes 3 numbers, not 2"):
        smooth().torch()(torch.tensor([1.0, 2.0]))


def test_without_torch_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"pip install 'sheetml\[torch\]'"):
        smooth().torch()
