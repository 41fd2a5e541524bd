"""GD with line search on any spectrum, in moments of the residual: a few symbols stand for every q.

A state is {k: m_k}, m_k = sum_i w_i^k r_i^2.  A step of length eta takes m_k to m_k - 2 eta m_{k+1} + eta^2 m_{k+2}.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from theory.curvature_nds.modes import Mode

Number = Any
Moments = Mapping[int, Number]


def of(state: Sequence[Mode], lowest: int, highest: int) -> dict[int, Number]:
    """The moments of a state of modes."""
    return {
        k: sum(x.weight * x.w**k * x.r * x.r for x in state)
        if k >= 0
        else sum(x.weight * x.r * x.r / x.w for x in state)
        for k in range(lowest, highest + 1)
    }


def symbols(lowest: int, highest: int) -> dict[int, Any]:
    """A state of any number of modes."""
    import sympy

    return {
        k: sympy.Symbol(f"m_{k}".replace("-", "minus"), positive=True) for k in range(lowest, highest + 1)
    }


def loss(moments: Moments) -> Number:
    """Phi = <R, H^{-1} R>/2."""
    return moments[-1] / 2


def searched(moments: Moments) -> Number:
    """The step of the exact line search, <R, R>/<R, H R>."""
    return moments[0] / moments[1]


def moved(moments: Moments, eta: Number) -> dict[int, Number]:
    """The moments after a step, as far as they are known."""
    return {
        k: moments[k] - 2 * eta * moments[k + 1] + eta * eta * moments[k + 2]
        for k in moments
        if k + 2 in moments
    }


def least_loss(moments: Moments, degree: int) -> Number:
    """min of Phi over all steps in the span of R, H R, ..., H^(degree - 1) R: what conjugate gradients reach.

    With D - sum_j c_j H^j R: c solves the normal equations sum_j m_{i+j+1} c_j = m_i, by elimination in fractions.
    Where the matrix is singular fewer directions do, and the rest is left out.
    """
    rows = [[moments[i + j + 1] for j in range(degree)] + [moments[i]] for i in range(degree)]
    saved = moments[-1]
    for k in range(degree):
        pivot = rows[k][k]
        if pivot == 0:
            break
        # Each pivot takes its share of Phi: the next term of an orthogonal expansion.
        saved = saved - rows[k][degree] * rows[k][degree] / pivot
        for i in range(k + 1, degree):
            factor = rows[i][k] / pivot
            rows[i] = [x - factor * y for x, y in zip(rows[i], rows[k], strict=True)]
    return saved / 2
