"""Expectations over the sphere for any curvature function: contour integrals inside a quadrature.

zeta is uniform on S^{n-1}, u_i = zeta_i^2, rho^2 = sum_i q_i^2 u_i, w = H'/x.  For any radius c, integrating
by parts over the level sets {rho > x} and {rho < x},

    E[w(rho) u_i] = w(c)/n + int_c^{q_1} w'(x) P_i(x) dx - int_{q_n}^c w'(x) P_i^-(x) dx,
    P_i(x) = E[u_i 1{rho > x}],  P_i^-(x) = E[u_i 1{rho < x}],

and likewise E H(rho) with H' and P(rho > x), and E[(w'/rho) u_i u_j] = 2 int w'(x) D_ij(x) dx with D_ij the
derivative of P_i with respect to a_j.  Where w jumps (a kink of H), w' has a point mass.  With c the root mean
square of rho nothing cancels badly, and a weight that is infinite at 0 does no harm.

The tails are those of the quadratic form Y = sum a_j z_j^2, a_j = q_j^2 - x^2 (Imhof 1961), on a contour moved
to the saddle point, so that they have full *relative* precision however small they are: with
M(s) = prod (1 - 2 a_j s)^{-1/2} and s = c + i tau,

    P(Y > 0)             = (1/pi) int_0^inf Re[M / s] dtau,
    n E[u_i 1{Y > 0}]    = (1/pi) int_0^inf Re[M / (s (1 - 2 a_i s))] dtau,
    n dP_i/da_j          = (1 + 2 delta_ij) (1/pi) int_0^inf Re[M / ((1 - 2 a_i s)(1 - 2 a_j s))] dtau.

Derived here; Su 2025, section 2, states the model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

# The contour tau = sigma sinh(y): the trapezoidal rule in y converges geometrically, the slower the larger n
# is.  0.09 leaves 1e-15 up to n = 64 and 5e-12 at n = 200; 0.05 leaves rounding there too (measured).
CONTOUR_STEP, CONTOUR_STEP_MANY = 0.09, 0.05
BLOCK = 64  # contour nodes taken at a time, until a block adds less than 1e-17
# At x = q_j a level set touches a coordinate axis: if m coordinates have (nearly) this q_j, the tails are only
# (n - m)/2 times smooth there.  Such a point is the end of a tanh-sinh rule; where n - m is at least SMOOTH_N, a
# Gauss-Legendre rule on pieces of at most LENGTH in log x is enough.  "Nearly" is this part of a piece.
SMOOTH_N = 16
LENGTH = 0.2
NEARLY = 0.25
# A steep weight (x^38) lives in a small part of a long piece: no piece is longer than this in log x.
LONGEST = 2.0


@dataclass(frozen=True)
class Levels:
    """Quadrature in x: nodes, weights, and a_j = q_j^2 - x^2 formed without cancellation."""

    x: np.ndarray  # (N,)
    weight: np.ndarray  # (N,)
    a: np.ndarray  # (N, k)


@lru_cache(maxsize=4)
def tanh_sinh(step: float = 0.07, reach: float = 3.85) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(xi, 1 - xi, weights) on (0, 1), both distances exact; the last node is 1e-32 from the end.

    That close because dP_i/da_j for n = 2 has inverse square roots at both ends.
    """
    t = step * np.arange(-np.floor(reach / step), np.floor(reach / step) + 1)
    e = np.exp(-np.pi * np.abs(np.sinh(t)))
    near, far = e / (1 + e), 1 / (1 + e)
    weights = step * np.pi * np.cosh(t) * near * far
    return np.where(t < 0, near, far), np.where(t < 0, far, near), weights


@lru_cache(maxsize=4)
def gauss(count: int = 40) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(xi, 1 - xi, weights) of the Gauss-Legendre rule on (0, 1)."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return (1 + nodes) / 2, (1 - nodes) / 2, weights / 2


