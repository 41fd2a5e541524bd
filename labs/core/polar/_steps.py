"""Steps of the polar iterations on batches (b, m, n), m >= n, and the look at the answer.

Every step is X <- X f(X^T X) with f > 0: the singular vectors stay, every singular value stays positive, and where
all have come to 1 the factor is there.  Rounding keeps to that as long as no step brings a large singular value
close to 0 (Nakatsukasa and Higham 2012, "Backward stability of iterations for computing the polar decomposition").
Whether it did is seen from the answer.
"""

from __future__ import annotations

import math
from typing import Any

from labs.core.arrays import Array, Namespace, device
from labs.core.polar._ladder import DOUBLE, SINGLE, Ladder, Quintic
from labs.core.polar._scratch import Scratch

# From this size on NumPy's product of an array with its own transpose (half the work) is the faster one.
SYMMETRIC = 192
# A factor is accepted if |Q^T A - A^T Q|_F is below this many n eps |A|_F.
ASYMMETRY = 20.0
# From this size on that norm is estimated with so many vectors.
PROBED = 64
PROBES = 4


def climb(X: Array, most: int, scratch: Scratch, count: Array | None = None) -> Array:
    """The last `most` steps of the ladder for X, which is used up; an item with a lower `count` (b,) waits first."""
    xp = scratch.xp
    least = most if count is None else int(xp.min(count))
    for left, step in zip(range(most, 0, -1), ladder(X, xp).steps(most), strict=True):
        Z = quintic(X, step, scratch)
        scratch.give(X)
        X = Z if count is None or left <= least else xp.where((count >= left)[:, None, None], Z, X)
    return X


def climb_from(
    X: Array, G: Array, S: Array, top: Array, most: int, scratch: Scratch, count: Array | None = None
) -> Array:
    """`climb` for X / top (b,), from G = X^T X and S = G^2, which are used up and save half of the first step."""
    xp, top = scratch.xp, top[:, None, None]
    a, b, c = ladder(X, xp).steps(most)[0]
    if count is not None:
        waits = xp.expand_dims(count < most, axis=(1, 2))
        a, b, c = xp.where(waits, 1.0, a), xp.where(waits, 0.0, b), xp.where(waits, 0.0, c)
        count = xp.where(count < most, count, most - 1.0)
    G *= b / top**3
    S *= c / top**5
    S += G
    S = plus_identity(S, a / top, scratch)
    Z = scratch.matmul(X, S)
    scratch.give(G, S)
    return climb(Z, most - 1, scratch, count)


def quintic(X: Array, step: Quintic, scratch: Scratch) -> Array:
    """X (a + b G + c G^2), G = X^T X, as X ((r G + s)^2 + t): r = sqrt(c), s = b/2r, t = a - s^2."""
    a, b, c = step
    r = math.sqrt(c)
    s = b / (2.0 * r)
    Y = gram(X, r, scratch)
    Y = plus_identity(Y, s, scratch)
    Z = plus_identity(square(Y, scratch), a - s * s, scratch)
    Q = scratch.matmul(X, Z)
    scratch.give(Y, Z)
    return Q


def last_step(X: Array, scratch: Scratch) -> tuple[Array, Array]:
    """(Q = X + X R/2, whether |I - Q^T Q|_F <= n eps), R = I - X^T X.

    Singular values x of X give q = x (3 - x^2)/2, and |1 - q^2| <= 3/4 r^2 + O(r^3), r = 1 - x^2.
    """
    R = plus_identity(gram(X, -1.0, scratch), 1.0, scratch)
    near = squares(R, scratch.xp) <= X.shape[-1] * eps(X, scratch.xp)
    Q = scratch.matmul(X, R)
    Q *= 0.5
    Q += X
    scratch.give(R)
    return Q, near


def symmetric(Q: Array, A: Array, scratch: Scratch) -> Array:
    """Whether D = Q^T A - A^T Q is 0 to rounding: orthogonality alone proves nothing.

    For large matrices by the mean of |D w|^2 over PROBES vectors of fixed cosines, nearly |D|_F^2 / 2.
    """
    n = A.shape[-1]
    if n < PROBED:
        D = scratch.matmul(Q.mT, A)
        H = scratch.multiply(D.mT, -1.0)
        D += H
        scratch.give(H)
        error = squares(D, scratch.xp)
        scratch.give(D)
    else:
        W = _probes(A, scratch.xp)
        error = squares(Q.mT @ (A @ W) - A.mT @ (Q @ W), scratch.xp) * (2.0 / PROBES)
    return error <= (ASYMMETRY * n * eps(A, scratch.xp)) ** 2 * squares(A, scratch.xp)


def _probes(A: Array, xp: Namespace) -> Array:
    """cos(k^2), k = 1, 2, ..., as (n, PROBES): nearly uncorrelated, of mean square 1/2."""
    n = A.shape[-1]
    k = xp.arange(1, n * PROBES + 1, dtype=A.dtype, device=device(A))
    return xp.reshape(xp.cos(k * k), (n, PROBES))


def gram(X: Array, factor: float, scratch: Scratch) -> Array:
    """factor X^T X."""
    if X.shape[-1] >= SYMMETRIC:
        G = scratch.matmul(X.mT, X)
        if factor != 1.0:
            G *= factor
        return G
    Z = scratch.multiply(X, factor)  # a copy: NumPy would take the symmetric product, slow at this size
    G = scratch.matmul(X.mT, Z)
    scratch.give(Z)
    return G


def square(S: Array, scratch: Scratch) -> Array:
    """S^2 of symmetric S."""
    return scratch.matmul(S.mT if S.shape[-1] >= SYMMETRIC else S, S)


def squares(X: Array, xp: Namespace) -> Array:
    """|X|_F^2 of each X (b, m, n): (b,)."""
    flat = xp.reshape(X, (X.shape[0], -1))
    return xp.vecdot(flat, flat)


def plus_identity(S: Array, factor: Any, scratch: Scratch) -> Array:
    """S + factor I for S (b, n, n), which is used up; factor is a number or (b, 1, 1)."""
    n = S.shape[-1]
    if scratch.on_host:  # the diagonal alone, in place
        flat = S.reshape(S.shape[0], n * n)
        flat[:, :: n + 1] += factor if isinstance(factor, float) else factor[:, :, 0]
        return S
    return S + factor * scratch.identity(S)


def eps(X: Array, xp: Namespace) -> float:
    return 2.0**-23 if X.dtype == xp.float32 else 2.0**-52


def resolution(X: Array, xp: Namespace) -> float:
    """Singular values below this times the largest are left to the SVD: rounding may have made them."""
    return 10.0 * X.shape[-1] * eps(X, xp)


def ladder(X: Array, xp: Namespace) -> Ladder:
    return SINGLE if X.dtype == xp.float32 else DOUBLE
