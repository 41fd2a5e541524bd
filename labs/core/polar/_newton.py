"""Polar factors of square matrices of full rank by one inverse and products."""

from __future__ import annotations

import numpy as np

from labs.core.arrays import Array
from labs.core.polar import _steps
from labs.core.polar._inverse import inverse
from labs.core.polar._scratch import Scratch


def newton(A: Array, rtol: float, scratch: Scratch) -> tuple[Array, Array]:
    """One scaled Newton step, then products: (Q, accepted) of square matrices (b, n, n)."""
    xp = scratch.xp
    X, regular = newton_step(A, inverse(A, scratch), rtol, scratch)
    if not bool(xp.any(regular)):
        return X, regular
    # All singular values are at least 1, so the largest is at most (sum s^8 - (n - 1))^{1/8}.
    G = _steps.gram(X, 1.0, scratch)
    S = _steps.square(G, scratch)
    power = _steps.squares(S, xp) - (X.shape[-1] - 1.0)
    top = xp.where(power > 1.0, power, 1.0) ** 0.125
    count = _steps.ladder(X, xp).count(1.0 / top, xp)
    Z = _steps.climb_from(X, G, S, top, int(xp.max(count)), scratch, count)
    Q, near = _steps.last_step(Z, scratch)
    scratch.give(X, Z)
    return Q, regular & near & _steps.symmetric(Q, A, scratch)


def newton_step(A: Array, Y: Array, rtol: float, scratch: Scratch) -> tuple[Array, Array]:
    """Newton's step from A (b, n, n) and Y = A^{-1}, which is used up: (X, whether A is certain to be regular).

        X = (z A + A^{-T}/z)/2,   z = (|A^{-1}|_F / |A|_F)^{1/2},

    makes the largest and the smallest singular value s of z A reciprocal (nearly), and (s + 1/s)/2 is at least 1 for
    every s: a condition number K becomes K^{1/2}/2.  Not certain is what may have a singular value below rtol times
    the largest, |A|_F |A^{-1}|_F >= 1/rtol; the identity takes its place.
    """
    xp, n = scratch.xp, A.shape[-1]
    with np.errstate(over="ignore"):  # an infinite size is no regular one
        size, inverse_size = _steps.squares(A, xp), _steps.squares(Y, xp)
        regular = size * inverse_size * max(rtol, _steps.resolution(A, xp)) ** 2 < 1.0
    if not bool(xp.all(regular)):
        A, Y = (xp.where(regular[:, None, None], x, scratch.identity(A)) for x in (A, Y))
        size, inverse_size = (xp.where(regular, x, float(n)) for x in (size, inverse_size))
    z = ((inverse_size / size) ** 0.25)[:, None, None]
    X = scratch.multiply(A, 0.5 * z)
    Y *= 0.5 / z
    X += Y.mT
    scratch.give(Y)
    return X, regular
