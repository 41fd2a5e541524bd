"""Moments of the sphere under the weight of a curvature function: what Newton's method asks for, unchecked."""

from __future__ import annotations

from typing import Any

import numpy as np

from labs.core.arrays import array_namespace, device
from labs.core.sphere._general import general_moments
from labs.core.sphere._powers import power_moments
from labs.core.sphere._steps import step_moments, weight_step_moments

Array = Any


# Entries of q below 1e-100 of the largest count as 1e-100 of it in the moments.  For x^p that changes them by
# less than (1e-200)^{(p-1)/2} relative (a single large entry; less with more): 1e-20 at p = 1.2.
FAINT = 1e-200
# A trial of Newton's method may be far too long: from here on x^p grows no more, instead of overflowing.
LARGEST = 1e300


def weight_moments(H: Any, q: Array, n: int, *, second: bool = True) -> tuple[Array, Array, Array]:
    """(E H(rho), E[w(rho) u_i], top^2 E[(w'(rho)/rho) u_i u_j]), shapes (...), (..., k), (..., k, k).

    As `expect`, unchecked: what Newton's method needs.  top is the largest entry of q: its square brings the
    matrix to the size of the weights.  Entries of the matrix where q_i or q_j is 0 have no meaning.
    """
    if getattr(H, "terms", None) is None:
        return _general(H, q, n, second)
    return _sum_of_powers(H.terms, q, n, second)


def _sum_of_powers(
    terms: tuple[tuple[float, Any], ...], q: Array, n: int, second: bool
) -> tuple[Array, Array, Array]:
    """The moments for H = sum_m c_m x^{p_m}, each by homogeneity in units of the largest q."""
    xp = array_namespace(q)
    k = q.shape[-1]
    if k * int(q.size) == 0:  # an empty batch
        return xp.sum(q, axis=-1), q, (q[..., None] * q[..., None, :] if second else None)
    top = xp.max(q, axis=-1)
    nothing = top == 0  # a zero spectrum: worked on as (1, ..., 1), put right below
    top = xp.where(nothing, xp.ones_like(top), top)
    relative = q / top[..., None]
    x = xp.where(nothing[..., None], xp.ones_like(q), relative) ** 2
    x = xp.where((x < FAINT) & (q > 0), xp.full_like(x, FAINT), x)
    positive = xp.sum(xp.astype(x > 0, q.dtype), axis=-1)
    value, first = xp.zeros_like(top), xp.zeros_like(q)
    matrix = xp.zeros((*q.shape, k), dtype=q.dtype, device=device(q)) if second else None
    for p, c in terms:
        if p == 2.0:
            lam = xp.full_like(q, 1.0 / n)
            kappa = None
        else:
            lam, kappa = power_moments(x, p, n, second=second)
        if p == 1.0:  # with one positive entry E[u_i / rho] is infinite for the others
            lam = xp.where((x > 0) | (positive[..., None] > 1), lam, xp.full_like(lam, float("inf")))
        slope = c * p * xp.minimum(top, xp.full_like(top, LARGEST ** (1.0 / p))) ** (p - 1.0)  # H'(top)
        at_zero = float("inf") if p < 2.0 else (1.0 / n if p == 2.0 else 0.0)
        weighted = x * xp.where(x > 0, lam, xp.zeros_like(x))
        value = value + xp.where(nothing, 0.0 * top, slope * top * xp.sum(weighted, axis=-1) / p)
        unit = (slope / top)[..., None]
        first = first + xp.where(nothing[..., None], c * p * xp.full_like(lam, at_zero), unit * lam)
        if matrix is not None and p != 2.0:
            matrix = matrix + ((p - 2.0) * unit)[..., None] * kappa
    return value, first, matrix


def _general(H: Any, q: np.ndarray, n: int, second: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Item by item through _steps.py or _general.py, zero entries dropped (and n kept)."""
    of_kind = {"slope": step_moments, "weight": weight_step_moments}.get(
        getattr(H, "steps", ""), general_moments
    )
    k = q.shape[-1]
    flat = q.reshape(-1, k)
    value, first = np.zeros(len(flat)), np.zeros(flat.shape)
    matrix = np.zeros((len(flat), k, k)) if second else None
    for item, row in enumerate(flat):
        on = np.flatnonzero(row)
        if on.size == 0:
            first[item] = float(H.weight_at_zero) / n
            continue
        moments = of_kind(H, row[on], n, second)
        value[item] = moments.value
        first[item] = moments.first_at_zero
        first[item, on] = moments.first
        if matrix is not None:
            matrix[item][np.ix_(on, on)] = np.max(row) ** 2 * moments.second
    shape = q.shape[:-1]
    return (
        value.reshape(shape),
        first.reshape(q.shape),
        None if matrix is None else matrix.reshape((*shape, k, k)),
    )
