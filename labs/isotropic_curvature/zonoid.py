"""When full orthogonalisation is exactly optimal: the zonoid of the sphere and its gauge.

At Q = r U V^T (m >= n, rank n) every direction has |Q zeta| = r, so a kink of H at r, with slopes A < B, is met by
all of them at once, and r U V^T is optimal if and only if g lies in

    Z(A, B) = {(E[h u_1], ..., E[h u_n]) : A <= h <= B} = (A/n) 1 + (B - A) Z_0,

Z_0 having the support function E(a.u)_+ (ICM-T4; the sharp form is derived here, Su 2025 has the qualitative
theorem).  So the least B is A + max_a <a, g - A/n> / E(a.u)_+, a gauge.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from labs.core.arrays import check_nonnegative, require_host
from labs.core.sphere import tail_moments
from labs.core.sphere._general import tails

# (g_i - B P_i) / (B P_i) is computed to about 1e-14 n; Newton's method ends when it no longer falls by half, and has
# converged if it is below this.
ENOUGH = 1e-11
EPS = 2.0**-52
NEARLY_EQUAL, STRETCH = 1e-3, 4.0
LARGEST = 650.0  # in log: the tails still are normal numbers


class Gauge(NamedTuple):
    """The gauge of Z_0 at a point, the normal a there (largest entry 1), and E(a.u)_+."""

    value: float
    normal: np.ndarray
    support: float


def minimal_kink(g: np.ndarray, A: float = 0.0) -> tuple[float, np.ndarray | None]:
    """Host routine: the smallest right slope B of a kink with left slope A that makes orthogonalisation optimal.

        B_min(g, A) = A + max_a <a, g - A/n> / E(a.u)_+,     u_i = zeta_i^2, zeta uniform on S^{n-1}

    g  (n,), finite, nonnegative, any order: the singular values of a gradient with m >= n (units of a slope of H).
    A  the slope before the kink, finite and >= 0.

    Returns (B, normal), the normal scaled to largest entry 1: h = A + (B - A) 1{normal.u > 0} is the dual density,
    E[h u_i] = g_i.  (inf, None) where no kink is sharp enough: A >= n g_n for g not constant (in particular
    g_n = 0), or A > n gamma for g = gamma 1.  For g = gamma 1 and A <= n gamma it is (n gamma, 1), no kink needed.

    Newton's method for B P_i(a) = g_i - A/n, P_i(a) = E[u_i 1{a.u > 0}], on groups of equal g_i; every iterate's
    quotient is a lower bound.  Relative error about 1e-13, also where B is 1e20 times the sum of g; 1e-11 where
    the g_i agree to more than six digits.  Cost: 5-10 evaluations of `tail_moments`, 100 for nearly equal g_i.
    Raises ValueError for bad g, A, RuntimeError where the method fails or B is beyond the range of floats (n = 128
    graded over 12 decades, say; entropy_bound shows the size).  Derived here (ICM-T4.2, ICM-T4c.e).
    """
    g, A = _checked(g, A)
    n, reduced = g.size, g - A / g.size
    if np.all(g == g[0]):
        return (n * float(g[0]), np.ones(n)) if n * g[0] >= A else (math.inf, None)
    if np.min(reduced) <= 0:
        return math.inf, None
    gauge = _gauge(reduced)
    return A + gauge.value, gauge.normal


def kink_window(g: np.ndarray, A: float, B: float) -> tuple[float, float]:
    """Host routine: the scales t for which orthogonalisation is optimal for the gradient t g (ICM-X7).

        [t_lo, t_hi] = {t >= 0 : t g in Z(A, B)},     (nan, nan) where no t serves.

    g (n,), finite, nonnegative, not zero; 0 <= A <= B, finite.  For A = 0 the window begins at 0.
    t -> B_min(t g, A) is convex: its minimum is bracketed by its slope, its two crossings of B by brentq.
    Relative error about 1e-12.  Raises as `minimal_kink`.  Derived here.
    """
    g, A = _checked(g, A)
    if not (math.isfinite(B) and B >= A and B > 0):
        raise ValueError(f"B must be a finite number > 0 and at least A = {A!r}, got {B!r}")
    if not np.any(g):
        raise ValueError("g must not be zero: there is no direction to scale")
    n = g.size
    if np.all(g == g[0]):
        return A / (n * float(g[0])), B / (n * float(g[0]))
    if A == 0:
        return 0.0, B / minimal_kink(g)[0]
    lo, hi = (A / (n * float(np.min(g))) if np.min(g) > 0 else math.inf), B / (n * float(np.max(g)))
    if not lo < hi:
        return math.nan, math.nan

    last: Gauge | None = None

    def at(t: float) -> Gauge:
        nonlocal last
        last = _gauge(t * g - A / n, None if last is None else last.normal)
        return last

    def excess(t: float) -> float:
        return math.log(at(t).value / (B - A))

    # At lo the gauge is infinite.  The minimum: where <a, g>, the slope times E(a.u)_+, changes sign.
    left, right, best = lo, hi, math.nan
    for _ in range(200):
        middle = (left + right) / 2
        gauge = at(middle)
        if gauge.value <= B - A:
            best = middle
            break
        if right - left <= 1e-14 * hi:
            return math.nan, math.nan
        slope = float(gauge.normal @ g)
        # The tangent at the middle excludes what it keeps above B - A.
        tangent = middle + (B - A - gauge.value) * gauge.support / slope if slope else math.nan
        left, right = (max(middle, tangent), right) if slope < 0 else (left, min(middle, tangent))
        if not left < right:
            return math.nan, math.nan
    return _crossing(excess, best, lo), _crossing(excess, best, hi)


def entropy_bound(g: np.ndarray, A: float = 0.0) -> float:
    """Host routine: a lower bound for `minimal_kink` that grows exponentially with n (ICM-T4b).

    The larger of  A + (sum g') (AM/GM)(g')^{n/2}, g' = g - A/n,  and the root L tau of

        theta L log L + (1 - theta) l log l = (1/2) sum_i log(gbar/g_i),
        tau = sum g, l = A/tau, theta = (1 - l)/(L - l);

    for A = 0 both are (sum g) (AM/GM)^{n/2}.  g (n,) finite, nonnegative, not zero; A as in `minimal_kink`.
    inf where `minimal_kink` is.  Raises ValueError for bad g, A.  Derived here.
    """
    g, A = _checked(g, A)
    if not np.any(g):
        raise ValueError("g must not be zero")
    n = g.size
    if np.all(g == g[0]):
        return n * float(g[0]) if n * g[0] >= A else math.inf
    reduced = g - A / n
    if np.min(reduced) <= 0:
        return math.inf
    shifted = A + float(np.sum(reduced)) * _exp(_divergence(reduced))
    if A == 0:
        return shifted
    tau, wanted = float(np.sum(g)), _divergence(g)
    low = A / tau

    def excess(y: float) -> float:  # L = 1 + e^y
        L = 1.0 + math.exp(y)
        theta = (1.0 - low) / (L - low)
        return theta * L * math.log(L) + (1.0 - theta) * low * math.log(low) - wanted

    # theta L >= 1 - l, so log L is at most (wanted - l log l) / (1 - l).
    top = (wanted - low * math.log(low)) / (1.0 - low) + 1.0
    entropic = tau * (1.0 + math.exp(brentq(excess, -80.0, min(top, 700.0), xtol=1e-14)))
    return max(shifted, entropic)


def _divergence(g: np.ndarray) -> float:
    """(1/2) sum_i log(gbar / g_i), the relative entropy of Gaussians with variances g_i/gbar to standard ones."""
    return 0.5 * float(np.sum(np.log(np.mean(g) / g)))


def _exp(x: float) -> float:
    return math.exp(x) if x < 709 else math.inf


def _checked(g: np.ndarray, A: float) -> tuple[np.ndarray, float]:
    require_host(g=g)
    g = np.asarray(g, dtype=np.float64)
    if g.ndim != 1 or g.size == 0:
        raise ValueError(f"g must be an array of shape (n,), n >= 1, got shape {g.shape}")
    check_nonnegative(g=g)
    if not (math.isfinite(A) and A >= 0):
        raise ValueError(f"A must be a finite number >= 0, got {A!r}")
    return g, float(A)


def _crossing(excess: Callable[[float], float], inside: float, outside: float) -> float:
    """Where excess passes through 0 between a point with excess <= 0 and the end of the window's range."""
    near = inside
    for _ in range(1000):
        far = (near + outside) / 2
        if far in (near, outside):
            return float(outside)
        if excess(far) > 0:
            return float(brentq(excess, near, far, xtol=1e-300, rtol=1e-13))
        near = far
    return float(outside)


