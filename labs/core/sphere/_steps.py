"""Expectations over the sphere where H' or w = H'/x is a step function: one integral less than in _general.py.

H' = h + sum over breaks c of b_c 1{x > c} needs T_i(c) = E[1{rho > c} u_i / rho] for each break, and
E(rho - c)_+ = sum_i q_i^2 T_i - c P(rho > c).  With z standard normal, zeta = z/|z|, everything is homogeneous, and
1/|x| = pi^{-1/2} int_0^inf t^{-1/2} e^{-t x^2} dt.  Under the tilt z_j keeps being normal, with variance
v_j = 1/(1 + 2 t q_j^2), so that

    T_i = (pi^{-1/2} / E|z|) int_0^inf t^{-1/2} prod_j v_j^{1/2}  v_i n P_i(a o v) dt,      a_j = q_j^2 - c^2,

P_i the tails of _general.py: T_i has the relative precision of the a_j, however near q is to the flat spectrum c 1.
Where w is the step function, only P_i(q^2 - c^2) is needed, and E(rho^2 - c^2)_+ = sum_j a_j P_j.
The second moments: 2 dT_i/d(q_j^2) = (2/c) dP_i/da_j - E[1{rho > c} u_i u_j / rho^3].  Derived here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from labs.core.sphere._general import Moments, Tails, tails
from labs.core.sphere._powers import log_gamma_ratio, power_moments

# t = exp(y - e^{-y}) / E|D z|^2: e^{-t x^2} is analytic and bounded for |arg t| < pi/2, the trapezoidal rule
# errs by exp(-pi^2/STEP).  Nodes from FIRST on, BLOCK at a time, until one adds nothing.
STEP, FIRST, BLOCK = 0.25, -4.5, 32


def step_moments(H: Any, q: np.ndarray, n: int, second: bool = True) -> Moments:
    """As `general_moments`, for H with `breaks` and `heights` (values of H' between them); q (k,) positive."""
    k = q.shape[0]
    lo, hi = (float(np.min(q)) if k == n else 0.0), float(np.max(q))
    size = k + (k < n)
    value, first, matrix = 0.0, np.zeros(size), np.zeros((k, k))
    if hi - lo <= 1e-15 * hi:  # rho is constant
        dirichlet = (1 + 2 * np.eye(k)) / (n * (n + 2))
        weight = float(H.slope(hi)) / hi
        return Moments(
            float(H(hi)), np.full(k, weight / n), np.nan, -weight / hi**2 * dirichlet if second else None
        )
    for c, rise in zip([0.0, *H.breaks], np.diff(H.heights, prepend=0.0), strict=True):
        if rise == 0 or c >= hi:
            continue
        if c <= lo:  # rho > c always: E (rho - c)
            x = (np.append(q, 0.0) if k < n else q)[None] ** 2 / hi**2
            lam, kappa = power_moments(x, 1.0, n, second=second)
            value += rise * (hi * float((q / hi) ** 2 @ lam[0, :k]) - c)
            first += rise / hi * lam[0]
            if k == 1 and n > 1:
                first[k] = np.inf  # E[u_2 / |zeta_1|]
            if kappa is not None:
                matrix -= rise / hi**3 * kappa[0, :k, :k]
            continue
        mass, t_first, t_second = _beyond(q, c, n, second)
        value += rise * (float(q**2 @ t_first[:k]) - c * mass)
        first += rise * t_first
        if second:
            matrix += rise * t_second[:k, :k]
    return Moments(value, first[:k], float(first[k]) if k < n else np.nan, matrix if second else None)


def weight_step_moments(H: Any, q: np.ndarray, n: int, second: bool = True) -> Moments:
    """As `general_moments`, for H with `breaks` and `heights` (values of w between them); q (k,) positive."""
    k = q.shape[0]
    lo, hi = (float(np.min(q)) if k == n else 0.0), float(np.max(q))
    padded = np.append(q, 0.0) if k < n else q
    multiplicity = np.append(np.ones(k), float(n - k)) if k < n else np.ones(k)
    value, first, matrix = 0.0, np.zeros(padded.size), np.zeros((padded.size, padded.size))
    for c, rise in zip([0.0, *H.breaks], np.diff(H.heights, prepend=0.0), strict=True):
        if rise == 0 or (c >= hi and c > lo):
            continue
        a = (padded - c) * (padded + c)
        if c <= lo:  # rho > c always
            tail = Tails(np.ones(1), np.full((1, padded.size), 1 / n), None)
        else:
            tail = tails(a[None], multiplicity, n, np.ones(1) if second else None)
        value += rise / 2 * float((multiplicity * a) @ tail.first[0])
        first += rise * tail.first[0]
        if tail.second is not None:
            matrix += 2 * rise * tail.second
    return Moments(value, first[:k], float(first[k]) if k < n else np.nan, matrix[:k, :k] if second else None)


def _beyond(q: np.ndarray, c: float, n: int, second: bool) -> tuple[float, np.ndarray, np.ndarray]:
    """P(rho > c), T_i(c) and 2 dT_i/d(q_j^2) for min < c < max of rho; the last coordinate stands for n - k zeros."""
    k, hi = q.size, float(np.max(q))
    padded = np.append(q, 0.0) if k < n else q
    multiplicity = np.append(np.ones(k), float(n - k)) if k < n else np.ones(k)
    a = (padded - c) * (padded + c) / hi**2
    x = (padded / hi) ** 2
    edge = tails(a[None], multiplicity, n, np.ones(1) if second else None)
    first, matrix = np.zeros(a.size), np.zeros((a.size, a.size))
    scale = float(multiplicity @ x)
    # E over the sphere = E over z, divided by E|z|.
    radius = math.sqrt(math.pi * 2) * math.exp(log_gamma_ratio(n / 2, 0.5))
    for block in range(100):
        y = FIRST + STEP * (np.arange(BLOCK) + BLOCK * block)
        t = np.exp(y - np.exp(-y)) / scale
        v = 1 / (1 + 2 * t[:, None] * x)
        weight = STEP * (1 + np.exp(-y)) * np.sqrt(t) * np.exp(0.5 * np.log(v) @ multiplicity) * n / radius
        # X^{-3/2} = (2/sqrt(pi)) int t^{1/2} e^{-tX} dt: a factor 2 t more.
        row = tails(a * v, multiplicity, n, 2 * t * weight if second else None, v if second else None)
        added = weight[:, None] * v * row.first
        first += np.sum(added, axis=0)
        if row.second is not None:
            matrix += row.second
        if np.all(added[-1] <= 1e-17 * first) and np.all(2 * t[-1] * added[-1] <= 1e-17 * first):
            break
    if edge.second is not None:
        # edge is in units of hi^2; T in units of 1/hi, the matrix of 1/hi^3.
        matrix = (2 / (c / hi) * edge.second - matrix) / hi**3
    return float(edge.mass[0]), first / hi, matrix
