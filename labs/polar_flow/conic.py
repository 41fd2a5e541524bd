"""Interpolants of least norm as semidefinite programs, for CVXPY and Clarabel: what our solver is compared with.

An oracle: about 1e-5 in the matrix and 1e-8 in the value; its answer gets the same certificate as ours.  Practical to
about 30 x 30 with 450 measurements.
"""

from __future__ import annotations

import importlib.util
import warnings

import numpy as np

from labs.core.arrays import require_host
from labs.polar_flow.interpolants import Certified
from labs.polar_flow.operators import Operator, as_matrix

# Tighter ones lose accuracy (measured: 1e-11 is worse than 1e-9).
TOLERANCE = 1e-9


def available() -> bool:
    """Host routine: whether CVXPY and Clarabel are installed; nothing is imported."""
    return all(importlib.util.find_spec(package) is not None for package in ("cvxpy", "clarabel"))


def conic_interpolant(operator: Operator, y: np.ndarray, norm: str = "nuclear") -> Certified:
    """Host routine: an interpolant of least nuclear or operator norm by Clarabel, with a bracket from its own dual.

    One item.  The primal is moved to the nearest interpolant, the multiplier of the equation is scaled into the
    dual ball; so the bracket is valid however inaccurate the solver is.  Cost: see above.  Raises
    ValueError for bad y or another norm, RuntimeError where the solver has no answer.
    """
    import cvxpy as cp

    require_host(y=y)
    if norm not in ("nuclear", "operator"):
        raise ValueError(f"norm must be nuclear or operator, got {norm!r}")
    least = operator.least(y)
    V = cp.Variable(least.shape)
    data = cp.Constant(as_matrix(operator, least.shape[1])) @ cp.vec(V, order="C")
    equation = data == y
    problem = cp.Problem(cp.Minimize(cp.normNuc(V) if norm == "nuclear" else cp.sigma_max(V)), [equation])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "Solution may be inaccurate": the bracket says how much
        problem.solve(solver=cp.CLARABEL, tol_gap_abs=TOLERANCE, tol_gap_rel=TOLERANCE, tol_feas=TOLERANCE)
    if V.value is None or equation.dual_value is None:
        raise RuntimeError(f"Clarabel has no answer: {problem.status}")
    W = operator.corrected(np.asarray(V.value), y)
    dual = operator.adjoint(-np.asarray(equation.dual_value))
    s = np.linalg.svd(dual, compute_uv=False)
    dual = dual / max(1.0, s[0] if norm == "nuclear" else s.sum())
    sigma = np.linalg.svd(W, compute_uv=False)
    upper = sigma.sum() if norm == "nuclear" else sigma[0]
    return Certified(W, dual, np.sum(least * dual), upper)
