"""NDS-P1.c, d: what becomes of a small part of the displacement that is not paired."""

from __future__ import annotations

import numpy as np
import pytest

from labs.core.polar import msign
from labs.core.spectrum import power_law
from labs.core.streams import stream
from labs.curvature_nds.quadratic import descend_dense, structured
from tests.referee import check, control, verifies
from theory.curvature_nds import NDS_P1c, NDS_P1d, modes
from theory.curvature_nds.modes import Mode
from theory.evidence import Evidence, every, exact, measured, require

SIGNS = [(1, 1), (1, -1), (-1, 1), (-1, -1)]


@check(NDS_P1c)
def first_order_of_a_step(high: int, low: int, two: int = 2) -> Evidence:
    """The derivative of the polar factor at diag(r) along E, and the two combinations after a step, for all values.

    r = (high a, low b), a, b > 0; beside them one pair of entries (x, y) of D with curvature c, so E = c (x, y).
    """
    import sympy

    a, b, c, eta = sympy.symbols("a b c eta", positive=True)
    x, y = sympy.symbols("x y", real=True)
    R, E = sympy.diag(high * a, low * b), sympy.Matrix([[0, c * x], [c * y, 0]])
    Z, e = sympy.diag(high, low), high * low
    change = sympy.Matrix([[0, (E[0, 1] - e * E[1, 0]) / (a + b)], [(E[1, 0] - e * E[0, 1]) / (a + b), 0]])
    unit = change.T * Z + Z.T * change
    product = change.T * R + Z.T * E
    new_x, new_y = x - eta * change[0, 1], y - eta * change[1, 0]
    return every(
        *(exact(entry, 0) for entry in (*unit, *(product - product.T))),
        exact(new_x - e * new_y, (1 - two * eta * c / (a + b)) * (x - e * y)),
        exact(new_x + e * new_y, x + e * y),
    )


def unpaired(q: int, size: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """w, the displacement d of the modes, and a random part without pairs, of this size relative to d."""
    w = power_law(q, 1.3)
    d = w**-0.5
    beside = stream("unpaired", q).standard_normal((q, q))
    np.fill_diagonal(beside, 0.0)
    return w, d, beside * (size * np.linalg.norm(d) / np.linalg.norm(beside))


def residuals(w: np.ndarray, D: np.ndarray, steps: int, curved: bool = True) -> list[np.ndarray]:
    """R_t for t < steps of line-searched Muon from D; beside the pairs c_ij = sqrt(w_i w_j), or 0 if not `curved`."""
    q, seen = len(w), []

    def rule(R: np.ndarray) -> np.ndarray:
        seen.append(R)
        return np.asarray(msign(R))

    one = np.eye(q)
    A, B, _ = structured(w, np.ones(q), one, one)
    if not curved:
        A, B = w[:, None, None] * one[:, :, None] * one[:, None, :], one[:, :, None] * one[:, None, :]
    descend_dense(A, B, D, rule, steps)
    return seen


@check(NDS_P1c)
def dense_step_by_step(q: int, steps: int, size: float) -> Evidence:
    """The part beside the pairs along a dense run against the linear recursion.

    It is of relative size `size` at the start; what is neglected is of second order.
    """
    w, d, beside = unpaired(q, size)
    curvature = np.sqrt(np.outer(w, w))
    found = residuals(w, np.diag(d) + beside, steps)
    state = [Mode(1, x, x * y) for x, y in zip(w, d, strict=True)]
    values, predicted = [], []
    for R in found:
        off = curvature * beside
        scale = np.linalg.norm(off)
        values.append((R - np.diag(np.diag(R))) / scale)
        predicted.append(off / scale)
        r, eta = np.array([mode.r for mode in state]), modes.searched(state, modes.muon)
        e = np.outer(np.sign(r), np.sign(r))
        beside = beside - eta * curvature * (beside - e * beside.T) / np.add.outer(np.abs(r), np.abs(r))
        state = modes.moved(state, modes.muon, eta)
    # Second order: the largest part met, over the smallest |r_i|, both relative; and growth of rounding.
    return measured(np.array(values), np.array(predicted), 1e-4)


@verifies(NDS_P1c)
def test_first_order() -> None:
    for high, low in SIGNS:
        first_order_of_a_step(high, low)
    dense_step_by_step(4, 12, 1e-9)
    dense_step_by_step(10, 20, 1e-9)


@control(NDS_P1c, changes="2 eta -> eta")
def test_another_factor() -> None:
    first_order_of_a_step(1, -1, two=1)


@check(NDS_P1d)
def share_beside_the_pairs(q: int, curved: bool = True) -> Evidence:
    """The largest share of |R_t| beside the pairs within 60 steps, from 1e-12, in decades; far off: a decade less."""
    require(curved, "c_ij > 0")
    w, d, beside = unpaired(q, 1e-12)
    found = residuals(w, np.diag(d) + beside, 60, curved)
    share = max(float(np.linalg.norm(R - np.diag(np.diag(R))) / np.linalg.norm(R)) for R in found)
    return measured(np.log10(max(share, 1e-18)), -3.0, 0.0, ">", margin=1.0)


@verifies(NDS_P1d)
@pytest.mark.parametrize("q", [10, 20, 48])
def test_rounding_is_amplified(q: int) -> None:
    share_beside_the_pairs(q)


@control(NDS_P1d, drops="c_ij > 0")
def test_without_curvature_beside_the_pairs_nothing_grows() -> None:
    share_beside_the_pairs(10, curved=False)
