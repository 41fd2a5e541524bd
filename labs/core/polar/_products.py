"""Polar factors of matrices of full rank by products alone."""

from __future__ import annotations

import math

from labs.core.arrays import Array
from labs.core.polar import _steps
from labs.core.polar._scratch import Scratch

# Lifts between two looks at the stop flag: enough for condition numbers up to about 1e5.
ROUND = 8
# What `finish` and the last step do to a small singular value in passing: 13.2 * 1.5, as much as 2.3 lifts do.
FINISH = 2


def products(A: Array, rtol: float, scratch: Scratch) -> tuple[Array, Array]:
    """Rounds of lifts, finish and a look: (Q, accepted) of matrices (b, m, n), m >= n.

    The smallest singular value is not known.  What a round does not bring to 1 the next one lifts further, down to
    4 rtol times the largest, but not to where rounding would be lifted to 1 as well: a step moves a singular value
    0 by some n^{1/2} eps, and the lifts that follow do not tell this from a true one.  100 n^{1/2} eps leaves a
    distance.  What is then still not there is not accepted.
    """
    xp, n = scratch.xp, A.shape[-1]
    ladder = _steps.ladder(A, xp)
    finish = len(ladder.finish)
    left = max(1, ladder.lifts(max(4.0 * rtol, 100.0 * math.sqrt(n) * _steps.eps(A, xp))))
    G = _steps.gram(A, 1.0, scratch)
    S = _steps.square(G, scratch)
    top = _steps.squares(S, xp) ** 0.125  # no singular value exceeds (sum s^8)^{1/8}
    Z = _steps.climb_from(A, G, S, top, min(ROUND, left) + finish, scratch)
    X, done = _steps.last_step(Z, scratch)
    while (left := left - ROUND - FINISH) > 0 and not bool(xp.all(done)):
        Z = _steps.climb(scratch.multiply(X, 1.0), min(ROUND, left) + finish, scratch)
        Z, near = _steps.last_step(Z, scratch)
        X, done = xp.where(done[:, None, None], X, Z), done | near
    return X, done & _steps.symmetric(X, A, scratch)
