"""Polynomial iterations for the polar factor, in matrix form: products only, no decomposition."""

from __future__ import annotations

from typing import Any

from labs.core.arrays import Array, array_namespace, check_finite, check_shape
from labs.core.polar.schedules import as_schedule

NORMALISATIONS = ("fro", "op", None)


def newton_schulz(A: Array, schedule: Any, *, normalise: str | None = "fro") -> Array:
    """Kernel: X <- a X + b X X^T X + c (X X^T)^2 X for each triple of a schedule, from X = A/nu: (..., m, n).

        A = U diag(s) V^T   ->   U diag(p_K(... p_1(s_i/nu))) V^T

    schedule   triples (a, b, c), one per step (or a single triple: one step); [TUNED] * 5 is Muon's default
    normalise  "fro": nu = |A|_F (practice);  "op": nu = |A|_op, by singular values;  None: nu = 1

    The result is orthogonal only as far as the schedule brings s_i/nu to 1 (see `polynomial_range`); in exact
    arithmetic it does not depend on the size of A, and from 1e-150 to 1e150 it does not here.  A = 0 stays 0.
    Works on the short side: with k = min(m, n), a step costs 2 k^2 max(m, n) + k^3 multiply-adds (no k^3 where
    c = 0).  Raises ValueError unless A is a finite real floating array (..., m, n), m, n >= 1, and for another
    normalisation.  In floating point the error of the output grows by the slopes of the polynomials.
    """
    if normalise not in NORMALISATIONS:
        raise ValueError(f"normalise must be one of {NORMALISATIONS}, got {normalise!r}")
    triples = as_schedule(schedule, name="schedule")
    check_shape((None, None), A=A)
    check_finite(A=A)
    X = A if normalise is None else _normalised(A, normalise)
    m, n = A.shape[-2:]
    if m > n:
        X = X.mT
    for a, b, c in triples:
        S = X @ X.mT
        T = float(b) * S if c == 0 else float(b) * S + float(c) * (S @ S)
        X = float(a) * X + T @ X
    return X.mT if m > n else X


def _normalised(A: Array, norm: str) -> Array:
    """A over its norm; first over its largest entry, so that no square overflows or vanishes."""
    xp = array_namespace(A)
    top = xp.max(xp.abs(A), axis=(-2, -1), keepdims=True)
    X = A / xp.where(top > 0.0, top, 1.0)
    if norm == "fro":
        nu = xp.sqrt(xp.sum(X * X, axis=(-2, -1), keepdims=True))
    else:
        nu = xp.max(xp.linalg.svdvals(X), axis=-1)[..., None, None]
    return X / xp.where(nu > 0.0, nu, 1.0)
