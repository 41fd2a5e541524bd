"""The inverse problem: is there a curvature function whose optimal update for the gradient g is q?

Every convex nondecreasing H has H' = int 1{x > c} dmu(c) with a measure mu >= 0, so the spectra g for which a given q
is optimal, g_i = q_i E[w(rho) u_i], are the cone of the curve

    C_i(c) = q_i E[1{rho > c} u_i / rho],      0 <= c < q_1;

under super-quadratic growth (w in place of H') of the curve q_i E[1{rho > c} u_i].  Membership is a linear program in
the steps of H' or w, and a vector y with <y, g> > 0 >= <y, C(c)> for every c refutes it (ICM-X12; derived here).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from labs.core.arrays import check_nonnegative, require_host
from labs.core.sphere.shells import Shells
from labs.isotropic_curvature.kinked import PiecewiseSlope, PiecewiseWeight
from labs.isotropic_curvature.zonoid import minimal_kink

# power p of E[1{rho > c} rho^p u_i]: the steps of H' are those of w = H'/x times x.
GROWTH = {"convex": -1.0, "superquadratic": 0.0}
# Residuals below this are rounding: the program is solved to 1e-10, its columns are right to 1e-13.
ZERO = 1e-9
LARGEST = 2**21  # columns spent on one certificate


@dataclass(frozen=True)
class Rationalisation:
    """The answer of `rationalise`, for q_i and g_i in the order they were given in.

    possible      some H has the update q for the gradient g exactly (to 1e-9 relative); `H` is one.
    residual      the infimum over H of max_i |g_i - q_i lambda_i| / g_i, at most 1; attained by `H` together with
                  limit_weight.
    lower         what `farkas` proves: no H has a residual below it (0 where the residual is 0).
    breaks, heights
                  the steps of H' (convex) or of w = H'/x (superquadratic) of `H`, as PiecewiseSlope or
                  PiecewiseWeight take them; at most k + 1 heights.
    limit_weight  what an ever sharper step just below max(q) adds to g_i where q_i is largest: the cone of the
                  curve is not closed, and a fit with limit_weight > 0 is the limit of curvature functions.
    farkas        y (k,), zero where g is, with sum_i g_i |y_i| = 1, <y, g> = lower, and sum_i y_i q_i lambda_i <= 0
                  for every H of this growth; None where the residual is 0.
    """

    possible: bool
    residual: float
    lower: float
    breaks: tuple[float, ...]
    heights: tuple[float, ...]
    limit_weight: float
    farkas: np.ndarray | None
    growth: str

    @property
    def H(self) -> PiecewiseSlope | PiecewiseWeight | None:
        """The curvature function with these steps; None where the fit is all limit."""
        if self.heights[-1] == 0:
            return None
        steps = PiecewiseSlope if self.growth == "convex" else PiecewiseWeight
        return steps(self.breaks, self.heights)


def rationalise(
    g: np.ndarray, q: np.ndarray, *, growth: str = "convex", n: int | None = None, tolerance: float = 1e-6
) -> Rationalisation:
    """Host routine: the curvature function that comes nearest to making q the optimal update for g.

        min over H of max_i |g_i - q_i lambda_i(q)| / g_i,      lambda_i = E[H'(rho)/rho u_i]

    g, q       (k,), finite, nonnegative, in any order (q need not be ordered as g is); both positive or both zero in
               each entry, positive in one at least.  Entries that are zero are dropped, and n is kept.
    growth     "convex": all convex nondecreasing H; "superquadratic": H'/x nondecreasing.
    n          number of inputs, at least k, default k.
    tolerance  how far `lower` may stay below `residual`, if that is not 0.

    Where k = n and q is constant the question is that of `minimal_kink`, and the answer is always yes.
    Else a linear program (HiGHS) on radii c that are added where its dual is not yet feasible; then the dual y,
    moved by about the tolerance, is proved feasible for every c: each C_i falls, so on [c_1, c_2]

        <y, C(c)> <= sum_{y_i > 0} y_i C_i(c_1) + sum_{y_i < 0} y_i C_i(c_2),

    which is made <= 0 by bisection, and just below q_1 C_i/C_1 has the bound of `cap_ratio`.  So `lower` is rigorous
    up to the rounding of the columns (1e-13).  Cost for n = 4: 0.1 s for the columns, and for the proof about
    100/sqrt(tolerance) columns of 5 microseconds.
    Raises ValueError for bad g, q, growth, n, tolerance, RuntimeError where the proof does not end.
    Derived here; Su 2025 has the model.
    """
    g, q, n, on = _checked(g, q, growth, n, tolerance)
    if q.size == n and np.ptp(q) <= 1e-15 * np.max(q):
        slope, _ = minimal_kink(g)
        r = float(q[0])
        step = slope if growth == "convex" else slope / r
        return Rationalisation(True, 0.0, 0.0, (r,), (0.0, step), 0.0, None, growth)
    unit = float(np.max(q))
    curve = _Curve(g, q / unit, n, GROWTH[growth])
    c, found = _generate(curve, tolerance / 10)
    weights = found.weights / np.append(np.sum(curve.columns(c), axis=1), 1.0)
    used = weights[:-1] > 0
    breaks, rises = c[used], weights[:-1][used]
    at_zero = breaks <= curve.shells.bottom
    order = np.argsort(breaks[~at_zero])
    heights = np.cumsum(np.append(np.sum(rises[at_zero]), rises[~at_zero][order]))
    limit = float(weights[-1] / np.sum(1 / g[curve.tops]))
    lower, farkas = 0.0, None
    if found.residual > ZERO:
        z = _certify(curve, c, found.dual, min(0.9 * tolerance, found.residual) / (1 + found.residual))
        lower, farkas = float(np.sum(z)), np.zeros(on.size)
        farkas[on] = z / g
    return Rationalisation(
        possible=found.residual <= ZERO and limit == 0.0,
        residual=found.residual,
        lower=lower,
        breaks=tuple((unit * breaks[~at_zero][order]).tolist()),
        heights=tuple((heights / (1.0 if growth == "convex" else unit)).tolist()),
        limit_weight=limit,
        farkas=farkas,
        growth=growth,
    )


def cap_ratio(q: np.ndarray, d: float) -> np.ndarray:
    """Host routine: a bound on C_i(c)/C_1(c), q_1 = max(q), for every c with q_1^2 - c^2 <= d < D: (k,).

    On {rho > c} the sum over j of (q_1^2 - q_j^2) u_j is below d.  So u_i < d/(q_1^2 - q_i^2), and all the u_j with
    q_j < q_1 together are below d/D, D the smallest positive q_1^2 - q_j^2 (q_j = 0 included); the rest is shared by
    the others.  1 where q_i = q_1.
    """
    top = np.max(q)
    gaps = (top - q) * (top + q)
    D = np.min(gaps[gaps > 0], initial=top**2)
    count = np.sum(gaps == 0)
    with np.errstate(divide="ignore"):
        return np.where(gaps == 0, 1.0, count * (q / top) * (d / gaps) / (1 - d / D))


@lru_cache(maxsize=16)
def _shells(q: tuple[float, ...], n: int) -> Shells:
    """Kept, because the same q is often asked about for another g or growth."""
    return Shells(np.array(q), n)


class _Curve:
    """The columns of the program, in units of g, for a spectrum q with largest entry 1."""

    def __init__(self, g: np.ndarray, q: np.ndarray, n: int, power: float) -> None:
        self.shells, self.scale, self.power = _shells(tuple(q.tolist()), n), q / g, power
        self.tops = q == 1.0
        limit = np.where(self.tops, 1 / g, 0.0)
        self.limit = limit / np.sum(limit)  # the direction of the curve's end, c -> 1

    def columns(self, c: np.ndarray) -> np.ndarray:
        """C_i(c) / g_i, (N, k)."""
        return self.shells.beyond(c, self.power) * self.scale

    def points(self, c: np.ndarray) -> np.ndarray:
        """The same with row sums 1: the cone is the same, the program is scaled."""
        columns = self.columns(c)
        return columns / np.sum(columns, axis=1, keepdims=True)

    def with_limit(self, c: np.ndarray) -> np.ndarray:
        """The points, and the end of the curve as the last row."""
        return np.vstack([self.points(c), self.limit])

    def grid(self, count: int) -> np.ndarray:
        """Radii, denser at the bottom, at every q_j, and towards the top."""
        knots = np.unique([self.shells.bottom, *self.shells.q])
        share = (1 - np.cos(np.pi * (np.arange(count) + 0.5) / count)) / 2
        inner = knots[:-1, None] + np.diff(knots)[:, None] * share
        near_top = 1 - self.shells.D / 2 * np.geomspace(1e-7, 1e-2, count)
        return np.unique([self.shells.bottom, *inner.ravel(), *near_top])


class _Program(NamedTuple):
    """residual, the weights of the points (the limit's last), and the dual z, sum |z| = 1, residual = sum z."""

    residual: float
    weights: np.ndarray
    dual: np.ndarray


def _generate(curve: _Curve, slack: float) -> tuple[np.ndarray, _Program]:
    """Solve the program; add the radii where its dual is infeasible; until there are none."""
    c, test = curve.grid(12), curve.grid(200)
    tested = curve.points(test)
    for _ in range(40):
        found = _solve(curve.with_limit(c))
        new = [] if found.residual <= ZERO else _peaks(curve, found.dual, test, tested @ found.dual)
        new = [x for x in new if x not in c]
        if not new:
            return _merge(curve, c, found, slack) or (c, _gentlest(curve, c, found, slack))
        c = np.concatenate([c, new])
    raise RuntimeError(
        f"the inverse problem did not converge: residual {found.residual:.3e}, {c.size} columns"
    )


def _merge(curve: _Curve, c: np.ndarray, found: _Program, slack: float) -> tuple[np.ndarray, _Program] | None:
    """Radii that stand for one between them, replaced by it, if there are any and it costs at most `slack`."""
    used = np.flatnonzero(found.weights[:-1])
    used = used[np.argsort(c[used])]
    clusters = np.split(used, np.flatnonzero(np.diff(c[used]) > 1e-3) + 1)
    if len(clusters) == used.size or found.residual <= ZERO:
        return None
    merged = np.array([np.average(c[j], weights=found.weights[j]) for j in clusters])
    again = _solve(curve.with_limit(merged))
    return (merged, again._replace(dual=found.dual)) if again.residual <= found.residual + slack else None


def _gentlest(curve: _Curve, c: np.ndarray, found: _Program, slack: float) -> _Program:
    """Of all fits as good, the one with the least final slope (or weight).

    The limit is the last resort of an exact fit; of another it counts as a step a little below the top.
    """
    points = curve.with_limit(c)
    cost = 1 / np.sum(curve.columns(c), axis=1)
    if found.residual <= ZERO:
        last = 10 * np.max(cost)
        constraints = {"A_eq": points.T, "b_eq": np.ones(points.shape[1])}
    else:
        last = 1 / np.sum(curve.columns(np.array([1 - curve.shells.D / 200])))
        bounds = np.repeat([found.residual - 1, found.residual + 1], points.shape[1])
        constraints = {"A_ub": np.vstack([-points.T, points.T]), "b_ub": bounds}
    answer = _highs(np.append(cost, last), **constraints)
    weights = found.weights if answer is None else np.maximum(answer.x, 0.0)
    # What HiGHS leaves of no use; of an exact fit every step is needed.
    weights[weights <= (0.0 if found.residual <= ZERO else slack)] = 0.0
    weights[-1] = weights[-1] if weights[-1] > ZERO else 0.0
    return found._replace(residual=_residual(points, weights), weights=weights)


def _solve(points: np.ndarray) -> _Program:
    """min t  subject to  |1 - sum_j weights_j points_j| <= t in every entry, weights >= 0."""
    count, k = points.shape
    ones = np.ones((k, 1))
    answer = _highs(
        np.append(np.zeros(count), 1.0),
        A_ub=np.block([[-points.T, -ones], [points.T, -ones]]),
        b_ub=np.concatenate([-np.ones(k), np.ones(k)]),
    )
    if answer is None:
        raise RuntimeError(f"HiGHS did not solve the inverse problem with {count} columns")
    weights = np.maximum(answer.x[:-1], 0.0)
    prices = -answer.ineqlin.marginals
    return _Program(_residual(points, weights), weights, prices[:k] - prices[k:])


def _residual(points: np.ndarray, weights: np.ndarray) -> float:
    return float(np.max(np.abs(1 - weights @ points)))


def _highs(cost: np.ndarray, **constraints: np.ndarray) -> Any:
    from scipy.optimize import linprog

    accuracy = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    answer = linprog(cost, **constraints, bounds=(0, None), method="highs", options=accuracy)
    return answer if answer.status == 0 else None


def _peaks(curve: _Curve, z: np.ndarray, c: np.ndarray, value: np.ndarray) -> list[float]:
    """Where z, as a function of the radius, has local maxima above rounding; `value` are its values at radii c."""
    found = []
    for i in range(1, c.size - 1):
        if value[i] < max(value[i - 1], value[i + 1], -1e-3):
            continue
        lo, hi = c[i - 1], c[i + 1]
        for _ in range(4):
            fine = np.linspace(lo, hi, 41)
            at = curve.points(fine) @ z
            best = int(np.clip(np.argmax(at), 1, 39))
            lo, hi = fine[best - 1], fine[best + 1]
        if np.max(at) > ZERO / 3:
            found.append(float(fine[best]))
    return found


def _certify(curve: _Curve, c: np.ndarray, dual: np.ndarray, margin: float) -> np.ndarray:
    """A dual z, sum |z| = 1, that is feasible for every radius; its sum is that of `dual` less about `margin`."""
    z = dual - margin / dual.size
    z = z / np.sum(np.abs(z))
    # Entries with equal q have equal columns (in units of q): only their sum counts.
    shells = curve.shells
    _, one, group = np.unique(shells.q, return_index=True, return_inverse=True)
    price = np.bincount(group, z * curve.scale)
    up, down = np.maximum(price, 0.0), np.minimum(price, 0.0)

    def at(radii: np.ndarray) -> np.ndarray:
        return shells.beyond(radii, curve.power)[:, one]

    # Under the top: the sum in units of C_1, with the bounds of cap_ratio for the positive prices.
    d = shells.D / 2
    while float(up[:-1] @ (cap_ratio(shells.q, d) / shells.q)[one][:-1]) > -price[-1]:
        d /= 2
        if d < 1e-14 * shells.D:
            raise RuntimeError("the dual is not feasible at the end of the curve")
    cap = np.sqrt(1 - np.geomspace(shells.D / 2, d, 2 + int(math.log2(shells.D / d))))
    ends = np.unique(np.concatenate([[shells.bottom], c[c < cap[-1]], cap]))
    values = at(ends)
    left, right, at_left, at_right = ends[:-1], ends[1:], values[:-1], values[1:]
    spent = ends.size
    while left.size:
        doubtful = at_left @ up + at_right @ down > 0
        left, right, at_left, at_right = (
            left[doubtful],
            right[doubtful],
            at_left[doubtful],
            at_right[doubtful],
        )
        middle = (left + right) / 2
        values = at(middle)
        spent += middle.size
        if np.any(values @ price > 0) or spent > LARGEST:
            raise RuntimeError(
                f"the dual is not proved feasible with {spent} columns and margin {margin:.1e}"
            )
        left, right = np.concatenate([left, middle]), np.concatenate([middle, right])
        at_left, at_right = np.vstack([at_left, values]), np.vstack([values, at_right])
    return z


def _checked(
    g: np.ndarray, q: np.ndarray, growth: str, n: int | None, tolerance: float
) -> tuple[np.ndarray, np.ndarray, int, np.ndarray]:
    require_host(g=g, q=q)
    g, q = np.asarray(g, dtype=np.float64), np.asarray(q, dtype=np.float64)
    if g.ndim != 1 or g.size == 0:
        raise ValueError(f"g must be an array of shape (k,), k >= 1, got shape {g.shape}")
    if q.shape != g.shape:
        raise ValueError(f"q must be an array of the shape {g.shape} of g, got shape {q.shape}")
    check_nonnegative(g=g, q=q)
    on = g > 0
    if not np.array_equal(on, q > 0):
        raise ValueError(
            "q must be positive exactly where g is (an optimal update moves every direction in which the gradient "
            f"is not zero, and needs no other): got g = {g}, q = {q}"
        )
    if not np.any(on):
        raise ValueError("g must not be zero: every curvature function leaves a zero gradient alone")
    if growth not in GROWTH:
        raise ValueError(f"growth must be one of {', '.join(GROWTH)}, got {growth!r}")
    n = g.size if n is None else n
    if n != int(n) or n < g.size:
        raise ValueError(f"n must be an integer >= the length {g.size} of g, got {n!r}")
    if not 1e-9 <= tolerance < 1:
        raise ValueError(f"tolerance must lie between 1e-9 and 1, got {tolerance!r}")
    return g[on], q[on], int(n), on