class _Point(NamedTuple):
    """At a normal a: P_i (one coordinate of each group), 1/n - P_i, dP_i/da_j, each with relative precision."""

    inside: np.ndarray
    outside: np.ndarray
    derivative: np.ndarray


def _point(a: np.ndarray, count: np.ndarray) -> _Point:
    """The smaller of the two sides of the quadric is integrated, the other is what is left."""
    n = int(count.sum())
    t = tail_moments(a, count)
    if t.mass <= 0.5:
        return _Point(t.first, 1 / n - t.first, t.derivative)
    t = tail_moments(-a, count)
    return _Point(1 / n - t.first, t.first, t.derivative)


def _gauge(g: np.ndarray, near: np.ndarray | None = None) -> Gauge:
    """max_a <a, g> / E(a.u)_+ for g > 0, not constant, with its maximiser; `near` is a normal to start from.

    Newton's method for B P(a) = g, where B is the quotient of the iterate.  <a, g> - B E(a.u)_+ is concave in a, and
    g - B P(a) its gradient: a step is halved until the slope along it has not turned.
    """
    if _divergence(g) > LARGEST:
        raise RuntimeError(
            f"the gauge exceeds the range of floats: it is at least exp({_divergence(g):.0f}) times the sum of g"
        )
    scale, n = float(np.sum(g)), g.size
    levels, group, count = np.unique(g / scale, return_inverse=True, return_counts=True)
    one_of_each = np.unique(group, return_index=True)[1]
    if near is not None and _is_close(near, g):
        a = near[one_of_each]
    elif levels[-1] - levels[0] < NEARLY_EQUAL * levels[0]:
        # The normal depends on the spread only slowly: from that of a more spread-out gradient.
        a = _gauge(1 / n + STRETCH * (g / scale - 1 / n)).normal[one_of_each]
    else:
        a = _start(levels, count)
    norm = math.inf
    closest: tuple[float, Gauge | None] = (math.inf, None)
    for _ in range(40):
        at = _point(a, count)
        support = float((count * a) @ at.inside)
        best = float((count * a) @ levels) / support
        missing = _missing(levels, best, n, at)
        residual = float(np.max(np.abs(missing) / (best * np.minimum(at.inside, at.outside))))
        if residual <= ENOUGH and not 0 < residual < 0.5 * norm:
            return Gauge(scale * best, a[group], support)
        norm = residual
        error = float(np.max(np.abs(missing) / levels))
        if error < closest[0]:
            closest = error, Gauge(scale * best, a[group], support)
        direction = _newton_step(count, a, best, at, missing)
        first, step = float((count * direction) @ missing), 1.0
        for _ in range(60):
            trial = a + step * direction
            if np.max(trial) > 0 > np.min(trial):
                slope = (count * direction) @ _missing(levels, best, n, _point(trial, count))
                if slope >= -0.3 * first:
                    break
            step /= 2
        a = trial / np.max(trial)
    # Singular values that agree to many digits: the density still fits g, which fixes the gauge, but not the normal.
    error, gauge = closest
    if gauge is not None and error <= ENOUGH:
        return gauge
    raise RuntimeError(f"the gauge of the zonoid did not converge: relative residual {error:.1e}")