def _piece(q: np.ndarray, lo: float, hi: float, smooth: bool) -> Levels:
    """Nodes on (lo, hi).  In log x where lo > 0 (spectra are graded), in x where lo = 0."""
    if lo > 0:
        rule = gauss() if smooth else tanh_sinh()
        length = np.log1p((hi - lo) / lo)
        x = np.where(rule[0] < 0.5, lo * np.exp(length * rule[0]), hi * np.exp(-length * rule[1]))
        weight = rule[2] * length * x
        above_lo, below_hi = (
            lo**2 * np.expm1(2 * length * rule[0]),
            -(hi**2) * np.expm1(-2 * length * rule[1]),
        )
    else:
        rule = tanh_sinh()
        x, weight = hi * rule[0], hi * rule[2]
        above_lo, below_hi = x**2, hi**2 * rule[1] * (1 + rule[0])
    # q_j^2 - x^2 through the nearer end of the piece, so that a tiny distance keeps its digits.
    at_hi, at_lo = (q - hi) * (q + hi), (q - lo) * (q + lo)
    a = np.where(q >= hi, at_hi + below_hi[:, None], at_lo - above_lo[:, None])
    return Levels(x, weight, a)


def _pieces(
    knots: np.ndarray, rough: np.ndarray, lo: float, hi: float
) -> Iterator[tuple[float, float, bool]]:
    """The pieces (left, right, smooth) of (lo, hi), lo > 0.

    Split at every rough knot, and at those others only that keep smooth pieces near LENGTH; a piece between two
    smooth ends is no longer than LENGTH in log x, any other no longer than LONGEST.
    """
    inner = sorted({(float(c), bool(r)) for c, r in zip(knots, rough, strict=True) if lo < c < hi})
    start, start_rough = lo, bool(np.any(rough[knots == lo]))
    ends = [*inner, (hi, bool(np.any(rough[knots == hi])))]
    for (end, end_rough), (following, _) in zip(ends, [*ends[1:], (np.inf, True)], strict=True):
        smooth = not (start_rough or end_rough)
        if smooth and end < hi and following <= start * np.exp(LENGTH):
            continue
        count = int(np.ceil(np.log(end / start) / (LENGTH if smooth else LONGEST)))
        cuts = [start, *np.geomspace(start, end, max(count, 1) + 1)[1:-1].tolist(), end]
        for left, right in pairwise(cuts):
            yield left, right, smooth
        start, start_rough = end, end_rough


def levels(q: np.ndarray, lo: float, hi: float, n: int, breaks: tuple[float, ...]) -> Levels | None:
    """The quadrature on (lo, hi) for a spectrum q with n coordinates; None if the interval is empty."""
    if not lo < hi:
        return None
    log = np.log(q)
    piece = min(LENGTH, float(np.max(log) - np.min(log)))
    alike = np.sum(np.abs(log[:, None] - log) <= NEARLY * piece, axis=-1)
    knots, rough = q, n - alike < SMOOTH_N
    parts = []
    if lo == 0.0:  # in x up to the lowest knot, in log x above
        first = min([float(c) for c in [*q, *breaks] if 0 < c < hi], default=hi)
        parts.append(_piece(q, 0.0, first, smooth=False))
        lo = first
    if lo < hi:
        # A break of H is a corner of w': it is always an end of a piece.
        corners = [lo, *sorted({b for b in breaks if lo < b < hi}), hi]
        for left, right in pairwise(corners):
            parts += [_piece(q, *piece) for piece in _pieces(knots, rough, left, right)]
    return Levels(*(np.concatenate([getattr(p, f) for p in parts]) for f in ("x", "weight", "a")))


