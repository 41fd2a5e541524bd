"""The least threshold ratio that an iteration can have: spectra that come near it, multipliers that bound it.

tau = r sum x phi/(sum x sum phi^2) with x = s/F, phi = p_K(... p_1(x)) (SF-T5); the least over spectra of all ranks.
Let lambda = sum x/r be the mean.  Then tau >= t exactly if sum (x phi - t lambda phi^2) >= 0, and for all e and zeta

    sum (x phi - t lambda phi^2) = sum k(x) + zeta,    k(x) = x phi - e x - zeta x^2 + lambda (e - t phi^2),

as sum (x - lambda) = 0 and sum x^2 = 1.  One x at most, the largest, y, exceeds 1/sqrt 2; the others are at most
sqrt(1 - y^2).  So tau >= t for the means and largest values for which multipliers e, zeta >= 0 are found with

    k >= 0 on [0, sqrt(1 - y^2)]    and    k(y) + zeta >= 0.

Floating point finds them; that they do what they should is proved elsewhere, in balls.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from labs.core.polar.schedules import as_schedule, iterate
from labs.spectral_flattening.one_step import inexact_ratio

# Nodes of the search, denser where an iteration of steep maps oscillates.
NODES, TOP_NODES = 1500, 500
SLACK = 1e-6  # by which k(y) + zeta is positive at the nodes: it may be less between them
LIFT = 4e-5  # of e above the least, and below the largest, that the nodes allow
WEIGHTS = np.concatenate([[0.0], np.geomspace(3e-3, 100.0, 40)])
MOST_PIECES = 12  # of the range of the largest value, before the interval of means is halved
NARROWEST = 1.0005  # ratio of the ends of an interval of means at which the search gives up


@dataclass(frozen=True)
class Multipliers:
    """e and zeta for all means in `means` and all largest values in `tops`."""

    means: tuple[float, float]
    tops: tuple[float, float]
    e: float
    zeta: float


def worst_two_levels(schedule: Any, most: int = 64) -> tuple[float, float, float, int]:
    """Host routine: (tau, y, x, n), the least ratio over spectra (y, x, ..., x) with n <= most equal faint values.

    y^2 + n x^2 = 1.  A grid of x for every n, then Brent's method for the best n: an upper bound of the least ratio
    of all spectra.  Raises ValueError for what is no schedule, and unless most is an integer >= 1.
    """
    from scipy.optimize import minimize_scalar

    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        raise ValueError(f"most must be an integer >= 1, got {most!r}")
    triples = as_schedule(schedule)

    def ratio(x: Any, n: Any) -> Any:
        y = np.sqrt(1.0 - n * x * x)
        top, faint = iterate(triples, y), iterate(triples, x)
        return inexact_ratio(n + 1, y + n * x, y * top + n * x * faint, top * top + n * faint * faint)

    counts = np.arange(1.0, most + 1.0)[:, None]
    # The faint values carry at most half of the squares: the others are no longer faint.
    grid = np.geomspace(1e-5, 1.0, NODES) * np.sqrt(0.5 / counts)
    values = ratio(grid, counts)
    row, low = np.unravel_index(np.argmin(values), values.shape)
    n, at = int(row) + 1, int(np.clip(low, 1, NODES - 2))
    ends = (float(grid[row, at - 1]), float(grid[row, at + 1]))
    options = {"xatol": 1e-12 * ends[0]}
    x = float(minimize_scalar(lambda x: float(ratio(x, n)), bounds=ends, method="bounded", options=options).x)
    return float(ratio(x, n)), math.sqrt(1.0 - n * x * x), x, n


def ratio_multipliers(schedule: Any, target: float, *, normalised: bool = True) -> list[Multipliers]:
    """Host routine: multipliers that show tau >= target for every spectrum, found in floating point.

    normalised  True: spectra over their Frobenius norm, as above.  False: any mixture of values in [0, 1], any
                weights: then zeta = 0, and k >= 0 on [0, 1].

    The intervals of means share their ends and cover [1/(target a), 1/sqrt 2] ([..., 1] for mixtures), a the slope of
    the iteration at 0: below phi <= a x is enough, above only one singular value is left.  The intervals of
    largest values cover [1/sqrt 2, 1]; the first of them, with zeta >= 0, serves spectra without such a value too.
    Cost: a second or so.  Raises RuntimeError where the search fails: target is above the least ratio, or too near.
    """
    triples = as_schedule(schedule)
    slope = math.prod(float(triple[0]) for triple in triples)
    edge = math.sqrt(0.5)
    x = _both_ways(0.05 / slope, edge if normalised else 1.0, NODES)
    y = np.sort(1.0 - np.append(_both_ways(1e-8, 1.0 - edge * (1 - 1e-9), TOP_NODES), 0.0))
    nodes = _Nodes(x, iterate(triples, x), y, iterate(triples, y))
    waiting = [((1 - 1e-9) / (target * slope), (edge if normalised else 1.0) * (1 + 1e-9))]
    found: list[Multipliers] = []
    while waiting:
        means = waiting.pop()
        pieces = _cover(nodes, target, means) if normalised else _slope_alone(nodes, target, means)
        if pieces is not None:
            found += pieces
            continue
        low, high = means
        if high < NARROWEST * low:
            raise RuntimeError(
                f"no multipliers for target {target} and means near {low:.6g}: there may be none"
            )
        middle = math.sqrt(low * high)
        waiting += [(middle, high), (low, middle)]
    return found


@dataclass(frozen=True)
class _Nodes:
    """Increasing values x with phi(x), and largest values y, from 1/sqrt 2 to 1, with phi(y)."""

    x: np.ndarray
    phi: np.ndarray
    y: np.ndarray
    top: np.ndarray


def _both_ways(low: float, high: float, count: int) -> np.ndarray:
    """Nodes that are dense near 0 and dense everywhere else, in increasing order; the ends are exact."""
    inner = np.unique(np.concatenate([np.geomspace(low, high, count), np.linspace(low, high, count)])[1:-1])
    return np.concatenate([[low], inner[(inner > low) & (inner < high)], [high]])


def _slopes(nodes: _Nodes, target: float, means: tuple[float, float], zeta: np.ndarray) -> tuple[Any, Any]:
    """Least and largest e with k >= 0 on [0, x], for each zeta and each node x, at both ends of the means."""
    least = np.zeros((zeta.size, nodes.x.size))
    largest = np.full_like(least, np.inf)
    for mean in means:
        fixed = nodes.x * nodes.phi - target * mean * nodes.phi**2 - zeta[:, None] * nodes.x**2
        below, above = nodes.x < mean, nodes.x > mean
        least[:, below] = np.maximum(least[:, below], -fixed[:, below] / (mean - nodes.x[below]))
        largest[:, above] = np.minimum(largest[:, above], fixed[:, above] / (nodes.x[above] - mean))
    return np.maximum.accumulate(least, axis=1), np.minimum.accumulate(largest, axis=1)


def _slope_alone(nodes: _Nodes, target: float, means: tuple[float, float]) -> list[Multipliers] | None:
    """One e for all mixtures with these means, in the middle of what is possible; None if nothing is."""
    least, largest = (ends[0, -1] for ends in _slopes(nodes, target, means, np.zeros(1)))
    if least + 2 * LIFT > largest:
        return None
    return [Multipliers(means, (0.0, 1.0), float(least + min((largest - least) / 2, 1e-3)), 0.0)]


def _cover(nodes: _Nodes, target: float, means: tuple[float, float]) -> list[Multipliers] | None:
    """Multipliers for all largest values, as few as a greedy walk from 1/sqrt 2 to 1 finds; None if it is stuck."""
    least, largest = _slopes(nodes, target, means, WEIGHTS)
    y, top = nodes.y, nodes.top
    last = np.searchsorted(nodes.x, np.sqrt(np.maximum(1.0 - y * y, 0.0))).clip(0, nodes.x.size - 1)
    least, largest = least[:, last], largest[:, last]

    def left(e: np.ndarray) -> np.ndarray:
        """k(y) + zeta, the smaller one of both means."""
        without = y * top - e * y + WEIGHTS[:, None] * (1.0 - y * y)
        return np.minimum(*(without + mean * (e - target * top * top) for mean in means))

    found: list[Multipliers] = []
    start, margin = 0, left(least)
    possible = least + 2 * LIFT < largest
    if not np.all(np.any((margin > 0) & possible, axis=0)):
        return None
    while start < y.size - 1:
        if len(found) == MOST_PIECES:
            return None
        low, high = least[:, start], largest[:, start]
        e = np.minimum(low + np.maximum(margin[:, start] / 2, LIFT), (low + high) / 2)
        fits = (left(e[:, None])[:, start:] > SLACK) & possible[:, start][:, None]
        runs = np.where(np.all(fits, axis=1), y.size - start, np.argmin(fits, axis=1))
        best = int(np.argmax(runs))
        end = start + int(runs[best]) - 1  # the last node that fits, where the next piece begins
        if end <= start:
            return None
        found.append(
            Multipliers(means, (float(y[start]), float(y[end])), float(e[best]), float(WEIGHTS[best]))
        )
        start = end
    return found
