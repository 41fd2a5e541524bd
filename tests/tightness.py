"""How sharp is an inequality?  A local search for the instance on which its check has the largest ratio.

Every instance of the search goes through the check, so its evidence is recorded, and an instance that
violates the claim fails the test at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from theory.evidence import Evidence


def worst_case(
    check: Callable[..., Evidence],
    instance: Callable[[np.ndarray], tuple[Any, ...]],
    *,
    dimension: int,
    lower: float,
    upper: float,
    stream: np.random.Generator,
    starts: int = 8,
    steps: int = 100,
) -> float:
    """The largest `ratio` that the check reports, over log-uniform starts and a local search from each.

    check         returns evidence of an inequality, with its ratio (1: sharp)
    instance      makes the arguments of the check from `dimension` positive parameters
    lower, upper  bounds of every parameter
    stream        where the starts come from
    starts        how many local searches are run
    steps         evaluations of the check per search

    The search (Nelder and Mead, in the logarithms of the parameters) needs no derivatives and does not mind
    the corners of a maximum.  Raises ValueError if the check reports no ratio.
    """
    from scipy.optimize import minimize

    if not (0 < lower < upper and dimension >= 1 and starts >= 1 and steps >= 1):
        raise ValueError(f"worst_case needs 0 < lower < upper and counts of at least 1, got {lower}, {upper}")
    low, high = np.log(lower), np.log(upper)
    best = -np.inf

    def objective(logarithms: np.ndarray) -> float:
        nonlocal best
        ratio = check(*instance(np.exp(logarithms))).ratio
        if ratio is None:
            raise ValueError("the check reports no ratio: only an inequality has a worst instance")
        best = max(best, ratio)
        return -ratio

    for start in stream.uniform(low, high, (starts, dimension)):
        minimize(
            objective,
            start,
            method="Nelder-Mead",
            bounds=[(low, high)] * dimension,
            options={"maxfev": steps, "xatol": 1e-9, "fatol": 1e-12},
        )
    return float(best)