def _saddle(a: np.ndarray, multiplicity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(c, sigma): the minimiser of log M(s) - 2 log s on (0, 1/2), for max(a) = 1, and its width.

    The function is convex; bisections of its derivative in log s, to 5e-6.  The answer does not depend on c, only the
    number of contour nodes does.
    """
    lo, hi = np.full(a.shape[0], -90.0), np.full(a.shape[0], np.log(0.5))
    with np.errstate(divide="ignore"):
        for _ in range(24):
            mid = (lo + hi) / 2
            s = np.exp(mid)[:, None]
            slope = np.sum(multiplicity * a * s / (1 - 2 * a * s), axis=-1) - 2
            lo, hi = np.where(slope < 0, mid, lo), np.where(slope < 0, hi, mid)
    c = np.exp(lo)
    curvature = np.sum(multiplicity * 2 * (a / (1 - 2 * a * c[:, None])) ** 2, axis=-1) + 2 / c**2
    return c, 1 / np.sqrt(curvature)


@dataclass(frozen=True)
class Tails:
    """P(Y > 0), E[u_i 1{Y > 0}] for every row of `a`, and the weighted sum of the derivatives D_ij (or of pairs)."""

    mass: np.ndarray  # (N,)
    first: np.ndarray  # (N, k)
    second: np.ndarray | None  # (k, k): sum over rows of weight * dP_i/da_j


def tails(
    a: np.ndarray,
    multiplicity: np.ndarray,
    n: int,
    weight: np.ndarray | None = None,
    pairs: np.ndarray | None = None,
) -> Tails:
    """Tails of Y = sum_j a_j z_j^2 (with multiplicities), each with max(a) > 0, in relative precision.

    a (N, k'), multiplicity (k',) summing to n; `weight` (N,) asks for the weighted second derivatives, or, with
    `pairs` v (N, k'), for the sum over rows of weight * E[z_i^2 z_j^2 1{Y > 0}] v_i v_j / n (a factor 1/s more).
    Cost O(N k' C) with C = 100-400 contour nodes; with second derivatives O(N C k'^2).
    """
    scale = np.max(a, axis=-1)
    a = a / scale[:, None]
    step = CONTOUR_STEP if n <= 64 else CONTOUR_STEP_MANY
    c, sigma = _saddle(a, multiplicity)
    mass, first = np.zeros(a.shape[0]), np.zeros(a.shape)
    second = None if weight is None else np.zeros((a.shape[1], a.shape[1]))
    for block in range(200):
        y = step * (np.arange(BLOCK) + BLOCK * block)
        dtau = step / np.pi * sigma[:, None] * np.cosh(y) * np.where(y == 0, 0.5, 1.0)
        s = c[:, None] + 1j * sigma[:, None] * np.sinh(y)
        inverse = 1 / (1 - 2 * a[:, None, :] * s[..., None])  # (N, C, k'), real part > 0
        m = np.exp(0.5 * np.log(inverse) @ multiplicity)
        added_mass = np.sum((m / s).real * dtau, axis=-1)
        added = np.einsum("nc,nck->nk", m / s * dtau, inverse).real / n
        mass, first = mass + added_mass, first + added
        if second is not None and weight is not None:
            # a was scaled: d/da_j carries 1/scale.
            factor = m * dtau * (weight / scale)[:, None] if pairs is None else m / s * dtau * weight[:, None]
            right = inverse if pairs is None else inverse * pairs[:, None, :]
            flat = (a.shape[0] * BLOCK, a.shape[1])
            left = (right * factor[..., None]).reshape(flat)
            second = second + (left.T @ right.reshape(flat)).real / n
        tail = np.abs(m[:, -1]) * dtau[:, -1] / step
        if np.all(tail <= 1e-18 * np.maximum(np.abs(s[:, -1]) * mass, 1e-300)) and np.all(
            tail * np.max(np.abs(inverse[:, -1]), axis=-1)
            <= 1e-18 * np.abs(s[:, -1]) * n * np.min(first, axis=-1)
        ):
            break
    if second is not None:
        second = second * (1 + 2 * np.eye(a.shape[1]))
    return Tails(mass, first, second)


@dataclass(frozen=True)
class Moments:
    """E H(rho); lambda_i = E[w u_i]; lambda of a coordinate with q = 0 (NaN if k = n); E[(w'/rho) u_i u_j]."""

    value: float
    first: np.ndarray  # (k,)
    first_at_zero: float
    second: Any  # (k, k), or None if not asked for


# A kink this many times below the root mean square of rho is taken from above, a nearer one from below.
NEAR = 8.0


def _anchor(H: Any, middle: float, lo: float) -> tuple[float, float]:
    """The radius c of the module's formula, and w there.

    The root mean square of rho; but where a kink lies a little below it, that kink, with w from its left: then a
    small weight that only the part of the sphere beyond the kink makes is not a difference of large numbers.
    """
    for c, left, _ in getattr(H, "kinks", ()):
        if max(lo, middle / NEAR) < c <= middle:
            return c, left / c
    return middle, float(H.weight(middle))


def general_moments(H: Any, q: np.ndarray, n: int, second: bool = True) -> Moments:
    """The moments of one spectrum for any H.

    q (k,) positive, k <= n.  `H` offers H(x), slope, weight, weight_slope and `breaks`, the points where
    weight_slope jumps or is not smooth, and `kinks`, triples (c, H'_-(c), H'_+(c)) where w itself jumps (where k = n
    and every q_i is the same kink, rho is constant and the slopes from the right are taken).
    Relative error about 1e-14 for smooth H (see the tests).  Cost: one contour per node in x; 110 nodes
    per distinct q up to n = 31, about 200 per unit of log(q_1/q_k) above.
    """
    k = q.shape[0]
    lo, hi = (float(np.min(q)) if k == n else 0.0), float(np.max(q))
    if hi - lo <= 1e-15 * hi:  # rho is constant: E u_i u_j of Dirichlet(1/2, ..., 1/2)
        dirichlet = (1 + 2 * np.eye(k)) / (n * (n + 2))
        matrix = float(H.weight_slope(hi)) / hi * dirichlet if second else None
        return Moments(float(H(hi)), np.full(k, float(H.weight(hi)) / n), np.nan, matrix)
    anchor, weight = _anchor(H, float(np.clip(np.sqrt(np.sum(q**2) / n), lo, hi)), lo)
    multiplicity = np.append(np.ones(k), float(n - k)) if k < n else np.ones(k)
    value = float(H(anchor))
    first = np.full(multiplicity.size, weight / n)
    matrix = np.zeros((k, k))
    for sign, bottom, top in ((1.0, anchor, hi), (-1.0, lo, anchor)):
        nodes = levels(q, bottom, top, n, tuple(H.breaks))
        if nodes is None:
            continue
        a = np.column_stack([nodes.a, -(nodes.x**2)]) if k < n else nodes.a
        w_slope = np.asarray(H.weight_slope(nodes.x)) * nodes.weight
        slope = np.asarray(H.slope(nodes.x)) * nodes.weight
        rows = max(1, 2**19 // (BLOCK * multiplicity.size))
        smooth_part = second and bool(np.any(w_slope))
        for start in range(0, nodes.x.size, rows):
            part = slice(start, start + rows)
            t = tails(sign * a[part], multiplicity, n, w_slope[part] if smooth_part else None)
            value += sign * float(slope[part] @ t.mass)
            first += sign * (w_slope[part] @ t.first)
            if t.second is not None:
                matrix += 2 * t.second[:k, :k]
    for c, left, right in getattr(H, "kinks", ()):
        if lo < c < hi:  # w jumps: a point mass in w'
            above = c > anchor or (c == anchor and weight < float(H.weight(c)))
            sign, jump = (1.0 if above else -1.0), (right - left) / c
            a = (np.append(q, 0.0) if k < n else q) ** 2 - c**2
            a[:k] = (q - c) * (q + c)
            t = tails(sign * a[None], multiplicity, n, np.array([jump]) if second else None)
            first += sign * jump * t.first[0]
            if t.second is not None:
                matrix += 2 * t.second[:k, :k]
    return Moments(value, first[:k], float(first[k]) if k < n else np.nan, matrix if second else None)
