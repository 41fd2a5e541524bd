"""The discretised model as a conic program, for CVXPY and Clarabel: what the solvers here are compared with.

On nodes u_1, ..., u_N of the sphere (squared coordinates) the model with H = x^p is

    minimise  (1/N) sum_j rho_j^p - <g, q>,    rho_j^2 = sum_i q_i^2 u_ji.

Four ways to write it down, all exact:

    "lengths"   t_j >= |sqrt(u_j) o q|, a second-order cone of n + 1 numbers a node: the model as it stands.
    "squares"   v_i >= q_i^2; then rho_j^2 = <u_j, v> is linear, and <u_j, v>^{p/2} takes a few cones of 3
                numbers a node.  Two to three times faster than "lengths" where n is large.
    "powers"    "squares" with one power cone a node: twice as fast again, but on some node sets Clarabel fails.
    "moments"   p = 4 only: (1/N) sum_j <u_j, v>^2 = v^T M v with M = U^T U / N, a quadratic program in n
                variables whatever N is.

An oracle: about 1e-5 in q and 1e-8 in the value.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

FORMULATIONS = ("lengths", "squares", "powers", "moments")


@dataclass(frozen=True)
class Answer:
    """What the conic solver says: q, the value it reports, and whether it calls its answer accurate."""

    q: np.ndarray
    value: float
    accurate: bool


def available() -> bool:
    """Host routine: whether CVXPY and Clarabel are installed; nothing is imported."""
    return all(importlib.util.find_spec(package) is not None for package in ("cvxpy", "clarabel"))


def conic_solver(nodes: np.ndarray, p: float, formulation: str = "squares") -> Callable[[np.ndarray], Answer]:
    """Host routine: compile the program once, with g as a parameter; the function returned solves it for a g.

    nodes (N, n), p > 1.  CVXPY compiles at the first solve, which is done here (for g = 1).
    Raises ValueError for another formulation; the function raises RuntimeError where the solver has no answer.
    """
    import cvxpy as cp

    if formulation not in FORMULATIONS or (formulation == "moments" and p != 4):
        raise ValueError(
            f'formulation must be one of {FORMULATIONS} ("moments" for p = 4), got {formulation!r}'
        )
    count, n = nodes.shape
    q, v, g = cp.Variable(n), cp.Variable(n), cp.Parameter(n, nonneg=True)
    cones: list[Any] = [cp.square(q) <= v]
    if formulation == "lengths":
        t = cp.Variable(count)
        cones = [cp.SOC(t, cp.diag(q) @ np.sqrt(nodes.T), axis=0)]
        mean = cp.sum(cp.power(t, p)) / count
    elif formulation == "squares":
        mean = cp.sum(cp.power(nodes @ v, p / 2)) / count
    elif formulation == "powers":
        s = cp.Variable(count)
        cones.append(cp.PowCone3D(s, np.ones(count), nodes @ v, 2 / p))
        mean = cp.sum(s) / count
    else:
        mean = cp.quad_form(v, cp.psd_wrap(nodes.T @ nodes / count))
    problem = cp.Problem(cp.Minimize(mean - g @ q), cones)
    return _answering(problem, q, g, count, np.ones(n))


def conic_kink(nodes: np.ndarray, H: Any) -> Callable[[np.ndarray], Answer]:
    """Host routine: as `conic_solver`, for H with steps of H' (Kink, PiecewiseSlope), by the cones of "lengths".

    H(t) is the sum of rises times (t - c)_+, linear between the kinks: a second-order cone program.
    Raises ValueError for another H; the function raises RuntimeError where the solver has no answer.
    """
    import cvxpy as cp

    if getattr(H, "steps", None) != "slope":
        raise ValueError(f"H must have a step function for slope, such as Kink(1, 0, 2), got {H!r}")
    count, n = nodes.shape
    q, t, g = cp.Variable(n), cp.Variable(count), cp.Parameter(n, nonneg=True)
    cones: list[Any] = [cp.SOC(t, cp.diag(q) @ np.sqrt(nodes.T), axis=0)]
    mean = H.slope_at_zero * cp.sum(t) / count
    for c, left, right in H.kinks:
        mean = mean + (right - left) * cp.sum(cp.pos(t - c)) / count
    # N^*(gamma 1) = n gamma: half of what is bounded.
    first = np.full(n, H.slope_at_infinity / (2 * n))
    return _answering(cp.Problem(cp.Minimize(mean - g @ q), cones), q, g, count, first)


def _answering(problem: Any, q: Any, g: Any, count: int, first: np.ndarray) -> Callable[[np.ndarray], Answer]:
    """The function of the gradient that solves a program with parameter g; compiled here, at the gradient `first`."""
    import cvxpy as cp

    def solve(gradient: np.ndarray) -> Answer:
        g.value = gradient
        with warnings.catch_warnings():  # "Solution may be inaccurate": said by `accurate` instead
            warnings.simplefilter("ignore")
            try:
                problem.solve(solver=cp.CLARABEL)
            except cp.error.SolverError as error:
                raise RuntimeError(f"the conic solver failed on {count} nodes: {error}") from error
        if q.value is None:
            raise RuntimeError(f"the conic solver found no answer on {count} nodes: {problem.status}")
        return Answer(np.asarray(q.value), float(problem.value), problem.status == cp.OPTIMAL)

    solve(first)
    return solve
