"""Which way the self-polar flow goes where W is rank-deficient: the subgradient of least projected norm.

There the subgradients of the nuclear norm are P(W) + N with N = U0 X V0^T, |X|_op <= 1, U0 and V0 bases of the null
spaces, and the flow takes the one whose projection is shortest:

    dW/dt = -eta P_perp (P(W) + N),   N = argmin {|P_perp (P(W) + N)|_F : |N|_op <= 1}

While |N|_op < 1 the zero singular values stay zero: the flow slides.  N need not be unique, the velocity is.
"""

from __future__ import annotations

from labs.core.arrays import Array, array_namespace, check_positive
from labs.polar_flow._linear import check_count, check_matrix, perpendicular
from labs.polar_flow._selection import Selection, selected
from labs.polar_flow.operators import Operator

__all__ = ["Selection", "nuclear_norm_bound", "sliding_velocity"]


def sliding_velocity(
    operator: Operator, W: Array, *, rtol: float = 1e-10, most_steps: int = 20_000
) -> Selection:
    """Kernel: the velocity of the self-polar flow at W, of any rank: (..., m, n) -> Selection.

    W     (..., m, n); singular values up to rtol times the largest count as zeros

    First without the bound on N (conjugate gradients: N of least Frobenius norm); where the bound is missed, by
    accelerated projected gradients of step 1, restarted where they turn back.  With G the part of P_perp (P + N)
    between the null spaces,

        |velocity - exact velocity|_F^2 <= <G, N> + |G|_*    for every N in the unit ball

    (P_perp (P + N) changes monotonically with N, and the right side is the largest <G, N - M>, |M|_op <= 1).
    Cost: one singular value decomposition, and where W is rank-deficient two products with U and V an iteration;
    one more decomposition an iteration where the bound binds.  Raises ValueError for bad W, rtol or most_steps,
    RuntimeError where the bound on the error does not fall below 1e-6 sqrt(rank + 1).  Source: derived here.
    """
    check_matrix(operator, W=W)
    check_positive(rtol=rtol)
    check_count(1, most_steps=most_steps)
    xp = array_namespace(W)
    u, s, vt = xp.linalg.svd(W, full_matrices=False)
    kept = (s > rtol * s[..., :1]) & (s > 0.0)
    return selected(operator, u, vt, kept, most_steps)


def nuclear_norm_bound(operator: Operator, W: Array, *, rtol: float = 1e-6) -> Array:
    """Kernel: a lower bound on the nuclear norm of every V with A(V) = A(W): (..., m, n) -> (...).

        N(V) >= <Y, V> = <Y, W>   for Y in range(A*), |Y|_op <= 1

    Y = P_par (P(W) + N), divided by its norm where that exceeds 1: at rest P_perp (P(W) + N) = 0, and the bound is
    N(W) itself.  So the state at which a flow ends brings the certificate that it is a minimum.
    W, rtol  as for `sliding_velocity`.  Cost: that and two decompositions.  Raises as that does.
    Source: derived here.
    """
    choice = sliding_velocity(operator, W, rtol=rtol)
    xp = array_namespace(W)
    u, s, vt = xp.linalg.svd(W, full_matrices=False)
    kept = xp.astype((s > rtol * s[..., :1]) & (s > 0.0), W.dtype)
    Y = (u * kept[..., None, :]) @ vt + choice.normal
    Y = Y - perpendicular(operator, Y)
    norm = xp.linalg.svdvals(Y)[..., 0]
    return xp.sum(Y * W, axis=(-2, -1)) / xp.maximum(norm, xp.ones_like(norm))