def _is_close(normal: np.ndarray, g: np.ndarray) -> bool:
    """Whether the quotient of a normal is at least half the entropy bound, so that Newton may start there."""
    t = tail_moments(normal)
    quotient = float(normal @ g) / float(normal @ t.first)
    return quotient > 0.5 * float(np.sum(g)) * _exp(_divergence(g))


def _missing(levels: np.ndarray, best: float, n: int, at: _Point) -> np.ndarray:
    """g_i - B P_i, through the smaller of P_i and 1/n - P_i.

    Where P_i is nearly 1/n the digits of g bound what is known of 1/n - P_i: what is no more than their rounding
    counts as 0.
    """
    direct = levels - best * at.inside
    missing = np.where(at.inside <= at.outside, direct, (levels - best / n) + best * at.outside)
    return np.where((np.abs(missing) <= 64 * EPS * levels) & (at.inside > at.outside), 0.0, missing)


def _newton_step(
    count: np.ndarray, a: np.ndarray, best: float, at: _Point, missing: np.ndarray
) -> np.ndarray:
    """The change of a that solves B P(a) = g to first order, orthogonal to a (the matrix annihilates a)."""
    # Derivatives by groups: the other coordinates of a group move too, and E over two different coordinates is a
    # third of that over the same one.
    same = np.diag(at.derivative)
    matrix = count[:, None] * at.derivative * count
    matrix[np.diag_indices_from(matrix)] = count * same * (1 + (count - 1) / 3)
    c = 1 / np.sqrt(np.diag(matrix))
    null = a / c
    null /= np.linalg.norm(null)
    scaled = best * (matrix * c[:, None] * c + np.outer(null, null))
    wanted = c * count * missing
    # <a, missing> = 0.  What counted as 0 is what makes it so: small, but not against its row of the matrix.
    unknown = np.where(missing == 0, null, 0.0)
    if np.any(unknown):
        wanted = wanted - unknown * (null @ wanted) / (unknown @ unknown)
    return c * np.linalg.solve(scaled, wanted)


def _start(levels: np.ndarray, count: np.ndarray) -> np.ndarray:
    """a_i = 1 - gbar/g_i + delta with the best quotient among several delta > 0 (ICM-T4d)."""
    n = int(count.sum())
    plain = 1 - (count @ levels / n) / levels
    room = -float(np.min(plain))  # a_n = 0
    deltas = [room * np.geomspace(1e-3, 0.5, 10), room * (1 - np.geomspace(1e-9, 0.4, 14))]
    deltas.append((2 / n) * np.geomspace(0.03, 10, 8))
    tried = np.concatenate(deltas)
    rows = plain + tried[tried < room, None]
    rows /= np.max(rows, axis=1, keepdims=True)
    first = tails(rows, count.astype(float), n).first
    return rows[np.argmax((rows * count) @ levels / np.sum(rows * count * first, axis=1))]
